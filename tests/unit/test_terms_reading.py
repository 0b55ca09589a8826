"""Reading a terms file: what it gives, and every fault at its line and column with what was probably meant."""

# ruff: noqa: E501 - a table of changes, one a line

from __future__ import annotations

import pytest

from entente.terms.expression import AllOf, AnyOf, Atom, Not
from entente.terms.file.faults import Fault, TermsInvalid
from entente.terms.file.oddities import list_oddities
from entente.terms.file.reading import parse_terms
from entente.terms.file.shape import PLURALS, TABLES
from entente.terms.file.toml_places import find_places
from entente.terms.model import Modality, Place, Source
from tests.terms_samples import DOCUMENTS, SAMPLE


def get_faults(text: str) -> tuple[Fault, ...]:
    with pytest.raises(TermsInvalid) as caught:
        parse_terms(text.encode(), DOCUMENTS)
    return caught.value.faults


def get_place(text: str, part: str) -> Place:
    """Return where ``part`` stands, counted by hand; it must stand once."""
    assert text.count(part) == 1, (part, text.count(part))
    before = text[: text.index(part)]
    return Place(before.count("\n") + 1, len(before) - before.rfind("\n"))


def test_the_sample_is_read_as_it_stands() -> None:
    terms = parse_terms(SAMPLE.encode(), DOCUMENTS)
    assert {kind for kind in TABLES if not getattr(terms, PLURALS[kind])} == set()
    assert [party.takes_part for party in terms.parties] == [True, True, False]
    assert terms.documents[1].date == "2016-09-09"
    assert [grade.id for grade in terms.measures[0].grades] == ["within-10-km", "within-1-km", "exact"]
    assert terms.measures[1].by == ("us", "ru")
    assert not terms.measures[4].is_offered
    by_name = {position.id: position for position in terms.positions}
    assert by_name["us-sharing"].steps == (1, 2, 5)
    assert by_name["us-sharing"].weights == (8,)
    assert by_name["law"].when == Not(Atom("un"))
    assert by_name["law"].hard == "law"
    assert by_name["zone-together"].weights == (3, 1)
    assert by_name["zone-together"].modality is Modality.PREFERS
    assert by_name["un-zone"].expression == AnyOf(
        (Atom("safe-zone"), AllOf((Atom("blind-check"), Not(Atom("joint-strikes")))))
    )
    assert by_name["us-sharing"].ground.sources[1] == Source(
        "annex",
        "page 3",
        paraphrase="nothing is shared before the truce holds",
        at=get_place(SAMPLE, '{document = "annex"'),
    )
    assert by_name["us-sharing"].at == Place(get_place(SAMPLE, 'id = "us-sharing"').line - 1, 1)
    assert [designation.id for designation in terms.designations] == ["us/nusra", "ru/nusra"]
    assert [obligation.guarantor for obligation in terms.obligations] == ["ru", ""]


def test_the_order_of_tables_does_not_matter() -> None:
    head, *tables = SAMPLE.split("\n[[")
    turned = "\n[[".join([head, *(table.rstrip("\n") + "\n" for table in reversed(tables))])
    terms = parse_terms(turned.encode(), DOCUMENTS)
    assert {position.id for position in terms.positions} == {
        position.id for position in parse_terms(SAMPLE.encode()).positions
    }


def test_windows_line_ends_change_nothing() -> None:
    assert parse_terms(SAMPLE.replace("\n", "\r\n").encode(), DOCUMENTS) == parse_terms(SAMPLE.encode())


