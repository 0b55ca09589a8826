"""Read-back: the receiving desk says where it believes the told positions are, and the author answers.

``position.read-back`` by each party that owes it, ``position.confirm`` by the author when a movement is
meant, ``position.dispute`` by the author when what was read back is not what his own plan says.

Invariants:
  * Only the current version can be read back, only by a party that it was told to, by one named officer, with
    one reading for each volume. Reading again replaces an earlier reading; nothing lifts a dispute but an
    update.
  * A rule refuses what is malformed; a *difference* is never refused but recorded and blocks (`positions`).
    The record of a wrong reading is worth more than a tidy record.
  * A confirmation states the movement itself: "yes" alone could be said without looking.

It does not work out words or distances for the reader: see `entente.deconflict.readings`.

    ReadBack(message=leaf, readings=[Reading(volume=0, point_e7=(352800000, 401800000), words="…",
    moved_cm=None)])
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from entente.deconflict.objects import VersionRow, decide_current
from entente.deconflict.positions import (
    PositionRow,
    ReadPoint,
    judge_position,
    list_movements,
    measure_movement,
    say_metres,
)
from entente.deconflict.receipts import decide_one_officer, find_receipt, make_stamp
from entente.kernel.charter import get_charter
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Rows
from entente.kernel.wire import Centimetres, Hex64, WireStruct
from entente.space import AGREE_M, PositionE7, parse_position

AGREE_CM: Final = round(AGREE_M * 100)
ReasonText = Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
WordsText = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]


class Reading(WireStruct, frozen=True):
    """One position as the reader has it: which volume, the point, in words, and how far it moved.

    ``moved_cm`` is null exactly when there is no earlier version.
    """

    volume: Annotated[int, msgspec.Meta(ge=0, le=49)]
    point_e7: PositionE7
    words: WordsText
    moved_cm: Centimetres | None


class ReadBack(WireStruct, frozen=True):
    """Body of ``position.read-back``."""

    message: Hex64
    readings: Annotated[list[Reading], msgspec.Meta(min_length=1, max_length=50)]


class Confirm(WireStruct, frozen=True):
    """Body of ``position.confirm``: the author says by how much it moved, in answer to one read-back."""

    message: Hex64
    read_back: Hex64
    moved_cm: Centimetres


class Dispute(WireStruct, frozen=True):
    """Body of ``position.dispute``: the author's own plan says otherwise."""

    message: Hex64
    difference_cm: Centimetres
    reason: ReasonText


def decide_read_back(message: VerifiedMessage[ReadBack], rows: Rows) -> Decision:
    """Allow one officer of a party that owes it to read back every volume of the current version."""
    body = message.body
    one = decide_one_officer(message)
    if body is None or not one.is_allowed:
        return one
    current = decide_current(message, body.message, rows)
    if not current.is_allowed:
        return current
    if find_receipt(rows, body.message, message.author) is None:
        # SECURITY: a stranger's or the author's own reading would make a position count that nobody concerned
        # has read (tests/unit/test_deconflict_readback.py, test_read_back_by_its_own_author_is_refused).
        return denied(
            "nothing-owed",
            f"read-back of {body.message[:12]}: expected a party that it was told to, got {message.author!r}",
        )
    version = rows.find(VersionRow, body.message)
    volumes = version.volumes if version else ()
    places = [reading.volume for reading in body.readings]
    if places != list(range(len(volumes))):
        return denied(
            "readings",
            f"read-back: expected one reading for each of {len(volumes)} volumes in order, got {places}",
        )
    moved = list_movements(version, rows) if version else []
    for reading, cm in zip(body.readings, moved, strict=True):
        parse_position(reading.point_e7, path=f"$.body.readings[{reading.volume}].point_e7")
        if (reading.moved_cm is None) != (cm is None):
            expected = "null in a first version" if cm is None else "the movement from the earlier version"
            return denied(
                "bad-movement",
                f"reading {reading.volume}: expected moved_cm {expected}, got {reading.moved_cm}",
            )
    return ALLOWED


