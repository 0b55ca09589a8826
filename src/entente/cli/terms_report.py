"""`entente terms report`: one page to hand to whoever decides, as HTML or Markdown.

Invariant: the page says which file it is about, by its hash, and how far each search got.

    $ entente terms report centre.toml --out report.html
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json
from entente.cli.terms_file import Documents, TermsFile, load_terms
from entente.cli.terms_picture import ProgrammeID, Seconds, name_file, write_file
from entente.cli.terms_watch import TerminalWatch
from entente.desk.terms_room.questions import ask_all, choose_programme
from entente.kernel.errors import Malformed
from entente.terms.picture.canvas import place_graph
from entente.terms.picture.graph import build_graph
from entente.terms.picture.svg import encode_svg
from entente.terms.words.report import build_page
from entente.terms.words.report_html import encode_html
from entente.terms.words.report_markdown import encode_markdown


def register(app: App) -> None:
    """Add the command to ``entente terms``."""
    app.command(report)


def report(
    file: TermsFile,
    /,
    *,
    out: Annotated[Path, Parameter(help="Where to write it: a name that ends in .html or .md.")],
    programme: ProgrammeID = "",
    seconds: Seconds = 10.0,
    documents: Documents = None,
    json: Json = False,
) -> int:
    """Write the one-page report: answer, obstacles with quotations, ways out, what was assumed.

    Example: entente terms report centre.toml --out report.html
    """
    if out.suffix not in {".html", ".md"}:
        raise Malformed("bad-out", f"out: expected a name that ends in .html or .md, got {str(out)!r}")
    terms = load_terms(file, documents)
    data = file.read_bytes()
    asked = choose_programme(terms, programme)
    with TerminalWatch(seconds) as watch:
        findings = watch.run(lambda: ask_all(terms, asked, watch))
    page = build_page(findings, file.name, hashlib.sha256(data).hexdigest())
    if out.suffix == ".md":
        text = encode_markdown(page)
    else:
        price = findings.packages
        packages = price.packages if price is not None else ()
        drawn = build_graph(
            terms,
            findings.obstacles,
            package=packages[0] if packages else None,
            is_cheapest=price is not None and bool(packages) and price.at_least >= packages[0].cost,
        )
        picture = encode_svg(place_graph(drawn, footer=name_file(file, data))) if drawn.ties else ""
        text = encode_html(page, picture)
    write_file(out, text.encode())
    if json:
        print_json({"ok": True, "out": str(out), "answer": page.answer})
    else:
        print(f"wrote {out}: {page.answer}")
    return ExitCode.OK
