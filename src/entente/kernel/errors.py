"""The one tree of errors that entente raises.

What it is for: a caller catches `EntenteError` and knows that nothing was changed. Each error has a
short *code* that may go to a peer or a script, and a *message* for the person or the log.

    EntenteError
    ├── PeerError             the other side broke a rule of the protocol
    │   ├── Malformed         bytes or values that are not of the agreed form
    │   │   └── InvalidVolume an outline, height or window that is not a volume
    │   └── VerificationFailed a signature, proof, hash or chain that does not check
    │       └── Fork          two views of one record that cannot both be true: evidence
    ├── Denied                well-formed and authentic, but a rule or policy says no
    ├── NotFound              a named thing does not exist (or not for this caller)
    ├── TooManyConflicts      a question finds more than it may: says how to narrow it, and gives nothing
    ├── StoreError            durable storage failed or is damaged
    └── TransportError        a peer could not be reached or did not answer in time

A mistake by our own caller is `TypeError` or `ValueError`, never one of these.

Message form: lower case, no full stop, subject first, ``expected X, got Y``; input in ``!r``.

    >>> raise PeerError("log-shrunk", "checkpoint of 'us': expected size >= 7, got 5")
    Traceback (most recent call last):
    entente.kernel.errors.PeerError: checkpoint of 'us': expected size >= 7, got 5 [log-shrunk]
"""

from __future__ import annotations

from decimal import Decimal


class EntenteError(Exception):
    """Root of everything that entente raises on purpose.

    Args:
        code: Stable, hyphenated, for machines: ``"log-shrunk"``.
        message: For people: subject, expected, got.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]"


class PeerError(EntenteError):
    """The other side broke a rule of the protocol."""


class Malformed(PeerError):
    """Bytes or values that are not of the agreed form.

    Args:
        path: Where in the input, as a JSON path (``$.body.volumes[0].floor_cm``), a line
            (``line 3``) or a byte offset; empty when the whole input is meant.
    """

    def __init__(self, code: str, message: str, *, path: str = "") -> None:
        super().__init__(code, message)
        self.path = path

    def __str__(self) -> str:
        where = f" at {self.path}" if self.path else ""
        return f"{self.message}{where} [{self.code}]"


class InvalidVolume(Malformed):
    """An outline, height band or time window that does not describe a volume."""


class VerificationFailed(PeerError):
    """A signature, proof, hash or chain does not check."""


class Fork(VerificationFailed):
    """Two views of one record that cannot both be true.

    Args:
        evidence: What convinces a third party, by file name: exact bytes, never re-encoded.
    """

    def __init__(self, code: str, message: str, *, evidence: dict[str, bytes]) -> None:
        super().__init__(code, message)
        self.evidence = evidence


class Denied(EntenteError):
    """Well-formed and authentic, but a rule or policy says no."""


class NotFound(EntenteError):
    """A named thing does not exist, or not for this caller."""


class TooManyConflicts(EntenteError):
    """A question of the conflict index finds more than it may: a cut answer would hide conflicts."""


class StoreError(EntenteError):
    """Durable storage failed or is damaged. The process must not go on signing."""


class TransportError(EntenteError):
    """A peer could not be reached, or did not answer in time."""


def describe(value: object) -> str:
    """Return what a message calls a value out of a file: short, and never its whole contents."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return repr(value if len(value) <= 60 else value[:60] + "...")
        case int():
            # A huge number is not written out: that alone takes time that grows with the square of its size.
            return str(value) if abs(value) < 10**20 else "a huge number"
        case float():
            return f"the fraction {value!r}"
        case Decimal():
            return str(value) if value.is_finite() else "a number out of any range"
        case list():
            return f"a list of {len(value)}"
        case dict():
            return "a table"
        case _:
            return "a date or time"
