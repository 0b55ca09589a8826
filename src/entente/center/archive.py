"""What lies beside the record in the database: ciphertexts, recording times, events, cosigned checkpoints.

Invariants: writes go through the one write transaction of a batch; reads are short and see whole batches;
event ids ascend without a gap and survive a restart.

It decides nothing: `writer` does.

    >>> statements = BatchStatements(database)
    >>> with database.write() as connection:
    ...     statements.write_sealed(connection, [(leaf, "ru", ciphertext)])
    >>> find_sealed(database, leaf, "ru")
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, func, select

from entente.joint import MessageRow
from entente.kernel.ids import LeafHash
from entente.kernel.time import parse_utc
from entente.record import SignatureLine, encode_signature_line, parse_signature_line
from entente.store.sql import Database
from entente.store.sql_rows import decode_row
from entente.store.tables import ARRIVALS, CHECKPOINTS, COSIGNATURES, EVENTS, META, ROW_INDEX, ROWS, SEALED

APPLIED_SIZE: Final = "applied_size"
APPLIED_ROOT: Final = "applied_root"
FIRM_SIZE: Final = "firm_size"
SETTLED_SIZE: Final = "settled_size"
MAX_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the record, for who listens."""

    id: int
    type: str
    data: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when a message was recorded."""

    index: int
    leaf: str
    recorded_utc: str


@dataclass(frozen=True, slots=True)
class KeptCheckpoint:
    """A checkpoint's note as signed, and the witnesses' lines on it, by party."""

    size: int
    note: bytes
    lines: dict[str, SignatureLine]


class BatchStatements:
    """What every batch writes beside its rows, ready to be executed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sealed = database.prepare_upsert(SEALED)
        self._arrivals = database.prepare_upsert(ARRIVALS)

    def write_sealed(self, connection: Connection, items: Sequence[tuple[str, str, bytes]]) -> None:
        """Keep ciphertexts: (leaf, party, bytes)."""
        unique = {(leaf, party): data for leaf, party, data in items}
        rows = [(leaf, party, data) for (leaf, party), data in unique.items()]
        self._database.write_many(connection, self._sealed, rows)

    def write_arrivals(
        self, connection: Connection, items: Sequence[tuple[int, str]], recorded_utc: str
    ) -> None:
        """Write down when a batch, (index, leaf), was recorded."""
        rows = [(index, leaf, recorded_utc) for index, leaf in items]
        self._database.write_many(connection, self._arrivals, rows)


def write_event(connection: Connection, event_id: int, kind: str, **data: int) -> None:
    """Add an event; the caller gives ids without a gap."""
    connection.execute(EVENTS.insert(), [{"id": event_id, "type": kind, "data": json.dumps(data)}])


def write_meta(connection: Connection, database: Database, facts: dict[str, str]) -> None:
    """Set small facts."""
    rows = [{"name": name, "value": value} for name, value in facts.items()]
    connection.execute(database.upsert(META), rows)


def write_checkpoint(
    connection: Connection, database: Database, size: int, note: bytes, lines: dict[str, SignatureLine]
) -> None:
    """Keep a checkpoint that witnesses were shown, with the lines that they answered."""
    connection.execute(database.upsert(CHECKPOINTS), [{"size": size, "note": note}])
    rows = [
        {"size": size, "party": party, "line": encode_signature_line(line)} for party, line in lines.items()
    ]
    if rows:
        connection.execute(database.upsert(COSIGNATURES), rows)


def drop_checkpoints(connection: Connection, below: int, keep: Iterable[int]) -> None:
    """Forget cosigned checkpoints below a size, but some."""
    kept = list(keep)
    for table in (COSIGNATURES, CHECKPOINTS):
        connection.execute(delete(table).where(table.c.size < below, table.c.size.not_in(kept)))


def read_meta(database: Database) -> dict[str, str]:
    """Return every small fact."""
    with database.read() as connection:
        return {row.name: row.value for row in connection.execute(select(META))}


def read_last_event_id(database: Database) -> int:
    """Return the newest event's id; 0 for none."""
    with database.read() as connection:
        return connection.execute(select(func.max(EVENTS.c.id))).scalar() or 0


def read_events(database: Database, after: int, limit: int = MAX_PAGE) -> list[Event]:
    """Return events beyond ``after``, oldest first."""
    question = select(EVENTS).where(EVENTS.c.id > after).order_by(EVENTS.c.id).limit(limit)
    with database.read() as connection:
        return [Event(row.id, row.type, row.data) for row in connection.execute(question)]


def read_checkpoints(database: Database, from_size: int = 0) -> list[KeptCheckpoint]:
    """Return the kept checkpoints of at least this size, smallest first."""
    with database.read() as connection:
        notes = connection.execute(
            select(CHECKPOINTS).where(CHECKPOINTS.c.size >= from_size).order_by(CHECKPOINTS.c.size)
        ).all()
        lines = connection.execute(select(COSIGNATURES).where(COSIGNATURES.c.size >= from_size)).all()
    found = {row.size: KeptCheckpoint(row.size, row.note, {}) for row in notes}
    for row in lines:
        if row.size in found:
            found[row.size].lines[row.party] = parse_signature_line(row.line.removesuffix("\n"))
    return list(found.values())


def find_sealed(database: Database, leaf: str, party: str) -> bytes | None:
    """Return a ciphertext, or None when it was erased or never there."""
    question = select(SEALED.c.data).where(SEALED.c.leaf == leaf, SEALED.c.party == party)
    with database.read() as connection:
        return connection.execute(question).scalar()


def find_arrival(database: Database, index: int) -> Place | None:
    """Return where and when entry ``index`` was recorded."""
    with database.read() as connection:
        row = connection.execute(select(ARRIVALS).where(ARRIVALS.c.log_index == index)).one_or_none()
    return None if row is None else Place(row.log_index, row.leaf, row.recorded_utc)


def find_recorded_utc(database: Database, index: int) -> datetime | None:
    """Return when entry ``index`` was recorded, by the host's signed time."""
    place = find_arrival(database, index)
    return None if place is None else parse_utc(place.recorded_utc)


def find_message(database: Database, leaf: LeafHash) -> MessageRow | None:
    """Return what the record says of a message, or None."""
    question = select(ROWS.c.data).where(ROWS.c.tbl == MessageRow.TABLE, ROWS.c.key == leaf)
    with database.read() as connection:
        data = connection.execute(question).scalar()
    return None if data is None else decode_row(MessageRow, data)


def read_places(database: Database, after: int, limit: int, **equals: str) -> list[Place]:
    """Return places of messages beyond index ``after``, by index; ``equals``: author, kind."""
    question = select(ARRIVALS).where(ARRIVALS.c.log_index > after)
    for at, (field, value) in enumerate(sorted(equals.items())):
        index = ROW_INDEX.alias(f"i{at}")
        question = question.where(
            index.c.tbl == "messages",
            index.c.field == field,
            index.c.value == value,
            index.c.key == ARRIVALS.c.leaf,
        )
    question = question.order_by(ARRIVALS.c.log_index).limit(min(limit, MAX_PAGE))
    with database.read() as connection:
        return [Place(row.log_index, row.leaf, row.recorded_utc) for row in connection.execute(question)]
