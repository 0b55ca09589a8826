"""Objects and their versions: what activities, zones and sites have in common.

An object has a name, an author, a type and a current version; a version is named by the leaf hash of the
message that made it, and holds the volumes.

Invariants:
  * One name, one object, whatever its type, among those who can read it. An open name is unique in the
    record. A sealed name is unique among its audience: only they know of it, so nobody else may be held to
    it. Hence the row key: the name itself, or the name and a hash of the audience (`name_object`).
  * So whoever can read one message about an object can read all of them, and computes the same state.
  * Only the author replaces or ends an object, and a replacement names the version that it replaces: an
    update made in ignorance of another is refused (lost update).
  * An ended object is never replaced, and its name is never given again.
  * A version that was replaced or ended is kept, with the time at which its author says it ended: what stood
    when something happened can be told afterwards.

Zones and sites are declared, replaced and withdrawn in the same way: `decide_declaration`,
`project_declaration`, `decide_own` and `end_object` are all of it; what they promise is in their own files.

It does not know what an activity, a zone or a site says: see the files of those names.

    >>> decide_replacement(message, "castello", "zone", replaces=leaf, rows=rows)
    >>> find_volumes(rows, "castello")
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, ClassVar, Final, Literal

import msgspec

from entente.deconflict.holdings import count_held
from entente.kernel.charter import list_parties
from entente.kernel.ids import PartyID
from entente.kernel.kinds import ALLOWED, Decision, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import R, Row, Rows
from entente.space import Volume, VolumeWire, parse_volume

ObjectType = Literal["activity", "zone", "site"]
NO_VERSION: Final = ""
"""`VersionRow.previous` of a first version."""


class ObjectRow(Row, frozen=True):
    """An object by its scoped name. ``state`` is ``standing`` or ``ended``."""

    TABLE: ClassVar[str] = "objects"
    INDEXED: ClassVar[tuple[str, ...]] = ("state", "type", "author")
    object: str
    id: str
    type: ObjectType
    author: str
    to: tuple[str, ...]
    version: str
    version_index: int
    first_index: int
    state: Literal["standing", "ended"]

    def key(self) -> str:
        """Return the scoped name."""
        return self.object


class VersionRow(Row, frozen=True):
    """One version of an object, by the leaf hash of its message.

    ``reach_cm`` widens its volumes in every direction: a site's buffer, else 0. ``since`` and ``until`` are
    when its author says that he made it, and that he replaced or ended it; ``until`` is empty while it is
    the current one. ``ended_by`` is the leaf of the message that replaced or ended it.
    """

    TABLE: ClassVar[str] = "versions"
    INDEXED: ClassVar[tuple[str, ...]] = ("object",)
    version: str
    object: str
    type: ObjectType
    author: str
    index: int
    previous: str
    volumes: tuple[VolumeWire, ...]
    since: str = ""
    reach_cm: int = 0
    until: str = ""
    ended_by: str = ""

    def key(self) -> str:
        """Return the message's leaf hash."""
        return self.version


class PlaceRow(Row, frozen=True):
    """What a zone's and a site's row have in common; the subclass adds ``declared``."""

    INDEXED: ClassVar[tuple[str, ...]] = ("state", "author")
    object: str
    author: str
    to: tuple[str, ...]
    version: str
    state: Literal["standing", "withdrawn"]
    note: str

    def key(self) -> str:
        """Return the scoped name."""
        return self.object


def name_object(message: VerifiedMessage[Any], object_id: str) -> str:
    """Return an object's row key as ``message`` means it: the bare name when open, scoped when sealed."""
    if not message.addressees:
        return object_id
    audience = "\n".join(sorted({message.author, *message.addressees}))
    return f"{object_id}@{hashlib.sha256(audience.encode()).hexdigest()[:16]}"


def say_name(object_name: str) -> str:
    """Return an object's scoped name for people: its id, and whether it is sealed to some."""
    name, is_sealed, _ = object_name.partition("@")
    return f"{name} (sealed)" if is_sealed else name


def list_readers(author: str, to: Sequence[str], rows: Rows) -> list[str]:
    """Return who can read a message of ``author`` to ``to``: all parties when it is open; sorted."""
    return sorted({author, *(to or list_parties(rows))})


def say_readers(to: Sequence[str]) -> str:
    """Return in words who was told: a list that moves one party only must look like one."""
    if not to:
        return "told to every party"
    return f"told to {', '.join(sorted(to))} only"


def list_owed(message: VerifiedMessage[Any], rows: Rows) -> list[PartyID]:
    """Return whom a message concerns: its addressees, or every party but its author; sorted."""
    concerned, author = message.addressees or list_parties(rows), message.author
    return sorted([party for party in concerned if party != author])


def parse_volumes(wires: Sequence[VolumeWire], *, path: str) -> list[Volume]:
    """Return the volumes, or raise `InvalidVolume` saying in which one the fault is."""
    return [parse_volume(wire, path=f"{path}[{place}]") for place, wire in enumerate(wires)]


def decide_new(message: VerifiedMessage[Any], object_id: str, rows: Rows) -> Decision:
    """Allow a name that nobody of the audience has used."""
    known = rows.find(ObjectRow, name_object(message, object_id))
    if known is not None:
        return denied(
            "name-taken",
            f"object {object_id!r}: expected a new name, it is a {known.type} of {known.author!r}",
        )
    return ALLOWED


