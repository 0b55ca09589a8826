"""Expressions as people write them, right and wrong, to the column."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import pytest

from entente.terms.expression import AllOf, AnyOf, Atom, Expression, Implies, Not, render_expression
from entente.terms.file.expression_text import MAX_CHARACTERS, MAX_DEPTH, ExpressionInvalid, parse_expression

NAMES = {"a": (), "b": (), "c": (), "share-locations": ("within-10-km", "within-1-km", "exact")}


def spell(atom: Atom) -> str:
    grades = NAMES[atom.name]
    return f"{atom.name} at least {grades[atom.grade - 1]}" if grades and atom.grade > 1 else atom.name


def suggest(word: str, candidates: Iterable[str]) -> str:
    return (difflib.get_close_matches(word, candidates, n=1) or [""])[0]


def get_slips(text: str) -> list[tuple[str, str, int, str]]:
    with pytest.raises(ExpressionInvalid) as caught:
        parse_expression(text, NAMES, others={"pentagon": "an agency"}, suggest=suggest)
    return [(slip.code, slip.message, slip.offset, slip.suggestion) for slip in caught.value.slips]


@pytest.mark.parametrize(
    ("text", "expected"),
    (
        ("a", Atom("a")),
        (" ( a )\n", Atom("a")),
        ("not a", Not(Atom("a"))),
        ("not not a", Not(Not(Atom("a")))),
        ("a and b and c", AllOf((Atom("a"), Atom("b"), Atom("c")))),
        ("a or b or c", AnyOf((Atom("a"), Atom("b"), Atom("c")))),
        ("(a and b) and c", AllOf((AllOf((Atom("a"), Atom("b"))), Atom("c")))),
        ("a and not (b or c)", AllOf((Atom("a"), Not(AnyOf((Atom("b"), Atom("c"))))))),
        ("not a and b", AllOf((Not(Atom("a")), Atom("b")))),
        ("a implies b", Implies(Atom("a"), Atom("b"))),
        ("a and b implies b or c", Implies(AllOf((Atom("a"), Atom("b"))), AnyOf((Atom("b"), Atom("c"))))),
        ("(a implies b) implies c", Implies(Implies(Atom("a"), Atom("b")), Atom("c"))),
        ("share-locations", Atom("share-locations", 1)),
        ("share-locations at least within-10-km", Atom("share-locations", 1)),
        ("share-locations at least exact", Atom("share-locations", 3)),
        ("share-locations at most within-10-km", Not(Atom("share-locations", 2))),
        ("share-locations exactly exact", Atom("share-locations", 3)),
        (
            "share-locations exactly within-1-km and a",
            AllOf((AllOf((Atom("share-locations", 2), Not(Atom("share-locations", 3)))), Atom("a"))),
        ),
    ),
)
def test_an_expression_is_read_in_its_one_way(text: str, expected: Expression) -> None:
    found = parse_expression(text, NAMES)
    assert found == expected
    assert parse_expression(render_expression(found, spell), NAMES) == expected


@pytest.mark.parametrize(
    ("text", "code", "message", "offset", "suggestion"),
    (
        ("a and b or c", "ambiguous", "expected parentheses around one of the two, got and beside or", 8, ""),
        ("a or b and c", "ambiguous", "expected parentheses around one of the two, got or beside and", 7, ""),
        ("a implies b implies c", "ambiguous", "got implies after implies", 12, ""),
        ("(a", "bad-expression", "expected a closing parenthesis for this one, got none", 0, ""),
        ("a and (b or (c)", "bad-expression", "expected a closing parenthesis for this one", 6, ""),
        ("a)", "bad-expression", "expected an opening parenthesis for this one, got none", 1, ""),
        ("", "bad-expression", "expected a name, not or an opening parenthesis, got the end", 0, ""),
        ("  ", "bad-expression", "got the end", 0, ""),
        ("a and ", "bad-expression", "got the end", 5, ""),
        ("not", "bad-expression", "got the end", 3, ""),
        ("()", "bad-expression", "got ')'", 1, ""),
        ("and a", "bad-expression", "got 'and'", 0, ""),
        ("a b", "bad-expression", "expected and, or, implies or the end, got 'b'", 2, ""),
        ("a adn b", "bad-expression", "expected and, or, implies or the end, got 'adn'", 2, "and"),
        ("a AND b", "bad-expression", "got 'AND'", 2, "and"),
        ("a && b", "bad-expression", "got '&&'", 2, "and"),
        ("a -> b", "bad-expression", "got '->'", 2, "implies"),
        ("(a b)", "bad-expression", "expected and, or, implies or a closing parenthesis, got 'b'", 3, ""),
        ("share-locations at exact", "bad-expression", "expected at least or at most, got 'exact'", 19, ""),
        ("share-locations at least", "bad-expression", "expected the name of a grade, got the end", 24, ""),
        (
            "share-locations exactly and a",
            "bad-expression",
            "expected the name of a grade, got 'and'",
            24,
            "",
        ),
        ("share-location", "unknown-name", "the name of a measure or party", 0, "share-locations"),
        ("a and  zzz", "unknown-name", "got 'zzz'", 7, ""),
        ("pentagon", "wrong-kind", "got 'pentagon', which is an agency", 0, ""),
        ("a at least exact", "no-grades", "expected no grade, since 'a' has none, got 'exact'", 11, ""),
        (
            "share-locations at least exakt",
            "unknown-name",
            "expected a grade of 'share-locations'",
            25,
            "exact",
        ),
        ("share-locations at most exact", "says-nothing", "expected a grade short of the furthest", 24, ""),
        ("b and sh\u0430re", "bad-name", "U+0430 (cyrillic small letter a)", 8, ""),
        ("a \u2227 b", "bad-expression", "got '\u2227'", 2, "and"),
        ("A", "bad-name", "got 'A'", 0, ""),
    ),
)
def test_a_fault_is_told_at_its_column(
    text: str, code: str, message: str, offset: int, suggestion: str
) -> None:
    (slip,) = get_slips(text)
    assert (slip[0], slip[2], slip[3]) == (code, offset, suggestion)
    assert message in slip[1]


def test_every_unknown_name_is_told_not_only_the_first() -> None:
    slips = get_slips("x and (y or not z) and share-locations at least q")
    assert [slip[2] for slip in slips] == [0, 7, 16, 48]


def test_unknown_names_before_a_fault_of_form_are_told_with_it() -> None:
    assert [slip[0] for slip in get_slips("x and y or z")] == ["unknown-name", "unknown-name", "ambiguous"]


def test_an_expression_of_depth_ten_thousand_is_refused() -> None:
    for text in ("not " * 900 + "a", "(" * 1_900 + "a" + ")" * 1_900):
        (slip,) = get_slips(text)
        assert slip[:2] == ("too-deep", f"expected nesting of at most {MAX_DEPTH}, got more")
    for text in ("not " * 10_000 + "a", "(" * 10_000 + "a" + ")" * 10_000, "a implies (" * 10_000):
        (slip,) = get_slips(text)
        assert slip[:2] == ("too-long", f"expected at most {MAX_CHARACTERS} characters, got {len(text)}")


def test_the_allowed_depth_is_read() -> None:
    deepest = "(" * (MAX_DEPTH - 1) + "a" + ")" * (MAX_DEPTH - 1)
    assert parse_expression(deepest, NAMES) == Atom("a")
    assert get_slips("(" + deepest + ")")[0][0] == "too-deep"


def test_a_long_flat_expression_is_read() -> None:
    found = parse_expression(" or ".join(["a"] * 700), NAMES)
    assert isinstance(found, AnyOf)
    assert len(found.parts) == 700
