"""Signing in as an officer does: a link that opens once, a passkey (Chromium has a virtual one), and out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

import pytest

END: Final = """() => fetch('/session/end',
    {method: 'POST', headers: {'content-type': 'application/json'}, body: '{}'})"""


@pytest.fixture
def page(chromium: Any, served: Any, watch: Any) -> Iterator[Any]:
    """A page of a phone's size with a device that holds passkeys and whose owner confirms."""
    link = served.invite("ru", "duty-3", "look", "duty")
    context = chromium.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    found = context.new_page()
    found.set_default_timeout(20_000)
    watch.follow(found, served.origins["ru"])
    devices = context.new_cdp_session(found)
    devices.send("WebAuthn.enable")
    device = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
    confirming = {"hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True}
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": device | confirming})
    found.link = link
    yield found
    context.close()


def read(page: Any, path: str) -> Any:
    """Ask the desk as the page does."""
    script = "(path) => fetch(path).then((one) => one.json().then((body) => [one.status, body]))"
    return page.evaluate(script, path)


def test_a_link_opens_once_and_a_passkey_opens_then(page: Any, served: Any, watch: Any) -> None:
    watch.expect("status of 403")
    watch.expect("status of 401")
    origin = served.origins["ru"]
    page.goto(page.link.replace("/signin#", "/signin?back=/help#"))
    page.get_by_role("button", name="Add a passkey for this device").click()
    page.wait_for_selector(".shell")
    assert "#" not in page.url
    status, me = read(page, "/session")
    assert (status, me["officer"], me["method"], me["roles"]) == (200, "duty-3", "link", ["duty", "look"])

    page.evaluate(END)
    page.goto(f"{origin}/signin?back=/help")
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_selector(".shell")
    assert page.url == f"{origin}/help"
    status, me = read(page, "/session")
    assert (status, me["officer"], me["method"]) == (200, "duty-3", "passkey")

    page.goto(page.link.replace("/signin#", "/signin?again=1#"))
    page.get_by_role("alert").wait_for()
    assert "opens once" in page.get_by_role("alert").inner_text()
    width = page.evaluate("() => document.documentElement.scrollWidth")
    assert width <= 390


def test_back_leads_nowhere_else(page: Any, served: Any) -> None:
    origin = served.origins["ru"]
    # Where it leads is the question, not what is drawn there.
    page.route("**/app.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    for back in ("//evil.example/x", "/\\evil.example", "https://evil.example/", "javascript:alert(1)"):
        link = served.invite("ru", "duty-3", "look")
        secret = link.partition("#")[2]
        page.goto("about:blank")
        page.goto(f"{origin}/signin?{urlencode({'back': back})}#{secret}")
        page.get_by_role("button", name="Not now: open the page").click()
        page.wait_for_url(f"{origin}/", wait_until="commit")