# One change to the sample: what is replaced, by what, then the fault: code, part of its message, what stands at
# its place, suggestion.
CHANGES = (
    ("entente-terms = 1", "entente-terms = 2", "bad-version", "expected 1, got 2", "2\ntitle", ""),
    ('title = "A joint centre"', 'titel = "x"', "unknown-key", "got 'titel'", "titel", "title"),
    ('question = "Can', 'x = 1\nquestion = "Can', "unknown-key", "got 'x'", "x = 1", ""),
    ("takes-part = false", "takes_part = false", "unknown-key", "party 'un'", "takes_part", "takes-part"),
    ("takes-part = false", 'takes-part = "no"', "wrong-type", "expected true or false, got 'no'", '"no"', ""),
    ("[[zone]]", "[[zones]]", "unknown-key", "got 'zones'", "zones", "zone"),
    ('party = "us"\n\n[[group]]', 'party = "usa"\n\n[[group]]', "unknown-name", "a party, got 'usa'", '"usa"', "us"),
    ('party = "us"\n\n[[group]]', 'party = "nusra"\n\n[[group]]', "wrong-kind", "which is a group", '"nusra"\n\n[[g', ""),
    ('against = "nusra"', 'against = "nursa"', "unknown-name", "expected a group", '"nursa"', "nusra"),
    ('by = ["us", "ru"]\n\n', 'by = ["us", "rus"]\n\n', "unknown-name", "got 'rus'", '"rus"', "us"),
    ('by = ["us", "ru"]\n\n', 'by = ["us", "us"]\n\n', "duplicate", "got 'us' again", '"us"]', ""),
    ('by = "pentagon"', 'by = "pentagn"', "unknown-name", "a party or an agency, got 'pentagn'", '"pentagn"', "pentagon"),
    ('by = "pentagon"', "by = 3", "wrong-type", "a name or a list of names, got 3", "3\nforbids", ""),
    ('theatre = "baltics"\nexpression', 'theatre = "balkans"\nexpression', "unknown-name", "expected a theatre", '"balkans"', ""),
    ("within-1-km implies methods-known", "within-1-km implies safe-zone", "no-link", "a measure of theatre 'baltics'", '"share-locations at least within-1-km implies s', ""),
    ('requires = "joint-strikes"', 'requires = "joint-strike"', "unknown-name", "got 'joint-strike'", 'joint-strike"\nweight', "joint-strikes"),
    ('requires = "joint-strikes"', 'requires = "safe-zone and pentagon"', "wrong-kind", "which is an agency", 'pentagon"\nweight', ""),
    ('requires = "joint-strikes"', "", "bad-modality", "got none", '[[position]]\nid = "ru-joint', ""),
    ('requires = "joint-strikes"', 'requires = "joint-strikes"\nforbids = "safe-zone"', "bad-modality", "got requires and forbids", '"safe-zone"\nweight = 5', ""),
    ('hard = "law"', 'hard = "Law"', "bad-choice", "expected 'law', got 'Law'", '"Law"', "law"),
    ('unless = "un"', 'unless = "un"\nwhen = "safe-zone"', "two-conditions", "got both", '"un"\nwhen', ""),
    ("steps = [1, 2, 5]", "steps = [1, 2]", "bad-steps", "expected 3, which allow one grade more", "[1, 2]", ""),
    ("steps = [1, 2, 5]", "steps = [1, 2, 5]\nweight = 3", "bad-steps", "expected steps or weight", "[1, 2, 5]", ""),
    ("steps = [1, 2, 5]", "steps = [1, 0, 5]", "bad-number", "got 0", "0, 5]", ""),
    ('forbids = "share-locations"\n', 'forbids = "safe-zone"\n', "bad-steps", "one graded measure", "[1, 2, 5]", ""),
    ("weight = {us = 3, ru = 1}", "weight = {us = 3}", "missing-key", "a weight for 'ru'", "{us = 3}", ""),
    ("weight = {us = 3, ru = 1}", "weight = {us = 3, ru = 1, uk = 1}", "unknown-name", "a holder of this position, got 'uk'", "uk = 1", ""),
    ('clause = "grounding"', 'clause = "groundings"', "unknown-name", "expected a clause", '"groundings"', "grounding"),
    ('assumption = "The budget law is read as forbidding them."', "", "no-ground", "expected a source, or an assumption", '[[position]]\nid = "law"', ""),
    ('source = {document = "note", place = "paragraph 1"', 'source = {document = "nte", place = "paragraph 1"', "unknown-name", "expected a document", '"nte"', "note"),
    (', paraphrase = "nothing is shared before the truce holds"', "", "bad-source", "got neither", '{document = "annex"', ""),
    ('words = "the need to share information"', 'words = "the need to share", paraphrase = "x"', "bad-source", "got both", '{document = "note", place = "paragraph 2", words = "the need', ""),
    ('words = "the Pentagon strongly', 'words = "the Pentagon weakly', "words-not-found", "nearest passage is 'the Pentagon strongly rejected the deal'", '"the Pentagon weakly', ""),
    ('answer = "yes"', 'answer = "perhaps"', "bad-choice", "'yes' or 'no' or 'not stated'", '"perhaps"', ""),
    ('party = "ru"\ngroup', 'party = "us"\ngroup', "duplicate", "one statement of 'us' on 'nusra'", '[[designation]]\nparty = "us"\ngroup = "nusra"\nanswer = "not', ""),
    ('zone = "north"\nsays = "Nobody flies', 'zone = "nort"\nsays = "Nobody flies', "unknown-name", "expected a zone", '"nort"', "north"),
    ('guarantor = "ru"', 'guarantor = "rus"', "unknown-name", "expected a party", '"rus"', "us"),
    ('measure = "safe-zone"', 'measure = "safe-zon"', "unknown-name", "expected a measure", '"safe-zon"', "safe-zone"),
    ("days = 90", "days = 90\nhours = 3", "bad-clock", "expected no key hours for a clock of kind 'expiry'", "3\n\n[[clock", ""),
    ("days = 90", "", "bad-clock", "expected the key days for a clock of kind 'expiry', got none", '[[clock]]\nid = "end"', ""),
    ('kind = "expiry"', 'kind = "expires"', "bad-choice", "got 'expires'", '"expires"', "expiry"),
    ('steps = ["share-locations", "safe-zone"]', 'steps = ["share-locations", "safe-zones"]', "unknown-name", "expected a measure", '"safe-zones"', "safe-zone"),
    ('id = "pentagon"', 'id = "ru"', "duplicate", "got that of a party in line", '"ru"\nname = "Department', ""),
    ('id = "zone-together"', 'id = "strikes-need-locations"', "duplicate", "got that of a rule in line", '"strikes-need-locations"\nsays = "Both', ""),
    ('id = "blind-check"', 'id = "implies"', "bad-name", "no word of expressions, got 'implies'", '"implies"', ""),
    ('id = "blind-check"', 'id = "Blind check"', "bad-name", "got 'Blind check'", '"Blind check"', "blind-check"),
    ('id = "nusra"', "id = 5", "wrong-type", "a name in quotation marks, got 5", "5\nname", ""),
    ('date = "2016-09-13"', 'date = "13 September"', "bad-date", "got '13 September'", '"13 September"', ""),
    ('date = "2016-09-13"', 'date = "2016-13"', "bad-date", "got '2016-13'", '"2016-13"', ""),
    ("date = 2016-09-09", "date = 2016-09-09T10:00:00", "bad-date", "got a date or time", "2016-09-09T", ""),
    ('says = "Nobody brings', 'says = ""\nx = "Nobody brings', "empty", "expected a text, got an empty one", '""\nx', ""),
    ('{id = "exact", name = "exact"},\n', '{id = "within-1-km", name = "exact"},\n', "duplicate", "each grade once", '"within-1-km", name = "exact"', ""),
    ('place = "page 3", ', "", "missing-key", "expected the key place", '{document = "annex"', ""),
    ("[[programme]]", "[programme]", "wrong-type", "tables headed [[programme]]", "[programme]", ""),
    ("offered = false", "offered = false\noffered = true", "bad-toml", "expected each key once", "\n\n[[rule]]", ""),
    ('title = "A joint centre"', 'title = "A joint centre', "bad-toml", "not TOML", '\nquestion = "Can', ""),
)  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "message", "at", "suggestion"), CHANGES)
def test_a_fault_is_told_at_its_place_with_what_was_meant(
    old: str, new: str, code: str, message: str, at: str, suggestion: str
) -> None:
    assert SAMPLE.count(old) == 1
    text = SAMPLE.replace(old, new)
    found = [fault for fault in get_faults(text) if fault.code == code]
    assert found, get_faults(text)
    assert message in found[0].message
    assert found[0].suggestion == suggestion
    assert found[0].at == get_place(text, at)


