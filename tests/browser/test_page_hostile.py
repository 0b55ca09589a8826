"""Whatever a partner, a center or a broken desk says is text: it runs, turns and hides nothing.

The desk's answers are changed on their way to the page: every text in them, on every view, is replaced, so
that no field is forgotten, and none that comes later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest

from tests.browser.conftest import OpenPage, Watch

VIEWS: Final = ("map", "inbox", "talk", "conflicts", "release", "blind", "terms", "record", "help")
"""Every view; the rail leads to each."""
MARKUP: Final = (
    "<img src=x onerror=\"window.hit='img'\"><svg onload=\"window.hit='svg'\">"
    "<script>window.hit='script'</script>\"' onmouseover=window.hit='attr' style=position:fixed;inset:0 "
    "javascript:window.hit='url' {{constructor}} ${7*7}"
)
"""What would run, were it ever taken for markup, an attribute, an address or a template."""
MARKS: Final = "\u202e\u2066\u200b\u200f\u061c\u00ad\ufeff\u2028\u0000\u0007\u0085\U000e0041\u115f\u3164"
"""What turns or hides the text around it, or has no width."""
SHOWN: Final = re.compile(
    "[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\U000e0000-\U000e0fff]"
)
"""What must never reach the screen from somebody else's words."""
AS_OBJECT: Final = {"type": "b", "props": {"dangerouslySetInnerHTML": {"__html": MARKUP}}, "__b": 1, "__v": 1}
"""What older preacts take for an element of their own, where a text is expected."""
# A text whose form the page computes with; changed, it only says that the desk itself is broken.
KEPT: Final = re.compile(r"^(?:[a-z0-9._:|?+-]{1,80}|[0-9a-f]{64}|\d{4}-\d\d-\d\dT[\d:.]+Z|)$")


def poison(value: Any, text: str, *, every: bool) -> Any:
    """Return an answer whose free texts are ``text``; with ``every``, all of its texts."""
    if isinstance(value, dict):
        return {name: poison(one, text, every=every) for name, one in value.items()}
    if isinstance(value, list):
        return [poison(one, text, every=every) for one in value]
    if isinstance(value, str) and (every or not KEPT.match(value)):
        return f"{value[:20]} {text}"
    return value


def between(change: Callable[[Any], Any]) -> Callable[[Any], None]:
    """Change every answer of the desk on its way to the page."""

    def handle(route: Any) -> None:
        if route.request.resource_type == "eventsource":
            route.continue_()
            return
        # By the address's number: the name that the browser gives the desk is its own, not a resolver's. And
        # whatever the browser adds on its own account, this asks for the same origin.
        asked = urlsplit(route.request.url)
        answer = httpx.request(
            route.request.method,
            f"http://127.0.0.1:{asked.port}{asked.path}?{asked.query}",
            headers=route.request.all_headers() | {"host": asked.netloc, "sec-fetch-site": "same-origin"},
            content=route.request.post_data_buffer,
            timeout=30,
        )
        assert answer.status_code in {200, 404}, answer.text
        try:
            body = json.dumps(change(answer.json())).encode()
        except ValueError:
            body = answer.content
        route.fulfill(status=answer.status_code, body=body, content_type=answer.headers["content-type"])

    def start(page: Any) -> None:
        page.route("**/api/**", handle)

    return start


def settle(page: Any) -> None:
    """Wait until the view is drawn: its answers, good or bad, have come."""
    page.wait_for_function("() => document.querySelector('.main > *, .kept-on > *')")
    page.wait_for_function("() => !document.querySelector('.main .loading')")


