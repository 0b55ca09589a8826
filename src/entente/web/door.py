"""The door: who is behind a request, and whether he may ask for what he asks.

    1. The host that was asked for is one of ours              addresses
    2. The request was made by a page of ours                  addresses
    3. Its session's secret is one that lasts                  sessions
    4. Its officer is of the roster and of the page, now       officers
    5. His role is what the verb wants                         roles

Invariants: all five, in this order, before anything is read of the body; what fails says its code and nothing
of the desk. On a page of a demo an officer needs no session; such a page is on the loopback alone.

It opens no session: see `signin`.

    >>> caller = door.admit(request, is_change=True)
    >>> door.check_verb(caller, "acknowledge")
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from entente.desk.assembly import Desk
from entente.kernel.errors import Denied
from entente.web.addresses import Addresses, check_json, check_site
from entente.web.officers import OfficerShelf
from entente.web.roles import ROLES, check_role
from entente.web.sessions import Session, SessionShelf

DEMO: Final = "demo"


@dataclass(frozen=True, slots=True)
class Caller:
    """An officer at the page. ``session`` None: nobody signed in, on a page of a demo."""

    officer: str
    name: str
    roles: frozenset[str]
    session: Session | None
    is_demo: bool

    @property
    def number(self) -> int | None:
        """The number of his session."""
        return None if self.session is None else self.session.id


class NoSession(Denied):
    """Nobody is signed in."""

    def __init__(self) -> None:
        super().__init__("no-session", "page: expected somebody who is signed in")


class Door:
    """Judges each request of one page."""

    def __init__(
        self,
        desk: Desk,
        addresses: Addresses,
        sessions: SessionShelf,
        officers: OfficerShelf,
        *,
        is_demo: bool,
    ) -> None:
        self.addresses = addresses
        self.sessions = sessions
        self.officers = officers
        self.is_demo = is_demo
        self._desk = desk

    def check_place(self, request: Request, *, is_change: bool) -> str:
        """Return the origin that a request was made to by its own page, or raise `Denied`."""
        headers = request.headers
        origin = self.addresses.check_host(request.url.scheme, headers.get("host", ""))
        check_site(headers, origin, is_change=is_change)
        if is_change:
            check_json(headers)
        return origin

    def admit(self, request: Request) -> Caller:
        """Return who is behind a request, or raise `NoSession`. Reads the book: not for the event loop."""
        session = self.find_session(request)
        if session is None:
            if self.is_demo:
                return self._admit_demo(self._desk.vault.config.duty_officer, None)
            raise NoSession
        if session.method == DEMO:
            return self._admit_demo(session.officer, session)
        found = self.officers.find(session.officer)
        if found is None:
            self.sessions.end(session.id, why="the officer is in the roster or on the page no more")
            raise NoSession
        return Caller(found.officer, found.name, found.roles, session, is_demo=False)

    def _admit_demo(self, officer: str, session: Session | None) -> Caller:
        # SECURITY: a session of a demo is worth nothing where none is served, whatever the book holds
        # (tests/protocol/test_web_attacks.py, test_a_session_of_a_demo_ends_with_it).
        name = next((one.name for one in self.officers.list_roster() if one.id == officer), None)
        if not self.is_demo or name is None:
            raise NoSession
        return Caller(officer, name, frozenset(ROLES), session, is_demo=True)

    def find_session(self, request: Request) -> Session | None:
        """Return the session of a request's cookie."""
        secret = find_cookie(request, self.cookie_name(request))
        return self.sessions.find(secret) if secret else None

    def check_verb(self, caller: Caller, verb: str) -> None:
        """Return if the officer may ask for a verb; raise `Denied`."""
        check_role(verb, caller.officer, caller.roles)

    # Cookies

    def cookie_name(self, request: Request) -> str:
        """Return the name of the session's cookie; browsers send a cookie to every port of its host."""
        port = request.url.port or ""
        if request.url.scheme == "https":
            return f"__Host-entente-{port}"
        return f"entente-{self._desk.party}-{port}"

    def make_cookie(self, request: Request, secret: str, *, name: str = "") -> str:
        """Return the header that gives a browser its session (or another secret); no script ever sees it."""
        safe = "; Secure" if request.url.scheme == "https" else ""
        name = f"{self.cookie_name(request)}{name}"
        return f"{name}={secret}; Path=/; HttpOnly; SameSite=Strict{safe}"

    def drop_cookie(self, request: Request, *, name: str = "") -> str:
        """Return the header that takes it away again."""
        return f"{self.make_cookie(request, '', name=name)}; Max-Age=0"


def find_cookie(request: Request, name: str) -> str:
    """Return a cookie's value; nothing where there is none, or more than one.

    Two of one name: somebody else set one of them, from a sibling host or by another way.
    """
    found = [
        value.strip()
        for line in request.headers.getlist("cookie")
        for key, _, value in (part.partition("=") for part in line.split(";"))
        if key.strip() == name
    ]
    return found[0] if len(found) == 1 and len(found[0]) <= 200 else ""
