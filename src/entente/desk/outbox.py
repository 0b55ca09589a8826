"""The outbox: what this party wants to say, one at a time, until the center has answered with a proof.

    queued     written down, not signed: there is something before it, or the record was not followed yet
    signed     signed, durable here, and in the exposure ledger; sent or about to be sent, not answered yet
    recorded   answered with an inclusion proof that we verified
    refused    the rules or the center say no; a center's no carries its signature, which is kept
    withdrawn  taken back by an officer before it was signed

Invariants:
  * Two envelopes with one number are never signed, unless the first was refused under the center's signature.
  * An envelope is durable before its first byte leaves. After a crash the same bytes are sent again, never
    others.
  * Nothing is signed that our own copy of the rules would refuse, nor before the record was followed once
    since the start: a desk restored from an old backup must not give a number twice.
  * The next message is signed only after the last recorded one was found in the record that we follow.
  * "Sent" is no state: a message without a verified answer is shown as not sent.

It keeps no connection and no thread of its own: `step` makes one attempt, whoever calls it decides when.

    >>> number = outbox.put(Draft("thread.say", body, ("duty-1",)))
    >>> outbox.step().state
    'recorded'
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import msgspec

from entente.desk.answers import (
    RefusedAnswer,
    encode_submission,
    parse_answer,
    parse_recorded,
    parse_refused,
    verify_refusal,
)
from entente.desk.book import Book
from entente.desk.checks import Promise
from entente.desk.compose import Composed, Composer, Draft
from entente.desk.evidence import AlarmBoard, Finding, make_finding
from entente.desk.gate import Gate, Release
from entente.kernel.errors import Denied, EntenteError, Fork, NotFound, PeerError, TransportError
from entente.kernel.ids import LeafHash, LogIndex
from entente.kernel.keys import PublicKey
from entente.kernel.ports import Clock, Transport
from entente.kernel.time import encode_utc

QUEUED: Final = "queued"
SIGNED: Final = "signed"
RECORDED: Final = "recorded"
REFUSED: Final = "refused"
WITHDRAWN: Final = "withdrawn"
MAX_WAITING: Final = 10_000
_SEEN_DENIED: Final = frozenset({"seen-ahead", "seen-fork"})


class OutboxItem(msgspec.Struct, frozen=True):
    """A message of ours and how far it came. ``trouble`` is the last failed attempt, in words."""

    id: int
    token: str
    kind: str
    state: str
    officers: list[str]
    addressees: list[str]
    at: str
    purpose: str
    leaf: str
    index: int | None
    recorded: str
    code: str
    reason: str
    attempts: int
    trouble: str


class Outbox:
    """The outbox of one desk. `put` may be called from any thread, `step` from one."""

    def __init__(
        self,
        book: Book,
        composer: Composer,
        *,
        center_key: PublicKey,
        transport: Transport,
        gate: Gate,
        board: AlarmBoard,
        clock: Clock,
    ) -> None:
        self._book = book
        self._composer = composer
        self._joint = composer.joint
        self._view = composer.view
        self._origin = composer.origin
        self._center_key = center_key
        self._transport = transport
        self._gate = gate
        self._board = board
        self._clock = clock
        self._lock = threading.RLock()
        self.on_put: Callable[[], None] = lambda: None
        self.restore_promises()

    def restore_promises(self) -> None:
        """Hold the center to every answer that it gave before the last stop."""
        for row in self._book.read(
            "SELECT leaf, idx, answer FROM outbox WHERE state = 'recorded' ORDER BY id"
        ):
            self._view.restore_promise(LeafHash(row["leaf"]), LogIndex(row["idx"]), row["answer"])

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give one transaction of the book in which `put` may be called: all of it becomes durable, or none.

        Whoever holds the book alone must not call `put`: the outbox is locked first, everywhere.
        """
        with self._lock, self._book.transaction() as db:
            yield db

    def put(self, draft: Draft) -> OutboxItem:
        """Write down something to say, durably, and sign it at once when its turn is now.

        Raises:
            Malformed, Denied, PeerError: Not of its kind's form, or our own rules say no: nothing was kept.
        """
        item = self._put(draft)
        self.on_put()
        return item

    def _put(self, draft: Draft) -> OutboxItem:
        self._composer.check_form(draft)
        with self._lock:
            token = draft.token or self._composer.random.draw(16).hex()
            known = self._book.read_one("SELECT * FROM outbox WHERE token = ?", (token,))
            if known is not None:
                return _item(known)
            waiting = self._count_waiting()
            if waiting >= MAX_WAITING:
                raise Denied(
                    "outbox-full", f"outbox: expected < {MAX_WAITING} messages waiting, got {waiting}"
                )
            at = encode_utc(self._clock.now_utc())
            if waiting or not self._is_ready():
                return self.get(self._insert(draft, token, at))
            composed = self._composer.compose(draft, at)
            with self._book.transaction():
                number = self._insert(draft, token, at)
                self._keep_signed(number, draft, composed)
            return self.get(number)

    def _count_waiting(self) -> int:
        row = self._book.read_one("SELECT count(*) AS n FROM outbox WHERE state IN ('queued', 'signed')")
        return int(row["n"]) if row else 0

    def _insert(self, draft: Draft, token: str, at: str) -> int:
        with self._book.transaction() as db:
            number = db.execute(
                "INSERT INTO outbox (token, kind, body, officers, addressees, at, purpose, state)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, 'queued')",
                (
                    token,
                    draft.kind,
                    draft.body,
                    json.dumps(list(draft.officers)),
                    json.dumps(list(draft.addressees)),
                    at,
                    draft.purpose,
                ),
            ).lastrowid
        return int(number or 0)

    def _is_ready(self) -> bool:
        """Tell whether the next number may be given: our last message is in the record that we follow."""
        if self._view.fork is not None or not self._joint.is_followed():
            return False
        head = self._joint.find_head()
        if head is None:
            return False
        last = self._book.read_one("SELECT max(seq) AS seq FROM outbox WHERE state = 'recorded'")
        return last is None or last["seq"] is None or last["seq"] <= head[0]

    def _keep_signed(self, number: int, draft: Draft, composed: Composed) -> None:
        """Pass the gate and make the envelope durable, all in one transaction: after this it may be sent."""
        recipients = draft.addressees or self._joint.list_others()
        release = Release(draft.kind, draft.body, recipients, draft.officers, draft.purpose)
        leaf = composed.signed.leaf
        with self._book.transaction() as db:
            self._gate.release(leaf, release).require()
            db.execute(
                "UPDATE outbox SET state = 'signed', envelope = ?, salt = ?, seq = ?, leaf = ?, trouble = ''"
                " WHERE id = ? AND state = 'queued'",
                (composed.signed.raw, composed.salt, composed.seq, leaf, number),
            )
            db.executemany(
                "INSERT INTO ciphertexts VALUES (?, ?, ?)",
                [(number, party, data) for party, data in composed.ciphertexts.items()],
            )
            if composed.salt is not None:
                # We cannot open what we sealed to others: salt and body are the only way to show what we
                # said.
                db.execute(
                    "INSERT OR REPLACE INTO bodies VALUES (?, ?, ?, ?)",
                    (leaf, self._composer.party, composed.salt, draft.body),
                )

    def step(self) -> OutboxItem | None:
        """Make one attempt with the message whose turn it is; None when nothing can be done now.

        Raises:
            TransportError: No answer, or one that is none: try again later. The message stays signed.
            Fork: The answer belongs to another history: nothing is sent any more.
        """
        row = self._next()
        if row is None:
            return None
        if row["state"] == QUEUED:
            signed = self._sign_next(row)
            if signed is None or signed.state != SIGNED:
                return signed
            row = self._row(row["id"])
        ciphertexts = self._book.read("SELECT party, data FROM ciphertexts WHERE outbox = ?", (row["id"],))
        request = encode_submission(row["envelope"], {each["party"]: each["data"] for each in ciphertexts})
        try:
            status, _, body = self._transport.request("POST", "/messages", body=request)
        except TransportError as error:
            self._note_trouble(row["id"], str(error))
            raise
        return self._take_answer(row, status, body)

    def _next(self) -> sqlite3.Row | None:
        if self._view.fork is not None:
            return None
        return self._book.read_one(
            "SELECT * FROM outbox WHERE state IN ('queued', 'signed') ORDER BY state = 'queued', id LIMIT 1"
        )

    def _sign_next(self, row: sqlite3.Row) -> OutboxItem | None:
        draft = Draft(
            row["kind"],
            row["body"],
            tuple(json.loads(row["officers"])),
            tuple(json.loads(row["addressees"])),
            row["purpose"],
            row["token"],
        )
        with self._lock:
            if self._row(row["id"])["state"] != QUEUED or not self._is_ready():
                return None
            try:
                self._keep_signed(row["id"], draft, self._composer.compose(draft, row["at"]))
            except (Denied, PeerError, NotFound) as error:
                # Its turn came, and things have changed since it was written down: it was never signed for
                # anyone.
                return self._end(row["id"], REFUSED, code=error.code, reason=error.message)
            return self.get(row["id"])

    def _take_answer(self, row: sqlite3.Row, status: int, body: bytes) -> OutboxItem:
        leaf = LeafHash(row["leaf"])
        files = {"message": bytes(row["envelope"]), "answer": body}
        try:
            if status == 200:
                answer = parse_recorded(body)
                promise = self._view.verify_answer(leaf, answer)
                return self._keep_recorded(row["id"], promise, answer.recorded)
            if status in {400, 401, 403, 409, 413}:
                return self._take_refusal(row, leaf, body, files)
        except Fork as error:
            self._board.raise_alarm(make_finding(error, subject="record", files=files))
            self._note_trouble(row["id"], str(error))
            raise
        except PeerError as error:
            self._board.raise_alarm(make_finding(error, subject=leaf, files=files))
            self._note_trouble(row["id"], str(error))
            raise TransportError("bad-answer", f"center: {error.message}") from error
        what = _read_code(body)
        self._note_trouble(row["id"], f"center: status {status}{what and f', {what}'}")
        raise TransportError(
            "bad-status", f"center: expected status 200 or a refusal, got {status}{what and f', {what}'}"
        )

    def _keep_recorded(self, number: int, promise: Promise, recorded: str) -> OutboxItem:
        with self._lock, self._book.transaction() as db:
            db.execute(
                "UPDATE outbox SET state = 'recorded', idx = ?, recorded = ?, answer = ?, trouble = '',"
                " attempts = attempts + 1 WHERE id = ?",
                (promise.index, recorded, promise.checkpoint.note, number),
            )
        self._view.expect(
            "the center's answer to our message", promise.checkpoint.size, self._clock.now_utc()
        )
        return self.get(number)

    def _take_refusal(
        self, row: sqlite3.Row, leaf: LeafHash, body: bytes, files: Mapping[str, bytes]
    ) -> OutboxItem:
        answer = parse_refused(body)
        refusal = verify_refusal(answer, leaf, self._center_key, origin=self._origin)
        if refusal is None:
            words = f"center: expected a signed refusal, got {answer.code!r} unsigned: {answer.message}"
            self._board.raise_alarm(Finding("unsigned-refusal", words, leaf, files))
            self._note_trouble(row["id"], words)
            raise TransportError("unsigned-refusal", words)
        code = refusal.refusal.code
        if code in _SEEN_DENIED and self._view.mirrored is not None:
            held = {"held": self._view.mirrored.note, "refusal": refusal.raw, **files}
            words = f"center: expected it to know its own checkpoint of size {self._view.size}, got {code!r}"
            self._board.raise_alarm(Finding("seen-denied", words, leaf, held))
        with self._book.transaction() as db:
            db.execute("UPDATE outbox SET refusal = ? WHERE id = ?", (refusal.raw, row["id"]))
            return self._end(row["id"], REFUSED, code=code, reason=refusal.refusal.message)

    def _end(self, number: int, state: str, *, code: str, reason: str) -> OutboxItem:
        with self._book.transaction() as db:
            db.execute(
                "UPDATE outbox SET state = ?, code = ?, reason = ?, trouble = '' WHERE id = ?",
                (state, code, reason, number),
            )
        return self.get(number)

    def _note_trouble(self, number: int, words: str) -> None:
        with self._book.transaction() as db:
            db.execute(
                "UPDATE outbox SET attempts = attempts + 1, trouble = ? WHERE id = ?", (words[:1000], number)
            )

    def withdraw(self, number: int) -> OutboxItem:
        """Take back what is not signed yet.

        Raises:
            Denied: ``already-signed``: it may have been sent; only an update or a closing message helps now.
        """
        with self._lock:
            item = self.get(number)
            if item.state == WITHDRAWN:
                return item
            if item.state != QUEUED:
                raise Denied(
                    "already-signed", f"message {number}: expected one in state 'queued', got {item.state!r}"
                )
            return self._end(number, WITHDRAWN, code="", reason="")

    def _row(self, number: int) -> sqlite3.Row:
        row = self._book.read_one("SELECT * FROM outbox WHERE id = ?", (number,))
        if row is None:
            raise NotFound("no-message", f"outbox: expected the number of a message, got {number}")
        return row

    def get(self, number: int) -> OutboxItem:
        """Return one message, or raise `NotFound`."""
        return _item(self._row(number))

    def list_waiting(self) -> list[OutboxItem]:
        """Return what is not answered yet, in order."""
        return [
            _item(row)
            for row in self._book.read("SELECT * FROM outbox WHERE state IN ('queued', 'signed') ORDER BY id")
        ]

    def list_refused(self, *, limit: int = 50) -> list[OutboxItem]:
        """Return what was refused, newest first."""
        return [
            _item(row)
            for row in self._book.read(
                "SELECT * FROM outbox WHERE state = 'refused' ORDER BY id DESC LIMIT ?", (limit,)
            )
        ]

    def find_refusal(self, leaf: str) -> bytes | None:
        """Return the signed refusal of a message of ours, or None."""
        row = self._book.read_one(
            "SELECT refusal FROM outbox WHERE leaf = ? AND refusal IS NOT NULL", (leaf,)
        )
        return None if row is None else bytes(row["refusal"])

    def find_item(self, leaf: str) -> OutboxItem | None:
        """Return our message of this name, or None."""
        row = self._book.read_one("SELECT * FROM outbox WHERE leaf = ?", (leaf,))
        return None if row is None else _item(row)

    def find_token(self, token: str) -> OutboxItem | None:
        """Return the message that was put with this token, or None."""
        row = self._book.read_one("SELECT * FROM outbox WHERE token = ?", (token,))
        return None if row is None else _item(row)

    def note_found(self, leaf: str, index: int) -> None:
        """Mark a message as recorded that was found in the record before its answer came (a lost answer)."""
        with self._lock, self._book.transaction() as db:
            note = self._view.mirrored.note if self._view.mirrored else b""
            db.execute(
                "UPDATE outbox SET state = 'recorded', idx = ?, answer = ?, trouble = ''"
                " WHERE leaf = ? AND state = 'signed'",
                (index, note, leaf),
            )


def _item(row: sqlite3.Row) -> OutboxItem:
    return OutboxItem(
        id=row["id"],
        token=row["token"],
        kind=row["kind"],
        state=row["state"],
        officers=json.loads(row["officers"]),
        addressees=json.loads(row["addressees"]),
        at=row["at"],
        purpose=row["purpose"],
        leaf=row["leaf"] or "",
        index=row["idx"],
        recorded=row["recorded"] or "",
        code=row["code"],
        reason=row["reason"],
        attempts=row["attempts"],
        trouble=row["trouble"],
    )


def _read_code(body: bytes) -> str:
    """Return the code in a refusal-like answer, for our own log; empty when it is none."""
    try:
        return parse_answer(body, RefusedAnswer, what="answer").code
    except EntenteError:
        return ""
