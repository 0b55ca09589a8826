"""`entente blind`, without a desk: files that are read, words that are said, and what ends with 0."""

from __future__ import annotations

import itertools
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from entente.cli.blind import blind_app
from entente.cli.blind.audit import MEANING, list_audit, make_case
from entente.cli.blind.check import _find_kind
from entente.cli.blind.file import encode_rules_file, make_default_rules, read_rules_file
from entente.cli.blind.items import MOST_VOLUMES, TrackOptions, draw_strip, make_slug, read_items
from entente.cli.blind.plan import MOST_BODY_BYTES, say_holding, split_items
from entente.cli.blind.waiting import follow_prepare, follow_run
from entente.cli.blind.words import get_code, list_budget, list_rules, list_run, say_box, say_runs, wrap_lines
from entente.cli.blind.zoom import get_zoom_code, list_zoom
from entente.cli.main import main
from entente.cli.output import ExitCode
from entente.kernel.canonical import convert_to
from entente.kernel.errors import Malformed, NotFound
from entente.kernel.time import encode_utc, parse_utc
from entente.space import (
    Circle,
    HeightBand,
    Separation,
    Volume,
    VolumeWire,
    Window,
    find_conflict,
    parse_volume,
)
from entente.space.ellipsoid import distance_and_bearing, walk_line
from entente.space.wire import parse_outline

PAGE = Path(__file__).resolve().parents[2] / "docs" / "blind.md"
KEEP = Separation(9260.0, 300.0, 60.0)
BOX = {
    "south_deg": 35.0,
    "north_deg": 35.1,
    "west_deg": 40.0,
    "east_deg": 40.1,
    "floor_m": None,
    "ceiling_m": 950.0,
    "start": "2026-12-01T06:00:00Z",
    "end": "2026-12-01T06:04:00Z",
}


def make_run(**more: Any) -> dict[str, Any]:
    run = {
        "run": 3,
        "rules": "skies",
        "epoch": 0,
        "partner": "ru",
        "kind": "whole",
        "is_ours": True,
        "officer": "duty-1",
        "since": "2026-12-01T06:00:00Z",
        "state": "ended",
        "verdict": "CLEAR",
        "own": "CLEAR",
        "code": "",
        "words": "",
        "bucket": 100,
        "at_least": 0,
        "ask": "",
        "conflicts": [],
    }
    return run | more


# Rules.


def write_rules(tmp_path: Path, **more: Any) -> Path:
    rules = make_default_rules(KEEP, "ru", "skies", "2026-01-01T00:00:00Z") | more
    file = tmp_path / "skies.toml"
    file.write_text(encode_rules_file(rules, notes=("one", "")))
    return file


def test_the_rules_file_is_read_as_it_was_written(tmp_path: Path) -> None:
    rules = make_default_rules(KEEP, "ru", "skies", "2026-01-01T00:00:00Z")
    read = read_rules_file(write_rules(tmp_path))
    assert read | {"starts": ""} == json.loads(json.dumps(rules))
    as_json = tmp_path / "skies.json"
    as_json.write_text(json.dumps(rules))
    assert read_rules_file(as_json) == read


def test_a_time_of_toml_is_read_in_its_one_spelling(tmp_path: Path) -> None:
    file = write_rules(tmp_path)
    file.write_text(file.read_text().replace('starts = ""', "starts = 2026-12-01T02:00:00+02:00"))
    assert read_rules_file(file)["starts"] == "2026-12-01T00:00:00Z"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    (
        ("epoch_h = 24", "epoch_h = 0", r"\$\.epoch_h"),
        ("epoch_h = 24", "epoch_hours = 24", "epoch_hours"),
        ("epoch_h = 24", 'officer = "duty-1"', "no 'officer'"),
        ("bands_cm = [32000]", "bands_cm = [50000]", "bands_cm"),
        ('id = "skies"', "id = ", "rules file"),
    ),
)
def test_a_faulty_rules_file_names_the_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    file = write_rules(tmp_path)
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(Malformed, match=told):
        read_rules_file(file)


