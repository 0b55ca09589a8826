"""The terminal's watch over a search: time, Ctrl-C, and no chatter where nobody looks."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Final

import pytest

from entente.cli import terms_watch
from entente.cli.terms_watch import TerminalWatch
from entente.kernel.errors import Malformed, NotFound
from entente.terms.file import parse_terms
from entente.terms.search import ALL, find_obstacles
from entente.terms.search.watch import Progress

CASE: Final = Path(__file__).resolve().parents[2] / "examples" / "center-2016" / "terms.toml"
NOW: Final = Progress("obstacles", found=3, steps=1200, at_least=7)


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch, step: float = 0.0) -> None:
        self.now = 100.0
        self.step = step
        monkeypatch.setattr(terms_watch, "time", self)

    def monotonic(self) -> float:
        self.now += self.step
        return self.now


def test_each_question_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with TerminalWatch(10.0) as watch:
        assert watch.look(NOW) == ""
        clock.now += 9.9
        assert watch.look(NOW) == ""
        assert watch.look(Progress("packages")) == ""
        clock.now += 9.9
        assert watch.look(Progress("packages")) == ""
        clock.now += 0.2
        assert watch.look(Progress("packages")) == "time"


def test_no_limit_is_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with TerminalWatch(0.0) as watch:
        watch.look(NOW)
        clock.now += 1e6
        assert watch.look(NOW) == ""


def test_one_interrupt_ends_the_search_and_two_the_command() -> None:
    before = signal.getsignal(signal.SIGINT)
    with TerminalWatch(0.0) as watch:
        assert watch.look(NOW) == ""
        signal.raise_signal(signal.SIGINT)
        assert watch.look(NOW) == "interrupt"
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_progress_is_shown_past_a_second_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = Clock(monkeypatch)
    for is_terminal in (False, True):
        monkeypatch.setattr(sys.stderr, "isatty", lambda is_terminal=is_terminal: is_terminal)
        with TerminalWatch(0.0) as watch:
            watch.look(NOW)
            clock.now += 0.9
            watch.look(NOW)
            assert capsys.readouterr().err == ""
            clock.now += 0.3
            watch.look(NOW)
            watch.look(NOW)
        told = capsys.readouterr().err
        assert (
            told.count("obstacles: 3 found, 1,200 steps, cost at least 7, 1 s (Ctrl-C stops)")
        ) == is_terminal
        assert told.endswith("\r\x1b[K") == is_terminal


def test_a_search_out_of_time_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch, step=1.0)
    terms = parse_terms(CASE.read_bytes())
    with TerminalWatch(0.5) as watch:
        search = find_obstacles(terms, programme="arrangement-2016", most=ALL, watch=watch).search
    assert not search.is_complete
    assert search.stopped_by == "time"


def test_a_question_of_the_same_kind_has_its_own_time_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    with TerminalWatch(10.0) as watch:
        watch.look(NOW)
        clock.now += 9.9
        watch.restart()
        assert watch.look(NOW) == ""
        clock.now += 9.9
        assert watch.look(NOW) == ""


@pytest.mark.parametrize("seconds", (-1.0, float("nan")))
def test_a_time_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(Malformed, match="seconds: expected 0 or more"):
        TerminalWatch(seconds)


def test_what_a_search_raises_is_raised_to_the_one_who_asked() -> None:
    def fail() -> None:
        raise NotFound("no-programme", "programme 'x': expected one of a")

    with TerminalWatch(0.0) as watch:
        assert watch.run(lambda: 7) == 7
        with pytest.raises(NotFound):
            watch.run(fail)