def project_read_back(entry: Entry[ReadBack], rows: Rows) -> None:
    """Write the readings down and judge them."""
    body = entry.message.body
    if body is None:
        return
    row = rows.find(PositionRow, f"{body.message}:{entry.message.author}")
    if row is None:
        raise AssertionError(
            f"position {body.message[:12]}: has a receipt of {entry.message.author!r} and no row"
        )
    readings = tuple(
        ReadPoint(reading.point_e7[0], reading.point_e7[1], reading.words, reading.moved_cm)
        for reading in body.readings
    )
    rows.put(
        judge_position(msgspec.structs.replace(row, read_back=make_stamp(entry), readings=readings), rows)
    )


def decide_confirm(message: VerifiedMessage[Confirm], rows: Rows) -> Decision:
    """Allow the author to state a movement, in answer to a standing read-back.

    Another one than the record shows is refused when it comes in (`entente.deconflict.intake`); once it is
    recorded, whether it lifts the block is all that hangs on the measure.
    """
    body = message.body
    if body is None:
        return ALLOWED
    own = _decide_own_version(message, body.message, rows)
    if not own.is_allowed:
        return own
    if _find_read(body.message, body.read_back, rows) is None:
        return denied(
            "unknown-read-back",
            f"confirmation of {body.message[:12]}: expected a party's latest read-back of it, got "
            f"{body.read_back[:12]}",
        )
    version = rows.find(VersionRow, body.message)
    moved_cm = measure_movement(version, rows) if version else None
    if moved_cm is None:
        return denied(
            "not-moved", f"confirmation of {body.message[:12]}: expected an earlier version, found none"
        )
    return ALLOWED


def project_confirm(entry: Entry[Confirm], rows: Rows) -> None:
    """Lift the block that the movement put on the reading that was answered, where it is the one stated."""
    body = entry.message.body
    row = _find_read(body.message, body.read_back, rows) if body else None
    version = rows.find(VersionRow, row.message) if row is not None else None
    moved_cm = measure_movement(version, rows) if version is not None else None
    if body is None or row is None or moved_cm is None:
        return
    if abs(moved_cm - body.moved_cm) <= get_charter(rows).rules.read_back_tolerance_cm + AGREE_CM:
        rows.put(judge_position(msgspec.structs.replace(row, confirmed=make_stamp(entry)), rows))


def decide_dispute(message: VerifiedMessage[Dispute], rows: Rows) -> Decision:
    """Allow the author to block his own current version, once."""
    body = message.body
    if body is None:
        return ALLOWED
    own = _decide_own_version(message, body.message, rows)
    if not own.is_allowed:
        return own
    if any(row.disputed is not None for row in rows.select(PositionRow, message=body.message)):
        return denied("already-disputed", f"dispute of {body.message[:12]}: expected none yet, there is one")
    return ALLOWED


def project_dispute(entry: Entry[Dispute], rows: Rows) -> None:
    """Block the version with every party, read or not."""
    body = entry.message.body
    if body is None:
        return
    text = f"{say_metres(body.difference_cm)} from the author's own plan: {body.reason}"
    for row in list(rows.select(PositionRow, message=body.message)):
        rows.put(judge_position(msgspec.structs.replace(row, disputed=make_stamp(entry), dispute=text), rows))


def _decide_own_version(
    message: VerifiedMessage[Confirm] | VerifiedMessage[Dispute], version: str, rows: Rows
) -> Decision:
    current = decide_current(message, version, rows)
    if not current.is_allowed:
        return current
    known = rows.find(VersionRow, version)
    if known is None or known.author != message.author:
        author = known.author if known else "its author"
        return denied(
            "not-author", f"version {version[:12]}: expected its author {author!r}, got {message.author!r}"
        )
    return ALLOWED


def _find_read(version: str, read_back: str, rows: Rows) -> PositionRow | None:
    for row in rows.select(PositionRow, message=version):
        if row.read_back is not None and row.read_back.leaf == read_back:
            return row
    return None


POSITION_READ_BACK: Final = Kind(
    "position.read-back",
    ReadBack,
    decide=decide_read_back,
    project=project_read_back,
    min_officers=1,
    may_be_sealed=True,
)
POSITION_CONFIRM: Final = Kind(
    "position.confirm",
    Confirm,
    decide=decide_confirm,
    project=project_confirm,
    min_officers=1,
    may_be_sealed=True,
)
POSITION_DISPUTE: Final = Kind(
    "position.dispute",
    Dispute,
    decide=decide_dispute,
    project=project_dispute,
    min_officers=1,
    may_be_sealed=True,
)
