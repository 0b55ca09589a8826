"""Bounded types for what travels: every text, list and number has a limit and a reason.

Invariants: no floats; integers within +-(2^53 - 1); texts and lists bounded, so that the largest
accepted message is known beforehand. The same bounds stand in the generated OpenAPI document, because
both come from these annotations.

    class Body(WireStruct): party: PartyText; note: NoteText
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Final

import msgspec

from entente.kernel.errors import Malformed
from entente.kernel.ids import HEX64_PATTERN, ORIGIN_PATTERN, SLUG_PATTERN
from entente.kernel.time import UTC_PATTERN

MAX_SAFE: Final = 2**53 - 1

SlugText = Annotated[str, msgspec.Meta(pattern=SLUG_PATTERN, min_length=1, max_length=40)]
"""The name of a party, officer or object."""
OptionalSlug = Annotated[str, msgspec.Meta(pattern=rf"^$(?!\n)|{SLUG_PATTERN}", max_length=40)]
"""A name, or nothing."""
Hex64 = Annotated[str, msgspec.Meta(pattern=HEX64_PATTERN, min_length=64, max_length=64)]
"""A SHA-256 value: a leaf hash, root or commitment."""
OptionalHex64 = Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{64})?$(?!\n)", max_length=64)]
"""A SHA-256 value, or nothing."""
OriginText = Annotated[str, msgspec.Meta(pattern=ORIGIN_PATTERN, min_length=2, max_length=100)]
UtcText = Annotated[str, msgspec.Meta(pattern=UTC_PATTERN, min_length=20, max_length=27)]
KindText = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z]+(?:[.-][a-z]+){0,3}$(?!\n)", min_length=1, max_length=40)
]
KeyIDText = Annotated[
    str,
    msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9./-]{0,118}\+[0-9a-f]{8}$(?!\n)", min_length=10, max_length=128),
]
VkeyText = Annotated[
    str, msgspec.Meta(pattern=r"^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$(?!\n)", max_length=256)
]
"""A C2SP note verifier key."""
KeyText = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]{43}=$(?!\n)", min_length=44, max_length=44)]
"""An Ed25519 public key: base64 of 32 bytes."""
SignatureText = Annotated[
    str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]{86}==$(?!\n)", min_length=88, max_length=88)
]
"""An Ed25519 signature: base64 of 64 bytes."""
# SECURITY: texts for people hold no control characters: a partner's name or note is printed on our terminals,
# where an escape sequence could repaint what it stands beside (tests/protocol/test_kernel_message.py).
NameText = Annotated[
    str, msgspec.Meta(pattern=r"^[^\u0000-\u001f\u007f-\u009f]+$(?!\n)", min_length=1, max_length=120)
]
"""A name for people, in any script, on one line."""
NoteText = Annotated[
    str, msgspec.Meta(pattern=r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$(?!\n)", max_length=4000)
]
"""Free text with tabs and line feeds: room for a readout's paragraph, short enough to be read at 3 a.m."""
UrlText = Annotated[str, msgspec.Meta(pattern=r"^(?:https?://[!-~]+)?$(?!\n)", max_length=300)]
LanguageText = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,2}$(?!\n)", max_length=20)
]
"""BCP 47, as far as it names a language, script or region."""
Count = Annotated[int, msgspec.Meta(ge=0, le=MAX_SAFE)]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=60 * 24 * 366)]
Centimetres = Annotated[int, msgspec.Meta(ge=0, le=10**10)]


class WireStruct(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A closed, immutable value as it travels: every field is written, none is implied."""


def parse_base64(text: str, *, what: str, size_bytes: int | None = None) -> bytes:
    """Return the bytes that ``text`` spells in its one base64 spelling.

    SECURITY: decoders accept non-zero trailing bits, so one value has several spellings; here only the
    one that an encoder writes is accepted (tests/protocol/test_envelope_attacks.py).
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("bad-base64", f"{what}: {str(error).lower()}") from error
    if base64.b64encode(data).decode() != text:
        raise Malformed("bad-base64", f"{what}: expected the canonical base64 spelling, got another one")
    if size_bytes is not None and len(data) != size_bytes:
        raise Malformed("bad-length", f"{what}: expected {size_bytes} bytes, got {len(data)}")
    return data


def encode_base64(data: bytes) -> str:
    """Return standard base64 with padding."""
    return base64.b64encode(data).decode()
