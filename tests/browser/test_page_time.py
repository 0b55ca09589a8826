"""The one time cursor: keys, replay as it was known then, and a moment before anything was recorded."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import OpenPage, Served

EARLY = "2016-09-17T14:00:00Z"
EARLY_US = 1_474_120_800_000_000


def _count_listed(page: Any) -> int:
    page.wait_for_selector(".conflicts .table, .conflicts .empty")
    page.wait_for_function(
        "() => /\\d/.test(document.querySelector('.conflicts [role=status].muted')?.textContent)"
    )
    return int(page.locator(".conflicts tbody tr:not(.pad)").count())


def test_the_cursor_moves_by_keys_and_says_where_it_is(open_page: OpenPage) -> None:
    page = open_page("/help?t=2016-09-17T18:00:00Z&lanes=1")
    slider = page.locator(".time-slider")
    slider.focus()
    assert slider.get_attribute("aria-valuetext").startswith("17 Sep 2016 18:00Z")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "() => document.querySelector('.time-slider').ariaValueText?.startsWith('17 Sep 2016 18:01Z')"
    )
    assert "t=2016-09-17T18:01:00Z" in page.url
    page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_function(
        "() => document.querySelector('.time-slider').ariaValueText?.startsWith('17 Sep 2016 17:01Z')"
    )
    page.wait_for_selector(".time-names .party")
    page.keyboard.press("]")
    page.wait_for_function("() => document.querySelector('.time-bar [aria-live]').textContent.length > 20")
    page.keyboard.press("n")
    page.wait_for_function("() => !location.search.includes('t=')")


def test_a_past_moment_is_shown_as_it_was_known_then(open_page: OpenPage, served: Served) -> None:
    size = served.call("us", f"moments?at_us={EARLY_US}&buckets=1&clock=recorded")["at"]["size"]
    then = served.call("us", f"conflicts?at_size={size}")["conflicts"]
    now = served.call("us", "conflicts")["conflicts"]
    assert len(then) < len(now)
    page = open_page(f"/conflicts?t={EARLY}&known=then")
    page.wait_for_function(f"() => document.querySelector('.time-clock')?.textContent.startsWith('{size} ')")
    assert _count_listed(page) == len(then)
    page.locator(".time-known button").first.click()
    page.wait_for_function(
        f"() => document.querySelectorAll('.conflicts tbody tr:not(.pad)').length === {len(now)}"
    )


def test_before_the_record_began_nothing_was_known(open_page: OpenPage) -> None:
    page = open_page("/conflicts?t=2016-01-01T00:00:00Z&known=then")
    page.wait_for_function("() => /entr/.test(document.querySelector('.time-clock')?.textContent)")
    assert _count_listed(page) == 0
    assert page.locator(".time-known button[aria-pressed=true]").inner_text() == "as known then"


def test_what_is_drawn_as_counts_leaves_nothing_out(served: Served) -> None:
    single, counted = served.call("us", "lanes"), served.call("us", "lanes?most=0")
    assert not single["is_bucketed"]
    assert counted["is_bucketed"]
    for lane, other in zip(single["lanes"], counted["lanes"], strict=True):
        assert len(lane["bars"]) == lane["count"] == other["count"] > 0
        first, step = other["from_us"], other["step_us"]
        for place, count in enumerate(other["counts"]):
            start, end = first + place * step, first + (place + 1) * step
            assert count == sum(one[0] < end and one[1] > start for one in lane["bars"])
