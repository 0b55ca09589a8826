"""The one-page report: every quotation in it, nothing unproven, nothing that runs, fetches or breaks out."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pytest

from entente.cli.main import main
from entente.cli.output import ExitCode
from entente.terms.answers import Additions, Obstacle, Obstacles, Packages
from entente.terms.picture.canvas import place_graph
from entente.terms.picture.graph import build_graph
from entente.terms.picture.svg import encode_svg
from entente.terms.words.report import MAX_MEMBERS, MAX_OBSTACLES, Findings, build_page
from entente.terms.words.report_html import encode_html
from entente.terms.words.report_markdown import encode_markdown
from tests.terms_scene import (
    ADDITIONS,
    BEST,
    DONE,
    FEASIBLE,
    MORE,
    OBSTACLES,
    PACKAGES,
    READINGS,
    STOPPED,
    TERMS,
    UNGUARANTEED,
    UNKNOWN,
    with_words,
)

CASES: Final = Path(__file__).resolve().parents[2] / "examples"
HASH: Final = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b"
FINDINGS: Final = Findings(
    TERMS,
    OBSTACLES,
    packages=PACKAGES,
    additions=ADDITIONS,
    best=BEST,
    unguaranteed=UNGUARANTEED,
    readings=READINGS,
)
HOSTILE: Final = (
    "<script>alert(1)</script>",
    "</style><script>x</script>]]>-->",
    '"><img src=https://example.org/x onerror=y>',
    "[x](javascript:alert(1)) ![y](https://example.org/z) <https://example.org>",
    "# a | b\n\n* `c` ~~d~~ $e$ ^f^ __g__ www.example.org https://example.org a@example.org",
    "1. first",
    "- second",
    "+ third",
    "\x1b[2J\x9b\x00\ufffe\u202e",
    "\u05e9\u05dc\u05d5\u05dd 1 < 2 \u0633\u0644\u0627\u0645",
    "W" * 4000,
    "&lt;b&gt; &amp;",
    "=====",
)
VOID: Final = {"meta", "rect", "line", "circle"}


class Reader(HTMLParser):
    """Reads as a browser would, and complains of what is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"comment {data!r}")


