"""Reports, levels and planted structs for tests of the release room.

`REPORTS` draws whole reports, `LEVELS` levels of the default ladder. `plant` fills any struct with texts that
occur nowhere else, field by field from its types, so that a field added tomorrow is planted too.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from hypothesis import strategies as st
from msgspec.inspect import type_info

from entente.release.label import LabelWire
from entente.release.source.report import Claims, Field, Report, TearLine
from entente.release.variant.ladder import DEFAULT_LADDER, Level

LABEL: Final = LabelWire(
    policy_id="", policy="TLP", classification="AMBER", categories=[], created="2026-11-28T12:00:00Z"
)
WORDS: Final = ("air", "ground", "fixed-wing", "convoy", "il-76", "transport", "t-1", "t-2")

POSITIONS: Final = st.tuples(
    st.integers(-900_000_000, 900_000_000), st.integers(-1_800_000_000, 1_799_999_999)
)
LEVELS: Final = st.builds(
    Level,
    place=st.integers(0, len(DEFAULT_LADDER.places_arcsec)),
    span=st.integers(0, len(DEFAULT_LADDER.spans_s)),
    delay=st.integers(0, len(DEFAULT_LADDER.delays_s) - 1),
    depth=st.sampled_from(DEFAULT_LADDER.depths),
    height=st.integers(0, len(DEFAULT_LADDER.heights_m)),
)
CLAIMS: Final = st.builds(
    Claims,
    place_arcsec=st.sampled_from((0, 6, 59, 60, 1_800, 3_600, 648_000)),
    span_s=st.sampled_from((0, 59, 60, 3_600, 86_400, 31_622_400)),
    depth=st.integers(0, 4),
    height_m=st.sampled_from((0, 19, 20, 1_000, 100_000)),
)


@st.composite
def _draw_report(draw: st.DrawFn) -> Report:
    lat_e7, lon_e7 = draw(POSITIONS)
    return Report(
        id="report-1",
        theatre="north",
        source="post",
        lat_e7=lat_e7,
        lon_e7=lon_e7,
        height_cm=draw(st.none() | st.integers(-50_000, 2_000_000)),
        moment_us=draw(st.integers(-(10**15), 4 * 10**15)),
        path=tuple(draw(st.lists(st.sampled_from(WORDS), min_size=1, max_size=6))),
        accuracy_m=draw(st.integers(0, 10_000)),
        tear_lines=tuple(
            TearLine(id=f"line-{number}", text=f"text {number}", label=None, claims=claims)
            for number, claims in enumerate(draw(st.lists(CLAIMS, max_size=3)))
        ),
        fields=tuple(
            Field(name=f"field-{number}", value=f"value {number}", claims=claims)
            for number, claims in enumerate(draw(st.lists(st.none() | CLAIMS, max_size=3)))
        ),
        label=LABEL,
    )


REPORTS: Final = _draw_report()


def plant(kind: type[msgspec.Struct], *, seed: int = 0) -> Any:
    """Return a ``kind`` of which every free text is a word that occurs once; every list has two."""
    return msgspec.convert(_plant(type_info(kind), itertools.count(1 + 1_000 * seed)), kind)


def _plant(info: msgspec.inspect.Type, count: Iterator[int]) -> object:
    match info:
        case msgspec.inspect.StructType(fields=fields):
            return {field.encode_name: _plant(field.type, count) for field in fields}
        case msgspec.inspect.VarTupleType(item_type=item) | msgspec.inspect.ListType(item_type=item):
            return [_plant(item, count) for _ in range(2)]
        case msgspec.inspect.TupleType(item_types=items):
            return [_plant(item, count) for item in items]
        case msgspec.inspect.UnionType(types=types):
            return _plant(next(one for one in types if not isinstance(one, msgspec.inspect.NoneType)), count)
        case msgspec.inspect.LiteralType(values=values):
            return values[0]
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.IntType(le=le, lt=lt, ge=ge):
            most = le if le is not None else (lt or 0) - 1
            # Whole numbers with digits that are found again, where there is room for them.
            number = 10_000_019 * next(count) + 1_234_567
            return number if number <= most else max(ge or 0, 1)
        case msgspec.inspect.StrType(pattern=pattern):
            return _plant_text(pattern or "", next(count))
        case _:
            raise AssertionError(f"no plant for {info}")


def _plant_text(pattern: str, number: int) -> str:
    word = f"canary{number:06d}x"
    return next(text for text in (word, "1/3", "2026-11-28T12:00:00Z", "ab" * 32) if _fits(text, pattern))


def _fits(text: str, pattern: str) -> bool:
    # As msgspec does: a pattern is looked for, and our patterns say where they begin and end.
    return re.search(pattern, text) is not None


def list_planted(value: object) -> Iterator[str]:
    """Yield every planted word and number inside a value."""
    plain = msgspec.to_builtins(value)
    waiting = [plain]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, (list, tuple)):
            waiting.extend(one)
        elif isinstance(one, str) and one.startswith("canary"):
            yield one
        elif isinstance(one, int) and not isinstance(one, bool) and abs(one) >= 10_000_019:
            yield str(one)
