"""Catalogues and reports from files: what holds is read to the digit, what does not is told where it is."""

from __future__ import annotations

import contextlib
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entente.kernel.errors import Malformed
from entente.release.source.catalogue import (
    Catalogue,
    check_report,
    encode_catalogue,
    find_misfits,
    hash_catalogue,
    parse_catalogue,
)
from entente.release.source.catalogue_file import read_catalogue
from entente.release.source.fraction import parse_fraction, say_fraction
from entente.release.source.path import is_prefix, say_path
from entente.release.source.reading import MAX_FAULTS, FileInvalid
from entente.release.source.report import UNDATED, Claims, Report, encode_report, hash_report, parse_report
from entente.release.source.report_file import read_reports
from entente.release.source.secret import EXACT, Gain
from tests.release_reports import REPORTS

CASE: Final = Path(__file__).resolve().parents[2] / "examples" / "release"
CATALOGUE: Final = (CASE / "catalogue.toml").read_text(encoding="utf-8")
REPORTS_TEXT: Final = (CASE / "reports.toml").read_text(encoding="utf-8")
replace = msgspec.structs.replace


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return read_catalogue(CATALOGUE.encode())


# The worked case


def test_the_example_is_read_to_the_digit(catalogue: Catalogue) -> None:
    secret = catalogue.secret["post-town"]
    assert len(secret.hypotheses) == 12
    assert secret.prior()[0] == Fraction(2, 13)
    assert sum(secret.prior()) == 1
    assert (secret.gain, secret.officers, secret.notified) == (Gain("within-km", 10, ()), 2, True)
    assert secret.budget_of("liaison-a").chance == "1/2"
    assert secret.budget_of("anybody-else") == secret.budget
    placed = catalogue.observer["roof-listener-darat-izza"]
    assert placed.circles is not None
    [circle] = placed.circles
    assert (circle.lat_e7, circle.lon_e7, circle.radius_m) == (362_825_000, 368_528_000, 68_000)
    assert catalogue.observer["press"].circles is None
    assert "roof-listener" not in catalogue.observer
    assert [one.share for one in catalogue.secret["evening-method"].hypotheses[2].observers] == ["2/3", "1/3"]
    assert catalogue.secret["evening-method"].gain == EXACT


def test_the_example_s_reports_fit_its_catalogue(catalogue: Catalogue) -> None:
    first, second, third = read_reports(REPORTS_TEXT.encode())
    assert (first.lat_e7, first.lon_e7, first.height_cm) == (363_312_000, 370_718_000, 24_000)
    assert first.moment_us == 1_795_786_920_000_000
    assert first.tear_lines[1].claims == Claims(1_800, 21_600, 3, 1_000)
    assert first.label_of(first.tear_lines[0]).classification == "AMBER"
    assert first.label_of(first.tear_lines[1]) == first.label
    assert [field.claims is None for field in first.fields] == [False, True]
    assert second.height_cm is None
    assert third.moment_us % 60_000_000 == 30_000_000
    assert [check_report(each, catalogue) for each in (first, second, third)] == [[], [], []]


def test_a_catalogue_is_stored_in_one_spelling(catalogue: Catalogue) -> None:
    data = encode_catalogue(catalogue)
    again = parse_catalogue(data)
    assert again == catalogue
    assert encode_catalogue(again) == data
    assert hash_catalogue(again) == hash_catalogue(catalogue)
    with pytest.raises(Malformed):
        parse_catalogue(data + b" ")


@settings(max_examples=40)
@given(REPORTS)
def test_a_report_is_stored_in_one_spelling(report: Report) -> None:
    data = encode_report(report)
    assert parse_report(data) == report
    assert hash_report(parse_report(data)) == hash_report(report)


# Faults of files


