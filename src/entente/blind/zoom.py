"""Zoom: after CONFLICT, both may show the parts of their volumes inside the shared cells, and settle exactly.

`blind.zoom`, sealed to the other party, offers it for one question and names the sender's own cells that met.
When both have offered, each knows the other's cells; what may be shown is what lies in a cell of one *and* a
cell of the other (and, of the side that is not widened or is, within the agreed separation of it: `clip`).
`blind.reveal`, sealed, shows it. Then the exact rule is asked of both sides' parts, at both desks alike: a
true conflict, or an artefact of the grid.

Invariants:
  * No part is shown before both have offered; what is shown lies in the shared cells. The first offer does
    show its sender's cells that met, in their sizes.
  * What a desk judges are parts that both signed: neither can deny afterwards what it showed.
  * An offer binds: who has read the other's parts and does not show its own is named by `find_debtor`.

It does not make anyone show truly, or at all: "artefact" is as good as the other side's word, and no audit
compares parts, which are sealed, with what was committed to.

    >>> parts = make_parts(volumes, own_cells, their_cells, grid, is_widened=True)
    >>> judge_parts(parts, theirs, grid).is_true
    False
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

import msgspec
import numpy as np

from entente.blind.asking import AskRow
from entente.blind.cells import TOKEN_BYTES, is_cover
from entente.blind.clip import clip
from entente.blind.grid import Grid, parse_grid
from entente.blind.group import Rows as Cells
from entente.blind.rules import RulesRow
from entente.kernel.errors import Malformed
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Row, Rows, get_row
from entente.kernel.wire import Hex64, WireStruct, encode_base64, parse_base64
from entente.space import Overlap, Volume, VolumeWire, find_conflict, parse_volume

MAX_ZOOM_CELLS: Final = 1_200
"""Cells that fit one sealed message; a larger conflict is zoomed into an item at a time."""
MAX_REVEALS: Final = 40
CellsText = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]*={0,2}$(?!\n)", max_length=26_000)]


class OfferZoom(WireStruct, frozen=True):
    """Body of ``blind.zoom``: the author's own cells that met in a question, in base64, 16 bytes each."""

    ask: Hex64
    cells: CellsText


class RevealParts(WireStruct, frozen=True):
    """Body of ``blind.reveal``: part ``number`` of ``parts`` of what lies in the shared cells."""

    ask: Hex64
    number: Annotated[int, msgspec.Meta(ge=1, le=MAX_REVEALS)]
    parts: Annotated[int, msgspec.Meta(ge=1, le=MAX_REVEALS)]
    volumes: Annotated[list[VolumeWire], msgspec.Meta(max_length=50)]


class ZoomRow(Row, frozen=True):
    """What a party has offered and shown of one question."""

    TABLE: ClassVar[str] = "blind_zooms"
    INDEXED: ClassVar[tuple[str, ...]] = ("ask",)
    ask: str
    party: str
    cells: str
    offered: str
    """The leaf of the offer."""
    parts: int = 0
    volumes: tuple[tuple[VolumeWire, ...], ...] = ()
    """What was shown, message by message."""

    def key(self) -> str:
        """Return ``ask:party``."""
        return f"{self.ask}:{self.party}"

    @property
    def is_shown(self) -> bool:
        """Tell whether all parts are here."""
        return self.parts > 0 and len(self.volumes) == self.parts


@dataclass(frozen=True, slots=True)
class ZoomJudgement:
    """What the exact rule says of both sides' parts.

    Args:
        meetings: Place of our part, place of their part, how they conflict.
    """

    is_true: bool
    meetings: tuple[tuple[int, int, Overlap], ...]


def find_zoom(rows: Rows, ask: str, party: str) -> ZoomRow | None:
    """Return what a party has offered and shown, or None."""
    return rows.find(ZoomRow, f"{ask}:{party}")


def _find_ask(
    message: VerifiedMessage[OfferZoom] | VerifiedMessage[RevealParts], rows: Rows
) -> AskRow | Decision:
    body = message.opened()
    row = rows.find(AskRow, body.ask)
    if row is None or message.author not in {row.asker, row.responder}:
        return denied("not-asked", f"zoom: expected a question between {message.author!r} and another")
    other = row.responder if message.author == row.asker else row.asker
    if message.addressees != (other,):
        return denied("other-addressee", f"zoom: expected {other!r} alone, got {list(message.addressees)}")
    return row


def decide_zoom(message: VerifiedMessage[OfferZoom], rows: Rows) -> Decision:
    """Allow each of the two once, sealed to the other."""
    if not message.addressees:
        return denied("not-addressed", "zoom: expected a message sealed to the other party, got an open one")
    body = message.body
    if body is None:
        return ALLOWED
    row = _find_ask(message, rows)
    if isinstance(row, Decision):
        return row
    if not row.answer:
        return denied("not-answered", f"question {body.ask[:12]}: expected an answer before a zoom")
    known = find_zoom(rows, body.ask, message.author)
    if known is not None:
        return denied(
            "offered", f"question {body.ask[:12]}: expected no offer yet, {known.offered[:12]} is one"
        )
    rules = get_row(rows, RulesRow, row.rules, what="rules").rules
    if not is_cover(read_cells(body.cells), parse_grid(rules.grid, path="$.grid")):
        # SECURITY: who offered what cannot be shown in would make the other side owe its parts for ever
        # (tests/unit/test_blind_zoom.py, test_an_offer_is_of_cells_of_the_grid).
        return denied("bad-cells", f"question {body.ask[:12]}: expected cells of the agreed grid")
    return ALLOWED


