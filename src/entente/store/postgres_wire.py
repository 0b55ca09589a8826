"""Prepared statements as bytes on PostgreSQL's wire: any number of them in one round trip.

What it is for: the driver makes each number and list ready in Python, 40 microseconds a statement, and waits
for the server after each. A question of the conflict index is two index scans, a check and insert seven short
statements: here they are packed at once, sent at once and answered at once.

Invariants:
  * Over the driver's own connection, and in its transaction: it sees what was begun or committed here.
  * An error is the driver's own, raised after everything before and behind it was read; what follows a
    failed statement was not executed (`PQpipelineSync`).
  * Whoever uses a connection here uses it nowhere else meanwhile.

It knows no table; and sends nothing that is not a statement of ours with values apart from it.

    >>> wire = Wire(driver_connection)
    >>> wire.run([(LOCK, (encode_int8s([7]), encode_bools([True])))])
"""

from __future__ import annotations

import select
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_INT8: Final = struct.Struct(">q")
_BOOL, _BYTES, _LONG, _INT, _TEXT = 16, 17, 20, 23, 25
"""Numbers of PostgreSQL's types: the same in every server."""
_ARRAY: Final = struct.Struct(">iIIii")
_EMPTY: Final = struct.Struct(">iII")
_SIZE: Final = struct.Struct(">i")
_BINARY: Final = 1

# libpq's own numbers: PGRES_COMMAND_OK, PGRES_TUPLES_OK; PGRES_PIPELINE_SYNC; CONNECTION_OK; PQTRANS_IDLE;
# PG_DIAG_SQLSTATE.
_GOOD: Final = frozenset({1, 2})
_SYNC, _OK, _IDLE, _SQLSTATE = 10, 0, 0, ord("C")

