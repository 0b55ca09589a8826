"""Looking quoted words up in the document that they are said to stand in.

Invariants:
  * Words are found only where the document has them in this order, whole, with nothing between but what a gap
    (``[...]``, ``[…]``, ``…``) stands for, `MAX_GAP` characters at most: a quotation cannot be put together
    from all over a document.
  * What is looked past is listed in `normalise`, and nothing else is: a word, a digit or a full stop that
    differs is not found.
  * A document that is not at hand is said to be that, never taken as agreeing.

It does not read files: the caller passes texts by the name of their file.

    >>> find_words('Joint “Executive” Center', normalise('a Joint "Executive" Center'))
    (2, 26)
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from entente.terms.model import Ground, Source, Terms

MAX_GAP: Final = 1_000
"""Characters of the document that one gap may leave out: about a paragraph."""
MAX_NEAREST: Final = 160
_GAP: Final = re.compile(r"\s*(?:\[\s*(?:\.\.\.|…)\s*\]|…)\s*")
_DRAWN: Final = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u0060\u00b4", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-")
    | dict.fromkeys("\u00ad\u200b\ufeff", "")
)
_WORD: Final = re.compile(r"\w+")


def normalise(text: str) -> str:
    """Return the text with what typesetting changes made one: quotation marks, dashes, white space.

    Composed and decomposed letters are one (NFC), soft hyphens and zero-width spaces go, every run of white
    space is one space. Case, spelling, digits and punctuation stay.
    """
    return " ".join(unicodedata.normalize("NFC", text).translate(_DRAWN).split())


def find_words(words: str, document: str) -> tuple[int, int] | None:
    """Return where quoted words start and end in a document, or None.

    Args:
        words: As quoted. The first letter's case may differ from the document's, since a quotation may start
        a
            sentence or not.
        document: Normalised already.
    """
    pieces = [piece for raw in _GAP.split(words) if (piece := normalise(raw))]
    if not pieces:
        return None
    ends: list[tuple[int, int]] = []
    for index, piece in enumerate(pieces):
        starts = sorted(_find_all(piece, document, is_first=index == 0))
        if index == 0:
            ends = [(start, start + len(piece)) for start in starts]
        else:
            ends = _join(ends, starts, len(piece))
        if not ends:
            return None
    return ends[0]


def _join(ends: list[tuple[int, int]], starts: list[int], size: int) -> list[tuple[int, int]]:
    """Return (start of the whole, end) for each next piece that follows closely enough on one before."""
    at = [end for _, end in ends]
    order = sorted(range(len(at)), key=at.__getitem__)
    at.sort()
    found = []
    for start in starts:
        nearest = bisect_left(at, start + 1) - 1
        if nearest >= 0 and start - at[nearest] <= MAX_GAP:
            found.append((ends[order[nearest]][0], start + size))
    return found


def _find_all(piece: str, document: str, *, is_first: bool) -> Iterator[int]:
    """Yield each place where the piece stands as whole words."""
    spellings = {piece}
    if is_first:
        spellings |= {piece[0].upper() + piece[1:], piece[0].lower() + piece[1:]}
    for spelling in spellings:
        start = document.find(spelling)
        while start >= 0:
            end = start + len(spelling)
            opens = start == 0 or not (document[start - 1].isalnum() and spelling[0].isalnum())
            closes = end == len(document) or not (document[end].isalnum() and spelling[-1].isalnum())
            if opens and closes and len(spelling) == len(piece):
                yield start
            start = document.find(spelling, start + 1)


def find_nearest(words: str, document: str) -> str:
    """Return the passage of a (normalised) document that shares most words with these, "" if none does."""
    wanted = Counter(word.casefold() for word in _WORD.findall(normalise(words)))
    size = sum(wanted.values())
    window: deque[tuple[str, int, int]] = deque()
    have: Counter[str] = Counter()
    shared = best = 0
    where = (0, 0)
    for match in _WORD.finditer(document):
        word = match.group().casefold()
        window.append((word, match.start(), match.end()))
        have[word] += 1
        shared += have[word] <= wanted[word]
        if len(window) > size:
            gone, _, _ = window.popleft()
            shared -= have[gone] <= wanted[gone]
            have[gone] -= 1
        if shared > best:
            best, where = shared, (window[0][1], window[-1][2])
    shared_words = [
        match.span() for match in _WORD.finditer(document, *where) if match.group().casefold() in wanted
    ]
    passage = document[shared_words[0][0] : shared_words[-1][1]] if shared_words else ""
    return passage if len(passage) <= MAX_NEAREST else passage[: MAX_NEAREST - 3] + "..."


@dataclass(frozen=True, slots=True)
class Quotation:
    """One source and what became of looking it up.

    Args:
        statement: What rests on it: its kind and name, ``position 'us-no-share'``.
        state: ``found``; ``not found``; ``not at hand`` (no document's text to look in); ``paraphrase`` (no
        words). nearest: For words that were not found, the passage that shares most words with them.
    """

    statement: str
    source: Source
    state: Literal["found", "not found", "not at hand", "paraphrase"]
    nearest: str = ""


def list_grounds(terms: Terms) -> Iterator[tuple[str, Ground]]:
    """Yield each statement's kind and name with what it rests on, in the order of the tables."""
    for kind, statements in (
        ("rule", terms.rules),
        ("link", terms.links),
        ("clause", terms.clauses),
        ("position", terms.positions),
        ("designation", terms.designations),
        ("zone", terms.zones),
        ("obligation", terms.obligations),
        ("clock", terms.clocks),
    ):
        for each in statements:
            yield f"{kind} {each.id!r}", each.ground


def check_quotations(terms: Terms, documents: Mapping[str, str]) -> tuple[Quotation, ...]:
    """Return what became of each source: which words were found, which not, which could not be looked up.

    Args:
        documents: The text of each document at hand, by the name of its file.
    """
    files = {document.id: document.file for document in terms.documents}
    at_hand = {name: normalise(documents[name]) for name in set(files.values()) if name in documents}
    nearest_left = 10  # Looking for the nearest passage reads the whole document: done for the first few.
    found = []
    for statement, ground in list_grounds(terms):
        for source in ground.sources:
            text = at_hand.get(files.get(source.document, ""))
            if not source.words:
                found.append(Quotation(statement, source, "paraphrase"))
            elif text is None:
                found.append(Quotation(statement, source, "not at hand"))
            elif find_words(source.words, text):
                found.append(Quotation(statement, source, "found"))
            else:
                nearest = find_nearest(source.words, text) if nearest_left > 0 else ""
                nearest_left -= 1
                found.append(Quotation(statement, source, "not found", nearest))
    return tuple(found)
