"""The map: how soon it is there, what it costs to move it and the cursor, and whether all is drawn.

Chromium without a graphics card (ANGLE's software renderer). The first paint is of a real desk with 300
activities, each run in a browser context that has kept nothing; bytes are counted in a pipe between browser
and desk. Frames are measured on a stage (`bench.page_stage`: the page's own files, made-up answers), since a
hundred thousand volumes take hours to be signed, let in and followed. Beside them a bare MapLibre page with
the same source, one fill and one outline.

CPU is the main thread's own (CDP ``Performance``, thread ticks): what else the machine does counts little.

    $ make bench ROOM=page_map
    $ python -m bench.page_map --sizes 300,2000 --no-desk        # as small as CI likes it

Exits with 1 if a volume that should be drawn is not.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import sync_playwright

from bench.page_map_world import make_map_world
from bench.page_stage import NOW_MS, serve_stage
from bench.report import Report
from tests.page_world import World

FLAGS: Final = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
_ROUNDS: Final = 5
_BLOCKS: Final = 5
_FRAMES: Final = 6
_STEP_MS: Final = 300_000
_PAN_TARGETS: Final = {10_000: "<= 3", 100_000: "<= 5"}
_WAIT_MS: Final = 300_000

FIND_MAP: Final = """async () => {
  if (window.bare) return (window.measured = window.bare);
  const source = document.querySelector("script[type=module]").src;
  const { drawn } = await import(new URL("views/map/canvas.js", source).href);
  const cursor = await import(new URL("core/cursor.js", source).href);
  while (!drawn.map) await new Promise((done) => setTimeout(done, 5));
  window.measured = { map: drawn.map, scrub: (at) => cursor.moving.set(at) };
}"""
FIRST_PAINT: Final = """async () => {
  const { map } = window.measured;
  const there = () => map.getSource("things") && map.isSourceLoaded("things") && map.getLayer("dot")
    && map.queryRenderedFeatures({ layers: ["dot", "act-fill", "act-line"] }).length > 0;
  while (!there()) await new Promise((done) => map.once("render", done));
  return performance.now();
}"""
SHELL_PAINT: Final = """() => {
  const [first] = performance.getEntriesByName("first-contentful-paint");
  return first ? first.startTime : NaN;
}"""
AT_REST: Final = """async () => {
  const { map } = window.measured;
  while (!map.loaded() || map.querySourceFeatures("things").length === 0) {
    map.triggerRepaint();
    await new Promise((done) => map.once("render", done));
  }
}"""
PAN: Final = """async (count) => {
  const { map } = window.measured;
  for (let at = 0; at < count; at++) {
    const drawn = new Promise((done) => map.once("render", done));
    map.jumpTo({ center: [map.getCenter().lng + 0.05, map.getCenter().lat + 0.02] });
    await drawn;
  }
}"""
SCRUB: Final = """async ([from_ms, step_ms, count]) => {
  const { map, scrub } = window.measured;
  for (let at = 0; at < count; at++) {
    scrub(from_ms + at * step_ms);
    await new Promise((done) => requestAnimationFrame(done));
  }
  map.triggerRepaint();
  await new Promise((done) => map.once("render", done));
}"""
DRAWN: Final = """async ([lon, lat, zoom]) => {
  const { map } = window.measured;
  map.jumpTo({ center: [lon, lat], zoom });
  do {
    const rest = new Promise((done) => map.once("idle", done));
    map.triggerRepaint();
    await rest;
  } while (map.querySourceFeatures("things").length === 0);
  const ids = (features) => [...new Set(features.map((one) => one.id))];
  const bounds = map.getBounds();
  return {
    bounds: [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()],
    source: ids(map.querySourceFeatures("things")),
    dots: ids(map.queryRenderedFeatures({ layers: ["dot", "dot-ahead"] })),
  };
}"""


class Pipe:
    """Passes bytes on between a browser and a desk, and counts those to the browser."""

    def __init__(self, port: int) -> None:
        self.count = 0
        self._port = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self._server.accept()
            far = socket.create_connection(("127.0.0.1", self._port))
            threading.Thread(target=self._copy, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._copy, args=(far, near, True), daemon=True).start()

    def _copy(self, one: socket.socket, other: socket.socket, is_counted: bool) -> None:  # noqa: FBT001
        try:
            while data := one.recv(65_536):
                self.count += len(data) if is_counted else 0
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            one.close()
            other.close()


def main() -> int:
    """Measure, and return 1 if something was not drawn."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", default="10000,100000")
    parser.add_argument("--no-desk", action="store_true", help="leave the first paint out")
    parser.add_argument("--no-frames", action="store_true", help="count what is drawn, and measure no frames")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    parser.add_argument("--no-write", action="store_true", help="write no results")
    asked = parser.parse_args()
    report, is_whole = Report("page_map"), True
    with sync_playwright() as play:

        def launch(*more: str) -> Any:  # noqa: ANN401 - Playwright's browser
            return play.chromium.launch(executable_path=asked.chromium, args=[*FLAGS, *more])

        if not asked.no_desk:
            measure_first_paint(report, launch)
        for size in [int(one) for one in asked.sizes.split(",") if one]:
            with serve_stage(size) as address:
                browser = launch()
                if not asked.no_frames:
                    measure_frames(report, browser, address, size)
                is_whole &= count_drawn(report, browser, address, size)
                browser.close()
    if not asked.no_write:
        report.write()
    return 0 if is_whole else 1


