"""The terms file under any bytes, and its layout under comments everywhere."""

from __future__ import annotations

import random
import tomllib
from typing import Any, Final

import pytest
import tree_sitter
from hypothesis import example, given
from hypothesis import strategies as st

from entente.terms.expression import AllOf, AnyOf, Atom, Expression, Implies, Not, is_true, render_expression
from entente.terms.file.expression_text import ExpressionInvalid, parse_expression
from entente.terms.file.faults import MAX_FAULTS, TermsInvalid
from entente.terms.file.layout import format_terms
from entente.terms.file.look_alikes import find_fault_of_name
from entente.terms.file.quotation import find_words, normalise
from entente.terms.file.reading import parse_terms
from entente.terms.file.shape import TABLES
from entente.terms.file.toml_limits import MAX_DEPTH, check_limits
from entente.terms.file.toml_places import get_text, parse_tree
from entente.terms.model import NOWHERE, Terms
from tests.terms_samples import DOCUMENTS, SAMPLE


def read_any(data: bytes) -> Terms | TermsInvalid:
    """Return terms or the error, whose faults stand inside of the file."""
    try:
        return parse_terms(data, DOCUMENTS)
    except TermsInvalid as caught:
        error = caught
    lines = data.decode("utf-8", errors="replace").replace("\r\n", "\n").split("\n")
    assert 1 <= len(error.faults) <= MAX_FAULTS
    for fault in error.faults:
        assert fault.message.isprintable()
        if fault.at != NOWHERE:
            assert 1 <= fault.at.line <= len(lines)
            assert 1 <= fault.at.column <= len(lines[fault.at.line - 1]) + 1
    return error


# Bytes: anything, anything that starts well, and the sample with something cut out or put in.


@given(st.binary(max_size=200))
@example(b"\xef\xbb\xbfentente-terms = 1")
@example(b"a = 1979-13-01")
@example(b"a = 25:61:61")
@example(b'a = "\\ud800"')
@example(b'a = "\\Uffffffff"')
@example(b"[a]\n[[a]]")
@example(b"[[a]]\n[a]")
@example(b"a = 1e999999999999\nb = -nan")
def test_any_bytes_give_terms_or_faults(data: bytes) -> None:
    read_any(data)


LINES: Final = (
    "[position.weight]",
    "[[position.source]]",
    'id = "us"',
    'name = "Ä\\u0430"',
    "weight = 3",
    "weight = {us = 1}",
    'requires = "a and (not b"',
    "steps = [1, nan]",
    'by = ["us", 3]',
    'by = "ru"',
    "source = [1]",
    'source = {words = "x"}',
    "grades = [[]]",
    'grades = ["g", {id = "g"}]',
    "takes-part = 1",
    "# c",
    "",
    *(f"[[{kind}]]" for kind in TABLES),
)
SIGNS: Final = ('"', "'''", "=", "[", "]", "{", "}", ".", "\\", "\ufeff")
PIECES: Final = st.sampled_from([*(f"{line}\n" for line in LINES), *SIGNS])


@given(st.lists(PIECES, max_size=25))
def test_any_pieces_of_a_terms_file_give_terms_or_faults(pieces: list[str]) -> None:
    read_any(('entente-terms = 1\ntitle = "t"\nquestion = "q"\n' + "".join(pieces)).encode())


@given(st.data())
def test_the_sample_with_a_piece_cut_out_or_put_in_gives_terms_or_faults(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(SAMPLE)))
    end = data.draw(st.integers(start, min(len(SAMPLE), start + 60)))
    middle = data.draw(st.text(max_size=8) | PIECES)
    read_any((SAMPLE[:start] + middle + SAMPLE[end:]).encode("utf-8", errors="surrogatepass"))


