"""`entente terms diff`: what differs between two versions of a terms file, in meaning and not in text.

Invariant: exit code 0 whether they differ or not; ``--check`` gives 3 where they do, for scripts.

    $ entente terms diff centre-2016-09-09.toml centre.toml
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json
from entente.cli.terms_file import Documents, TermsFile, load_terms
from entente.cli.terms_picture import Seconds
from entente.cli.terms_watch import TerminalWatch
from entente.terms.search.difference import compare_terms
from entente.terms.words.changes import difference_to_json, say_difference
from entente.terms.words.sentences import fold_lines


def register(app: App) -> None:
    """Add the command to ``entente terms``."""
    app.command(diff)


def diff(
    old: Annotated[TermsFile, Parameter(name="OLD")],
    new: Annotated[TermsFile, Parameter(name="NEW")],
    /,
    *,
    check: Annotated[bool, Parameter(help="Exit with 3 where they differ.")] = False,
    seconds: Seconds = 10.0,
    documents: Documents = None,
    json: Json = False,
) -> int:
    """Say what differs from OLD to NEW, in what they say and in what follows from it.

    Example: entente terms diff centre-2016-09-09.toml centre.toml
    """
    before, after = load_terms(old, documents), load_terms(new, documents)
    with TerminalWatch(seconds) as watch:
        answer = watch.run(lambda: compare_terms(before, after, watch=watch))
    if json:
        print_json({"ok": True, **difference_to_json(answer)})
    else:
        for line in fold_lines(say_difference(before, after, answer)):
            print(line)
    return ExitCode.REFUSED if check and answer.changes else ExitCode.OK
