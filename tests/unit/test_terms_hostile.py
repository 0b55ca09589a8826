"""A hostile terms file: each attack ends with a fault, within the limits, and never with another error."""

from __future__ import annotations

import difflib
import sys
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from entente.terms.file import toml_limits
from entente.terms.file.faults import MAX_FAULTS, TermsInvalid
from entente.terms.file.layout import format_terms
from entente.terms.file.reading import parse_terms
from entente.terms.file.shape import MAX_ACTORS, MAX_TABLES
from entente.terms.file.toml_limits import MAX_BYTES, MAX_DEPTH, MAX_KEY_PARTS, MAX_TOKENS, check_limits
from tests.terms_samples import DOCUMENTS, SAMPLE, make_terms

HEAD = b'entente-terms = 1\ntitle = "t"\nquestion = "q"\n'


def get_fault(data: bytes) -> tuple[str, str, int, int]:
    with pytest.raises(TermsInvalid) as caught:
        parse_terms(data)
    first = caught.value.faults[0]
    assert len(caught.value.faults) <= MAX_FAULTS
    return first.code, first.message, first.at.line, first.at.column


def refuse_to_parse(*_: object, **__: object) -> None:
    raise AssertionError("expected the text to be refused before it is parsed")


@pytest.fixture
def never_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes parsing a failure: what is to be refused by its size alone costs no parsing."""
    monkeypatch.setattr(tomllib, "loads", refuse_to_parse)


def test_a_file_above_the_limit_is_refused_before_it_is_parsed(never_parsed: None) -> None:
    assert get_fault(b"#" * (MAX_BYTES + 1))[:2] == (
        "too-large",
        f"terms file: expected at most {MAX_BYTES} bytes, got {MAX_BYTES + 1}",
    )


def test_a_million_measures_are_refused_before_they_are_parsed(never_parsed: None) -> None:
    tables = b"".join(b'[[measure]]\nid = "m%d"\nname = "M"\n' % n for n in range(1_000_000))
    assert get_fault(HEAD + tables)[0] == "too-large"


def test_a_million_measures_that_fit_the_size_are_refused_before_they_are_parsed(never_parsed: None) -> None:
    code, message, line, _ = get_fault(HEAD + b"measure = [" + b"{}," * 1_000_000 + b"]")
    assert (code, message, line) == (
        "too-much",
        f"terms file: expected at most {MAX_TOKENS} words and signs, got more",
        4,
    )


def test_more_tables_of_a_kind_than_allowed_are_refused() -> None:
    groups = b"".join(b"[[group]]\nid = 'g%d'\nname = 'G %d'\n" % (n, n) for n in range(MAX_TABLES + 1))
    assert get_fault(HEAD + groups)[:2] == (
        "too-many",
        f"terms file: group: expected at most {MAX_TABLES}, got {MAX_TABLES + 1}",
    )


@pytest.mark.parametrize("sign", (b"[", b"[[[[ ", b"{a=", b"[{a=", b"[\n"))
def test_ten_megabytes_of_nesting_are_refused_before_they_are_parsed(never_parsed: None, sign: bytes) -> None:
    assert get_fault(sign * (10_000_000 // len(sign)))[0] == "too-large"
    code, message, _, _ = get_fault(HEAD + b"x = " + sign * (MAX_BYTES // len(sign) - 100))
    assert (code, message) == ("too-much", f"terms file: expected nesting of at most {MAX_DEPTH}, got more")


def test_nesting_hidden_behind_strings_is_still_counted(never_parsed: None) -> None:
    for before in (b'"a\\"b"', b"'''a'b\n'''", b'"""a"b\\""""', b'"""a"""""', b"''", b'""', b"# [\n1"):
        assert get_fault(HEAD + b"x = [" + before + b", " + b"[" * 100)[0] == "too-much", before


def test_brackets_inside_texts_and_comments_are_no_nesting() -> None:
    inside = "[{" * 1_000
    check_limits(
        f'# {inside}\na = "{inside}"\nb = \'{inside}\'\nc = """\n{inside}"\n"""\nd = \'\'\'{inside}\'\'\'\n'
    )