VALUES: Final = st.recursive(
    st.none().map(lambda _: "true")
    | st.integers(-5, 2_000_000).map(str)
    | st.sampled_from(['"us"', '"a or b"', "1.5", "inf", "nan", "1979-05-27", "07:32:00", '""', '"\\u202e"']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: "[" + ", ".join(each) + "]")
        | st.dictionaries(st.sampled_from(["id", "name", "us", "words"]), inner, max_size=3).map(
            lambda each: "{" + ", ".join(f"{key} = {value}" for key, value in each.items()) + "}"
        )
    ),
    max_leaves=6,
)


@given(kind=st.sampled_from(sorted(TABLES)), data=st.data())
def test_any_value_under_any_key_gives_terms_or_faults(kind: str, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(TABLES[kind])))
    value = data.draw(VALUES)
    read_any((SAMPLE[: SAMPLE.index("[[agency]]")] + f"\n[[{kind}]]\n{key} = {value}\n").encode())
    read_any((SAMPLE.split("[[")[0] + f"{kind} = {value}\n").encode())


# Expressions

GRADED: Final = {"m": ("g1", "g2", "g3"), "n": ("h1", "h2"), "a": (), "b": ()}


def spell(atom: Atom) -> str:
    grades = GRADED[atom.name]
    return f"{atom.name} at least {grades[atom.grade - 1]}" if grades else atom.name


