"""Reading a terms file: bytes in, terms or every fault with its place out.

1. The bytes keep the limits of `toml_limits`, and are UTF-8.
2. They are TOML.
3. Every table has the keys of its kind, each of the form that the key has.
4. Names are unique in their space, look like no other, and refer to what there is.
5. Statements fit together, and rest on something.
6. Quoted words stand in the document, where it is at hand.

Each step tells all its faults; 1 and 2 end the reading.

Invariants: any bytes give terms or `TermsInvalid`, in time and memory bounded by the limits; terms that were
returned passed every step.

It does not ask whether anything is possible: see `entente.terms.search.problem`.

    >>> parse_terms(path.read_bytes(), {"edm.txt": text}).positions
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from entente.kernel.errors import describe
from entente.terms.file.faults import Fault, TermsInvalid
from entente.terms.file.naming import Names
from entente.terms.file.quotation import check_quotations
from entente.terms.file.reading_declared import (
    read_agencies,
    read_documents,
    read_groups,
    read_measures,
    read_parties,
    read_theatres,
)
from entente.terms.file.reading_stated import (
    read_clauses,
    read_clocks,
    read_designations,
    read_links,
    read_obligations,
    read_positions,
    read_programmes,
    read_rules,
    read_zones,
)
from entente.terms.file.reading_tables import Reading, Table
from entente.terms.file.shape import MAX_ACTORS, TABLES, TOP, VERSION
from entente.terms.file.toml_limits import get_place, read_text
from entente.terms.file.toml_places import find_places
from entente.terms.model import Place, Terms

_AT: Final = re.compile(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)
_PLAIN_WORDS: Final = {
    "Cannot overwrite a value": "expected each key once, got a key that stands already",
    "Invalid statement": "expected a key, a table's header or a comment",
    "Invalid value": "expected a value: text in quotation marks, a number, true, false, a list or a table",
}


def parse_terms(data: bytes, documents: Mapping[str, str] | None = None) -> Terms:
    """Return the terms that a file states.

    Args:
        data: The file: UTF-8, at most 4 MiB.
        documents: The text of each document that is at hand, by the name of its file. Without it nothing is
        looked
            up; `check_quotations` says what was not.

    Raises:
        TermsInvalid: Anything at all is wrong; it carries every fault.

    Source: docs/formats/terms.md.
    """
    text = read_text(data)
    value = load_toml(text)
    reading = Reading(find_places(text))
    file = Table(reading, "file", value, ())
    _check_top(file, value)
    terms = _read(file)
    for one in check_quotations(terms, {} if documents is None else documents):
        if one.state == "not found":
            near = f"; the nearest passage is {one.nearest!r}" if one.nearest else ""
            expected = f"expected words of document {one.source.document!r}, got words that it does not have"
            reading.faults.add("words-not-found", f"{one.statement}: {expected}{near}", one.source.at)
    reading.faults.require_none()
    return terms


def load_toml(text: str) -> dict[str, Any]:
    """Return the value of a text that keeps the limits, or raise `TermsInvalid` where it is no TOML."""
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        # The limit of nesting is far below Python's; only a caller that is itself deep in the stack comes
        # here.
        raise TermsInvalid([Fault("too-much", "terms file: expected less nesting, got too much")]) from error
    except ValueError as error:
        found = _AT.match(str(error))
        said = found[1] if found else str(error)
        place = get_place(text, len(text))
        if found and found[2]:
            place = Place(int(found[2]), int(found[3]))
        message = f"terms file: not TOML: {_PLAIN_WORDS.get(said, said[:1].lower() + said[1:200])}"
        raise TermsInvalid([Fault("bad-toml", message, place)]) from error


def _check_top(file: Table, value: Mapping[str, Any]) -> None:
    version = value.get("entente-terms")
    if "entente-terms" in value and (version != VERSION or isinstance(version, bool)):
        file.add_fault(
            "bad-version",
            f"entente-terms: expected {VERSION}, got {describe(version)}",
            "entente-terms",
        )
    known = {**TOP, **TABLES}
    for key in value:
        if key not in known:
            file.reading.faults.add(
                "unknown-key",
                f"terms file: expected one of the keys {', '.join(known)}, got {key[:60]!r}",
                file.reading.places.of_key((key,)),
                file.reading.faults.suggest(key, known),
            )
    for key in TOP:
        if key not in value:
            file.add_fault("missing-key", f"expected the key {key}, got none")


def _read(file: Table) -> Terms:
    # Names are declared before they are referred to: this order is that of what refers to what.
    names = Names()
    names.foresee(file)
    documents = read_documents(file, names)
    parties = read_parties(file, names)
    agencies = read_agencies(file, names)
    groups = read_groups(file, names)
    theatres = read_theatres(file, names)
    measures = read_measures(file, names)
    actors = sum(len(each.by) or len(parties) for each in measures if each.against)
    if actors > MAX_ACTORS:
        message = (
            f"measure: expected at most {MAX_ACTORS} acting parties against groups, all measures together"
        )
        file.add_fault("too-many", f"{message}, got {actors}", "measure")
    clauses = read_clauses(file, names)
    return Terms(
        title=file.get_line("title"),
        question=file.get_line("question"),
        documents=documents,
        parties=parties,
        agencies=agencies,
        groups=groups,
        theatres=theatres,
        measures=measures,
        clauses=clauses,
        rules=read_rules(file, names),
        links=read_links(file, names, measures),
        positions=read_positions(file, names),
        designations=read_designations(file, names),
        zones=read_zones(file, names),
        obligations=read_obligations(file, names),
        clocks=read_clocks(file, names),
        programmes=read_programmes(file, names),
    )
