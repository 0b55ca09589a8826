"""Nothing that leaves tells what a shape hides: desks whose reports differ only in that send the same bytes.

Two worlds with the same keys, the same draws and the same officers; only the report is another one within the
cell and window that are shown, came in and was planned at other minutes, and has other private fields. What
the recipient opens must be the same, byte for byte, and come no earlier or later.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from entente.kernel.time import parse_utc
from entente.release.item import ItemRow
from tests.protocol.desk_stage import open_scratch
from tests.release_desks import CLEARANCES, HILLS, PURPOSES, ReleaseDesks, make_catalogue, make_report

HERE = (HILLS[5][1] + 0.05, HILLS[5][2] + 0.07)
THERE = (HILLS[5][1] - 0.04, HILLS[5][2] - 0.05)
"""Both are in the one cell of five degrees, and our post sees both."""
DAY_S, FIVE_DEG = 86_400, 18_000
KEPT = PURPOSES.replace('onward = "ask"', 'onward = "ask"\nkeep_days = 30')
"""The item is not to be used for longer than thirty days: of which moment, the recipient sees."""


def release(folder: Path, report: str, *, planned: str) -> tuple[dict[str, Any], str, list[tuple[str, int]]]:
    """Return what ``ru`` opens of the report, but for the name drawn for it; when; and what the host sees."""
    with open_scratch(folder) as scratch:
        three = ReleaseDesks(scratch, is_stocked=False)
        three.load("catalogue", make_catalogue(chance="4/5"))
        three.load("purposes", KEPT)
        three.load("clearances", CLEARANCES)
        three.load_reports(report)
        three.clock.now = parse_utc(planned)
        (plan,) = three.plan("r-1", "ru", finest_s=DAY_S, finest_arcsec=FIVE_DEG)
        assert plan["state"] == "planned"
        assert plan["level"]["span_s"] == DAY_S
        assert plan["level"]["place_arcsec"] == FIVE_DEG
        three.ask("us", "release-send", plan=plan["plan"], sha256=plan["sha256"])
        due = str(three.get(plan)["due"])
        three.clock.now = parse_utc(due)
        three.run()
        (row,) = three.desks["ru"].rows.select(ItemRow, author="us")
        body = msgspec.to_builtins(row.item)
        del body["item"]
        seen = [(kind, len(raw)) for kind, raw in zip(three.list_kinds(), three.center.entries, strict=True)]
        kinds = [kind for kind, _ in seen]
        assert kinds.count("release.item") == 1
        return body, row.at, seen[kinds.index("release.item") :]


@pytest.mark.parametrize(
    ("moment", "planned"),
    (
        ("2016-09-17T23:58:59Z", "2016-09-17T23:59:30Z"),
        ("2016-09-17T14:20:31Z", "2016-09-17T14:21:07Z"),
    ),
)
def test_an_item_bears_no_byte_of_what_its_shape_hides(tmp_path: Path, moment: str, planned: str) -> None:
    one = release(
        tmp_path / "one",
        make_report("r-1", at=HERE, when="2016-09-17T14:05:00Z", classification="GREEN"),
        planned="2016-09-17T14:06:00Z",
    )
    other = make_report("r-1", at=THERE, when=moment, classification="GREEN")
    other = other.replace("accuracy_m = 50", "accuracy_m = 500").replace("private zebra", "some other zebra")
    body, at, seen = release(tmp_path / "other", other, planned=planned)
    assert body == one[0]
    assert at == one[1]
    assert seen == one[2]
