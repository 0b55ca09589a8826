"""The report as one HTML file: opens offline, prints on A4, reads on a telephone.

Invariants:
  * Nothing runs and nothing is fetched: no script, link, image, font or frame; a policy forbids them.
  * Every text is escaped; names and quotations are isolated, so that one written from right to left does not
    turn what stands beside it.
  * The picture is the only markup that is passed in: it must come from `entente.terms.picture`.

    >>> html = encode_html(page, svg)
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from entente.terms.words.phrases import Quote
from entente.terms.words.report import Cited, Item, Page, Section

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE: Final = """
:root { --ink: #17212b; --grey: #51606e; --line: #d3dae0; --accent: #a3301c; --ground: #f5f7f9; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: #fff; color: var(--ink); font: 16px/1.45 system-ui, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
main { max-width: 50rem; margin: 0 auto; padding: 2rem 1.25rem 3rem; }
header p.title { margin: 0; color: var(--grey); font-size: .875rem; }
h1 { margin: .2rem 0 .9rem; font-size: 1.75rem; line-height: 1.2; text-wrap: balance; }
p.answer { margin: 0 0 .6rem; padding: .8rem 1rem; border-left: 5px solid var(--accent);
  background: var(--ground); font-size: 1.125rem; font-weight: 600; }
h2 { margin: 1.7rem 0 .5rem; padding-bottom: .2rem; border-bottom: 1px solid var(--line);
  font-size: 1.0625rem; }
p { margin: .35rem 0; }
ul { margin: .35rem 0; padding: 0; list-style: none; }
li { position: relative; margin: .3rem 0; padding-left: 1.1rem; }
li::before { content: "\\2013"; position: absolute; left: 0; color: var(--grey); }
li.badged { margin: .8rem 0; padding-left: 2.2rem; break-inside: avoid; }
li.badged::before { content: none; }
.badge { position: absolute; left: 0; top: .1rem; width: 1.5rem; height: 1.5rem; border-radius: 50%;
  background: var(--accent); color: #fff; font-size: .8125rem; font-weight: 700; line-height: 1.5rem;
  text-align: center; }
.way .badge { background: #1f5f4a; }
.marks { color: var(--grey); font-size: .875rem; white-space: normal; }
.marks b { padding: .02rem .35rem; border-radius: 3px; background: var(--ink); color: #fff;
  font-size: .75rem; }
.quote { display: block; color: var(--grey); font-size: .9375rem; }
.quote q { color: var(--ink); font-style: italic; quotes: none; }
.note { display: block; font-size: .9375rem; }
table { border-collapse: collapse; margin: .7rem 0; font-size: .9375rem; }
th, td { padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left; }
th + th, td + td { text-align: right; font-variant-numeric: tabular-nums; }
.after { color: var(--grey); font-size: .9375rem; }
figure { margin: 1.8rem 0 0; }
figure svg { display: block; width: 100%; max-width: 46rem; height: auto; margin: 0 auto; }
footer { margin-top: 1.8rem; padding-top: .6rem; border-top: 1px solid var(--line); color: var(--grey);
  font-size: .8125rem; }
footer p { margin: .15rem 0; }
@media (max-width: 30rem) {
  main { padding: 1.1rem .9rem 2rem; }
  h1 { font-size: 1.375rem; }
  p.answer { font-size: 1.0625rem; padding: .7rem .8rem; }
}
@page { size: A4; margin: 8mm 13mm; }
@media print {
  body { font-size: 8.1pt; line-height: 1.23; }
  main { max-width: none; padding: 0; }
  header p.title { font-size: 7.5pt; }
  h1 { margin: 0 0 1.6mm; font-size: 14pt; }
  p.answer { margin: 0 0 1.2mm; padding: 1.4mm 2.6mm; font-size: 9.2pt; print-color-adjust: exact;
    -webkit-print-color-adjust: exact; }
  h2 { margin: 2.1mm 0 .7mm; padding-bottom: .3mm; font-size: 9.4pt; break-after: avoid; }
  p, ul { margin: .4mm 0; }
  li { margin: .3mm 0; padding-left: 3.2mm; }
  li.badged { margin: .9mm 0; padding-left: 6mm; }
  .badge { top: 0; width: 4mm; height: 4mm; font-size: 7.4pt; line-height: 4mm; }
  .badge, .marks b { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  .marks, .quote, .note, .after, table { font-size: 7.6pt; }
  .fine ul { columns: 2; column-gap: 6mm; font-size: 7.3pt; }
  .fine li { break-inside: avoid; }
  .fine .marks, .fine .quote { display: inline; font-size: 6.9pt; }
  .marks b { font-size: 6.8pt; }
  table { margin: 1mm 0; }
  th, td { padding: .3mm 3mm .3mm 0; }
  figure { display: none; }
  footer { margin-top: 2mm; padding-top: .8mm; font-size: 7pt; }
}
"""


def encode_html(page: Page, picture: str = "") -> str:
    """Return the whole file.

    Args:
        picture: SVG of the graph, shown on screens; paper has room for the words alone.
    """
    figure = f"<figure>\n{picture}</figure>\n" if picture else ""
    footer = "\n".join(f"<p>{_isolate(line)}</p>" for line in page.file)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{_escape(page.question)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f'<header>\n<p class="title">{_isolate(page.title)}</p>\n<h1>{_isolate(page.question)}</h1>\n'
        f'<p class="answer">{_isolate(page.answer)}</p>\n'
        f'<p class="after">{_isolate(page.search)}</p>\n</header>\n'
        f"{''.join(_section(each) for each in page.sections)}{figure}<footer>\n{footer}\n</footer>\n"
        "</main>\n</body>\n</html>\n"
    )


def _escape(text: str) -> str:
    return escape(text, quote=True)


def _isolate(text: str) -> str:
    return f"<bdi>{_escape(text)}</bdi>"


def _section(section: Section) -> str:
    lines = "".join(f"<p>{_isolate(line)}</p>\n" for line in section.lines)
    after = "".join(f'<p class="after">{_isolate(line)}</p>\n' for line in section.after)
    inner = f"{lines}{_list(section.items)}{_table(section.table)}{after}"
    kind = ' class="fine"' if section.is_fine else ""
    return f"<section{kind}>\n<h2>{_escape(section.heading)}</h2>\n{inner}</section>\n"


def _list(items: Iterable[Item]) -> str:
    listed = "".join(_item(item) for item in items)
    return f"<ul>\n{listed}</ul>\n" if listed else ""


def _item(item: Item) -> str:
    kind, badge = "", ""
    if item.badge:
        kind = ' class="badged"' if item.badge.isdigit() else ' class="badged way"'
        badge = f'<span class="badge">{_escape(item.badge)}</span>'
    marks = f' <span class="marks">({"; ".join(map(_mark, item.marks))})</span>' if item.marks else ""
    cited = "".join(map(_cite, item.cited))
    notes = "".join(f'<span class="note">{_isolate(note)}</span>' for note in item.notes)
    return f"<li{kind}>{badge}{_isolate(item.text)}{marks}{cited}{_list(item.inner)}{notes}</li>\n"


def _mark(mark: str) -> str:
    word, colon, rest = mark.partition(":")
    return f"<b>LAW</b>{colon}{_escape(rest)}" if word == "law" else _escape(mark)


def _cite(cited: Cited) -> str:
    words = " \u00b7 ".join(_quote(quote) for quote in cited.words if quote.text)
    where = _isolate(cited.where)
    return (
        f' <span class="quote">{words} - {where}</span>' if words else f' <span class="quote">{where}</span>'
    )


def _quote(quote: Quote) -> str:
    if not quote.is_verbatim:
        return f"in substance: {_isolate(quote.text)}"
    return f"<q>{_isolate(f'“{quote.text}”')}</q>"


def _table(rows: tuple[tuple[str, ...], ...]) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{_escape(cell)}</th>' for cell in rows[0])
    body = "".join(f"<tr>{''.join(f'<td>{_isolate(cell)}</td>' for cell in row)}</tr>\n" for row in rows[1:])
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table>\n"
