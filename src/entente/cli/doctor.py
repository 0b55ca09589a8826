"""`entente doctor`: whether this desk, or this center, is fit.

A desk: keys, disk, certificate, center, clock, mirror, witness, outbox, alarms. A center: settings, keys,
disk, whether it answers and signs, and which witness is missing.

Invariants: it changes nothing; what does not run is said as such; a bad finding is exit code 3, so that a
watchdog can call it.

    $ entente doctor --desk ./us --json
"""

from __future__ import annotations

import json as jsonlib
import shutil
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from entente.cli.link import DeskFolder, DeskLink
from entente.cli.output import ExitCode, print_json, print_table
from entente.cli.run import Json, make_app
from entente.kernel.errors import EntenteError, TransportError

_LITTLE_BYTES: Final = 500 * 2**20
_TIMEOUT_S: Final = 10.0

app = make_app(
    "doctor",
    "Check this desk (keys, disk, certificate, center, clock, mirror, witness, outbox, alarms)\n"
    "or a center (keys, disk, process, witnesses).\n\n"
    "Example: entente doctor --desk ./us --json\n"
    "Example: entente doctor --center ./center\n\n"
    "Exit codes: 0 fit, 3 something is bad, 5 it does not run.",
)
APPS = {"doctor": app}


@app.default
def doctor(
    *,
    desk: DeskFolder = None,
    center: Annotated[Path | None, Parameter(help="A center's folder, to examine that instead.")] = None,
    json: Json = False,
) -> int:
    """Examine the desk, or the center."""
    checks, code = _examine_center(center) if center is not None else _examine_desk(desk)
    is_fit = code == ExitCode.OK
    if json:
        print_json({"ok": is_fit, "exit": int(code), "is_fit": is_fit, "checks": checks})
    else:
        rows = [(one["name"], one["state"], one["words"]) for one in checks]
        print_table("fit" if is_fit else "NOT FIT", ("check", "state", "what was found"), rows)
    return code


def _examine_desk(desk: Path | None) -> tuple[list[dict[str, Any]], ExitCode]:
    link = DeskLink.open(desk)
    try:
        found: dict[str, Any] = link.call("GET", "/api/doctor")
    except TransportError as error:
        words = f"{error.message}; start it: entente desk serve {desk}"
        return [{"name": "process", "state": "bad", "words": words}], ExitCode.UNREACHABLE
    return found["checks"], ExitCode.OK if found["is_fit"] else ExitCode.REFUSED


def _examine_center(root: Path) -> tuple[list[dict[str, Any]], ExitCode]:
    from entente.center.folder import CenterFolder

    folder = CenterFolder(root)
    settings = folder.read_settings()
    checks: list[dict[str, Any]] = []

    def note(name: str, state: str, words: str) -> None:
        checks.append({"name": name, "state": state, "words": words})

    try:
        folder.read_keys()
        note("keys", "good", "log and center key are the owner's alone")
    except EntenteError as error:
        note("keys", "bad", str(error))
    free_bytes = shutil.disk_usage(root).free
    note("disk", "good" if free_bytes > _LITTLE_BYTES else "bad", f"{free_bytes / 2**30:,.1f} GiB free")
    try:
        status = _ask(settings.url, "/status", folder if settings.tls else None)
    except TransportError as error:
        note("process", "bad", f"{error.message}; start it: entente center serve {root}")
        return checks, ExitCode.UNREACHABLE
    note("process", "good", f"answers; {status['size']} entries, {status['firm_size']} firm")
    for witness in status["witnesses"]:
        behind = status["size"] - witness["size"]
        state = "good" if behind == 0 else "warning"
        words = f"{witness['state']}, cosigned {witness['size']} of {status['size']} entries"
        note(f"witness {witness['party']}", state, words)
    is_fit = all(one["state"] != "bad" for one in checks)
    return checks, ExitCode.OK if is_fit else ExitCode.REFUSED


def _ask(url: str, path: str, folder: Any) -> dict[str, Any]:  # noqa: ANN401 - a CenterFolder, or None
    context: ssl.SSLContext | None = None
    if folder is not None:
        context = ssl.create_default_context(cafile=str(folder.tls / "authority.crt"))
        context.load_cert_chain(folder.tls / "client.crt", folder.tls / "client.key")
    try:
        with urllib.request.urlopen(f"{url}{path}", timeout=_TIMEOUT_S, context=context) as answer:  # noqa: S310
            found: dict[str, Any] = jsonlib.loads(answer.read(1 << 20))
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise TransportError("no-answer", f"center at {url}: {error}") from error
    return found