def test_every_fault_is_told_in_the_order_of_the_file() -> None:
    text = (
        SAMPLE.replace('against = "nusra"', 'against = "nursa"')
        .replace('by = "pentagon"', 'by = "pentagn"')
        .replace("days = 7", "days = 7.5")
        .replace("the need to share information", "the need to share")
        .replace("would reveal how", "might reveal how")
    )
    faults = get_faults(text)
    assert [fault.code for fault in faults] == [
        "unknown-name",
        "words-not-found",
        "unknown-name",
        "bad-number",
    ]
    assert [fault.at.line for fault in faults] == sorted(fault.at.line for fault in faults)


def test_columns_count_characters_and_not_bytes() -> None:
    text = SAMPLE.replace('words = "the need to share information"', 'place2 = "ä"').replace(
        'place = "paragraph 1", words', 'place = "§§ 1-2", wordz'
    )
    found = {fault.suggestion: fault.at for fault in get_faults(text) if fault.suggestion}
    assert found["words"] == get_place(text, "wordz")


@pytest.mark.parametrize(
    ("written", "line", "column"),
    (
        ('"safe-zone and zzz"', 1, 21),
        ('"safe-zone \\u0061nd zzz"', 1, 26),
        ('"safe-zone\\tand zzz"', 1, 22),
        ("'safe-zone and zzz'", 1, 21),
        ('"""\nsafe-zone\n  and zzz"""', 3, 7),
        ('"""\\\n   safe-zone \\\n\n   and zzz"""', 4, 8),
        ("'''\nsafe-zone and\nzzz'''", 3, 1),
    ),
)
def test_a_fault_inside_a_text_is_told_where_it_is_written(written: str, line: int, column: int) -> None:
    text = SAMPLE.replace('"joint-strikes and safe-zone"', written)
    at = get_place(SAMPLE, 'expression = "joint-strikes and safe-zone"')
    (fault,) = get_faults(text)
    shift = len("expression = ") - 5 if line == 1 else 0
    assert fault.at == Place(at.line + line - 1, column + shift)