def check_harmless(page: Any) -> None:
    """Hold that nothing ran and nothing was hidden or turned."""
    assert page.evaluate("() => window.hit ?? null") is None
    made = page.evaluate(
        """() => [...document.querySelectorAll(
          'img[src=x], script:not([src]), iframe, [onerror], [onload], [onmouseover], a[href^="javascript:"]'
        )].map((one) => one.outerHTML.slice(0, 200))"""
    )
    assert made == []
    shown = page.evaluate("() => document.body.innerText")
    found = SHOWN.search(shown)
    assert found is None, f"{found.group()!r} in {shown[max(0, found.start() - 40) : found.end() + 40]!r}"
    named = page.evaluate(
        """() => [...document.querySelectorAll('[aria-label],[title],[alt],[placeholder]')].map((one) =>
          ['aria-label', 'title', 'alt', 'placeholder'].map((name) => one.getAttribute(name) ?? '').join(' ')
        ).join(' ')"""
    )
    assert SHOWN.search(named) is None, named
    assert SHOWN.search(page.title()) is None


def go_through(page: Any, views: Iterable[str] = VIEWS) -> Iterator[str]:
    """Go from view to view in one page, as an officer does."""
    for view in views:
        page.locator(f'nav a[href^="/{view}"]').click()
        page.wait_for_url(f"**/{view}*")
        settle(page)
        yield view


@pytest.mark.timeout(180)
def test_no_text_of_an_answer_is_ever_taken_for_more_than_text(open_page: OpenPage, watch: Watch) -> None:
    page = open_page("/help", before=between(lambda plain: poison(plain, MARKUP + MARKS, every=False)))
    for _view in go_through(page):
        check_harmless(page)
    # Every text, names and states included: the page may say that it cannot go on, and runs nothing.
    watch.expect("console:")
    page.unroute_all(behavior="ignoreErrors")
    between(lambda plain: poison(plain, MARKUP + MARKS, every=True))(page)
    page.reload()
    page.wait_for_selector(".shell")
    for _view in go_through(page):
        check_harmless(page)


@pytest.mark.timeout(120)
def test_an_object_where_a_text_is_meant_is_no_element(open_page: OpenPage, watch: Watch) -> None:
    def change(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: change(one) for name, one in value.items()}
        if isinstance(value, list):
            return [change(one) for one in value]
        return AS_OBJECT if isinstance(value, str) and not KEPT.match(value) else value

    watch.expect("console:")
    page = open_page("/help", before=between(change))
    for view in go_through(page):
        assert page.evaluate("() => window.hit ?? null") is None, view
        made = page.evaluate("() => document.querySelectorAll('img[src=x], script:not([src])').length")
        assert made == 0, view


@pytest.mark.timeout(120)
def test_a_megabyte_in_each_text_leaves_the_page_at_work(open_page: OpenPage) -> None:
    size = 0

    def change(value: Any) -> Any:
        nonlocal size
        size = 0
        return lengthen(value)

    def lengthen(value: Any) -> Any:
        nonlocal size
        if isinstance(value, dict):
            return {name: lengthen(one) for name, one in value.items()}
        if isinstance(value, list):
            return [lengthen(one) for one in value]
        if isinstance(value, str) and not KEPT.match(value) and size < 6:
            size += 1
            return "long " * 200_000
        return value

    page = open_page("/help", before=between(change))
    for view in go_through(page, ("conflicts", "record", "release")):
        assert page.evaluate("() => document.body.innerText.length") < 400_000, view
        page.keyboard.press("?")
        page.wait_for_selector("dialog[open]")
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog[open]", state="detached")


def test_what_begins_a_formula_is_no_formula_in_a_spreadsheet(open_page: OpenPage) -> None:
    page = open_page("/help")
    lines = page.evaluate(
        """async () => {
          const base = document.querySelector('script[type=module]').src.replace(/app\\.js.*$/, '');
          const { toCsv } = await import(base + 'parts/export.js');
          const columns = ['a', 'n'].map((key) => ({ key, label: key, get: (row) => row[key] }));
          const rows = [{ a: '=cmd|x', n: -5 }, { a: '@SUM(1)', n: 1 }, { a: 'a,"b"\\u202e', n: 2 }];
          return toCsv(columns, rows);
        }"""
    )
    assert lines == '\ufeffa,n\r\n\'=cmd|x,-5\r\n\'@SUM(1),1\r\n"a,""b""⟦U+202E⟧",2\r\n'
