"""Ctrl-C while a question about terms is answered: a real process, a real signal, in the midst of a solver.

In the main thread the solvers catch the signal themselves and leave by a long jump: the answer was a
traceback, and what had been found was lost.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Final

import pytest

HEARING: Final = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
"""A shell that starts these tests in the background has told them, and so their children, not to hear it."""


def write_triples() -> str:
    """Return a terms file with more obstacles than anybody can wait for."""
    random = Random(1)
    lines = ['entente-terms = 1\ntitle = "t"\nquestion = "q"\n[[party]]\nid = "us"\nname = "US"']
    lines += [f'[[measure]]\nid = "m{n}"\nname = "M {n}"' for n in range(50)]
    for n in range(400):
        said = " or ".join(random.choice(("", "not ")) + f"m{each}" for each in random.sample(range(50), 3))
        lines.append(
            f'[[position]]\nid = "p{n}"\nsays = "s"\nby = "us"\nrequires = "{said}"\nassumption = "a"'
        )
    return "\n".join(lines)


@pytest.mark.parametrize("words", (["why-not", "--all"], ["why-not", "--most", "1000"]))
def test_ctrl_c_within_a_solver_ends_the_search_and_not_the_command(tmp_path: Path, words: list[str]) -> None:
    path = tmp_path / "triples.toml"
    path.write_text(write_triples(), encoding="utf-8")
    command = [sys.executable, "-c", HEARING + "from entente.cli.main import main; sys.exit(main())"]
    started = [*command, "terms", "ask", str(path), *words, "--seconds", "0"]
    with subprocess.Popen(started, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        # Not before a solver is loaded, whatever else the machine does; then it is in the midst of its work.
        while process.poll() is None and "pysolvers" not in Path(f"/proc/{process.pid}/maps").read_text():
            time.sleep(0.05)
        time.sleep(3.0)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert err == ""
    assert "it was interrupted" in out
