"""The routes under /session: signing in and out, who is signed in, and who may.

    GET  /session                  who I am: officer, party, roles, until when, is it a demo
    GET  /session/ways             how one may sign in here
    POST /session/link             {secret}: by a one-time link
    POST /session/demo             {officer}: on a page of a demo, as any officer of the roster
    POST /session/end              sign out
    GET  /session/list             my sessions; a chief: everybody's
    POST /session/revoke           {session}: end one of mine; a chief: anybody's
    GET  /session/officers         who may sign in                       a chief, or the desk's token
    POST /session/invite           {officer, roles}: a one-time link     a chief, or the desk's token
    POST /session/roles            {officer, roles}                      a chief, or the desk's token
    POST /session/remove           {officer}                             a chief, or the desk's token
    GET  /session/acts             ?after=&limit=: what was done         a chief, or the desk's token

Invariants: each way in ends in a new session with a new secret; a failed try says nothing of why; tries are
counted by address before anything is computed; who did it is written down.

    >>> routes = SignIn(door, desk).make_routes()
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

import msgspec
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from entente.desk.assembly import Desk
from entente.desk.http import DeskHTTP, read_body
from entente.desk.requests import parse_request
from entente.kernel.charter import CharterRow
from entente.kernel.errors import Denied, Malformed
from entente.kernel.roster import PartyRow
from entente.kernel.time import encode_utc
from entente.kernel.wire import SlugText, WireStruct
from entente.web.door import DEMO, Caller, Door
from entente.web.limits import Buckets, name_address
from entente.web.officers import LINK_MINUTES
from entente.web.roles import CHIEF, list_verbs, parse_roles

MAX_BODY_BYTES: Final = 65_536
COMMAND_LINE: Final = "command line"
_LOG = structlog.get_logger("page")
_JSON: Final = "application/json"

Answer = tuple[Any, dict[str, str]]
"""What is answered, and headers beside it."""
Act = Callable[[Request, bytes], Answer]


class LinkRequest(WireStruct, frozen=True, kw_only=True):
    """Sign in by a one-time link."""

    secret: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", max_length=64)]


class OfficerRequest(WireStruct, frozen=True, kw_only=True):
    """Name an officer."""

    officer: SlugText


class RolesRequest(WireStruct, frozen=True, kw_only=True):
    """Name an officer and his roles."""

    officer: SlugText
    roles: Annotated[list[Annotated[str, msgspec.Meta(max_length=20)]], msgspec.Meta(max_length=8)]


class RevokeRequest(WireStruct, frozen=True, kw_only=True):
    """Name a session."""

    session: Annotated[int, msgspec.Meta(ge=1)]


class ActsRequest(WireStruct, frozen=True, kw_only=True):
    """A page of the log."""

    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100


Q = TypeVar("Q", bound=WireStruct)


class SignIn:
    """Signing in and out at one page."""

    def __init__(self, door: Door, desk: Desk, api: DeskHTTP) -> None:
        self._door = door
        self._desk = desk
        self._api = api
        self._tries = Buckets(burst=10, each_s=6.0, get_s=time.monotonic)

    def make_routes(self) -> list[Route]:
        """Return the routes."""
        return [
            self._look("/session", self._show_me),
            self._look("/session/ways", self._show_ways),
            self._look("/session/list", self._list_sessions),
            self._look("/session/officers", self._list_officers),
            self._look("/session/acts", self._list_acts),
            self._change("/session/link", self._enter_by_link, is_try=True),
            self._change("/session/demo", self._enter_demo, is_try=True),
            self._change("/session/end", self._end),
            self._change("/session/revoke", self._revoke),
            self._change("/session/invite", self._invite),
            self._change("/session/roles", self._set_roles),
            self._change("/session/remove", self._remove),
        ]

    def _look(self, path: str, act: Act) -> Route:
        async def serve(request: Request) -> Response:
            if not self._api.is_token(request):
                self._door.check_place(request, is_change=False)
            return await self._answer(request, act, b"")

        return Route(path, serve, methods=["GET"])

    def _change(self, path: str, act: Act, *, is_try: bool = False) -> Route:
        async def serve(request: Request) -> Response:
            if not self._api.is_token(request):
                self._door.check_place(request, is_change=True)
            if is_try:
                # SECURITY: counted before anything is read or computed (tests/protocol/test_web_attacks.py,
                # test_a_hundred_thousand_tries_are_cheap_and_refused).
                place = name_address(request.client.host if request.client else "")
                self._tries.take(place, what="sign-in")
            return await self._answer(request, act, await read_body(request, MAX_BODY_BYTES))

        return Route(path, serve, methods=["POST"])

    async def _answer(self, request: Request, act: Act, body: bytes) -> Response:
        answer, headers = await run_in_threadpool(act, request, body)
        return Response(msgspec.json.encode(answer), media_type=_JSON, headers=headers)

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
            "parties": [{"party": row.party, "name": row.statement.name} for row in rows],
            "officers": [{"officer": one.id, "name": one.name} for one in self._door.officers.list_roster()],
        }

    def _show_ways(self, _request: Request, _body: bytes) -> Answer:
        officers = self._door.officers.list_roster() if self._door.is_demo else []
        return {
            "party": self._desk.party,
            "name": self._desk.vault.config.name,
            "demo": self._door.is_demo,
            "exercise": self._desk.charter.exercise,
            "officers": [{"officer": one.id, "name": one.name} for one in officers],
        }, {}

    # Ways in

    def enter(self, request: Request, officer: str, method: str) -> Answer:
        """Open a session for an officer who has shown who he is."""
        old = self._door.find_session(request)
        if old is not None:
            self._door.sessions.end(old.id, why="signed in anew")
        place = name_address(request.client.host if request.client else "")
        client = request.headers.get("user-agent", "")
        # SECURITY: always a new secret: one that was planted in the browser before is worth nothing
        # afterwards (tests/protocol/test_web_attacks.py, test_a_planted_cookie_is_no_session).
        secret, session = self._door.sessions.open(officer, method=method, place=place, client=client)
        self._door.officers.note(session.id, officer, f"sign-in by {method}", "done")
        _LOG.info("signed-in", officer=officer, method=method, session=session.id)
        return {"officer": officer, "session": session.id}, {
            "set-cookie": self._door.make_cookie(request, secret)
        }

    def _enter_by_link(self, request: Request, body: bytes) -> Answer:
        wanted = _parse(body, LinkRequest)
        return self.enter(request, self._door.officers.redeem(wanted.secret), "link")

    def _enter_demo(self, request: Request, body: bytes) -> Answer:
        wanted = _parse(body, OfficerRequest)
        known = {one.id for one in self._door.officers.list_roster()}
        if not self._door.is_demo or wanted.officer not in known:
            raise Denied("no-demo", "sign-in: expected a page of a demo and an officer of the roster")
        return self.enter(request, wanted.officer, DEMO)

    # Ways out

    def _end(self, request: Request, _body: bytes) -> Answer:
        session = self._door.find_session(request)
        if session is not None:
            self._door.sessions.end(session.id, why="signed out")
            self._door.officers.note(session.id, session.officer, "sign-out", "done")
        return {"ended": session is not None}, {"set-cookie": self._door.drop_cookie(request)}

    def _list_sessions(self, request: Request, _body: bytes) -> Answer:
        officer, is_chief = self._read_who(request)
        return [
            one.show() for one in self._door.sessions.list_open() if is_chief or one.officer == officer
        ], {}

    def _revoke(self, request: Request, body: bytes) -> Answer:
        wanted = _parse(body, RevokeRequest)
        officer, is_chief = self._read_who(request)
        session = self._door.sessions.get(wanted.session)
        if not is_chief and session.officer != officer:
            raise Denied("no-role", f"session: expected one of {officer!r} or a chief, got another's")
        self._door.sessions.end(session.id, why=f"ended by {officer}")
        self._note(request, "end-session", officer)
        return {"ended": session.id}, {}

    # Who may sign in

    def _list_officers(self, request: Request, _body: bytes) -> Answer:
        self._get_chief(request)
        return self._door.officers.list_officers(), {}

    def _list_acts(self, request: Request, _body: bytes) -> Answer:
        self._get_chief(request)
        query = {name: int(text) for name, text in request.query_params.items() if text.isdigit()}
        wanted = parse_request(msgspec.json.encode(query), ActsRequest)
        return self._door.officers.list_acts(after=wanted.after, limit=wanted.limit), {}

    def _invite(self, request: Request, body: bytes) -> Answer:
        wanted = _parse(body, RolesRequest)
        by = self._get_chief(request)
        secret = self._door.officers.invite(wanted.officer, parse_roles(wanted.roles), by=by)
        self._note(request, f"invite {wanted.officer}", by)
        # The secret stands in the fragment, which no browser sends: it enters no log.
        url = f"{self._door.addresses.first}/signin#{secret}"
        return {"officer": wanted.officer, "url": url, "minutes": LINK_MINUTES}, {}

    def _set_roles(self, request: Request, body: bytes) -> Answer:
        wanted = _parse(body, RolesRequest)
        by = self._get_chief(request)
        self._door.officers.set_roles(wanted.officer, parse_roles(wanted.roles), by=by)
        self._note(request, f"roles {wanted.officer}", by)
        return {"officer": wanted.officer, "roles": sorted(parse_roles(wanted.roles))}, {}

    def _remove(self, request: Request, body: bytes) -> Answer:
        wanted = _parse(body, OfficerRequest)
        by = self._get_chief(request)
        self._door.officers.remove(wanted.officer)
        self._door.sessions.end_all_of(wanted.officer, why=f"removed by {by}")
        self._note(request, f"remove {wanted.officer}", by)
        return {"removed": wanted.officer}, {}

    def _read_who(self, request: Request) -> tuple[str, bool]:
        if self._api.is_token(request):
            return COMMAND_LINE, True
        caller = self._door.admit(request)
        return caller.officer, CHIEF in caller.roles

    def _get_chief(self, request: Request) -> str:
        officer, is_chief = self._read_who(request)
        # SECURITY: who is no chief gives nobody roles, himself neither (tests/protocol/test_web_attacks.py,
        # test_nobody_gives_himself_roles).
        if not is_chief:
            raise Denied("no-role", f"page: expected an officer with the role {CHIEF!r}, got {officer!r}")
        return officer

    def _note(self, request: Request, what: str, by: str) -> None:
        session = None if self._api.is_token(request) else self._door.find_session(request)
        self._door.officers.note(None if session is None else session.id, by, what, "done")


def _parse(body: bytes, kind: type[Q]) -> Q:
    try:
        return parse_request(body, kind)
    except Malformed as error:
        # What did not fit may be a secret: it is not said again.
        raise Malformed(error.code, "sign-in: expected a request of its form", path=error.path) from None