# The first paint


def measure_first_paint(report: Report, launch: Any) -> None:  # noqa: ANN401 - Playwright has no such type
    """Measure how soon a real desk's 300 activities are drawn in a browser that has kept nothing."""
    with tempfile.TemporaryDirectory() as folder:
        world = make_map_world(Path(folder), activities=300, volumes_each=1)
        with world.serving("us") as urls:
            state, origin = _sign_in(launch, world, urls["us"])
            parts = urlsplit(origin)
            pipe = Pipe(parts.port or 80)
            browser = launch(f"--host-resolver-rules=MAP {parts.hostname}:{parts.port} 127.0.0.1:{pipe.port}")
            shell, drawn, count, foreign = [], [], [], 0
            for _ in range(_ROUNDS):
                context = browser.new_context(viewport={"width": 1440, "height": 900}, storage_state=state)
                page = context.new_page()
                page.set_default_timeout(_WAIT_MS)
                asked: list[str] = []
                page.on("request", lambda request, asked=asked: asked.append(request.url))
                before = pipe.count
                page.goto(f"{origin}/map", wait_until="commit")
                page.wait_for_selector(".maplibregl-canvas")
                page.evaluate(FIND_MAP)
                drawn.append(page.evaluate(FIRST_PAINT) / 1000)
                shell.append(page.evaluate(SHELL_PAINT) / 1000)
                page.evaluate(AT_REST)
                count.append((pipe.count - before) / 1000)
                foreign += sum(1 for url in asked if not url.startswith((origin, "data:", "blob:")))
                context.close()
            browser.close()
    report.add("300 activities, cold: the shell is painted", statistics.median(shell), "s")
    report.add(
        "300 activities, cold: their volumes are drawn", statistics.median(drawn), "s", target="<= 2.5"
    )
    report.add(
        "300 activities, cold: to the browser until at rest", statistics.median(count), "kB", target="<= 900"
    )
    report.add("requests to anywhere else", foreign, "", target="<= 0")


def _sign_in(launch: Any, world: World, url: str) -> tuple[Any, str]:  # noqa: ANN401 - Playwright's state
    token = {"authorization": f"Bearer {(world.root / 'us' / 'token').read_text().strip()}"}
    asked = {"officer": "duty-1", "roles": ["look", "duty"]}
    link = httpx.post(f"{url}/session/invite", headers=token, json=asked, timeout=30).json()["url"]
    parts = urlsplit(link)
    browser = launch()
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Not now").click()
    page.wait_for_selector(".shell", timeout=60_000)
    state = context.storage_state()
    browser.close()
    return state, f"{parts.scheme}://{parts.netloc}"


# Frames


