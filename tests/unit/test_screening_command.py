"""`entente screen`: exit codes, words, files written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from entente.cli.main import main


def write_plan(tmp_path: Path, name: str = "plan.geojson", **properties: Any) -> Path:
    """Two circles that overlap and one that is far away."""
    features = [
        {
            "type": "Feature",
            "id": number,
            "geometry": {"type": "Point", "coordinates": [lon, 35.0]},
            "properties": {
                "radius_m": 1000,
                "floor_m": 0,
                "ceiling_m": 100,
                "start": "2026-09-17T12:00:00Z",
                "end": "2026-09-17T13:00:00Z",
            }
            | properties,
        }
        for number, lon in (("bravo", 40.01), ("alpha", 40.0), ("far", 45.0))
    ]
    file = tmp_path / name
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return file


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["screen", *(str(word) for word in words)])
    out, err = capsys.readouterr()
    return code, out, err


def test_conflicts_are_told_in_words_and_by_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_plan(tmp_path)
    code, out, _ = run(capsys, file, "--datum", "ellipsoid")
    assert code == 3
    assert out.splitlines()[:2] == [
        "3 screened, 1 conflict (volumes; separation 0 m, 0 m in height, 0 s)",
        "  alpha and bravo: 2026-09-17T12:00:00Z to 2026-09-17T13:00:00Z, one ground, at 35.0000 40.0050",
    ]
    alone = json.loads(file.read_text())
    alone["features"] = alone["features"][1:]
    file.write_text(json.dumps(alone))
    code, out, _ = run(capsys, file, "--datum", "ellipsoid", "--threads", "2")
    assert code == 0
    assert out.startswith("2 screened, 0 conflicts")


def test_what_is_wrong_ends_with_two_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_plan(tmp_path)
    for words, said in (
        ((file,), "plan.geojson, feature 0, datum"),
        ((file, "--datum", "amsl"), "--datum"),
        ((tmp_path / "none.geojson",), "found none"),
        ((file, file, "--sites", file), "got both"),
        ((file, "--datum", "ellipsoid", "--lateral", "-1"), "lateral_m"),
        ((file, "--datum", "ellipsoid", "--memory", "1"), "expected"),
        ((file, "--datum", "ellipsoid", "--radius", "5"), "--half-height"),
        ((file, file, "--datum", "ellipsoid", "--most", "2"), "at most 2 pairs"),
        ((file, "--datum", "ellipsoid", "--arrow", tmp_path / "no" / "out.arrow"), "out.arrow"),
        ((file, "--tolerance", "5"), "tolerance"),
    ):
        code, out, err = run(capsys, *words)
        assert code == 2, words
        assert said in out + err, words
    assert sorted(one.name for one in tmp_path.iterdir()) == ["plan.geojson"]


def test_json_holds_every_pair_and_nothing_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, write_plan(tmp_path, datum="ellipsoid"), "--json")
    told = json.loads(out)
    assert (code, err) == (3, "")
    assert (told["ok"], told["exit"], told["pairs"], told["screened"]) == (True, 3, 1, [3])
    assert told["conflicts"][0]["first"] == "alpha"
    assert told["conflicts"][0]["second"] == "bravo"
    assert told["conflicts"][0]["gap_m"] == 0.0
    code, out, _ = run(capsys, write_plan(tmp_path), "--json")
    assert (code, json.loads(out)["code"]) == (2, "no-datum")


def test_arrow_and_geojson_are_written_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_plan(tmp_path, datum="ellipsoid")
    other = write_plan(tmp_path, "other.geojson", datum="ellipsoid", radius_m=10)
    arrow, shapes = tmp_path / "out.arrow", tmp_path / "out.geojson"
    code, out, _ = run(capsys, file, other, "--arrow", arrow, "--geojson", shapes)
    assert code == 3
    assert out.startswith("3 against 3 screened, 5 conflicts")
    table = pa.ipc.open_file(arrow).read_all()
    assert list(zip(table["first"].to_pylist(), table["second"].to_pylist(), strict=True)) == [
        ("alpha", "alpha"),
        ("alpha", "bravo"),
        ("bravo", "alpha"),
        ("bravo", "bravo"),
        ("far", "far"),
    ]
    told = json.loads(shapes.read_text())
    assert [
        (one["properties"]["set"], one["id"], one["properties"]["conflicts_with"]) for one in told["features"]
    ][:2] == [("first", "bravo", ["alpha", "bravo"]), ("first", "alpha", ["alpha", "bravo"])]
    assert told["features"][0]["geometry"] == {"type": "Point", "coordinates": [40.01, 35.0]}
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "other.geojson",
        "out.arrow",
        "out.geojson",
        "plan.geojson",
    ]


def test_sites_and_tracks_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sites = tmp_path / "sites.geojson"
    told = {"type": "Feature", "id": 1, "geometry": {"type": "Point", "coordinates": [40.05, 35.0]}}
    sites.write_text(json.dumps({"type": "FeatureCollection", "features": [told]}))
    file = write_plan(tmp_path, datum="ellipsoid")
    assert run(capsys, file, "--sites", sites)[0] == 0
    code, out, _ = run(capsys, file, "--sites", sites, "--buffer", "3000")
    assert code == 3
    assert "bravo and 1: " in out
    assert "alpha" not in out
    day = tmp_path / "day.csv"
    rows = [
        f"{flight},2026-09-17T12:00:{second:02}Z,{lat},40.0,50"
        for flight, lat in (("x", 35.0), ("y", 35.0005))
        for second in (0, 30)
    ]
    day.write_text("\n".join(["flight,time,lat,lon,height_m", *rows]) + "\n")
    words = ("--datum", "ellipsoid", "--radius", "10", "--half-height", "5", "--lateral", "50")
    code, out, _ = run(capsys, day, *words)
    assert code == 3
    assert "x and y: from 2026-09-17T12:00:00Z; nearest 55 m, 0 m in height" in out
    shapes = tmp_path / "out.geojson"
    assert run(capsys, day, file, *words, "--geojson", shapes)[0] == 3
    assert json.loads(shapes.read_text())["features"][0]["geometry"]["type"] == "MultiLineString"


def test_a_scheduler_that_is_none_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_plan(tmp_path, datum="ellipsoid")
    code, _, err = run(capsys, file, "--scheduler", "nowhere://x")
    assert code == 5
    assert "expected one that answers" in err


def test_an_id_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_plan(tmp_path)
    file.write_text(file.read_text().replace('"alpha"', '"\\u001b[2Jnothing\\nfound\\u202e"'))
    code, out, _ = run(capsys, file, "--datum", "ellipsoid")
    assert code == 3
    assert len(out.splitlines()) == 2
    assert r"\x1b[2Jnothing\nfound\u202e and bravo: " in out


def test_what_other_programs_put_around_a_file_is_read_or_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_plan(tmp_path)
    text = file.read_text()
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert run(capsys, file, "--datum", "ellipsoid")[0] == 3
    for name, code in (("urn:ogc:def:crs:OGC:1.3:CRS84", 3), ("urn:ogc:def:crs:EPSG::3857", 2)):
        tree = json.loads(text) | {"crs": {"type": "name", "properties": {"name": name}}}
        file.write_text(json.dumps(tree))
        got, _, err = run(capsys, file, "--datum", "ellipsoid")
        assert got == code
        assert (name in err) == (code == 2)
    for crs in ("EPSG:4326", {"properties": 5}, {"type": "link"}):
        file.write_text(json.dumps(json.loads(text) | {"crs": crs}))
        assert run(capsys, file, "--datum", "ellipsoid")[0] == 2
    track = tmp_path / "day.csv"
    for line in ("a;2026-09-17T12:00:00Z;35.0;40.0;100", "a;2026-09-17T12:00:00Z;35,0;40,0;100"):
        track.write_text(f"flight;time;lat;lon;height_m\n{line}\n")
        words = ("--datum", "ellipsoid", "--radius", "50", "--half-height", "30")
        got, _, err = run(capsys, track, *words)
        assert got == 2
        assert "parted by semicolons" in err
