"""What the browser itself refuses the page: markup and code made of text, anything foreign, being framed.

Were a partner's words ever taken for more than text, these are the walls behind the first. Each attempt is
made from within the page; it must come to nothing, and be told: what is refused in silence is not found.
"""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import OpenPage, Served, Watch
from tests.browser.test_page_record import read_script


class Foreign:
    """Another site on this machine: what it is asked for, and its page that frames and opens ours."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.html = ""
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                body = site.html.encode()
                self.send_response(200)
                self.send_header("content-type", "text/html")
                self.send_header("access-control-allow-origin", "*")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def foreign() -> Iterator[Foreign]:
    site = Foreign()
    yield site
    site.stop()


def test_markup_code_and_whatever_is_foreign_is_refused_and_told(
    open_page: OpenPage, watch: Watch, foreign: Foreign
) -> None:
    # The browser tells of each on its console; what it asks for and then refuses itself counts in `foreign`.
    for words in (
        "Content Security Policy",
        "foreign request",
        "TrustedTypePolicy",
        "exception: TypeError",
        "'Trusted",
    ):
        watch.expect(words)
    page = open_page("/help")
    became = page.evaluate(read_script("shell_attempts.js"), [foreign.url])
    assert became["open"] == []
    assert became["hits"] == 0
    assert became["isWhole"]
    assert foreign.asked == []
    # And whoever looks on sees it, which is what lets every other test here fail on one.
    for words in ("Content Security Policy", "'TrustedHTML'", "'TrustedScript'"):
        assert any(words in fault for fault in watch.faults), words


def test_no_file_of_ours_stays_behind_as_a_service_worker(open_page: OpenPage, watch: Watch) -> None:
    watch.expect("403")
    page = open_page("/help")
    became = page.evaluate(
        """async () => {
          const file = document.querySelector('script[type=module]').src.replace('app.js', 'core/safe.js');
          try {
            await navigator.serviceWorker.register(file, { type: 'module' });
          } catch (error) {
            return String(error);
          }
          return 'registered';
        }"""
    )
    assert "403" in became, became
    assert page.evaluate("async () => (await navigator.serviceWorker.getRegistrations()).length") == 0


def test_another_site_neither_frames_nor_holds_the_page(
    open_page: OpenPage, chromium: Any, foreign: Foreign, served: Served
) -> None:
    open_page("/help")  # somebody is signed in, so that the desk's name is known
    ours = served.origins["us"]
    foreign.html = f'<iframe src="{ours}/help"></iframe><iframe src="{ours}/api/pulse"></iframe>'
    context = chromium.new_context()
    page = context.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.goto(foreign.url)
    assert "/" in foreign.asked
    assert len(page.frames) == 3
    for frame in page.frames[1:]:
        frame.wait_for_load_state()
        assert frame.url.startswith("chrome-error:"), frame.url
    assert sum("frame-ancestors" in words for words in refused) == 2, refused
    with page.expect_popup() as opened:
        page.evaluate("(url) => { window.held = window.open(url); }", f"{ours}/help")
    opened.value.wait_for_url("**/signin*")  # nor does it come with his session
    assert opened.value.evaluate("() => window.opener") is None
    page.wait_for_function("() => window.held.closed")  # as far as it can tell
    context.close()
