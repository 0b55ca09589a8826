"""A submission: from the bytes of a request to a verified message with its ciphertexts.

  1. The request is of its form and size                                     400, 413
  2. The envelope is canonical; its bytes in the request are the leaf        400
  3. The message is of a known kind, its signatures verify                   400, 403
  4. There is one ciphertext for each addressee, sorted, of the signed hash  400

Invariants: nothing is changed here; the exact bytes of the envelope are kept; many threads may do this at
once.

Whether the message may be recorded, `writer` decides, in order.

    >>> parse_submission(body, ring, KINDS).message.leaf
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Final

import msgspec

from entente.center.batch import Submission
from entente.joint import KeyRing, verify_message
from entente.kernel.canonical import MAX_DEPTH
from entente.kernel.envelope import SignedMessage, parse_envelope
from entente.kernel.errors import Malformed
from entente.kernel.ids import PartyID
from entente.kernel.kinds import KindTable
from entente.kernel.message import VerifiedMessage
from entente.kernel.wire import SlugText, WireStruct, parse_base64

MAX_REQUEST_BYTES: Final = 4 << 20
MAX_CIPHERTEXT_BYTES: Final = 49_152
"""A sealed body of 40,000 bytes, padded, with the X-Wing encapsulation and the tag."""
MAX_ADDRESSEES: Final = 40
_BASE64_PATTERN: Final = r"^[A-Za-z0-9+/]*={0,2}$"


class CiphertextWire(WireStruct, frozen=True):
    """A sealed body for one addressee."""

    party: SlugText
    data: Annotated[str, msgspec.Meta(pattern=_BASE64_PATTERN, max_length=MAX_CIPHERTEXT_BYTES * 4 // 3)]


class SubmissionWire(WireStruct, frozen=True):
    """Body of ``POST /messages``. ``envelope`` is kept as it was written."""

    envelope: msgspec.Raw
    ciphertexts: Annotated[list[CiphertextWire], msgspec.Meta(max_length=MAX_ADDRESSEES)]


_DECODER: Final = msgspec.json.Decoder(SubmissionWire)


def parse_request(body: bytes) -> tuple[SignedMessage, tuple[tuple[PartyID, bytes], ...]]:
    """Return the envelope and the ciphertexts of a request (steps 1 and 2), or raise `Malformed`."""
    if len(body) > MAX_REQUEST_BYTES:
        raise Malformed("too-large", f"request: expected <= {MAX_REQUEST_BYTES} bytes, got {len(body)}")
    try:
        wire = _DECODER.decode(body)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at `")
        raise Malformed(
            "wrong-type",
            f"request: {message[:1].lower()}{message[1:]}",
            path=where.removesuffix("`") or "$",
        ) from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        # SECURITY: a request of brackets alone must not cost a stack (test_center_attacks.py, deep nesting).
        code = "too-deep" if isinstance(error, RecursionError) else "not-json"
        raise Malformed(code, f"request: expected JSON, nested <= {MAX_DEPTH} deep: {error}") from error
    signed = parse_envelope(bytes(wire.envelope))
    ciphertexts = tuple(
        (PartyID(one.party), parse_base64(one.data, what=f"ciphertext for {one.party!r}"))
        for one in wire.ciphertexts
    )
    return signed, ciphertexts


def verify_submission(
    signed: SignedMessage,
    ciphertexts: tuple[tuple[PartyID, bytes], ...],
    ring: KeyRing,
    kinds: KindTable,
) -> Submission:
    """Return the submission (steps 3 and 4), or raise `Malformed` or `VerificationFailed`."""
    message = verify_message(signed, ring, kinds)
    _check_ciphertexts(message, ciphertexts)
    return Submission(message, ciphertexts)


def _check_ciphertexts(message: VerifiedMessage[Any], ciphertexts: tuple[tuple[PartyID, bytes], ...]) -> None:
    wanted = [one.party for one in message.payload.to]
    got = [party for party, _ in ciphertexts]
    if wanted != got:
        raise Malformed(
            "bad-ciphertexts",
            f"ciphertexts: expected one for each of {wanted}, got {got}",
            path="$.ciphertexts",
        )
    for place, (addressee, (party, data)) in enumerate(zip(message.payload.to, ciphertexts, strict=True)):
        path = f"$.ciphertexts[{place}].data"
        if len(data) > MAX_CIPHERTEXT_BYTES:
            raise Malformed(
                "too-large",
                f"ciphertext for {party!r}: expected <= {MAX_CIPHERTEXT_BYTES} bytes, got {len(data)}",
                path=path,
            )
        digest = hashlib.sha256(data).hexdigest()
        if digest != addressee.ciphertext:
            raise Malformed(
                "other-ciphertext",
                f"ciphertext for {party!r}: expected SHA-256 {addressee.ciphertext}, got {digest}",
                path=path,
            )
