"""Every view can be used by people who see, hear or move otherwise: axe-core finds nothing serious.

Light and dark, wide and narrow; and what axe cannot see: the keyboard reaches everything, the focus is seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import pytest

from tests.browser.conftest import OpenPage
from tests.browser.test_page_hostile import VIEWS, settle

LOOKS: Final[dict[str, dict[str, Any]]] = {
    "wide-light": {"width": 1200, "height": 720},
    "narrow-dark": {"width": 390, "height": 844, "dark": True},
}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", LOOKS)
def test_nothing_serious_is_found(name: str, open_page: OpenPage, axe: Callable[[Any], list[str]]) -> None:
    page = open_page("/help", **LOOKS[name])
    for view in VIEWS:
        page.locator(f'nav a[href^="/{view}"]').click()
        settle(page)
        assert axe(page) == [], view
        # Nothing lies beyond the right edge: a narrow screen is scrolled in one direction.
        wide = page.evaluate(
            "() => document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wide <= 0, view


KEYS: Final = {
    "map": "m",
    "inbox": "i",
    "talk": "t",
    "conflicts": "c",
    "release": "r",
    "blind": "b",
    "terms": "e",
    "record": "d",
}


def test_keys_lead_to_every_view_and_help_names_them(open_page: OpenPage) -> None:
    page = open_page("/help")
    settle(page)
    page.keyboard.press("?")
    shown = page.inner_text("dialog[open]")
    page.keyboard.press("Escape")
    for view, key in KEYS.items():
        assert f"g {key}" in shown
        page.keyboard.press("g")
        page.keyboard.press(key)
        page.wait_for_url(f"**/{view}*")
        settle(page)


def test_every_sentence_exists_in_every_language(open_page: OpenPage) -> None:
    page = open_page("/help")
    for name in (*VIEWS, "shell", "time"):
        en, fr = (
            page.evaluate(
                """async ([code, name]) => {
                  const base = document.querySelector('script[type=module]').src.replace(/app\\.js.*$/, '');
                  return (await import(`${base}words/${code}/${name}.js`)).default;
                }""",
                [code, name],
            )
            for code in ("en", "fr")
        )
        assert sorted(en) == sorted(fr), name
        for key, sentence in en.items():
            blanks = [sorted(set(_blanks(one))) for one in (sentence, fr[key])]
            assert blanks[0] == blanks[1], f"{name}.{key}"


def _blanks(sentence: Any) -> list[str]:
    texts = sentence.values() if isinstance(sentence, dict) else [sentence]
    return [found for text in texts for found in re.findall(r"\{(\w+)\}", text)]


def test_another_language_says_everything_and_touches_no_words_of_others(open_page: OpenPage) -> None:
    page = open_page("/conflicts", locale="fr-FR")
    settle(page)
    assert page.evaluate("() => document.documentElement.lang") == "fr"
    assert "Conflits" in page.inner_text("nav")
