"""An authenticator in software: makes and uses passkeys as a browser's device does, or as a thief would.

>>> device = Authenticator("us.localhost")
>>> credential = device.create(options, origin=ORIGIN)
>>> answer = device.get(options, origin=ORIGIN)
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import bytes_to_base64url, encode_cbor

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class Authenticator:
    """One device with one passkey; every field can be set to what an attack needs."""

    place: str
    name: bytes = b"n" * 32
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    uses: int = 0
    flags: int = PRESENT | VERIFIED
    challenge: str | None = None

    def _client_data(self, kind: str, options: dict[str, Any], origin: str) -> bytes:
        challenge = self.challenge or options["challenge"]
        return json.dumps(
            {"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}
        ).encode()

    def _data(self, extra: bytes = b"", flags: int = 0) -> bytes:
        head = hashlib.sha256(self.place.encode()).digest() + bytes([self.flags | flags])
        return head + self.uses.to_bytes(4, "big") + extra

    def create(self, options: dict[str, Any], *, origin: str) -> dict[str, Any]:
        """Answer `navigator.credentials.create`."""
        numbers = self.key.public_key().public_numbers()
        public = encode_cbor(
            {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        )
        attested = b"\0" * 16 + len(self.name).to_bytes(2, "big") + self.name + public
        statement = {"fmt": "none", "attStmt": {}, "authData": self._data(attested, ATTESTED)}
        client = self._client_data("webauthn.create", options, origin)
        return self._spell(
            {
                "clientDataJSON": bytes_to_base64url(client),
                "attestationObject": bytes_to_base64url(encode_cbor(statement)),
            }
        )

    def get(self, options: dict[str, Any], *, origin: str, kind: str = "webauthn.get") -> dict[str, Any]:
        """Answer `navigator.credentials.get`."""
        self.uses += 1
        client, data = self._client_data(kind, options, origin), self._data()
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._spell(
            {
                "clientDataJSON": bytes_to_base64url(client),
                "authenticatorData": bytes_to_base64url(data),
                "signature": bytes_to_base64url(signature),
            }
        )

    def _spell(self, response: dict[str, str]) -> dict[str, Any]:
        name = bytes_to_base64url(self.name)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}
