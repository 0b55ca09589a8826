"""The graph of who blocks what: all of it readable, nothing on top of anything, hostile names included."""

from __future__ import annotations

import itertools
import json
import random
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from entente.kernel.errors import Malformed
from entente.terms.answers import Obstacle, Obstacles
from entente.terms.expression import Atom
from entente.terms.model import Agency, Ground, Modality, Party, Position, Programme, Rule, Terms
from entente.terms.picture.canvas import RADIUS, Box, Label, Layout, Mark, place_graph
from entente.terms.picture.glyphs import _RANGES, cut_text, measure_text, wrap_text
from entente.terms.picture.graph import MAX_OBSTACLES, MAX_ROWS, build_graph, graph_json, graph_text
from entente.terms.picture.svg import encode_svg
from tests.terms_scene import DONE, OBSTACLES, PACKAGES, STOPPED, TERMS, with_words

SVG: Final = "{http://www.w3.org/2000/svg}"
WORDS: Final = (
    *(
        "no",
        "aircraft",
        "of",
        "the",
        "other",
        "side",
        "flies",
        "over",
        "the",
        "agreed",
        "areas",
        "after",
        "sunset",
    ),
    *("without", "notice", "given", "a", "day", "before", "Ελλάδα", "Россия", "Türkiye", "σύμβαση"),
    *(
        "договорённость",
        "MMMMMWWWW",
        "and",
        "confirmed",
        "by",
        "the",
        "duty",
        "officer",
        "on",
        "second",
        "line",
    ),
)
HOSTILE: Final = (
    "<script>alert(1)</script>",
    "]]></text><image href='http://example.org/x'/>",
    'a & b " onload="x',
    "\x1b[2J\x00\ufffe\ud800",
    "\u202eyes\u202c \u05e9\u05dc\u05d5\u05dd \u0633\u0644\u0627\u0645",
    "$\\frac{1}{2}$ {x} %s",
    "W" * 4000,
    "e" + "\u0301" * 4000,
    " ",
)


def make_terms(positions: int, obstacles: int, seed: int = 1) -> tuple[Terms, Obstacles]:
    drawn = random.Random(seed)
    parties = tuple(Party(f"p{number}", f"{WORDS[-number]} {number}") for number in range(1, 6))
    agencies = tuple(
        Agency(f"a{number}", " ".join(drawn.sample(WORDS, 4)), f"p{1 + number % 5}") for number in range(8)
    )
    holders = (
        [(each.id,) for each in parties] + [(each.id,) for each in agencies] + [("p1", "p2"), ("a1", "p3")]
    )
    stated = tuple(
        Position(
            f"s-{number}",
            " ".join(drawn.choices(WORDS, k=drawn.randint(1, 40))),
            (by := drawn.choice(holders)),
            drawn.choice((Modality.REQUIRES, Modality.FORBIDS)),
            Atom("m"),
            weights=tuple(drawn.choice((1, 22, 1_000_000)) for _ in by),
            steps=(2, 3) if len(by) == 1 and drawn.random() < 0.3 else (),
            hard="law" if drawn.random() < 0.2 else "",
            ground=Ground((), "nobody said so" if drawn.random() < 0.3 else ""),
        )
        for number in range(positions)
    )
    rules = tuple(Rule(f"r-{number}", " ".join(drawn.choices(WORDS, k=12)), Atom("m")) for number in range(9))
    ids = [each.id for each in stated]
    found = []
    for number in range(obstacles):
        share = ids[number::obstacles] or ids[:1]
        members = set(share) | set(drawn.sample(ids, min(2, len(ids))))
        via = tuple(each.id for each in drawn.sample(rules, drawn.randint(0, 3)))
        found.append(Obstacle(tuple(sorted(members)), via, is_hard=drawn.random() < 0.2))
    programme = Programme("all", "Everything together", Atom("m"))
    terms = Terms(
        *("A title", " ".join(WORDS[:20])),
        parties=parties,
        agencies=agencies,
        positions=stated,
        rules=rules,
        programmes=(programme,),
    )
    return terms, Obstacles("all", tuple(found), STOPPED)


def get_edges(shape: Box | Label | Mark) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom; of a label by the font's ascent and descent."""
    match shape:
        case Box():
            return shape.x, shape.y, shape.x + shape.width, shape.y + shape.height
        case Label():
            top, bottom = shape.y - shape.size * 0.93, shape.y + shape.size * 0.24
            return shape.left, top, shape.left + shape.width, bottom
        case Mark():
            return shape.x - RADIUS, shape.y - RADIUS, shape.x + RADIUS, shape.y + RADIUS


