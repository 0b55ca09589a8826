"""Names that look like other names: told of both, and refused to nobody."""

from __future__ import annotations

import pytest

from entente.deconflict import Close
from entente.deconflict.look_alikes import find_look_alikes, make_skeleton, warn_of
from tests.unit.test_deconflict_simulator import RecordSimulator


@pytest.mark.parametrize(
    ("one", "other", "is_alike"),
    (
        ("castello", "caste11o", True),
        ("castello", "castell0", True),
        ("castello", "cast-ello", True),
        ("road-m", "road-rn", True),
        ("site-5", "site-s", True),
        ("west", "vvest", True),
        ("castello", "ramouseh", False),
        ("zone-1", "zone-2", False),
        ("alpha", "bravo", False),
    ),
)
def test_what_looks_alike_has_one_skeleton(one: str, other: str, *, is_alike: bool) -> None:
    assert (make_skeleton(one) == make_skeleton(other)) is is_alike


def test_both_are_told_and_nobody_is_refused() -> None:
    record = RecordSimulator()
    record.notify("us", "castello")
    record.notify("ru", "caste11o")
    record.notify("un", "other")
    found = find_look_alikes(record.host)
    assert found == {
        "castello": ("activity caste11o of ru",),
        "caste11o": ("activity castello of us",),
    }
    assert warn_of(found["castello"]) == " CAREFUL, looks like activity caste11o of ru."
    record.send("ru", "activity.close", Close("caste11o", "closed", ""))
    assert find_look_alikes(record.host) == {}
    assert warn_of(()) == ""


def test_one_name_sealed_to_two_audiences_is_told_as_well() -> None:
    record = RecordSimulator()
    record.notify("us", "alpha", to=["ru"])
    record.notify("us", "alpha", to=["un"])
    assert sorted(find_look_alikes(record.rows("us")).values()) == [("activity alpha of us",)] * 2
