"""Aware UTC, one spelling, inside the calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from entente.kernel.errors import Malformed
from entente.kernel.time import encode_utc, from_unix_s, parse_utc, to_unix_s


@pytest.mark.parametrize(
    "text",
    (
        "2016-09-17T13:55:00Z",
        "2016-02-29T23:59:59.999999Z",
        "2016-09-17T13:55:00.000001Z",
        "2016-09-17T13:55:00.5Z",
        "1000-01-01T00:00:00Z",
        "8999-12-31T23:59:59Z",
    ),
)
def test_an_instant_has_one_spelling(text: str) -> None:
    moment = parse_utc(text)
    assert moment.utcoffset() == timedelta(0)
    assert encode_utc(moment) == text


@pytest.mark.parametrize(
    "text",
    (
        "2016-09-17T13:55:00",
        "2016-09-17T13:55:00z",
        "2016-09-17t13:55:00Z",
        "2016-09-17 13:55:00Z",
        "2016-09-17T13:55:00+00:00",
        "2016-09-17T13:55Z",
        "2016-09-17T13:55:00.Z",
        "2016-09-17T13:55:00.50Z",
        "2016-09-17T13:55:00.0Z",
        "2016-09-17T13:55:00.1234567Z",
        "2016-09-17T13:55:00,5Z",
        "2016-09-17T13:55:00Z\n",
        " 2016-09-17T13:55:00Z",
        "2016-09-17T24:00:00Z",
        "2016-09-17T13:60:00Z",
        "2016-12-31T23:59:60Z",
        "2016-13-01T00:00:00Z",
        "2016-00-01T00:00:00Z",
        "2016-09-00T00:00:00Z",
        "2016-02-30T00:00:00Z",
        "2015-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "0999-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        "12016-09-17T13:55:00Z",
        "\uff12016-09-17T13:55:00Z",
        "",
    ),
)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_utc(text, path="$.at")
    assert (caught.value.code, caught.value.path) == ("bad-time", "$.at")


def test_no_agreed_span_leaves_the_calendar() -> None:
    century = timedelta(seconds=3_155_760_000)  # the longest separation in time that a volume may carry
    assert encode_utc(parse_utc("8999-12-31T23:59:59.999999Z") + century).startswith("9100-")
    assert encode_utc(parse_utc("1000-01-01T00:00:00Z") - century).startswith("0899-")


def test_a_naive_or_foreign_time_is_our_own_mistake() -> None:
    naive = datetime(2016, 9, 17, 13, 55, tzinfo=UTC).replace(tzinfo=None)
    for moment in (naive, datetime(2016, 9, 17, 13, 55, tzinfo=timezone(timedelta(hours=3)))):
        with pytest.raises(ValueError, match="expected an aware UTC datetime"):
            encode_utc(moment)


def test_posix_seconds_round_down() -> None:
    assert to_unix_s(parse_utc("1970-01-01T00:00:01.999999Z")) == 1
    assert to_unix_s(parse_utc("1969-12-31T23:59:59.5Z")) == -1
    assert from_unix_s(1_474_120_500) == parse_utc("2016-09-17T13:55:00Z")
    assert to_unix_s(from_unix_s(1_474_120_500)) == 1_474_120_500
