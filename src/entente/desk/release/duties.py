"""What release asks of a person at this desk, for the inbox.

Invariants: computed from record and book each time; what the desk does by itself is not here; no word of what
a report or source says is repeated: its name, at most.

    >>> list_release_duties(rows, book, "us")
    [('plan-3', "plan 3 (report 'r-17' to ru): a second officer's yes is needed; duty-1 has said yes", '')]
"""

from __future__ import annotations

from collections.abc import Iterator

from entente.desk.book import Book
from entente.kernel.rows import Rows
from entente.release.onward import find_unanswered
from entente.release.recall import find_owed
from entente.release.rules import ReleaseRulesRow

Duty = tuple[str, str, str]


def list_release_duties(rows: Rows, book: Book, party: str) -> list[Duty]:
    """Return subject, words and whose doing it is, by subject."""
    found = [*_plans(book), *_questions(rows, party), *_recalls(rows, party), *_rules(rows, party)]
    return sorted(found)


def _plans(book: Book) -> Iterator[Duty]:
    for row in book.read(
        "SELECT release_plans.*, report FROM release_plans JOIN release_items USING (item)"
        " WHERE state IN ('planned', 'stale', 'refused') ORDER BY id"
    ):
        what = f"plan {row['id']} (report {row['report']!r} to {row['recipient']})"
        said = [
            one["officer"]
            for one in book.read("SELECT officer FROM release_approvals WHERE plan = ?", (row["id"],))
        ]
        if row["state"] == "planned" and said:
            words = f"{what}: a second officer's yes is needed; {', '.join(said)} has said yes"
            yield f"plan-{row['id']}", words, ""
        elif row["state"] == "stale" and said:
            words = f"{what}: was not sent, things have changed since: {row['reason']}: plan it again"
            yield f"plan-{row['id']}", words, ""
        elif row["state"] == "refused":
            words = f"{what}: charged and not taken: {row['reason']} [{row['code']}]; the charge stays"
            yield f"plan-{row['id']}", words, ""


def _questions(rows: Rows, party: str) -> Iterator[Duty]:
    for row in find_unanswered(rows, party):
        words = (
            f"{row.holder} asks to pass an item of ours on to {row.ask.to} for {row.ask.purpose!r}: yes or "
            "no; until then it may not"
        )
        yield row.message, words, row.holder


def _recalls(rows: Rows, party: str) -> Iterator[Duty]:
    for row in find_owed(rows, party):
        words = f"an item that we passed on to {row.to} was recalled from us: recall it there too"
        yield row.message, words, row.item.originator


def _rules(rows: Rows, party: str) -> Iterator[Duty]:
    for row in rows.select(ReleaseRulesRow):
        if row.state == "proposed" and party in row.rules.parties and row.author != party:
            words = f"{row.author} proposes rules of release {row.id!r}: agree, or end them"
            yield row.id, words, row.author