def find_overlaps(shapes: Sequence[Box | Label | Mark]) -> list[str]:
    """Return the pairs that overlap by more than the pixel that two lines of one text may share."""
    found = []
    waiting: list[tuple[tuple[float, float, float, float], Any]] = []
    for shape in sorted(shapes, key=lambda each: get_edges(each)[1]):
        left, top, right, bottom = get_edges(shape)
        waiting = [(edges, each) for edges, each in waiting if edges[3] - 1 > top]
        found += [
            f"overlap of {shape} and {each}"
            for edges, each in waiting
            if left < edges[2] and edges[0] < right
        ]
        waiting.append(((left, top, right, bottom), shape))
    return found


def list_faults(layout: Layout) -> list[str]:
    """Return what overlaps, overflows its box or leaves the canvas, by the picture's own measures."""
    frames = [box for box in layout.boxes if box.kind == "position"]
    faults = [*find_overlaps(frames), *find_overlaps(layout.labels), *find_overlaps(layout.marks)]
    shapes: list[Box | Label | Mark] = [*layout.boxes, *layout.labels, *layout.marks]
    for shape in shapes:
        left, top, right, bottom = get_edges(shape)
        if left < 0 or top < 0 or right > layout.width or bottom > layout.height:
            faults.append(f"outside: {shape}")
        if isinstance(shape, Label):
            for x, y, end, low in map(get_edges, frames):
                touches = top < low and bottom > y and left < end and right > x
                if touches and not (x <= left and y <= top and right <= end and bottom <= low):
                    faults.append(f"leaves its box: {shape}")
    return faults


@pytest.mark.parametrize(
    ("positions", "obstacles"), ((1, 1), (10, 4), (30, 10), (60, 16), (60, 60), (160, 20))
)
def test_nothing_overlaps_or_leaves_its_place(positions: int, obstacles: int) -> None:
    terms, answer = make_terms(positions, obstacles)
    graph = build_graph(terms, answer)
    assert len(graph.rows) == positions
    layout = place_graph(graph, footer="file x.toml")
    assert len([box for box in layout.boxes if box.kind == "position"]) == positions
    assert list_faults(layout) == []


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_names_stay_in_their_boxes_and_are_text(words: str) -> None:
    terms = with_words(words)
    graph = build_graph(terms, OBSTACLES, package=PACKAGES.packages[0])
    layout = place_graph(graph, footer=words)
    assert list_faults(layout) == []
    root = ET.fromstring(encode_svg(layout))  # noqa: S314 - our own bytes
    assert {each.tag.removeprefix(SVG) for each in root.iter()} <= {
        *("svg", "title", "desc", "rect", "line", "circle", "text"),
    }
    assert not [
        key
        for each in root.iter()
        for key in each.attrib
        if key.startswith("on") or "href" in key or key == "style"
    ]


def test_the_fault_finder_finds_faults() -> None:
    layout = place_graph(build_graph(TERMS, OBSTACLES))
    assert list_faults(layout) == []
    label = next(each for each in layout.labels if "Pentagon" in each.text)
    layout.labels.append(replace(label, text=label.text * 3))
    assert [fault for fault in list_faults(layout) if "leaves its box" in fault]
    layout.labels[-1] = replace(label, x=label.x + 5)
    assert [fault for fault in list_faults(layout) if fault.startswith("overlap of Label")]
    layout.labels[-1] = replace(label, y=layout.height)
    assert [fault for fault in list_faults(layout) if fault.startswith("outside")]
    layout.boxes.append(replace(layout.boxes[0], y=layout.boxes[0].y + 5))
    assert [fault for fault in list_faults(layout) if fault.startswith("overlap of Box")]


def test_every_mark_meets_its_position_and_obstacle() -> None:
    graph = build_graph(TERMS, OBSTACLES)
    met = {(row.id, number) for row in graph.rows for number in row.obstacles}
    assert met == {
        (name, number) for number, each in enumerate(OBSTACLES.obstacles, start=1) for name in each.members
    }
    layout = place_graph(graph)
    assert len(layout.marks) == len(met) + len(graph.ties)
    ties = [line for line in layout.lines if line.kind == "tie"]
    assert len(ties) == len([each for each in OBSTACLES.obstacles if len(each.members) > 1])
    for line in ties:
        ends = [mark for mark in layout.marks if mark.x == line.x1]
        assert (min(mark.y for mark in ends), max(mark.y for mark in ends)) == (line.y1, line.y2)
        assert len({mark.number for mark in ends}) == 1


