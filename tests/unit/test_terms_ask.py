"""`entente terms ask|diff` as people and scripts see them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from entente.cli.main import main
from entente.cli.output import ExitCode
from entente.cli.terms_ask import FIRST
from entente.desk.terms_room.questions import TITLES
from tests.terms_samples import SAMPLE


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "center.toml"
    path.write_text(SAMPLE, encoding="utf-8")
    return path


def run(*words: object) -> int:
    return main(["terms", *map(str, words)])


def answer(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    assert run("ask", *words, "--json") == ExitCode.OK
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 1
    answers: dict[str, Any] = json.loads(out)["answers"]
    return answers


def test_without_a_question_the_main_ones_are_answered(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("ask", file) == ExitCode.OK
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.startswith("A joint centre\nCan the two air forces plan strikes together?\n")
    places = [said.out.index(f"\n{TITLES[name]}\n") for name in FIRST]
    assert places == sorted(places)
    assert not any(line != line.rstrip() for line in said.out.splitlines())


def test_every_question_is_answered_in_json(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = answer(capsys, file, *TITLES)
    assert list(answers) == sorted(TITLES)
    assert all(each["question"] == name for name, each in answers.items())
    assert answers["possible"]["is_possible"] is False


def test_hard_limits_are_in_the_obstacles_and_in_no_package(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = answer(capsys, file, "why-not", "price", "--all")
    assert any("law" in each["members"] for each in answers["why-not"]["obstacles"])
    assert answers["price"]["packages"] == []
    assert answers["price"]["blocked_by"]["members"] == ["law"]


def test_conceding_in_steps_is_asked_by_grade(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = (file, "permits", "--concede", "us-sharing=within-10-km")
    permitted = answer(capsys, *words)["permits"]
    assert permitted["newly"] == ["share-locations"]
    assert permitted["after"]["share-locations"]["grade"] == 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    (
        (["--programme", "nothing"], ExitCode.REFUSED, "programme 'nothing': expected one of joint"),
        (["--most", "0"], ExitCode.USAGE, "most: expected 1 or more, got 0"),
        (["permits", "--concede", "nobody"], ExitCode.REFUSED, "expected positions that bind, got 'nobody'"),
        (
            ["permits", "--concede", "us-sharing=exactly"],
            ExitCode.REFUSED,
            "expected to be left with 'within-10-km', 'within-1-km', '', got 'exactly'",
        ),
        (["why-so"], ExitCode.USAGE, ""),
    ),
)
def test_wrong_input_says_what_was_expected(
    file: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    assert run("ask", file, *words) == code
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == "" or code == ExitCode.USAGE


def test_where_no_package_is_known_none_is_quietly_assumed(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("ask", file, "permits") == ExitCode.OK  # law stands against it: see above
    assert "No package of concessions is known, so none is assumed:" in capsys.readouterr().out
    assert run("ask", file, "permits", "--concede", "us-sharing") == ExitCode.OK
    assert "none is assumed" not in capsys.readouterr().out
    assert run("ask", file, "permits", "--concede", "law") == ExitCode.REFUSED
    assert "expected what can be conceded, got 'law', which is law" in capsys.readouterr().err


def test_no_time_at_all_still_gives_an_honest_answer(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("ask", file, "--seconds", "0.000001") == ExitCode.OK
    assert "Traceback" not in capsys.readouterr().err


def test_two_versions_are_compared(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.toml"
    other.write_text(
        SAMPLE.replace('forbids = "methods-known"', 'permits = "methods-known"'), encoding="utf-8"
    )
    assert run("diff", file, file, "--check") == ExitCode.OK
    assert run("diff", file, other) == ExitCode.OK
    assert "position pentagon-methods: changed (modality)" in capsys.readouterr().out
    assert run("diff", file, other, "--check", "--json") == ExitCode.REFUSED
    changes = json.loads(capsys.readouterr().out)["changes"]
    assert [(each["id"], each["change"]) for each in changes] == [("pentagon-methods", "changed")]