def test_the_recursion_of_the_parser_does_not_escape() -> None:
    def deepen(left: int) -> None:
        if left:
            deepen(left - 1)
        else:
            parse_terms(HEAD + b"x = " + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)

    # Far down in a caller's stack even the allowed nesting does not fit: that is told as a fault too.
    depth = len(_list_frames())
    seen = set()
    for room in range(30, 90, 3):
        with pytest.raises(TermsInvalid) as caught:
            deepen(sys.getrecursionlimit() - depth - room)
        seen.add(caught.value.code)
    assert seen == {"too-much", "unknown-key"}


def _list_frames() -> list[object]:
    frame, found = sys._getframe(), []
    while frame is not None:
        found.append(frame)
        frame = frame.f_back  # type: ignore[assignment]
    return found


def test_a_hundred_thousand_duplicate_keys_end_at_the_second() -> None:
    code, message, line, column = get_fault(HEAD + b'a = "x"\n' * 100_000)
    assert (code, line) == ("bad-toml", 5)
    assert "expected each key once" in message
    assert column >= 1


def test_a_key_of_a_million_parts_is_refused_before_it_is_parsed(never_parsed: None) -> None:
    for sign in (b"a.", b"a . ", b'"a".', b"'a' . "):
        assert get_fault(HEAD + sign * 100_000 + b"a = 1")[:2] == (
            "too-much",
            f"terms file: expected a key of at most {MAX_KEY_PARTS} parts, got more",
        )


@pytest.mark.parametrize(
    "number", (b"9" * 5_000, b"0x" + b"f" * 1_000_000, b"1_" * 100_000 + b"1", b"-" + b"1" * 200)
)
def test_a_huge_number_is_refused_before_it_is_computed(never_parsed: None, number: bytes) -> None:
    assert get_fault(HEAD + b"[[position]]\nweight = " + number)[0] == "too-much"


@pytest.mark.parametrize(
    "value",
    (
        "1e999",
        "-1e999",
        "nan",
        "inf",
        "1.0",
        "0",
        "-1",
        "1_000_001",
        "9" * 99,
        "0xffffffffffffffff",
        "true",
        '"3"',
    ),
)
def test_a_weight_that_is_no_whole_number_within_its_limits_is_refused(value: str) -> None:
    with pytest.raises(TermsInvalid) as caught:
        parse_terms(SAMPLE.replace("weight = 8", f"weight = {value}").encode(), DOCUMENTS)
    (fault,) = caught.value.faults
    assert fault.code == "bad-number"
    assert fault.message.startswith(
        "position 'pentagon-methods': weight: expected a whole number from 1 to 1000000"
    )
    assert (fault.at.line, fault.at.column) == (105, 10)
    assert len(fault.message) < 120


@pytest.mark.parametrize(
    ("data", "line", "column"),
    (
        (b"\xff", 1, 1),
        (HEAD + "# ä".encode() + b"\xc3(", 4, 4),
        (b"\xed\xa0\x80", 1, 1),
        (b"\xef\xbb\xbf" + HEAD, 1, 1),
        (HEAD[:-5].decode().encode("utf-16"), 1, 1),
    ),
)
def test_what_is_not_plain_utf_8_is_refused_at_its_place(data: bytes, line: int, column: int) -> None:
    code, _, *place = get_fault(data)
    assert code == "bad-encoding"
    assert place == [line, column]


@pytest.mark.parametrize(
    ("hidden", "name"),
    (
        ("\x1b[2J", "U+001B"),
        ("\x9b31m", "U+009B"),
        ("\x07", "U+0007"),
        ("\x00", "U+0000"),
        ("\u202e", "U+202E (right-to-left override)"),
        ("\u2066", "U+2066 (left-to-right isolate)"),
        ("\U000e0041", "U+E0041 (tag latin capital letter a)"),
        ("\u2028", "U+2028 (line separator)"),
    ),
)
@pytest.mark.parametrize(
    "put", (lambda c: f"# a comment {c}\n", lambda c: f'x = "{c}"\n', lambda c: f"x = '''{c}'''")
)
def test_terminal_escapes_and_reversed_text_stand_nowhere_not_even_in_comments(
    put: Callable[[str], str], hidden: str, name: str
) -> None:
    code, message, line, _ = get_fault(HEAD + put(hidden).encode())
    assert (code, line) == ("hidden-character", 4)
    assert name in message
    assert hidden not in message


def test_a_terminal_escape_written_as_a_toml_escape_is_refused_too() -> None:
    data = SAMPLE.replace('says = "Nobody flies', 'says = "Nobody \\u001b[2J flies').encode()
    code, message, line, column = get_fault(data)
    assert code == "hidden-character"
    assert (line, column) == (166, 16)
    assert "U+001B" in message


