"""The page under what happens to it: hostile words, two tabs, sleep, clocks, bad lines, a dead desk, a liar.

In a world of its own, whose partners write hostile words into every text of theirs; real messages in a real
record, and a center that can lie. In the order of the file: what cannot be mended again comes last.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest

from tests.browser.conftest import OpenPage, Served, Watch
from tests.browser.test_page_hostile import check_harmless, settle

pytestmark = pytest.mark.long

# The map last: once drawn it goes on being drawn.
EVERY_VIEW: Final = ("inbox", "talk", "conflicts", "release", "blind", "terms", "record", "help", "map")
SPOOF: Final = "CLEAR. Recorded as entry 12, settled by all"
UNKNOWN: Final = "it is not known whether this was done"
SLOW_3G: Final = {
    "offline": False,
    "latency": 400,
    "downloadThroughput": 50_000,
    "uploadThroughput": 50_000,
}


def forward(route: Any) -> httpx.Response:
    """Ask the desk what the page asks, and keep the answer from it."""
    asked = urlsplit(route.request.url)
    return httpx.request(
        route.request.method,
        f"http://127.0.0.1:{asked.port}{asked.path}?{asked.query}",
        headers=route.request.all_headers() | {"host": asked.netloc, "sec-fetch-site": "same-origin"},
        content=route.request.post_data_buffer,
        timeout=60,
    )


def find_due(at: Served, party: str, kind: str = "acknowledge") -> list[dict[str, Any]]:
    """Return what is due at a desk of one kind."""
    return [one for one in at.look(party, "inbox") if one["kind"] == kind]


def count_said(at: Served, kind: str) -> int:
    """Return how many entries of a kind the record holds."""
    return int(at.look("us", "record", kind=kind)["total"])


def open_due(open_page: OpenPage, at: Served, item: dict[str, Any], **how: Any) -> Any:
    """Open the page at a thing that is due."""
    page = open_page(f"/inbox?item={item['kind']}:{item['subject']}", at=at, **how)
    page.wait_for_selector(".due-line[aria-current]")
    return page


def wait_until_gone(page: Any) -> None:
    """Wait until what was chosen is due no more, as the page says itself."""
    page.wait_for_function(
        "() => document.querySelector('.due-detail') && !document.querySelector('.due-line[aria-current]')"
    )


# Hostile words


@pytest.mark.timeout(120)
def test_hostile_words_of_a_real_record_run_turn_and_pretend_nothing(
    open_page: OpenPage, hostile: Served
) -> None:
    hostile.call(
        "ru",
        "propose-readout",
        {
            "id": "long",
            "title": f"\u202e\u2714 {SPOOF}",
            "held": "2016-09-17T19:00:00Z",
            "parties": ["ru", "us"],
            "text": ("\u202elong\u200b " * 2000)[:10_000],
        },
    )
    page = open_page("/help", at=hostile)
    for view in EVERY_VIEW:
        page.locator(f'nav a[href^="/{view}"]').click()
        page.wait_for_url(f"**/{view}*")
        settle(page)
        check_harmless(page)
    page.goto(f"{hostile.origins['us']}/record?q=drawkcab")
    page.wait_for_selector(".table tbody tr[aria-rowindex]")
    page.keyboard.press("j")
    page.wait_for_function("() => new URLSearchParams(location.search).get('item') !== null")
    page.get_by_text("proven by this page").wait_for()
    check_harmless(page)
    assert "\u27e6U+202E\u27e7" in page.inner_text(".main")  # shown as what it is, and not dropped
    (item,) = (one for one in find_due(hostile, "us", "readout") if one["subject"] == "long")
    page.goto(f"{hostile.origins['us']}/inbox?item=readout:{item['subject']}")
    page.wait_for_function("(words) => document.body.innerText.includes(words)", arg=SPOOF)
    check_harmless(page)
    # What a partner wrote stands apart from what the page says of it, and never in a mark of the page's own.
    own = page.evaluate(
        """() => [...document.querySelectorAll('.badge, .verdict, .banner, .outcome, h1')]
          .map((one) => {
            const own = one.cloneNode(true);
            own.querySelectorAll('bdi').forEach((it) => it.remove());
            return own.textContent;
          }).join('|')"""
    )
    assert "CLEAR" not in own
    assert "drawkcab" not in own
    page.keyboard.press("?")
    page.wait_for_selector("dialog[open]")


# Two tabs, slow and broken lines


def test_what_one_tab_does_another_shows_and_each_keeps_its_own_place(
    open_page: OpenPage, hostile: Served, watch: Watch
) -> None:
    first, other = find_due(hostile, "us")[:2]
    page = open_due(open_page, hostile, first)
    second = page.context.new_page()
    watch.follow(second, hostile.origins["us"])
    moment = "2016-09-17T18:00:00Z"
    second.goto(f"{hostile.origins['us']}/inbox?item=acknowledge:{first['subject']}&t={moment}&lanes=1")
    second.wait_for_selector(".due-line[aria-current]")
    page.keyboard.press("a")
    wait_until_gone(second)
    wait_until_gone(page)
    assert f"t={moment}" in second.url
    assert "t=" not in page.url
    second.goto(f"{hostile.origins['us']}/conflicts?rule=zone")
    page.keyboard.press("j")
    page.wait_for_function("(old) => !location.search.includes(old)", arg=first["subject"])
    assert second.url.endswith("/conflicts?rule=zone")
    assert other["subject"] in {one["subject"] for one in find_due(hostile, "us")}


def test_on_a_slow_line_something_is_seen_and_two_presses_are_one_act(
    open_page: OpenPage, hostile: Served
) -> None:
    item = find_due(hostile, "us")[0]
    said = count_said(hostile, item_kind := "receipt.acknowledge")

    def slow_down(page: Any) -> None:
        line = page.context.new_cdp_session(page)
        line.send("Network.enable")
        line.send("Network.emulateNetworkConditions", SLOW_3G)
        page.add_init_script(
            """window.seen = new Set();
            new MutationObserver(() => {
              for (const name of ['.booting', '.loading', '.outcome']) {
                if (document.querySelector(name)?.textContent.trim()) window.seen.add(name);
              }
            }).observe(document, { childList: true, subtree: true });"""
        )

    page = open_due(open_page, hostile, item, before=slow_down)
    acts: list[str] = []

    def note(request: Any) -> None:
        if request.method == "POST":
            acts.append(urlsplit(request.url).path)

    page.on("request", note)
    # Within one task: before anything can be drawn as pressed.
    page.evaluate(
        """() => {
          const button = document.querySelector('.acts button.primary');
          button.click();
          button.click();
        }"""
    )
    page.keyboard.press("a")
    wait_until_gone(page)
    assert acts == ["/api/acknowledge"]
    assert set(page.evaluate("() => [...window.seen]")) == {".booting", ".loading", ".outcome"}
    assert count_said(hostile, item_kind) == said + 1


def test_an_act_without_an_answer_is_told_as_that_and_said_once(
    open_page: OpenPage, hostile: Served, watch: Watch
) -> None:
    for words in ("ERR_", "net::"):
        watch.expect(words)
    item = find_due(hostile, "us")[0]
    said = count_said(hostile, "receipt.acknowledge")
    tokens: list[str] = []
    reaches = False

    def pull(route: Any) -> None:
        tokens.append(route.request.post_data_json["token"])
        if reaches:
            assert forward(route).status_code == 200
        route.abort("connectionreset")

    page = open_due(open_page, hostile, item)
    page.route("**/api/acknowledge", pull)
    # The question never arrives; the officer is told what is known, loads anew and asks again.
    page.keyboard.press("a")
    page.locator(".acts .error-box").get_by_text(UNKNOWN).wait_for()
    page.reload()
    page.wait_for_selector(".due-line[aria-current]")
    # Now it arrives, and the answer does not; nothing tells the page what became of it.
    page.context.set_offline(True)
    page.locator(".banner").get_by_text("No line to the desk").wait_for()
    reaches = True
    for presses in (2, 3):
        page.keyboard.press("a")
        page.wait_for_function("() => !document.querySelector('.acts [aria-busy=true]')")
        page.locator(".acts .error-box").get_by_text(UNKNOWN).wait_for()
        assert len(tokens) == presses
    assert len(set(tokens)) == 1
    assert "Recorded" not in page.inner_text(".acts")
    assert count_said(hostile, "receipt.acknowledge") == said + 1
    page.context.set_offline(False)
    wait_until_gone(page)


# Sleep, clocks, a silent desk


def test_a_tab_that_slept_and_a_clock_that_is_wrong_show_nothing_old_as_new(
    open_page: OpenPage, hostile: Served, watch: Watch
) -> None:
    watch.expect("ERR_")
    item = find_due(hostile, "us")[0]
    now = datetime.fromisoformat(hostile.look("us", "pulse")["now"])
    held: list[Any] = []

    def begin(page: Any) -> None:
        page.clock.install(time=now + timedelta(days=1, minutes=30))  # this device is a day ahead

        def answer_session(route: Any) -> None:
            answer = forward(route)
            route.fulfill(status=answer.status_code, json=answer.json() | {"exercise": False})

        page.route("**/session", answer_session)

    page = open_due(open_page, hostile, item, before=begin)
    page.locator(".clock").get_by_text("clock is 1 d 0 h off").wait_for()
    shown = datetime.fromisoformat(page.locator(".clock time").get_attribute("datetime"))
    assert abs(shown - datetime.fromisoformat(hostile.look("us", "pulse")["now"])) < timedelta(seconds=20)
    since = page.locator(".due-clock time").first.get_attribute("datetime")
    assert since == item["since"]
    # A day of sleep; meanwhile a partner speaks. On waking nothing has been answered yet.

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/api/**", hold)
    hostile.call("ru", "say", {"thread": "sleep", "text": "Are you awake?", "urgent": True, "to": ["us"]})
    page.clock.fast_forward("24:00:00")
    banner = page.locator(".banner-warn", has_text="What is shown may be old")
    banner.wait_for()
    banner.get_by_text("1 d 0 h ago").wait_for()
    page.locator(".inbox .badge", has_text="Not current").first.wait_for()
    assert "good line" not in page.inner_text(".top-state")
    streams = [one.request.url for one in held if "/api/events" in one.request.url]
    assert streams
    assert all("?after=" in url for url in streams)
    page.unroute("**/api/**")
    for route in held:
        route.continue_()
    banner.wait_for(state="detached")
    page.locator(".due-line", has_text="Are you awake?").wait_for()
    # The clock is set back by two days, and the desk falls silent: that is heard all the same.
    page.clock.set_system_time(now - timedelta(days=1))
    process = hostile.world.processes["us"]
    process.send_signal(signal.SIGSTOP)
    try:
        page.clock.fast_forward(45_000)
        page.locator(".banner", has_text="may be old").or_(
            page.locator(".banner", has_text="cannot hear")
        ).first.wait_for()
    finally:
        process.send_signal(signal.SIGCONT)


def test_a_desk_that_was_killed_is_missed_and_found_again(
    open_page: OpenPage, hostile: Served, watch: Watch
) -> None:
    for words in ("ERR_", "net::"):
        watch.expect(words)
    page = open_page("/inbox", at=hostile)
    page.wait_for_selector(".due-line")
    process = hostile.world.processes["us"]
    process.kill()
    process.wait(10)
    try:
        page.locator(".banner", has_text="No line to the desk").wait_for()
        assert "good line" not in page.inner_text(".top-state")
    finally:
        hostile.world.start("us")
    hostile.world.wait_for("us")
    hostile.call("ru", "say", {"thread": "again", "text": "Back again?", "urgent": True, "to": ["us"]})
    page.locator(".due-line", has_text="Back again?").wait_for()
    page.locator(".banner", has_text="No line to the desk").wait_for(state="detached")
    assert page.locator(".stale-note, .inbox .badge:has-text('Not current')").count() == 0


# A center that lies


def hide_last(world: Any) -> None:
    """Serve the record without its newest entry, as if it had never been."""
    world.center.shown_size = world.center.core.tree.size - 1


def change_last(world: Any) -> None:
    """Serve other bytes than those that were signed for."""
    world.center.lies.add("bad-entry")


def insert_early(world: Any) -> None:
    """Serve another history: an entry stands where none stood, before what came after it."""
    entries = list(world.center.core.entries)
    world.center.rewrite([*entries[:-2], entries[3], *entries[-2:]])


LIES: Final[tuple[tuple[str, Callable[[Any], None], str], ...]] = (
    ("a dropped entry", hide_last, "does not stand up to a check"),
    ("a bad entry", change_last, "does not stand up to a check"),
    ("a back-dated entry", insert_early, "shows different histories"),
)
WATCH_FIRST: Final = """window.unmarked = '';
  new MutationObserver(() => {
    if (document.querySelector('.shell') && !document.querySelector('.banner-bad[role=alert]')) {
      window.unmarked ||= document.querySelector('.shell').innerText.slice(0, 200);
    }
  }).observe(document, { childList: true, subtree: true });"""


@pytest.mark.timeout(120)
def test_a_lying_center_is_marked_before_anything_is_shown_and_over_every_view(
    open_page: OpenPage, hostile: Served, watch: Watch
) -> None:
    watch.expect("ERR_")
    page = open_page("/conflicts", at=hostile)
    narrow = open_page("/conflicts", at=hostile, party="ru", width=390, height=844)
    narrow.add_init_script(WATCH_FIRST)
    for name, lie, words in LIES:
        lie(hostile.world)
        asked = {"thread": "lie", "text": "Nothing of this is to be seen.", "wait_s": 1}
        said = threading.Thread(target=hostile.call, args=("ru", "say", asked))
        if lie is change_last:
            said.start()
        for one in (page, narrow):
            one.locator(".banner-bad[role=alert]", has_text=words).wait_for()
        if lie is change_last:
            said.join()
        # Opened meanwhile: not a moment without it.
        narrow.reload()
        narrow.wait_for_selector(".shell")
        settle(narrow)
        assert narrow.evaluate("() => window.unmarked") == "", name
        for one in (page, narrow):
            banner = one.locator(".banner-bad[role=alert]", has_text=words)
            assert banner.get_by_role("button").count() == 0
            one.keyboard.press("Escape")
            assert "Nothing of this" not in one.inner_text("body")
            assert "good line" not in one.inner_text(".top-state")
        if lie is not insert_early:
            hostile.world.center.be_honest()
            for one in (page, narrow):
                one.locator(".banner-bad[role=alert]").wait_for(state="detached")
    for view in EVERY_VIEW:
        for one in (page, narrow):
            one.locator(f'nav a[href^="/{view}"]').click()
            one.wait_for_url(f"**/{view}*")
            box = one.locator(".banner-bad[role=alert]").first.bounding_box()
            assert box["y"] >= 0, view
            assert box["y"] + box["height"] <= one.viewport_size["height"], view
            assert box["width"] > one.viewport_size["width"] * 0.6, view
    # The truth comes back; what was signed cannot be unsigned.
    hostile.world.center.be_honest()
    page.reload()
    page.locator(".banner-bad[role=alert]", has_text="shows different histories").wait_for()
