"""An honest center is accused of nothing, whatever happens at the edge and however its machine measures.

Activities and a denied zone of three parties go to and fro where meeting hangs on centimetres, earlier and
later, armed and not. The center raises what it finds due. Its machine measures up to 9 cm otherwise than the
desks'. After each entry no desk would accuse it, however long ago that was, and all accept what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from entente.deconflict import Update, plan_alarms
from entente.space import CircleWire, VolumeWire
from tests.unit.test_deconflict_conflicts import make_zone
from tests.unit.test_deconflict_doubt import PartingSimulator, find_longitude, make_parting
from tests.unit.test_deconflict_simulator import make_circle

_OFF_M: Final = (-0.05, -0.03, 0.0, 0.03, 0.05)
_STARTS: Final = (9, 11, 13, 15)
_NAMES: Final = {"us": ("alpha", "beta", "zone"), "ru": ("bravo", "charlie")}
_places = st.sampled_from(("sure", "sure", *_OFF_M, "far"))
_volumes = st.lists(st.tuples(_places, st.sampled_from(_STARTS)), min_size=1, max_size=2)
_steps = st.lists(
    st.tuples(
        st.sampled_from([(party, name) for party, names in _NAMES.items() for name in names]),
        _volumes,
        st.sampled_from((True, True, True, False)),
        st.booleans(),
    ),
    min_size=4,
    max_size=16,
)
_shifts = st.tuples(*[st.sampled_from((-0.045, -0.02, 0.0, 0.02, 0.045))] * 4)


def _place(party: str, where: Any, hour: int) -> VolumeWire:
    lon = 40.18
    if party == "ru":
        lon = {"sure": 40.185, "far": 41.5}.get(where) or find_longitude(more_m=where)
    elif where == "far":
        lon = 43.0
    return make_circle(lon=lon, start=f"2016-09-17T{hour:02}:00:00Z", end=f"2016-09-17T{hour + 1:02}:30:00Z")


def _play(
    record: PartingSimulator, steps: list[tuple[tuple[str, str], list[tuple[Any, int]], bool, bool]]
) -> None:
    leaves: dict[str, str] = {}
    for (party, name), places, armed, is_raised in steps:
        volumes = [_place(party, where, hour) for where, hour in places]
        if name == "zone":
            # Of 6 km where the others have one and keep five: its edge is theirs.
            wide = [msgspec.structs.replace(one, outline=_widen(one.outline)) for one in volumes]
            zone = make_zone(name, volumes=wide, rules=[], zone="denied" if armed else "caution")
            zone = msgspec.structs.replace(zone, replaces=leaves.get(name))
            leaves[name] = record.send(party, "zone.declare", zone)
        elif name in leaves:
            body = Update(name, leaves[name], "t", volumes, [], "", armed=armed, concur_by=None)
            leaves[name] = record.send(party, "activity.update", body)
        else:
            leaves[name] = record.notify(party, name, *volumes, armed=armed)
        if not is_raised:
            # The center is late, by less than the grace: nobody looks in between.
            continue
        _raise_all(record)
        for reader in record.parties:
            assert record.list_withheld(reader) == [], (reader, name)
    _raise_all(record)
    for reader in record.parties:
        assert record.list_withheld(reader) == [], reader


def _widen(outline: Any) -> CircleWire:
    return CircleWire(outline.centre_e7, 600_000)


def _raise_all(record: PartingSimulator) -> None:
    while due := plan_alarms(record.host):
        record.send("center", *due[0])


def _with(shifts: tuple[float, ...]) -> Mapping[str | None, float]:
    return dict(zip((None, "ru", "un", "us"), shifts, strict=True))


@settings(max_examples=40)
@given(steps=_steps, shifts=_shifts)
@example(
    steps=[
        (("us", "alpha"), [("sure", 9)], True, False),
        (("ru", "charlie"), [("sure", 13)], True, False),
        (("ru", "bravo"), [("sure", 13), (-0.03, 9)], True, False),
        (("us", "alpha"), [("sure", 13)], True, False),
    ],
    shifts=(-0.02, -0.045, -0.045, -0.045),
)
def test_an_honest_center_is_never_accused(steps: Any, shifts: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        record = make_parting(patch)
        record.shifts_m = _with(shifts)
        _play(record, steps)