def test_grid_writes_no_file_over_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "skies.toml"
    words = ["blind", "grid", "--partner", "ru", "--lateral", "9260", "--vertical", "300", "--time", "60"]
    assert main([*words, "--out", str(file)]) == 0
    written = file.read_text()
    assert read_rules_file(file)["partner"] == "ru"
    assert read_rules_file(file)["grid"]["grains"][-1]["bins_s"] == [240]
    coarse = tmp_path / "coarse.toml"
    assert main([*words, "--coarse", "--out", str(coarse)]) == 0
    assert read_rules_file(coarse)["grid"]["grains"][-1]["bins_s"] == [480]
    assert main([*words, "--out", str(file)]) == ExitCode.USAGE
    assert file.read_text() == written
    assert "File exists" in capsys.readouterr().err


# Items.


def write_tracks(tmp_path: Path, flights: int = 1, samples: int = 40) -> tuple[Path, list[tuple[Any, ...]]]:
    """A flight that turns, climbs and crosses the antimeridian; samples of every 10 s."""
    start = parse_utc("2026-12-01T06:00:00Z").timestamp()
    places = []
    for flight in range(flights):
        here = (51.0 + flight, 179.9)
        for number in range(samples):
            at = encode_utc(parse_utc("2026-12-01T06:00:00Z").fromtimestamp(start + 10 * number, tz=_UTC))
            places.append((f"FL {flight}", at, *here, 3000 + 40 * number))
            here = walk_line(*here, 80.0 + 3.0 * max(0, number - 20), 2100.0)
    file = tmp_path / "day.csv"
    rows = (",".join(map(str, one)) for one in places)
    file.write_text("\n".join(["flight,time,lat,lon,height_m", *rows]) + "\n")
    return file, places


_UTC = parse_utc("2026-12-01T06:00:00Z").tzinfo
TRACKS = TrackOptions("ellipsoid", 500.0, 60.0)


def read_volumes_of(items: list[dict[str, Any]]) -> list[Volume]:
    wires = [wire for item in items for wire in item["volumes"]]
    return [parse_volume(convert_to(json.loads(json.dumps(wire)), VolumeWire)) for wire in wires]


def test_strips_leave_nothing_of_a_flight_out(tmp_path: Path) -> None:
    file, places = write_tracks(tmp_path)
    strips = read_volumes_of(read_items(file, TRACKS).items)
    assert 3 <= len(strips) < len(places) // 2
    nowhere = Separation(0.0, 0.0, 0.0)
    for (_, at, lat, lon, height_m), (_, until, *there, _) in itertools.pairwise(places):
        here = (lat, lon)
        middle_utc = parse_utc(at) + (parse_utc(until) - parse_utc(at)) / 2
        length_m, bearing_deg = distance_and_bearing(*here, there[0], there[1])
        middle = walk_line(*here, bearing_deg, length_m / 2)
        for turn_deg in range(0, 360, 30):
            for edge_m in (0.0, 499.0):
                spot = walk_line(*middle, float(turn_deg), edge_m)
                for level_m in (height_m + 20 - 59.0, height_m + 20 + 59.0):
                    window = Window(middle_utc, middle_utc + (parse_utc(until) - middle_utc) / 100)
                    probe = Volume(Circle(spot, 0.02), HeightBand(level_m, level_m), window)
                    assert any(find_conflict(probe, strip, nowhere) for strip in strips), (
                        at,
                        turn_deg,
                        edge_m,
                    )


def test_a_strip_is_hardly_larger_than_what_it_holds() -> None:
    start, goal = (35.0, 40.0), walk_line(35.0, 40.0, 30.0, 20_000.0)
    outline = parse_outline(draw_strip(start, goal, half_m=500.0, long_m=500.0))
    strip = Volume(outline, HeightBand(0.0, 1.0), _hour())
    beside = walk_line(*walk_line(*start, 30.0, 10_000.0), 120.0, 504.0)
    assert find_conflict(strip, Volume(Circle(beside, 0.02), HeightBand(0.0, 1.0), _hour()), NOTHING) is None


NOTHING = Separation(0.0, 0.0, 0.0)


def _hour() -> Window:
    return Window(parse_utc("2026-12-01T06:00:00Z"), parse_utc("2026-12-01T07:00:00Z"))


def test_a_long_flight_goes_on_in_another_item(tmp_path: Path) -> None:
    file, _ = write_tracks(tmp_path, samples=200)
    items = read_items(file, TrackOptions("ellipsoid", 500.0, 60.0, leg_s=10)).items
    assert [item["name"] for item in items] == ["fl-0", "fl-0-p2", "fl-0-p3", "fl-0-p4"]
    assert all(1 <= len(item["volumes"]) <= MOST_VOLUMES for item in items)


