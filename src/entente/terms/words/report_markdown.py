"""The report as Markdown: for a mail, a wiki or a repository.

Invariant: a text of strangers is text: no character of it starts a heading, list, link, image, table or tag,
whichever dialect reads it.

    >>> encode_markdown(page).splitlines()[0]
    '# Is a US-Russian joint operation against the Islamic State possible?'
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from entente.terms.words.phrases import Quote
from entente.terms.words.report import Cited, Item, Page, Section

_SPECIAL: Final = re.compile(r"[\\`*_\[\]#|~@$^=]|(?<=[a-zA-Z]):(?=//)|(?<=www)\.", re.IGNORECASE)
_LEADING: Final = re.compile(r"^([-+]|\d{1,9}(?=[.)]))")


def encode_markdown(page: Page) -> str:
    """Return the whole file."""
    parts = [f"# {_escape(page.question)}", f"**{_escape(page.answer)}**", _escape(page.search)]
    for section in page.sections:
        parts += _section(section)
    parts += ["---", "  \n".join(_escape(line) for line in page.file)]
    return "\n\n".join(parts) + "\n"


def _escape(text: str) -> str:
    # Dialects read more than CommonMark does (formulas, addresses, tables): what any of them reads, goes.
    escaped = _SPECIAL.sub(lambda found: f"\\{found[0]}", text.strip())
    escaped = escaped.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    led = _LEADING.match(escaped)
    if led is None:
        return escaped
    # A number is followed by its dot or bracket, which is what makes it a list.
    end = led.end()
    return f"\\{escaped}" if not led[0].isdigit() else f"{escaped[:end]}\\{escaped[end:]}"


def _section(section: Section) -> list[str]:
    parts = [f"## {_escape(section.heading)}", *(_escape(line) for line in section.lines)]
    items = [line for item in section.items for line in _item(item, "")]
    if items:
        parts.append("\n".join(items))
    if section.table:
        parts.append("\n".join(_table(section.table)))
    return [*parts, *(_escape(line) for line in section.after)]


def _item(item: Item, indent: str) -> Iterable[str]:
    badge = f"**{_escape(item.badge)}** " if item.badge else ""
    if badge and item.badge == "+":
        badge = "**Add** "
    marks = f" ({'; '.join(_mark(mark) for mark in item.marks)})" if item.marks else ""
    yield f"{indent}- {badge}{_escape(item.text)}{marks}"
    deeper = f"{indent}  "
    for cited in item.cited:
        yield f"{deeper}- {_cite(cited)}"
    for inner in item.inner:
        yield from _item(inner, deeper)
    for note in item.notes:
        yield f"{deeper}- {_escape(note)}"


def _mark(mark: str) -> str:
    return f"**{_escape(mark)}**" if mark.startswith("law") else _escape(mark)


def _cite(cited: Cited) -> str:
    words = " \u00b7 ".join(_quote(quote) for quote in cited.words if quote.text)
    return f"{words} - {_escape(cited.where)}" if words else _escape(cited.where)


def _quote(quote: Quote) -> str:
    return f"“{_escape(quote.text)}”" if quote.is_verbatim else f"in substance: {_escape(quote.text)}"


def _table(rows: tuple[tuple[str, ...], ...]) -> Iterable[str]:
    yield f"| {' | '.join(_escape(cell) for cell in rows[0])} |"
    yield f"|{'|'.join('---' for _ in rows[0])}|"
    for row in rows[1:]:
        yield f"| {' | '.join(_escape(cell) for cell in row)} |"
