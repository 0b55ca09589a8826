"""Clocks: their texts, and that an exercise's clock runs as said."""

from __future__ import annotations

import contextlib
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.kernel.errors import Malformed
from entente.store.clock import ExerciseClock, SystemClock, encode_clock, parse_clock
from entente.store.random import SystemRandom

START = datetime(2016, 9, 17, 15, tzinfo=UTC)


def test_an_exercise_clock_runs_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = parse_clock("2016-09-17T15:00:00Z@1790000000x60")
    for unix_s, passed in ((1_790_000_000.0, 0), (1_790_000_001.5, 90), (1_789_999_000.0, 0)):
        monkeypatch.setattr(time, "time", lambda now=unix_s: now)
        assert clock.now_utc() == START + timedelta(seconds=passed)


def test_the_systems_clock_is_aware_utc() -> None:
    assert SystemClock().now_utc().utcoffset() == timedelta(0)
    assert encode_clock(parse_clock("system")) == "system"


@given(
    start=st.integers(946_684_800, 4_102_444_800).map(lambda unix_s: datetime.fromtimestamp(unix_s, UTC)),
    epoch=st.integers(0, 10**10),
    micro=st.integers(0, 999_999),
    rate=st.integers(1, 86_400),
)
def test_a_clocks_text_is_read_back(start: datetime, epoch: int, micro: int, rate: int) -> None:
    text = encode_clock(ExerciseClock(start, epoch, rate))
    assert encode_clock(parse_clock(text)) == text
    clock = parse_clock(encode_clock(ExerciseClock(START, epoch % 10**9 + micro / 1e6, rate)))
    assert isinstance(clock, ExerciseClock)
    assert abs(clock.unix_epoch_s - (epoch % 10**9 + micro / 1e6)) < 1e-6


@given(st.text(max_size=60))
def test_any_text_is_a_clock_or_refused(text: str) -> None:
    with contextlib.suppress(Malformed):
        assert encode_clock(parse_clock(text))


@pytest.mark.parametrize(
    "text",
    (
        "",
        "System",
        "2016-09-17T15:00:00Z@1790000000x0",
        "2016-09-17T15:00:00Z@1790000000x99999",
        "2016-09-17T15:00:00+02:00@1x1",
        "2016-09-17T15:00:00Z@-1x1",
        "2016-09-17T15:00:00Z@1x1\n",
    ),
)
def test_a_wrong_clock_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_clock(text)


def test_a_naive_start_is_a_callers_mistake() -> None:
    with pytest.raises(ValueError, match="expected an aware UTC start"):
        ExerciseClock(START.replace(tzinfo=None), 0, 1)
    with pytest.raises(ValueError, match="expected an aware UTC start"):
        ExerciseClock(START.astimezone(timezone(timedelta(hours=3))), 0, 1)


def test_randomness_is_as_long_as_asked_and_never_twice_the_same() -> None:
    draws = {SystemRandom().draw(16) for _ in range(100)}
    assert len(draws) == 100
    assert {len(each) for each in draws} == {16}
