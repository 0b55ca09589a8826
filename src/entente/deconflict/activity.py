"""Activities: what a party plans or does, where, how high and when.

Invariants:
  * Notification informs. It neither permits nor protects: no kind here grants anything.
  * Who must concur, and by when, is named by the author; the default answer is no
    (`entente.deconflict.concurrence`).
  * Each update makes a new version. It reopens receipts and read-backs, always: somebody must read what is
    new. It reopens concurrence unless nothing grew (`entente.deconflict.carry`).
  * Whether an activity is armed is its author's word, as everything about it: what kind it is does not tell.
    A convoy may have an escort, and a drone a camera.
  * Whether an activity is under way is a matter of the clock and therefore of the screen, never of the state.

It does not look for conflicts: see `entente.deconflict.conflicts`.

    Notify(id="sortie-7", activity="air", title="…", volumes=[wire], concurrence=["ru"], armed=True,
           concur_by="2016-09-17T12:00:00Z")
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from entente.deconflict.carry import ask_concurrence, void_waiting
from entente.deconflict.objects import (
    decide_new,
    decide_own,
    decide_replacement,
    end_object,
    list_owed,
    name_object,
    parse_volumes,
    put_version,
)
from entente.deconflict.positions import open_positions
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Row, Rows
from entente.kernel.time import encode_utc, parse_utc
from entente.kernel.wire import Hex64, NameText, NoteText, SlugText, UtcText, WireStruct
from entente.space import VolumeWire

ActivityWord = Literal["air", "ground", "convoy", "maritime", "drone", "medical", "other"]
Volumes = Annotated[list[VolumeWire], msgspec.Meta(min_length=1, max_length=50)]
PartyList = Annotated[list[SlugText], msgspec.Meta(max_length=64)]


class Notify(WireStruct, frozen=True):
    """Body of ``activity.notify``."""

    id: SlugText
    activity: ActivityWord
    title: NameText
    volumes: Volumes
    concurrence: PartyList
    armed: bool
    concur_by: UtcText | None


class Update(WireStruct, frozen=True):
    """Body of ``activity.update``: the whole new version, and which one it replaces."""

    id: SlugText
    replaces: Hex64
    title: NameText
    volumes: Volumes
    concurrence: PartyList
    reason: NoteText
    armed: bool
    concur_by: UtcText | None


class Close(WireStruct, frozen=True):
    """Body of ``activity.close``: it is over, or will not be."""

    id: SlugText
    outcome: Literal["closed", "cancelled"]
    note: NoteText


class ActivityRow(Row, frozen=True):
    """An activity's current version. ``state`` is what its author said last."""

    TABLE: ClassVar[str] = "activities"
    INDEXED: ClassVar[tuple[str, ...]] = ("state", "author")
    object: str
    id: str
    author: str
    to: tuple[str, ...]
    activity: ActivityWord
    title: str
    volumes: tuple[VolumeWire, ...]
    concurrence: tuple[str, ...]
    armed: bool
    concur_by: str
    """By when those asked should answer; empty where the author named no time: then, by the start."""
    version: str
    version_number: int
    reason: str
    state: Literal["standing", "closed", "cancelled"]
    note: str

    def key(self) -> str:
        """Return the scoped name."""
        return self.object


def decide_notify(message: VerifiedMessage[Notify], rows: Rows) -> Decision:
    """Allow a new name, sound volumes, and concurrence asked of parties that can read it."""
    body = message.body
    if body is None:
        return ALLOWED
    new = decide_new(message, body.id, rows)
    return new if not new.is_allowed else _decide_content(message, body, rows)