@contextmanager
def _open(browser: Any, url: str) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - Playwright's page and session
    context = browser.new_context(viewport={"width": 800, "height": 600})
    page = context.new_page()
    page.set_default_timeout(_WAIT_MS)
    page.goto(url)
    page.wait_for_selector(".maplibregl-canvas")
    page.evaluate(FIND_MAP)
    page.evaluate(AT_REST)
    session = context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    yield page, session
    context.close()


def _cpu_ms(session: Any) -> float:  # noqa: ANN401 - Playwright's session
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return 1000 * float(metrics["TaskDuration"])


def _measure(page: Any, session: Any, what: str) -> tuple[float, float]:  # noqa: ANN401 - as above
    """Return the median CPU of a frame while it moves, and what is still to do until it is at rest."""
    frames, rests = [], []
    at_ms = NOW_MS
    for _ in range(_BLOCKS + 1):
        before = _cpu_ms(session)
        if what == "pan":
            page.evaluate(PAN, _FRAMES)
        else:
            page.evaluate(SCRUB, [at_ms, _STEP_MS, _FRAMES])
            at_ms += _STEP_MS * _FRAMES
        moved = _cpu_ms(session)
        page.evaluate(AT_REST)
        frames.append((moved - before) / _FRAMES)
        print(f"  {what}: {frames[-1]:.2f} ms a frame", file=sys.stderr, flush=True)
        rests.append(_cpu_ms(session) - moved)
    # The first one warms up.
    return statistics.median(frames[1:]), statistics.median(rests[1:])


def measure_frames(report: Report, browser: Any, address: str, size: int) -> None:  # noqa: ANN401
    """Measure pan and scrub, on our page and on the bare one."""
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for name, url in (("bare", f"{address}/bare"), ("page", f"{address}/map?at=30,36,4")):
        with _open(browser, url) as (page, session):
            found[name] = {what: _measure(page, session, what) for what in ("pan", "scrub")}
    for what, target in (("pan", _PAN_TARGETS.get(size, "")), ("scrub", "<= 6")):
        (frame, rest), (bare, bare_rest) = found["page"][what], found["bare"][what]
        report.add(f"{size:,} volumes, {what}: CPU a frame", frame, "ms", target=target)
        report.add(f"{size:,} volumes, {what}: CPU a frame, bare MapLibre", bare, "ms")
        report.add(f"{size:,} volumes, {what}: CPU from then until rest", rest, "ms")
        report.add(f"{size:,} volumes, {what}: CPU from then until rest, bare MapLibre", bare_rest, "ms")


# All is drawn


def count_drawn(report: Report, browser: Any, address: str, size: int) -> bool:  # noqa: ANN401
    """Compare what is drawn with what was answered, at several zooms."""
    features = httpx.get(f"{address}/api/picture-volumes", timeout=300).json()["features"]
    is_whole = True
    with _open(browser, f"{address}/map?at=30,36,2&side=0") as (page, _):
        for zoom in (0.6, 2.0, 5.0, 8.0):
            began = time.perf_counter()
            found = page.evaluate(DRAWN, [36.29, 33.51, zoom])
            source, dots = set(found["source"]), set(found["dots"])
            seen = [one for one in features if _is_in(one, found)]
            areas = [one["id"] for one in seen if one["properties"]["role"] == "activity"]
            points = [one["id"] for one in seen if one["geometry"]["type"] == "Point"]
            lost = len(set(areas) - source) + len(set(points) - dots)
            is_whole &= lost == 0 and len(points) > 0
            report.add(
                f"{size:,} volumes, zoom {zoom:g}: lost of {len(areas):,} in sight", lost, "", target="<= 0"
            )
            print(f"  counted in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return is_whole


def _is_in(feature: dict[str, Any], found: dict[str, Any]) -> bool:
    west, south, east, north = found["bounds"]
    edge_lon, edge_lat = (east - west) * 0.02, (north - south) * 0.02
    shape = feature["geometry"]
    corners = [shape["coordinates"]] if shape["type"] == "Point" else shape["coordinates"][0][0]
    return any(
        west + edge_lon < lon < east - edge_lon
        and max(south + edge_lat, -84) < lat < min(north - edge_lat, 84)
        for lon, lat in corners
    )


if __name__ == "__main__":
    sys.exit(main())
