"""Conflicts on the page: found, acknowledged, explained by keys alone; blind results that are not misread."""

from __future__ import annotations

import json
from typing import Any

from tests.browser.conftest import OpenPage

RUN: dict[str, Any] = {
    "run": 1,
    "rules": "skies",
    "epoch": 1,
    "partner": "ru",
    "kind": "whole",
    "is_ours": True,
    "officer": "duty-1",
    "since": "2016-09-17T14:00:00Z",
    "state": "ended",
    "verdict": "CLEAR",
    "own": "CLEAR",
    "code": "",
    "words": "",
    "bucket": 10,
    "at_least": 0,
    "ask": "",
    "conflicts": [],
}


def test_a_conflict_is_found_acknowledged_and_explained_in_two_keys(open_page: OpenPage) -> None:
    page = open_page("/help")
    page.wait_for_selector(".time-bar")
    actions = 0
    page.keyboard.press("c")
    actions += 1
    page.wait_for_function("() => document.activeElement?.closest('.due-list .act') !== null")
    words = page.locator(".conflict").inner_text()
    for said in ("come closer than agreed", "Where", "Heights", "both between", "both from", "Which rule"):
        assert said in words
    page.keyboard.press("Enter")
    actions += 1
    page.wait_for_function(
        "() => /an officer of\\s+us[^]*has seen/.test(document.querySelector('.story')?.innerText)"
    )
    assert actions <= 3


def test_filters_and_choice_are_in_the_address(open_page: OpenPage) -> None:
    page = open_page("/conflicts?rule=zone", width=390, height=844, dark=True)
    page.wait_for_selector(".conflicts .card")
    rows = page.locator(".conflicts tbody tr:not(.pad)")
    assert rows.count() >= 1
    page.keyboard.press("j")
    page.wait_for_selector(".conflict-sentence")
    assert "item=" in page.url
    assert "the zone asks for more than was given" in page.locator(".conflict-sentence").inner_text()
    page.keyboard.press("Escape")
    page.wait_for_selector(".conflicts .card", state="visible")


def test_invalid_is_never_taken_for_clear(open_page: OpenPage) -> None:
    runs = [
        RUN,
        RUN | {"run": 2, "verdict": "INVALID", "code": "refused"},
        RUN | {"run": 3, "verdict": "", "state": "waiting"},
    ]
    answer = json.dumps({"runs": runs, "work": None, "holdings": []})

    def answer_runs(page: Any) -> None:
        page.route(
            "**/api/blind-runs*", lambda route: route.fulfill(body=answer, content_type="application/json")
        )

    page = open_page("/blind", before=answer_runs)
    page.wait_for_selector(".verdict-invalid")
    # No rules stand, so that the first run's epoch is past: it is not drawn as an all-clear.
    assert page.locator(".verdict").all_inner_texts()[0] == "✓ CLEAR · of a past epoch"
    assert page.locator(".verdict-stale").count() == 1
    assert page.locator(".verdict-invalid").inner_text() == "⊘ INVALID"
    assert "no result yet" in page.locator(".verdict-open").inner_text()
    looks = page.evaluate(
        "() => [...document.querySelectorAll('.verdict')].map((one) => getComputedStyle(one).borderTopStyle)"
    )
    assert looks[1] == "double"
    assert looks[0] != looks[1]
