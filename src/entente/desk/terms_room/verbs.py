"""The verbs of terms files: load, list, read, ask, stop, drop; and the worked example.

Invariants: none signs or sends anything; an officer of our roster puts and drops files; looking needs none.

    >>> ask(desk, TermsAskRequest(name="center", question="why-not"))["sentence"]
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec

from entente.desk.assembly import Desk
from entente.desk.requests import TokenText
from entente.desk.speaking import check_officer
from entente.desk.terms_room.questions import Asked, Question, choose_programme
from entente.desk.terms_room.shelf import TermsFile
from entente.desk.terms_room.structure import describe_terms
from entente.kernel.errors import NotFound
from entente.kernel.wire import OptionalSlug, SlugText, WireStruct
from entente.terms.file.faults import Fault, TermsInvalid
from entente.terms.file.oddities import list_oddities
from entente.terms.model import NOWHERE

MAX_SECONDS: Final = 60
EXAMPLE: Final = "edm-2017"
PRIVATE: Final = "A terms file stays on this desk. Nothing of it is sent to the center or to another party."
Plain = dict[str, Any]


class TermsLoadRequest(WireStruct, frozen=True, kw_only=True):
    """Keep a terms file, in place of the one of that name."""

    officer: SlugText
    name: SlugText
    token: TokenText = ""
    """Of no use here, where asking twice keeps the same file; a page puts one into every act."""
    text: Annotated[str, msgspec.Meta(min_length=1)]


class TermsDropRequest(WireStruct, frozen=True, kw_only=True):
    """Remove a terms file for good."""

    officer: SlugText
    name: SlugText
    token: TokenText = ""


class TermsFileRequest(WireStruct, frozen=True, kw_only=True):
    """Name a terms file."""

    name: SlugText


class TermsAskRequest(WireStruct, frozen=True, kw_only=True):
    """Ask a terms file.

    ``programme`` empty: its first one. ``whatif``: changes, as `entente.terms.search.whatif` spells them.
    ``concede``: for ``permits``, positions with commas between, each ``POSITION`` or ``POSITION=GRADE``.
    ``seconds``: for each search. ``asker``: who asks; asking again stops the question before.
    """

    name: SlugText
    question: Question = "why-not"
    programme: OptionalSlug = ""
    whatif: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    concede: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    most: Annotated[int, msgspec.Meta(ge=1, le=60)] = 10
    every: Annotated[int, msgspec.Meta(ge=0, le=1)] = 0
    seconds: Annotated[int, msgspec.Meta(ge=1, le=MAX_SECONDS)] = 5
    asker: OptionalSlug = ""


class TermsAskerRequest(WireStruct, frozen=True, kw_only=True):
    """Name who asks."""

    asker: SlugText


def load(desk: Desk, request: TermsLoadRequest) -> Plain:
    """Keep a file as it is given, faults and all; return what is to be mended in it."""
    check_officer(desk, request.officer)
    file = desk.terms.shelf.put(request.name, request.text.encode(), officer=request.officer)
    return _describe(desk, file) | {"private": PRIVATE}


def drop(desk: Desk, request: TermsDropRequest) -> Plain:
    """Remove a file."""
    check_officer(desk, request.officer)
    desk.terms.shelf.drop(request.name)
    return {"dropped": request.name}


def list_files(desk: Desk) -> Plain:
    """Return every file in short."""
    listed = [_describe(desk, file) for file in desk.terms.shelf.list_files()]
    return {"files": listed, "private": PRIVATE, "has_example": _find_example() is not None}


def get_file(desk: Desk, request: TermsFileRequest) -> Plain:
    """Return a file's text, its faults with their places, and what stands in it when it has none."""
    file = desk.terms.shelf.get(request.name)
    told = _describe(desk, file) | {
        "text": file.data.decode(errors="replace"),
        "private": PRIVATE,
        "fault_list": [],
        "more_faults": 0,
        "oddities": [],
        "terms": None,
    }
    try:
        terms = desk.terms.read(file)
    except TermsInvalid as error:
        return told | {"fault_list": [_place(each) for each in error.faults], "more_faults": error.more}
    return told | {
        "terms": describe_terms(terms),
        "oddities": [_place(each) for each in list_oddities(terms)],
    }


def ask(desk: Desk, request: TermsAskRequest) -> Plain:
    """Ask a file, as it stands or with changes."""
    file = desk.terms.shelf.get(request.name)
    asked = Asked(
        request.question,
        choose_programme(desk.terms.read(file), request.programme),
        request.most,
        bool(request.every),
        tuple(each for each in request.concede.split(",") if each),
    )
    told = desk.terms.ask(
        file, asked, whatif=request.whatif, seconds=float(request.seconds), asker=request.asker
    )
    return {"name": file.name, "sha256": file.sha256, "seconds": request.seconds} | told


def find_progress(desk: Desk, request: TermsAskerRequest) -> Plain:
    """Return how far an asker's search is."""
    return desk.terms.find_progress(request.asker)


def stop(desk: Desk, request: TermsAskerRequest) -> Plain:
    """Stop an asker's search: it answers with what it has."""
    return {"stopped": desk.terms.stop(request.asker)}


def get_example(_desk: Desk) -> Plain:
    """Return the worked example of 2017, to be loaded like any other file."""
    path = _find_example()
    if path is None:
        raise NotFound("no-example", f"example {EXAMPLE!r}: expected it in this installation, found none")
    return {"name": EXAMPLE, "text": path.read_text(encoding="utf-8")}


def _find_example() -> Path | None:
    package = Path(str(files("entente")))
    # A wheel has its copy beside the demo's scenes; an editable installation has the one under examples/.
    places = (
        package / "cli" / "scenes" / f"{EXAMPLE}.toml",
        package.parents[1] / "examples" / EXAMPLE / "terms.toml",
    )
    return next((path for path in places if path.is_file()), None)


def _describe(desk: Desk, file: TermsFile) -> Plain:
    return {
        "name": file.name,
        "sha256": file.sha256,
        "size_bytes": len(file.data),
        "officer": file.officer,
        "at": file.at,
    } | desk.terms.brief(file)


def _place(fault: Fault) -> Plain:
    where = (0, 0) if fault.at == NOWHERE else (fault.at.line, fault.at.column)
    return {
        "line": where[0],
        "column": where[1],
        "code": fault.code,
        "message": fault.message,
        "suggestion": fault.suggestion,
    }
