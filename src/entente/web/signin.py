"""The ways in and out: who I am, signing in by link, passkey or certificate, signing out.

    GET  /session                  who I am: officer, party, roles, until when, is it a demo
    GET  /session/ways             how one may sign in here
    POST /session/link             {secret}: by a one-time link
    POST /session/passkey/start    what to ask a passkey for
    POST /session/passkey/finish   {credential}: by its answer
    POST /session/certificate      by the client certificate of the connection
    POST /session/demo             {officer}: on a page of a demo, as any officer of the roster
    POST /session/end              sign out

Invariants: each way in ends in a new session with a new secret; a failed try says nothing of why; an officer
comes in only while he is of the roster and of the page.

Who may, and with which keys, is `admission`'s.

    >>> routes = SignIn(asking).make_routes()
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from starlette.requests import Request
from starlette.routing import Route

from entente.kernel.charter import CharterRow
from entente.kernel.errors import Denied
from entente.kernel.roster import PartyRow
from entente.kernel.time import encode_utc
from entente.kernel.wire import SlugText, WireStruct
from entente.web.asking import Answer, Asking, parse_asked
from entente.web.door import DEMO, Caller, find_cookie
from entente.web.passkeys import NoEntry, get_place
from entente.web.roles import list_verbs

TICKET: Final = "-try"
"""What is added to the session cookie's name for the ticket of a challenge."""


class LinkRequest(WireStruct, frozen=True, kw_only=True):
    """Sign in by a one-time link."""

    secret: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", max_length=64)]


class OfficerRequest(WireStruct, frozen=True, kw_only=True):
    """Name an officer."""

    officer: SlugText


class CredentialRequest(WireStruct, frozen=True, kw_only=True):
    """What a passkey answered, as `PublicKeyCredential.toJSON` spells it."""

    credential: dict[str, Any]


class SignIn:
    """Signing in and out at one page."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._door = asking.door
        self._desk = asking.desk

    def make_routes(self) -> list[Route]:
        """Return the routes."""
        look, change = self._asking.look, self._asking.change
        return [
            look("/session", self._show_me),
            look("/session/ways", self._show_ways),
            change("/session/link", self._enter_by_link, is_try=True),
            change("/session/passkey/start", self._start_passkey, is_try=True),
            change("/session/passkey/finish", self._enter_by_passkey, is_try=True),
            change("/session/certificate", self._enter_by_certificate, is_try=True),
            change("/session/demo", self._enter_demo, is_try=True),
            change("/session/end", self._end),
        ]

    # Who I am

    def _show_me(self, request: Request, _body: bytes) -> Answer:
        return self._describe(self._door.admit(request)), {}

    def _describe(self, caller: Caller) -> dict[str, Any]:
        desk, now = self._desk, self._desk.clock.now_utc()
        is_founded = desk.rows.find(CharterRow, "charter") is not None
        rows = list(desk.rows.select(PartyRow)) if is_founded else []
        session = caller.session
        return {
            "officer": caller.officer,
            "name": caller.name,
            "party": desk.party,
            "party_name": desk.vault.config.name,
            "language": desk.vault.config.language,
            "center": desk.pin.origin,
            "center_name": desk.charter.name,
            "roles": sorted(caller.roles),
            "verbs": list_verbs(caller.roles),
            "demo": caller.is_demo,
            "exercise": desk.charter.exercise,
            "expires": "" if session is None else encode_utc(session.until),
            "session": caller.number,
            "method": "" if session is None else session.method,
            "now_ms": int(now.timestamp() * 1000),
            "rate": getattr(desk.clock, "rate", 1),
            # SECURITY: known before anything is drawn, so that no word of a center that was found lying
            # stands there unmarked, be it for a moment (tests/browser/test_page_attacks.py).
            "link": desk.link.state,
            "is_forked": desk.view.fork is not None,
            "parties": [{"party": row.party, "name": row.statement.name} for row in rows],
            "officers": [{"officer": one.id, "name": one.name} for one in self._door.officers.list_roster()],
        }

    def _show_ways(self, request: Request, _body: bytes) -> Answer:
        officers = self._door.officers.list_roster() if self._door.is_demo else []
        origin = self._door.check_place(request, is_change=False)
        try:
            has_name = bool(get_place(origin))
        except Denied:
            has_name = False
        return {
            "party": self._desk.party,
            "name": self._desk.vault.config.name,
            "demo": self._door.is_demo,
            "exercise": self._desk.charter.exercise,
            "officers": [{"officer": one.id, "name": one.name} for one in officers],
            "passkey": has_name,
            "certificate": find_peer(request) is not None,
            "named": self._door.addresses.first,
        }, {}

    # Ways in

    def _enter_by_link(self, request: Request, body: bytes) -> Answer:
        wanted = parse_asked(body, LinkRequest)
        return self._asking.enter(request, self._door.officers.redeem(wanted.secret), "link")

    def _start_passkey(self, request: Request, _body: bytes) -> Answer:
        origin = self._door.check_place(request, is_change=True)
        options, ticket = self._asking.keys.start_entry(origin)
        return {"publicKey": options}, {"set-cookie": self._door.make_cookie(request, ticket, name=TICKET)}

    def _enter_by_passkey(self, request: Request, body: bytes) -> Answer:
        wanted = parse_asked(body, CredentialRequest)
        ticket = find_cookie(request, self._door.cookie_name(request) + TICKET)
        officer = self._asking.keys.finish_entry(ticket, wanted.credential)
        return self._enter_known(request, officer, "passkey")

    def _enter_by_certificate(self, request: Request, _body: bytes) -> Answer:
        peer = find_peer(request)
        if peer is None:
            raise NoEntry
        return self._enter_known(request, self._asking.keys.find_certificate(peer), "certificate")

    def _enter_known(self, request: Request, officer: str, method: str) -> Answer:
        if self._door.officers.find(officer) is None:
            raise NoEntry
        answer, headers = self._asking.enter(request, officer, method)
        gone = self._door.drop_cookie(request, name=TICKET)
        return answer, {"set-cookie": f"{headers['set-cookie']}\n{gone}"}

    def _enter_demo(self, request: Request, body: bytes) -> Answer:
        wanted = parse_asked(body, OfficerRequest)
        known = {one.id for one in self._door.officers.list_roster()}
        if not self._door.is_demo or wanted.officer not in known:
            raise Denied("no-demo", "sign-in: expected a page of a demo and an officer of the roster")
        return self._asking.enter(request, wanted.officer, DEMO)

    # The way out

    def _end(self, request: Request, _body: bytes) -> Answer:
        session = self._door.find_session(request)
        if session is not None:
            self._door.sessions.end(session.id, why="signed out")
            self._door.officers.note(session.id, session.officer, "sign-out", "done")
        return {"ended": session is not None}, {"set-cookie": self._door.drop_cookie(request)}


def find_peer(request: Request) -> bytes | None:
    """Return the client's certificate in DER, which TLS has checked; None where it showed none."""
    # SECURITY: what the socket's own TLS says, never a header (tests/protocol/test_web_passkeys.py,
    # test_a_header_is_no_certificate).
    found = request.scope.get("extensions", {}).get("tls", {}).get("peer")
    return found if isinstance(found, bytes) and request.url.scheme == "https" else None
