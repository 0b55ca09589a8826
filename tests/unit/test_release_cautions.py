"""Slips that a desk sees without reading meaning: names, private values, the minute, the coordinates."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
import pytest

from entente.release.source.catalogue_file import read_catalogue
from entente.release.source.report import NOTHING, TearLine
from entente.release.source.report_file import read_reports
from entente.release.variant.cautions import list_cautions
from entente.release.variant.ladder import DEFAULT_LADDER, Level

CASE: Final = Path(__file__).resolve().parents[2] / "examples" / "release"
REPORT: Final = read_reports((CASE / "reports.toml").read_bytes())[0]
SOURCE: Final = read_catalogue((CASE / "catalogue.toml").read_bytes()).source["roof-post"]
COARSE: Final = Level(place=3, span=3, delay=0, depth=2, height=1)


def caution(text: str, level: Level = COARSE) -> list[str]:
    line = TearLine(id="t", text=text, label=None, claims=NOTHING)
    report = msgspec.structs.replace(REPORT, tear_lines=(line,))
    return list_cautions(report, level, DEFAULT_LADDER, tear_line="t", source=SOURCE)


@pytest.mark.parametrize(
    ("text", "what"),
    (
        ("As the Roof Post tells us, a helicopter.", "names the source: 'roof-post'"),
        ("See LOW HELICOPTER.", "names the report"),
        ("Told by the second watch, from the stairwell window.", "private field 'seen-by'"),
        ("From an observation post.", "names the method"),
        ("Seen from the post on the school roof.", "what the source is"),
        ("From roof listener Darat Izza.", "names the observer"),
        ("At 13:42 it passed.", "may tell the minute: '13:42'"),
        ("At 1642 local it passed.", "may tell the minute: '1642'"),
        ("Near 36.331 N.", "may tell the position: '36.331'"),
        ("Near 37,0718.", "may tell the position: '37,0718'"),
    ),
)
def test_a_slip_is_seen(text: str, what: str) -> None:
    [found] = caution(text)
    assert what in found
    assert found.startswith("tear line 't': ")


@pytest.mark.parametrize(
    "text",
    (
        "",
        "A helicopter flew low.",
        "Between 12:00 and 18:00.",
        "About 242 lorries.",
        "Version 3.14.",
        "42 of 60",
    ),
)
def test_a_plain_text_is_left_alone(text: str) -> None:
    assert caution(text) == []


def test_the_minute_may_be_told_where_it_is_shown() -> None:
    assert caution("At 13:42 it passed.", COARSE._replace(span=6)) == []


def test_a_cell_smaller_than_what_is_known_is_said() -> None:
    for place in (6, 0):
        assert list_cautions(REPORT, COARSE._replace(place=place), DEFAULT_LADDER) == []
    [found] = list_cautions(REPORT, COARSE._replace(place=7), DEFAULT_LADDER)
    assert (
        found == "place: shown to 1,860 m and known to 2,000 m either way: it may have been in another cell"
    )


def test_the_example_s_own_texts_give_no_caution() -> None:
    for line in REPORT.tear_lines:
        assert list_cautions(REPORT, COARSE, DEFAULT_LADDER, tear_line=line.id, source=SOURCE) == []
