"""Zoom at a desk: after a whole run in CONFLICT, both show the parts inside the shared cells, and judge.

    an officer offers   `blind.zoom`: our cells that met, sealed to the other side
    both have offered   the desk shows our parts by itself (`blind.reveal`): the offer bound us
    both have shown     the exact rule is asked of the parts: a true conflict, or an artefact of the grid

Invariants:
  * Offered are cells that *we* found to meet, in our own half of the run: what the other side says that met
    makes us show nothing more. So only whole runs can be zoomed into: of a delta the side that was asked has
    found nothing itself.
  * Shown are parts of the items that the officer named, inside cells of both offers; nothing else.

It does not send: the outbox does.

    >>> zooming.offer(run, officer="duty-1", items=["sortie-7"])
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Annotated, Final

import msgspec

from entente.blind.asking import AskRow
from entente.blind.group import Rows
from entente.blind.holding import VersionRow
from entente.blind.lift import asked_tokens, find_askers, find_holders
from entente.blind.rules import RulesRow
from entente.blind.tags import is_in
from entente.blind.zoom import (
    MAX_REVEALS,
    OfferZoom,
    RevealParts,
    ZoomRow,
    encode_cells,
    find_debtor,
    find_zoom,
    judge_parts,
    make_parts,
    read_cells,
)
from entente.desk.blind.partner import PartnerTags
from entente.desk.blind.parts import BlindParts, parse_numbers, parse_rows, read_grid
from entente.desk.blind.plan import OwnVersions, cover_items
from entente.desk.blind.requests import MeetingAnswer, PlanItem, ZoomAnswer
from entente.desk.compose import Draft
from entente.desk.evidence import Finding
from entente.desk.gate import OFFICER
from entente.desk.outbox import OutboxItem
from entente.kernel.errors import Denied, EntenteError, NotFound, StoreError
from entente.kernel.message import encode_body
from entente.kernel.rows import get_row
from entente.space import Volume, VolumeWire, encode_volume, parse_volume

PART_BYTES: Final = 24_000
"""Of the volumes of one message: what seals and travels with room to spare."""
MAX_VOLUMES: Final = 50
NOT_SHOWN: Final = "blind-not-shown"


class _Offer(msgspec.Struct, frozen=True):
    """What an officer offered, kept in the book: by whom, and of which items."""

    officer: str
    items: Annotated[list[str], msgspec.Meta()]


class BlindZooming:
    """Zooms of one desk. `offer` from any thread, `step` from one."""

    def __init__(self, parts: BlindParts, versions: OwnVersions, tags: PartnerTags) -> None:
        self._parts = parts
        self._versions = versions
        self._tags = tags

    def offer(self, run: sqlite3.Row, *, officer: str, items: Sequence[str]) -> OutboxItem:
        """Offer to show what met in a whole run; return the message.

        Raises:
            Denied: Our own half did not find a conflict, or the run is not a whole one.
            NotFound: An item that is not among those that met.
        """
        first, own_ask, rules = self._find_asks(run)
        if run["verdict"] != "CONFLICT":
            raise Denied(
                "no-conflict", f"zoom: expected a run of which our half found CONFLICT, run {run['id']}"
            )
        chosen = [item for item in self._list_items(own_ask) if not items or item.name in items]
        missing = sorted(set(items) - {item.name for item in chosen})
        if missing:
            raise NotFound("no-item", f"zoom: expected items of the run's plan, got {', '.join(missing)}")
        cells = self._find_cells(run, own_ask, rules, chosen)
        if not len(cells):
            raise Denied("no-conflict", "zoom: expected items of which a cell met, none did")
        body = OfferZoom(first.leaf, encode_cells(cells))
        kept = _Offer(officer, [item.name for item in chosen])
        self._parts.book.put_meta(_name_offer(first), msgspec.json.encode(kept).decode())
        partner = rules.rules.get_other(self._parts.party)
        token = f"blind-zoom-{first.leaf[:48]}"
        draft = Draft("blind.zoom", encode_body(body), (officer,), (partner,), OFFICER, token)
        return self._parts.outbox.put(draft)

    def _find_asks(self, run: sqlite3.Row) -> tuple[AskRow, AskRow, RulesRow]:
        """Return the first question of a whole run, our own, and the rules."""
        if run["kind"] != "whole" or not run["leaf"]:
            raise Denied("not-whole", f"zoom: expected a whole run that was asked, run {run['id']} is none")
        first = get_row(self._parts.rows, AskRow, run["swaps"] or run["leaf"], what="question")
        own = get_row(self._parts.rows, AskRow, run["leaf"], what="question")
        return first, own, get_row(self._parts.rows, RulesRow, run["rules"], what="rules")

    def _list_items(self, own_ask: AskRow) -> list[PlanItem]:
        return self._versions.get_by_leaf(own_ask.ask.own).items

    def _find_cells(
        self, run: sqlite3.Row, own_ask: AskRow, rules: RulesRow, items: Sequence[PlanItem]
    ) -> Rows:
        """Return the cells of items that met, as our own half found them."""
        hits = self._find_hits(run, own_ask, rules)
        return find_askers(cover_items(rules, self._parts.party, items), read_grid(rules.rules), hits)

    def _find_hits(self, run: sqlite3.Row, own_ask: AskRow, rules: RulesRow) -> Rows:
        """Return the tokens of ours that the other side held, as our own half found them."""
        grid, version = (
            read_grid(rules.rules),
            get_row(self._parts.rows, VersionRow, own_ask.ask.others, what="version"),
        )
        tags = self._tags.find_list(version)
        if tags is None:
            raise Denied("no-tags", "zoom: expected the other side's list of that run to be here")
        tokens = asked_tokens(parse_rows(run["cells"]), grid)
        return tokens[is_in(parse_numbers(run["outputs"]), tags.tags)]

    # By itself

    def step(self) -> bool:
        """Show our parts wherever both have offered; return whether anything was said."""
        moved = False
        for row in self._parts.rows.select(ZoomRow):
            if row.party != self._parts.party or row.is_shown:
                continue
            ask = self._parts.rows.find(AskRow, row.ask)
            kept = None if ask is None else self._parts.book.find_meta(_name_offer(ask))
            if ask is None or kept is None:
                continue
            theirs = find_zoom(self._parts.rows, row.ask, _get_other(ask, self._parts.party))
            done = f"blind-shown-{row.ask}"
            if theirs is None or self._parts.book.find_meta(done) is not None:
                continue
            try:
                self._show(ask, row, theirs, msgspec.json.decode(kept, type=_Offer))
            except StoreError:
                raise
            except EntenteError as error:
                words = f"zoom into question {row.ask[:12]}: our parts could not be shown: {error.message}"
                self._parts.board.raise_alarm(Finding(NOT_SHOWN, words, row.ask))
            self._parts.book.put_meta(done, "1")
            moved = True
        return moved

    def _show(self, ask: AskRow, own: ZoomRow, theirs: ZoomRow, offer: _Offer) -> None:
        rules = get_row(self._parts.rows, RulesRow, ask.rules, what="rules")
        grid, party = read_grid(rules.rules), self._parts.party
        mine = ask if ask.asker == party else self._parts.rows.find(AskRow, ask.swapped_by)
        if mine is None:
            raise Denied("not-whole", "zoom: expected a question of ours in the run")
        volumes = [
            parse_volume(wire)
            for item in self._list_items(mine)
            if item.name in offer.items
            for wire in item.volumes
        ]
        run = self._parts.book.read_one("SELECT * FROM blind_runs WHERE leaf = ?", (mine.leaf,))
        if run is None:
            raise Denied("no-run", "zoom: expected our own half of the run in the book")
        # SECURITY: what the other side names is believed as far as we found it to meet: of a cell that never
        # met, however large, nothing is shown (tests/protocol/test_desk_blind_attacks.py,
        # test_a_cell_that_never_met_is_shown_nothing_of).
        met = find_holders(read_cells(theirs.cells), grid, self._find_hits(run, mine, rules))
        parts = make_parts(
            volumes, read_cells(own.cells), met, grid, is_widened=rules.rules.is_widened(party)
        )
        chunks = list(_cut([encode_volume(part) for part in parts]))
        if len(chunks) > MAX_REVEALS:
            raise Denied(
                "too-many-parts",
                f"zoom: expected <= {MAX_REVEALS} messages, these are {len(chunks)}: zoom into fewer items",
            )
        partner = rules.rules.get_other(party)
        for number, chunk in enumerate(chunks, 1):
            body = RevealParts(ask.leaf, number, len(chunks), chunk)
            token = f"blind-reveal-{ask.leaf[:40]}-{number}"
            draft = Draft("blind.reveal", encode_body(body), (offer.officer,), (partner,), OFFICER, token)
            self._parts.outbox.put(draft)

    # Looking

    def describe(self, run: sqlite3.Row) -> ZoomAnswer:
        """Return how far the zoom of a run is, judged by the exact rule when both have shown."""
        first, _, rules = self._find_asks(run)
        party = self._parts.party
        partner = rules.rules.get_other(party)
        own, theirs = (find_zoom(self._parts.rows, first.leaf, one) for one in (party, partner))
        cells = 0 if own is None else len(read_cells(own.cells))
        owed = find_debtor(self._parts.rows, first.leaf) or ""
        if own is None or theirs is None:
            state = "offered" if own is not None else "asked" if theirs is not None else "none"
            words = {
                "none": "nobody has offered to show anything",
                "asked": f"{partner} has offered to show its parts: offer ours, or leave it",
                "offered": f"we have offered; {partner} has not, and nothing is shown",
            }[state]
            return ZoomAnswer(run["id"], state, owed, None, cells, [], words)
        if not own.is_shown or not theirs.is_shown:
            words = f"both have offered; parts are on their way{f', {owed} owes its own' if owed else ''}"
            return ZoomAnswer(run["id"], "showing", owed, None, cells, [], words)
        return self._judge(run, rules, own, theirs)

    def _judge(self, run: sqlite3.Row, rules: RulesRow, own: ZoomRow, theirs: ZoomRow) -> ZoomAnswer:
        ours, their = _flatten(own), _flatten(theirs)
        parsed = [_parse(wires) for wires in (ours, their)]
        if not their:
            # SECURITY: who shows nothing is not taken for one whose parts keep their distance
            # (tests/protocol/test_desk_blind_attacks.py, test_a_partner_that_shows_nothing_clears_nothing).
            words = (
                f"{theirs.party} has shown nothing inside the cells: not judged, and the run stays CONFLICT"
            )
            return ZoomAnswer(run["id"], "judged", "", None, len(read_cells(own.cells)), [], words)
        judged = judge_parts(parsed[0], parsed[1], read_grid(rules.rules))
        meetings = [MeetingAnswer(ours[a], their[b]) for a, b, _ in judged.meetings[:MAX_VOLUMES]]
        words = (
            f"a true conflict: {len(judged.meetings)} pairs of parts conflict under the exact rule"
            if judged.is_true
            else f"the parts that {theirs.party} has shown do not conflict with ours under the exact rule; "
            "it may have shown less than it has, and the run stays CONFLICT"
        )
        cells = len(read_cells(own.cells))
        return ZoomAnswer(run["id"], "judged", "", judged.is_true, cells, meetings, words)


def _name_offer(first: AskRow) -> str:
    return f"blind-offer-{first.leaf}"


def _get_other(ask: AskRow, party: str) -> str:
    return ask.responder if ask.asker == party else ask.asker


def _flatten(row: ZoomRow) -> list[VolumeWire]:
    return [wire for message in row.volumes for wire in message]


def _parse(wires: Sequence[VolumeWire]) -> list[Volume]:
    return [parse_volume(wire) for wire in wires]


def _cut(wires: Sequence[VolumeWire]) -> Iterator[list[VolumeWire]]:
    """Yield the volumes of each message; one message, of none, where there are none."""
    chunk: list[VolumeWire] = []
    size = 0
    for wire in wires:
        bytes_ = len(msgspec.json.encode(wire))
        if chunk and (size + bytes_ > PART_BYTES or len(chunk) == MAX_VOLUMES):
            yield chunk
            chunk, size = [], 0
        chunk.append(wire)
        size += bytes_
    yield chunk