def read_html(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


def make_html(findings: Findings = FINDINGS) -> str:
    svg = encode_svg(place_graph(build_graph(findings.terms, findings.obstacles)))
    return encode_html(build_page(findings, "centre.toml", HASH), svg)


def make_texts(findings: Findings = FINDINGS) -> tuple[str, str]:
    """Return what a reader of the HTML sees, and of the Markdown."""
    page = build_page(findings, "centre.toml", HASH)
    unescaped = re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", html.unescape(encode_markdown(page)))
    return " ".join("".join(read_html(encode_html(page)).text).split()), unescaped


@pytest.mark.parametrize("which", (0, 1))
def test_every_member_is_quoted_with_its_place(which: int) -> None:
    text = make_texts()[which]
    for obstacle in OBSTACLES.obstacles:
        for name in obstacle.members:
            position = next((each for each in TERMS.positions if each.id == name), None)
            ground = TERMS.designations[2].ground if position is None else position.ground
            for source in ground.sources:
                assert (source.words or source.paraphrase) in text
                assert f"[1], {source.place}" in text
            assert ground.assumption in text
    assert "[1] An Article, Eurasia Daily Monitor 14/15, 2017-02-02, https://example.org/edm." in text


@pytest.mark.parametrize("which", (0, 1))
def test_all_that_a_minister_asks_is_answered(which: int) -> None:
    text = make_texts()[which]
    for told in (
        TERMS.question,
        "No: the programme “Joint Executive Center” is not possible as the positions stand; 4 obstacles",
        "4 obstacles stand in the way; the cheapest way out costs 5, borne by United States; with “a blind",
        "“a blind check” and Turkey (joins) it is possible, and nobody concedes anything.",
        "Every search ran to its end: what is said here is proven.",
        "Department of Defense (United States): The Pentagon does not show Russia how it uses intelligence.",
        "forbids “sharing the locations of groups” at “within 1 km” or further",
        "Joint strikes need the locations of groups to 1 km (rule).",
        "These are all 4 obstacles: proven.",
        "Cost 5. Burden: United States 5 (of it Department of Defense 3).",
        "Cost 9. Burden: Russia 7 (of it Министерство иностранных дел 2); United States 2.",
        "With “a blind check” it costs 2 instead of 5. Burden: United States 2.",
        "Without any concession: “deterrence in the Baltic States”; “sharing the locations of groups”",
        "It leaves open: Russia and Министерство иностранных дел (Russia) require together “joint strikes”;",
        "Silence is not consent: Russia said nothing about “sharing the locations of groups”.",
        "the northern zone: nobody answers for “protect the people in it” and “let aid in” (Turkey would",
        "Clause “Syrian aircraft do not fly” is read in two ways. These cannot both hold.",
        "Russia forbids “an access denial zone”: Russia flies there.",
        "Whoever creates safe zones has to defend them: only air is meant.",
        "The terms hold 2 more assumptions; they are marked there.",
        f"Is a joint operation possible?; file centre.toml; SHA-256 {HASH}.",
    ):
        assert told in text
    assert "LAW: cannot be conceded" in text or "law: cannot be conceded" in text


def test_burdens_are_set_side_by_side() -> None:
    table = next(each for each in build_page(FINDINGS, "f", HASH).sections if each.table).table
    assert table == (
        ("Burden", "Way A", "Way B", "Way C"),
        ("United States", "5", "2", "4"),
        ("Russia", "0", "7", "6"),
    )
    assert "| United States | 5 | 2 | 4 |" in encode_markdown(build_page(FINDINGS, "f", HASH))


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_words(words: str) -> None:
    findings = replace(FINDINGS, terms=with_words(words))
    made = make_html(findings)
    reader, plain = read_html(made), read_html(make_html())
    assert reader.faults == []
    assert reader.open == []
    assert set(reader.tags) <= set(plain.tags)
    assert {name for name, _ in reader.attributes} <= {name for name, _ in plain.attributes}
    assert not [letter for letter in made if ord(letter) < 32 and letter != "\n"]
    assert "\u202e" not in made


def list_tokens(text: str) -> list[tuple[str, str]]:
    """Return what a parser of Markdown sees, words left out."""
    markdown = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable(["table", "strikethrough"])
    found = []
    for token in markdown.parse(text):
        found.append((token.type, token.tag))
        found += [(child.type, child.tag) for child in token.children or () if child.type != "text_special"]
    return found


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_no_markdown(words: str) -> None:
    made = encode_markdown(build_page(replace(FINDINGS, terms=with_words(words)), words, HASH))
    plain = encode_markdown(build_page(replace(FINDINGS, terms=with_words("plain")), "plain", HASH))
    assert list_tokens(made) == list_tokens(plain)
    # What some dialects read beyond that: formulas, addresses, mentions.
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", made)
    for sign in ("<", "`", "[", "]", "~", "$", "^", "@", "://", "www."):
        assert sign not in bare


def test_nothing_runs_and_nothing_is_fetched() -> None:
    made = make_html()
    reader = read_html(made)
    assert reader.faults == []
    assert reader.open == []
    assert not {"script", "link", "img", "iframe", "object", "embed", "a", "form", "base"} & set(reader.tags)
    names = {name for name, _ in reader.attributes}
    assert not {"src", "href", "srcset", "action", "style", "xlink:href", "data"} & names
    assert not [name for name in names if name.startswith("on")]
    style = made.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    assert "default-src 'none'" in made
    addresses = re.findall(r"https?://[^\s\"<]+", made)
    assert set(addresses) == {"http://www.w3.org/2000/svg", "https://example.org/edm."}


def test_the_picture_is_optional() -> None:
    page = build_page(FINDINGS, "f", HASH)
    assert "<svg" in encode_html(page, "<svg></svg>")
    assert "<figure>" not in encode_html(page)


@pytest.mark.parametrize(
    ("findings", "told"),
    (
        (replace(FINDINGS, obstacles=Obstacles("centre", (), DONE)), "Yes: the programme"),
        (
            replace(FINDINGS, obstacles=Obstacles("centre", (), STOPPED)),
            "Not known: nothing was found against",
        ),
        (
            replace(FINDINGS, obstacles=Obstacles("centre", (), STOPPED), feasibility=UNKNOWN),
            "Not known: the search stopped before it was clear",
        ),
        (
            replace(FINDINGS, obstacles=Obstacles("", (), STOPPED), feasibility=FEASIBLE),
            "Yes: all positions together is possible",
        ),
        (
            replace(FINDINGS, obstacles=replace(OBSTACLES, search=MORE)),
            "; at least 4 obstacles stand in the way",
        ),
        (replace(FINDINGS, packages=replace(PACKAGES, at_least=3)), "; the cheapest known way out costs 5"),
        (
            replace(
                FINDINGS,
                additions=None,
                packages=replace(PACKAGES, packages=(), blocked_by=Obstacle(("us-deter",), is_hard=True)),
            ),
            "and no concession can change that, because law alone stands against it.",
        ),
        (
            replace(FINDINGS, obstacles=replace(OBSTACLES, obstacles=OBSTACLES.obstacles[:1])),
            "1 obstacle stands in",
        ),
        (Findings(TERMS, OBSTACLES), "4 obstacles stand in the way."),
    ),
)
def test_the_answer_claims_no_more_than_was_proven(findings: Findings, told: str) -> None:
    assert told in build_page(findings, "f", HASH).answer


def test_a_stopped_search_is_said_at_the_top() -> None:
    stopped = replace(
        FINDINGS,
        obstacles=replace(OBSTACLES, search=STOPPED),
        packages=replace(PACKAGES, search=STOPPED),
        unfinished=("where clauses are read differently",),
    )
    page = build_page(stopped, "f", HASH)
    assert page.search == (
        "The search for what stands in the way stopped early: the time for it was used up. "
        "The search for the ways out stopped early: the time for it was used up. "
        "The search for where clauses are read differently stopped early: not all is said of it."
    )
    for text in (encode_html(page), encode_markdown(page)):
        assert "stopped early" in text
        assert "ran to its end" not in text


def test_what_one_page_cannot_hold_is_counted() -> None:
    many = tuple(Obstacle((f"x-{number}", "ru-denial")) for number in range(3000))
    wide = Obstacle(tuple(f"y-{number}" for number in range(500)))
    page = build_page(Findings(TERMS, Obstacles("", (wide, *many), MORE)), "f", HASH)
    text = encode_markdown(page)
    assert f"{3001 - MAX_OBSTACLES:,} more obstacles were found and not shown here." in text
    assert f"{500 - MAX_MEMBERS} more positions are part of it and not shown here." in text
    assert len(text) < 20_000


def test_no_assumption_and_no_help_are_said() -> None:
    sure = replace(
        TERMS,
        rules=(),
        links=(),
        positions=tuple(each for each in TERMS.positions if not each.ground.assumption),
        designations=(),
    )
    text = encode_markdown(build_page(Findings(sure, Obstacles("", (), DONE)), "f", HASH))
    assert "Nothing: every statement rests on a source" in text
    none = Additions("centre", (), DONE)
    text = encode_markdown(build_page(replace(FINDINGS, additions=none), "f", HASH))
    assert "Nothing that could be added, a measure or a party, was found to help." in text
    possible = Packages("centre", (), is_possible=True, blocked_by=None, at_least=0, search=DONE)
    assert "Ways out" not in encode_markdown(
        build_page(Findings(TERMS, OBSTACLES, packages=possible), "f", HASH)
    )


# The commands


@pytest.mark.parametrize("case", ("edm-2017", "center-2016"))
def test_a_worked_case_becomes_a_page_and_a_picture(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(CASES / case / "terms.toml")
    for name in ("r.html", "r.md"):
        assert main(["terms", "report", file, "--out", str(tmp_path / name), "--json"]) == ExitCode.OK
        told = json.loads(capsys.readouterr().out)
        assert told["ok"] is True
        assert told["answer"].startswith("No: the programme")
        assert html.escape(told["answer"]) in (tmp_path / name).read_text(encoding="utf-8") or name == "r.md"
    reader = read_html((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert reader.faults == []
    assert "svg" in reader.tags
    for name in ("g.svg", "g.txt", "g.json"):
        assert main(["terms", "graph", file, "--out", str(tmp_path / name)]) == ExitCode.OK
    made = json.loads((tmp_path / "g.json").read_text(encoding="utf-8"))
    text = (tmp_path / "g.txt").read_text(encoding="utf-8")
    assert made["obstacles"]
    assert all(row["text"] in text for lane in made["lanes"] for row in lane["rows"])
    assert "SHA-256" in text
    assert (tmp_path / "g.svg").read_text(encoding="utf-8").startswith("<svg")
    assert capsys.readouterr().out.count("wrote ") == 3


@pytest.mark.parametrize(
    ("words", "told"),
    (
        (("graph", "--out", "x.pdf"), ".svg, .png, .txt, .json"),
        (("report", "--out", "x.pdf"), ".html or .md"),
        (("graph", "--out", "none/x.svg"), "a folder that is there"),
        (("graph", "--out", "x.svg", "--obstacles", "0"), "expected 1 to 60, got 0"),
        (("graph", "--out", "x.svg", "--programme", "nope"), "programme 'nope'"),
    ),
)
def test_a_wrong_command_writes_nothing(
    words: tuple[str, ...],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    file = str(CASES / "edm-2017" / "terms.toml")
    assert main(["terms", words[0], file, *words[1:]]) in {ExitCode.USAGE, ExitCode.REFUSED}
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
