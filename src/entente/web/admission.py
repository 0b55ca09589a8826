"""Who may sign in, by what, and who is signed in: for officers about themselves, for a chief about everybody.

    GET  /session/list             my sessions; a chief: everybody's
    POST /session/revoke           {session}: end one of mine; a chief: anybody's
    GET  /session/keys             my passkeys and certificates; a chief: everybody's
    POST /session/passkey/new      what to ask a new passkey for            soon after signing in
    POST /session/passkey/keep     {credential, label}: keep it             soon after signing in
    POST /session/keys/drop        {key}: forget one of mine; a chief: anybody's
    POST /session/keys/certificate {officer, certificate, label}            a chief, or the desk's token
    GET  /session/officers         who may sign in                          a chief, or the desk's token
    POST /session/invite           {officer, roles}: a one-time link        a chief, or the desk's token
    POST /session/roles            {officer, roles}                         a chief, or the desk's token
    POST /session/remove           {officer}                                a chief, or the desk's token
    GET  /session/acts             ?after=&limit=: what was done            a chief, or the desk's token

Invariants: nobody raises himself: roles are a chief's to give; a key is added only soon after a sign-in, so
that a session left open makes no lasting way in; whatever is done here is written down.

    >>> routes = Admission(asking).make_routes()
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Final

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding
from starlette.requests import Request
from starlette.routing import Route

from entente.desk.requests import parse_request
from entente.kernel.errors import Denied
from entente.kernel.wire import NameText, SlugText, WireStruct
from entente.store.tls import parse_certificate
from entente.web.asking import Answer, Asking, parse_asked
from entente.web.door import Caller, NoSession, find_cookie
from entente.web.officers import LINK_MINUTES
from entente.web.roles import parse_roles
from entente.web.signin import TICKET, OfficerRequest

FRESH: Final = timedelta(minutes=15)
"""How soon after a sign-in a key may be added."""


class RolesRequest(WireStruct, frozen=True, kw_only=True):
    """Name an officer and his roles."""

    officer: SlugText
    roles: Annotated[list[Annotated[str, msgspec.Meta(max_length=20)]], msgspec.Meta(max_length=8)]


class RevokeRequest(WireStruct, frozen=True, kw_only=True):
    """Name a session."""

    session: Annotated[int, msgspec.Meta(ge=1)]


class DropKeyRequest(WireStruct, frozen=True, kw_only=True):
    """Name a key."""

    key: Annotated[int, msgspec.Meta(ge=1)]


class KeepRequest(WireStruct, frozen=True, kw_only=True):
    """A new passkey, as `PublicKeyCredential.toJSON` spells it."""

    credential: dict[str, Any]
    label: NameText


class CertificateRequest(WireStruct, frozen=True, kw_only=True):
    """A certificate (PEM) that opens the page for an officer."""

    officer: SlugText
    certificate: Annotated[str, msgspec.Meta(max_length=20_000)]
    label: NameText


class ActsRequest(WireStruct, frozen=True, kw_only=True):
    """A page of the log."""

    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100


class Admission:
    """Officers, keys and sessions of one page."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking
        self._door = asking.door

    def make_routes(self) -> list[Route]:
        """Return the routes."""
        look, change = self._asking.look, self._asking.change
        return [
            look("/session/list", self._list_sessions),
            change("/session/revoke", self._revoke),
            look("/session/keys", self._list_keys),
            change("/session/passkey/new", self._start_key),
            change("/session/passkey/keep", self._keep_key),
            change("/session/keys/drop", self._drop_key),
            change("/session/keys/certificate", self._keep_certificate),
            look("/session/officers", self._list_officers),
            change("/session/invite", self._invite),
            change("/session/roles", self._set_roles),
            change("/session/remove", self._remove),
            look("/session/acts", self._list_acts),
        ]

    # Sessions

    def _list_sessions(self, request: Request, _body: bytes) -> Answer:
        officer, is_chief = self._asking.read_who(request)
        return [
            one.show() for one in self._door.sessions.list_open() if is_chief or one.officer == officer
        ], {}

    def _revoke(self, request: Request, body: bytes) -> Answer:
        wanted = parse_asked(body, RevokeRequest)
        officer, is_chief = self._asking.read_who(request)
        session = self._door.sessions.get(wanted.session)
        if not is_chief and session.officer != officer:
            raise Denied("no-role", f"session: expected one of {officer!r} or a chief, got another's")
        self._asking.note(request, f"end session {session.id}", officer)
        self._door.sessions.end(session.id, why=f"ended by {officer}")
        return {"ended": session.id}, {}

    # Keys

    def _list_keys(self, request: Request, _body: bytes) -> Answer:
        officer, is_chief = self._asking.read_who(request)
        return self._asking.keys.list_keys(None if is_chief else officer), {}

    def _get_fresh(self, request: Request) -> Caller:
        caller = self._door.admit(request)
        if caller.session is None or caller.is_demo:
            raise NoSession
        # SECURITY: a session that somebody left open, or lost, makes no key that outlives it
        # (tests/protocol/test_web_passkeys.py, test_an_old_session_adds_no_key).
        if not self._door.sessions.is_fresh(caller.session, FRESH):
            raise Denied(
                "not-fresh", "key: expected a sign-in of the last minutes: sign out, sign in, then add it"
            )
        return caller

    def _start_key(self, request: Request, _body: bytes) -> Answer:
        caller = self._get_fresh(request)
        origin = self._door.check_place(request, is_change=True)
        options, ticket = self._asking.keys.start_new(origin, caller.officer, caller.name)
        return {"publicKey": options}, {"set-cookie": self._door.make_cookie(request, ticket, name=TICKET)}

    def _keep_key(self, request: Request, body: bytes) -> Answer:
        wanted = parse_asked(body, KeepRequest)
        caller = self._get_fresh(request)
        ticket = find_cookie(request, self._door.cookie_name(request) + TICKET)
        number = self._asking.keys.finish_new(ticket, caller.officer, wanted.credential, wanted.label)
        self._asking.note(request, f"add passkey {number}", caller.officer)
        return {"key": number}, {"set-cookie": self._door.drop_cookie(request, name=TICKET)}

    def _drop_key(self, request: Request, body: bytes) -> Answer:
        wanted = parse_asked(body, DropKeyRequest)
        officer, is_chief = self._asking.read_who(request)
        self._asking.keys.drop(wanted.key, officer=None if is_chief else officer)
        self._asking.note(request, f"drop key {wanted.key}", officer)
        return {"dropped": wanted.key}, {}

    def _keep_certificate(self, request: Request, body: bytes) -> Answer:
        wanted = parse_asked(body, CertificateRequest)
        by = self._asking.get_chief(request)
        self._door.officers.check_of_roster(wanted.officer)
        der = parse_certificate(wanted.certificate).public_bytes(Encoding.DER)
        number = self._asking.keys.keep_certificate(der, wanted.officer, wanted.label)
        self._asking.note(request, f"add certificate {number} of {wanted.officer}", by)
        return {"key": number, "officer": wanted.officer}, {}

    # Officers

    def _list_officers(self, request: Request, _body: bytes) -> Answer:
        self._asking.get_chief(request)
        return self._door.officers.list_officers(), {}

    def _invite(self, request: Request, body: bytes) -> Answer:
        wanted = parse_asked(body, RolesRequest)
        by = self._asking.get_chief(request)
        secret = self._door.officers.invite(wanted.officer, parse_roles(wanted.roles), by=by)
        self._asking.note(request, f"invite {wanted.officer}", by)
        # The secret stands in the fragment, which no browser sends: it enters no log.
        url = f"{self._door.addresses.first}/signin#{secret}"
        return {"officer": wanted.officer, "url": url, "minutes": LINK_MINUTES}, {}

    def _set_roles(self, request: Request, body: bytes) -> Answer:
        wanted = parse_asked(body, RolesRequest)
        by = self._asking.get_chief(request)
        roles = parse_roles(wanted.roles)
        self._door.officers.set_roles(wanted.officer, roles, by=by)
        self._asking.note(request, f"roles {wanted.officer}: {' '.join(sorted(roles))}", by)
        return {"officer": wanted.officer, "roles": sorted(roles)}, {}

    def _remove(self, request: Request, body: bytes) -> Answer:
        wanted = parse_asked(body, OfficerRequest)
        by = self._asking.get_chief(request)
        self._asking.note(request, f"remove {wanted.officer}", by)
        self._door.officers.remove(wanted.officer)
        self._door.sessions.end_all_of(wanted.officer, why=f"removed by {by}")
        return {"removed": wanted.officer}, {}

    def _list_acts(self, request: Request, _body: bytes) -> Answer:
        self._asking.get_chief(request)
        query = {name: int(text) for name, text in request.query_params.items() if text.isdecimal()}
        wanted = parse_request(msgspec.json.encode(query), ActsRequest)
        return self._door.officers.list_acts(after=wanted.after, limit=wanted.limit), {}
