"""`entente doctor`: is this desk fit? Keys, disk, certificate, center, mirror, witness, outbox, alarms.

Invariants: it changes nothing; it works on a desk that is not running too, as far as that can be looked
at; a bad finding is exit code 3, so that a watchdog can call it.

    $ entente doctor --desk ./us --json
"""

from __future__ import annotations

from typing import Any

from entente.cli.link import DeskFolder, DeskLink
from entente.cli.output import ExitCode, print_json, print_table
from entente.cli.run import Json, make_app
from entente.kernel.errors import TransportError

app = make_app(
    "doctor",
    "Check this desk: keys, disk, certificate, center, mirror, witness, outbox, alarms.\n\n"
    "Example: entente doctor --desk ./us --json\n\n"
    "Exit codes: 0 fit, 3 something is bad, 5 the desk does not run.",
)
APPS = {"doctor": app}


@app.default
def doctor(*, desk: DeskFolder = None, json: Json = False) -> int:
    """Examine the desk."""
    link = DeskLink.open(desk)
    try:
        found: dict[str, Any] = link.call("GET", "/api/doctor")
    except TransportError as error:
        found = {
            "is_fit": False,
            "checks": [
                {"name": "process", "state": "bad", "words": f"{error.message}; start it: entente desk serve"}
            ],
        }
        code = ExitCode.UNREACHABLE
    else:
        code = ExitCode.OK if found["is_fit"] else ExitCode.REFUSED
    if json:
        print_json({"ok": found["is_fit"], "exit": int(code), **found})
    else:
        print_table(
            "fit" if found["is_fit"] else "NOT FIT",
            ("check", "state", "what was found"),
            [(one["name"], one["state"], one["words"]) for one in found["checks"]],
        )
    return code
