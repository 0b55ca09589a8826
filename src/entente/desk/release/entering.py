"""What passes the gate is entered: items only if charged, notifications to the secrets that want them.

What it is for: the one ledger of the gate (`entente.desk.gate.Ledger`), in front of the book's. Every message
and parcel of the desk passes here, signed or about to be, in the transaction that makes it durable.

Invariants:
  * SECURITY: an item, and a yes to passing one on, leave only with a charge in the book for these very bytes
    and this recipient, by whatever way they came here (tests/protocol/test_desk_release_attacks.py,
    test_nothing_passes_the_gate_uncharged).
  * A notification is charged and told, never refused: it is there for safety. What cannot be charged becomes
    an alarm, and the notification goes out.
  * A failure of the disk stands in the way of everything.

It judges nothing.

    >>> gate = Gate(GateLedger(BookLedger(book, clock), book, charge_notice, board))
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from entente.desk.book import Book
from entente.desk.evidence import AlarmBoard, Finding
from entente.desk.gate import BookLedger, Release
from entente.kernel.errors import Denied, EntenteError, StoreError
from entente.kernel.ids import LeafHash
from entente.release.item import RELEASE_ITEM
from entente.release.onward import RELEASE_GRANT
from entente.space import VolumeWire

NOT_CHARGED: Final = "notice-not-charged"
_NOTICES: Final = frozenset({"activity.notify", "activity.update", "zone.declare", "site.declare"})

ChargeNotice = Callable[[str, str, Sequence[str], Sequence[VolumeWire]], None]
"""Charge the places of a notification: its leaf, its object's name, who reads it, its volumes."""


class _Notice(msgspec.Struct, frozen=True):
    """What is read of a notification's body."""

    id: str = ""
    volumes: list[VolumeWire] = msgspec.field(default_factory=list)
    volume: VolumeWire | None = None


class _Answer(msgspec.Struct, frozen=True):
    """What is read of an answer about passing on."""

    granted: bool = True


class GateLedger:
    """The ledger in front of the gate of one desk (`gate.Ledger`)."""

    def __init__(self, inner: BookLedger, book: Book, charge_notice: ChargeNotice, board: AlarmBoard) -> None:
        self._inner = inner
        self._book = book
        self._charge_notice = charge_notice
        self._board = board

    def enter(self, leaf: LeafHash, release: Release) -> None:
        """Enter a release once for each recipient; refuse an item that was not charged."""
        if release.kind == RELEASE_ITEM.name or (
            release.kind == RELEASE_GRANT.name and _decode(release.body, _Answer).granted
        ):
            self._require_charged(release)
        self._inner.enter(leaf, release)
        if release.kind in _NOTICES:
            self._enter_notice(leaf, release)

    def _require_charged(self, release: Release) -> None:
        rows = self._book.read(
            "SELECT recipient FROM release_plans WHERE state = 'sending' AND is_charged = 1 AND body = ?",
            (release.body,),
        )
        if not any(row["recipient"] in release.recipients for row in rows):
            raise Denied("not-charged", f"{release.kind}: expected a release that was charged, this was not")

    def _enter_notice(self, leaf: LeafHash, release: Release) -> None:
        notice = _decode(release.body, _Notice)
        volumes = notice.volumes if notice.volume is None else [notice.volume]
        with self._book.transaction() as db:
            db.execute("SAVEPOINT notice")
            try:
                name = f"{release.kind.partition('.')[0]} {notice.id}"
                self._charge_notice(leaf, name, release.recipients, volumes)
            except StoreError:
                raise
            except (EntenteError, ValueError, ArithmeticError) as error:
                db.execute("ROLLBACK TO notice")
                self._raise_alarm(leaf, release, error)
            db.execute("RELEASE notice")

    def _raise_alarm(self, leaf: LeafHash, release: Release, error: Exception) -> None:
        code = error.code if isinstance(error, EntenteError) else type(error).__name__
        words = f"{release.kind}: its place could not be charged to the secrets that want it [{code}]"
        self._board.raise_alarm(Finding(NOT_CHARGED, words, leaf))


def _decode(body: bytes, kind: type[Any]) -> Any:  # noqa: ANN401 - what is read of a body
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError:
        # Not of its kind's form: the outbox checks that before, so that this is not ours to judge.
        return kind()
