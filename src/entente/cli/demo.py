"""`entente demo`: the main job on the public record of 2016, with real processes, and what entente catches.

A center and two desks run as processes of their own, with real sockets and signatures; every step is a
command that an officer could type, shown as it is run. The clock is an exercise clock: one second is a
minute. Afterwards the question of an article of 2017 is answered from its own sentences (`demo_terms`), one
side gives the other four reports of a hidden source without giving the source away (`demo_release`), and the
two air forces check a day's plans against each other blind (`demo_blind`).

Invariants: every number that is printed was computed or read from an answer in this run; what a step
expects is checked, and a demo that does not show it fails; processes that it started end with it, unless
``--stay``.

    $ entente demo --stay
"""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json, make_app
from entente.cli.stage import Stage
from entente.cli.story import Story, tell_story
from entente.kernel.errors import Malformed

app = make_app(
    "demo",
    "Replay 17 September 2016 near Deir ez-Zor with a center and two desks, and see what is caught;\n"
    "then have the question of an article of 2017 answered, with what stands in the way; then four\n"
    "reports of a hidden camera are given without giving it away; then two air forces check a day's plans\n"
    "without showing them. Every byte that crossed is searched for what was not to cross.\n\n"
    "Example: entente demo\n"
    "Example: entente demo --stay --folder ./exercise\n\n"
    "Takes about a minute. Exit code 0 when everything that should be caught was caught.",
)
APPS = {"demo": app}


@app.default
def demo(
    *,
    folder: Annotated[
        Path | None,
        Parameter(help="Where center and desks are made; must not exist. A temporary folder if not given."),
    ] = None,
    stay: Annotated[bool, Parameter(help="Leave center and desks running until Ctrl-C.")] = False,
    rate: Annotated[int, Parameter(help="Minutes of the exercise for each minute that passes.")] = 60,
    json: Json = False,
) -> int:
    """Run the replay."""
    from entente.cli.demo_blind import tell_blind
    from entente.cli.demo_release import tell_release
    from entente.cli.demo_terms import tell_terms

    began = time.monotonic()
    if folder is not None and folder.exists():
        raise Malformed("exists", f"demo folder {str(folder)!r}: expected none, found one")
    # Told to stop from outside, the processes that it started must end with it.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(128 + signal.SIGTERM))
    temporary = Path(tempfile.mkdtemp(prefix="entente-demo-")) if folder is None else None
    stage = Stage(temporary / "run" if temporary else (folder or Path()).resolve(), rate=rate, quiet=json)
    try:
        story = tell_story(stage)
        if not json:
            _print_summary(stage, story, time.monotonic() - began)
        asked = tell_terms(stage)
        released = tell_release(stage)
        blind = tell_blind(stage, stays=stay)
        told = (story, asked, released, blind)
        is_complete = all(part.is_complete for part in told)
        if json:
            seconds = round(time.monotonic() - began, 1)
            parts = {"terms": asked.summary(), "release": released.summary(), "blind": blind.summary()}
            print_json(story.summary() | parts | {"ok": is_complete, "seconds": seconds})
        if stay:
            _stay(stage, story)
    finally:
        stage.stop()
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return ExitCode.OK if is_complete else ExitCode.FAILED


def _print_summary(stage: Stage, story: Story, seconds: float) -> None:
    stage.headline("What happened")
    for line in story.lines():
        stage.say(line)
    stage.say("")
    stage.say(
        f"{story.entries} entries in the record, settled by both parties' witnesses; "
        f"{stage.commands} commands; {seconds:.0f} s."
    )


def _stay(stage: Stage, story: Story) -> None:
    stage.headline("Still running; Ctrl-C ends it")
    for line in stage.addresses():
        stage.say(line)
    stage.say("")
    stage.say("Pages of the desks; each link signs in once, within 15 minutes:")
    for party in story.scene.raw["parties"]:
        officer, desk = party["officers"][0]["id"], stage.folder / party["party"]
        invited = stage.entente("page", "invite", officer, "--desk", str(desk))
        stage.say(f"{party['party']:<8} {invited['url']}")
        stage.say(f"         another one: entente page invite {officer} --desk {desk}")
    try:
        while stage.is_running():
            time.sleep(1.0)
    except KeyboardInterrupt:
        stage.say("")