def test_a_fault_shows_no_character_that_a_terminal_acts_upon() -> None:
    for raw in (
        '"\\u001b[2J" = 1',
        'party = "\\u001b[2J"',
        '[[party]]\nid = "\\u001b"',
        '[[party]]\n"\\u202e" = 1',
    ):
        with pytest.raises(TermsInvalid) as caught:
            parse_terms(HEAD + raw.encode())
        for fault in caught.value.faults:
            assert fault.message.isprintable()
            assert fault.suggestion.isprintable()


def test_rules_in_a_circle_are_only_equivalences() -> None:
    circle = "".join(
        f'[[measure]]\nid = "m{n}"\nname = "M {n}"\n[[rule]]\nid = "r{n}"\nsays = "s"\n'
        f'expression = "m{n} implies m{(n + 1) % 50}"\nassumption = "a"\n'
        for n in range(50)
    )
    assert len(parse_terms(HEAD + circle.encode()).rules) == 50


def test_a_file_of_faults_tells_a_hundred_and_how_many_more() -> None:
    parties = "".join(f'[[party]]\nid = "P{n}"\nname = "P {n}"\n' for n in range(250))
    with pytest.raises(TermsInvalid) as caught:
        parse_terms(HEAD + parties.encode())
    assert len(caught.value.faults) == MAX_FAULTS
    assert caught.value.more == 150
    assert "(and 249 more)" in caught.value.message


def test_misspelt_names_by_the_thousand_are_compared_a_bounded_number_of_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []
    real = difflib.get_close_matches

    def count(word: str, candidates: Any, **options: Any) -> list[str]:
        calls.append(word)
        return real(word, candidates, **options)

    monkeypatch.setattr(difflib, "get_close_matches", count)
    measures = "".join(f'[[measure]]\nid = "measure-{n}"\nname = "M {n}"\n' for n in range(4_000))
    wrong = " and ".join(f"measur-{n}" for n in range(200))
    with pytest.raises(TermsInvalid):
        parse_terms(
            (HEAD.decode() + measures + f'[[programme]]\nid="p"\nname="P"\nexpression="{wrong}"').encode()
        )
    assert 1 <= len(calls) <= 20


def test_a_document_s_file_is_a_name_and_never_a_path() -> None:
    for name in (
        "../secret.txt",
        "/etc/passwd",
        "a/b.txt",
        "..",
        ".hidden",
        "a\\\\b",
        "c:x",
        "~/x",
        "a..b/../c",
    ):
        data = SAMPLE.replace('file = "note.txt"', f'file = "{name}"')
        assert get_fault(data.encode())[0] == "bad-file", name


def test_laying_out_keeps_the_same_limits(never_parsed: None) -> None:
    for text in ("x = " + "[" * 100, "a." * 100 + "a = 1", "x = " + "1" * 200, "# \x1b"):
        with pytest.raises(TermsInvalid):
            format_terms(text)


def test_limits_are_the_ones_that_the_format_names() -> None:
    assert (MAX_BYTES, MAX_DEPTH, MAX_TOKENS, MAX_KEY_PARTS) == (4 * 1024 * 1024, 16, 500_000, 8)
    assert toml_limits.MAX_WORD == 100
    assert make_terms().measures == ()


def make_acting(parties: int, measures: int) -> bytes:
    """Return a file in which every party acts in every measure, each against a group of its own."""
    return (
        HEAD
        + "".join(
            [
                *(f'[[party]]\nid = "p{n}"\nname = "P {n}"\n' for n in range(parties)),
                *(f'[[group]]\nid = "g{n}"\nname = "G {n}"\n' for n in range(measures)),
                *(f'[[measure]]\nid = "m{n}"\nname = "M {n}"\nagainst = "g{n}"\n' for n in range(measures)),
            ]
        ).encode()
    )


def test_parties_times_measures_against_groups_are_refused_before_they_are_multiplied() -> None:
    code, message, _, _ = get_fault(make_acting(101, 1_000))
    assert code == "too-many"
    assert f"expected at most {MAX_ACTORS} acting parties" in message
    assert message.endswith("got 101000")
    assert len(parse_terms(make_acting(100, 1_000)).measures) * 100 == MAX_ACTORS
