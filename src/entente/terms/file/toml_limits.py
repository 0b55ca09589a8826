"""Limits that a text keeps before any parser sees it: size, encoding, nesting, number of words.

Parsers of TOML recurse once for each level of nesting and do work that grows with the square of a key's
parts. One pass over the text's tokens, which stops at the first limit passed, keeps both from mattering.

Invariants:
  * `read_text` takes time and memory in proportion to the size of the text, which is limited.
  * What passes nests at most `MAX_DEPTH` deep and holds at most `MAX_TOKENS` tokens.
  * No character that changes the direction of text, or that a terminal acts upon, stands anywhere in the
    file, in a comment either: a reader must see what the parser sees (CVE-2021-42574).

It does not check that the text is TOML.

    >>> read_text(b"entente-terms = 1")
    'entente-terms = 1'
"""

from __future__ import annotations

import re
from typing import Final

from entente.terms.file.faults import Fault, TermsInvalid
from entente.terms.file.look_alikes import find_hidden, name_character
from entente.terms.model import NOWHERE, Place

MAX_BYTES: Final = 4 * 1024 * 1024
"""A terms file of 2,000 positions with their sources is below 1 MiB."""
MAX_TOKENS: Final = 500_000
MAX_DEPTH: Final = 16
"""Of arrays and inline tables; the format itself needs three."""
MAX_KEY_PARTS: Final = 8
MAX_WORD: Final = 100
"""Characters of one bare key, number or date."""

# Every alternative takes what it can and never goes back: a string without its end runs to the end of its
# line (or of the text, when it may span lines). Python's `re` would otherwise try each start again.
_TOKEN: Final = re.compile(
    r'''"""(?:[^"\\]++|\\.|"(?!""))*+(?:"{3,5})?+'''
    r"""|'''(?:[^']++|'(?!''))*+(?:'{3,5})?+"""
    r"""|"(?:[^"\\\n]++|\\.)*+"?+"""
    r"""|'[^'\n]*+'?+"""
    r"""|#[^\n]*+"""
    r"""|[A-Za-z0-9_+:-]++"""
    r"""|[\[\]{}.,=\n]""",
    re.DOTALL,
)


def get_place(text: str, offset: int) -> Place:
    """Return the line and column of a character."""
    return Place(text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def read_text(data: bytes) -> str:
    """Return the text with line feeds alone between its lines, within every limit.

    Raises:
        TermsInvalid: Too large, not UTF-8, nested too deep, too many tokens, a character that hides
        something.
    """
    if len(data) > MAX_BYTES:
        raise TermsInvalid(
            [Fault("too-large", f"terms file: expected at most {MAX_BYTES} bytes, got {len(data)}", NOWHERE)]
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        message = f"terms file: expected UTF-8, got the byte 0x{data[error.start]:02x}"
        raise TermsInvalid([Fault("bad-encoding", message, get_place(before, len(before)))]) from error
    if text.startswith("\ufeff"):
        message = "terms file: expected UTF-8 without a byte order mark"
        raise TermsInvalid([Fault("bad-encoding", message, Place(1, 1))])
    text = text.replace("\r\n", "\n")
    check_limits(text)
    return text


def check_limits(text: str) -> None:
    """Return when the text keeps every limit but that of size; raise `TermsInvalid` otherwise."""
    hidden = find_hidden(text)
    if hidden is not None:
        message = f"terms file: expected only characters that can be seen, got {name_character(text[hidden])}"
        raise TermsInvalid([Fault("hidden-character", message, get_place(text, hidden))])
    depth = dots = 0
    for count, token in enumerate(_TOKEN.finditer(text)):
        start = token.start()
        sign = text[start]
        message = ""
        if count >= MAX_TOKENS:
            message = f"terms file: expected at most {MAX_TOKENS} words and signs, got more"
        elif sign in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                message = f"terms file: expected nesting of at most {MAX_DEPTH}, got more"
        elif sign in "]}":
            depth = max(0, depth - 1)
        elif sign == ".":
            dots += 1
            if dots >= MAX_KEY_PARTS:
                message = f"terms file: expected a key of at most {MAX_KEY_PARTS} parts, got more"
        elif sign in "=,\n":
            dots = 0
        elif sign not in "\"'#" and token.end() - start > MAX_WORD:
            message = f"terms file: expected a word or number of at most {MAX_WORD} characters, got more"
        if message:
            raise TermsInvalid([Fault("too-much", message, get_place(text, start))])
