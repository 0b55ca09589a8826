"""Keys that an officer signs in with: passkeys (WebAuthn level 2), and certificates of the party's own CA.

A passkey is bound by the browser to the host name under which the page is served, and is asked for the
person's own proof (finger, face, PIN): a stolen device is not enough. A certificate is known by its exact
bytes; that it chains to an authority of the listener, TLS has checked.

Invariants:
  * A challenge is drawn anew for each try, is bound to the browser that asked (a cookie that no script sees),
    to one purpose, officer and origin, lasts `CHALLENGE_S` seconds and is used up by the first answer, right
    or wrong.
  * Origin, host name, the person's proof and the signature are checked by `webauthn`; a sign count that does
    not grow is a copied key, and refused.
  * A failed try says nothing of why.

It opens no session: see `signin`.

    >>> options, ticket = keys.start_entry("https://desk.example")
    >>> keys.finish_entry(ticket, credential)
    'duty-1'
"""

from __future__ import annotations

import hashlib
import ipaddress
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.options_to_json_dict import options_to_json_dict
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AttestationFormat,
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from entente.desk.book import Book
from entente.kernel.errors import Denied, NotFound
from entente.kernel.ports import Clock, Random
from entente.kernel.time import encode_utc
from entente.web.sessions import digest_secret

CHALLENGE_S: Final = 300.0
MAX_CHALLENGES: Final = 1_000
MAX_KEYS_EACH: Final = 20
_LOG = structlog.get_logger("page")
_ENTRY: Final = "entry"
_NEW: Final = "new"


class NoEntry(Denied):
    """A key did not open the page; no more is said."""

    def __init__(self) -> None:
        super().__init__("no-entry", "sign-in: expected a key of an officer who may sign in, got none")


@dataclass(frozen=True, slots=True)
class _Challenge:
    purpose: str
    data: bytes
    origin: str
    officer: str
    until_s: float


