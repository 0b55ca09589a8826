"""Fixtures of the suite that looks at the page as an officer does: a real Chromium, desk and record.

One world and one Chromium serve the whole suite (`tests.page_scene`), so that a test changes only things of
its own making, or says so by its order. Each page that `open_page` gives is watched: a violation of the
content security policy, an error on the console, an exception, a request to anywhere else fails the test at
its end.

Without Chromium or Playwright the suite is skipped, and says why.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest

from tests.page_scene import make_small_world
from tests.page_world import World

CHROMIUM: Final = shutil.which(os.environ.get("CHROMIUM", "chromium"))
# No GPU: ANGLE's software renderer, named outright since Chromium's own fall-back to it is going away.
FLAGS: Final = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
AXE: Final = (
    Path(__file__).resolve().parents[2] / "tools" / "page" / "node_modules" / "axe-core" / "axe.min.js"
)

OpenPage = Callable[..., Any]


class Served:
    """A world with desks as processes: ``urls`` by party, and ``origins`` once somebody is invited."""

    def __init__(self, world: World, urls: dict[str, str]) -> None:
        self.world = world
        self.urls = urls
        self.origins: dict[str, str] = {}

    def token(self, party: str) -> dict[str, str]:
        """Return the header with a desk's own token."""
        return {"authorization": f"Bearer {(self.world.root / party / 'token').read_text().strip()}"}

    def call(self, party: str, verb: str, body: dict[str, Any] | None = None) -> Any:
        """Ask a desk behind the page's back, with its token: what a partner's officer does elsewhere."""
        url = f"{self.urls[party]}/api/{verb}"
        if body is None:
            answer = httpx.get(url, headers=self.token(party), timeout=60)
        else:
            answer = httpx.post(url, headers=self.token(party), json={"officer": "duty-1"} | body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def look(self, party: str, verb: str, **asked: str) -> Any:
        """Look something up at a desk behind the page's back."""
        url = f"{self.urls[party]}/api/{verb}"
        answer = httpx.get(url, params=asked, headers=self.token(party), timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def invite(self, party: str, officer: str, *roles: str) -> str:
        """Return a link that signs an officer in once."""
        answer = httpx.post(
            f"{self.urls[party]}/session/invite",
            headers=self.token(party),
            json={"officer": officer, "roles": list(roles)},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        url = str(answer.json()["url"])
        parts = urlsplit(url)
        self.origins[party] = f"{parts.scheme}://{parts.netloc}"
        return url


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The small world, with the desks of ``us`` and ``ru`` as processes."""
    world = make_small_world(tmp_path_factory.mktemp("world"), is_served=True)
    with world.serving("us", "ru") as urls:
        yield Served(world, urls)


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A world of its own, whose partners write hostile words, to be lied to, cut off and killed."""
    world = make_small_world(tmp_path_factory.mktemp("hostile"), is_served=True, is_hostile=True)
    with world.serving("us", "ru") as urls:
        yield Served(world, urls)


_OPEN: Final[list[Callable[[], None]]] = []
"""How to end the browser that is open."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """End the browser after the last of these tests.

    Playwright keeps an event loop running in the thread that started it: any later test in the same process
    that runs a loop of its own would be refused one.
    """
    yield
    if nextitem is None or Path(__file__).parent not in nextitem.path.parents:
        while _OPEN:
            _OPEN.pop()()


@pytest.fixture(scope="session")
def chromium() -> Any:
    """The one browser."""
    if CHROMIUM is None:
        pytest.skip("no browser: expected chromium (Debian's package) on the path, or named in CHROMIUM")
    sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright: expected the dev group")
    play = sync_api.sync_playwright().start()
    _OPEN.append(play.stop)
    browser = play.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
    _OPEN.append(browser.close)
    return browser


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell failures here in Python's own form.

    Playwright switches stacks under the interpreter, and CPython 3.11 then miscounts the depth of a parse
    (`SystemError: AST constructor recursion depth mismatch`): pytest, which parses the source of what failed,
    would end the whole run.
    """
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.repr_failure = partial(_tell_plainly, item)  # type: ignore[method-assign]


def _tell_plainly(item: pytest.Item, failure: pytest.ExceptionInfo[BaseException], **_style: Any) -> Any:
    return item._repr_failure_py(failure, style="native")


class Watch:
    """What went wrong on a page, as the browser tells it."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.expected: list[str] = []

    def follow(self, page: Any, origin: str) -> None:
        """Listen to a page of ours from its first byte."""

        def on_console(message: Any) -> None:
            if message.type == "error" or "Content Security Policy" in message.text:
                self._tell(f"console: {message.text}")

        def on_request(request: Any) -> None:
            parts = urlsplit(request.url)
            if parts.scheme not in {"data", "blob"} and f"{parts.scheme}://{parts.netloc}" != origin:
                self._tell(f"foreign request: {request.url}")

        def on_dialog(dialog: Any) -> None:
            self._tell(f"dialog: {dialog.message}")
            dialog.dismiss()

        page.on("console", on_console)
        page.on("pageerror", lambda error: self._tell(f"exception: {error}"))
        page.on("request", on_request)
        page.on("dialog", on_dialog)

    def expect(self, words: str) -> None:
        """Say that faults with these words are part of the test, such as a line that we cut."""
        self.expected.append(words)

    def _tell(self, words: str) -> None:
        self.faults.append(words)

    def left(self) -> list[str]:
        """Return what nobody expected."""
        return [fault for fault in self.faults if not any(words in fault for words in self.expected)]


@pytest.fixture(scope="session")
def signed_in(chromium: Any) -> Callable[[Served, str, str], Any]:
    """Sign an officer in, once for the whole suite, and give what his browser keeps."""
    kept: dict[tuple[int, str, str], Any] = {}

    def sign_in(at: Served, party: str, officer: str) -> Any:
        if (id(at), party, officer) not in kept:
            context = chromium.new_context()
            page = context.new_page()
            page.goto(at.invite(party, officer, "look", "duty", "release", "chief"))
            page.get_by_role("button", name="Not now").click()
            page.wait_for_selector(".shell", timeout=30_000)
            kept[id(at), party, officer] = context.storage_state()
            context.close()
        return kept[id(at), party, officer]

    return sign_in


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Watch every page of a test, and fail it for what nobody expected."""
    found = Watch()
    yield found
    assert found.left() == []


@pytest.fixture
def open_page(
    chromium: Any,
    request: pytest.FixtureRequest,
    signed_in: Callable[[Served, str, str], Any],
    watch: Watch,
) -> Iterator[OpenPage]:
    """Open the page as an officer: ``open_page("/map", party="us", officer="duty-1", width=390)``.

    At the world of the whole suite, or ``at`` another.
    """
    contexts: list[Any] = []

    def open_one(
        path: str,
        *,
        party: str = "us",
        officer: str = "duty-1",
        width: int = 1440,
        height: int = 900,
        dark: bool = False,
        locale: str = "en-GB",
        before: Callable[[Any], None] | None = None,
        at: Served | None = None,
    ) -> Any:
        at = at or request.getfixturevalue("served")
        state, origin = signed_in(at, party, officer), at.origins[party]
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            locale=locale,
            storage_state=state,
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(40_000)
        watch.follow(page, origin)
        if before is not None:
            before(page)
        page.goto(origin + path)
        page.wait_for_selector(".shell")
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def axe() -> Callable[[Any], list[str]]:
    """Tell what axe-core finds serious or critical on a page."""
    if not AXE.is_file():
        pytest.skip(
            f"no axe-core: expected {AXE.name} under tools/page/node_modules (make page-tools; needs npm)"
        )
    source = AXE.read_text()

    def examine(page: Any) -> list[str]:
        # Evaluated by the debugger, since the page's own policy lets no script in.
        page.evaluate(source)
        found = page.evaluate("() => axe.run(document, { resultTypes: ['violations'] })")
        return [
            f"{one['impact']}: {one['id']}: {one['help']}: "
            + "; ".join(
                f"{node['target']} {node.get('failureSummary', '')[:200]}" for node in one["nodes"][:3]
            )
            for one in found["violations"]
            if one["impact"] in {"serious", "critical"}
        ]

    return examine