def project_zoom(entry: Entry[OfferZoom], rows: Rows) -> None:
    """Write the offer down where it can be read."""
    body, message = entry.message.body, entry.message
    if body is not None:
        rows.put(ZoomRow(body.ask, message.author, body.cells, message.leaf))


def decide_reveal(message: VerifiedMessage[RevealParts], rows: Rows) -> Decision:
    """Allow, part by part, after both have offered."""
    if not message.addressees:
        return denied(
            "not-addressed", "reveal: expected a message sealed to the other party, got an open one"
        )
    body = message.body
    if body is None:
        return ALLOWED
    row = _find_ask(message, rows)
    if isinstance(row, Decision):
        return row
    offers = [find_zoom(rows, body.ask, party) for party in (row.asker, row.responder)]
    own = find_zoom(rows, body.ask, message.author)
    if own is None or None in offers:
        # SECURITY: who shows first to a partner that has promised nothing has only given
        # (tests/unit/test_blind_zoom.py, test_nothing_is_shown_before_both_have_offered).
        return denied("not-offered", f"question {body.ask[:12]}: expected an offer of both to zoom first")
    if (
        body.number != len(own.volumes) + 1
        or (own.parts and body.parts != own.parts)
        or body.number > body.parts
    ):
        return denied(
            "part-order",
            f"reveal: expected part {len(own.volumes) + 1} of {own.parts or 'as many as there are'}, "
            f"got {body.number} of {body.parts}",
        )
    for place, wire in enumerate(body.volumes):
        parse_volume(wire, path=f"$.body.volumes[{place}]")
    return ALLOWED


def project_reveal(entry: Entry[RevealParts], rows: Rows) -> None:
    """Write the part down where it can be read."""
    body, message = entry.message.body, entry.message
    row = None if body is None else find_zoom(rows, body.ask, message.author)
    if body is not None and row is not None:
        shown = (*row.volumes, tuple(body.volumes))
        rows.put(msgspec.structs.replace(row, parts=body.parts, volumes=shown))


def find_debtor(rows: Rows, ask: str) -> str | None:
    """Return who owes its parts: the other's are all here; None when nobody does, or both do."""
    offers = list(rows.select(ZoomRow, ask=ask))
    shown = [one.is_shown for one in offers]
    if len(offers) != 2 or shown[0] == shown[1]:
        return None
    return offers[0].party if not shown[0] else offers[1].party


def encode_cells(cells: Cells) -> str:
    """Return cells as an offer has them.

    Raises:
        Malformed: More than fit: zoom into fewer items at a time.
    """
    if len(cells) > MAX_ZOOM_CELLS:
        raise Malformed(
            "too-many-cells",
            f"zoom: expected <= {MAX_ZOOM_CELLS} cells that met, got {len(cells)}: name the items to look at",
        )
    return encode_base64(cells.tobytes())


def read_cells(text: str) -> Cells:
    """Return the cells of an offer: rows ascending, each once; which cells they are, the grid says."""
    data = parse_base64(text, what="zoom, cells")
    if len(data) % TOKEN_BYTES:
        raise Malformed(
            "bad-length", f"zoom, cells: expected {TOKEN_BYTES} bytes each, got {len(data)} in all"
        )
    each = [data[place : place + TOKEN_BYTES] for place in range(0, len(data), TOKEN_BYTES)]
    if each != sorted(set(each)) or not each:
        raise Malformed("bad-order", "zoom, cells: expected at least one, each once, ascending")
    return np.frombuffer(data, np.uint8).reshape(-1, TOKEN_BYTES)


def make_parts(
    volumes: Iterable[Volume], own: Cells, theirs: Cells, grid: Grid, *, is_widened: bool
) -> tuple[Volume, ...]:
    """Return the parts of our volumes that lie in a cell of both: all that is shown.

    Args:
        own, theirs: The cells that each side's offer names.
        is_widened: Whether ours is the side that the separation widens.
    """
    inside = [part for volume in volumes for part in clip(volume, own, grid, is_widened=is_widened)]
    return tuple(part for one in inside for part in clip(one, theirs, grid, is_widened=is_widened))


def judge_parts(own: Sequence[Volume], theirs: Sequence[Volume], grid: Grid) -> ZoomJudgement:
    """Return whether parts conflict under the exact rule with the grid's separation."""
    found = []
    for place, ours in enumerate(own):
        for other, their in enumerate(theirs):
            overlap = find_conflict(ours, their, grid.separation)
            if overlap is not None:
                found.append((place, other, overlap))
    return ZoomJudgement(bool(found), tuple(found))


BLIND_ZOOM: Final = Kind(
    "blind.zoom",
    OfferZoom,
    decide=decide_zoom,
    project=project_zoom,
    min_officers=1,
    may_be_sealed=True,
)
BLIND_REVEAL: Final = Kind(
    "blind.reveal",
    RevealParts,
    decide=decide_reveal,
    project=project_reveal,
    min_officers=1,
    may_be_sealed=True,
)