def find_faults(text: str) -> set[tuple[str, str]]:
    """Return the faults of a catalogue: path and code."""
    with pytest.raises(FileInvalid) as caught:
        read_catalogue(text.encode())
    return {(fault.path, fault.code) for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("old", "new", "path", "code"),
    (
        ("entente-catalogue = 1", "entente-catalogue = 2", "entente-catalogue", "bad-number"),
        ("entente-catalogue = 1\n", "", "", "missing-key"),
        ('id = "press"', 'id = "Press"', "observer[6].id", "bad-id"),
        ('id = "press"', 'id = "small-drone"', "observer[6]", "duplicate-id"),
        ("reach_m = 68_000 ", "reach_m = 68.5 ", "observer[0].reach_m", "bad-number"),
        ("reach_m = 68_000 ", "everywhere = false ", "observer[0].everywhere", "bad-cover"),
        ("reach_m = 68_000 ", "#", "observer[0]", "bad-cover"),
        ("identifies = 4", "identifies = 7", "observer[4].identifies", "bad-number"),
        ("identifies = 4", "identifies = true", "observer[4].identifies", "bad-number"),
        ("latency_s = 30\n", "latency_s = 30\nspeed = 3\n", "observer[4].speed", "unknown-key"),
        ("at = [36.9822, 35.2804]", "at = [36.9822]", "observer[4].circles[0].at", "bad-place"),
        ("at = [36.9822, 35.2804]", "at = [96.9822, 35.2804]", "observer[4].circles[0].at[0]", "bad-number"),
        (
            "at = [36.9822, 35.2804]",
            "at = [36.98220001, 35.2804]",
            "observer[4].circles[0].at[0]",
            "bad-number",
        ),
        ("at = [36.9822, 35.2804]", "at = [nan, inf]", "observer[4].circles[0].at[1]", "bad-number"),
        ("at = [36.9822, 35.2804]", "at = [1e99999999, 0]", "observer[4].circles[0].at[0]", "bad-number"),
        ('observer = "aid-drivers"\nsens', 'observer = "aid"\nsens', "source[1].observer", "unknown-name"),
        ("secrets = []  ", "#", "source[2]", "missing-key"),
        ('secrets = ["evening-method"]', 'secrets = ["evening"]', "source[1].secrets[0]", "unknown-name"),
        (
            'observer = "roof-listener-darat-izza"',
            'observer = "roof-listener-atarib"',
            "source[0].observer",
            "truth-denied",
        ),
        ('share = "1/4"', 'share = "1/1"', "source[1].alternatives", "bad-shares"),
        ('share = "1/4"', 'share = "0"', "source[1].alternatives[0].share", "bad-shares"),
        ('share = "1/4"', 'share = "-1/4"', "source[1].alternatives[0].share", "bad-fraction"),
        ('share = "1/4"', 'share = "1/0"', "source[1].alternatives[0].share", "bad-fraction"),
        ('share = "2/3"', 'share = "2/4"', "secret[1].hypothesis[2].observers", "bad-shares"),
        ('truth = "darat-izza"', 'truth = "homs"', "secret[0].truth", "unknown-name"),
        ('id = "anadan"', 'id = "aleppo"', "secret[0].hypothesis[1].at", "duplicate-id"),
        ('weight = "2"', 'weight = "0"', "secret[0].hypothesis[0].weight", "bad-weight"),
        ("at = [36.1389, 36.8300]", "", "secret[0].hypothesis[4]", "no-place"),
        ('about = "method"', 'about = "person"', "secret[1].about", "bad-choice"),
        ('chance = "3/5"', 'chance = "1/5"', "secret[1].budget", "bad-budget"),
        ('chance = "3/5"', 'chance = "6/5"', "secret[1].budget", "bad-budget"),
        ('bits = "0.8"', 'each = "0"', "secret[1].budget", "bad-budget"),
        ('bits = "0.8"', 'each = "often"', "secret[1].budget.each", "bad-fraction"),
        ('budget = { chance = "3/5", bits = "0.8" }', "", "secret[1]", "missing-key"),
        ("officers = 2", "officers = 3", "secret[0].officers", "bad-number"),
        ("notified = true", 'notified = "yes"', "secret[0].notified", "wrong-type"),
        ("gain = { within_km = 10 }", "gain = { within_km = 0 }", "secret[0].gain.within_km", "bad-number"),
        ("gain = { within_km = 10 }", "gain = { tries = 12 }", "secret[0].gain", "bad-gain"),
        ("gain = { within_km = 10 }", "gain = { tries = 2, within_km = 3 }", "secret[0].gain", "bad-gain"),
        ("gain = { within_km = 10 }", 'gain = { matrix = [["1"]] }', "secret[0].gain", "bad-gain"),
        ("gain = { within_km = 10 }", 'gain = "best"', "secret[0].gain", "wrong-type"),
        ('who = "liaison-a"', 'who = "both-liaisons"', "secret[0].budgets[1]", "duplicate-id"),
        ('words = "Aleppo"', 'words = "A\\u001Bleppo"', "secret[0].hypothesis[0].words", "bad-text"),
        ('words = "Aleppo"', 'words = "A\\u202Eoppel"', "secret[0].hypothesis[0].words", "bad-text"),
        ('words = "Aleppo"', 'words = ""', "secret[0].hypothesis[0].words", "bad-text"),
    ),
)
def test_a_fault_is_told_at_its_key(old: str, new: str, path: str, code: str) -> None:
    assert old in CATALOGUE
    assert (path, code) in find_faults(CATALOGUE.replace(old, new, 1))


