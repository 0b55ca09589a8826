"""`entente release ledger`: what has X learned about S, by all that it was given; as text or a picture.

Invariants: chances are the desk's own figures; a picture holds what the text holds and no more: never which
hypothesis is true.

    $ entente release ledger --secret where-eye-3 --pool ru --picture learned.svg --desk ./us
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from entente.cli.link import DeskFolder, DeskLink
from entente.cli.output import ExitCode, print_json
from entente.cli.release.words import list_ledger, say_percent, show
from entente.cli.run import Json
from entente.kernel.errors import Malformed


def register(app: App) -> None:
    """Add the command to ``entente release``."""
    app.command(ledger)


def ledger(  # noqa: PLR0913 - a ledger is looked at from this many sides
    *,
    secret: Annotated[str, Parameter(help="What is to be kept: its id in the catalogue.")] = "",
    to: Annotated[str, Parameter(help="What this party was given.")] = "",
    pool: Annotated[
        str, Parameter(help="A set of recipients, or one of them: what they know together.")
    ] = "",
    theatre: Annotated[str, Parameter(help="Of this theatre only.")] = "",
    before: Annotated[int, Parameter(help="Single charges before this number: the next page.")] = 0,
    limit: Annotated[int, Parameter(help="At most so many single charges.")] = 20,
    picture: Annotated[
        Path | None,
        Parameter(help="Draw how the best guess grew, to this .svg or .png; with --secret and --pool."),
    ] = None,
    desk: DeskFolder = None,
    json: Json = False,
) -> int:
    """Show what partners have learned about your secrets: best guess, budget, each charge.

    Example: entente release ledger --desk ./us
    Example: entente release ledger --secret where-eye-3 --to ru --desk ./us
    Example: entente release ledger --secret where-eye-3 --pool ru --picture learned.svg --desk ./us
    """
    link = DeskLink.open(desk)
    if picture is not None:
        return _draw(link, secret, pool or to, picture, as_json=json)
    found = link.call(
        "GET",
        "/api/release-ledger",
        secret=secret,
        recipient=to,
        pool=pool,
        theatre=theatre,
        before=before,
        limit=limit,
    )
    show(found, list_ledger(found), as_json=json)
    return ExitCode.OK


def _draw(link: DeskLink, secret: str, pool: str, out: Path, *, as_json: bool) -> int:
    from entente.cli.release.picture import draw_belief

    if not secret or not pool:
        raise Malformed("no-secret", "picture: expected --secret and --pool, of whom and about what to draw")
    found: dict[str, Any] = link.call("GET", "/api/release-belief", secret=secret, pool=pool)
    draw_belief(found, out)
    if as_json:
        print_json({"ok": True, "exit": 0, "out": str(out), "steps": len(found["steps"])})
        return ExitCode.OK
    last = found["steps"][-1]["chance_percent"] if found["steps"] else max(_list_priors(found)) * 100
    print(
        f"wrote {out}: {found['secret']} for {found['pool']}, {len(found['steps']):,} charges, best guess "
        f"{say_percent(last)}, budget {say_percent(found['budget_percent'])}"
    )
    return ExitCode.OK


def _list_priors(found: dict[str, Any]) -> list[float]:
    return [one["prior"] for one in found["hypotheses"]]
