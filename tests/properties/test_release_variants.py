"""Variants for any report at any level: one cell for one item, nested steps, one spelling, nothing finer."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from entente.kernel.errors import Denied, Malformed
from entente.release.source.report import MAX_MOMENT_US, NOTHING, Claims, Field, Report, TearLine, hash_report
from entente.release.variant.build import (
    build_variant,
    encode_variant,
    find_overclaims,
    hash_variant,
    list_fields,
    list_tear_lines,
)
from entente.release.variant.kept import (
    derive,
    encode_derivation,
    encode_shape,
    hash_ladder,
    parse_derivation,
    parse_shape,
)
from entente.release.variant.ladder import DEFAULT_LADDER, MAX_SPAN_S, Level
from entente.release.variant.sent import (
    HeightWire,
    PlaceWire,
    VariantWire,
    WindowWire,
    parse_variant,
    parse_variant_bytes,
)
from entente.release.variant.shape import Sighting, earliest_us, meet, shape_of
from entente.release.variant.words import describe_cell, describe_shape, describe_variant
from tests.release_reports import LABEL, LEVELS, POSITIONS, REPORTS, plant

FEW = settings(max_examples=60)
"""Drawing a whole report is what takes the time."""
STEPS = range(1, len(DEFAULT_LADDER.places_arcsec) + 1)


@given(POSITIONS)
@example((900_000_000, 0))
@example((-900_000_000, -1_800_000_000))
@example((0, 1_799_999_999))
def test_a_position_is_in_one_cell_of_each_step_and_they_lie_in_each_other(at: tuple[int, int]) -> None:
    cells = [DEFAULT_LADDER.cell_at(*at, step) for step in range(len(STEPS) + 1)]
    for fine, coarse in zip(cells[1:], cells, strict=False):
        assert DEFAULT_LADDER.parent(fine) == coarse
        assert DEFAULT_LADDER.is_within(fine, coarse)
        south, west, north, east = DEFAULT_LADDER.bounds_e7(fine)
        assert south <= at[0] < north
        assert west <= at[1] < east


@FEW
@given(REPORTS, LEVELS, LEVELS, st.lists(st.sampled_from(("ru", "us", "un-ocha")), min_size=1, max_size=4))
def test_the_same_item_is_always_in_the_same_cell(
    report: Report, a: Level, b: Level, recipients: list[str]
) -> None:
    """Whoever gets it, how often, whatever else of it is shown: of one step it is one cell, window, band."""
    other = b._replace(place=a.place)
    places = {build_variant(report, level, DEFAULT_LADDER).place for level in (a, other) for _ in recipients}
    assert len(places) == 1
    assert shape_of(report, a, DEFAULT_LADDER).cell == shape_of(report, other, DEFAULT_LADDER).cell
    windows = {build_variant(report, b._replace(span=a.span), DEFAULT_LADDER).window for _ in recipients}
    assert windows == {build_variant(report, a, DEFAULT_LADDER).window}
    bands = {build_variant(report, b._replace(height=a.height), DEFAULT_LADDER).height for _ in recipients}
    assert bands == {build_variant(report, a, DEFAULT_LADDER).height}
    assert len({encode_variant(build_variant(report, a, DEFAULT_LADDER)) for _ in recipients}) == 1


@FEW
@given(REPORTS, REPORTS, LEVELS)
def test_two_items_at_one_spot_are_in_the_same_cell(one: Report, other: Report, level: Level) -> None:
    moved = msgspec.structs.replace(other, lat_e7=one.lat_e7, lon_e7=one.lon_e7)
    assert shape_of(one, level, DEFAULT_LADDER).cell == shape_of(moved, level, DEFAULT_LADDER).cell


@FEW
@given(REPORTS, REPORTS, LEVELS, st.tuples(*[st.floats(0, 1, exclude_max=True)] * 4))
def test_what_a_shape_hides_changes_no_byte(
    report: Report, other: Report, level: Level, spread: tuple[float, ...]
) -> None:
    """Two reports that differ within cell, window and band only, and in what is private, look the same."""
    shape = shape_of(report, level, DEFAULT_LADDER)
    south, west, north, east = DEFAULT_LADDER.bounds_e7(
        DEFAULT_LADDER.cell_at(report.lat_e7, report.lon_e7, level.place)
    )
    start_us, span_us = (shape.start_us, shape.span_us) if shape.start_us is not None else (0, 10**15)
    low_cm, high_cm = shape.height_cm or (-1_000, 1_000)
    twin = msgspec.structs.replace(
        other,
        id="another-report",
        source="another-source",
        theatre="another-theatre",
        lat_e7=min(south + int(spread[0] * (north - south)), 900_000_000),
        lon_e7=west + int(spread[1] * (east - west)),
        moment_us=start_us + int(spread[2] * span_us),
        height_cm=None if report.height_cm is None else low_cm + int(spread[3] * (high_cm - low_cm)),
        path=(*report.path[: level.depth], *other.path)[:6],
    )
    if len(report.path) < level.depth:
        twin = msgspec.structs.replace(twin, path=report.path)
    assert encode_variant(build_variant(report, level, DEFAULT_LADDER)) == encode_variant(
        build_variant(twin, level, DEFAULT_LADDER)
    )
    if shape.start_us is not None:
        assert earliest_us(report, shape, DEFAULT_LADDER) == earliest_us(twin, shape, DEFAULT_LADDER)


@FEW
@given(REPORTS, LEVELS, LEVELS)
def test_two_shapes_of_one_report_never_contradict(report: Report, a: Level, b: Level) -> None:
    one, other = shape_of(report, a, DEFAULT_LADDER), shape_of(report, b, DEFAULT_LADDER)
    both = Level(*map(max, a, b))._replace(delay=min(a.delay, b.delay))
    assert meet(one, other, DEFAULT_LADDER) == shape_of(report, both, DEFAULT_LADDER)
    assert meet(one, one, DEFAULT_LADDER) == one


@FEW
@given(REPORTS, LEVELS)
def test_a_shape_is_stored_and_read_back(report: Report, level: Level) -> None:
    shape = shape_of(report, level, DEFAULT_LADDER)
    assert parse_shape(encode_shape(shape)) == shape
    assert earliest_us(report, shape, DEFAULT_LADDER) > report.moment_us


@FEW
@given(REPORTS, LEVELS)
def test_a_variant_has_one_spelling_and_says_what_its_shape_says(report: Report, level: Level) -> None:
    variant = build_variant(report, level, DEFAULT_LADDER)
    data = encode_variant(variant)
    assert parse_variant_bytes(data) == variant
    assert encode_variant(parse_variant_bytes(data)) == data
    assert describe_variant(variant) == describe_shape(
        shape_of(report, level, DEFAULT_LADDER), DEFAULT_LADDER
    )
    assert b"." not in data  # no fraction


@FEW
@given(REPORTS, LEVELS, st.data())
def test_a_text_or_field_never_goes_with_a_shape_coarser_than_it_claims(
    report: Report, level: Level, data: st.DataObject
) -> None:
    shape = shape_of(report, level, DEFAULT_LADDER)
    allowed = {line.id for line in list_tear_lines(report, level, DEFAULT_LADDER)}
    for line in report.tear_lines:
        claims = line.claims
        fits = (
            (
                not claims.place_arcsec
                or (shape.cell and DEFAULT_LADDER.size_arcsec(shape.cell.step) <= claims.place_arcsec)
            )
            and (not claims.span_s or 0 < shape.span_us <= claims.span_s * 1_000_000)
            and claims.depth <= len(shape.path)
            and (
                not claims.height_m
                or (shape.height_cm and shape.height_cm[1] - shape.height_cm[0] <= claims.height_m * 100)
            )
        )
        assert bool(fits) == (line.id in allowed)
        if line.id in allowed:
            assert build_variant(report, level, DEFAULT_LADDER, tear_line=line.id).text == line.text
        else:
            with pytest.raises(Denied) as caught:
                build_variant(report, level, DEFAULT_LADDER, tear_line=line.id)
            assert caught.value.code == "finer-than-shape"
    names = list_fields(report, level, DEFAULT_LADDER)
    for field in report.fields:
        if field.name not in names:
            with pytest.raises(Denied):
                build_variant(report, level, DEFAULT_LADDER, fields=[field.name])
    chosen = data.draw(st.permutations(names))
    assert [one.name for one in build_variant(report, level, DEFAULT_LADDER, fields=chosen).fields] == names


def test_a_field_bears_the_label_of_its_report() -> None:
    """Whoever is cleared for a text below the tear line, and no more, gets no field."""
    lower = msgspec.structs.replace(LABEL, classification="GREEN")
    report = msgspec.structs.replace(
        plant(Report),
        label=LABEL,
        fields=(Field("heading", "south", NOTHING),),
        tear_lines=(TearLine("same", "a", None, NOTHING), TearLine("lower", "b", lower, NOTHING)),
    )
    level = DEFAULT_LADDER.coarsest
    for line in (None, "same"):
        assert list_fields(report, level, DEFAULT_LADDER, tear_line=line) == ["heading"]
        assert build_variant(report, level, DEFAULT_LADDER, tear_line=line, fields=["heading"]).fields
    assert list_fields(report, level, DEFAULT_LADDER, tear_line="lower") == []
    assert build_variant(report, level, DEFAULT_LADDER, tear_line="lower").text == "b"
    with pytest.raises(Denied, match="label of its own") as caught:
        build_variant(report, level, DEFAULT_LADDER, tear_line="lower", fields=["heading"])
    assert caught.value.code == "other-label"


@FEW
@given(REPORTS, LEVELS)
def test_claims_that_fit_a_level_fit_every_finer_one(report: Report, level: Level) -> None:
    finer = DEFAULT_LADDER.finest
    for line in list_tear_lines(report, level, DEFAULT_LADDER):
        assert not find_overclaims(line.claims, shape_of(report, finer, DEFAULT_LADDER), DEFAULT_LADDER)


@FEW
@given(REPORTS, LEVELS)
def test_a_derivation_names_what_was_used_and_stays(report: Report, level: Level) -> None:
    variant = build_variant(report, level, DEFAULT_LADDER)
    kept = derive(report, level, DEFAULT_LADDER, variant, recipient="ru", tear_line=None)
    assert parse_derivation(encode_derivation(kept)) == kept
    assert (kept.variant_sha256, kept.ladder_sha256) == (hash_variant(variant), hash_ladder(DEFAULT_LADDER))
    assert kept.report_sha256 == hash_report(report)
    assert Level(*kept.level) == level
    for private in (kept.report_sha256, kept.ladder_sha256):
        assert private.encode() not in encode_variant(variant)


@settings(max_examples=300)
@given(st.binary(max_size=300))
def test_any_bytes_give_a_variant_or_a_fault(data: bytes) -> None:
    for parse in (parse_variant_bytes, parse_shape, parse_derivation):
        with pytest.raises(Malformed):
            parse(data)


@FEW
@given(REPORTS, LEVELS.filter(lambda level: level.place and level.span and level.height), st.data())
def test_a_variant_off_the_fixed_marks_is_refused(report: Report, level: Level, data: st.DataObject) -> None:
    variant = build_variant(msgspec.structs.replace(report, height_cm=5_000), level, DEFAULT_LADDER)
    place, window, height = variant.place, variant.window, variant.height
    assert place is not None
    assert window is not None
    assert height is not None
    off = data.draw(st.integers(1, window.span_us - 1))
    other = msgspec.structs.replace
    for wrong in (
        other(variant, window=other(window, start_us=window.start_us + off)),
        other(variant, height=other(height, low_cm=height.low_cm - 1)),
        other(variant, height=other(height, low_cm=height.high_cm)),
        other(variant, place=other(place, size_arcsec=7_000)),
        other(variant, place=other(place, row=648_000 // place.size_arcsec)),
        other(variant, place=other(place, column=1_296_000 // place.size_arcsec)),
    ):
        with pytest.raises(Malformed, match="expected"):
            parse_variant(wrong)


@FEW
@given(
    st.sampled_from([size for size in range(1, 648_001) if 648_000 % size == 0]),
    st.floats(0, 1, exclude_max=True),
    st.integers(1, MAX_SPAN_S * 1_000_000),
    st.integers(-MAX_MOMENT_US, MAX_MOMENT_US),
    st.integers(1, 10_000_000),
    st.integers(-(10**10), 10**10),
)
def test_a_partner_s_variant_can_always_be_said_in_words(
    size: int, spread: float, span_us: int, moment_us: int, thick_cm: int, height_cm: int
) -> None:
    """Whatever keeps the form, on marks of a ladder that is not ours too."""
    rows = 648_000 // size
    variant = VariantWire(
        fields=(),
        format="entente-variant-1",
        height=HeightWire(height_cm // thick_cm * thick_cm, height_cm // thick_cm * thick_cm + thick_cm),
        path=(),
        place=PlaceWire(size, int(spread * rows), int(spread * 2 * rows)),
        text="",
        window=WindowWire(moment_us // span_us * span_us, span_us),
    )
    words = describe_variant(parse_variant_bytes(encode_variant(variant)))
    assert " in " in words
    assert words.endswith(" m")


def test_words_never_tell_a_finer_cell() -> None:
    for step in STEPS:
        names = {
            describe_cell(DEFAULT_LADDER.cell_at(353_359_000, 401_408_000 + more, step), DEFAULT_LADDER)
            for more in range(0, 20_000_000, 999_999)
        }
        cells = {
            DEFAULT_LADDER.cell_at(353_359_000, 401_408_000 + more, step)
            for more in range(0, 20_000_000, 999_999)
        }
        assert len(names) == len(cells)


def test_a_report_that_has_less_shows_less() -> None:
    seen = Sighting(0, 0, 0, ("air",), None)
    shape = shape_of(seen, DEFAULT_LADDER.finest, DEFAULT_LADDER)
    assert (shape.path, shape.height_cm) == (("air",), None)
    for claims in (Claims(0, 0, 2, 0), Claims(0, 0, 0, 5_000)):
        assert find_overclaims(claims, shape, DEFAULT_LADDER)
    assert replace(shape, path=()) != shape


@pytest.mark.parametrize(
    ("claims", "fits"),
    (
        (Claims(3_600, 21_600, 2, 1_000), True),
        (Claims(3_599, 0, 0, 0), False),
        (Claims(0, 21_599, 0, 0), False),
        (Claims(0, 0, 3, 0), False),
        (Claims(0, 0, 0, 999), False),
        (Claims(0, 0, 0, 0), True),
    ),
)
def test_a_claim_just_finer_than_what_is_shown_is_too_fine(claims: Claims, *, fits: bool) -> None:
    level = Level(place=3, span=3, delay=0, depth=2, height=2)
    seen = Sighting(353_359_000, 401_408_000, 0, ("air", "fixed-wing", "il-76"), 12_345)
    shape = shape_of(seen, level, DEFAULT_LADDER)
    assert (find_overclaims(claims, shape, DEFAULT_LADDER) == []) == fits
    nothing = shape_of(seen, DEFAULT_LADDER.coarsest, DEFAULT_LADDER)
    assert (find_overclaims(claims, nothing, DEFAULT_LADDER) == []) == (claims == Claims(0, 0, 0, 0))