def extend(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return (
        parts.map(Not)
        | several.map(AllOf)
        | several.map(AnyOf)
        | st.tuples(parts, parts).map(lambda p: Implies(*p))
    )


ATOMS: Final = st.sampled_from(
    [Atom(name, grade) for name, grades in GRADED.items() for grade in range(1, len(grades or "x") + 1)]
)
EXPRESSIONS: Final[st.SearchStrategy[Expression]] = st.recursive(ATOMS, extend, max_leaves=12)


@given(EXPRESSIONS)
def test_an_expression_that_is_written_down_reads_back_as_the_same(expression: Expression) -> None:
    text = render_expression(expression, spell)
    assert parse_expression(text, GRADED) == expression
    assert parse_expression(f"  ({text}\n)", GRADED) == expression


WORDS: Final = [
    *["a", "m", "and", "or", "not", "implies", "(", ")", "at", "least", "most", "exactly", "g2", "x", "A"],
    "\u0430",
]


@given(st.lists(st.sampled_from(WORDS), max_size=12))
def test_any_words_are_an_expression_or_faults_within_them(words: list[str]) -> None:
    text = " ".join(words)
    try:
        found = parse_expression(text, GRADED)
    except ExpressionInvalid as error:
        slips = error.slips
    else:
        slips = ()
        assert parse_expression(render_expression(found, spell), GRADED) == found
    assert all(0 <= slip.offset <= len(text) for slip in slips)


@given(grade=st.integers(1, 3), has=st.integers(0, 3))
def test_at_least_at_most_and_exactly_mean_what_they_say(grade: int, has: int) -> None:
    name = GRADED["m"][grade - 1]
    assert is_true(parse_expression(f"m at least {name}", GRADED), {"m": has}) == (has >= grade)
    assert is_true(parse_expression(f"m exactly {name}", GRADED), {"m": has}) == (has == grade)
    if grade < 3:
        assert is_true(parse_expression(f"m at most {name}", GRADED), {"m": has}) == (has <= grade)


# Layout: files with comments everywhere. Every comment is numbered, so that its place can be told.

SPACES: Final = ("", " ", "  ", "\t")
BLANKS: Final = ("", "", "\n", "\n\n", " \n")
TEXTS: Final = (
    *(
        '"x"',
        "'y # no comment'",
        '"""\n# no comment\n\n"""',
        "'''a\n  b'''",
        '"[[z]]"',
        '"' + "long " * 30 + '"',
    ),
    *("1", "0x1f", "1.50", "nan", "true", "2016-09-13"),
)


class FileMaker:
    """Writes a file from a seed: drawing it piece by piece costs twenty times as much."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.number = 0

    def space(self) -> str:
        return self.draw.choice(SPACES)

    def maybe(self) -> bool:
        return self.draw.random() < 0.4

    def comment(self) -> str:
        self.number += 1
        return f"#{self.space()}c{self.number}{self.space()}"

    def behind(self) -> str:
        return self.space() + (self.comment() if self.maybe() else "") + "\n"

    def above(self) -> str:
        lines = [
            f"{self.draw.choice(BLANKS)}{self.space()}{self.comment()}\n"
            for _ in range(self.draw.choice((0, 0, 0, 1, 2)))
        ]
        return "".join(lines) + self.draw.choice(BLANKS)

    def listed(self, depth: int) -> str:
        parts = [
            (self.above() if self.maybe() else self.space())
            + self.value(depth + 1)
            + (self.behind() if self.maybe() else self.space())
            for _ in range(self.draw.randint(0, 4))
        ]
        last = self.draw.choice(("", ",")) if parts else ""
        return "[" + ",".join(parts) + last + (self.behind() if self.maybe() else "") + "]"

    def value(self, depth: int = 0) -> str:
        kind = self.draw.randrange(10)
        if kind < 3 and depth < 3:
            return self.listed(depth)
        if kind == 3 and depth < 3:
            pairs = [
                f"k{n}{self.space()}={self.space()}{self.value(depth + 1)}"
                for n in range(self.draw.randint(0, 3))
            ]
            return "{" + self.space() + ",".join(pairs) + self.space() + "}"
        return self.draw.choice(TEXTS)

    def pairs(self, *keys: str) -> str:
        return "".join(
            f"{self.above()}{self.space()}{key}{self.space()}={self.space()}{self.value()}{self.behind()}"
            for key in self.draw.sample(keys, self.draw.randint(0, min(4, len(keys))))
        )

    def file(self) -> str:
        text = self.pairs("title", "question", "entente-terms", '"quoted key"', "x . y")
        for n in range(self.draw.randint(0, 4)):
            kind = self.draw.choice(("party", "position", "measure"))
            text += f"{self.above()}[[{self.space()}{kind} ]]{self.behind()}"
            text += self.pairs("name", "id", "says", "by", "weight", "'q'")
            if self.maybe():
                text += f"{self.above()}[[{kind}.source]]{self.behind()}" + self.pairs(
                    "words", "document", "place"
                )
            if self.maybe():
                text += f"{self.above()}[{kind}.t{n}]{self.behind()}" + self.pairs("b", "a")
        text += self.above()
        return text if self.maybe() else text.rstrip("\n")


def list_attachments(text: str) -> list[tuple[str, ...]]:
    """Return each comment with what it stands behind, or what stands next below it without a blank line.

    Read from the text's tree alone, not as the layout reads it: lines and rows decide.
    """
    tree = parse_tree(text)
    lines = text.split("\n")
    heads: dict[int, str] = {}  # row -> the key or header that starts there
    ends: dict[int, str] = {}  # row -> the key or header that ends there
    inside: dict[int, str] = {}  # row -> the key whose list spans it
    comments: list[tree_sitter.Node] = []
    waiting = [tree.root_node]
    table, tables = "", 0
    while waiting:
        node = waiting.pop()
        if node.type == "comment":
            comments.append(node)
        elif node.type in {"table", "table_array_element"}:
            tables += 1
            table = f"{tables} {''.join(get_text(node.named_children[0]).split())}"
            row = node.start_point[0]
            heads[row] = ends[row] = f"[{table}]"
        elif node.type == "pair" and node.parent is not None and node.parent.type != "inline_table":
            key, value = [child for child in node.named_children if child.type != "comment"][:2]
            name = f"{table}:{''.join(get_text(key).split())}"
            heads[node.start_point[0]], ends[value.end_point[0]] = name, name
            inside.update(dict.fromkeys(range(value.start_point[0], value.end_point[0]), name))
        waiting.extend(reversed(node.children))
    found = []
    for comment in comments:
        row, words = comment.start_point[0], get_text(comment).strip()
        if row in inside and not (row in heads and row not in inside):
            found.append((words, "in", inside[row]))
        elif row in ends:
            found.append((words, "behind", ends[row]))
        else:
            below = row + 1
            while below < len(lines) and lines[below].strip().startswith("#"):
                below += 1
            found.append((words, "above", heads.get(below, "")))
    return sorted(found)


def keep_numbers_as_text(text: str) -> dict[str, Any]:
    return tomllib.loads(text, parse_float=str)


@given(st.integers(0, 2**32))
def test_a_layout_keeps_every_value_and_every_comment_with_its_key(seed: int) -> None:
    text = FileMaker(seed).file()
    before = keep_numbers_as_text(text)
    once = format_terms(text)
    assert keep_numbers_as_text(once) == before
    assert list_attachments(once) == list_attachments(text)
    assert format_terms(once) == once
    assert all(line == line.rstrip() for line in once.split("\n") if "#" in line and '"' not in line)


@given(st.text(max_size=60))
def test_any_text_is_laid_out_or_told_to_be_no_toml(text: str) -> None:
    try:
        once = format_terms(text)
    except TermsInvalid:
        return
    assert format_terms(once) == once


# Limits and looks


@given(
    st.lists(
        st.sampled_from(['"', "'", '"""', "'''", "\\", "#", "[", "]", "{", "}", "\n", "a", "=", ",", "."]),
        max_size=40,
    )
)
def test_the_scanner_ends_on_any_text(pieces: list[str]) -> None:
    try:
        check_limits("".join(pieces))
    except TermsInvalid as error:
        codes = {fault.code for fault in error.faults}
    else:
        codes = {"too-much"}
    assert codes == {"too-much"}


