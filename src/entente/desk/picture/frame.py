"""One look at the record: whose rows, of which moment, by which clock, within which window.

Invariants: all that one answer says comes from the rows of one moment; a party's number is its place among
the parties' names in order, so that it stays what it is while no party joins; whatever touches a window is
within it.

It describes nothing: `things`, `meetings` and `geojson` do.

    >>> with open_frame(desk, request) as frame:
    ...     frame.at_size, frame.is_newest
    (17, True)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from entente.deconflict.index import ConflictIndex
from entente.deconflict.look_alikes import find_look_alikes
from entente.desk.assembly import Desk
from entente.desk.picture.requests import Window, WindowRequest, read_window
from entente.desk.picture.rings import Drawn, Parts, draw_around
from entente.desk.picture.shelf import VolumeShelf
from entente.desk.views import find_applied
from entente.kernel.charter import CharterRow
from entente.kernel.errors import NotFound
from entente.kernel.roster import PartyRow
from entente.kernel.rows import Rows
from entente.kernel.time import parse_utc
from entente.space import VolumeWire

Plain = dict[str, Any]
_SHELF: Final = VolumeShelf()
"""Of the whole process: what is kept is named by hashes, whichever desk asks."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What one answer is made from. ``index``: of the newest rows, whatever moment ``rows`` are of."""

    desk: Desk
    rows: Rows
    index: ConflictIndex
    size: int
    at_size: int
    as_of: datetime
    window: Window
    has_ended: bool
    parties: tuple[PartyRow, ...]
    numbers: dict[str, int]
    alike: dict[str, tuple[str, ...]]
    shelf: VolumeShelf

    @property
    def is_newest(self) -> bool:
        """Whether nothing newer is known."""
        return self.at_size == self.size

    @property
    def is_founded(self) -> bool:
        """Whether there is a charter at this moment."""
        return self.rows.find(CharterRow, "charter") is not None

    def number(self, party: str) -> int:
        """Return a party's number, -1 for one that is none."""
        return self.numbers.get(party, -1)

    def list_within(self, version: str, volumes: Sequence[VolumeWire]) -> list[int]:
        """Return the places of a version's volumes that touch the window."""
        if self.window.box is None and not self.window.from_us and not self.window.until_us:
            return list(range(len(volumes)))
        return self.shelf.get_boxes(version, volumes).find_within(self.window)

    def draw(self, version: str, volumes: Sequence[VolumeWire], place: int) -> Drawn:
        """Return one volume of a version as rings."""
        return self.shelf.draw(version, volumes, place)

    def draw_around(self, version: str, volumes: Sequence[VolumeWire], place: int, reach_m: float) -> Parts:
        """Return rings round one volume of a version."""
        outline = volumes[place].outline
        found: Parts = self.shelf.get_text(
            f"{version}~{reach_m}", volumes, place, lambda _wire: draw_around(outline, reach_m)
        )
        return found


@contextmanager
def open_frame(desk: Desk, request: WindowRequest) -> Iterator[Frame]:
    """Give the rows of the moment that is asked for; while the block lasts they are of that moment.

    Raises:
        NotFound: A moment that is yet to come, or of which this desk keeps nothing.
        Malformed: A window that is none.
    """
    window = read_window(request)
    with desk.view_home.look() as index:
        newest = find_applied(desk.rows)
        rows, at_size, as_of = desk.rows, newest, desk.clock.now_utc()
        if request.at_size and request.at_size != newest:
            rows = get_rows_at(desk, request.at_size, newest)
            at_size = request.at_size
            as_of = find_moment(desk, at_size) or as_of
        parties = tuple(rows.select(PartyRow))
        yield Frame(
            desk=desk,
            rows=rows,
            index=index,
            size=newest,
            at_size=at_size,
            as_of=as_of,
            window=window,
            has_ended=bool(request.ended),
            parties=parties,
            numbers={row.party: place for place, row in enumerate(parties)},
            alike=find_look_alikes(rows),
            shelf=_SHELF,
        )


def get_rows_at(desk: Desk, size: int, newest: int) -> Rows:
    """Return our own view's rows as they were after ``size`` entries.

    Raises:
        NotFound: It is not known here yet, or no past is kept.
    """
    past = desk.view_home.find_past()
    if past is None or size > newest:
        raise NotFound("no-past", f"picture: expected a size up to {newest} whose past is kept, got {size}")
    return past.rows_at(size)


def find_moment(desk: Desk, size: int) -> datetime | None:
    """Return by when the record had a size, by the host's signed time; None where that is not known."""
    at = desk.follower.find_times(size - 1)[0] if size else ""
    return parse_utc(at) if at else None