def test_two_flights_never_share_an_item(tmp_path: Path) -> None:
    file, places = write_tracks(tmp_path, flights=2, samples=5)
    file.write_text(file.read_text().replace("FL 1", "fl-0"))
    with pytest.raises(Malformed, match="both 'fl-0'"):
        read_items(file, TRACKS)
    assert len(places) == 10


@pytest.mark.parametrize("name", ("", "---", "ü", "x" * 41))
def test_a_name_of_which_nothing_is_left_is_refused(name: str) -> None:
    with pytest.raises(Malformed, match="1 to 40 letters and digits"):
        make_slug(name)


def test_items_listed_in_a_file_are_taken_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    items = [{"name": "sortie-7", "volumes": []}]
    file.write_text(json.dumps(items))
    assert read_items(file, TrackOptions()).items == items
    file.write_text(json.dumps([{"name": "sortie-7", "volume": []}]))
    with pytest.raises(Malformed, match="item 0: expected an object with name and volumes"):
        read_items(file, TrackOptions())
    file.write_text("[")
    with pytest.raises(Malformed, match="expected JSON"):
        read_items(file, TrackOptions())
    with pytest.raises(NotFound):
        read_items(tmp_path / "none.json", TrackOptions())


def test_items_are_split_into_what_a_desk_takes() -> None:
    items = [{"name": f"item-{number}", "volumes": ["x" * 100_000]} for number in range(20)]
    parts = list(split_items(items))
    assert [item for part in parts for item in part] == items
    assert all(len(json.dumps(part)) <= MOST_BODY_BYTES + 1_000 for part in parts)
    assert len(parts) == 4
    assert list(split_items([])) == [[]]


# Words and exit codes.


@pytest.mark.parametrize(
    ("run", "code", "said"),
    (
        (make_run(), 0, "CLEAR: run 3 (whole) with ru under skies, epoch 0: neither plan touches the other"),
        (make_run(verdict="CONFLICT"), 7, "CONFLICT: run 3 (whole)"),
        (make_run(verdict="CONFLICT", code="added-later", words="since"), 7, "[added-later]: since"),
        (make_run(verdict="CONFLICT", kind="yes-no"), 7, "this mode does not say where"),
        (make_run(verdict="CONFLICT", kind="count", at_least=100), 7, "at least 100 tokens meet"),
        (make_run(verdict="INVALID", code="probe", words="wrong key"), 8, "[probe]: wrong key"),
        (make_run(state="half", verdict=""), 5, "NOT ENDED"),
        # A desk that is unsure of itself is not clear.
        (make_run(state="half", verdict="CLEAR"), 5, "NOT ENDED"),
    ),
)
def test_only_clear_ends_with_zero(run: dict[str, Any], code: int, said: str) -> None:
    assert get_code(run) == code
    assert said in list_run(run)[0]


def test_what_was_added_later_is_no_all_clear() -> None:
    conflicts = [{"item": "sortie-7", "cells": 1, "boxes": [BOX], "added_later": True}]
    run = make_run(conflicts=conflicts)
    assert get_code(run) == ExitCode.CONFLICT
    lines = list_run(run)
    assert lines[0].startswith("CONFLICT: run 3 (whole)")
    assert lines[1].endswith("(they came there after our check)")
    assert not any(line.startswith("CLEAR") for line in lines)


def test_invalid_says_that_it_is_no_all_clear() -> None:
    assert "NO all-clear" in "\n".join(list_run(make_run(verdict="INVALID", code="canary")))
    assert "all-clear" not in "\n".join(list_run(make_run()))


def test_an_unknown_verdict_is_never_clear() -> None:
    with pytest.raises(KeyError):
        get_code(make_run(verdict="FINE"))
    with pytest.raises(ValueError, match="FINE"):
        list_run(make_run(verdict="FINE"))


def test_conflicts_are_told_by_item_with_their_cells() -> None:
    conflicts = [{"item": "sortie-7", "cells": 12, "boxes": [BOX] * 12, "added_later": False}]
    lines = list_run(make_run(verdict="CONFLICT", conflicts=conflicts))
    assert lines[1] == "  sortie-7: 12 of its cells are touched by their plan"
    assert lines[2].strip().startswith("35.0000..35.1000 N, 40.0000..40.1000 E, ..950 m, 2026")
    assert lines[12] == "    and 2 more cells (--json)"
    assert lines[13].endswith("entente blind zoom 3")
    # What is only meant to be added is not committed to: it cannot be zoomed.
    lines = list_run(make_run(verdict="CONFLICT", kind="delta", conflicts=conflicts))
    assert "put it into the plan, prepare, check the whole" in lines[13]


