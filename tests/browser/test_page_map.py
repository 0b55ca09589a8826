"""The map: all that is counted is drawn, at each zoom; a draft shows its conflict before anybody is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Served, Watch

# The machine that draws may be slow: there is no graphics card.
pytestmark = pytest.mark.timeout(240)

OpenPage = Callable[..., Any]
Plain = dict[str, Any]
AHEAD_MS = 6 * 3_600_000
"""How far ahead of now the map draws."""

AT_REST = """async ([lat, lon, zoom]) => {
  const source = document.querySelector("script[type=module]").src;
  const { drawn } = await import(new URL("views/map/canvas.js", source).href);
  const { map } = drawn;
  map.jumpTo({ center: [lon, lat], zoom });
  do {
    const rest = new Promise((done) => map.once("idle", done));
    map.triggerRepaint();
    await rest;
  } while (!map.getLayer("dot") || map.querySourceFeatures("things").length === 0);
  const bounds = map.getBounds();
  const ids = (features) => [...new Set(features.map((one) => one.id))];
  return {
    bounds: [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()],
    source: ids(map.querySourceFeatures("things")),
    dots: ids(map.queryRenderedFeatures({ layers: ["dot", "dot-ahead"] })),
  };
}"""
LOST = """() => {
  const context = document.querySelector(".maplibregl-canvas").getContext("webgl2");
  const lose = context.getExtension("WEBGL_lose_context");
  lose.loseContext();
  window.giveBack = () => lose.restoreContext();
}"""
READY = """async () => {
  const source = document.querySelector("script[type=module]").src;
  const { drawn } = await import(new URL("views/map/canvas.js", source).href);
  if (drawn.map === null) return false;
  const rest = new Promise((done) => drawn.map.once("idle", done));
  drawn.map.triggerRepaint();
  await rest;
  return true;
}"""
MEETINGS = """async () => {
  const source = document.querySelector("script[type=module]").src;
  const { drawn } = await import(new URL("views/map/canvas.js", source).href);
  return drawn.map.querySourceFeatures("draft").filter((one) => one.properties.part === "meet").length;
}"""


def _corners(geometry: Plain) -> list[list[float]]:
    if geometry["type"] == "Point":
        return [geometry["coordinates"]]
    return [point for part in geometry["coordinates"] for point in part[0]]


def _touches(feature: Plain, bounds: list[float]) -> bool:
    """Tell whether a feature has a corner well within what is in sight."""
    west, south, east, north = bounds
    edge_lon, edge_lat = (east - west) * 0.02, (north - south) * 0.02
    return any(
        west + edge_lon < lon < east - edge_lon and south + edge_lat < lat < north - edge_lat
        for lon, lat in _corners(feature["geometry"])
    )


def test_every_volume_that_is_counted_is_drawn_at_each_zoom(
    open_page: OpenPage, served: Served, watch: Watch
) -> None:
    page = open_page("/map?at=36,38,6&side=0", width=900, height=600)
    page.wait_for_selector(".maplibregl-canvas")
    answer = served.call("us", "picture-volumes")
    now_ms = served.call("us", "picture")["now_us"] / 1000
    assert answer["total"] == answer["shown"] == len(answer["features"]) > 40
    dots: set[int] = set()
    for zoom, least in ((1.6, 20), (4, 20), (8, 2)):
        found = page.evaluate(AT_REST, [36.0, 38.0, zoom])
        in_sight = [one for one in answer["features"] if _touches(one, found["bounds"])]
        assert len(in_sight) > least
        assert {one["id"] for one in in_sight} <= set(found["source"])
        dots = {
            one["id"]
            for one in in_sight
            if re.fullmatch("(activity|zone|site|item)-at", one["properties"]["role"])
            and one["properties"]["until_ms"] > now_ms + 600_000
            and one["properties"]["from_ms"] <= now_ms + AHEAD_MS - 600_000
        }
        assert dots
        assert dots <= set(found["dots"])

    # A graphics card that goes away: the table stands in, and the map comes back whole.
    watch.expect("context")
    page.evaluate(LOST)
    page.locator(".map-twin tbody tr").first.wait_for()
    page.evaluate("() => window.giveBack()")
    page.locator(".map-twin").wait_for(state="detached")
    assert dots <= set(page.evaluate(AT_REST, [36.0, 38.0, 8])["dots"])


@pytest.fixture
def theirs(served: Served) -> Plain:
    """Return an activity of another party that is still to come, with its volume as recorded."""
    found = next(
        one
        for one in served.call("us", "picture")["activities"]
        if one["author"] == "ru" and not one["to"] and one["volumes"][0]["start_us"] > one["volumes"][0]["n"]
    )
    volume: Plain = served.look("us", "message", message=found["version"])["body"]["volumes"][0]
    return volume | {"at": found["volumes"][0]["at"]}


def test_a_draft_shows_its_conflict_before_it_is_told_and_is_told(
    open_page: OpenPage, served: Served, theirs: Plain
) -> None:
    lon, lat = theirs["at"]
    path = f"/map?draw=notify&at={lat:.3f},{lon:.3f},7"
    page = open_page(path, width=900, height=600)
    tried = page.get_by_label("Tried before anybody is told")
    tried.get_by_text("not tried").wait_for()
    size = served.call("us", "status")["record"]["shown_size"]
    page.get_by_label("Center").fill("95 95")
    page.get_by_text("Line 1 is no position").wait_for()
    # Without a hand on the map: everything is typed.
    page.get_by_label("Center").fill(f"{lat}, {lon}")
    page.get_by_label("Title").fill("Drawn and tried")
    page.get_by_label("From, m").fill(str((theirs["floor_cm"] or 0) / 100))
    page.get_by_label("Up to, m").fill(str((theirs["floor_cm"] or 0) / 100 + 100))
    page.get_by_label("Start, UTC").fill(theirs["start"][:16].replace("T", " "))
    page.get_by_label("End, UTC").fill(theirs["end"][:16].replace("T", " "))
    tried.get_by_text(re.compile("conflicts?, were it told")).wait_for()
    assert tried.locator("ol > li").count() > 0
    page.wait_for_function("() => document.querySelector('.map-draw-met ol, ol.map-draw-met') !== null")
    page.wait_for_function(MEETINGS)
    page.get_by_text("DRAFT: not told to anybody.").wait_for()
    assert served.call("us", "status")["record"]["shown_size"] == size

    # An answer about an earlier draft is never shown as one about this.
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/api/try", hold)
    page.get_by_label("Radius, m").fill("5001")
    tried.get_by_text("being tried").wait_for()
    assert tried.get_by_text("were it told").count() == 0
    # Whatever was taken back meanwhile is let go with the page.
    page.unroute_all(behavior="ignoreErrors")

    page.reload()
    page.get_by_label("Title").wait_for()
    assert page.get_by_label("Title").input_value() == "Drawn and tried"
    assert page.get_by_label("Radius, m").input_value() == "5001"
    tried.get_by_text(re.compile("conflicts?, were it told")).wait_for()
    tried.get_by_role("button", name="Find a way out").click()
    tried.get_by_role("button", name=re.compile("^Take: ")).first.click()
    tried.get_by_text("no conflict found").wait_for()
    page.get_by_role("button", name="Undo").click()
    tried.get_by_text(re.compile("conflicts?, were it told")).wait_for()

    page.get_by_role("button", name=re.compile("^Notify, though")).click()
    page.get_by_text("Recorded as entry").wait_for()
    told = [one for one in served.call("us", "picture")["activities"] if one["id"] == "drawn-and-tried"]
    assert len(told) == 1
    assert told[0]["conflicts"]
    served.call("us", "close", {"id": "drawn-and-tried", "outcome": "cancelled"})


def test_clicks_draw_and_dragging_changes_what_was_drawn(open_page: OpenPage) -> None:
    page = open_page("/map?draw=notify&at=10,-140,6&side=0")
    tried = page.get_by_label("Tried before anybody is told")
    tried.get_by_text("not tried").wait_for()
    page.get_by_text("polygon", exact=True).click()
    # A hand that clicks before the map is there draws nothing.
    page.wait_for_function(READY)
    box = page.locator(".map-canvas").bounding_box()
    middle_x, middle_y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    spots = [(-60, -60), (60, -60), (60, 60), (-60, 60)]
    for place, (right, down) in enumerate(spots):
        page.mouse.click(middle_x + right, middle_y + down)
        page.wait_for_function(
            "([count]) => document.querySelector('.map-draw-points').value.split('\\n').length === count",
            arg=[place + 1],
        )
    tried.get_by_text("no conflict found").wait_for()
    before = page.get_by_label("Corners").input_value().split("\n")
    page.wait_for_function(READY)
    page.mouse.move(middle_x + 60, middle_y + 60)
    page.mouse.down()
    page.mouse.move(middle_x + 90, middle_y + 90, steps=4)
    page.mouse.up()
    page.wait_for_function(
        "([old]) => document.querySelector('.map-draw-points').value.split('\\n')[2] !== old", arg=[before[2]]
    )
    after = page.get_by_label("Corners").input_value().split("\n")
    assert [one for at, one in enumerate(after) if at != 2] == [
        one for at, one in enumerate(before) if at != 2
    ]
    page.get_by_role("button", name="Undo").click()
    assert page.get_by_label("Corners").input_value().split("\n") == before
    page.get_by_role("button", name="Remove point").click()
    assert len(page.get_by_label("Corners").input_value().split("\n")) == 3
    page.get_by_role("button", name="Discard the draft").click()
    page.get_by_role("button", name="Discard it for good?").click()
    page.get_by_label("Tried before anybody is told").wait_for(state="detached")
    assert "draw=" not in page.url
