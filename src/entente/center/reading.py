"""Reading what the record says: every answer of a GET, as a function of the request and the published state.

Invariants:
  * Only what is durable and published is shown: sizes come from one immutable snapshot per request.
  * Reads are short: a page is bounded, a row is given out as it is stored.
  * Nothing is changed.

It speaks no HTTP: `http` does, and calls these functions in a thread of their own.

    >>> reading.process_tile("0/000.p/3").status
    200
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
from sqlalchemy import select

from entente import deconflict, dialogue
from entente.center import archive
from entente.center.answers import Answer, encode_answer
from entente.center.batch import Published
from entente.center.circle import find_dishonest, find_witness_keys
from entente.center.standings import Standings
from entente.kernel.errors import Malformed, NotFound
from entente.kernel.ids import parse_leaf_hash, parse_party_id
from entente.kernel.roster import KeyRow, PartyRow
from entente.kernel.rows import Row, Rows
from entente.kernel.wire import Count, Hex64, UtcText, WireStruct, encode_base64
from entente.record import (
    ENTRIES,
    TILE_WIDTH,
    NoteKey,
    Tree,
    encode_entry_bundle,
    encode_hash_tile,
    parse_size,
    parse_tile_path,
)
from entente.record.policy import encode_policy
from entente.record.proof import encode_proof, make_proof
from entente.record.quorum import make_quorum_policy
from entente.store.journal import Journal
from entente.store.sql import Database
from entente.store.tables import ROW_INDEX, ROWS
from entente.terms.agreement import AgreementRow

MAX_LIMIT: Final = 500
TEXT: Final = "text/plain; charset=utf-8"
BYTES: Final = "application/octet-stream"
FOR_EVER: Final = (("cache-control", "public, max-age=31536000, immutable"),)
NEVER: Final = (("cache-control", "no-store"),)
TABLES: Final[dict[str, type[Row]]] = {
    row.TABLE: row
    for row in (
        deconflict.ActivityRow,
        deconflict.AlarmRow,
        deconflict.ConcurrenceRow,
        deconflict.ConflictRow,
        deconflict.FollowUpRow,
        deconflict.IncidentRow,
        deconflict.PositionRow,
        deconflict.ProposalRow,
        deconflict.ReceiptRow,
        deconflict.SiteRow,
        deconflict.ZoneRow,
        dialogue.ReadoutRow,
        dialogue.SayRow,
        dialogue.ThreadRow,
        AgreementRow,
        KeyRow,
        PartyRow,
    )
}
"""What ``/rows`` gives out. Everything else is for the rules."""


class MessageAnswer(WireStruct, frozen=True):
    """A message in its place."""

    index: Count
    leaf: Hex64
    recorded: UtcText
    standing: Literal["recorded", "firm", "settled"]
    envelope: msgspec.Raw


class ConsistencyAnswer(WireStruct, frozen=True):
    """That the record only grew from ``old`` to ``new``."""

    old: Count
    new: Count
    proof: list[str]


@dataclass(frozen=True, slots=True)
class Reading:
    """The read side of a record. Safe from many threads.

    Attributes:
        rows: Committed rows, uncached.
        find_published, find_standings: Snapshots of the moment.
    """

    tree: Tree
    journal: Journal
    database: Database
    rows: Rows
    log_key: NoteKey
    url: str
    find_published: Callable[[], Published | None]
    find_standings: Callable[[], Standings]

    def get_published(self) -> Published:
        """Return the published state, or raise `NotFound` before the founding."""
        published = self.find_published()
        if published is None:
            raise NotFound("no-record", "record: expected a founded center, this one is a draft")
        return published

    def is_shown(self, event: archive.Event) -> bool:
        """Tell whether what an event is about can be read here already.

        Rows are committed a moment before they are published, and a follower reads them before the frames.
        """
        published = self.find_published()
        numbers = msgspec.json.decode(event.data)
        return published is not None and max(numbers.get("to", 0), numbers.get("size", 0)) <= published.size

    def name_standing(self, index: int) -> Literal["recorded", "firm", "settled"]:
        """Return how far an entry has come."""
        standings = self.find_standings()
        if index < standings.settled_size:
            return "settled"
        return "firm" if index < standings.firm_size else "recorded"

    def process_checkpoint(self, which: str = "newest") -> Answer:
        """Answer with the newest checkpoint, the newest firm, or the newest settled one."""
        published, standings = self.get_published(), self.find_standings()
        sizes = {"newest": published.size, "firm": standings.firm_size, "settled": standings.settled_size}
        note = standings.find_note(sizes[which])
        if note is None:
            if which != "newest":
                raise NotFound("no-checkpoint", f"checkpoint: expected a {which} one, there is none yet")
            note = published.checkpoint.note
        return Answer(200, note, TEXT, NEVER)

    def process_tile(self, path: str) -> Answer:
        """Answer with a tile or an entry bundle, full or partial."""
        tile = parse_tile_path(f"tile/{path}")
        size = self.get_published().size
        level = max(0, tile.level)
        available = (size >> (8 * level)) - tile.index * TILE_WIDTH
        if available < tile.width:
            raise NotFound(
                "no-tile", f"tile {path!r}: expected one of the record of {size} entries, found none"
            )
        if tile.level == ENTRIES:
            first = tile.index * TILE_WIDTH
            data = encode_entry_bundle(self.journal.read_entries(first, first + tile.width))
        else:
            data = encode_hash_tile(self.tree, tile)
        return Answer(200, data, BYTES, FOR_EVER)

    def process_policy(self) -> Answer:
        """Answer with the tlog-policy of the witnesses in force."""
        self.get_published()
        policy = make_quorum_policy(
            self.log_key,
            find_witness_keys(self.rows),
            host=None,
            dishonest=find_dishonest(self.rows),
            log_url=f"{self.url}/record" if self.url else "",
        )
        return Answer(200, encode_policy(policy), TEXT, NEVER)

    def process_proof(self, index_text: str) -> Answer:
        """Answer with a tlog-proof of an entry, under the best checkpoint that covers it."""
        index = parse_size(index_text, what="index")
        published, standings = self.get_published(), self.find_standings()
        for size in (standings.settled_size, standings.firm_size):
            note = standings.find_note(size)
            if index < size and note is not None:
                break
        else:
            self._check_index(index, published)
            note = standings.find_note(published.size) or published.checkpoint.note
        return Answer(200, encode_proof(make_proof(self.tree, index, note)), TEXT, NEVER)

    def process_consistency(self, query: Mapping[str, str]) -> Answer:
        """Answer with the consistency proof between two sizes."""
        size = self.get_published().size
        old = parse_size(query.get("old", ""), what="old", path="?old")
        new = parse_size(query.get("new", str(size)), what="new", path="?new")
        if not old <= new <= size:
            raise Malformed(
                "bad-size", f"sizes: expected old <= new <= {size}, got {old} and {new}", path="?new"
            )
        proof = self.tree.consistency_proof(old, new)
        return encode_answer(ConsistencyAnswer(old, new, [encode_base64(step) for step in proof]))

    def process_message(self, name: str) -> Answer:
        """Answer with one message, named by index or hash."""
        published = self.get_published()
        if len(name) == 64:
            row = archive.find_message(self.database, parse_leaf_hash(name))
            if row is None:
                raise NotFound("no-message", f"message {name[:12]!r}: expected one in the record, found none")
            index = row.index
        else:
            index = parse_size(name, what="index")
        self._check_index(index, published)
        place = archive.find_arrival(self.database, index)
        if place is None:
            raise NotFound("no-message", f"message {index}: expected one in the record, found none")
        return encode_answer(self._describe(place))

    def process_messages(self, query: Mapping[str, str]) -> Answer:
        """Answer with a page of messages, by index."""
        _check_names(query, {"after", "limit", "kind", "author"})
        after = parse_size(query["after"], what="after", path="?after") if "after" in query else -1
        equals = {name: query[name] for name in ("kind", "author") if name in query}
        size = self.journal.size
        places = archive.read_places(self.database, after, _parse_limit(query), **equals)
        # A follower's rows may be ahead of the frames that it has read: those come at the next look.
        return encode_answer([self._describe(place) for place in places if place.index < size])

    def process_sealed(self, leaf: str, party: str) -> Answer:
        """Answer with a ciphertext, byte for byte."""
        data = archive.find_sealed(self.database, parse_leaf_hash(leaf), parse_party_id(party))
        if data is None:
            raise NotFound(
                "no-ciphertext", f"ciphertext of {leaf[:12]!r} for {party!r}: expected one, found none"
            )
        return Answer(200, data, BYTES, (("cache-control", "private, no-store"),))

    def process_rows(self, table: str, query: Mapping[str, str]) -> Answer:
        """Answer with a page of projected rows, by key; each exactly as it is stored."""
        row = TABLES.get(table)
        if row is None:
            raise NotFound("no-table", f"table: expected one of {sorted(TABLES)}, got {table[:40]!r}")
        _check_names(query, {"after", "limit", *row.INDEXED})
        limit = _parse_limit(query)
        found = list(self._list_rows(row, query, limit + 1))
        page = found[:limit]
        following = page[-1][0] if len(found) > limit else None
        body = ",".join(data for _, data in page)
        text = '{"rows":[' + body + '],"next":' + msgspec.json.encode(following).decode() + "}"
        return Answer(200, text.encode())

    def _list_rows(self, row: type[Row], query: Mapping[str, str], limit: int) -> Iterator[tuple[str, str]]:
        """Yield key and data of rows."""
        after, fields = query.get("after", ""), [name for name in row.INDEXED if name in query]
        if row.ALIKE is not None:
            # Many of them may be stored as one: `store.sheaf`.
            equals = {name: query[name] for name in fields}
            for one in self.rows.select(row, after=after, limit=limit, **equals):
                yield one.key(), msgspec.json.encode(one).decode()
            return
        question = select(ROWS.c.key, ROWS.c.data).where(ROWS.c.tbl == row.TABLE, ROWS.c.key > after)
        for at, field in enumerate(fields):
            index = ROW_INDEX.alias(f"i{at}")
            question = question.where(
                index.c.tbl == row.TABLE,
                index.c.field == field,
                index.c.value == query[field],
                index.c.key == ROWS.c.key,
            )
        with self.database.read() as connection:
            found = connection.execute(question.order_by(ROWS.c.key).limit(limit)).all()
        yield from ((key, data) for key, data in found)

    def process_ladder(self, leaf: str) -> Answer:
        """Answer with every rung of a message's ladder."""
        view = deconflict.describe_ladder(
            self.rows, parse_leaf_hash(leaf), self.name_standing, self._find_times
        )
        return encode_answer(view)

    def _find_times(self, index: int) -> tuple[str, str]:
        place = archive.find_arrival(self.database, index)
        return ("" if place is None else place.recorded_utc), ""

    def _describe(self, place: archive.Place) -> MessageAnswer:
        return MessageAnswer(
            index=place.index,
            leaf=place.leaf,
            recorded=place.recorded_utc,
            standing=self.name_standing(place.index),
            envelope=msgspec.Raw(self.journal.read_entry(place.index)),
        )

    @staticmethod
    def _check_index(index: int, published: Published) -> None:
        if index >= published.size:
            raise NotFound("no-entry", f"entry: expected 0 <= index < {published.size}, got {index}")


