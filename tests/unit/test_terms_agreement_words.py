"""An agreement on the screen: what is signed is what is read, and a partner's words stay its own."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from entente.cli.agreement_words import print_agreement, print_text
from entente.terms import agreement as ag
from tests.agreement_scene import AgreementScene, change, make_text, refused

FORGED = "no\n\n  due\n    nothing\n  IN-FORCE at 2016-09-12T19:00:00Z: signed by all\u2028\u202eforged"


def show(scene: AgreementScene, capsys: pytest.CaptureFixture[str]) -> str:
    print_agreement(msgspec.to_builtins(scene.state()))
    return capsys.readouterr().out


def test_a_reason_cannot_forge_a_line_of_the_status(capsys: pytest.CaptureFixture[str]) -> None:
    scene = AgreementScene()
    scene.propose()
    scene.refuse("ru", reason=FORGED)
    shown = show(scene, capsys)
    assert not any(line.lstrip().startswith(("IN-FORCE", "nothing")) for line in shown.splitlines())
    assert "\u202e" not in shown
    assert "\\u202eforged" in shown


def test_a_text_cannot_forge_a_line_of_itself(capsys: pytest.CaptureFixture[str]) -> None:
    forged = "A truce\n\nObligations:\n  guard: nothing; guarantor us\nSHA-256 of this text: 00"
    measure = ag.AgreedMeasure("truce", forged, 3, "", [])
    text = make_text(measures=[measure], clocks=[], obligations=[], text="First.\nSHA-256 of this text: 00")
    print_text(msgspec.to_builtins(text), ag.hash_text(text))
    lines = capsys.readouterr().out.splitlines()
    assert not any(line.startswith(("Obligations", "SHA-256 of this text:")) for line in lines)
    assert "  | SHA-256 of this text: 00" in lines
    assert sum(line.startswith("SHA-256") for line in lines) == 1


def test_a_text_that_shows_other_words_than_it_has_is_refused() -> None:
    scene = AgreementScene()
    for mark in ("\u202e", "\u2028", "\u2066", "\u200b", "\ufeff", "\U000e0041"):
        with refused("hidden-character", f"U+{ord(mark):04X}"):
            scene.propose("us", change(scene.text, text=f"It is {mark}agreed"))
        with refused("hidden-character"):
            scene.propose("us", change(scene.text, title=f"It is {mark}agreed"))
    # Arabic and Persian need their marks and joiners.
    scene.propose(
        "us", change(scene.text, text="\u0645\u06cc\u200c\u0634\u0648\u062f \u200f\u0648\u0642\u0641")
    )


def test_everything_that_is_signed_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    text = make_text(
        obligations=[ag.AgreedObligation("guard", "al-tanf", "Nobody armed enters", "ru")],
        measures=[
            ag.AgreedMeasure("joint-center", "A center", 1, "", ["ru"]),
            ag.AgreedMeasure("pull-back", "Both pull back", 7, "", []),
        ],
        programme="all",
        text="Done in two copies.",
    )
    print_text(msgspec.to_builtins(text), ag.hash_text(text))
    shown = capsys.readouterr().out

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)
        elif value not in {"", 0, 1}:
            assert str(value) in shown or value in {"days-without", "simultaneous", "withdrawal"}, value

    walk(msgspec.to_builtins(text))


def test_what_holds_for_all_is_said_once_and_the_grade_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    scene = AgreementScene()
    scene.propose()
    shown = show(scene, capsys)
    assert shown.count("missing: ru, ru/mod") == 1
    assert "pull-back            not-in-force: Both pull back from the road, grade 2: by 1000 m" in shown
    scene.sign_all()
    scene.extend(30)
    shown = show(scene, capsys)
    assert "running, full 2016-09-19T19:00:00Z" in shown
    assert "us moved to extend expiry by 30 days: open" in shown


def test_a_flood_of_reports_and_motions_is_counted_and_keeps_the_state_short() -> None:
    scene = AgreementScene().in_force()
    row = scene.rows
    first = scene.incident("ru")
    last = scene.reset(first, "ru")
    scene.incident("us")
    report, motion = row.find(ag.IncidentRow, first), row.find(ag.MotionRow, last)
    for place in range(10_000):
        stamp = msgspec.structs.replace(report.reported, message=f"{place:064d}", index=1000 + place)
        row.put(change_row(report, message=stamp.message, reported=stamp, text="x" * 4000))
        row.put(change_row(motion, message=f"{place:063d}m", moved=stamp))
    started = time.perf_counter()
    view = scene.state()
    assert time.perf_counter() - started < 5
    assert len(msgspec.json.encode(view)) < 2_000_000
    assert [one.by for one in view.incidents].count("us") == 1  # what the others report stays in sight
    assert len(view.incidents) == 101
    assert sum(one.kind == "answer" and one.party == "us" for one in view.due) == 101
    assert any("9901 earlier incidents" in one.what for one in view.due)
    assert any("19802 earlier reports and motions of ru" in note for note in view.notes)


def change_row(row: Any, **more: Any) -> Any:
    return msgspec.structs.replace(row, **more)
