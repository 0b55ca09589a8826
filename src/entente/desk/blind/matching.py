"""Yes/no and count runs at a desk: starting one, joining one, and reading what the center tells.

Invariants:
  * Secret, mask and padding seed of a run are drawn for it, and durable before its list leaves.
  * A list is of the version that the message names: of the starter what its cells ask for, of the other party
    what its cells hold.
  * The result is what the record commits to, opened with our own mask, or INVALID.

It sees no tag of the other side, and neither does the other side of ours.

    >>> matching.finish(run)
"""

from __future__ import annotations

import base64
import sqlite3
from typing import Final

import msgspec

from entente.blind.asking import get_usage
from entente.blind.group import KEY_BYTES, Rows
from entente.blind.holding import find_holding
from entente.blind.lift import asked_tokens, held_tokens
from entente.blind.match_records import JoinMatch, MatchRow, StartMatch, name_match
from entente.blind.matching import Pairing, derive_match_key, judge_result, make_list, open_box
from entente.blind.rules import RulesRow
from entente.blind.sizes import find_bucket
from entente.desk.blind.ledger import Charge
from entente.desk.blind.parts import SECRET_BYTES, BlindParts, encode_rows, read_grid
from entente.desk.blind.plan import OwnVersion, OwnVersions
from entente.desk.blind.post import BlindPost, Packed
from entente.desk.evidence import Finding
from entente.desk.gate import DESK, OFFICER
from entente.kernel.errors import Denied, EntenteError, Malformed, StoreError, TransportError
from entente.kernel.rows import get_row
from entente.kernel.time import encode_utc

NOT_JOINED: Final = "blind-not-joined"


