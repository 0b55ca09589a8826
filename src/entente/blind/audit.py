"""Audit: a party opens what it committed to, and everything that it said is made again and compared.

The opening goes to an agreed auditor, after the epoch. He has the record, and needs nothing from the other
party: the record holds the hash of what was inside every parcel, and what was inside follows from the
opening. So who fished (asked for cells that it never planned), left cells out, or told two partners different
things is found out; and who did not is cleared.

Invariants:
  * Every finding names the message that it convicts by, and what was expected.
  * An opening that leaves out a version, a question or an answer of the record is itself a finding.
  * The auditor learns that party's plan in that epoch, and of the other party: the elements that it asked
    with, which are uniformly random.

It does not punish; and it knows what was flown only as far as it is given it (``filed``).

    >>> audit_opening(group, opening, case)
    [Fault(code='omitted', leaf='5c0f…', words='…')]
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from entente.blind.asking import AskRow
from entente.blind.canary import TOKEN_BYTES
from entente.blind.commitment import commit_seed, make_root
from entente.blind.cover import cover, least_cover
from entente.blind.exact import Asking, answer, change, hold, name_run, question
from entente.blind.grid import Grid, parse_grid
from entente.blind.group import Group, Rows
from entente.blind.holding import HoldingRow, VersionRow
from entente.blind.lift import asked_tokens, find_uncovered, held_tokens
from entente.blind.match_records import MatchRow, name_match
from entente.blind.matching import Pairing, derive_match_key, make_list
from entente.blind.oprf import PrfKey, derive_key
from entente.blind.parcels import encode_tags
from entente.blind.rules import BlindRules, make_domain
from entente.kernel.errors import EntenteError
from entente.space import Volume

NO_CELLS = np.empty((0, TOKEN_BYTES), np.uint8)


@dataclass(frozen=True, slots=True)
class OpenVersion:
    """A version of a holding, opened: its cover cells, and what its padding follows from."""

    cells: Rows
    pad_seed: bytes


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question of the party, opened."""

    cells: Rows
    seed: bytes


@dataclass(frozen=True, slots=True)
class OpenAnswer:
    """An answer of the party: the request that it got, and what its proof's nonce follows from."""

    request: bytes
    nonce_seed: bytes


@dataclass(frozen=True, slots=True)
class OpenList:
    """A list of the party for a run by way of the center."""

    secret: bytes
    mask: bytes
    pad_seed: bytes


@dataclass(frozen=True, slots=True)
class Opening:
    """What a party opens of one epoch toward one partner.

    Args:
        key_seed: From which the committed key follows (`oprf.derive_key` with ``key_info``).
        salt_secret: From which the salts of all its cells in this epoch follow.
        versions, questions, answers, lists: By the leaf of the message that they belong to.
    """

    party: str
    key_seed: bytes
    key_info: bytes
    salt_secret: bytes
    versions: dict[str, OpenVersion]
    questions: dict[str, OpenQuestion]
    answers: dict[str, OpenAnswer]
    lists: dict[str, OpenList]


@dataclass(frozen=True, slots=True)
class AuditCase:
    """What the record says of the epoch.

    Args:
        holding: Of the audited party; ``versions`` in their order.
        asks, matches: All questions and runs of both parties under these rules in this epoch.
        public_keys: By party, the committed key in hex.
        filed: What the party is known to have flown or filed, as far as the auditor knows it.
    """

    center: str
    rules: BlindRules
    holding: HoldingRow
    versions: Sequence[VersionRow]
    asks: Sequence[AskRow]
    matches: Sequence[MatchRow]
    public_keys: dict[str, str]
    filed: Sequence[Volume] = field(default=())


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that does not agree. ``leaf``: the message by which it is shown."""

    code: str
    leaf: str
    words: str


def audit_opening(group: Group, opening: Opening, case: AuditCase) -> list[Fault]:
    """Return every fault, in the record's order; none: all was as it should be."""
    return list(_Audit(group, opening, case).find_faults())