def test_all_faults_are_told_at_once_and_in_the_order_of_the_file() -> None:
    text = CATALOGUE.replace('id = "press"', 'id = "P"').replace("accuracy_m = 30\n", "accuracy_m = 3.5\n")
    with pytest.raises(FileInvalid) as caught:
        read_catalogue(text.encode())
    lines = [fault.line for fault in caught.value.faults]
    assert lines == sorted(lines)
    assert {fault.code for fault in caught.value.faults} == {"bad-id", "bad-number"}
    assert text.splitlines()[lines[0] - 1] == "accuracy_m = 3.5"
    assert str(caught.value).startswith(
        "catalogue: observer 'small-drone': accuracy_m: expected a whole number, 0 to 1000000, got "
    )


def test_a_file_of_nothing_but_faults_is_told_in_part() -> None:
    text = "entente-catalogue = 1\n" + "".join(f"wrong-{number} = 1\n" for number in range(500))
    with pytest.raises(FileInvalid) as caught:
        read_catalogue(text.encode())
    assert (len(caught.value.faults), caught.value.more) == (MAX_FAULTS, 500 - MAX_FAULTS)


@pytest.mark.parametrize(
    "data",
    (
        b"\xff",
        b"a = [" * 200,
        b"a" * 5_000_000,
        b"entente-catalogue = 1\nentente-catalogue = 1",
        b"entente-catalogue = \xe2\x80\xae1",
        b"a.b.c.d.e.f.g.h.i.j = 1",
        b"= ",
        b"",
    ),
)
def test_what_is_no_such_file_is_refused(data: bytes) -> None:
    for read in (read_catalogue, read_reports):
        with pytest.raises(FileInvalid) as caught:
            read(data)
        assert str(caught.value).startswith(("catalogue: ", "reports: "))


@settings(max_examples=150)
@given(st.data())
def test_any_change_of_a_file_gives_a_value_or_a_fault(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from((CATALOGUE[:4_000], REPORTS_TEXT)))
    at = data.draw(st.integers(0, len(text)))
    changed = text[:at] + data.draw(st.text(max_size=4)) + text[at + data.draw(st.integers(0, 6)) :]
    try:
        changed_bytes = changed.encode()
    except UnicodeEncodeError:
        return
    for read in (read_catalogue, read_reports):
        with contextlib.suppress(FileInvalid):
            read(changed_bytes)


# Faults of what was stored


def test_what_was_stored_is_checked_as_a_whole_again(catalogue: Catalogue) -> None:
    secret = catalogue.secrets[0]
    for wrong in (
        replace(catalogue, secrets=(replace(secret, truth="nowhere"), catalogue.secrets[1])),
        replace(catalogue, secrets=(secret, secret)),
        replace(catalogue, observers=catalogue.observers[1:]),
        replace(catalogue, secrets=(replace(secret, gain=Gain("matrix", 0, (("1",),))),)),
        replace(catalogue, secrets=(replace(secret, gain=Gain("matrix", 0, (("2",) * 12,))),)),
        replace(catalogue, secrets=(replace(secret, gain=Gain("exact", 3, ())),)),
    ):
        assert list(find_misfits(wrong))
        with pytest.raises(Malformed) as caught:
            parse_catalogue(encode_catalogue(wrong))
        assert caught.value.path.startswith(("observers", "sources", "secrets"))


# Reports


