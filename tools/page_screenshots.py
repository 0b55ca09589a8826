"""Pictures of every view of the page, for a person to look at: 1440 and 390 pixels wide, light and dark.

A small world is made (`tests.page_scene`: real desks, a real record), a desk serves it, and Chromium looks
at each view as an officer does. Nothing is compared: a picture that is wrong in the same way each time would
pass.

    make screenshots ARGS=./pictures
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import httpx

from tests.browser.conftest import CHROMIUM, FLAGS
from tests.page_scene import make_small_world

if TYPE_CHECKING:
    from playwright.sync_api import Browser

VIEWS: Final = {
    "map": "/map",
    "map-thing": "/map?item=activity:1",
    "inbox": "/inbox",
    "conflicts": "/conflicts",
    "talk": "/talk",
    "release": "/release?tab=plans&item=1",
    "blind": "/blind",
    "terms": "/terms",
    "agreements": "/terms?tab=agreements",
    "record": "/record?entry=20",
    "past": "/conflicts?t=2016-09-17T16:30:00Z&known=then",
    "help": "/help",
}
LOOKS: Final[dict[str, tuple[int, int, Literal["light", "dark"]]]] = {
    "1440-light": (1440, 900, "light"),
    "1440-dark": (1440, 900, "dark"),
    "390-light": (390, 844, "light"),
    "390-dark": (390, 844, "dark"),
}
SETTLED: Final = "() => !document.querySelector('.main .loading')"


def shoot(browser: Browser, link: str, origin: str, folder: Path) -> int:
    """Write every picture into ``folder``; return how many."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Not now").click()
    page.wait_for_selector(".shell")
    state, count = context.storage_state(), 0
    context.close()
    for look, (width, height, scheme) in LOOKS.items():
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            locale="en-GB",
            storage_state=state,
        )
        for name, path in VIEWS.items():
            page = context.new_page()
            page.goto(origin + path)
            page.wait_for_selector(".shell")
            page.wait_for_function(SETTLED)
            page.wait_for_timeout(4_000 if path.startswith("/map") else 1_000)
            page.screenshot(path=folder / f"{name}-{look}.png")
            page.close()
            count += 1
            sys.stderr.write(f"\rscreenshots: {count} of {len(LOOKS) * len(VIEWS)}")
        context.close()
    sys.stderr.write("\n")
    return count


def main() -> int:
    """Take the pictures into the folder that is named, or ./screenshots."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "screenshots")
    if CHROMIUM is None:
        sys.stderr.write("screenshots: expected chromium on the path (Debian's package), found none\n")
        return 2
    from playwright.sync_api import sync_playwright

    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        world = make_small_world(Path(scratch), is_served=True)
        with world.serving("us") as urls, sync_playwright() as play:
            token = (world.root / "us" / "token").read_text().strip()
            answer = httpx.post(
                f"{urls['us']}/session/invite",
                headers={"authorization": f"Bearer {token}"},
                json={"officer": "duty-1", "roles": ["look", "duty", "release", "chief"]},
                timeout=30,
            )
            link = answer.raise_for_status().json()["url"]
            browser = play.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
            count = shoot(browser, link, link.partition("/signin")[0], folder)
            browser.close()
    print(f"{count} pictures in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
