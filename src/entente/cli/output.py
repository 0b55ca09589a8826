"""What the command line prints, and the codes with which it ends.

Invariant: with ``--json`` standard output holds one JSON value (or, for streams, one a line) and nothing
else; people's words about an error go to standard error.

    >>> raise SystemExit(report_error(error, as_json=False))
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any, Final

from entente.kernel.errors import (
    Denied,
    EntenteError,
    Malformed,
    NotFound,
    PeerError,
    StoreError,
    TooManyConflicts,
    TransportError,
)


class ExitCode(IntEnum):
    """How a command ended. Documented in docs/cli.md; scripts may rely on them."""

    OK = 0
    FAILED = 1
    """Something went wrong that is none of the following: a bug. Please report it."""
    USAGE = 2
    """The command or its input is wrong: nothing was changed."""
    REFUSED = 3
    """Understood and refused, by a rule, a policy or the other side: nothing was changed."""
    VERIFICATION_FAILED = 4
    """A signature, proof, hash or chain does not check: do not rely on what was shown."""
    UNREACHABLE = 5
    """A desk or center did not answer. What was handed over is kept and will be sent."""
    STORE = 6
    """Durable storage failed or is damaged."""
    CONFLICT = 7
    """A blind check found that the plans meet."""
    INVALID = 8
    """A blind check came to nothing that can be relied on: not an all-clear."""
    INTERRUPTED = 130


# What to do, by error code; the command line alone gives hints, since only it knows who asks.
HINTS: Mapping[str, str] = {
    "no-desk": "give the desk's folder with --desk DIR or set ENTENTE_DESK",
    "desk-not-running": "start it with: entente desk serve DIR",
    "no-answer": "check the address, and that the center runs",
    "not-joined": "join a center first: entente desk join DIR --center URL",
    "waiting-for-witness": "start the other parties' desks; entente doctor names the one that is missing",
    "breaks-rule": "entente agreement draft --complete adds the least that keeps every rule",
    "open-programme": "entente agreement draft --complete makes the choice that the programme leaves",
    "no-guarantor": 'settle who answers for it, and write it into the terms or the draft: guarantor = "..."',
    "beyond-consent": "send it with --to to those only; or ask its owner, and state the answer: --consent-to",
    "not-acknowledged": "first: entente ack MESSAGE",
    "own-site": "another party must look: entente site verify, at its desk",
    "unknown-corridor": "name the corridor's current version: entente zone show ID --json",
    "standby": "another process of the center leads: send to the one whose /health says open",
    "center-running": "stop every process of the center first",
    "database-away": "check that PostgreSQL runs and that its URL in center.toml is right",
    "not-durable": "set fsync = on in postgresql.conf and restart the server",
    "no-driver": "install it: pip install 'entente[postgresql]'",
    "not-committed": "each side first: entente blind prepare ID",
    "not-in-force": "see: entente blind rules; a partner's proposal needs: entente blind agree ID",
    "allowance-used": "wait for the next epoch, or agree on other rules; see: entente blind budget",
    "unknown-rules": "see: entente blind rules; a partner's proposal needs: entente blind agree ID",
    "cover-too-large": "use a coarser grid for such volumes, or fewer of them; see docs/blind.md",
    "no-charter": "every founding party must run: entente desk join DIR --center URL",
}


# A file or folder that the command named and that is not there: a mistake in the command, not a refusal.
_NAMED_WRONG: Final = frozenset({"no-file", "no-desk"})


class FaultyFile(Malformed):
    """A file that somebody wrote, with everything that is wrong in it.

    Args:
        lines: For people, a fault a line: ``file:line:column: message``.
        details: For machines, beside code and message.
    """

    def __init__(
        self, code: str, message: str, *, path: str, lines: tuple[str, ...], details: Mapping[str, Any]
    ) -> None:
        super().__init__(code, message, path=path)
        self.lines = lines
        self.details = details


def exit_code(error: EntenteError) -> ExitCode:
    """Return the code that tells a script what kind of error this was."""
    if isinstance(error, (Malformed, TooManyConflicts)) or error.code in _NAMED_WRONG:
        return ExitCode.USAGE
    if isinstance(error, PeerError):
        return ExitCode.VERIFICATION_FAILED
    if isinstance(error, (Denied, NotFound)):
        return ExitCode.REFUSED
    if isinstance(error, TransportError):
        return ExitCode.UNREACHABLE
    if isinstance(error, StoreError):
        return ExitCode.STORE
    return ExitCode.FAILED


def report_error(error: EntenteError, *, as_json: bool) -> ExitCode:
    """Print an error for a person (standard error) or a machine (standard output); return the code."""
    code = exit_code(error)
    hint = HINTS.get(error.code, "")
    if as_json:
        path = error.path if isinstance(error, Malformed) else ""
        print_json(
            {
                "ok": False,
                "code": error.code,
                "message": error.message,
                "path": path,
                "hint": hint,
                "exit": int(code),
            }
            | (dict(error.details) if isinstance(error, FaultyFile) else {})
        )
    elif isinstance(error, FaultyFile):
        sys.stderr.write("".join(f"{line}\n" for line in error.lines))
    else:
        sys.stderr.write(f"entente: {error}\n")
        if hint:
            sys.stderr.write(f"         {hint}\n")
    return code


def print_json(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Print one JSON value on one line."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, sort_keys=True, default=str) + "\n")
    sys.stdout.flush()


def print_table(title: str, headers: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print rows for a person; wraps to the terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*headers, title=title, title_justify="left")
    for row in rows:
        table.add_row(*[str(cell) for cell in row])
    Console().print(table)
