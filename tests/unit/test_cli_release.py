"""`entente release`, without a desk: sizes that are read, words that are said, and what ends with 0."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from entente.cli.main import main
from entente.cli.output import ExitCode
from entente.cli.release import MODULES, release_app
from entente.cli.release.ledger import ledger
from entente.cli.release.picture import MOST_ROWS, draw_belief, read_belief
from entente.cli.release.sizes import read_arcsec, read_seconds, say_arcsec, say_seconds
from entente.cli.release.words import (
    CODES,
    NOT_DELETED,
    get_plans_code,
    list_explained,
    list_items,
    list_ledger,
    list_onward,
    list_plan,
    list_recalls,
    list_rules,
    say_level,
    say_percent,
)
from entente.kernel.errors import Malformed

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "release"
LEVEL = {"place_arcsec": 3600, "span_s": 86_400, "delay_s": 21_600, "depth": 2, "height_m": None}
EXPOSURE = {
    "secret": "where-eye-3",
    "pool": "ru",
    "prior_percent": 8.33,
    "before_percent": 25.0,
    "after_percent": 50.0,
    "worst_percent": 50.0,
    "budget_percent": 50.0,
    "bits": 2.58,
    "words": "",
}


def make_plan(**more: Any) -> dict[str, Any]:
    plan = {
        "plan": 3,
        "action": "release",
        "report": "r-17",
        "version": 1,
        "recipient": "ru",
        "purpose": "safety",
        "state": "planned",
        "words": "",
        "code": "",
        "reasons": [],
        "officer": "duty-1",
        "at": "2026-12-01T06:00:00Z",
        "needs": 2,
        "cautions": ["the text names a town"],
        "approved": [],
        "due": "2026-12-01T12:00:00Z",
        "sha256": "ab" * 32,
        "level": LEVEL,
        "shape": "35 N to 36 N, 40 E to 41 E, on 2026-12-01, air, fixed-wing",
        "variant": {"text": "a transport"},
        "label": None,
        "marking": "NATO SECRET REL TO RUS",
        "exposures": [EXPOSURE],
        "blockers": [
            {"dimension": "place", "secret": "where-eye-3", "pool": "ru", "words": "a cell of 4 sites"},
            {"dimension": "span", "secret": "", "pool": "", "words": "a finer time: there is nothing finer"},
        ],
        "is_charged": False,
        "number": None,
        "leaf": "",
    }
    return plan | more


def test_sizes_are_read_with_their_units() -> None:
    assert [read_arcsec(text) for text in ("5deg", "30arcmin", "30'", "6arcsec", '6"', "15°", "1 deg")] == [
        *(18_000, 1_800, 1_800, 6, 6, 54_000, 3_600),
    ]
    assert [read_seconds(text) for text in ("1d", "6h", "10min", "30s", "0")] == [86_400, 21_600, 600, 30, 0]
    for text in ("5", "5m", "deg", "1.5deg", "-1deg", "5 deg ", "", "٣deg"):
        with pytest.raises(Malformed, match="expected a whole number with its unit"):
            read_arcsec(text)
    for text in ("5", "5m", "1w", "00x", "1d6h"):
        with pytest.raises(Malformed, match="length of time"):
            read_seconds(text)
    for arcsec in (1, 6, 60, 90, 300, 3_600, 54_000):
        assert read_arcsec(say_arcsec(arcsec)) == arcsec
    for seconds in (1, 60, 90, 3_600, 86_400):
        assert read_seconds(say_seconds(seconds)) == seconds


def test_a_plan_is_told_with_what_it_teaches() -> None:
    lines = list_plan(make_plan())
    assert lines[0] == (
        "plan 3: r-17 to ru for safety: PLANNED, nothing has left; needs the yes of 2 officers"
    )
    assert "  they see: 35 N to 36 N, 40 E to 41 E, on 2026-12-01, air, fixed-wing; held back 6h" in lines
    assert "  with the words: a transport" in lines
    assert "  marked: NATO SECRET REL TO RUS" in lines
    assert "  LOOK AGAIN: the text names a town" in lines
    assert (
        "  where-eye-3 for ru: best guess 8 % at first, 25 % now, 50 % after, at worst 50 % (budget 50 %), "
        "2.58 bits" in lines
    )
    assert "  no more: a cell of 4 sites" in lines
    assert not any("there is nothing finer" in line for line in lines)
    assert lines[-1] == f"Say yes: entente release send 3 --sha256 {'ab' * 32}"
    second = list_plan(make_plan(approved=["duty-1"]))[0]
    assert second.endswith("duty-1 said yes; needs the yes of 1 other officer")


@pytest.mark.parametrize("state", sorted(CODES))
def test_only_what_left_is_told_as_sent(state: str) -> None:
    line = list_plan(make_plan(state=state, code="x"))[0]
    assert ("SENT, and in the record" in line) == (state == "recorded")
    assert ("they have it" in line) == (state == "given")
    assert ("has left" in line or "leaves" in line or "NOT SENT" in line or "do not have it" in line) == (
        state not in {"recorded", "given"}
    )


def test_a_refusal_is_told_once() -> None:
    denied = make_plan(
        state="denied",
        code="label",
        shape="",
        level=None,
        words="not to ru: no clearance: the gate says no",
        reasons=["no clearance", "AMBER is asked for"],
    )
    lines = list_plan(denied)
    assert lines[1:3] == ["  because: AMBER is asked for", "  not to ru: no clearance: the gate says no"]
    shape = make_plan()["shape"]
    told = list_plan(make_plan(words=f"{shape}: in the record"))
    assert len([line for line in told if shape in line]) == 1


def test_codes_of_plans() -> None:
    def code(*states: str) -> ExitCode:
        return get_plans_code([make_plan(state=state) for state in states])

    assert code("planned", "given") == code("recorded") == code("held") == ExitCode.OK
    assert code("planned", "denied", "sending") == code("stale") == code("refused") == ExitCode.REFUSED
    assert code("recorded", "sending") == ExitCode.UNREACHABLE
    assert code("recorded", "of another version") == ExitCode.FAILED


def test_a_chance_is_never_told_as_certain_or_as_nothing() -> None:
    said = [say_percent(value) for value in (0.0, 0.01, 8.33, 99.49, 99.6, 100.0)]
    assert said == ["0 %", "less than 1 %", "8 %", "99 %", "more than 99 %", "100 %"]


def test_levels_in_sizes() -> None:
    assert say_level(LEVEL) == "place 1deg, time 1d, no height, identity 2 steps, held back 6h"
    coarse = {"place_arcsec": None, "span_s": None, "delay_s": 0, "depth": 0, "height_m": 100}
    assert say_level(coarse) == "no place, no time, height 100 m, no identity, at once"


def test_explained_in_steps_and_needs() -> None:
    lines = list_explained(
        {"plan": make_plan(), "steps": ["label: a", "veto: b"], "needs": ["a budget of 75 %"]}
    )
    assert lines[2:] == [
        "Why:",
        "  1. label: a",
        "  2. veto: b",
        "To see more it would need:",
        "  - a budget of 75 %",
    ]


def make_ledger() -> dict[str, Any]:
    learned = {
        "secret": "where-eye-3",
        "about": "site",
        "pool": "both",
        "members": ["fr", "ru"],
        "releases": 4,
        "theatres": {"north": 3, "baltic": 1},
        "prior_percent": 8.33,
        "chance_percent": 50.0,
        "budget_percent": 50.0,
        "bits": 2.58,
        "last_at": "2026-12-01T06:00:00Z",
        "words": "of 12 candidate sites they would name the right one 1 time in 2",
    }
    charge = {
        "id": 9,
        "secret": "where-eye-3",
        "pool": "both",
        "recipient": "ru",
        "theatre": "north",
        "report": "r-17",
        "plan": 3,
        "leaf": "cd" * 32,
        "before_percent": 25.0,
        "after_percent": 50.0,
        "worst_percent": 50.0,
        "bits": 1.0,
        "at": "2026-12-01T06:00:00Z",
    }
    told = charge | {"report": "", "plan": None}
    traffic = {"recipient": "ru", "kind": "release.item", "messages": 1_204, "size_bytes": 99_000}
    return {"learned": [learned], "charges": [charge, told], "traffic": [traffic], "before": 9}


def test_the_ledger_in_words() -> None:
    lines = list_ledger(make_ledger())
    assert lines[0] == (
        "where-eye-3 (site), both (fr, ru together): best guess 8 % at first, 50 % now, budget 50 %; "
        "2.58 bits from 4 releases (1 in baltic, 3 in north)"
    )
    assert lines[1].endswith("1 time in 2")
    assert "r-17 (plan 3) to ru: where-eye-3 for both: 25 % -> 50 %, could have been 50 %" in lines[3]
    assert "message cdcdcdcdcdcd to ru" in lines[4]
    assert "  and more: --before 9" in lines
    assert lines[-1] == "  ru: 1,204 release.item, 99,000 bytes"
    assert list_ledger({"learned": [], "charges": [], "traffic": [], "before": 0}) == [
        "nothing was charged yet"
    ]


def test_a_recall_is_never_told_as_a_deletion() -> None:
    one = {"of": "ab" * 32, "party": "ru", "state": "delivered", "leaf": "", "at": "", "words": "evil\x1b[2J"}
    lines = list_recalls([one, one | {"party": "fr", "state": "lapsed", "at": "2026-12-01T06:00:00Z"}])
    assert lines == [
        "abababababababab at ru: DELIVERED: evil\\x1b[2J",
        "abababababababab at fr: LAPSED 2026-12-01T06:00:00Z: evil\\x1b[2J",
        NOT_DELETED,
    ]
    assert "deletes nothing" in NOT_DELETED
    assert list_recalls([]) == ["nothing to recall: nobody has it from here"]


def make_item(**more: Any) -> dict[str, Any]:
    item = {
        "leaf": "cd" * 32,
        "index": 31,
        "at": "2026-12-01T06:00:00Z",
        "author": "ru",
        "to": "fr",
        "originator": "us",
        "purpose": "safety",
        "onward": "ask",
        "until": "2027-01-01T00:00:00Z",
        "is_over": False,
        "sha256": "ab" * 32,
        "words": "35 N to 36 N",
        "marking": "SECRET",
        "variant": {},
        "label": {},
        "note": "\u202enote",
        "receipt": "acknowledged",
        "replaced_by": "",
        "recall": None,
        "report": "",
    }
    return item | more


def test_items_show_what_was_recalled() -> None:
    recalled = {"of": "", "party": "fr", "state": "acknowledged", "leaf": "", "at": "", "words": "wrong"}
    lines = list_items([make_item(), make_item(recall=recalled, replaced_by="ef" * 32, is_over=True)])
    assert lines[0] == "31 cdcdcdcdcdcd ru to fr, from us, safety: 35 N to 36 N"
    assert lines[1] == (
        "  marked SECRET; passing on: ask; until 2027-01-01T00:00:00Z; acknowledged; \\u202enote"
    )
    assert lines[2].endswith("safety (its time is over): 35 N to 36 N")
    assert lines[3:5] == ["  RECALLED (acknowledged): wrong", "  REPLACED by efefefefefef"]
    assert list_items([]) == ["no items"]


def test_questions_and_rules_in_words() -> None:
    ask = {
        "ask": "12" * 32,
        "at": "",
        "holder": "ru",
        "originator": "us",
        "to": "fr",
        "purpose": "safety",
        "sha256": "ab" * 32,
        "words": "they are near",
        "state": "granted",
        "grant": "34" * 32,
        "until": "2027-01-01T00:00:00Z",
        "answer": "",
    }
    assert list_onward([ask]) == [
        "121212121212 ru asks us to pass abababababab to fr for safety: GRANTED: they are near",
        "  answer 343434343434 until 2027-01-01T00:00:00Z",
    ]
    rules = {
        "id": "north",
        "partner": "ru",
        "state": "in-force",
        "proposed_by": "us",
        "sha256": "ab" * 32,
        "purposes": ["safety"],
        "contribution": {"at_least": 1, "per": 3, "days": 30},
        "until": "",
        "given": 7,
        "received": 2,
        "words": "",
    }
    assert list_rules([rules])[-1] == (
        "  1 received for every 3 given within 30 days; now 2 received, 7 given"
    )
    assert (list_onward([]), len(list_rules([]))) == (["nobody has asked"], 1)


def make_belief(count: int, steps: int) -> dict[str, Any]:
    even = [1 / count] * count
    return {
        "secret": "where",
        "pool": "ru",
        "prior_percent": 100 / count,
        "budget_percent": 50.0,
        "hypotheses": [{"id": f"h{n}", "words": f"site $n{n}", "prior": 1 / count} for n in range(count)],
        "steps": [
            {"chance_percent": 100 / count, "posterior": [0.5, 0.5, *even[2:-2], *([0.0] * 2)][:count]}
            for _ in range(steps)
        ],
    }


def test_a_belief_is_drawn_the_same_each_time(tmp_path: Path) -> None:
    belief = make_belief(6, 2)
    for name in ("one.svg", "two.svg"):
        draw_belief(belief, tmp_path / name)
    first = (tmp_path / "one.svg").read_bytes()
    assert first == (tmp_path / "two.svg").read_bytes()
    assert first.startswith(b"<?xml")
    draw_belief(make_belief(3, 0), tmp_path / "none.png")
    assert (tmp_path / "none.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(Malformed, match=r"ends in \.svg or \.png"):
        draw_belief(belief, tmp_path / "one.pdf")


def test_of_many_hypotheses_the_likeliest_are_drawn() -> None:
    names, grid, chances = read_belief(make_belief(40, 3))
    assert (len(names), grid.shape, len(chances)) == (MOST_ROWS, (MOST_ROWS, 4), 4)
    assert names[-1] == f"{40 - MOST_ROWS + 1} others together"
    assert {"site $n0", "site $n1"} <= set(names)
    assert grid[:, 0].sum() == pytest.approx(1.0)


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(Malformed, match=r"pip install 'entente\[pictures\]'"):
        draw_belief(make_belief(3, 1), tmp_path / "one.svg")


def test_a_picture_is_of_one_secret_and_pool(tmp_path: Path) -> None:
    (tmp_path / "desk.toml").write_text('party = "us"\napi_listen = "127.0.0.1:9"\n')
    (tmp_path / "token").write_text("x")
    with pytest.raises(Malformed, match="expected --secret and --pool"):
        ledger(picture=tmp_path / "a.svg", secret="s", desk=tmp_path)


def list_commands(app: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    found = []
    for name in app:
        if name.startswith("-"):
            continue
        command = app[name]
        inner = list_commands(command, (*path, name))
        found += inner or [((*path, name), command)]
    return found


def test_every_command_shows_an_example_of_itself() -> None:
    commands = list_commands(release_app)
    assert len(commands) >= 20, [path for path, _ in commands]
    assert len(MODULES) == len(set(MODULES))
    for path, command in commands:
        text = command.help or command.default_command.__doc__
        assert re.search(rf"Example: entente release {' '.join(path)}\b", text), path


@pytest.mark.parametrize(
    ("words", "code", "message"),
    (
        ("recall --officer a --desk .", 2, "expected messages or --report"),
        ("recall 3 --report r --officer a --desk .", 2, "expected messages or --report"),
        ("onward answer 3 --officer a --desk .", 2, "expected --yes or --no"),
        ("onward answer 3 --yes --no --officer a --desk .", 2, "expected --yes or --no"),
        (
            "plan r --to ru --purpose p --officer a --place 5 --desk .",
            2,
            "expected a whole number with its unit",
        ),
        ("load reports /nowhere --officer a", 2, "/nowhere"),
        ("load maps x --officer a", 2, "maps"),
        ("load reports {desk}/desk.toml --officer a", 2, "entente-reports, report"),
        ("try {desk}/desk.toml {desk}/desk.toml --to ru", 2, "keys entente-catalogue"),
        ("try {catalogue} {reports} --to ru --pool both=ru,fr", 2, "expected NAME=A,B of parties that --to"),
        ("try {catalogue} {reports} --to ru --to fr --pool ru,fr", 2, "expected NAME=A,B"),
        ("plan r --to ru --purpose p --officer a --weigh place=x --desk .", 2, "weigh: expected place"),
        ("plan r --to ru --purpose p --officer a --weigh wait=1 --weigh wait=2 --desk .", 2, "each once"),
        ("explain r-17 --desk {desk}", 2, "expected a plan's number"),
        ("rules propose n --partner ru --purpose p --officer a --receive 3", 2, "expected N/M"),
        ("ledger", 2, "expected a folder"),
        ("ledger --desk {desk}", 5, "desk at 127.0.0.1:9"),
        ("veto check", 2, "expected a folder"),
        ("veto check /nowhere", 2, "expected a folder of rules"),
        ("veto check --desk /nowhere", 2, "found no desk.toml"),
    ),
)
def test_mistakes_are_told(
    words: str, code: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.delenv("ENTENTE_DESK", raising=False)
    if code == ExitCode.UNREACHABLE:
        # No socket in a quick test: a desk that is not there is what the line makes of a refused one.
        def refuse(*_: Any, **__: Any) -> None:
            raise ConnectionRefusedError("refused")

        monkeypatch.setattr("http.client.HTTPConnection.request", refuse)
    (tmp_path / "desk.toml").write_text('party = "us"\napi_listen = "127.0.0.1:9"\n')
    (tmp_path / "token").write_text("x")
    files = {name: EXAMPLES / f"{name}.toml" for name in ("catalogue", "reports")}
    given = ["release", *(word.format(desk=tmp_path, **files) for word in words.split())]
    assert main([*given, "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    assert told["exit"] == code
    assert message in told["message"]


def test_the_desk_and_the_command_line_read_the_same_rules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.cedar").write_text(
        '@id("x") @words("no") forbid (principal == Party::"rus", action, resource);'
    )
    words = ["release", "veto", "check", str(tmp_path), "--party", "us", "--party", "ru"]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "a.cedar: x: no" in out
    assert "note: a.cedar, rule x: 'rus' is no party of the roster" in out
    (tmp_path / "a.cedar").write_text("permit (principal, action, resource);")
    assert main([*words, "--json"]) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], len(told["faults"])) == (False, 2)
    assert main(words) == 2
    assert "the desk releases nothing to anybody" in capsys.readouterr().out
    assert main(["release", "veto", "schema"]) == 0
    assert "entity Party" in capsys.readouterr().out


def test_a_try_is_the_gates_own_planner_charged_in_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(EXAMPLES / name) for name in ("catalogue.toml", "reports.toml")]
    words = ["--to", "liaison-a", "--to", "liaison-b", "--pool", "both-liaisons=liaison-a,liaison-b"]
    assert main(["release", "try", *files, *words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    given = {(one["report"], one["recipient"]): one for one in told["releases"]}
    assert len(given) == 6
    both = [
        exposure
        for one in given.values()
        for exposure in one["exposures"]
        if exposure["pool"] == "both-liaisons" and exposure["secret"] == "evening-method"
    ]
    # The same shape of one item to the second member teaches the two together nothing more.
    assert both[0]["chance_after"] > both[0]["chance_before"]
    assert both[1]["chance_after"] == both[1]["chance_before"] == both[0]["chance_after"]
    learned = {(one["secret"], one["pool"]): one for one in told["learned"]}
    assert learned["evening-method", "both-liaisons"]["chance"] == pytest.approx(both[1]["chance_after"])
    assert learned["evening-method", "both-liaisons"]["releases"] == 2
    assert all(one["chance"] <= one["budget"] + 1e-9 for one in told["learned"])

    twice = tmp_path / "twice.toml"
    text = (EXAMPLES / "reports.toml").read_text().split("[[report]]")
    again = [part.replace('id = "lorries-on-the-road"', 'id = "lorries-again"') for part in text]
    lorries = next(part for part in again if "lorries-again" in part)
    twice.write_text("[[report]]".join([*text, lorries]))
    assert main(["release", "try", files[0], str(twice), "--to", "liaison-a", "--json"]) == 0
    releases = json.loads(capsys.readouterr().out)["releases"]
    first, second = (
        one["exposures"][0] for one in releases if one["report"] in {"lorries-on-the-road", "lorries-again"}
    )
    assert second["chance_before"] == pytest.approx(first["chance_after"])
    assert main(["release", "try", *files, "--to", "liaison-a"]) == 0
    out = capsys.readouterr().out
    assert "After all of it:" in out
    assert "low-helicopter to liaison-a:" in out


def test_every_fault_of_a_file_is_told_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(
        (EXAMPLES / "catalogue.toml")
        .read_text()
        .replace("identifies = 3", 'identifies = "three"', 1)
        .replace('sensitivity = "high"', "sensitivity = 5", 1)
    )
    assert main(["release", "load", "catalogue", str(bad), "--officer", "a", "--desk", str(tmp_path)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) >= 2
    assert all(re.match(rf"{re.escape(str(bad))}:\d+:\d+: ", line) for line in lines)


PAGE = Path(__file__).resolve().parents[2] / "docs" / "release.md"


def list_page_commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("line", list_page_commands())
def test_every_command_of_the_page_is_one(line: str) -> None:
    words = shlex.split(line)
    assert words[:2] == ["entente", "release"]
    _, bound, _ = release_app.parse_args(words[2:], exit_on_error=False, print_error=False)
    assert bound.arguments


def test_the_page_has_commands() -> None:
    assert len(list_page_commands()) >= 20
