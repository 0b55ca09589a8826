"""What is due is found, done and seen to be done; and the alarm is heard when it must be, and else is quiet.

The small world has things due from its beginning; here each page is shown only those that a test made, so
that "nothing is due" can be seen. What is left out is left out of the desk's answer on its way, and the rest
is as the desk says it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from tests.browser.conftest import OpenPage, Served, Watch
from tests.page_scene import circle

LISTEN: Final = """(() => {
  window.heard = { starts: 0, contexts: [], isLet: false };
  window.skip_ms = 0;
  const now = Date.now.bind(Date);
  Date.now = () => now() + window.skip_ms;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...all) { heard.starts += 1; return start.apply(this, all); };
  Object.defineProperty(navigator, "userActivation", { value: { hasBeenActive: false } });
  const Real = window.AudioContext;
  window.AudioContext = class extends Real {
    constructor(...all) { super(...all); heard.contexts.push(this); }
    get state() { return heard.isLet ? super.state : "suspended"; }
    resume() { return heard.isLet ? super.resume() : new Promise(() => {}); }
  };
  for (const name of ["keydown", "pointerdown"]) {
    window.addEventListener(name, () => { heard.isLet = true; }, true);
  }
})()"""
"""Counts the tones that are started, and is a browser that lets no sound before somebody pressed.

Playwright's own questions count as a press for Chromium, so that its own rule never shows here.
"""
SOUNDS: Final = "() => heard.contexts.some((one) => one.state === 'running')"
DONE: Final = "() => /did it:[^]*duty-1/.test(document.querySelector('.due-gone')?.innerText)"


def only(*words: str, held: dict[str, Any] | None = None) -> Callable[[Any], None]:
    """Show, of what is due, the things that tell one of these words; ``held["on"]``: as it was."""

    def handle(route: Any) -> None:
        if held and held.get("on"):
            route.fulfill(body=held["body"], content_type="application/json")
            return
        asked = urlsplit(route.request.url)
        answer = httpx.get(
            f"http://127.0.0.1:{asked.port}{asked.path}",
            headers=route.request.all_headers() | {"host": asked.netloc, "sec-fetch-site": "same-origin"},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        body = json.dumps([one for one in answer.json() if any(word in json.dumps(one) for word in words)])
        if held is not None:
            held["body"] = body
        route.fulfill(body=body, content_type="application/json")

    def start(page: Any) -> None:
        page.context.add_init_script(LISTEN)
        page.context.route("**/api/inbox", handle)

    return start


def say(served: Served, text: str) -> None:
    """Have a partner's officer say something that cannot wait."""
    served.call("ru", "say", {"thread": "inbox-alarm", "text": text, "urgent": True})


def ask_again(page: Any) -> None:
    """Let a page look again at what is due, as it does by itself twice a minute."""
    page.evaluate(
        """async () => {
          const base = document.querySelector('script[type=module]').src.replace(/app\\.js.*$/, '');
          (await import(`${base}views/inbox/due.js`)).askSoon();
        }"""
    )


