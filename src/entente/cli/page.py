"""`entente page ...`: who may sign in at a desk's page, who is signed in, and what was done there.

Invariants: it works through the running desk, with the token from its folder: whoever can read the folder is
the party; a link's secret is printed once and kept nowhere.

    $ entente page invite duty-1 --role duty --desk ./us
"""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from entente.cli.link import DeskFolder, DeskLink
from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.terms.words.text import clean_text

app = make_app(
    "page",
    "Say who may sign in at the desk's page and with which roles; see who is signed in and what was done.\n"
    "Roles: look (everybody who signs in), duty (acknowledge, read back, notify, talk), release (releases\n"
    "and blind checks), chief (agreements, rules, officers).\n\n"
    "Example: entente page invite duty-1 --role duty --role release --desk ./us\n"
    "Example: entente page officers --desk ./us",
)
APPS = {"page": app}

Roles = Annotated[
    list[str] | None, Parameter(name="--role", help="A role; may be given again. All of them if not given.")
]
_ALL = ("look", "duty", "release", "chief")


@app.command
def invite(officer: str, *, role: Roles = None, desk: DeskFolder = None, json: Json = False) -> int:
    """Let an officer of the roster sign in: print a link that opens once, within minutes.

    Example: entente page invite duty-1 --role duty --desk ./us
    """
    link = DeskLink.open(desk)
    answer = link.call("POST", "/session/invite", {"officer": officer, "roles": list(role or _ALL)})
    if json:
        print_json({"ok": True, **answer})
        return ExitCode.OK
    print(answer["url"])
    print(f"\nOpens once, within {answer['minutes']} minutes, for {officer}: whoever has it comes in as him.")
    return ExitCode.OK


@app.command
def officers(*, desk: DeskFolder = None, json: Json = False) -> int:
    """List the roster's officers, who of them may sign in, and with which roles.

    Example: entente page officers --desk ./us
    """
    found = DeskLink.open(desk).call("GET", "/session/officers")
    if json:
        print_json({"ok": True, "officers": found})
        return ExitCode.OK
    for one in found:
        state = ", ".join(one["roles"]) if one["is_invited"] else "not invited"
        gone = "" if one["is_of_roster"] else "   (not of the roster: cannot sign in)"
        keys = f"   {one['keys']} key(s)" if one["keys"] else ""
        print(f"{one['officer']:<16} {clean_text(one['name']):<24} {state}{keys}{gone}")
    return ExitCode.OK


@app.command
def roles(officer: str, *, role: Roles = None, desk: DeskFolder = None, json: Json = False) -> int:
    """Give an officer other roles, from his next request on.

    Example: entente page roles duty-1 --role duty --desk ./us
    """
    link = DeskLink.open(desk)
    answer = link.call("POST", "/session/roles", {"officer": officer, "roles": list(role or _ALL)})
    return _say(answer, f"{officer}: {', '.join(answer['roles'])}", as_json=json)


@app.command
def remove(officer: str, *, desk: DeskFolder = None, json: Json = False) -> int:
    """Let an officer sign in no more: his sessions end, his keys and links are forgotten.

    Example: entente page remove duty-1 --desk ./us
    """
    answer = DeskLink.open(desk).call("POST", "/session/remove", {"officer": officer})
    return _say(answer, f"{officer}: removed", as_json=json)


@app.command
def sessions(*, desk: DeskFolder = None, json: Json = False) -> int:
    """List who is signed in.

    Example: entente page sessions --desk ./us
    """
    found = DeskLink.open(desk).call("GET", "/session/list")
    if json:
        print_json({"ok": True, "sessions": found})
        return ExitCode.OK
    for one in found:
        who = f"{one['id']:>5}  {one['officer']:<16} {one['method']:<12}"
        print(f"{who} used {one['used']}  {one['place']}  {clean_text(one['client'])[:40]}")
    if not found:
        print("nobody is signed in")
    return ExitCode.OK


@app.command
def end(session: int, *, desk: DeskFolder = None, json: Json = False) -> int:
    """End a session.

    Example: entente page end 4 --desk ./us
    """
    answer = DeskLink.open(desk).call("POST", "/session/revoke", {"session": session})
    return _say(answer, f"session {session}: ended", as_json=json)


@app.command
def log(*, after: int = 0, limit: int = 100, desk: DeskFolder = None, json: Json = False) -> int:
    """List what was done at the page: who, by which session, when, and what came of it.

    Example: entente page log --desk ./us
    """
    found = DeskLink.open(desk).call("GET", "/session/acts", after=after or None, limit=limit)
    if json:
        print_json({"ok": True, "acts": found})
        return ExitCode.OK
    for one in found:
        print(f"{one['id']:>6}  {one['at']}  {one['officer']:<16} {one['verb']:<24} {one['code']}")
    return ExitCode.OK


def _say(answer: dict[str, Any], words: str, *, as_json: bool) -> int:
    if as_json:
        print_json({"ok": True, **answer})
    else:
        print(words)
    return ExitCode.OK