class _Audit:
    def __init__(self, group: Group, opening: Opening, case: AuditCase) -> None:
        self._group = group
        self._opening = opening
        self._case = case
        self._domain = make_domain(case.center, case.rules, case.holding.epoch)
        self._grid: Grid = parse_grid(case.rules.grid, path="$.grid")
        self._is_widened = case.rules.is_widened(case.holding.party)
        self._key: PrfKey = derive_key(group, opening.key_seed, opening.key_info)

    def find_faults(self) -> Iterable[Fault]:
        case = self._case
        if self._key.public.hex() != case.holding.public_key:
            yield Fault(
                "wrong-key",
                case.holding.commit,
                f"key: expected {case.holding.public_key} as committed, the opening gives "
                f"{self._key.public.hex()}",
            )
            return
        yield from self._find_version_faults()
        for ask in case.asks:
            if ask.asker == case.holding.party:
                yield from self._find_question_faults(ask)
            elif ask.answer:
                yield from self._find_answer_faults(ask)
        for match in case.matches:
            yield from self._find_list_faults(match)
        yield from self._find_omitted()

    def _find_version_faults(self) -> Iterable[Fault]:
        before = NO_CELLS
        for row in self._case.versions:
            opened = self._opening.versions.get(row.leaf)
            if opened is None:
                yield Fault("not-opened", row.leaf, f"version {row.number}: expected its cells, got none")
                continue
            if make_root(opened.cells, self._opening.salt_secret).hex() != row.root:
                yield Fault(
                    "wrong-root", row.leaf, f"version {row.number}: its cells are others than committed to"
                )
            inside = hashlib.sha256(self._make_tags(row.number, before, opened)).hexdigest()
            if inside != row.tags.inside:
                # SECURITY: who holds other tags than those of its cells has equivocated: this is what it is
                # convicted by (tests/unit/test_blind_audit.py, test_omitted_and_invented_tags_are_found).
                yield Fault(
                    "wrong-tags", row.leaf, f"version {row.number}: the tags sent are not those of its cells"
                )
            before = opened.cells

    def _make_tags(self, number: int, before: Rows, opened: OpenVersion) -> bytes:
        tokens = held_tokens(opened.cells, self._grid)
        if number == 0:
            held = hold(self._group, self._key, self._domain, tokens, opened.pad_seed)
            return encode_tags(held.tags, np.empty(0, np.uint64))
        old = held_tokens(before, self._grid)
        changed = change(self._group, self._key, self._domain, old, tokens, opened.pad_seed)
        return encode_tags(changed.added.tags, changed.withdrawn)

    def _find_question_faults(self, row: AskRow) -> Iterable[Fault]:
        what, opened = f"question {row.ask.number}", self._opening.questions.get(row.leaf)
        if opened is None:
            yield Fault("not-opened", row.leaf, f"{what}: expected its seed and cells, got none")
            return
        if commit_seed(opened.seed).hex() != row.ask.seed:
            yield Fault("wrong-seed", row.leaf, f"{what}: its seed is not the one committed to")
        if make_root(opened.cells, self._opening.salt_secret).hex() != row.ask.asked:
            yield Fault("wrong-root", row.leaf, f"{what}: its cells are not those committed to")
        public = bytes.fromhex(self._case.public_keys[row.responder])
        asking = Asking(self._domain, public, row.ask.run, name_run(row.asker, row.ask, self._domain))
        asked = question(self._group, asking, asked_tokens(opened.cells, self._grid), opened.seed)
        if hashlib.sha256(asked.request).hexdigest() != row.ask.request.inside:
            yield Fault("wrong-request", row.leaf, f"{what}: it asked for other cells than these")
        yield from self._find_fished(row, opened.cells)

    def _find_fished(self, row: AskRow, cells: Rows) -> Iterable[Fault]:
        """Find cells that were asked for and neither held in any version nor filed."""
        known = [one.cells for one in self._opening.versions.values()]
        if self._case.filed:
            known.append(self._cover(self._case.filed))
        fished = find_uncovered(cells, np.concatenate([NO_CELLS, *known]), self._grid)
        if len(fished):
            yield Fault(
                "fished",
                row.leaf,
                f"question {row.ask.number}: {len(fished)} of {len(cells)} cells were never held nor filed",
            )

    def _find_answer_faults(self, row: AskRow) -> Iterable[Fault]:
        opened = self._opening.answers.get(row.leaf)
        if opened is None:
            yield Fault("not-opened", row.leaf, f"answer to {row.leaf[:12]}: expected its request and nonce")
            return
        if hashlib.sha256(opened.request).hexdigest() != row.ask.request.inside:
            yield Fault(
                "wrong-request", row.leaf, f"answer to {row.leaf[:12]}: this is not the request it got"
            )
            return
        name = name_run(row.asker, row.ask, self._domain)
        asking = Asking(self._domain, self._key.public, row.ask.run, name)
        try:
            made = answer(self._group, self._key, asking, opened.request, row.ask.bucket, opened.nonce_seed)
        except EntenteError:
            return  # the request was none: a refusal was right
        if row.reply is None or hashlib.sha256(made).hexdigest() != row.reply.inside:
            yield Fault("wrong-reply", row.answer, "answer: it is not what the committed key gives")

    def _find_list_faults(self, row: MatchRow) -> Iterable[Fault]:
        party = self._case.holding.party
        if row.join is None and party == row.joiner:
            return
        said = row.match if party == row.starter else row.join
        leaf = row.leaf if party == row.starter else row.join_leaf
        opened = self._opening.lists.get(row.leaf)
        version = None if said is None else self._opening.versions.get(said.own)
        if opened is None or said is None or version is None:
            yield Fault("not-opened", leaf, f"list for {row.leaf[:12]}: expected its secrets, got none")
            return
        derive = asked_tokens if party == row.starter else held_tokens
        name = name_match(row.starter, row.match, self._domain)
        made = make_list(
            self._group,
            Pairing(
                derive_match_key(opened.secret, self._domain, name), self._domain, name, row.match.bucket
            ),
            derive(version.cells, self._grid),
            mask=opened.mask,
            pad_seed=opened.pad_seed,
        )
        if hashlib.sha256(made).hexdigest() != said.tags.inside:
            yield Fault("wrong-list", leaf, "list: it is not that of the version that it names")

    def _find_omitted(self) -> Iterable[Fault]:
        """Find filed volumes that no version held: what no cryptography can stop, found afterwards."""
        if not self._case.filed:
            return
        held = np.concatenate([NO_CELLS, *(one.cells for one in self._opening.versions.values())])
        for place, volume in enumerate(self._case.filed):
            # By what every honest machine's cover has: nobody is blamed for a last digit.
            cells = least_cover([volume], self._grid, is_widened=self._is_widened)
            missing = find_uncovered(cells, held, self._grid)
            if len(missing):
                yield Fault(
                    "omitted",
                    self._case.holding.commit,
                    f"filed volume {place}: {len(missing)} of its {len(cells)} cells were never held",
                )

    def _cover(self, volumes: Sequence[Volume]) -> Rows:
        return cover(volumes, self._grid, is_widened=self._is_widened)