def project_notify(entry: Entry[Notify], rows: Rows) -> None:
    """Put the first version in force."""
    body = entry.message.body
    if body is not None:
        thing = put_version(entry, body.id, "activity", body.volumes, rows)
        ask_concurrence(body, thing.version, rows)
        rows.put(
            ActivityRow(
                object=thing.object,
                id=body.id,
                author=thing.author,
                to=thing.to,
                activity=body.activity,
                title=body.title,
                volumes=tuple(body.volumes),
                concurrence=tuple(body.concurrence),
                armed=body.armed,
                concur_by=body.concur_by or "",
                version=thing.version,
                version_number=1,
                reason="",
                state="standing",
                note="",
            )
        )
    open_positions(entry, rows)


def decide_update(message: VerifiedMessage[Update], rows: Rows) -> Decision:
    """Allow the author to replace the current version."""
    body = message.body
    if body is None:
        return ALLOWED
    own = decide_replacement(message, body.id, "activity", replaces=body.replaces, rows=rows)
    return own if not own.is_allowed else _decide_content(message, body, rows)


def project_update(entry: Entry[Update], rows: Rows) -> None:
    """Put the new version in force."""
    body = entry.message.body
    if body is not None:
        thing = put_version(entry, body.id, "activity", body.volumes, rows)
        known = rows.find(ActivityRow, thing.object)
        if known is None:
            raise AssertionError(f"activity {thing.object!r}: has a version and no row")
        ask_concurrence(body, thing.version, rows, replaces=known.version)
        rows.put(
            msgspec.structs.replace(
                known,
                title=body.title,
                volumes=tuple(body.volumes),
                concurrence=tuple(body.concurrence),
                armed=body.armed,
                concur_by=body.concur_by or "",
                version=thing.version,
                version_number=known.version_number + 1,
                reason=body.reason,
            )
        )
    open_positions(entry, rows)


def decide_close(message: VerifiedMessage[Close], rows: Rows) -> Decision:
    """Allow the author to end his own."""
    body = message.body
    return ALLOWED if body is None else decide_own(message, body.id, "activity", rows)


def project_close(entry: Entry[Close], rows: Rows) -> None:
    """End the activity; its name is not given again."""
    body = entry.message.body
    if body is not None:
        known = rows.find(ActivityRow, name_object(entry.message, body.id))
        if known is not None:
            void_waiting(known.version, rows)
        end_object(entry, body.id, ActivityRow, rows, state=body.outcome, note=body.note)


def _decide_content(message: VerifiedMessage[Any], body: Notify | Update, rows: Rows) -> Decision:
    volumes = parse_volumes(body.volumes, path="$.body.volumes")
    concurrence = body.concurrence
    if list(concurrence) != sorted(set(concurrence)):
        return denied("party-order", "concurrence: expected each party once, sorted by name")
    concerned = list_owed(message, rows)
    for party in concurrence:
        if party not in concerned:
            return denied(
                "bad-concurrence", f"concurrence: expected parties among {concerned}, got {party!r}"
            )
    if body.concur_by is None:
        return ALLOWED
    by, at = parse_utc(body.concur_by, path="$.body.concur_by"), parse_utc(message.payload.at, path="$.at")
    start = min(volume.window.start_utc for volume in volumes)
    # SECURITY: a deadline that is past when it is told would mark every answer as late
    # (tests/unit/test_deconflict_deadline.py, test_a_deadline_that_is_past_when_told_is_refused).
    if not concurrence or not at < by <= start:
        return denied(
            "bad-deadline",
            f"concur_by: expected a time after {message.payload.at!r} and not after the start "
            f"{encode_utc(start)!r}, of somebody who is asked, got {body.concur_by!r} of {concurrence}",
        )
    return ALLOWED


ACTIVITY_NOTIFY: Final = Kind(
    "activity.notify",
    Notify,
    decide=decide_notify,
    project=project_notify,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
ACTIVITY_UPDATE: Final = Kind(
    "activity.update",
    Update,
    decide=decide_update,
    project=project_update,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
ACTIVITY_CLOSE: Final = Kind(
    "activity.close",
    Close,
    decide=decide_close,
    project=project_close,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