@pytest.mark.timeout(240)
def test_the_alarm_is_heard_when_it_must_be_and_else_is_quiet(
    open_page: OpenPage, served: Served, watch: Watch
) -> None:
    page = open_page("/help", before=only("inbox-alarm"))
    page.wait_for_function("() => !document.querySelector('.rail a[href^=\"/inbox\"] .count')")
    assert page.locator(".alarm-now, .alarm-deaf, .alarm-muted").count() == 0
    assert page.title() == "Help · entente"

    # It comes by itself, on every view, with a mark on the tab; and says what the browser does not let.
    say(served, "inbox-alarm: two of ours <b>near</b> the road")
    page.wait_for_selector(".alarm-now", timeout=15_000)
    page.wait_for_function(
        "() => document.querySelector('.alarm-barred')?.innerText.includes('press any key')"
    )
    assert "1 urgent · Acknowledge" in page.locator('.alarm-now [role="alert"]').inner_text()
    assert "two of ours <b>near</b> the road" in page.locator(".alarm-first").inner_text()
    assert page.title() == "(1!) Help · entente"
    assert page.locator('link[rel="icon"]').get_attribute("href").startswith("data:image/svg+xml,")
    assert not page.evaluate(SOUNDS)

    # Any key lets it sound; it goes on sounding on another view.
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.wait_for_url("**/record*")
    page.wait_for_function(SOUNDS)
    page.wait_for_function("() => heard.starts > 0")
    assert page.locator(".alarm-sound").inner_text().startswith("♪ sounds here")

    # Muted: silent, and said so; what is new sounds once; it ends by itself.
    page.keyboard.press("M")
    page.wait_for_function(
        "() => document.querySelector('.alarm-sound').innerText.includes('Muted in this tab')"
    )
    page.wait_for_function(f"() => !({SOUNDS})()")
    before = page.evaluate("() => heard.starts")
    say(served, "inbox-alarm: now three")
    page.wait_for_function("(before) => heard.starts > before", arg=before)
    assert page.evaluate("() => heard.starts") < before + 10
    page.wait_for_function("() => document.title.startsWith('(2!) ')")
    page.evaluate("() => { window.skip_ms += 10 * 60_000 - 1000; }")
    page.wait_for_function("() => document.querySelector('.alarm-sound').innerText.includes('sounds here')")
    page.wait_for_function("(before) => heard.starts > before + 10", arg=before)

    _check_tabs(page, watch)

    # One key to it from any view, one key to act; done, it is quiet, and who did it is told.
    for left in ("(1!) ", ""):
        page.keyboard.press("!")
        page.wait_for_selector(".due-detail .acts button")
        page.keyboard.press("a")
        page.wait_for_selector(".due-gone")
        page.wait_for_function("(title) => document.title === title", arg=f"{left}To do · entente")
    assert page.locator(".alarm-now").count() == 0
    page.wait_for_function(f"() => !({SOUNDS})()")
    assert page.locator('link[rel="icon"]').get_attribute("href").endswith("icon.svg")
    page.wait_for_function("() => document.querySelector('.due-gone')?.innerText.includes('duty-1')")
    page.wait_for_function("() => document.querySelector('.due-side')?.innerText.includes('Nothing is due')")


def _check_tabs(page: Any, watch: Watch) -> None:
    """One tab sounds; if it hangs or is closed, the other does."""
    origin = "/".join(page.url.split("/")[:3])
    other = page.context.new_page()
    other.set_default_timeout(40_000)
    watch.follow(other, origin)
    other.goto(f"{origin}/help")
    other.wait_for_selector(".alarm-now")
    other.keyboard.press("Shift")
    here = "() => document.querySelector('.alarm-sound').innerText.includes('sounds here')"
    there = "() => document.querySelector('.alarm-sound').innerText.includes('sounds in another tab')"
    other.wait_for_function(there)
    assert other.evaluate("() => heard.starts") == 0
    # Muted here is not muted there.
    page.keyboard.press("M")
    other.wait_for_function(here)
    assert page.locator(".alarm-sound").inner_text().startswith("⊘ Muted")
    page.keyboard.press("M")
    page.wait_for_function(there)
    # The one that sounds hangs.
    session = other.context.new_cdp_session(other)
    session.send("Debugger.enable")
    session.send("Debugger.pause")
    page.wait_for_function(here, timeout=15_000)
    session.send("Debugger.resume")
    session.send("Debugger.disable")
    other.wait_for_function(there)
    page.keyboard.press("M")
    other.wait_for_function(here)
    page.keyboard.press("M")
    other.close()
    page.wait_for_function(here)


def test_a_page_that_cannot_hear_says_so_and_sounds(open_page: OpenPage, watch: Watch) -> None:
    watch.expect("console: Failed to load resource")
    watch.expect("ERR_INTERNET_DISCONNECTED")
    page = open_page("/help", before=only("of nobody"))
    page.wait_for_function("() => !document.querySelector('.rail a[href^=\"/inbox\"] .count')")
    page.keyboard.press("Shift")
    page.context.set_offline(True)
    page.wait_for_selector(".banner-warn")
    assert page.locator(".alarm-deaf").count() == 0, "a line that comes back at once is no news"
    page.evaluate("() => { window.skip_ms = 9000; }")
    page.wait_for_selector(".alarm-deaf")
    assert page.title() == "(?) Help · entente"
    assert "no alarm can reach you here" in page.locator(".alarm-deaf").inner_text()
    page.wait_for_function(SOUNDS)
    page.wait_for_function("() => heard.starts > 0")
    page.context.set_offline(False)
    page.wait_for_selector(".alarm-deaf", state="detached")
    page.wait_for_function(f"() => !({SOUNDS})()")
    assert page.title() == "Help · entente"