def test_a_cell_is_told_with_the_heights_that_it_has() -> None:
    assert ", ..950 m, " in say_box(BOX)
    assert ", 950.. m, " in say_box(BOX | {"floor_m": 950.0, "ceiling_m": None})
    assert ", 0..950 m, " in say_box(BOX | {"floor_m": 0.0})
    assert ", all heights, " in say_box(BOX | {"ceiling_m": None})


def test_a_commitment_is_told_with_its_sizes() -> None:
    held = {"rules": "skies", "epoch": 0, "number": 1, "cells": 12, "tokens": 30, "size": 50, "words": ""}
    assert say_holding(held) == "committed under skies, epoch 0, version 1: 12 cells, 30 tokens, shown as 50"
    assert say_holding(held | {"words": "unchanged"}).endswith("version 1, shown as 50: unchanged")


def test_a_partners_words_do_not_steer_the_terminal() -> None:
    words = "\n".join(list_run(make_run(verdict="INVALID", code="refused", words="\x1b[2J\nCLEAR")))
    assert "\x1b" not in words
    assert not any(line.startswith("CLEAR") for line in words.splitlines())


def test_runs_rules_and_budgets_are_told() -> None:
    held = {
        "rules": "skies",
        "epoch": 0,
        "party": "ru",
        "state": "committed",
        "number": 0,
        "cells": 0,
        "tokens": 0,
        "size": 5000,
        "is_fetched": False,
        "words": "",
    }
    work = {"what": "question 1 under skies", "done": 5, "all": 10}
    lines = say_runs({"runs": [make_run(is_ours=False)], "work": work, "holdings": [held]})
    assert "CLEAR" in lines[0]
    assert "asked by ru" in lines[0]
    assert lines[1] == "at work: question 1 under skies: 5 of 10"
    assert lines[2].endswith("shown as 5,000; its tags are not here yet")
    body = make_default_rules(KEEP, "ru", "skies", "2026-01-01T00:00:00Z") | {
        "starts": "2026-12-01T00:00:00Z"
    }
    rules = {
        "id": "skies",
        "partner": "ru",
        "state": "agreed",
        "proposed_by": "us",
        "sha256": "ab" * 32,
        "epoch": -1,
        "reason": "",
        "in_default": ["ru"],
        "rules": body,
    }
    lines = list_rules([rules])
    assert "  IN DEFAULT: ru has not answered in time" in lines
    assert "30 epochs of 24 h, now in none; answers within 60 min" in lines[2]
    usage = {
        "rules": "skies",
        "epoch": 0,
        "asker": "ru",
        "whole_cells": 500_000,
        "whole_runs": 1,
        "delta_cells": 0,
        "delta_runs": 0,
        "matches": 0,
        "allowed": body["allowance"],
        "charged_cells": 500_000,
    }
    lines = list_budget({"usages": [usage], "theatre_cells": 500_000, "theatre_allowed": 20_000_000})
    assert lines[1].split() == ["whole", "plans,", "cells", "500,000", "of", "2,000,000", "25%"]
    assert lines[5].endswith("none allowed")


@pytest.mark.parametrize(
    ("state", "is_true", "code", "said"),
    (
        ("judged", False, 0, "NO CONFLICT"),
        ("judged", True, 7, "CONFLICT"),
        # Who shows nothing is not one whose parts keep their distance.
        ("judged", None, 8, "NOT JUDGED"),
        ("offered", None, 5, "NOT YET: we have offered, they have not"),
        ("showing", False, 5, "NOT YET"),
    ),
)
def test_only_an_artefact_ends_a_zoom_with_zero(
    state: str, is_true: bool | None, code: int, said: str
) -> None:
    found: dict[str, Any] = {"state": state, "is_true": is_true, "meetings": [], "words": "", "owed_by": ""}
    assert get_zoom_code(found) == code
    assert list_zoom(found)[0].startswith(said)


