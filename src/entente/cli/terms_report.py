"""`entente terms report`: one page to hand to whoever decides, as HTML or Markdown.

Invariant: the page says which file it is about, by its hash, and how far each search got.

    $ entente terms report centre.toml --out report.html
"""

from __future__ import annotations

import hashlib
from itertools import islice
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter

from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json
from entente.cli.terms_file import Documents, TermsFile, load_terms
from entente.cli.terms_picture import ProgrammeID, Seconds, choose_programme, name_file, write_file
from entente.cli.terms_watch import TerminalWatch
from entente.kernel.errors import Malformed
from entente.terms.answers import Reading
from entente.terms.model import Terms
from entente.terms.picture.canvas import place_graph
from entente.terms.picture.graph import build_graph
from entente.terms.picture.svg import encode_svg
from entente.terms.search import find_obstacles, find_packages, is_possible
from entente.terms.search.inspection import find_unguaranteed, scan_readings
from entente.terms.search.programmes import find_additions, find_best_programme
from entente.terms.search.watch import Stopped, Watch
from entente.terms.words.report import MAX_OBSTACLES, MAX_WAYS, Findings, build_page
from entente.terms.words.report_html import encode_html
from entente.terms.words.report_markdown import encode_markdown

MOST_READINGS: Final = 1_000
"""Those beyond are neither shown nor counted: the page shows a handful, and there may be millions."""


def register(app: App) -> None:
    """Add the command to ``entente terms``."""
    app.command(report)


def ask_all(terms: Terms, programme: str, watch: Watch | None = None) -> Findings:
    """Ask everything that the page answers."""
    readings: list[Reading] = []
    is_whole = False
    try:
        readings.extend(islice(scan_readings(terms, watch=watch), MOST_READINGS))
        is_whole = len(readings) < MOST_READINGS
    except Stopped:
        pass  # what was found before stands in the list
    unfinished = () if is_whole else ("where two positions read one clause differently",)
    return Findings(
        terms,
        find_obstacles(terms, programme=programme, most=MAX_OBSTACLES + 5, watch=watch),
        feasibility=is_possible(terms, programme=programme, watch=watch),
        packages=find_packages(terms, programme=programme, most=MAX_WAYS, watch=watch),
        additions=find_additions(terms, programme=programme, most=MAX_WAYS, watch=watch),
        best=find_best_programme(terms, watch=watch),
        unguaranteed=find_unguaranteed(terms),
        readings=tuple(readings),
        unfinished=unfinished,
    )


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
