"""Root keys: a party's last word about itself, with a threshold.

Invariant: a threshold is between 1 and the number of keys, and no key stands twice, so that "two of three"
means two people. It does not say what root keys may sign: rosters and the charter do.

    >>> parse_roots(statement.roots, what="roster of 'us'")
"""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from entente.kernel.errors import Malformed
from entente.kernel.ids import KeyID
from entente.kernel.keys import KeyWire, PublicKey, parse_public_key
from entente.kernel.wire import WireStruct

MAX_ROOTS: Final = 9


class Roots(WireStruct, frozen=True):
    """Root keys and how many of them must sign."""

    keys: Annotated[list[KeyWire], msgspec.Meta(min_length=1, max_length=MAX_ROOTS)]
    threshold: Annotated[int, msgspec.Meta(ge=1, le=MAX_ROOTS)]


def parse_roots(roots: Roots, *, what: str) -> dict[KeyID, PublicKey]:
    """Return the root keys by id, or raise when they are not what they say."""
    keys = [parse_public_key(wire) for wire in roots.keys]
    found = {key.key_id: key for key in keys}
    if len({key.raw for key in keys}) != len(keys) or len(found) != len(keys):
        raise Malformed("duplicate-key", f"{what}: expected each root key once")
    if roots.threshold > len(keys):
        raise Malformed(
            "bad-threshold", f"{what}: expected threshold <= {len(keys)} keys, got {roots.threshold}"
        )
    return found