def test_law_assumption_and_what_gives_way_differ_without_colour() -> None:
    layout = place_graph(build_graph(TERMS, OBSTACLES, package=PACKAGES.packages[0]))
    texts = [label.text for label in layout.labels]
    assert "LAW" in texts
    assert sum(box.is_thick for box in layout.boxes) == 1
    assert sum(box.is_dashed for box in layout.boxes) == 1
    assert "assumed" in texts
    assert "gives way to “within 1 km”, cost 3" in texts
    assert "can be softened in 2 steps" in texts
    hard = replace(OBSTACLES, obstacles=(Obstacle(("us-deter",), is_hard=True),))
    layout = place_graph(build_graph(TERMS, hard))
    assert all(mark.is_square for mark in layout.marks)
    assert "Square marks: an obstacle of law alone." in [label.text for label in layout.labels]


def test_a_refusal_in_words_is_never_shown_as_what_is_refused() -> None:
    # "forbids: the Pentagon does not show Russia how" would say the opposite.
    graph = build_graph(TERMS, OBSTACLES)
    labels = place_graph(graph).labels
    assert not [label for label in labels if label.text in {"forbids", "requires"}]
    assert "forbids “sharing the locations of groups” at “within 1" in " ".join(each.text for each in labels)
    assert not [line for line in graph_text(graph) if "forbids: " in line or "forbids The" in line]
    plain = next(row for row in graph.rows if row.id == "ru-denial")
    assert (plain.text, plain.claim) == ("Forbids “an access denial zone”", "")


def test_rows_are_ordered_to_bring_marks_together() -> None:
    terms, answer = make_terms(60, 16)
    rows = {row.id: place for place, row in enumerate(build_graph(terms, answer).rows)}
    plain = {name: place for place, name in enumerate(sorted(rows))}

    def span(places: dict[str, int]) -> int:
        return sum(
            max(places[name] for name in each.members) - min(places[name] for name in each.members)
            for each in answer.obstacles
        )

    assert span(rows) < 0.9 * span(plain)


def test_a_holder_stands_once_and_parties_stay_together() -> None:
    terms, answer = make_terms(60, 16)
    lanes = build_graph(terms, answer).lanes
    assert len({lane.holder for lane in lanes}) == len(lanes)
    parties = [party for party, _ in itertools.groupby(lane.party for lane in lanes)]
    assert len(set(parties)) == len(parties)


def test_the_same_answer_is_drawn_in_the_same_way() -> None:
    terms, answer = make_terms(30, 10)
    shuffled = replace(
        terms, positions=tuple(reversed(terms.positions)), parties=tuple(reversed(terms.parties))
    )
    assert encode_svg(place_graph(build_graph(terms, answer))) == encode_svg(
        place_graph(build_graph(shuffled, answer))
    )


def test_thousands_of_obstacles_are_cut_and_counted() -> None:
    terms, answer = make_terms(50, 3000)
    graph = build_graph(terms, answer)
    assert len(graph.ties) == MAX_OBSTACLES
    assert f"{3000 - MAX_OBSTACLES:,} more obstacles were found and not drawn." in graph.notes
    assert list_faults(place_graph(graph)) == []
    few = build_graph(terms, answer, max_obstacles=7)
    assert len(few.ties) == 7
    assert few.left_out == 2993
    assert "2,993 more obstacles" in "\n".join(graph_text(few))


def test_an_obstacle_of_thousands_of_positions_is_cut_and_counted() -> None:
    terms, _ = make_terms(2000, 1)
    answer = Obstacles("all", (Obstacle(tuple(each.id for each in terms.positions)),), DONE)
    graph = build_graph(terms, answer)
    assert len(graph.rows) == MAX_ROWS
    assert "1,840 more positions of obstacle 1 are not drawn." in graph.notes
    assert list_faults(place_graph(graph)) == []


def test_no_obstacle_is_a_picture_too() -> None:
    graph = build_graph(TERMS, Obstacles("centre", (), DONE))
    layout = place_graph(graph)
    assert not layout.boxes
    texts = [label.text for label in layout.labels]
    assert "Nobody blocks the programme “Joint Executive Center”" in texts
    assert "There is no obstacle: proven." in texts
    assert list_faults(layout) == []


def test_the_text_twin_holds_all_that_the_picture_holds() -> None:
    graph = build_graph(TERMS, OBSTACLES, package=PACKAGES.packages[0])
    text = "\n".join(graph_text(graph))
    for row in graph.rows:
        assert row.text in text
        assert row.statement.line in text
    for tie in graph.ties:
        assert f"Obstacle {tie.number}." in text
        assert all(reason in text for reason in tie.reasons)
    for note in graph.notes:
        assert note in text
    assert "  - Requires “deterrence in the Baltic States” (law) - obstacle 3" in text
    assert (
        "  - Moscow wants the joint campaign (require together “joint strikes”; weight 7) - obstacles 2"
        in text
    )
    whole = " ".join(text.replace("Because: ", "").split())
    for label in place_graph(graph).labels:
        if (
            label.text not in {"LAW", "»", "weight", "Why these cannot hold together"}
            and "rame" not in label.text
        ):
            assert label.text.rstrip(",") in whole


