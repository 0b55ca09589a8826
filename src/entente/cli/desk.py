"""`entente desk init|join|serve`: make a party's desk, join a center, run it.

Invariants: `init` never overwrites a desk; `join` shows what is to be compared by voice before anything
depends on it; a passphrase is read from the terminal or a file, never from an argument that others can see
in the process list.

    $ entente desk init ./us --party us --name "Coalition air operations" --officer "duty-1=Duty officer"
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.kernel.canonical import convert_to
from entente.kernel.errors import Malformed
from entente.store.clock import SystemClock, parse_clock

app = make_app(
    "desk",
    "Make a party's desk, join a center with it, or run it.\n\n"
    "Example: entente desk init ./us --party us --name 'Coalition' --officer 'duty-1=Duty officer'\n"
    "Example: entente desk join ./us --center http://127.0.0.1:7100\n"
    "Example: entente desk serve ./us",
)
APPS = {"desk": app}

Passphrase = Annotated[
    Path | None,
    Parameter(
        name="--passphrase-file", help="File with the root keys' passphrase; '-' asks on the terminal."
    ),
]


@app.command
def init(  # noqa: PLR0913 - each is a thing that only the party can say
    folder: Path,
    *,
    party: Annotated[str, Parameter(help="The party's short name: us, ru, un-ocha.")],
    name: Annotated[str, Parameter(help="The party's name, for people.")],
    officer: Annotated[
        list[str],
        Parameter(help="ID=Name or ID=Name:role,role; one for each officer; contacts in this order."),
    ],
    contact: Annotated[
        list[str] | None, Parameter(help="Whom to reach, in this order; all officers if not given.")
    ] = None,
    listen: Annotated[str, Parameter(help="HOST:PORT of the officers' interface on this machine.")] = (
        "127.0.0.1:7101"
    ),
    witness: Annotated[
        str,
        Parameter(
            help="HOST:PORT of the witness, which the center must reach; that port plus 100 if not given."
        ),
    ] = "",
    witness_url: Annotated[str, Parameter(help="How the center reaches the witness, if not by that.")] = "",
    language: Annotated[str, Parameter(help="The desk's language: en, ru, ar.")] = "en",
    root_keys: Annotated[int, Parameter(help="How many root keys the party has.")] = 1,
    root_threshold: Annotated[int, Parameter(help="How many of them must sign.")] = 1,
    passphrase_file: Passphrase = None,
    clock: Annotated[str, Parameter(help="'system', or an exercise clock.")] = "system",
    json: Json = False,
) -> int:
    """Make a desk: its folder, keys and party card.

    Example: entente desk init ./us --party us --name 'Coalition' --officer 'duty-1=Duty officer'
    """
    from entente.desk.config import DeskConfig
    from entente.desk.vault import init_desk
    from entente.store.random import SystemRandom

    officers = [_officer(text) for text in officer]
    contacts = list(contact or [one["id"] for one in officers])
    witness_listen = witness or _next_port(listen)
    config = convert_to(
        {
            "party": party,
            "name": name,
            "language": language,
            "center_url": "",
            "witness_url": witness_url or f"http://{witness_listen}",
            "witness_listen": witness_listen,
            "api_listen": listen,
            "duty_officer": contacts[0],
            "clock": clock,
        },
        DeskConfig,
    )
    from entente.kernel.roster import OfficerWire

    report = init_desk(
        folder,
        config,
        officers=[convert_to(one, OfficerWire) for one in officers],
        contacts=contacts,
        clock=SystemClock(),
        random=SystemRandom(),
        root_keys=root_keys,
        root_threshold=root_threshold,
        passphrase=_passphrase(passphrase_file),
    )
    if json:
        print_json(
            {
                "ok": True,
                "folder": str(folder),
                "card": str(report.card),
                "roots": report.root_fingerprints,
                "desk": report.desk_fingerprint,
            }
        )
        return ExitCode.OK
    print(f"desk      {folder}")
    print(f"card      {report.card}   give this to whoever makes the center; it holds no secret")
    for key_id, text in report.root_fingerprints.items():
        print(f"root key  {text}   {key_id}")
    print(f"desk key  {report.desk_fingerprint}")
    print("\nNext: entente desk join", folder, "--center URL")
    return ExitCode.OK


@app.command
def join(
    folder: Path,
    *,
    center: Annotated[str, Parameter(help="The center's URL.")] = "",
    expect_charter: Annotated[
        str, Parameter(help="The charter's fingerprint as all compared it by voice; refuses another.")
    ] = "",
    passphrase_file: Passphrase = None,
    json: Json = False,
) -> int:
    """Check a center's charter, sign it, and pin it. Safe to repeat.

    Example: entente desk join ./us --center http://127.0.0.1:7100
    """
    from dataclasses import asdict

    from entente.desk.joining import join as join_center
    from entente.desk.vault import Vault
    from entente.store.random import SystemRandom

    report = join_center(
        folder,
        center,
        clock=parse_clock(Vault.load(folder).config.clock),
        random=SystemRandom(),
        passphrase=_passphrase(passphrase_file),
        expect_fingerprint=expect_charter,
    )
    if json:
        print_json({"ok": True, **asdict(report)})
        return ExitCode.OK
    print(f"center    {report.center}{'   (an exercise)' if report.exercise else ''}")
    print(f"charter   {report.charter_fingerprint}   compare this by voice with every party")
    for line in report.parties:
        signed = "signed" if line.has_signed else "not yet signed"
        print(
            f"party     {line.party}: {line.name}, "
            f"{line.threshold} of {len(line.root_fingerprints)} root keys, {signed}"
        )
        for text in line.root_fingerprints:
            print(f"            root {text}")
    if report.missing:
        print(f"\nWaiting for: {', '.join(report.missing)}")
    print("\nNext: entente desk serve", folder)
    return ExitCode.OK


@app.command
def serve(
    folder: Path,
    *,
    demo: Annotated[
        bool, Parameter(help="Nobody needs to sign in at the page; on the loopback alone, and marked.")
    ] = False,
    json: Json = False,
) -> int:
    """Run the desk and its page until it is told to stop (Ctrl-C or SIGTERM).

    Who may sign in at the page: entente page invite --help.

    Example: entente desk serve ./us
    """
    from functools import partial

    from entente.desk.serve import serve_desk
    from entente.web.app import make_page

    return serve_desk(folder, json_logs=json, make_page=partial(make_page, is_demo=demo))


def _officer(text: str) -> dict[str, Any]:
    name_id, equals, rest = text.partition("=")
    name, _, roles = rest.partition(":")
    if not equals or not name:
        raise Malformed("bad-officer", f"officer: expected ID=Name or ID=Name:role,role, got {text!r}")
    return {"id": name_id, "name": name, "roles": [role for role in roles.split(",") if role]}


def _next_port(listen: str) -> str:
    host, _, port = listen.rpartition(":")
    if not port.isdigit():
        raise Malformed("bad-listen", f"listen: expected HOST:PORT, got {listen!r}")
    return f"{host}:{int(port) + 100}"


def _passphrase(source: Path | None) -> str | None:
    if source is None:
        return None
    if str(source) == "-":
        import getpass

        if not sys.stdin.isatty():
            raise Malformed("no-terminal", "passphrase: expected a terminal to ask on, got none")
        return getpass.getpass("Passphrase of the root keys: ")
    try:
        return source.read_text(encoding="utf-8").rstrip("\n")
    except OSError as error:
        raise Malformed("no-file", f"passphrase file {str(source)!r}: {error.strerror}") from error
