"""Following what a desk does for a blind check: asking again, and telling how far it is.

Invariants: an interrupt or a wait that ends loses nothing: the desk goes on, and how to ask again is told;
what is printed as ended has ended at the desk.

    >>> follow_run(link, answer, wait_s=600, is_quiet=False)["verdict"]
    'CLEAR'
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Annotated, Any, Final

from cyclopts import Parameter

from entente.cli.link import DeskLink
from entente.cli.progress import ProgressLines

WaitS = Annotated[int, Parameter(help="How many seconds to wait; the desk goes on after that.")]
_STEP_S: Final = 1
"""How long the desk is asked to wait in one call: between two, progress is told."""

Answer = dict[str, Any]


def follow_prepare(
    link: DeskLink,
    body: Answer,
    *,
    wait_s: int,
    is_quiet: bool,
    pause: Callable[[float], None] = time.sleep,
) -> Answer:
    """Have the desk commit, and return the holding when it has, or as it is when the wait is over."""
    end_s = time.monotonic() + wait_s
    with ProgressLines(is_quiet=is_quiet) as progress:
        holding: Answer = link.call("POST", "/api/blind-prepare", body | {"wait_s": min(_STEP_S, wait_s)})
        while holding["state"] in {"none", "working"} and time.monotonic() < end_s:
            _tell(link, progress, holding["rules"])
            pause(0.1)
            seen = _look(link, holding["rules"])
            holding = next(
                (
                    one
                    for one in seen["holdings"]
                    if one["party"] == holding["party"] and one["epoch"] == holding["epoch"]
                ),
                holding,
            )
    return holding


def follow_run(link: DeskLink, run: Answer, *, wait_s: int, is_quiet: bool) -> Answer:
    """Return a run when it has ended, or as it is when the wait is over."""
    end_s = time.monotonic() + wait_s
    try:
        with ProgressLines(is_quiet=is_quiet) as progress:
            while run["state"] != "ended" and time.monotonic() < end_s:
                _tell(link, progress, run["rules"])
                left_s = max(0, int(end_s - time.monotonic()))
                run = get_run(link, run["run"], wait_s=min(_STEP_S, left_s))
    except KeyboardInterrupt:
        sys.stderr.write(f"entente: the desk goes on; see: entente blind run {run['run']}\n")
        raise
    return run


def get_run(link: DeskLink, number: int, *, wait_s: int = 0) -> Answer:
    """Return a run as it is, or as it is when it has ended or the wait is over."""
    found: Answer = link.call("POST", "/api/blind-run", {"run": number, "wait_s": wait_s})
    return found


def list_runs(link: DeskLink, rules: str, *, limit: int) -> Answer:
    """Return runs, the newest first, what is computed now, and what each side holds."""
    found: Answer = link.call("POST", "/api/blind-runs", {"rules": rules, "limit": limit})
    return found


def _look(link: DeskLink, rules: str) -> Answer:
    return list_runs(link, rules, limit=1)


def _tell(link: DeskLink, progress: ProgressLines, rules: str) -> None:
    work = _look(link, rules)["work"]
    if work is not None:
        progress.tell(work["what"], work["done"], work["all"])
