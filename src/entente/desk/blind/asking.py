"""Asking the other side: an exact question of ours, from the officer's word to its finding, and beyond.

    wanted    an officer asked for it (or a question of theirs is to be asked in return)
    sending   seed, cells and request are durable here; request and message are on their way
    waiting   the question is in the record; no answer yet
    done      answered and judged, or it could not be asked: `blind_runs` has the verdict

Invariants:
  * A seed is drawn for one question, and is durable before anything made of it leaves; a question that the
    center refused is asked again with another seed.
  * The finding is durable before the other side is told how it ended, and is never made twice.
  * What the other side adds later is looked up at once in the outputs that we hold: no question, no charge.

It answers nothing: see `answering`.

    >>> asking.begin(run)
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Final

import msgspec

from entente.blind.asking import Ask, AskRow, charge_usage, get_usage
from entente.blind.commitment import commit_seed, make_root
from entente.blind.exact import (
    Asking,
    Finding,
    Question,
    finish,
    make_invalid,
    match_added,
    name_run,
    question,
)
from entente.blind.group import Rows
from entente.blind.holding import Parcel, VersionRow, find_holding
from entente.blind.lift import asked_tokens
from entente.blind.outcome import TellOutcome
from entente.blind.rules import RulesRow
from entente.blind.sizes import CANARIES, RunType, find_bucket
from entente.desk import evidence
from entente.desk.blind.locating import encode_conflicts, locate, parse_conflicts
from entente.desk.blind.partner import PartnerTags, TagList
from entente.desk.blind.parts import (
    SECRET_BYTES,
    BlindParts,
    encode_numbers,
    encode_rows,
    parse_items,
    parse_numbers,
    parse_rows,
    read_grid,
)
from entente.desk.blind.plan import BlindPlan, ItemRows, OwnVersion, OwnVersions, cover_items
from entente.desk.blind.post import BlindPost
from entente.desk.blind.requests import PlanItem
from entente.desk.compose import Draft
from entente.desk.gate import DESK, OFFICER
from entente.kernel.errors import Denied, EntenteError, StoreError, TransportError
from entente.kernel.kinds import Decision
from entente.kernel.message import encode_body
from entente.kernel.rows import get_row
from entente.kernel.time import encode_utc

ADDED_LATER: Final = "blind-added"
_NO_PARCEL: Final = Parcel("0" * 64, 1, "0" * 64)
_MOST_WORDS: Final = 400
_MOST_HELD: Final = 2


class NotYet(Exception):
    """Something that a question needs is not here yet; later."""


@dataclass(frozen=True, slots=True)
class _Sides:
    """What a question is about: our version, theirs, and their list in it."""

    own: OwnVersion
    others: VersionRow
    tags: TagList = field(repr=False)


class BlindAsking:
    """Exact questions of one desk. One thread."""

    def __init__(
        self,
        parts: BlindParts,
        post: BlindPost,
        plan: BlindPlan,
        versions: OwnVersions,
        partner_tags: PartnerTags,
    ) -> None:
        self._parts = parts
        self._post = post
        self._plan = plan
        self._versions = versions
        self._tags = partner_tags
        self._held: dict[bytes, Question] = {}

    # Out

    def begin(self, run: sqlite3.Row, rules: RulesRow) -> None:
        """Make the request of a run and keep it with its message.

        Raises:
            NotYet: The other side's list is not here yet, or a question before this one is under way.
            Denied, Malformed: It cannot be asked: the run ends so.
        """
        parts, epoch = self._parts, run["epoch"]
        partner = rules.rules.get_other(parts.party)
        sides = self._find_sides(run, rules, partner)
        usage = get_usage(parts.rows, rules.id, epoch, parts.party)
        asked = usage.whole_runs + usage.delta_runs
        self._await_turn(run, asked)
        kind: RunType = "whole" if run["kind"] == "whole" else "delta"
        cells = sides.own.cells if kind == "whole" else self._cover(run, rules)
        tokens = asked_tokens(cells, read_grid(rules.rules))
        bucket = find_bucket(len(tokens))
        charged = charge_usage(usage, rules.rules.allowance, kind, bucket)
        if isinstance(charged, Decision):
            raise Denied(charged.code, "; ".join(charged.reasons))
        seed = parts.random.draw(SECRET_BYTES)
        root = make_root(cells, self._versions.get_salt(rules.id, epoch)).hex()
        draft = Ask(
            rules.id,
            epoch,
            asked + 1,
            kind,
            bucket,
            sides.own.leaf,
            sides.others.leaf,
            root,
            commit_seed(seed).hex(),
            run["swaps"],
            _NO_PARCEL,
        )
        made = self._question(rules, draft, tokens, seed)
        packed = self._post.seal(made.request, partner, "request", rules.id, epoch)
        body = msgspec.structs.replace(draft, request=packed.parcel)
        purpose = OFFICER if run["is_ours"] else DESK
        with parts.book.transaction() as db:
            post = self._post.write(
                "blind.ask", body, officers=(run["officer"],), purpose=purpose, parcels=[packed]
            )
            db.execute(
                "UPDATE blind_runs SET state = 'sending', post = ?, cells = ?, bucket = ?, seed = ?,"
                " others_number = ?, seen_number = ? WHERE id = ?",
                (
                    post,
                    encode_rows(cells),
                    bucket,
                    seed,
                    sides.others.number,
                    sides.others.number,
                    run["id"],
                ),
            )

    def _find_sides(self, run: sqlite3.Row, rules: RulesRow, partner: str) -> _Sides:
        """Return the newest versions; in return for a question, those that it named, turned round."""
        if run["swaps"]:
            first = get_row(self._parts.rows, AskRow, run["swaps"], what="question")
            own: OwnVersion | None = self._versions.get_by_leaf(first.ask.others)
            others = self._parts.rows.find(VersionRow, first.ask.own)
        else:
            own = self._versions.find_held(rules.id, run["epoch"])
            others = self._tags.find_newest(rules.id, run["epoch"], partner)
        if own is None:
            raise Denied("not-committed", "question: expected us to have committed in this epoch first")
        if others is None:
            raise Denied("not-committed", f"question: expected {partner!r} to have committed in this epoch")
        tags = self._tags.find_list(others)
        if tags is None:
            raise NotYet
        if tags.code:
            raise Denied(tags.code, f"what {partner!r} holds is not in order: {tags.words}")
        return _Sides(own, others, tags)

    def _await_turn(self, run: sqlite3.Row, asked: int) -> None:
        """Return if no question of ours in this epoch is under way, or taken and not followed yet."""
        rows = self._parts.book.read(
            "SELECT blind_posts.state AS state FROM blind_runs JOIN blind_posts ON blind_posts.id = post"
            " WHERE rules = ? AND epoch = ? AND blind_runs.kind IN ('whole', 'delta')",
            (run["rules"], run["epoch"]),
        )
        states = [row["state"] for row in rows]
        # More in the record than in the book: the book is of an older backup, and the record's number counts.
        if {"depositing", "sending"} & set(states) or states.count("recorded") > asked:
            raise NotYet

    def _cover(self, run: sqlite3.Row, rules: RulesRow) -> Rows:
        self._parts.report(f"check under {rules.id}: cover")(0, 0)
        return cover_items(rules, self._parts.party, parse_items(run["items"]))

    def _question(self, rules: RulesRow, ask: Ask, tokens: Rows, seed: bytes) -> Question:
        parts = self._parts
        domain = parts.get_domain(rules.rules, ask.epoch)
        others = find_holding(parts.rows, rules.id, ask.epoch, rules.rules.get_other(parts.party))
        if others is None:
            raise Denied("not-committed", "question: expected the other side to have committed")
        asking = Asking(domain, bytes.fromhex(others.public_key), ask.run, name_run(parts.party, ask, domain))
        progress = parts.report(f"question {ask.number} under {rules.id}")
        made = question(parts.group, asking, tokens, seed, progress, said=ask.bucket)
        # Making it again costs as much as making it: the newest ones are held until their answers are there.
        # A seed is of one question; after a restart it is made again from the book.
        self._held = dict([*self._held.items(), (seed, made)][-_MOST_HELD:])
        return made

    def _name(self, rules: RulesRow, ask: Ask) -> bytes:
        return name_run(self._parts.party, ask, self._parts.get_domain(rules.rules, ask.epoch))

    # In

    def finish(self, run: sqlite3.Row, rules: RulesRow) -> bool:
        """Judge the answer to a question of ours when it is there; return whether it was.

        Raises:
            TransportError: The reply could not be fetched; later.
        """
        row = get_row(self._parts.rows, AskRow, run["leaf"], what="question")
        if row.reply is None:
            return False
        cells = parse_rows(run["cells"])
        found = self._judge(run, rules, row, asked_tokens(cells, read_grid(rules.rules)))
        items, listed = self._list_items(run, row)
        conflicts = locate(rules, self._parts.party, items, found.hits, listed=listed)
        now = encode_utc(self._parts.clock.now_utc())
        with self._parts.book.transaction() as db:
            changed = db.execute(
                "UPDATE blind_runs SET state = 'done', verdict = ?, code = ?, words = ?, outputs = ?,"
                " conflicts = ?, done_at = ? WHERE id = ? AND state = 'waiting'",
                (
                    found.verdict,
                    found.code,
                    found.words,
                    encode_numbers(found.outputs),
                    encode_conflicts(conflicts),
                    now,
                    run["id"],
                ),
            ).rowcount
            if changed and run["adopt"] and found.verdict == "CLEAR":
                self._plan.put(parse_items(run["items"]), officer=run["officer"], at=now)
                self._versions.want(rules.id, run["epoch"], officer=run["officer"])
        return True

    def _judge(self, run: sqlite3.Row, rules: RulesRow, row: AskRow, tokens: Rows) -> Finding:
        parts = self._parts
        others = get_row(parts.rows, VersionRow, row.ask.others, what="version")
        try:
            if row.reply is None:
                raise AssertionError("a question: judged before its answer")
            reply = self._post.fetch(
                row.reply, author=row.responder, purpose="reply", rules=rules.id, epoch=row.ask.epoch
            )
            tags = self._get_list(others)
            if tags.code:
                return make_invalid(tags.code, tags.words)
            asked = self._held.pop(run["seed"], None)
            if asked is None or asked.asking.name != self._name(rules, row.ask):
                asked = self._question(rules, row.ask, tokens, run["seed"])
            progress = parts.report(f"read the answer to question {row.ask.number} under {rules.id}")
            return finish(parts.group, asked, reply, tags.tags, self._count_tags(others), progress)
        except (StoreError, TransportError):
            raise
        except EntenteError as error:
            return make_invalid(error.code, error.message)

    def _get_list(self, version: VersionRow) -> TagList:
        found = self._tags.find_list(version)
        if found is None:
            raise TransportError("no-tags", "their list: expected it to be fetched before the answer")
        return found

    def _count_tags(self, version: VersionRow) -> int:
        """Return how many tags the record says that a version has."""
        every = self._parts.rows.select(VersionRow, holding=version.holding)
        changed = sum(row.added - row.withdrawn for row in every if row.number <= version.number)
        return changed + CANARIES["whole"]

    def _list_items(self, run: sqlite3.Row, row: AskRow) -> tuple[list[PlanItem], ItemRows | None]:
        if run["kind"] == "delta":
            return parse_items(run["items"]), None
        version = self._versions.get_by_leaf(row.ask.own)
        return version.items, self._versions.find_listed(version)

    def tell(self, run: sqlite3.Row, rules: RulesRow) -> None:
        """Tell the other side how our half ended, sealed, once. Nothing of where."""
        is_invalid = run["verdict"] == "INVALID"
        body = TellOutcome(
            run["leaf"],
            run["verdict"],
            run["code"] if is_invalid else "",
            _clean(run["words"]) if is_invalid else "",
        )
        partner = rules.rules.get_other(self._parts.party)
        token = f"blind-outcome-{run['leaf'][:40]}"
        try:
            self._parts.outbox.put(Draft("blind.outcome", encode_body(body), (), (partner,), DESK, token))
        except StoreError:
            raise
        except EntenteError as error:
            words = f"run {run['id']}: its outcome could not be told: {error.message}"
            self._parts.board.raise_alarm(evidence.Finding("blind-not-told", words, run["leaf"]))
        with self._parts.book.transaction() as db:
            db.execute("UPDATE blind_runs SET is_told = 1 WHERE id = ?", (run["id"],))

    def match_later(self, run: sqlite3.Row, rules: RulesRow) -> bool:
        """Look up what the other side has added since a run's version; return whether anything was new."""
        partner = rules.rules.get_other(self._parts.party)
        added = self._tags.list_added(rules.id, run["epoch"], partner, run["seen_number"])
        if not added:
            return False
        tokens = asked_tokens(parse_rows(run["cells"]), read_grid(rules.rules))
        outputs, conflicts = parse_numbers(run["outputs"]), parse_conflicts(run["conflicts"])
        # Of an addition its own items: one that is put into the plan only after this is looked up but once.
        items = parse_items(run["items"]) if run["kind"] == "delta" else self._plan.list_items()
        for number, tags in added:
            hits = match_added(tokens, outputs, tags)
            found = locate(rules, self._parts.party, items, hits, added_later=True)
            if found:
                names = ", ".join(one.item for one in found[:20])
                words = (
                    f"{partner!r} has added what meets what we checked under {rules.id!r} "
                    f"(its amendment {number}): {names}"
                )
                about = f"{rules.id}:{run['epoch']}:{number}:run-{run['id']}"
                self._parts.board.raise_alarm(evidence.Finding(ADDED_LATER, words, about))
                conflicts += found
        with self._parts.book.transaction() as db:
            db.execute(
                "UPDATE blind_runs SET seen_number = ?, conflicts = ? WHERE id = ?",
                (added[-1][0], encode_conflicts(conflicts), run["id"]),
            )
        return True


def _clean(words: str) -> str:
    """Return words that a message may hold, cut: they may quote what the other side sent."""
    return "".join(one if one.isprintable() else "?" for one in words)[:_MOST_WORDS]