def test_the_json_twin_is_documented() -> None:
    made = graph_json(build_graph(TERMS, OBSTACLES, package=PACKAGES.packages[0]))
    page = Path(__file__).resolve().parents[2] / "docs" / "formats" / "terms-answers.md"
    section = page.read_text(encoding="utf-8").partition("## 12.")[2]
    documented = set(re.findall(r"`([a-z_]+)`", section))

    def list_keys(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set(value) | {key for each in value.values() for key in list_keys(each)}
        return {key for each in value for key in list_keys(each)} if isinstance(value, list) else set()

    assert list_keys(made) <= documented
    assert json.loads(json.dumps(made)) == made
    assert [row["id"] for lane in made["lanes"] for row in lane["rows"]] == [
        row.id for row in build_graph(TERMS, OBSTACLES).rows
    ]


def test_svg_keeps_its_text_searchable_and_described() -> None:
    svg = encode_svg(place_graph(build_graph(TERMS, OBSTACLES), footer="file centre.toml"))
    root = ET.fromstring(svg)  # noqa: S314 - our own bytes
    assert root[0].text == TERMS.question
    assert (root[1].text or "").endswith("These are all 4 obstacles: proven.")
    texts = [each.text or "" for each in root.iter(f"{SVG}text")]
    assert "The Pentagon does not show Russia how it uses" in texts
    assert "Russia and Министерство иностранных дел (Russia)," in texts
    assert "file centre.toml" in texts
    assert all(float(each.attrib["textLength"]) > 0 for each in root.iter(f"{SVG}text"))
    assert "http" not in svg.replace("http://www.w3.org/2000/svg", "")


def test_a_text_that_was_cut_can_be_read_whole() -> None:
    terms = with_words("a long word " * 60)
    svg = encode_svg(place_graph(build_graph(terms, OBSTACLES)))
    assert f"<title>{('a long word ' * 60).strip()}" in svg


# The font


def load_font(name: str) -> Any:
    ft2font = pytest.importorskip("matplotlib.ft2font")
    import matplotlib as mpl

    return ft2font.FT2Font(f"{mpl.get_data_path()}/fonts/ttf/{name}.ttf")


@pytest.mark.parametrize(("name", "is_bold"), (("DejaVuSans", False), ("DejaVuSans-Bold", True)))
def test_no_letter_is_wider_than_its_table_says(name: str, is_bold: bool) -> None:
    font = load_font(name)
    from matplotlib.ft2font import LoadFlags

    font.set_size(64, 72)
    codes = [code for start, end in _RANGES for code in range(start, end) if code in font.get_charmap()]
    assert len(codes) > 600
    for code in codes:
        width = font.load_char(code, LoadFlags.NO_HINTING).linearHoriAdvance / 65536
        assert width - 0.001 <= measure_text(chr(code), 64, is_bold=is_bold) <= width + 1


def test_lines_fit_and_keep_every_word() -> None:
    text = " ".join(WORDS * 3)
    for width in (60, 150, 400):
        lines = wrap_text(text, width, 15)
        assert max(measure_text(line, 15) for line in lines) <= width
        assert "".join("".join(lines).split()) == "".join(text.split())
    cut = wrap_text(text, 150, 15, max_lines=2)
    assert len(cut) == 2
    assert cut[1].endswith("\u2026")
    assert measure_text(cut[1], 15) <= 150
    assert wrap_text("", 100, 15) == []
    assert cut_text("short", 100, 15) == "short"


# The file


def test_png_is_drawn_with_cyrillic_and_greek(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from entente.cli.terms_picture import draw_png

    terms = replace(TERMS, parties=(Party("us", "Ηνωμένες Πολιτείες"), *TERMS.parties[1:]))
    layout = place_graph(build_graph(terms, replace(OBSTACLES, obstacles=OBSTACLES.obstacles[1:3])))
    draw_png(layout, tmp_path / "a.png")
    draw_png(layout, tmp_path / "b.png")
    data = (tmp_path / "a.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert data == (tmp_path / "b.png").read_bytes()
    assert int.from_bytes(data[16:20]) == 2 * int(layout.width)


def test_without_matplotlib_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from entente.cli.terms_picture import draw_png

    for name in ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_agg"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(Malformed, match=r"pip install 'entente\[pictures\]'"):
        draw_png(place_graph(build_graph(TERMS, OBSTACLES)), tmp_path / "a.png")