class BlindMatching:
    """Runs by way of the center at one desk. One thread."""

    def __init__(self, parts: BlindParts, post: BlindPost, versions: OwnVersions) -> None:
        self._parts = parts
        self._post = post
        self._versions = versions

    def start(self, run: sqlite3.Row, rules: RulesRow) -> None:
        """Make our list for a run that an officer asked for, and keep it with its message.

        Raises:
            Denied: The rules do not allow it: nothing was made.
        """
        parts, epoch = self._parts, run["epoch"]
        own = self._versions.find_held(rules.id, epoch)
        partner = rules.rules.get_other(parts.party)
        if own is None or find_holding(parts.rows, rules.id, epoch, partner) is None:
            raise Denied("not-committed", f"{run['kind']} run: expected both sides to have committed")
        number = get_usage(parts.rows, rules.id, epoch, parts.party).matches + 1
        if number > rules.rules.allowance.matches:
            raise Denied(
                "allowance-used",
                f"{run['kind']} run: expected <= {rules.rules.allowance.matches} in an epoch, got {number}",
            )
        tokens = asked_tokens(own.cells, read_grid(rules.rules))
        secret, mask, seed = (parts.random.draw(SECRET_BYTES) for _ in range(3))
        sealed = self._post.seal(secret, partner, "secret", rules.id, epoch)
        draft = StartMatch(
            rules.id,
            epoch,
            number,
            run["kind"],
            own.leaf,
            find_bucket(len(tokens)),
            sealed.parcel,  # stands in until the list is made: a run's name is of what is said before it
            sealed.parcel,
        )
        listed = self._make_list(rules, parts.party, draft, tokens, (secret, mask, seed))
        body = msgspec.structs.replace(draft, tags=listed.parcel)
        with parts.book.transaction() as db:
            post = self._post.write(
                "blind.match", body, officers=(run["officer"],), purpose=OFFICER, parcels=[listed, sealed]
            )
            db.execute(
                "UPDATE blind_runs SET state = 'sending', post = ?, cells = ?, bucket = ?, seed = ?,"
                " secret = ?, mask = ? WHERE id = ?",
                (post, encode_rows(own.cells), body.bucket, seed, secret, mask, run["id"]),
            )

    def _make_list(
        self,
        rules: RulesRow,
        starter: str,
        match: StartMatch,
        tokens: Rows,
        secrets: tuple[bytes, bytes, bytes],
    ) -> Packed:
        secret, mask, seed = secrets
        progress = self._parts.report(f"list for a {match.mode} run under {rules.id}")
        plain = make_list(
            self._parts.group,
            self._pair(rules, starter, match, secret),
            tokens,
            mask=mask,
            pad_seed=seed,
            on_progress=progress,
        )
        return self._post.give_center(plain)

    def _pair(self, rules: RulesRow, starter: str, match: StartMatch, secret: bytes) -> Pairing:
        domain = self._parts.get_domain(rules.rules, match.epoch)
        name = name_match(starter, match, domain)
        return Pairing(derive_match_key(secret, domain, name), domain, name, match.bucket)

    def join(self, match: MatchRow, rules: RulesRow, charge: Charge) -> bool:
        """Give our list for a run that the other side started, once; return whether anything was done.

        Raises:
            TransportError: The secret could not be fetched; later.
        """
        if charge.post is not None or self._find_joined(match) is not None:
            return False
        try:
            if charge.code:
                raise Denied(charge.code, charge.words)
            self._join(match, rules)
        except (StoreError, TransportError):
            raise
        except EntenteError as error:
            words = f"{match.match.mode} run of {match.starter!r} under {match.rules!r}: {error.message}"
            self._parts.board.raise_alarm(Finding(NOT_JOINED, words, match.leaf))
            self._keep_run(match, "done", code=error.code, words=error.message)
        return True

    def _find_joined(self, match: MatchRow) -> sqlite3.Row | None:
        return self._parts.book.read_one("SELECT id FROM blind_runs WHERE token = ?", (_name_token(match),))

    def _join(self, match: MatchRow, rules: RulesRow) -> None:
        parts, epoch = self._parts, match.match.epoch
        secret = self._post.fetch(
            match.match.secret, author=match.starter, purpose="secret", rules=rules.id, epoch=epoch
        )
        if len(secret) != KEY_BYTES:
            raise Malformed("bad-secret", f"match secret: expected {KEY_BYTES} bytes, got {len(secret)}")
        own = self._get_own(rules, epoch)
        tokens = held_tokens(own.cells, read_grid(rules.rules))
        mask, seed = (parts.random.draw(SECRET_BYTES) for _ in range(2))
        listed = self._make_list(rules, match.starter, match.match, tokens, (secret, mask, seed))
        body = JoinMatch(match.leaf, own.leaf, find_bucket(len(tokens)), listed.parcel)
        with parts.book.transaction():
            post = self._post.write("blind.join", body, officers=(), purpose=DESK, parcels=[listed])
            run = self._keep_run(match, "waiting", bucket=body.bucket)
            with parts.book.transaction() as db:
                db.execute(
                    "UPDATE blind_runs SET post = ?, cells = ?, seed = ?, secret = ?, mask = ? WHERE id = ?",
                    (post, encode_rows(own.cells), seed, secret, mask, run),
                )
                db.execute("UPDATE blind_charges SET post = ? WHERE leaf = ?", (post, match.leaf))

    def _get_own(self, rules: RulesRow, epoch: int) -> OwnVersion:
        own = self._versions.find_held(rules.id, epoch)
        if own is None:
            raise Denied("not-committed", "join: expected us to have committed in this epoch")
        return own

    def _keep_run(
        self, match: MatchRow, state: str, *, bucket: int = 0, code: str = "", words: str = ""
    ) -> int:
        officer = self._versions.find_officer(match.rules, match.match.epoch)
        now = encode_utc(self._parts.clock.now_utc())
        verdict = "INVALID" if code else ""
        with self._parts.book.transaction() as db:
            made = db.execute(
                "INSERT INTO blind_runs (token, rules, epoch, kind, is_ours, officer, at, state, leaf,"
                " bucket, verdict, code, words, done_at) VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    _name_token(match),
                    match.rules,
                    match.match.epoch,
                    match.match.mode,
                    officer,
                    now,
                    state,
                    match.leaf,
                    bucket,
                    verdict,
                    code,
                    words,
                    now if code else "",
                ),
            ).lastrowid
        return int(made or 0)

    def finish(self, run: sqlite3.Row, rules: RulesRow) -> bool:
        """Read the center's result of a run when it is there; return whether it was."""
        match = get_row(self._parts.rows, MatchRow, run["leaf"], what="run")
        if match.matched is None or match.join is None:
            return False
        place = 0 if match.starter == self._parts.party else 1
        try:
            result = open_box(
                base64.b64decode(match.matched.boxes[place]),
                run["mask"],
                match.leaf,
                bytes.fromhex(match.matched.commitment),
            )
            pairing = self._pair(rules, match.starter, match.match, run["secret"])
            is_counting = match.match.mode == "count"
            told = judge_result(result, pairing, match.join.bucket, is_counting=is_counting)
            verdict, code, at_least = told.verdict, told.code, told.at_least
            words = _say(verdict, code, at_least)
        except EntenteError as error:
            verdict, code, words, at_least = "INVALID", error.code, error.message, 0
        with self._parts.book.transaction() as db:
            db.execute(
                "UPDATE blind_runs SET state = 'done', verdict = ?, code = ?, words = ?, at_least = ?,"
                " done_at = ? WHERE id = ? AND state = 'waiting'",
                (verdict, code, words, at_least, encode_utc(self._parts.clock.now_utc()), run["id"]),
            )
        return True


def _name_token(match: MatchRow) -> str:
    return f"join-{match.leaf[:48]}"


def _say(verdict: str, code: str, at_least: int) -> str:
    if code == "center-lied":
        return "a list whose answer both know was answered otherwise: the center, or the other side's list"
    if verdict == "INVALID":
        return f"the center could not match the lists: {code}"
    if verdict == "CLEAR":
        return "no token meets, the center says"
    return (
        f"at least {at_least} tokens meet, the center says"
        if at_least
        else "some tokens meet, the center says"
    )
