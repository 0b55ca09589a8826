"""The command `entente`: finds the command that was asked for and runs only that.

Invariant: `entente --help`, `--version` and a misspelt command import no command module, so that they
answer at once on a slow laptop.

It does not parse options: each command's module has its own cyclopts app.

    $ entente notify --help
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import Final

from entente.cli.output import ExitCode

COMMANDS: Final[dict[str, tuple[str, str, str]]] = {
    # name: (group, module, one line)
    "demo": (
        "Start here",
        "demo",
        "replay 17 September 2016 with a center and two desks, and see what is caught",
    ),
    "center": ("Start here", "center", "make a center (init), run it (serve), restore or rebuild it"),
    "desk": ("Start here", "desk", "make a party's desk (init), join a center (join), run it (serve)"),
    "page": ("Start here", "page", "say who may sign in at a desk's page, and with which roles"),
    "notify": ("Tell and answer", "activity", "tell the others what you will do and where"),
    "update": ("Tell and answer", "activity", "replace an activity by a new version"),
    "close": ("Tell and answer", "activity", "end an activity, or cancel it"),
    "zone": (
        "Tell and answer",
        "zone",
        "declare a zone, vouch for it, withdraw it; ask what holds for a plan",
    ),
    "site": ("Tell and answer", "site", "declare a protected site, confirm, verify or withdraw it"),
    "incident": ("Tell and answer", "incident", "report what was observed; answer for what others report"),
    "ack": ("Tell and answer", "answer", "acknowledge a message, as a named officer"),
    "readback": ("Tell and answer", "answer", "read a notified position back, confirm or dispute one"),
    "concur": ("Tell and answer", "answer", "agree to an activity that needs your agreement"),
    "object": ("Tell and answer", "answer", "object to an activity, with a reason"),
    "reconsider": ("Tell and answer", "answer", "say no to an activity without saying why"),
    "suggest": ("Tell and answer", "suggest", "find the nearest conflict-free time, height or way aside"),
    "counter": (
        "Tell and answer",
        "suggest",
        "propose another time, height or route for a partner's activity",
    ),
    "decline": ("Tell and answer", "suggest", "decline a counter-proposal to your own activity"),
    "see": ("Tell and answer", "alarms", "say that you have seen an alarm of the record"),
    "dismiss": ("Tell and answer", "answer", "take an alarm down, for a reason"),
    "say": ("Talk", "talk", "say something on the hotline, in a thread"),
    "readout": ("Talk", "talk", "propose, sign or dissent from a readout of a call or meeting"),
    "terms": (
        "Agree",
        "terms",
        "write down what each party requires, permits, forbids; ask what is possible and what blocks it",
    ),
    "agreement": (
        "Agree",
        "agreement",
        "propose, sign and follow an agreement; what is due, by whom, by when",
    ),
    "blind": (
        "Look",
        "blind",
        "find out whether your plan and a partner's conflict, without either showing its plan",
    ),
    "release": (
        "Look",
        "release",
        "give a partner what policy lets you give, and know what it gives away",
    ),
    "screen": (
        "Look",
        "screen",
        "find all conflicts in a file of volumes or tracks, or with sites; no center needed",
    ),
    "status": ("Look", "look", "what stands, what is due, what conflicts"),
    "alarms": ("Look", "alarms", "confrontations: who is called, who has seen them, who has not"),
    "watch": ("Look", "look", "follow what happens, a line each"),
    "prove": ("Check", "prove", "write one message's proof file, for a court or a journalist"),
    "verify": ("Check", "verify", "check a mirror or a proof file, offline"),
    "doctor": ("Check", "doctor", "check this desk or center: keys, disk, clock, witnesses"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code (for scripts: `raise SystemExit(main())`)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in {"--help", "-h", "help"}:
        sys.stdout.write(top_help())
        return ExitCode.OK
    if words[0] in {"--version", "-V"}:
        from importlib.metadata import version

        sys.stdout.write(f"entente {version('entente')}\n")
        return ExitCode.OK
    if words[0] not in COMMANDS:
        return _unknown(words[0])
    module = importlib.import_module(f"entente.cli.{COMMANDS[words[0]][1]}")
    from entente.cli.run import run_app

    return run_app(module.APPS[words[0]], words[1:])


def top_help() -> str:
    """Return the text of `entente --help`."""
    lines = [
        "entente: a joint center in software for parties that have to act side by side",
        "and do not trust each other.",
        "",
        "Usage: entente COMMAND [OPTIONS]      entente COMMAND --help for more",
    ]
    group = ""
    for name, (title, _, text) in COMMANDS.items():
        if title != group:
            lines += ["", f"{title}:"]
            group = title
        lines.append(f"  {name:<10} {text}")
    lines += [
        "",
        "Example: entente demo",
        "Exit codes: 0 done, 2 wrong usage or input, 3 refused, 4 verification failed,",
        "            5 no answer, 6 storage failed, 7 blind check: conflict, 8 blind check: invalid,",
        "            1 anything else (please report it)",
    ]
    return "\n".join(lines) + "\n"


def _unknown(word: str) -> ExitCode:
    import difflib

    near = difflib.get_close_matches(word, COMMANDS, n=1)
    sys.stderr.write(f"entente: command: expected one of {', '.join(COMMANDS)}, got {word!r}\n")
    if near:
        sys.stderr.write(f"         did you mean: entente {near[0]}\n")
    return ExitCode.USAGE


def run() -> None:
    """Entry point of the installed script."""
    raise SystemExit(main())
