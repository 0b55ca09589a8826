"""Names that a reader could take for others, and characters that nobody sees."""

from __future__ import annotations

import pytest

from entente.terms.file.faults import TermsInvalid
from entente.terms.file.look_alikes import find_fault_of_name, find_hidden, list_looks
from entente.terms.file.reading import parse_terms
from tests.terms_samples import DOCUMENTS, SAMPLE


def looks_alike(first: str, second: str) -> bool:
    return any(a == b for a, b in zip(list_looks(first), list_looks(second), strict=True))


@pytest.mark.parametrize(
    ("first", "second"),
    (
        ("Russia", "RUSSIA"),
        ("Russia", "\uff32\uff55\uff53\uff53\uff49\uff41"),
        ("Joint Center", "Joint  Center"),
        ("Al-Nusra", "Al\u2011Nusra"),
        ("Straße", "STRASSE"),
        ("Panama", "\u0420anama"),
        ("COX", "\u0421\u041e\u0425"),
        ("cape", "\u0441\u0430\u0440\u0435"),
        ("HAMAC", "\u041d\u0410\u041c\u0410\u0421"),
        ("TO", "\u03a4\u039f"),
        ("\u0421\u0410\u0420", "\u03f9\u0391\u03a1"),
        ("vox", "\u03bd\u03bf\u03c7"),
        ("Zone ²", "Zone 2"),
        ("e\u0301cole", "\u00e9cole"),
    ),
)
def test_two_names_of_one_look_are_caught(first: str, second: str) -> None:
    assert looks_alike(first, second)
    text = SAMPLE.replace('"Russia"', f'"{first}"').replace('"United Nations"', f'"{second}"')
    with pytest.raises(TermsInvalid) as caught:
        parse_terms(text.encode(), DOCUMENTS)
    assert caught.value.faults[0].code in {"look-alike", "bad-name"}
    assert {fault.at.line for fault in caught.value.faults} <= {24, 30}


@pytest.mark.parametrize(
    ("first", "second"), (("Zone 1", "Zone 2"), ("Syria", "Serbia"), ("Группа", "Трупа"), ("شام", "شامي"))
)
def test_names_that_differ_to_the_eye_stand_side_by_side(first: str, second: str) -> None:
    assert not looks_alike(first, second)


@pytest.mark.parametrize(
    "name", ("Россия", "Ελλάδα", "سوريا", "ישראל", "中国", "Côte d'Ivoire", "Zone Δ", "T-90 / МиГ-29")
)  # fmt: skip
def test_a_name_in_any_script_is_a_name(name: str) -> None:
    assert find_fault_of_name(name) == (0, "")


@pytest.mark.parametrize(
    ("name", "offset", "told"),
    (
        ("R\u0443ssia", 1, "in one script, got Cyrillic and Latin in 'R\u0443ssia' with U+0443"),
        ("The \u0420anama canal", 5, "got Cyrillic and Latin"),
        ("\u0391thens", 1, "got Greek and Latin"),
        ("\u0420\u03bf", 1, "got Cyrillic and Greek"),
        ("Rus\u200bsia", 3, "got U+200B (zero width space)"),
        ("Rus\u200dsia", 3, "got U+200D (zero width joiner)"),
        ("Rus\u00adsia", 3, "got U+00AD (soft hyphen)"),
        ("Rus\u202esia", 3, "got U+202E (right-to-left override)"),
        ("Rus\u200esia", 3, "got U+200E (left-to-right mark)"),
        ("Rus\u115fsia", 3, "got U+115F (hangul choseong filler)"),
        ("Rus\u2800sia", 3, "got U+2800 (braille pattern blank)"),
        ("Rus\ufe0fsia", 3, "got U+FE0F (variation selector-16)"),
        ("Rus\u034fsia", 3, "got U+034F (combining grapheme joiner)"),
        ("Rus\ue000sia", 3, "got U+E000"),
    ),
)  # fmt: skip
def test_a_name_with_something_unseen_or_mixed_is_refused(name: str, offset: int, told: str) -> None:
    at, message = find_fault_of_name(name)
    assert at == offset
    assert told in message
    text = SAMPLE.replace('"Jabhat al-Nusra"', f'"{name}"')
    with pytest.raises(TermsInvalid) as caught:
        parse_terms(text.encode(), DOCUMENTS)
    (fault,) = caught.value.faults
    assert (fault.code, fault.at.line, fault.at.column) in {
        ("bad-name", 40, 9 + offset),
        ("hidden-character", 40, 9 + offset),
    }


@pytest.mark.parametrize("kind", ("name", "title"))
def test_a_twin_is_refused_among_things_of_one_kind(kind: str) -> None:
    twins = {
        "name": SAMPLE.replace('"A safe zone in the north"', '"Plan strikes  together"'),
        "title": SAMPLE.replace('"Annex, not published"', '"NOTE on the joint centre"'),
    }
    with pytest.raises(TermsInvalid) as caught:
        parse_terms(twins[kind].encode(), DOCUMENTS)
    assert "look-alike" in {fault.code for fault in caught.value.faults}


def test_a_twin_is_refused_between_a_party_an_agency_and_a_group() -> None:
    for old in ('"Department of Defense"', '"Jabhat al-Nusra"'):
        with pytest.raises(TermsInvalid) as caught:
            parse_terms(SAMPLE.replace(old, '"russia"').encode(), DOCUMENTS)
        (fault,) = caught.value.faults
        assert fault.code == "look-alike"
        assert "'Russia', which looks the same, as in line 24" in fault.message


def test_a_zone_may_have_the_name_of_the_measure_that_sets_it_up() -> None:
    text = SAMPLE.replace('"The safe zone in the north"', '"A safe zone in the north"')
    assert parse_terms(text.encode()).zones[0].name == "A safe zone in the north"


def test_texts_keep_what_languages_need_and_nothing_that_hides() -> None:
    assert (
        find_hidden("line\n\ttab, Persian \u0645\u06cc\u200c\u0631\u0648\u062f, \u200fright-to-left mark")
        is None
    )
    for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF):
        if chr(code) not in "\n\t":
            assert find_hidden(f"ab{chr(code)}") == 2, hex(code)
