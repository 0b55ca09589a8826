"""Canaries: no private word or number of a report, a source or a secret is in the bytes of a variant.

Every text and every large number of the private structs is planted, field by field from their types: a field
that is added to one of them later is planted too, and is let through by nothing here unless it is named
below.
"""

from __future__ import annotations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from entente.release.source.observer import Observer, Source
from entente.release.source.report import NOTHING, Report
from entente.release.source.secret import Secret
from entente.release.variant.build import build_variant, encode_variant
from entente.release.variant.kept import derive, encode_derivation
from entente.release.variant.ladder import DEFAULT_LADDER, Level
from tests.release_reports import LEVELS, list_planted, plant

PRIVATE = (plant(Observer, seed=1), plant(Source, seed=2), plant(Secret, seed=3))


def make_planted(at: tuple[int, int], moment_us: int) -> Report:
    """Return a report of which everything is a canary; two tear lines and one of two fields may go out."""
    report: Report = plant(Report)
    replace = msgspec.structs.replace
    first, second = report.fields
    return replace(
        report,
        lat_e7=at[0],
        lon_e7=at[1],
        moment_us=moment_us,
        accuracy_m=987_653,
        tear_lines=tuple(replace(line, claims=NOTHING, label=None) for line in report.tear_lines),
        fields=(replace(first, claims=NOTHING), replace(second, claims=None)),
    )


# Nine digits and more, none of them on a mark of the grid or the clock: found again if they were to slip
# through.
ODD_PLACES = st.tuples(
    st.integers(100_000_001, 899_999_999).filter(lambda e7: e7 % 10 in {1, 3, 7, 9}),
    st.integers(100_000_001, 1_799_999_999).filter(lambda e7: e7 % 10 in {1, 3, 7, 9}),
)
ODD_MOMENTS = st.integers(10**15, 4 * 10**15).filter(lambda us: us % 1_000_000)


def find_leaks(data: bytes, report: Report, let_out: set[str]) -> list[str]:
    """Return every canary that is in the bytes and was not let out."""
    planted = set(list_planted(report)) | {str(report.height_cm), str(report.accuracy_m)}
    for private in PRIVATE:
        planted |= set(list_planted(private))
    assert len(planted) > 50
    return sorted(word for word in planted - let_out if word.encode() in data)


@settings(max_examples=60)
@given(ODD_PLACES, ODD_MOMENTS, LEVELS, st.sampled_from((None, 0, 1)), st.booleans())
def test_no_private_word_or_number_is_in_a_variant(
    at: tuple[int, int], moment_us: int, level: Level, line: int | None, has_field: bool
) -> None:
    report = make_planted(at, moment_us)
    tear_line = None if line is None else report.tear_lines[line]
    fields = report.fields[:1] if has_field else ()
    variant = build_variant(
        report,
        level,
        DEFAULT_LADDER,
        tear_line=None if tear_line is None else tear_line.id,
        fields=[field.name for field in fields],
    )
    let_out = set(report.path[: level.depth]) | {text for one in fields for text in (one.name, one.value)}
    if tear_line is not None:
        let_out.add(tear_line.text)
    data = encode_variant(variant)
    assert find_leaks(data, report, let_out) == []
    # What was let out is there: the search can find something.
    assert all(word.encode() in data for word in let_out)
    kept = encode_derivation(
        derive(
            report, level, DEFAULT_LADDER, variant, recipient="ru", tear_line=None if line is None else "x"
        )
    )
    assert find_leaks(kept, report, let_out) == [report.id]


@settings(max_examples=20)
@given(ODD_PLACES, ODD_MOMENTS, LEVELS)
def test_a_variant_without_text_and_identity_quotes_nothing_at_all(
    at: tuple[int, int], moment_us: int, level: Level
) -> None:
    variant = build_variant(make_planted(at, moment_us), level._replace(depth=0), DEFAULT_LADDER)
    assert b"canary" not in encode_variant(variant)


def test_the_search_finds_a_canary_in_every_private_place() -> None:
    report = make_planted((353_359_003, 401_408_007), 1_795_880_520_000_001)
    whole = b"".join(map(msgspec.json.encode, (report, *PRIVATE)))
    found = find_leaks(whole, report, set())
    assert {report.id, report.source, report.theatre, report.fields[1].value, "353359003"} <= set(found)
    assert {PRIVATE[2].truth, PRIVATE[1].observer, PRIVATE[0].words, "1795880520000001"} <= set(found)
