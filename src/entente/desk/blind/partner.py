"""What the other side holds: its tags, fetched when the record names them, checked, and kept by version.

Invariants:
  * A list has as many tags as the record says, each once; an amendment withdraws what is there and adds what
    is not. A list that is otherwise is bad, with everything that continues it: no run against it ends CLEAR.
  * A question is looked up in the version that it named, however the list has moved on since.

It cannot tell a tag from padding.

    >>> tags.step()
    True
    >>> tags.find_list(version)
    TagList(tags=array([...]), code='', words='')
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from entente.blind.exact import apply_amendment
from entente.blind.group import Tags
from entente.blind.holding import HoldingRow, VersionRow, find_holding, name_holding
from entente.blind.parcels import parse_tags
from entente.blind.rules import RulesRow
from entente.blind.sizes import CANARIES
from entente.desk.blind.forgetting import find_last_past
from entente.desk.blind.parts import BlindParts, encode_numbers, parse_numbers
from entente.desk.blind.post import BlindPost
from entente.desk.evidence import Finding
from entente.kernel.errors import EntenteError, Malformed, StoreError, TransportError
from entente.kernel.rows import get_row

BAD_TAGS = "blind-bad-tags"
_NONE = np.empty(0, np.uint64)


@dataclass(frozen=True, slots=True)
class TagList:
    """A version of the other side's list. ``code``: why it is none, or empty."""

    tags: Tags = field(repr=False)
    code: str = ""
    words: str = ""


class PartnerTags:
    """The other sides' lists. `step` from one thread."""

    def __init__(self, parts: BlindParts, post: BlindPost) -> None:
        self._parts = parts
        self._post = post
        self._kept: dict[str, tuple[str, Tags]] = {}

    def step(self) -> bool:
        """Fetch what the record names and is not here yet; return whether anything came.

        Raises:
            TransportError: The center did not answer, or keeps something back.
        """
        moved, trouble = False, None
        for rules in self._parts.rows.select(RulesRow):
            if self._parts.party not in rules.rules.parties or rules.state not in {"agreed", "ended"}:
                continue
            partner = rules.rules.get_other(self._parts.party)
            now_utc = self._parts.clock.now_utc()
            now, forgotten = rules.rules.find_epoch(now_utc), find_last_past(rules.rules, now_utc)
            for holding in self._parts.rows.select(HoldingRow, rules=rules.id):
                # What is past can have been let go of at the center; what was asked of it was fetched then.
                is_past = holding.epoch <= forgotten or (now is not None and holding.epoch < now - 1)
                if holding.party != partner or is_past:
                    continue
                for version in self._list_missing(holding.holding):
                    try:
                        self._fetch(rules, holding, version)
                    except TransportError as error:
                        trouble = error
                        break  # the next ones continue this one
                    moved = True
        if trouble is not None and not moved:
            raise trouble
        return moved

    def _list_missing(self, holding: str) -> list[VersionRow]:
        known = {
            row["leaf"]
            for row in self._parts.book.read("SELECT leaf FROM blind_tags WHERE holding = ?", (holding,))
        }
        every = self._parts.rows.select(VersionRow, holding=holding)
        return sorted((row for row in every if row.leaf not in known), key=lambda row: row.number)

    def _fetch(self, rules: RulesRow, holding: HoldingRow, version: VersionRow) -> None:
        code, words, added, withdrawn = "", "", _NONE, _NONE
        try:
            plain = self._post.fetch(
                version.tags, author=holding.party, purpose="tags", rules=rules.id, epoch=holding.epoch
            )
            canaries = CANARIES["whole"] if version.number == 0 else 0
            added, withdrawn = parse_tags(plain, added=version.added + canaries, withdrawn=version.withdrawn)
            before = self._find_before(version)
            if before.code:
                raise Malformed(before.code, before.words)
            self._kept[holding.holding] = (version.leaf, apply_amendment(before.tags, added, withdrawn))
        except (StoreError, TransportError):
            raise
        except EntenteError as error:
            code, words, added, withdrawn = error.code, error.message, _NONE, _NONE
        with self._parts.book.transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO blind_tags VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    version.leaf,
                    holding.holding,
                    version.number,
                    encode_numbers(added),
                    encode_numbers(withdrawn),
                    code,
                    words,
                ),
            )
            if code:
                said = f"what {holding.party!r} holds under {rules.id!r}, epoch {holding.epoch}: {words}"
                self._parts.board.raise_alarm(Finding(BAD_TAGS, said, holding.holding))

    def _find_before(self, version: VersionRow) -> TagList:
        if version.number == 0:
            return TagList(_NONE)
        every = self._parts.rows.select(VersionRow, holding=version.holding)
        before = next(row for row in every if row.number == version.number - 1)
        found = self.find_list(before)
        if found is None:
            raise AssertionError(f"tags of {version.leaf[:12]}: expected the version before to be here")
        return found

    def find_list(self, version: VersionRow) -> TagList | None:
        """Return the list as it was in a version, or None when it is not here yet."""
        kept = self._kept.get(version.holding)
        if kept is not None and kept[0] == version.leaf:
            return TagList(kept[1])
        tags = _NONE
        rows = self._parts.book.read(
            "SELECT * FROM blind_tags WHERE holding = ? AND number <= ? ORDER BY number",
            (version.holding, version.number),
        )
        if [row["number"] for row in rows] != list(range(version.number + 1)):
            return None
        for row in rows:
            if row["code"]:
                return TagList(_NONE, row["code"], row["words"])
            tags = apply_amendment(tags, parse_numbers(row["added"]), parse_numbers(row["withdrawn"]))
        self._kept[version.holding] = (version.leaf, tags)
        return TagList(tags)

    def find_newest(self, rules: str, epoch: int, partner: str) -> VersionRow | None:
        """Return the version that the record holds now, or None where the other side has not committed."""
        holding = find_holding(self._parts.rows, rules, epoch, partner)
        return (
            None if holding is None else get_row(self._parts.rows, VersionRow, holding.newest, what="version")
        )

    def list_added(self, rules: str, epoch: int, partner: str, after: int) -> list[tuple[int, Tags]]:
        """Return what came after a version: number and tags added, in order."""
        return [
            (row["number"], parse_numbers(row["added"]))
            for row in self._parts.book.read(
                "SELECT number, added FROM blind_tags WHERE holding = ? AND number > ? ORDER BY number",
                (name_holding(rules, epoch, partner), after),
            )
        ]

    def find_state(self, rules: str, epoch: int, partner: str) -> tuple[bool, str]:
        """Return whether the other side's newest list is here and in order, and what is wrong with it."""
        newest = self.find_newest(rules, epoch, partner)
        if newest is None:
            return False, ""
        row = self._parts.book.read_one("SELECT code, words FROM blind_tags WHERE leaf = ?", (newest.leaf,))
        return (False, "not fetched yet") if row is None else (not row["code"], row["words"])