class KeyShelf:
    """The officers' keys, and what is asked of them. Safe from several threads."""

    def __init__(
        self, book: Book, clock: Clock, random: Random, *, party: str, get_s: Callable[[], float]
    ) -> None:
        """Keep keys in ``book``; ``get_s`` tells seconds that only grow."""
        self._book = book
        self._clock = clock
        self._random = random
        self._party = party
        self._get_s = get_s
        self._lock = threading.Lock()
        self._asked: OrderedDict[str, _Challenge] = OrderedDict()

    # Signing in

    def start_entry(self, origin: str) -> tuple[dict[str, Any], str]:
        """Return what a browser must ask a passkey for, and the ticket that its answer comes with."""
        place = get_place(origin)
        data, ticket = self._ask(_ENTRY, origin, "")
        options = generate_authentication_options(
            rp_id=place,
            challenge=data,
            timeout=int(CHALLENGE_S * 1000),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return options_to_json_dict(options), ticket

    def finish_entry(self, ticket: str, credential: dict[str, Any]) -> str:
        """Return whose passkey answered, or raise `NoEntry`."""
        asked = self._take(ticket, _ENTRY)
        row = self._find_passkey(credential)
        if row is None or row["place"] != get_place(asked.origin):
            raise NoEntry
        try:
            # SECURITY: challenge, origin, host name, the person's own proof, signature and sign count, each
            # of them (tests/protocol/test_web_passkeys.py tries every one).
            verified = verify_authentication_response(
                credential=credential,
                expected_challenge=asked.data,
                expected_rp_id=row["place"],
                expected_origin=asked.origin,
                credential_public_key=row["public"],
                credential_current_sign_count=row["uses"],
                require_user_verification=True,
            )
        except Exception as error:  # noqa: BLE001 - the library's own, many
            # Whatever a stranger's bytes make the library raise, it is one refusal.
            _LOG.info("passkey-refused", why=f"{type(error).__name__}: {error}"[:200])
            raise NoEntry from None
        with self._book.transaction(is_told=False) as db:
            used = db.execute(
                "UPDATE page_keys SET uses = ?, used = ? WHERE id = ? AND uses = ?",
                (verified.new_sign_count, encode_utc(self._clock.now_utc()), row["id"], row["uses"]),
            ).rowcount
        if not used:
            raise NoEntry
        return str(row["officer"])

    def _find_passkey(self, credential: dict[str, Any]) -> sqlite3.Row | None:
        try:
            name = base64url_to_bytes(str(credential.get("id", "")))
        except ValueError:
            return None
        return self._book.read_one("SELECT * FROM page_keys WHERE kind = 'passkey' AND name = ?", (name,))

    def find_certificate(self, der: bytes) -> str:
        """Return whose certificate it is, or raise `NoEntry`."""
        name = hashlib.sha256(der).digest()
        row = self._book.read_one("SELECT * FROM page_keys WHERE kind = 'certificate' AND name = ?", (name,))
        if row is None:
            raise NoEntry
        with self._book.transaction(is_told=False) as db:
            db.execute(
                "UPDATE page_keys SET used = ? WHERE id = ?", (encode_utc(self._clock.now_utc()), row["id"])
            )
        return str(row["officer"])

    # Keeping keys

    def start_new(self, origin: str, officer: str, name: str) -> tuple[dict[str, Any], str]:
        """Return what a browser must ask a new passkey for, and the ticket that its answer comes with."""
        place = get_place(origin)
        data, ticket = self._ask(_NEW, origin, officer)
        handle = hashlib.sha256(f"entente officer\n{self._party}\n{officer}".encode()).digest()
        rows = self._book.read(
            "SELECT name FROM page_keys WHERE kind = 'passkey' AND officer = ? AND place = ?",
            (officer, place),
        )
        options = generate_registration_options(
            rp_id=place,
            rp_name=f"entente desk of {self._party}",
            user_id=handle,
            user_name=f"{officer}@{self._party}",
            user_display_name=name,
            challenge=data,
            timeout=int(CHALLENGE_S * 1000),
            attestation=AttestationConveyancePreference.NONE,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=row["name"]) for row in rows],
        )
        return options_to_json_dict(options), ticket

    def finish_new(self, ticket: str, officer: str, credential: dict[str, Any], label: str) -> int:
        """Keep a new passkey of an officer; return its number. Raise `NoEntry` where it does not stand up."""
        asked = self._take(ticket, _NEW)
        if asked.officer != officer:
            raise NoEntry
        place = get_place(asked.origin)
        try:
            verified = verify_registration_response(
                credential=credential,
                expected_challenge=asked.data,
                expected_rp_id=place,
                expected_origin=asked.origin,
                require_user_verification=True,
            )
        except Exception as error:  # noqa: BLE001 - as above
            _LOG.info("passkey-refused", why=f"{type(error).__name__}: {error}"[:200])
            raise NoEntry from None
        # We asked for no statement about the device's maker: one that comes anyway is not what we asked for.
        if verified.fmt != AttestationFormat.NONE:
            raise NoEntry
        return self._keep(
            "passkey",
            verified.credential_id,
            officer,
            place,
            verified.credential_public_key,
            verified.sign_count,
            label,
        )

    def keep_certificate(self, der: bytes, officer: str, label: str) -> int:
        """Let a certificate open the page for an officer; return its number."""
        return self._keep("certificate", hashlib.sha256(der).digest(), officer, "", der, 0, label)

    def _keep(
        self, kind: str, name: bytes, officer: str, place: str, public: bytes, uses: int, label: str
    ) -> int:
        with self._book.transaction(is_told=False) as db:
            known = db.execute("SELECT 1 FROM page_keys WHERE name = ?", (name,)).fetchone()
            count = db.execute("SELECT count(*) FROM page_keys WHERE officer = ?", (officer,)).fetchone()[0]
            if known is not None or count >= MAX_KEYS_EACH:
                raise Denied(
                    "no-more-keys", f"key: expected a new one and at most {MAX_KEYS_EACH} of an officer"
                )
            number = db.execute(
                "INSERT INTO page_keys (kind, name, officer, place, public, uses, label, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (kind, name, officer, place, public, uses, label, encode_utc(self._clock.now_utc())),
            ).lastrowid
        return int(number or 0)

    def list_keys(self, officer: str | None = None) -> list[dict[str, Any]]:
        """Return an officer's keys, or everybody's."""
        rows = self._book.read("SELECT * FROM page_keys ORDER BY id")
        return [
            {name: row[name] for name in ("id", "kind", "officer", "place", "label", "at", "used")}
            for row in rows
            if officer is None or row["officer"] == officer
        ]

    def drop(self, number: int, *, officer: str | None) -> None:
        """Forget a key, of one officer or (None) of anybody."""
        with self._book.transaction(is_told=False) as db:
            gone = db.execute(
                "DELETE FROM page_keys WHERE id = ? AND officer = coalesce(?, officer)", (number, officer)
            ).rowcount
        if not gone:
            raise NotFound("no-key", f"key: expected the number of one of yours, got {number}")

    # Challenges

    def _ask(self, purpose: str, origin: str, officer: str) -> tuple[bytes, str]:
        data, ticket = self._random.draw(32), self._random.draw(32).hex()
        asked = _Challenge(purpose, data, origin, officer, self._get_s() + CHALLENGE_S)
        with self._lock:
            self._asked[digest_secret(ticket)] = asked
            while len(self._asked) > MAX_CHALLENGES:
                self._asked.popitem(last=False)
        return data, ticket

    def _take(self, ticket: str, purpose: str) -> _Challenge:
        # SECURITY: taken out whether the answer is right or not: a challenge is answered once
        # (tests/protocol/test_web_passkeys.py, test_an_answer_is_worth_something_once).
        with self._lock:
            asked = self._asked.pop(digest_secret(ticket), None)
        if asked is None or asked.purpose != purpose or self._get_s() > asked.until_s:
            raise NoEntry
        return asked


def get_place(origin: str) -> str:
    """Return the host name that passkeys of an origin are bound to; raise `Denied` where it is an address."""
    host = urlsplit(origin).hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host
    raise Denied("no-host-name", f"passkey: expected a page that was opened by a name, got {host!r}")