def decide_own(
    message: VerifiedMessage[Any], object_id: str, object_type: ObjectType, rows: Rows
) -> Decision:
    """Allow the author of a standing object of this type."""
    known = rows.find(ObjectRow, name_object(message, object_id))
    if known is None or known.type != object_type:
        return denied(
            "unknown-object", f"{object_type} {object_id!r}: expected one known to this audience, found none"
        )
    if known.author != message.author:
        return denied(
            "not-author",
            f"{object_type} {object_id!r}: expected its author {known.author!r}, got {message.author!r}",
        )
    if known.state == "ended":
        return denied("ended", f"{object_type} {object_id!r}: expected a standing one, it has ended")
    return ALLOWED


def decide_replacement(
    message: VerifiedMessage[Any], object_id: str, object_type: ObjectType, *, replaces: str, rows: Rows
) -> Decision:
    """Allow the author to replace the version that is current, and no other."""
    own = decide_own(message, object_id, object_type, rows)
    if not own.is_allowed:
        return own
    known = rows.find(ObjectRow, name_object(message, object_id))
    if known is not None and known.version != replaces:
        return denied(
            "lost-update",
            f"{object_type} {object_id!r}: expected to replace the current version {known.version[:12]}, "
            f"got {replaces[:12]}",
        )
    return ALLOWED


def decide_declaration(
    message: VerifiedMessage[Any],
    object_id: str,
    object_type: ObjectType,
    volumes: Sequence[VolumeWire],
    rows: Rows,
    *,
    replaces: str | None,
    path: str,
) -> Decision:
    """Allow a new name, or the author's replacement of the current version; with sound volumes.

    Raises:
        InvalidVolume: A volume is none; ``path`` says which.
    """
    if replaces is None:
        place = decide_new(message, object_id, rows)
    else:
        place = decide_replacement(message, object_id, object_type, replaces=replaces, rows=rows)
    if place.is_allowed:
        parse_volumes(volumes, path=path)
    return place


def decide_current(message: VerifiedMessage[Any], version: str, rows: Rows) -> Decision:
    """Allow what speaks about the current version of a standing object that the message's audience shares."""
    known = rows.find(VersionRow, version)
    thing = rows.find(ObjectRow, known.object) if known else None
    if thing is None or name_object(message, thing.id) != thing.object:
        # One answer whether it exists for others or not: who can read it and who cannot decide alike.
        return denied(
            "unknown-version",
            f"version {version[:12]}: expected one of an object known to this audience, found none",
        )
    if thing.state == "ended":
        return denied("ended", f"{thing.type} {thing.id!r}: expected a standing one, it has ended")
    if thing.version != version:
        return denied(
            "superseded",
            f"{thing.type} {thing.id!r}: expected its current version {thing.version[:12]}, got "
            f"{version[:12]}",
        )
    return ALLOWED


def find_current(
    message: VerifiedMessage[Any],
    object_id: str,
    version: str,
    row: type[R],
    object_type: ObjectType,
    rows: Rows,
) -> R | Decision:
    """Return the object that a message names with the current version that it names, or why it is none."""
    current = decide_current(message, version, rows)
    if not current.is_allowed:
        return current
    name = name_object(message, object_id)
    known, found = rows.find(VersionRow, version), rows.find(row, name)
    if known is None or known.object != name or found is None:
        return denied(
            f"other-{object_type}",
            f"version {version[:12]}: expected a version of {object_type} {object_id!r}, got another's",
        )
    return found


def put_version(
    entry: Entry[Any],
    object_id: str,
    object_type: ObjectType,
    volumes: Sequence[VolumeWire],
    rows: Rows,
    *,
    reach_cm: int = 0,
) -> ObjectRow:
    """Make the entry's message the current version of its object, new or not."""
    message = entry.message
    name = name_object(message, object_id)
    known = rows.find(ObjectRow, name)
    before = 0
    if known is not None:
        before = _end_version(known.version, message, rows)
    count_held(message.author, rows, objects=int(known is None), volumes=len(volumes) - before)
    rows.put(
        VersionRow(
            version=message.leaf,
            object=name,
            type=object_type,
            author=message.author,
            index=entry.index,
            previous=known.version if known else NO_VERSION,
            volumes=tuple(volumes),
            since=message.payload.at,
            reach_cm=reach_cm,
        )
    )
    row = ObjectRow(
        object=name,
        id=object_id,
        type=object_type,
        author=message.author,
        to=message.addressees,
        version=message.leaf,
        version_index=entry.index,
        first_index=known.first_index if known else entry.index,
        state="standing",
    )
    rows.put(row)
    return row


def end_object(
    entry: Entry[Any], object_id: str, row: type[Row], rows: Rows, *, state: str, note: str
) -> None:
    """Mark a standing object as ended, and its own ``row`` with how and why; its name is not given again."""
    name = name_object(entry.message, object_id)
    known = rows.find(ObjectRow, name)
    if known is not None:
        rows.put(msgspec.structs.replace(known, state="ended"))
        count_held(known.author, rows, objects=-1, volumes=-_end_version(known.version, entry.message, rows))
    own = rows.find(row, name)
    if own is not None:
        rows.put(msgspec.structs.replace(own, state=state, note=note))


def _end_version(version: str, by: VerifiedMessage[Any], rows: Rows) -> int:
    """Note that a version is past; return how many volumes it had."""
    row = rows.find(VersionRow, version)
    if row is None:
        return 0
    rows.put(msgspec.structs.replace(row, until=by.payload.at, ended_by=by.leaf))
    return len(row.volumes)


def find_volumes(rows: Rows, name: str) -> tuple[VolumeWire, ...] | None:
    """Return the volumes of a standing object's current version."""
    known = rows.find(ObjectRow, name)
    if known is None or known.state == "ended":
        return None
    version = rows.find(VersionRow, known.version)
    return version.volumes if version else None
