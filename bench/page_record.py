"""The view of the record on a long record: a real desk, a real browser, 100,000 entries.

`bench.page_world` makes the record and serves the desk; Chromium opens `/record` as an officer. Measured is
what he waits for: the first list, filters and search, leaves that turn, one entry proven, all hashes summed
up to the root. Targets are ours.

    python -m bench.page_record [--small]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import sync_playwright

from bench.page_world import Plan, make_long_world
from bench.report import Report

ROOT: Final = Path(__file__).resolve().parent
FLAGS: Final = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
_LIMIT_MS: Final = 300_000
_ROWS: Final = ".record .table tbody tr[aria-rowindex]"
_WATCH: Final = """() => {
  window.busy = [];
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) window.busy.push(one.duration);
  }).observe({ entryTypes: ["longtask"] });
}"""
"""Blocks of the main thread of 50 ms and more: an officer feels them."""


class Officer:
    """A browser at the desk of ``us``."""

    def __init__(self, play: Any, url: str, token: str) -> None:  # noqa: ANN401 - Playwright has no types here
        self.client = httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=300)
        chromium = shutil.which("chromium")
        assert chromium, "bench: expected chromium on the path"
        self.browser = play.chromium.launch(executable_path=chromium, args=list(FLAGS))
        self.context = self.browser.new_context(viewport={"width": 1440, "height": 900})
        self.page = self.context.new_page()
        self.page.set_default_timeout(_LIMIT_MS)
        body = {"officer": "duty-1", "roles": ["look", "duty", "release", "chief"]}
        made = self.client.post("/session/invite", json=body)
        assert made.status_code == 200, made.text
        self.page.goto(made.json()["url"])
        self.page.get_by_role("button", name="Not now").click()
        self.page.wait_for_selector(".shell")
        self.origin = self.page.evaluate("() => location.origin")

    def ask(self, verb: str, **asked: str | int) -> tuple[Any, float, int]:
        """Return an answer of the desk, its milliseconds and bytes."""
        began = time.perf_counter()
        answer = self.client.get(f"/api/{verb}", params=asked)
        took_ms = 1e3 * (time.perf_counter() - began)
        assert answer.status_code == 200, answer.text
        return answer.json(), took_ms, len(answer.content)

    def find_busy(self) -> list[float]:
        """Return the blocks of the main thread since the last question."""
        found: list[float] = self.page.evaluate(
            "() => { const found = window.busy; window.busy = []; return found; }"
        )
        return found

    def measure(self, act: str, done: str, asked: Any = None) -> float:  # noqa: ANN401 - JSON
        """Do something on the page, and return the milliseconds until a function of the page says true."""
        script = f"""async (asked) => {{
          const began = performance.now();
          ({act})(asked);
          for (;;) {{
            await new Promise((go) => requestAnimationFrame(go));
            if (({done})(asked)) return performance.now() - began;
            if (performance.now() - began > {_LIMIT_MS}) throw new Error("bench: not done");
          }}
        }}"""
        return float(self.page.evaluate(script, asked))


def measure_desk(report: Report, officer: Officer, size: int) -> None:
    """Ask the desk the same questions without a page."""
    for name, asked in (
        ("first list with counts", {"limit": 200, "facets": 1}),
        ("the last 200 of all", {"limit": 200, "offset": max(0, size - 300)}),
        ("one kind", {"limit": 200, "facets": 1, "kind": "activity.notify"}),
        ("search for a word", {"limit": 200, "facets": 1, "q": "escort"}),
        ("search for what is nowhere", {"limit": 200, "facets": 1, "q": "zeppelin"}),
    ):
        times = [officer.ask("record", **asked)[1] for _ in range(5)]
        report.add(f"desk: {name}, {size:,} entries", statistics.median(times), "ms")


def measure_page(report: Report, officer: Officer, size: int) -> None:
    """Wait for what the officer waits for."""
    page = officer.page
    firsts = []
    for _ in range(3):
        page.goto("about:blank")
        began = time.perf_counter()
        page.goto(f"{officer.origin}/record")
        page.wait_for_selector(_ROWS)
        firsts.append(1e3 * (time.perf_counter() - began))
    report.add("page loaded anew to the first list", statistics.median(firsts), "ms", target="<= 2500")
    page.evaluate(_WATCH)
    route = "(path) => { history.pushState(null, '', path); dispatchEvent(new PopStateEvent('popstate')); }"
    has_rows = f"() => document.querySelector('{_ROWS}') !== null"
    officer.measure(route, "() => document.querySelector('.record') === null", "/help")
    took_ms = officer.measure(route, has_rows, "/record")
    report.add("from another view to the first list", took_ms, "ms", target="<= 1000")
    filters = {
        "filter by kind": "?kind=activity.notify",
        "filter by author": "?author=ru",
        "search for a word": "?q=escort",
        "search in another script": "?q=%D0%BC%D0%BE%D1%81%D1%82",
        "search for what is nowhere": "?q=zeppelin",
    }
    said = "document.querySelector('.record > p[role=status]')?.textContent ?? ''"
    for name, query in filters.items():
        times = []
        for _ in range(3):
            officer.measure(route, f"() => ({said}).includes('{size:,} entries of')", "/record")
            page.evaluate("() => { window.old = " + said + "; }")
            done = f"() => {{ const now = {said}; return now !== '' && now !== window.old; }}"
            times.append(officer.measure(route, done, f"/record{query}"))
        report.add(f"{name}, counts and first rows", statistics.median(times), "ms", target="<= 300")
    officer.measure(route, f"() => ({said}).includes('{size:,} entries of')", "/record")
    measure_scroll(report, officer, size)


def measure_scroll(report: Report, officer: Officer, size: int) -> None:
    """Leaves that turn, and a wheel that does not stop."""
    officer.find_busy()
    box = "document.querySelector('.record .table-box')"
    pieces = min(10, (size - 1) // 200)
    down = f"() => {{ {box}.scrollTop = {box}.scrollHeight; }}"
    times = []
    for at in range(1, pieces + 1):
        more = f"() => {box}.scrollHeight > {200 * 38 * (at + 0.5)}"
        times.append(officer.measure(down, more))
    report.add(f"200 rows more at the list's end, median of {pieces}", statistics.median(times), "ms")
    busy = officer.find_busy()
    report.add("longest block of the main thread at that", max(busy, default=0), "ms", target="<= 100")
    frames = officer.page.evaluate(
        """async () => {
          const box = document.querySelector(".record .table-box");
          const spent = [];
          box.scrollTop = 0;
          for (let at = 0; at < 30; at += 1) {
            await new Promise((go) => requestAnimationFrame(go));
            const began = performance.now();
            box.scrollTop += 400;
            // What the page does of itself comes with the event; its end is seen by the next task.
            await new Promise((go) => {
              box.addEventListener("scroll", () => setTimeout(go, 0), { once: true });
              setTimeout(go, 1000);  // at the end nothing scrolls
            });
            spent.push(performance.now() - began);
          }
          return spent;
        }"""
    )
    report.add("a frame of scrolling, 10 rows on, median", statistics.median(frames), "ms", target="<= 33")
    report.add("longest block of the main thread at that", max(officer.find_busy(), default=0), "ms")


def measure_checks(report: Report, officer: Officer, size: int) -> None:
    """Have the page check one entry, and all leaf hashes."""
    page = officer.page
    page.evaluate("() => localStorage.removeItem('entente.record')")
    page.goto(f"{officer.origin}/help")
    page.evaluate(_WATCH)
    base = page.evaluate("() => document.querySelector('script[type=module]').src.replace(/[^/]*$/, '')")
    page.evaluate("async (base) => { window.one = await import(`${base}record/watch.js`); }", base)
    page.wait_for_function("() => window.one.checked.get().state === 'checked'")
    page.wait_for_timeout(1_000)
    page.evaluate("() => { window.busy = []; }")
    entry, _, _ = officer.ask("record-entry", entry=str(size // 3))
    took = page.evaluate(
        """async ([index, leaf]) => {
          const spent = [];
          for (let at = 0; at < 5; at += 1) {
            const began = performance.now();
            const found = await window.one.check.prove(index, leaf);
            if (found === null) throw new Error("bench: not proven");
            spent.push(performance.now() - began);
          }
          return spent;
        }""",
        [size // 3, entry["leaf"]],
    )
    report.add("one entry proven in the page, asked for anew", statistics.median(took), "ms", target="<= 300")
    whole = page.evaluate(
        """async () => {
          window.busy = [];
          const before = performance.memory?.usedJSHeapSize ?? 0;
          const told = [];
          const leave = window.one.checked.subscribe((one) => one.summing && told.push(one.summing));
          const began = performance.now();
          await window.one.sumLeaves();
          leave();
          const took = performance.now() - began;
          return [took, window.one.checked.get().leaves_size, told.length,
            ((performance.memory?.usedJSHeapSize ?? 0) - before) / 2 ** 20];
        }"""
    )
    report.add(f"{whole[1]:,} hashes summed up to the root", whole[0], "ms", target="<= 10000")
    report.add("times that it told how far it was", whole[2], "")
    report.add("longest block of the main thread at that", max(officer.find_busy(), default=0), "ms")
    report.add("more memory of scripts after it", whole[3], "MiB", target="<= 50")
    assert whole[1] >= size, whole


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="a record of 1,500 entries; nothing is written")
    parser.add_argument("--entries", type=int, default=100_000)
    asked = parser.parse_args()
    entries = 1_500 if asked.small else asked.entries
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT))
    try:
        report = Report("page_record")
        began = time.perf_counter()
        world = make_long_world(folder, Plan(entries=entries, activity_share=0.1, step=500))
        report.add(f"record of {entries:,} made and followed", time.perf_counter() - began, "s")
        with world.serving("us") as urls:
            run(report, urls["us"], (folder / "us" / "token").read_text().strip())
        if not asked.small:
            report.write()
    finally:
        shutil.rmtree(folder)


def run(report: Report, url: str, token: str) -> None:
    """Measure at a desk that is served."""
    with sync_playwright() as play:
        officer = Officer(play, url, token)
        indexed_ms = 0.0
        while True:
            found, took_ms, _ = officer.ask("record", limit=1)
            indexed_ms += took_ms
            if found["indexed"] == found["size"]:
                break
        size = int(found["size"])
        report.add(f"index for browsing made, {size:,} entries", indexed_ms / 1e3, "s")
        measure_desk(report, officer, size)
        measure_page(report, officer, size)
        measure_checks(report, officer, size)
        officer.browser.close()


if __name__ == "__main__":
    main()