@pytest.mark.parametrize(
    ("old", "new", "code"),
    (
        ("when = 2026-11-27T13:42:00Z", "when = 2026-11-27T13:42:00", "bad-time"),
        ("when = 2026-11-27T13:42:00Z", "when = 1501-11-27T13:42:00Z", "bad-time"),
        ("when = 2026-11-27T13:42:00Z", 'when = "yesterday"', "bad-time"),
        ("when = 2026-11-27T13:42:00Z", "when = 0001-01-01T00:00:00+23:00", "bad-time"),
        ('place = "30 arcmin"', 'place = "15"', "bad-quantity"),
        ('place = "30 arcmin"', 'place = "15 min"', "bad-quantity"),
        ('time = "6 h"', 'time = "0 h"', "bad-quantity"),
        ('time = "6 h"', 'time = "999 d"', "bad-quantity"),
        ('id = "road"', 'id = "short"', "duplicate-id"),
        ('id = "new-berm"', 'id = "low-helicopter"', "duplicate-id"),
        ("releasable = true\ndepth", "depth", "private-claims"),
        ('label = { policy = "TLP", classification = "GREEN" }', "", "missing-key"),
        ('label = { policy = "TLP", classification = "GREEN" }', "label = {}", "missing-key"),
        (
            'label = { policy = "TLP", classification = "GREEN" }',
            'label = { classification = "x" }',
            "no-policy",
        ),
        ("height_m = 240 ", "height_m = 240.001 ", "bad-number"),
        ('path = ["ground", "lorries"]', "path = []", "bad-count"),
        ('value = "south-west"', 'value = "south\\nwest"', "bad-text"),
        ("entente-reports = 1", "entente-reports = 1\nnote = 1", "unknown-key"),
    ),
)
def test_a_fault_of_a_report_is_told(old: str, new: str, code: str) -> None:
    assert old in REPORTS_TEXT
    with pytest.raises(FileInvalid) as caught:
        read_reports(REPORTS_TEXT.replace(old, new, 1).encode())
    assert code in {fault.code for fault in caught.value.faults}


def test_a_label_with_categories_is_read_as_it_travels() -> None:
    text = REPORTS_TEXT.replace(
        'label = { policy = "TLP", classification = "GREEN" }',
        'label = { policy_id = "1.2.3", policy = "P", classification = "C", '
        'categories = [{ tag_set = "Releasable To", kind = "permissive", values = ["B", "A"] }] }',
    )
    label = read_reports(text.encode())[2].label
    assert label.categories[0].values == ["A", "B"]


def test_a_label_of_a_report_bears_no_time() -> None:
    """A second in the label would tell what the window hides."""
    for report in read_reports(REPORTS_TEXT.encode()):
        labels = [report.label, *(report.label_of(line) for line in report.tear_lines)]
        assert {label.created for label in labels} == {UNDATED}
    dated = 'label = { policy = "TLP", classification = "GREEN", created = 2026-01-01T00:00:00Z }'
    text = REPORTS_TEXT.replace('label = { policy = "TLP", classification = "GREEN" }', dated)
    with pytest.raises(FileInvalid, match="got 'created'"):
        read_reports(text.encode())


def test_a_report_that_its_source_could_not_have_made_is_told(catalogue: Catalogue) -> None:
    report = read_reports(REPORTS_TEXT.encode())[1]
    for wrong, word in (
        (replace(report, source="nobody"), "source"),
        (replace(report, theatre="baltic"), "theatre"),
        (replace(report, path=("air", "lorries")), "sees"),
        (replace(report, path=("ground", "lorries", "water-lorries")), "at most the 2 words"),
        (replace(report, height_cm=3), "no height"),
    ):
        [fault] = check_report(wrong, catalogue)
        assert word in fault


# Small things


def test_fractions_are_exact_and_have_one_stored_spelling() -> None:
    assert parse_fraction("1/3") * 3 == 1
    assert [say_fraction(parse_fraction(text)) for text in ("0.25", "2/8", "3", "0", "0.10")] == [
        "1/4",
        "1/4",
        "3",
        "0",
        "1/10",
    ]
    for bad in ("", "1/0", "-1", "1e3", "01", ".5", "1/3\n", "1" * 13, "1/1/1"):
        with pytest.raises(Malformed):
            parse_fraction(bad)
    with pytest.raises(ValueError, match="digits"):
        say_fraction(Fraction(1, 10**13))
    with pytest.raises(ValueError, match=">= 0"):
        say_fraction(Fraction(-1, 3))


def test_paths_in_words() -> None:
    assert say_path(()) == "something"
    assert say_path(("air",)) == "air"
    assert say_path(("air", "fixed-wing", "transport")) == "transport (fixed-wing, air)"
    assert is_prefix(("air",), ("air", "x"))
    assert not is_prefix(("air", "y"), ("air", "x"))


def test_the_example_says_what_it_is() -> None:
    """Towns are public, everything else is made up: no word of it may look like a real system or person."""
    for text in (CATALOGUE, REPORTS_TEXT):
        assert "fictional" in text.splitlines()[0]
        assert tomllib.loads(text)
