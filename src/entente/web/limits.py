"""How often something may be tried: a bucket of tokens for each address or session.

Invariants: memory is bounded: of more than ``most`` names the one that was quiet longest is forgotten; a
refusal says how long to wait; nothing sleeps: time is asked of the clock that was given.

It keeps nothing over a restart: a bucket is full again then, and a process does not restart ten times a
second.

    >>> buckets = Buckets(burst=10, each_s=6.0, get_s=time.monotonic)
    >>> buckets.take("192.0.2.1")
"""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable

from entente.kernel.errors import Denied


class TooOften(Denied):
    """It was tried too often; ``wait_s`` says when it may be tried again."""

    def __init__(self, what: str, wait_s: float) -> None:
        self.wait_s = max(1, math.ceil(wait_s))
        super().__init__("too-often", f"{what}: expected fewer tries, try again in {self.wait_s} s")


class Buckets:
    """One bucket a name. Not for several threads: the event loop asks."""

    def __init__(self, *, burst: int, each_s: float, get_s: Callable[[], float], most: int = 10_000) -> None:
        """Allow ``burst`` at once and one more every ``each_s`` seconds, for each of ``most`` names."""
        self._burst = burst
        self._each_s = each_s
        self._get_s = get_s
        self._most = most
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def take(self, name: str, *, what: str = "request") -> None:
        """Take one, or raise `TooOften`; what was refused costs nothing."""
        now_s = self._get_s()
        level, last_s = self._held.pop(name, (float(self._burst), now_s))
        level = min(float(self._burst), level + max(0.0, now_s - last_s) / self._each_s)
        is_had = level >= 1.0
        self._held[name] = (level - 1.0 if is_had else level, now_s)
        while len(self._held) > self._most:
            self._held.popitem(last=False)
        if not is_had:
            raise TooOften(what, (1.0 - level) * self._each_s)


def name_address(host: str) -> str:
    """Return under which name an address is counted: an IPv6 host has 2^64 addresses, and counts once."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
