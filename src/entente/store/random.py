"""Randomness from the operating system.

Invariant: every byte comes from the kernel's generator; nothing is kept, seeded or shared.
It makes no keys: who needs one draws its seed here.

    >>> len(SystemRandom().draw(32))
    32
"""

from __future__ import annotations

import secrets


class SystemRandom:
    """The `Random` port over the operating system's generator."""

    def draw(self, size_bytes: int) -> bytes:
        """Return exactly ``size_bytes`` bytes that nobody can predict."""
        return secrets.token_bytes(size_bytes)