Values = Sequence[bytes | None]


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """A statement with ``$1`` and so on for its values; prepared once in each session under its name."""

    name: str
    sql: str
    wire_name: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Make its name ready."""
        object.__setattr__(self, "wire_name", f"entente_{self.name}".encode())


def encode_int8(value: int) -> bytes:
    """Return a bigint."""
    return _INT8.pack(value)


def encode_int8s(values: Sequence[int]) -> bytes:
    """Return a bigint[]."""
    count = len(values)
    if not count:
        return _EMPTY.pack(0, 0, _LONG)
    flat = [8] * (2 * count)
    flat[1::2] = values
    return _ARRAY.pack(1, 0, _LONG, count, 1) + struct.pack(">" + "iq" * count, *flat)


def encode_int4s(values: Sequence[int]) -> bytes:
    """Return an integer[]."""
    count = len(values)
    if not count:
        return _EMPTY.pack(0, 0, _INT)
    flat = [4] * (2 * count)
    flat[1::2] = values
    return _ARRAY.pack(1, 0, _INT, count, 1) + struct.pack(f">{2 * count}i", *flat)


def encode_bools(values: Sequence[bool]) -> bytes:
    """Return a boolean[]."""
    return _encode(_BOOL, [bytes((value,)) for value in values])


def encode_texts(values: Iterable[str]) -> bytes:
    """Return a text[]."""
    return _encode(_TEXT, [value.encode() for value in values])


def encode_byteas(values: Sequence[bytes]) -> bytes:
    """Return a bytea[]."""
    return _encode(_BYTES, values)


def _encode(kind: int, values: Sequence[bytes]) -> bytes:
    if not values:
        return _EMPTY.pack(0, 0, kind)
    parts = [_ARRAY.pack(1, 0, kind, len(values), 1)]
    for value in values:
        parts += (_SIZE.pack(len(value)), value)
    return b"".join(parts)


def decode_int8(value: bytes) -> int:
    """Return the number that a bigint of an answer is."""
    number: int = _INT8.unpack(value)[0]
    return number


class Wire:
    """A connection of the driver's, and which statements its session has prepared."""

    def __init__(self, driver: Any) -> None:  # noqa: ANN401 - the driver's own
        self._pgconn = driver.pgconn
        self._prepared: set[bytes] = set()

    def ask(self, statement: Statement, values: Values) -> Any:  # noqa: ANN401 - the driver's own
        """Return the answer to one statement.

        Raises:
            psycopg.Error: It failed, or the connection was lost.
        """
        self._prepare(statement)
        answer = self._pgconn.exec_prepared(
            statement.wire_name, values, [_BINARY] * len(values), result_format=_BINARY
        )
        if _is_forgotten(answer):
            self._prepared.clear()
            self._prepare(statement)
            answer = self._pgconn.exec_prepared(
                statement.wire_name, values, [_BINARY] * len(values), result_format=_BINARY
            )
        self._check(answer)
        return answer

    def begin(self, asked: Sequence[tuple[Statement, Values]]) -> list[Any]:
        """Begin a transaction, READ COMMITTED, unless one is open, and do `run`."""
        if self._pgconn.transaction_status != _IDLE:
            self.refresh()
            return self.run(asked)
        answers = self._send(asked, begin=True)
        if any(map(_is_forgotten, answers)):
            # Nothing else happened in it yet: as if it had not begun.
            self._check(self._pgconn.exec_(b"ROLLBACK"))
            self._prepared.clear()
            answers = self._send(asked, begin=True)
        for answer in answers:
            self._check(answer)
        return answers[1:]

    def refresh(self) -> None:
        """Learn what is still prepared: after a rollback the driver has the session forget everything."""
        answer = self._pgconn.exec_(b"SELECT name FROM pg_prepared_statements")
        self._check(answer)
        self._prepared = {answer.get_value(row, 0) for row in range(answer.ntuples)}

    def run(self, asked: Sequence[tuple[Statement, Values]], *, commit: bool = False) -> list[Any]:
        """Return the answers to several statements, sent together.

        Args:
            commit: Commit in the end.

        Raises:
            psycopg.Error: One of them failed, and those behind it were not executed; or the connection was
                lost: then whether it was committed is not known.
        """
        answers = self._send(asked, commit=commit)
        for answer in answers:
            self._check(answer)
        return answers[: len(asked)]

    def _send(
        self, asked: Sequence[tuple[Statement, Values]], *, begin: bool = False, commit: bool = False
    ) -> list[Any]:
        for statement, _ in asked:
            self._prepare(statement)
        pgconn = self._pgconn
        pgconn.enter_pipeline_mode()
        try:
            if begin:
                pgconn.send_query_params(b"BEGIN ISOLATION LEVEL READ COMMITTED", None)
            for statement, values in asked:
                pgconn.send_query_prepared(
                    statement.wire_name, values, [_BINARY] * len(values), result_format=_BINARY
                )
            if commit:
                pgconn.send_query_params(b"COMMIT", None)
            pgconn.pipeline_sync()
            answers = self._collect()
            pgconn.exit_pipeline_mode()
        except BaseException:
            # Answers that nobody read would be taken for those of the next question.
            pgconn.finish()
            raise
        return answers

    def _prepare(self, statement: Statement) -> None:
        if statement.wire_name not in self._prepared:
            self._check(self._pgconn.prepare(statement.wire_name, statement.sql.encode()))
            self._prepared.add(statement.wire_name)

    def _collect(self) -> list[Any]:
        """Send what waits, and read the answers, one a statement, up to the end of all of them."""
        pgconn = self._pgconn
        poller = select.poll()
        is_sent = pgconn.flush() == 0
        poller.register(pgconn.socket, select.POLLIN if is_sent else select.POLLIN | select.POLLOUT)
        answers: list[Any] = []
        while True:
            while pgconn.is_busy() or not is_sent:
                for _, event in poller.poll():
                    if event & ~select.POLLOUT:
                        pgconn.consume_input()
                if not is_sent and pgconn.flush() == 0:
                    is_sent = True
                    poller.modify(pgconn.socket, select.POLLIN)
            answer = pgconn.get_result()
            if answer is None:
                continue  # between two statements
            if answer.status == _SYNC:
                return answers
            answers.append(answer)
            if pgconn.status != _OK:
                self._check(answer)

    def _check(self, answer: Any) -> None:  # noqa: ANN401 - the driver's own
        if answer.status in _GOOD:
            return
        # A tenth of a second, which only who uses PostgreSQL pays.
        from psycopg import OperationalError  # noqa: PLC0415
        from psycopg.errors import error_from_result  # noqa: PLC0415

        if self._pgconn.status != _OK and not answer.error_field(_SQLSTATE):
            raise OperationalError("the connection to the server was lost")
        raise error_from_result(answer)


def _is_forgotten(answer: Any) -> bool:  # noqa: ANN401 - the driver's own
    return answer.status not in _GOOD and answer.error_field(_SQLSTATE) == b"26000"
