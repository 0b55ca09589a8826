"""A release at the page, from a report to its recall: two officers in two browsers, and what a partner sees.

Reports and purposes are of this suite's own names; what is given stays in the shared record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import httpx
import pytest

from tests.browser.conftest import OpenPage, Served
from tests.release_desks import CANARY, make_report

PURPOSES: Final = """
[[purpose]]
id = "night-watch"
words = "both officers"
to = ["ru", "un"]
onward = "ask"
two_officers = ["AMBER"]
[[purpose]]
id = "only-un"
words = "one recipient"
to = ["un"]
onward = "ask"
"""
SECRETS: Final = (CANARY, "our-post", "post-site", "hill-", "night-seen", "observation-post", "36.5512")
"""Names of report, source, secret and method, what lies in private fields, and the place to the metre."""


def load(served: Served, kind: str, text: str) -> None:
    served.call("us", "release-load", {"kind": kind, "text": text})


def load_report(served: Served, text: str) -> None:
    report = make_report("night-seen", at=(36.5512, 41.6234), text=text)
    load(served, "reports", f"entente-reports = 1\n{report}")


def say_yes_behind(served: Served, plan: int, sha256: str) -> httpx.Response:
    """Have the second officer say yes to a digest, past the page."""
    return httpx.post(
        f"{served.urls['us']}/api/release-send",
        headers=served.token("us"),
        json={"officer": "duty-2", "plan": plan, "sha256": sha256},
        timeout=60,
    )


def find_plan(page: Any) -> int:
    found = re.search(r"item=(\d+)", page.url)
    assert found is not None, page.url
    return int(found[1])


@pytest.fixture(name="stocked")
def stock(served: Served) -> Iterator[Served]:
    load(served, "purposes", PURPOSES)
    load_report(served, "An aircraft was seen.")
    yield served
    for name in ("night-watch", "only-un"):
        served.call("us", "release-drop", {"shelf": "purpose", "name": name})
    served.call("us", "release-drop", {"shelf": "report", "name": "night-seen"})


def test_a_release_from_its_report_to_its_recall(
    stocked: Served, open_page: OpenPage, axe: Callable[[Any], list[str]]
) -> None:
    served = stocked
    first = open_page("/release?new=1&report=night-seen&to=ru,un&purpose=night-watch")
    # Compose: the text is chosen; planning sends nothing.
    first.get_by_label("Text that goes with it (tear line)").select_option("press")
    first.get_by_role("button", name="Plan it (nothing leaves)").click()
    first.wait_for_selector(".release-made")
    plan = find_plan(first)
    assert first.locator(".release-made li").count() == 2
    # The report beside what each of the two would get, and what it would teach each.
    first.get_by_text("private, never goes out").wait_for()
    assert CANARY in first.locator(".release-original").inner_text()
    variants = first.locator(".release-columns > section:not(.release-original)")
    assert variants.count() == 2
    for at in range(2):
        text = variants.nth(at).inner_text()
        assert "a square of" in text
        assert not any(secret in text for secret in SECRETS)
    bars = first.locator("figure.release-bars")
    assert bars.count() >= 2
    for at in range(bars.count()):
        label = bars.nth(at).locator("svg").get_attribute("aria-label")
        assert re.search(r"before [\d.]+ %, after [\d.]+ %, at worst [\d.]+ %; budget 50 %", label), label
        assert "points of the budget are left" in bars.nth(at).inner_text()
    steps = first.locator(".release-chain > li strong").all_inner_texts()
    for name in ("purpose", "label", "veto", "level", "budget", "officers", "hold"):
        assert any(name in step for step in steps), (name, steps)
    assert axe(first) == []
    check_the_second_officer(served, first, open_page, plan)


def check_the_second_officer(served: Served, first: Any, open_page: OpenPage, plan: int) -> None:
    first.get_by_role("button", name="Say yes: release to ru").click()
    first.get_by_text("1 of 2 officers have said yes.").wait_for()
    second = open_page(f"/release?tab=plans&item={plan}", officer="duty-2")
    second.get_by_text("1 of 2 officers have said yes.").wait_for()
    digests = [page.locator(".release-digest").inner_text() for page in (first, second)]
    assert digests[0] == digests[1] != ""
    assert "duty-1" in second.locator(".release-yeses").inner_text()
    sha256 = served.look("us", "release-explain", plan=str(plan))["plan"]["sha256"]
    # A yes to anything but what stands there is refused.
    answer = say_yes_behind(served, plan, "0" * 64)
    assert (answer.status_code >= 400, answer.json()["code"]) == (True, "other-plan")
    # The report changes between the two: the second is told before he can say yes; his yes sends nothing.
    second.get_by_role("button", name="Say yes: release to ru").wait_for()
    load_report(served, "A transport was seen.")
    second.get_by_text("A yes would send nothing").wait_for()
    assert second.get_by_role("button", name="Say yes: release to ru").count() == 0
    assert "changed while you looked" in second.locator(".release-standing").inner_text()
    assert say_yes_behind(served, plan, sha256).json()["state"] == "stale"
    for page in (first, second):
        page.locator(".release-detail > .row .badge", has_text="out of date, plan again").wait_for()
    assert not [one for one in served.look("us", "release-items") if one["report"] == "night-seen"]
    # The nearest way out: planned anew, both say yes, and it stands in the record.
    first.locator(".release-ways li").first.get_by_role("button", name="Plan it (nothing leaves)").click()
    first.wait_for_function("() => document.querySelectorAll('.release-made li').length === 1")
    again = find_plan(first)
    assert again != plan
    first.get_by_role("button", name="Say yes: release to ru").click()
    first.get_by_text("1 of 2 officers have said yes.").wait_for()
    second.goto(re.sub(r"item=\d+", f"item={again}", second.url))
    second.get_by_role("button", name="Say yes: release to ru").click()
    for page in (second, first):
        page.locator(".release-detail > .row .badge", has_text="in the record").wait_for()


def test_an_item_is_recalled_explained_and_seen_as_its_holder_sees_it(
    stocked: Served, open_page: OpenPage, axe: Callable[[Any], list[str]]
) -> None:
    served = stocked
    load_report(served, "Two aircraft were seen.")
    (made,) = served.call(
        "us",
        "release-plan",
        {"report": "night-seen", "to": ["ru"], "purpose": "night-watch", "note": "by phone"},
    )
    yes = {"plan": made["plan"], "sha256": made["sha256"]}
    assert served.call("us", "release-send", yes)["state"] == "planned"
    assert served.call("us", "release-send", yes | {"officer": "duty-2"})["state"] == "recorded"
    item = next(one for one in served.look("us", "release-items") if one["plan"] == made["plan"])
    page = open_page(f"/release?tab=items&item={item['index']}")
    given = page.locator(".release-hops .release-rungs").first
    given.get_by_text("on its desk").first.wait_for()
    # Recalled, and how far that came with its holder, as that signs it.
    page.get_by_label("Words").fill("another aircraft")
    page.get_by_role("button", name="Recall it from ru").click()
    page.get_by_role("alert").get_by_text("Recalled: do not use it any more.").wait_for()
    recalled = page.locator(".release-hops .release-rungs").nth(1)
    recalled.get_by_text("on its desk").wait_for()
    recalled.get_by_text("no officer there has acknowledged it").wait_for()
    (hop,) = served.look("us", "release-holders", item=item["leaf"])
    served.call("ru", "acknowledge", {"messages": [hop["recall"]["leaf"]]})
    recalled.get_by_text("acknowledged by its officer").wait_for()
    # Why the holder can see it: the chain of the plan that gave it.
    page.get_by_text("Why can ru see this?").click()
    page.locator(".release-chain").get_by_text("The label").wait_for()
    chain = page.locator(".release-chain").inner_text()
    for words in ("'night-watch' names ru", "duty-1 said yes", "duty-2 said yes", "never given back"):
        assert words in chain
    assert axe(page) == []
    # As the holder sees it: what left, and not a byte of what it was made from.
    with page.expect_response(lambda one: "/api/release-as" in one.url) as told_as:
        page.get_by_role("link", name="View as a partner").click()
    frame = page.locator(".release-frame")
    frame.get_by_text("by phone").first.wait_for()
    assert "RECALLED" in frame.inner_text()
    shown = page.content() + told_as.value.text()
    assert [secret for secret in SECRETS if secret in shown] == []
    assert axe(page) == []
    check_what_was_given_already_and_what_is_saved(served, page, made["plan"])


def check_what_was_given_already_and_what_is_saved(served: Served, page: Any, plan: int) -> None:
    """What was given opens as the old plan that it is; a no says the way out; every charge is saved."""
    page.goto(page.url.partition("?")[0] + "?new=1&report=night-seen&to=ru&purpose=night-watch")
    page.get_by_role("button", name="Plan it (nothing leaves)").click()
    page.get_by_text(f"plan {plan} is an old one").wait_for()
    page.goto(page.url.partition("?")[0] + "?new=1&report=night-seen&to=un&purpose=only-un")
    page.get_by_label("un United Nations").uncheck()
    page.get_by_label("ru Russian Federation").check()
    load_report(served, "Three aircraft were seen.")
    page.get_by_role("button", name="Plan it (nothing leaves)").click()
    page.get_by_text("Nothing can leave for ru.").wait_for()
    assert "night-watch" in page.locator(".release-ways").inner_text()
    assert "STOPS HERE" in page.locator(".release-chain").inner_text()
    page.goto(page.url.partition("?")[0] + "?tab=ledger&who=ru")
    page.locator(".release-scroll .menu summary").click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="All charges (CSV)").click()
    rows = saved.value.path().read_text(encoding="utf-8-sig").splitlines()
    charges = served.look("us", "release-ledger", recipient="ru", limit="500")["charges"]
    assert len(rows) == 1 + len(charges) > 1
    assert rows[0].startswith("id,at,secret,pool,recipient")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(page.url.partition("?")[0] + f"?tab=plans&item={plan}")
    page.locator(".release-chain").wait_for()
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
