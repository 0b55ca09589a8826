"""What the command line reads from people and says to them, without a desk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from entente.cli import incident
from entente.cli.look import say_event
from entente.cli.main import COMMANDS, main, top_help
from entente.cli.output import ExitCode, exit_code
from entente.cli.volumes import (
    read_circle,
    read_heights,
    read_point,
    read_polygon,
    read_volumes,
    read_window,
)
from entente.cli.zone import read_rule, repeat_windows
from entente.deconflict import incident_sites
from entente.kernel.errors import (
    Denied,
    EntenteError,
    Malformed,
    NotFound,
    StoreError,
    TransportError,
    VerificationFailed,
)

WINDOW = "2026-12-01T06:00:00Z..2026-12-01T12:00:00Z"


def test_degrees_are_read_as_decimals_and_never_rounded() -> None:
    assert read_point("35.1,40.3") == [351_000_000, 403_000_000]
    assert read_point("-0.0000001,179.9999999") == [-1, 1_799_999_999]
    assert read_circle("35.2854,40.1760,1500.25") == {
        "type": "circle",
        "centre_e7": [352_854_000, 401_760_000],
        "radius_cm": 150_025,
    }
    with pytest.raises(Malformed, match="multiple of 1/10000000"):
        read_point("35.12345678,40")


@pytest.mark.parametrize(
    ("text", "told"),
    (
        ("91,0", "latitude: expected -90 to 90"),
        ("0,180", "longitude: expected -180"),
        ("0", "LAT,LON"),
        ("nan,0", "got 'nan'"),
        ("1e999,0", "got '1e999'"),
        ("", "LAT,LON"),
    ),
)
def test_wrong_positions_are_told(text: str, told: str) -> None:
    with pytest.raises(Malformed, match=told):
        read_point(text)


def test_heights_windows_and_polygons() -> None:
    assert read_heights("0..500") == (0, 50_000)
    assert read_heights("..") == (None, None)
    assert read_window(WINDOW) == ("2026-12-01T06:00:00Z", "2026-12-01T12:00:00Z")
    assert len(read_polygon("1,1 1,2 2,2")["vertices_e7"]) == 3
    for wrong in ("500", "a..b"):
        with pytest.raises(Malformed):
            read_heights(wrong)
    for wrong in ("2026-12-01T06:00:00Z", "2026-12-01T06:00:00+02:00..2026-12-01T12:00:00Z", "x..y"):
        with pytest.raises(Malformed):
            read_window(wrong)
    with pytest.raises(Malformed, match="3 or more"):
        read_polygon("1,1 2,2")


def test_geojson_keeps_its_own_order_and_refuses_what_it_cannot_say(tmp_path: Path) -> None:
    ring = [[40.1, 35.1], [40.2, 35.1], [40.2, 35.2], [40.1, 35.1]]
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    file = tmp_path / "area.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    volumes = read_volumes(circles=[], polygons=[], heights="..", window=WINDOW, files=[file])
    assert volumes[0]["outline"]["vertices_e7"][0] == [351_000_000, 401_000_000]
    assert len(volumes[0]["outline"]["vertices_e7"]) == 3
    for geometry in (
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "LineString", "coordinates": ring},
    ):
        file.write_text(json.dumps(geometry))
        with pytest.raises(Malformed):
            read_volumes(circles=[], polygons=[], heights="..", window=WINDOW, files=[file])
    with pytest.raises(Malformed, match="no-file"):
        read_volumes(circles=[], polygons=[], heights="..", window=WINDOW, files=[tmp_path / "none"])


@pytest.mark.parametrize(
    ("error", "code"),
    (
        (Malformed("x", "x"), 2),
        (NotFound("no-file", "x"), 2),
        (NotFound("not-found", "x"), 3),
        (Denied("x", "x"), 3),
        (VerificationFailed("x", "x"), 4),
        (TransportError("x", "x"), 5),
        (StoreError("x", "x"), 6),
    ),
)
def test_exit_codes_are_the_documented_ones(error: EntenteError, code: int) -> None:
    assert exit_code(error) == code
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    assert f"| {code} |" in page


def test_unknown_command_is_usage_and_names_the_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["notfy"]) == ExitCode.USAGE
    assert "did you mean: entente notify" in capsys.readouterr().err


def test_every_command_stands_in_the_help() -> None:
    assert len(COMMANDS) >= 19
    for name in COMMANDS:
        assert f"  {name} " in top_help()


def test_events_are_one_line_each() -> None:
    entry = {
        "index": 7,
        "author": "us",
        "officers": ["duty-1"],
        "kind": "thread.say",
        "at": "2016-09-17T13:00:00.5Z",
        "standing": "recorded",
        "is_sealed": True,
    }
    assert say_event("entry", entry) == (
        "2016-09-17 13:00:00       7  us (duty-1): thread.say, recorded, sealed"
    )
    raised = entry | {"kind": "alarm.raise", "author": "center", "officers": [], "is_sealed": False}
    assert "CONFRONTATION, see: entente alarms   (center: alarm.raise, recorded)" in say_event(
        "entry", raised
    )
    assert say_event("link", {"state": "down", "trouble": "no route"}) == "line to the center: down: no route"
    assert say_event("alarm", {"id": 1, "words": "fork"}) == "ALARM 1: fork"


@pytest.mark.parametrize(
    ("text", "rule"),
    (
        ("us:air=permitted", ("us", "air", "permitted", 0, [])),
        ("*:* = forbidden", ("*", "*", "forbidden", 0, [])),
        ("un:convoy=notice 48h", ("un", "convoy", "notice", 48, [])),
        ("*:air=concurrence un,ru", ("*", "air", "concurrence", 0, ["ru", "un"])),
        ("*:air=concurrence ru + notice 12 h", ("*", "air", "concurrence", 12, ["ru"])),
    ),
)
def test_a_rule_of_a_zone_is_read_as_it_is_typed(
    text: str, rule: tuple[str, str, str, int, list[str]]
) -> None:
    assert tuple(read_rule(text).values()) == rule


@pytest.mark.parametrize(
    "text",
    (
        "us=permitted",
        "us:flying=permitted",
        "us:air=",
        "us:air=allowed",
        "us:air=notice",
        "us:air=notice 48",
        "us:air=concurrence",
        "us:air=permitted + notice 2h",
        "US:air=permitted",
        ":air=permitted",
    ),
)
def test_a_rule_that_is_none_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(Malformed, match="PARTY:ACTIVITY=NEEDS"):
        read_rule(text)


def test_recurring_windows_are_spelled_out() -> None:
    (volume,) = read_volumes(circles=["1,2,30"], polygons=[], heights="..", window=WINDOW, files=[])
    spelled = repeat_windows([volume], every_h=24, times=3)
    assert [one["start"] for one in spelled] == [f"2026-12-0{day}T06:00:00Z" for day in (1, 2, 3)]
    assert [one["end"] for one in spelled] == [f"2026-12-0{day}T12:00:00Z" for day in (1, 2, 3)]
    assert {str(one["outline"]) for one in spelled} == {str(volume["outline"])}
    for every_h, times in ((0, 2), (24, 0), (24, 51)):
        with pytest.raises(Malformed):
            repeat_windows([volume], every_h=every_h, times=times)


def test_an_incidents_words_are_those_of_its_rules() -> None:
    """They stand twice: the command line does not load the rules at its start."""
    assert get_args(incident.Category) == get_args(incident_sites.IncidentWord) != ()
    assert get_args(incident.Basis) == get_args(incident_sites.BasisWord) != ()