def test_long_words_are_wrapped_to_the_terminal() -> None:
    lines = wrap_lines(["short", "  exact    " + "word " * 60], 80)
    assert lines[0] == "short"
    assert max(map(len, lines)) <= 80
    assert all(line.startswith("    word") for line in lines[2:])
    assert len(lines) > 4


def test_one_kind_of_check_at_a_time() -> None:
    assert _find_kind([], yes_no=False, count=False) == "whole"
    assert _find_kind([{"name": "new", "volumes": []}], yes_no=False, count=False) == "delta"
    with pytest.raises(Malformed, match="got yes-no and delta"):
        _find_kind([{"name": "new", "volumes": []}], yes_no=True, count=False)


# Waiting.


class SlowDesk:
    """A desk that has answered after so many looks."""

    def __init__(self, looks: int, *, ends: bool = True) -> None:
        self.left = looks
        self.ends = ends
        self.asked: list[str] = []

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        del method, query
        self.asked.append(path)
        self.left -= path in {"/api/blind-run", "/api/blind-prepare", "/api/blind-runs"}
        is_over = self.ends and self.left <= 0
        holding = {
            "rules": "skies",
            "epoch": 0,
            "party": "us",
            "state": "committed" if is_over else "working",
        }
        if path == "/api/blind-run":
            assert body["run"] == 3
            return make_run() if is_over else make_run(state="waiting", verdict="")
        if path == "/api/blind-prepare":
            return holding
        work = {"what": "tags", "done": 1, "all": 2}
        return {"runs": [], "work": work, "holdings": [holding | {"party": "ru"}, holding]}


def test_a_run_is_followed_until_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    desk: Any = SlowDesk(4)
    started = make_run(state="preparing", verdict="")
    assert follow_run(desk, started, wait_s=30, is_quiet=False)["verdict"] == "CLEAR"
    assert "tags" in capsys.readouterr().err
    desk = SlowDesk(1, ends=False)
    assert follow_run(desk, started, wait_s=0, is_quiet=True) == started
    assert desk.asked == []


def test_a_commitment_is_followed_until_it_is_recorded() -> None:
    desk: Any = SlowDesk(1)
    body = {"officer": "duty-1", "rules": "skies", "epoch": -1}
    holding = follow_prepare(desk, body, wait_s=30, is_quiet=True, pause=lambda _seconds: None)
    assert holding["state"] == "committed"
    assert desk.asked == ["/api/blind-prepare"]
    desk = SlowDesk(4)
    assert follow_prepare(desk, body, wait_s=30, is_quiet=True, pause=lambda _s: None)["party"] == "us"
    assert desk.asked.count("/api/blind-prepare") == 1


# Audits.


def test_an_audit_says_no_fault_only_when_there_is_none() -> None:
    checked = {"versions": 1, "questions": 1, "answers": 1, "matches": 0, "filed": 0}
    found = {"party": "us", "rules": "skies", "epoch": 0, "checked": checked, "faults": []}
    lines = list_audit(found)
    assert lines[-1] == "NO FAULT"
    assert "not checked: that the plan was what was flown (--filed)" in lines
    fault = {"code": "fished", "message": "ab" * 32, "words": "question 1: 3 of 9 cells"}
    lines = list_audit(found | {"faults": [fault]})
    assert "NO FAULT" not in lines
    assert "1 FAULTS" in lines
    assert MEANING["fished"] in lines[-1]


def test_an_opening_of_nothing_in_the_record_is_refused(tmp_path: Path) -> None:
    from entente.blind.audit import Opening
    from entente.kernel.rows import MemoryRows

    opened = Opening("us", b"", b"", b"", {}, {}, {}, {})
    with pytest.raises(NotFound, match="expected them in the record"):
        make_case(MemoryRows(), "example.org/joint", opened, "skies", 0)
    assert main(["blind", "audit", str(tmp_path / "none.json")]) == ExitCode.USAGE
    assert main(["blind", "audit", str(tmp_path / "none.json"), "--mirror", str(tmp_path)]) == ExitCode.USAGE


# The page.


def list_page_commands() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("words", list_page_commands(), ids=lambda words: " ".join(words[2:4]))
def test_each_command_of_the_page_is_one(words: list[str]) -> None:
    assert words[:2] == ["entente", "blind"]
    _, bound, _ = blind_app.parse_args(words[2:], exit_on_error=False, print_error=False)
    assert bound.arguments


def test_the_page_has_commands() -> None:
    assert len(list_page_commands()) >= 15