def test_a_path_without_a_place_gets_that_of_what_it_stands_in() -> None:
    places = find_places('[[a]]\n"b c".d = [1, {e = 2}] # f\n\n[[a.g]]\nh = 1\n[a.g.i]\nj = 3\n')
    assert places.of_key(("a", 0, "b c", "d")) == Place(2, 1)
    assert places.of_value(("a", 0, "b c", "d", 1, "e")) == Place(2, 20)
    assert places.of_value(("a", 0, "b c", "d", 7)) == Place(2, 11)
    assert places.of_value(("a", 0, "g", 0, "i", "j")) == Place(7, 5)
    assert places.of_value(("a", 0, "z")) == Place(1, 1)


@pytest.mark.parametrize(
    ("old", "new", "twin"),
    (
        ('id = "us"', 'id = "u\u0455"', "\u0455"),
        ('by = "pentagon"', 'by = "pentag\u043en"', "\u043e"),
        ('requires = "joint-strikes"', 'requires = "j\u043eint-strikes"', "\u043e"),
        ("takes-part = false", '"t\u0430kes-part" = false', "\u0430"),
        (
            "share-locations at least within-1-km implies",
            "share-locations at least with\u0456n-1-km implies",
            "\u0456",
        ),
    ),
)
def test_a_cyrillic_letter_in_an_identifier_is_named_by_its_code_point(old: str, new: str, twin: str) -> None:
    assert SAMPLE.count(old) == 1
    text = SAMPLE.replace(old, new)
    (fault, *_) = [fault for fault in get_faults(text) if f"U+{ord(twin):04X}" in fault.message]
    assert fault.at.line == get_place(text, new).line


def test_oddities_are_told_and_keep_nothing_from_being_used() -> None:
    found = list_oddities(parse_terms(SAMPLE.encode(), DOCUMENTS))
    assert [(oddity.code, oddity.message.partition(":")[0]) for oddity in found] == [
        ("unused", "clause 'grounding'"),
        ("no-guarantor", "obligation 'no-weapons'"),
    ]
    text = SAMPLE.replace("permits = ", "weight = 4\npermits = ").replace(
        'hard = "law"', 'hard = "law"\nweight = 2'
    )
    text += '[[document]]\nid = "d"\ntitle = "D"\n[[theatre]]\nid = "iraq"\nname = "Iraq"\n[[party]]\nid = "x"\nname = "X"\n'
    text += '[[measure]]\nid = "m"\nname = "M"\n'
    told = {
        (oddity.code, oddity.message.partition(":")[0])
        for oddity in list_oddities(parse_terms(text.encode()))
    }
    assert told >= {
        ("no-effect", "position 'un-zone'"),
        ("no-effect", "position 'law'"),
        ("unused", "document 'd'"),
        ("unused", "theatre 'iraq'"),
        ("unused", "measure 'm'"),
        ("silent", "party 'x'"),
    }
