r"""Names that look like other names, and characters that cannot be seen.

A terms file is read and signed by people. What two readers see as one name must be one name, and a character
that shows nothing, or that moves what stands around it, has no place in what is signed.

Invariants:
  * Two names that share one of their `list_looks` look alike: case, width, spaces, dashes, and the letters
    that Latin, Cyrillic and Greek draw the same way do not tell them apart.
  * A name is never refused for its script: Arabic, Cyrillic or Chinese names are names. Only a *word* that
    mixes Latin, Cyrillic and Greek letters is refused.

It does not know every confusable pair of Unicode (UTS 39 lists thousands): only the letters of the three
scripts that mix unseen in ordinary fonts.

    >>> list_looks("\u0420anama")[1] == list_looks("PANAMA")[1]  # a Cyrillic Er
    True
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Letter by letter as they are drawn, before case is folded: a Greek capital Eta is drawn like H, a small one
# like n.
_CYRILLIC: Final = "АВЕЅІЈКМНОРСТУХҮԚԜаеѕіјкмнорстухүԛԝһӏԁв"
_AS_CYRILLIC: Final = "ABESIJKMHOPCTYXYQWaesijkmhopctyxyqwhldb"
_GREEK: Final = "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϳαβεικνορτυχϲωη"
_AS_GREEK: Final = "ABEZHIKMNOPTYXCjabeikvoptuxcwn"
_DRAWN: Final = str.maketrans(_CYRILLIC + _GREEK, _AS_CYRILLIC + _AS_GREEK)
_DASHES: Final = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad", "-"))

# What a terminal acts upon (C0 and C1, but for tab and line feed), what changes the direction of text,
# separators of lines that are no line feed, tags, and what is no character at all.
_HIDDEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
# Letters, marks and signs that show nothing though Unicode does not call them format characters.
_BLANK: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0") | {
    chr(code) for code in (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))
}
_MIXING: Final = ("LATIN", "CYRILLIC", "GREEK")


def name_character(character: str) -> str:
    """Return how a message names a character: ``U+0430 (cyrillic small letter a)``."""
    name = unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


def find_hidden(text: str) -> int | None:
    """Return where the first character stands that no text may hold, or None."""
    found = _HIDDEN.search(text)
    return found.start() if found else None


def find_fault_of_name(name: str) -> tuple[int, str]:
    """Return where and why a name for display is refused; (0, "") when it is not."""
    for offset, character in enumerate(name):
        category = unicodedata.category(character)
        # Cn: a code point that has no character yet. Whatever it will be, nobody sees it now.
        if category in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} or character in _BLANK:
            return offset, f"expected only characters that can be seen, got {name_character(character)}"
    offset = 0
    for word in re.split(r"(\W+)", name):
        scripts = {script: i for i, c in reversed(list(enumerate(word))) if (script := _get_script(c))}
        if len(scripts) > 1:
            second = max(scripts.values())
            listed = " and ".join(sorted(script.capitalize() for script in scripts))
            got = f"{word[:40]!r} with {name_character(word[second])}"
            return offset + second, f"expected each word in one script, got {listed} in {got}"
        offset += len(word)
    return 0, ""


def _get_script(character: str) -> str:
    if character.isascii():
        return "LATIN" if character.isalpha() else ""
    first = unicodedata.name(character, "").partition(" ")[0]
    return first if first in _MIXING and character.isalpha() else ""


def list_looks(name: str) -> tuple[str, str]:
    """Return what the name looks like: with case folded, and with look-alike letters drawn as Latin ones."""
    plain = " ".join(unicodedata.normalize("NFKC", name).translate(_DASHES).split())
    # Before NFKC too: that turns a lunate sigma, which is drawn like C, into a sigma, which is not.
    drawn = unicodedata.normalize("NFKC", name.translate(_DRAWN)).translate(_DASHES).translate(_DRAWN)
    return plain.casefold(), " ".join(drawn.split()).casefold()