def measure_depth(value: object) -> int:
    return 1 + max(map(measure_depth, value), default=0) if isinstance(value, list) else 0


QUOTED: Final = st.builds(
    lambda mark, parts: mark + "".join(parts) + mark,
    st.sampled_from(['"', "'", '"""', "'''"]),
    st.lists(
        st.sampled_from(['"', '""', "'", "''", "\\\\", '\\"', "#", "[", "{", "\n", "a", "\\\n"]), max_size=8
    ),
)


@example(['"""#"'], MAX_DEPTH + 1)
@given(st.lists(QUOTED, max_size=5), st.sampled_from([MAX_DEPTH, MAX_DEPTH + 1]))
def test_nesting_is_counted_behind_any_texts_and_never_inside_them(texts: list[str], depth: int) -> None:
    lines = [f"a{n} = {text} # ]['\"" for n, text in enumerate(texts)]
    beside = "".join(f"{text}, " for text in texts)
    text = "\n".join([*lines, f"b = [{beside}{'[' * (depth - 1)}{']' * (depth - 1)}]"])
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    # A text may run on over the line's end, and a comment then hold the brackets: TOML's own word counts.
    if measure_depth(value.get("b")) > MAX_DEPTH:
        with pytest.raises(TermsInvalid):
            check_limits(text)
    else:
        check_limits(text)


@given(st.text(max_size=20))
def test_a_name_is_judged_and_its_fault_stands_inside(name: str) -> None:
    offset, message = find_fault_of_name(name)
    assert 0 <= offset <= len(name)
    assert message.isprintable()


@given(
    st.lists(st.sampled_from(["the", "two", "sides", "agreed", "on", "it,", "-"]), min_size=3, max_size=12),
    st.data(),
)
def test_words_cut_out_of_a_document_are_found_with_and_without_a_gap(
    words: list[str], data: st.DataObject
) -> None:
    document = normalise("Before it. " + " ".join(words) + " After it.")
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    quoted = words[start:end]
    assert find_words("  \n".join(quoted), document) is not None
    if len(quoted) > 2:
        assert find_words(f"{quoted[0]} [...] {quoted[-1]}", document) is not None
    assert find_words(" ".join([*quoted, "never"]), document) is None
