r"""Text of strangers, made fit to be shown: on one line, without characters that act instead of being read.

Invariant: what `clean_text` returns moves no cursor and turns no direction of reading.

    >>> clean_text("see\x1b[2J")
    'see\\\\x1b[2J'
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

# Needed inside words of Persian, Hindi and others; every other format character can only mislead.
_JOINERS: Final = frozenset("\u200c\u200d")
_BREAKS: Final = frozenset("\t\n\r\x0b\x0c\x85\u2028\u2029")
_MAX_MARKS: Final = 4
"""Combining marks on one letter; Vietnamese needs two, pointed Hebrew three."""


def clean_text(text: str) -> str:
    r"""Return ``text`` on one line, fit for a terminal, a page or a picture.

    SECURITY: an escape sequence could repaint what stands beside it, and a direction override could make a
    refusal read as consent; both are spelt out (``\x1b``, ``\u202e``) instead of obeyed
    (tests/unit/test_terms_sentences.py). Breaks become a space. Marks beyond four on one letter are dropped.
    """
    if text.isascii() and text.isprintable():
        return text
    found, marks = [], 0
    for letter in text:
        category = unicodedata.category(letter)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if letter in _BREAKS:
            found.append(" ")
        elif category in {"Cc", "Cs"} or (category == "Cf" and letter not in _JOINERS) or _is_nothing(letter):
            code = ord(letter)
            found.append(f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
        elif marks <= _MAX_MARKS:
            found.append(letter)
    return "".join(found)


def _is_nothing(letter: str) -> bool:
    # Code points that will never be characters; XML allows two of them nowhere.
    return ord(letter) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(letter) <= 0xFDEF


def join_words(words: Iterable[str], last: str = "and") -> str:
    """Return ``a, b and c``."""
    listed = list(words)
    if len(listed) < 2:
        return "".join(listed)
    return f"{', '.join(listed[:-1])} {last} {listed[-1]}"