def _parse_limit(query: Mapping[str, str]) -> int:
    limit = parse_size(query.get("limit", str(MAX_LIMIT)), what="limit", path="?limit")
    if not 1 <= limit <= MAX_LIMIT:
        raise Malformed("bad-limit", f"limit: expected 1 to {MAX_LIMIT}, got {limit}", path="?limit")
    return limit


def _check_names(query: Mapping[str, str], allowed: set[str]) -> None:
    for name in query:
        if "\0" in query[name]:
            # PostgreSQL's texts hold none, and would take it for a fault of ours.
            raise Malformed("bad-parameter", f"{name}: expected no zero byte", path=f"?{name[:40]}")
        if name not in allowed:
            raise Malformed(
                "unknown-parameter",
                f"query: expected one of {sorted(allowed)}, got {name[:40]!r}",
                path=f"?{name[:40]}",
            )


def encode_event(event: archive.Event) -> bytes:
    """Return an event as a server-sent event."""
    return f"id: {event.id}\nevent: {event.type}\ndata: {event.data}\n\n".encode()


def encode_reset(size: int, last_id: int) -> bytes:
    """Return the event that tells a client to look at the record afresh."""
    return f'id: {last_id}\nevent: reset\ndata: {{"size": {size}}}\n\n'.encode()


def to_plain(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """Return a struct as plain values, for `/status` and tests."""
    return msgspec.to_builtins(value)
