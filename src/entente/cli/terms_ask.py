"""`entente terms ask`: is it possible, why not, at what price, and what else would do.

Invariants: every answer says how far its search got; a search that is stopped still prints what it found;
with ``--json`` the answers stand in one object, by question.

    $ entente terms ask centre.toml why-not price --programme joint-operation
"""

from __future__ import annotations

from typing import Annotated, Final

from cyclopts import App, Parameter

from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json
from entente.cli.terms_file import Documents, TermsFile, load_terms
from entente.cli.terms_picture import ProgrammeID, Seconds
from entente.cli.terms_watch import TerminalWatch
from entente.desk.terms_room.questions import TITLES, Asked, Question, Said, ask_question, choose_programme
from entente.kernel.errors import Malformed
from entente.terms.words.sentences import fold_lines

FIRST: Final = ("possible", "why-not", "price", "now", "additions")
"""What is answered when no question is named."""


def register(app: App) -> None:
    """Add the command to ``entente terms``."""
    app.command(ask)


def ask(  # noqa: PLR0913 - one option for each thing that can be asked for
    file: TermsFile,
    question: Annotated[
        list[Question] | None,
        Parameter(
            name="QUESTION",
            help="Any of: possible, why-not, price, now, permits, additions, inactive, readings, "
            "unguaranteed, shared. Without one: possible, why-not, price, now, additions.",
        ),
    ] = None,
    /,
    *,
    programme: ProgrammeID = "",
    most: Annotated[int, Parameter(help="How many obstacles, packages or additions at most.")] = 5,
    every: Annotated[
        bool, Parameter(name="--all", help="Every obstacle there is, by a search that proves it.")
    ] = False,
    concede: Annotated[
        list[str] | None,
        Parameter(
            help="For permits: POSITION, or POSITION=GRADE to soften it; may be repeated. Without it, the "
            "cheapest package."
        ),
    ] = None,
    seconds: Seconds = 10.0,
    documents: Documents = None,
    json: Json = False,
) -> int:
    """Ask what the terms in FILE come to.

    Example: entente terms ask centre.toml why-not price --programme joint-operation
    Example: entente terms ask centre.toml permits --concede us-no-locations=within-10-km
    """
    if most < 1:
        raise Malformed("bad-most", f"most: expected 1 or more, got {most}")
    terms = load_terms(file, documents)
    asked = choose_programme(terms, programme)
    with TerminalWatch(seconds) as watch:

        def ask_one(name: str) -> Said:
            watch.restart()
            return ask_question(terms, Asked(name, asked, most, every, tuple(concede or ())), watch)

        names = dict.fromkeys(question or FIRST)
        answers = watch.run(lambda: {name: ask_one(name) for name in names})
    if json:
        print_json(
            {"ok": True, "programme": asked, "answers": {name: each.plain for name, each in answers.items()}}
        )
        return ExitCode.OK
    print(f"{terms.title}\n{terms.question}")
    for name, said in answers.items():
        print(f"\n{TITLES[name]}")
        for line in fold_lines(said.lines):
            print(f"  {line}".rstrip())
    return ExitCode.OK
