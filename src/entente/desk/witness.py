"""The party's witness: cosigns only what continues its last cosigned checkpoint and our own mirror.

`record.witness` decides; this class owns the file and adds what only a desk can know: the record itself. It
refuses a checkpoint that disagrees with the history that we mirrored, and, once a fork was found, every
checkpoint.

Invariants:
  * The new state is durable before its cosignature leaves. If we crash in between, the center asks again.
  * One request at a time: the state is checked and set under one lock, in one process (`vault.FolderLock`).
  * A size that we cosigned is a size that the center must show us (`CenterView.expect`).

It serves no HTTP: see `http`. It keeps one log, the one that was joined.

    >>> status, content_type, body = witness.add_checkpoint(request_body)
"""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Annotated, Final

import msgspec

from entente.desk.checks import CenterView
from entente.desk.evidence import AlarmBoard, make_finding
from entente.kernel.canonical import encode_canonical, parse_canonical_as
from entente.kernel.errors import EntenteError, Fork, Malformed, StoreError, VerificationFailed
from entente.kernel.ports import Clock
from entente.kernel.time import to_unix_s
from entente.kernel.wire import Count, Hex64, WireStruct
from entente.record.checkpoint import verify_checkpoint
from entente.record.cosignature import CheckpointCosigner, merge_cosignatures, parse_cosignature_lines
from entente.record.witness import (
    TEXT_CONTENT_TYPE,
    WitnessState,
    parse_add_checkpoint,
    process_add_checkpoint,
)
from entente.store.durable import write_atomic

STATE_FILE: Final = "witness.json"
MAX_STATE_BYTES: Final = 1 << 20
_NoteText = Annotated[str, msgspec.Meta(max_length=300_000)]

Answer = tuple[int, str, bytes]
"""Status, content type, body."""


class _Kept(WireStruct, frozen=True):
    """`WitnessState` as it lies on disk, with the cosignature line that was given for it."""

    line: _NoteText
    note: _NoteText
    origin: str
    root: Hex64
    size: Count
    time_s: Count


class DeskWitness:
    """One party's witness for the one log that it joined. Safe from several threads."""

    def __init__(
        self, path: Path, *, signer: CheckpointCosigner, view: CenterView, board: AlarmBoard, clock: Clock
    ) -> None:
        """Go on from the state at ``path``.

        Raises:
            StoreError: The state is damaged. A witness that forgot what it cosigned must not go on.
        """
        self._path = path
        self._signer = signer
        self._view = view
        self._board = board
        self._clock = clock
        self._lock = threading.Lock()
        self._kept = self._load()
        if self._kept is not None:
            view.expect("our own witness", self._kept.size, clock.now_utc())

    def _load(self) -> _Kept | None:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            kept = parse_canonical_as(data, _Kept, max_bytes=MAX_STATE_BYTES)
            # A state that nobody signed would let a swapped file make us cosign a fork.
            checkpoint = verify_checkpoint(kept.note.encode(), self._view.log_key)
        except EntenteError as error:
            raise StoreError("witness-state", f"{STATE_FILE}: {error.message}") from error
        if (checkpoint.size, checkpoint.root.hex()) != (kept.size, kept.root):
            raise StoreError("witness-state", f"{STATE_FILE}: expected the size and root of its own note")
        return kept

    @property
    def size(self) -> int | None:
        """The largest size that was cosigned; None before the first."""
        return None if self._kept is None else self._kept.size

    @property
    def origin_hash(self) -> str:
        """SHA-256 of the log's origin in hex, as it stands in the monitoring path."""
        return hashlib.sha256(self._view.log_key.name.encode()).hexdigest()

    def add_checkpoint(self, body: bytes) -> Answer:
        """Return the answer to ``add-checkpoint`` (C2SP tlog-witness), having stored what it commits us to.

        Raises:
            StoreError: The state could not be made durable: nothing was cosigned, and the desk must stop.
        """
        try:
            request = parse_add_checkpoint(body)
        except Malformed as error:
            return 400, TEXT_CONTENT_TYPE, f"{error}\n".encode()
        with self._lock:
            refusal = self._refuse_fork(request.note, request.claimed.size)
            if refusal is not None:
                return refusal
            state = None
            if self._kept is not None:
                kept = self._kept
                root = bytes.fromhex(kept.root)
                state = WitnessState(kept.origin, kept.size, root, kept.time_s, kept.note.encode())
            if state is not None and state.origin != request.claimed.origin:
                return 404, TEXT_CONTENT_TYPE, b"unknown log\n"
            decision = process_add_checkpoint(
                state,
                request,
                log_keys={self._view.log_key.name: [self._view.log_key]},
                now_s=to_unix_s(self._clock.now_utc()),
                signer=self._signer,
            )
            if decision.evidence is not None:
                self._board.raise_alarm(make_finding(decision.evidence, "record"))
            new = decision.new_state
            if new is not None:
                kept = _Kept(
                    line=decision.body.decode(),
                    note=new.note.decode(),
                    origin=new.origin,
                    root=new.root.hex(),
                    size=new.size,
                    time_s=new.time_s,
                )
                write_atomic(self._path, encode_canonical(kept))
                # Durable from here on. If we stop now, the center never sees this line and asks again.
                self._kept = kept
                self._view.expect("our own witness", new.size, self._clock.now_utc())
            return decision.status, decision.content_type, decision.body

    def _refuse_fork(self, note: bytes, size: int) -> Answer | None:
        """Return a refusal when a checkpoint, this or an earlier one, contradicts what we mirrored."""
        try:
            if self._view.fork is None and (size > 0 or self._view.size > 0):
                self._view.verify_note(note)
        except Fork as error:
            self._board.raise_alarm(make_finding(error, "record", {"shown": note}))
        except (VerificationFailed, Malformed):
            return None  # not the log's: the checks that follow answer it in their order
        if self._view.fork is None:
            return None
        return (
            422,
            TEXT_CONTENT_TYPE,
            b"this party holds proof that the log forked: it cosigns nothing more\n",
        )

    def find_checkpoint(self, origin_hash: str) -> bytes | None:
        """Return the largest checkpoint that was cosigned, with our cosignature; None when there is none."""
        kept = self._kept
        if kept is None or origin_hash != self.origin_hash:
            return None
        return merge_cosignatures(kept.note.encode(), parse_cosignature_lines(kept.line.encode()))
