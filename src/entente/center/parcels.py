"""Parcels at the center: who may leave one, who gets one, and when one goes.

  1. A deposit is of its form and size, and the party's desk key in force signed it     400, 413, 403
  2. It is new, or this very one; few come in at a time, within the party's quota       403, 429
  3. It comes in as it was said, hash and length, in time                               400
  4. It is durable: only now it is answered

Invariants:
  * Nothing of a body is kept before its signature is verified; whatever breaks off, slows down or lies leaves
    nothing.
  * A message that names a parcel is taken in only while the parcel lies here, given by its author for that
    addressee, and the parcel then stays until the message is in the record: so that an entry means that the
    parcel was there. This is the center's, not a rule of the record: no desk judges by it.
  * A parcel to the center is served to nobody. Others are served once the record names them; they are sealed.
  * Un-named parcels go after an hour; named ones stay for the days of the settings, and to the end of their
    epoch (lists to the center: of the audit) in any case. A fetch brings nothing forward: anyone may fetch.

It speaks no HTTP (`parcel_http` does), owns no thread, and looks into no parcel (`matching` does).

    >>> parcels = Parcels(home, ports)
    >>> parcels.require(message)
    Traceback (most recent call last):
    entente.kernel.errors.Denied: parcel 5891b5b522d5: expected to be deposited first by 'us' ... [no-parcel]
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import structlog

from entente.blind import ParcelRow
from entente.blind.deposit import Deposit, verify_deposit
from entente.blind.holding import find_last_need_s
from entente.blind.naming import NAMING, list_parcels
from entente.center.answers import Busy, NotSigning
from entente.center.metrics import Metrics
from entente.joint import KeyRing, MessageRow
from entente.kernel.errors import Denied, NotFound, VerificationFailed
from entente.kernel.ids import parse_leaf_hash
from entente.kernel.message import CENTER, VerifiedMessage
from entente.kernel.ports import Clock
from entente.kernel.rows import Rows
from entente.kernel.time import to_unix_s
from entente.store.parcel_home import Lying, ParcelHome, Spool

MOST_UPLOADS: Final = 8
MOST_UPLOADS_EACH: Final = 2
UNNAMED_S: Final = 3_600
UNNAMED_PARCELS: Final = 64
UNNAMED_BYTES: Final = 256 << 20
"""What a party may have lie here that no message names: a desk deposits, then sends the message at once."""
MOST_PARCELS: Final = 10_000
"""Of one party, named or not: small ones cost a name and a place each."""
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class ParcelPorts:
    """What `Parcels` needs of the rest of the center.

    Attributes:
        rows: What is committed; from any thread.
        find_ring: The keys in force; None for a draft.
        days: How long a named parcel stays at least.
        quota_bytes: What one party's parcels may take together.
    """

    rows: Rows
    origin: str
    clock: Clock
    find_ring: Callable[[], KeyRing | None]
    days: int
    quota_bytes: int
    metrics: Metrics


@dataclass(slots=True)
class _Use:
    """What a party has lying here and coming in."""

    parcels: int = 0
    size_bytes: int = 0
    unnamed: int = 0
    unnamed_bytes: int = 0


class Parcels:
    """See the module. Every method may be called from any thread."""

    def __init__(self, home: ParcelHome, ports: ParcelPorts) -> None:
        self.home = home
        self._ports = ports
        self._lock = threading.Lock()
        self._coming: list[Deposit] = []
        self._wanted_s: dict[str, int] = {}
        self._named: set[str] = set()
        self._log = structlog.get_logger("parcels")

    # Coming in

    def verify(self, deposit: Deposit, signature: bytes) -> None:
        """Return if the party's desk key in force signed the deposit (step 1)."""
        ring = self._ports.find_ring()
        if ring is None:
            raise NotSigning("no-charter", "center: expected a founded one, it is a draft")
        desk = ring.desks.get(deposit.party)
        if desk is None:
            raise VerificationFailed("unknown-author", f"parcel: expected a party, got {deposit.party!r}")
        verify_deposit(deposit, signature, desk)
        if deposit.to == deposit.party or (deposit.to != CENTER and deposit.to not in ring.desks):
            raise Denied("bad-addressee", f"parcel: expected another party or {CENTER!r}, got {deposit.to!r}")

    def begin(self, deposit: Deposit) -> Spool | None:
        """Return where a verified deposit can come in (step 2); None when it lies here already.

        Whoever gets one calls `end`, whatever happened; what was not kept by then leaves nothing.
        """
        with self._lock:
            if self._is_here(deposit):
                return None
            self._check_room(deposit)
            self._coming.append(deposit)
        try:
            return self.home.open_spool(deposit.size_bytes)
        except BaseException:
            self._forget(deposit)
            raise

    def end(self, spool: Spool, deposit: Deposit) -> None:
        """Be done with a deposit, kept or not."""
        spool.close()
        self._forget(deposit)

    def _forget(self, deposit: Deposit) -> None:
        with self._lock:
            self._coming.remove(deposit)

    def keep(self, spool: Spool, deposit: Deposit) -> None:
        """Have a parcel that came in lie here (steps 3 and 4)."""
        spool.finish(deposit.sha256)
        now_s = to_unix_s(self._ports.clock.now_utc())
        lying = Lying(deposit.sha256, deposit.party, deposit.to, deposit.size_bytes, now_s)
        kept = self.home.keep(spool, lying)
        if kept is not lying:
            self._check_same(kept, deposit)
        self._ports.metrics.parcels_deposited.inc()
        self._log.info(
            "parcel-deposited", parcel=deposit.sha256[:12], party=deposit.party, to=deposit.to,
            size_bytes=deposit.size_bytes,
        )  # fmt: skip

    def _is_here(self, deposit: Deposit) -> bool:
        known = self.home.find(deposit.sha256)
        if known is not None:
            self._check_same(known, deposit)
            return True
        row = self._ports.rows.find(ParcelRow, deposit.sha256)
        if row is not None:
            # SECURITY: what was removed may come again from its author alone: nobody else can put himself
            # between the record and its parcel (test_center_parcels.py, test_a_parcel_is_its_first_givers).
            self._check_same(
                Lying(row.sha256, row.author, row.to, row.size_bytes, 0), deposit, by=f"entry {row.leaf[:12]}"
            )
        return False

    @staticmethod
    def _check_same(known: Lying, deposit: Deposit, *, by: str = "another deposit") -> None:
        if (known.party, known.to, known.size_bytes) != (deposit.party, deposit.to, deposit.size_bytes):
            raise Denied(
                "parcel-taken",
                f"parcel {deposit.sha256[:12]}: expected a new one, {by} has it, from or for another",
            )

    def _check_room(self, deposit: Deposit) -> None:
        """SECURITY: what comes in counts before it is there, or many at a time would get past every limit."""
        theirs = [one for one in self._coming if one.party == deposit.party]
        if len(self._coming) >= MOST_UPLOADS or len(theirs) >= MOST_UPLOADS_EACH:
            raise Busy(
                "busy", f"center: expected fewer than {len(theirs)} parcels of {deposit.party!r} on their way"
            )
        use = self._measure(deposit.party)
        for one in (*theirs, deposit):
            use.parcels += 1
            use.size_bytes += one.size_bytes
            if not self._is_named(one.sha256):
                use.unnamed += 1
                use.unnamed_bytes += one.size_bytes
        for what, got, most in (
            ("parcels", use.parcels, MOST_PARCELS),
            ("bytes", use.size_bytes, self._ports.quota_bytes),
            ("parcels that no message names", use.unnamed, UNNAMED_PARCELS),
            ("bytes that no message names", use.unnamed_bytes, UNNAMED_BYTES),
        ):
            if got > most:
                raise Denied(
                    "parcel-quota",
                    f"parcels of {deposit.party!r}: expected <= {most} {what}, this would be {got}: those "
                    f"that no message names go after {UNNAMED_S // 60} minutes, others after "
                    f"{self._ports.days} days",
                )

    def _measure(self, party: str) -> _Use:
        use = _Use()
        for lying in self.home.list_lying(party):
            use.parcels += 1
            use.size_bytes += lying.size_bytes
            if not self._is_named(lying.sha256):
                use.unnamed += 1
                use.unnamed_bytes += lying.size_bytes
        return use

    def _is_named(self, sha256: str) -> bool:
        # What was named once is for ever; there are few others at any time.
        if sha256 not in self._named and self._ports.rows.find(ParcelRow, sha256) is not None:
            self._named.add(sha256)
        return sha256 in self._named

    # Messages

    def require(self, message: VerifiedMessage[Any]) -> None:
        """Return if every parcel that a message names lies here; have them stay for now.

        Raises:
            Denied: ``no-parcel``: it is to be deposited first.
        """
        if not isinstance(message.body, NAMING):
            return
        rows = self._ports.rows
        if rows.find(MessageRow, message.leaf) is not None:
            return  # in the record already: answered with its place, whether or not its parcels are gone
        now_s = to_unix_s(self._ports.clock.now_utc())
        with self._lock:
            for parcel, to in list_parcels(message.body, message.author, rows):
                known = self.home.find(parcel.sha256)
                wanted = (message.author, to, parcel.size_bytes)
                if known is None or (known.party, known.to, known.size_bytes) != wanted:
                    raise Denied(
                        "no-parcel",
                        f"parcel {parcel.sha256[:12]}: expected to be deposited first, by {message.author!r} "
                        f"for {to!r}, with {parcel.size_bytes} bytes (PUT /parcels/{parcel.sha256})",
                    )
                self._wanted_s[parcel.sha256] = now_s

    # Going out

    def find_served(self, sha256: str) -> Lying:
        """Return the parcel that somebody asks for.

        Raises:
            NotFound: ``no-parcel``: the record names none; ``parcel-gone``: its time is over.
            Denied: ``for-center``.
        """
        row = self._ports.rows.find(ParcelRow, parse_leaf_hash(sha256))
        if row is None:
            raise NotFound(
                "no-parcel", f"parcel {sha256[:12]}: expected one that the record names, found none"
            )
        if row.to == CENTER:
            # SECURITY: a party that got the other's list could compare it with its own: all that the mode
            # hides (tests/protocol/test_center_parcels.py, test_a_list_to_the_center_is_served_to_nobody).
            raise Denied(
                "for-center", f"parcel {sha256[:12]}: expected one to a party, it is for the center alone"
            )
        lying = self.home.find(sha256)
        if lying is None:
            raise NotFound(
                "parcel-gone",
                f"parcel {sha256[:12]}: expected it to lie here, it does not any more: "
                f"{row.author!r} can deposit it again",
            )
        return lying

    def sweep(self) -> int:
        """Remove what has had its time, and return how many parcels that were."""
        now_s = to_unix_s(self._ports.clock.now_utc())
        removed = 0
        sizes: dict[str, int] = dict.fromkeys(ring.desks if (ring := self._ports.find_ring()) else (), 0)
        for lying in self.home.list_lying():
            with self._lock:
                is_over = self._is_over(lying, now_s)
                if is_over:
                    self.home.remove(lying.sha256)
                    self._named.discard(lying.sha256)
                    self._wanted_s.pop(lying.sha256, None)
            if is_over:
                removed += 1
                self._ports.metrics.parcels_removed.inc()
                self._log.info("parcel-removed", parcel=lying.sha256[:12], party=lying.party, to=lying.to)
            else:
                sizes[lying.party] = sizes.get(lying.party, 0) + lying.size_bytes
        for party, size_bytes in sizes.items():
            self._ports.metrics.parcel_bytes.labels(party).set(size_bytes)
        return removed

    def _is_over(self, lying: Lying, now_s: int) -> bool:
        row = self._ports.rows.find(ParcelRow, lying.sha256)
        if row is None:
            # A message that names it may be on its way: it counts anew from there.
            since_s = max(lying.deposited_s, self._wanted_s.get(lying.sha256, lying.deposited_s))
            return now_s - since_s >= UNNAMED_S
        if now_s - lying.deposited_s < self._ports.days * _DAY_S:
            return False
        return now_s >= find_last_need_s(self._ports.rows, row)