@pytest.mark.timeout(240)
def test_each_thing_is_done_by_one_key_or_two_clicks_and_once(
    open_page: OpenPage, served: Served, watch: Watch
) -> None:
    watch.expect("status of 403")  # the second of two officers is refused
    lane = circle(33.40, 44.90, 9_000, 2_000, 4_000, (90.0, 92.0))
    served.call(
        "ru",
        "notify",
        {
            "id": "inbox-lane",
            "activity": "air",
            "title": "Lane",
            "armed": False,
            "volumes": [msgspec.to_builtins(lane)],
            "concurrence": ["us"],
        },
    )
    leaf = _wait_for(served, "read-back")["subject"]
    held: dict[str, Any] = {}
    first = open_page(f"/inbox?item=read-back:{leaf}", before=only("inbox-lane"))
    second = open_page(
        f"/inbox?item=read-back:{leaf}",
        officer="duty-2",
        before=only("inbox-lane", "confrontation", held=held),
    )
    for page in (first, second):
        # Our words for the place beside a map of it, with both told apart.
        page.wait_for_selector(".readback svg .place-read")
        assert "of Baladrūz" in page.locator(".readback textarea").input_value()
        assert page.locator(".readback .field-hint").inner_text().startswith("33.4")

    # One key.
    first.click(".due-line:has-text('Acknowledge')")
    first.wait_for_selector(".acts button:has-text('Acknowledge')")
    first.keyboard.press("a")
    first.wait_for_function(DONE)
    first.click(".due-line:has-text('Read back')")
    first.wait_for_selector(".readback svg .place-read")

    # Both at once: it is said once, and the second is told who was first.
    held["on"] = True
    first.keyboard.press("r")
    first.wait_for_function(DONE)
    second.keyboard.press("r")
    second.wait_for_selector(".readback .error-box")
    assert "duty-1" in second.locator(".readback .error-box").inner_text()
    held["on"] = False
    ask_again(second)
    second.wait_for_function("() => document.querySelector('.due-gone')?.innerText.includes('duty-1')")

    # Two clicks: the line, the act. The other officer has the same before him, and presses a little later.
    second.click(".due-line:has-text('Agree or object')")
    second.wait_for_selector(".acts button:has-text('Agree')")
    held["on"] = True
    first.click(".due-line:has-text('Agree or object')")
    first.click(".acts button:has-text('Agree')")
    first.wait_for_function(DONE)
    second.keyboard.press("c")
    second.wait_for_selector(".acts .error-box")
    assert "duty-1" in second.locator(".acts .error-box").inner_text()
    held["on"] = False
    first.wait_for_function("() => document.querySelector('.due-side')?.innerText.includes('Nothing is due')")
    answers = [one for one in served.look("us", "done", limit="20") if one["kind"] == "activity.concur"]
    assert [one["officers"] for one in answers if "inbox-lane" in json.dumps(one)] == [["duty-1"]]

    # Seen by an officer, what confronts us stays listed and is urgent no more.
    second.keyboard.press("!")
    second.click(".due-line:has-text('Armed things')")
    second.wait_for_selector(".acts button:has-text('We have seen it')")
    second.keyboard.press("s")
    second.wait_for_selector(".alarm-now", state="detached")
    second.wait_for_function("() => document.querySelector('.sides')?.innerText.includes('duty-2')")
    served.call("ru", "close", {"id": "inbox-lane", "outcome": "cancelled"})


def _wait_for(served: Served, kind: str) -> Any:
    """Return what is due about our lane, once the desk has it."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for one in served.look("us", "inbox"):
            if one["kind"] == kind and "inbox-lane" in json.dumps(one):
                return one
    raise AssertionError(f"inbox: expected {kind!r} about the lane, found none")
