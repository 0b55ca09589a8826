"""Running one command: usage errors end with 2, our errors with their code, anything else with 1.

Invariant: what we expect to go wrong shows no traceback; a bug is told as one, and shows it, to be sent to
us.

    >>> run_app(app, ["./mirror", "--json"])
    0
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.exceptions import CycloptsError

from entente.cli.output import ExitCode, print_json, report_error
from entente.kernel.errors import EntenteError

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON for machines.")]
"""The option that every command has."""


def make_app(name: str, text: str) -> App:
    """Return a command's cyclopts app in the project's one form."""
    return App(
        name=f"entente {name}",
        help=text,
        help_format="plaintext",
        version_flags=(),
        default_parameter=Parameter(negative=()),
    )


def run_app(app: App, words: Sequence[str]) -> int:
    """Run ``app`` on the words behind its name; return the exit code."""
    as_json = "--json" in words
    try:
        result = app(list(words), exit_on_error=False, print_error=not as_json, result_action="return_value")
    except CycloptsError as error:
        if as_json:
            print_json({"ok": False, "code": "usage", "message": str(error), "exit": int(ExitCode.USAGE)})
        return ExitCode.USAGE
    except EntenteError as error:
        return report_error(error, as_json=as_json)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has gone: nobody is left to tell.
        sys.stderr.close()
        return ExitCode.OK
    except Exception as error:  # noqa: BLE001 - the last line of defence: told as a bug, never swallowed
        sys.stderr.write(f"entente: this is a bug, please report it: {type(error).__name__}: {error}\n")
        traceback.print_exc()
        return ExitCode.FAILED
    return int(result) if isinstance(result, int) else ExitCode.OK
