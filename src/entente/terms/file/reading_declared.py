"""What a terms file declares: documents, who there is, and what could be done. Statements refer to these.

Invariants: names are entered before anything refers to them, so that the order of tables in the file does
not matter; what a measure refers to is checked when everything is declared.

    >>> read_parties(file, names)
    (Party(id='us', name='United States', takes_part=True),)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from entente.kernel.errors import describe
from entente.terms.file.expression_text import RESERVED
from entente.terms.file.naming import Names
from entente.terms.file.reading_tables import Table
from entente.terms.file.shape import FILE_PATTERN, MAX_GRADES, MAX_HOLDERS, MAX_TABLES
from entente.terms.model import Agency, Document, Grade, Group, Measure, Party, Theatre

_FILE: Final = re.compile(FILE_PATTERN)


def list_kind(file: Table, kind: str) -> Iterator[Table]:
    """Yield every ``[[kind]]`` of the file, its keys checked."""
    return file.list_tables(kind, kind, MAX_TABLES, may_stand_alone=False)


def list_named(file: Table, kind: str, names: Names) -> Iterator[tuple[Table, str, str]]:
    """Yield every ``[[kind]]`` with its identifier and its name for display, both entered."""
    for table in list_kind(file, kind):
        identifier, name = table.get_slug("id"), table.get_name()
        names.declare(table, identifier)
        names.check_look(table, name)
        yield table, identifier, name


def read_documents(file: Table, names: Names) -> tuple[Document, ...]:
    """Return the documents that sources point to."""
    found = []
    files: set[str] = set()
    for table in list_kind(file, "document"):
        identifier = table.get_slug("id")
        names.declare(table, identifier)
        title, name = table.get_line("title"), table.get_line("file")
        names.check_look(table, title, key="title")
        if name and not (_FILE.match(name) and ".." not in name):
            # SECURITY: a path would let a file of terms that came from elsewhere name any file of the
            # reader's.
            table.add_fault(
                "bad-file", f"file: expected the name of a file, no path, got {describe(name)}", "file"
            )
            name = ""
        if name in files:
            table.add_fault("duplicate", f"file: expected a file of its own, got {name!r} again", "file")
        files.update({name} - {""})
        found.append(
            Document(
                id=identifier,
                title=title,
                publisher=table.get_line("publisher"),
                date=table.get_date("date"),
                url=table.get_line("url"),
                file=name,
            )
        )
    return tuple(found)


def read_parties(file: Table, names: Names) -> tuple[Party, ...]:
    """Return the parties."""
    return tuple(
        Party(identifier, name, table.get_flag("takes-part", default=True))
        for table, identifier, name in list_named(file, "party", names)
    )


def read_agencies(file: Table, names: Names) -> tuple[Agency, ...]:
    """Return the agencies, each of a party that there is."""
    found = []
    for table, identifier, name in list_named(file, "agency", names):
        party = table.get_slug("party")
        names.find(table, "party", ("party",), party)
        found.append(Agency(identifier, name, party))
    return tuple(found)


def read_groups(file: Table, names: Names) -> tuple[Group, ...]:
    """Return the groups."""
    return tuple(Group(identifier, name) for _, identifier, name in list_named(file, "group", names))


def read_theatres(file: Table, names: Names) -> tuple[Theatre, ...]:
    """Return the other theatres."""
    return tuple(Theatre(identifier, name) for _, identifier, name in list_named(file, "theatre", names))


def read_measures(file: Table, names: Names) -> tuple[Measure, ...]:
    """Return the measures; parties, groups and theatres have been read."""
    found = []
    for table, identifier, name in list_named(file, "measure", names):
        grades = _read_grades(table, names)
        if identifier:
            names.graded[identifier] = tuple(grade.id for grade in grades)
        theatre, against = table.get_slug("theatre"), table.get_slug("against")
        names.find(table, "theatre", ("theatre",), theatre)
        names.find(table, "against", ("group",), against)
        by = names.find_all(table, "by", ("party",), table.get_slugs("by", MAX_HOLDERS))
        is_offered = table.get_flag("offered", default=True)
        found.append(Measure(identifier, name, grades, theatre, against, by, is_offered))
    return tuple(found)


def _read_grades(table: Table, names: Names) -> tuple[Grade, ...]:
    value = table.get_raw("grades")
    if value is None:
        return ()
    if not isinstance(value, list) or not 2 <= len(value) <= MAX_GRADES:
        expected = f"expected a list of 2 to {MAX_GRADES}, from the least to the furthest"
        message = f"grades: {expected}, got {describe(value)}"
        table.add_fault("bad-count", message, "grades")
        return ()
    if all(isinstance(each, str) for each in value):
        listed = [Grade(name, name.replace("-", " ")) for name, _ in table.get_slugs("grades", MAX_GRADES)]
    else:
        listed = []
        for each in table.list_tables("grades", "grade", MAX_GRADES):
            identifier, name = each.get_slug("id"), each.get_name()
            names.check_look(each, name, space=f"grades of {table.path}")
            if identifier in {grade.id for grade in listed} - {""}:
                each.add_fault("duplicate", f"id: expected each grade once, got {identifier!r} again", "id")
            listed.append(Grade(identifier, name))
    for grade in listed:
        if grade.id in RESERVED:
            message = f"grades: expected no word of expressions, got {grade.id!r}"
            table.add_fault("bad-name", message, "grades")
    return tuple(listed)
