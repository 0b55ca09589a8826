"""Audit: a party opens what it committed to, and everything that it said is made again and compared.

The opening goes to an agreed auditor, after the epoch. He has the record, and needs nothing from the other
party: the record holds the hash of what was inside every parcel, and what was inside follows from the
opening. So who fished (asked for cells that it never planned), left cells out, or told two partners different
things is found out; and who did not is cleared.

Invariants:
  * Every finding names the message that it convicts by, and what was expected.
  * Nobody is convicted of what the record cannot show to be his: a refusal is named, with its reason; cells
    of an addition that was asked for and dropped are named too, and what they mean is for the auditor to ask.
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
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from entente.blind.asking import AskRow
from entente.blind.cells import TOKEN_BYTES, is_cover, pack_rows
from entente.blind.commitment import commit_seed, make_root
from entente.blind.cover import least_cover, list_rows
from entente.blind.exact import Asking, answer, change, hold, name_run, question
from entente.blind.grid import Grid, parse_grid
from entente.blind.group import Group, Rows
from entente.blind.holding import HoldingRow, VersionRow
from entente.blind.lift import asked_tokens, find_uncovered, held_tokens
from entente.blind.match_records import MatchRow, name_match
from entente.blind.matching import Pairing, derive_match_key, make_list
from entente.blind.oprf import PrfKey, derive_key
from entente.blind.parcels import Refusal, encode_tags, parse_reply
from entente.blind.rules import BlindRules, make_domain
from entente.blind.sizes import find_bucket
from entente.kernel.errors import EntenteError, Malformed
from entente.kernel.time import parse_utc
from entente.space import Volume

NO_CELLS = np.empty((0, TOKEN_BYTES), np.uint8)
_MORE_M: Final = 0.2
"""By how much what was filed reaches farther than a cover, where the question is what was asked beyond it."""


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
    """An answer of the party: the request that it got, and what its proof's nonce follows from.

    Args:
        request: Empty where the parcel did not open to what the record says.
        refusal: What was inside the reply where it was a refusal, else empty.
    """

    request: bytes
    nonce_seed: bytes
    refusal: bytes = b""


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
        considered: What it says it asked for and gave up: no fishing, as far as the auditor believes it, and
            nothing that was to be held.
    """

    center: str
    rules: BlindRules
    holding: HoldingRow
    versions: Sequence[VersionRow]
    asks: Sequence[AskRow]
    matches: Sequence[MatchRow]
    public_keys: dict[str, str]
    filed: Sequence[Volume] = field(default=())
    considered: Sequence[Volume] = field(default=())


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
        # What has cells that are none of the grid is named, and not computed with.
        self._versions = {
            leaf: one for leaf, one in opening.versions.items() if is_cover(one.cells, self._grid)
        }

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
            if row.leaf not in self._versions:
                yield _refuse_cells(row.leaf, f"version {row.number}")
                continue
            if make_root(opened.cells, self._opening.salt_secret).hex() != row.root:
                yield Fault(
                    "wrong-root", row.leaf, f"version {row.number}: its cells are others than committed to"
                )
            inside, sizes = self._make_tags(row, before, opened)
            if sizes != (row.added, row.withdrawn):
                yield Fault(
                    "wrong-size", row.leaf, f"version {row.number}: expected {sizes} tags added and withdrawn"
                )
            if hashlib.sha256(inside).hexdigest() != row.tags.inside:
                # SECURITY: who holds other tags than those of its cells has equivocated: this is what it is
                # convicted by (tests/unit/test_blind_audit.py, test_omitted_and_invented_tags_are_found).
                yield Fault(
                    "wrong-tags", row.leaf, f"version {row.number}: the tags sent are not those of its cells"
                )
            before = opened.cells

    def _make_tags(self, row: VersionRow, before: Rows, opened: OpenVersion) -> tuple[bytes, tuple[int, int]]:
        tokens = held_tokens(opened.cells, self._grid)
        if row.number == 0:
            held = hold(self._group, self._key, self._domain, tokens, opened.pad_seed, said=row.added)
            return encode_tags(held.tags, np.empty(0, np.uint64)), (held.bucket, 0)
        old = held_tokens(before, self._grid)
        changed = change(self._group, self._key, self._domain, old, tokens, opened.pad_seed, said=row.added)
        sizes = changed.added.bucket, len(changed.withdrawn)
        return encode_tags(changed.added.tags, changed.withdrawn), sizes

    def _find_question_faults(self, row: AskRow) -> Iterable[Fault]:
        what, opened = f"question {row.ask.number}", self._opening.questions.get(row.leaf)
        if opened is None:
            yield Fault("not-opened", row.leaf, f"{what}: expected its seed and cells, got none")
            return
        if not is_cover(opened.cells, self._grid):
            yield _refuse_cells(row.leaf, what)
            return
        if commit_seed(opened.seed).hex() != row.ask.seed:
            yield Fault("wrong-seed", row.leaf, f"{what}: its seed is not the one committed to")
        if make_root(opened.cells, self._opening.salt_secret).hex() != row.ask.asked:
            yield Fault("wrong-root", row.leaf, f"{what}: its cells are not those committed to")
        public = bytes.fromhex(self._case.public_keys[row.responder])
        asking = Asking(self._domain, public, row.ask.run, name_run(row.asker, row.ask, self._domain))
        tokens = asked_tokens(opened.cells, self._grid)
        asked = question(self._group, asking, tokens, opened.seed, said=row.ask.bucket)
        if asked.bucket != row.ask.bucket:
            yield Fault("wrong-size", row.leaf, f"{what}: expected {asked.bucket} cells, padded")
        if hashlib.sha256(asked.request).hexdigest() != row.ask.request.inside:
            yield Fault("wrong-request", row.leaf, f"{what}: it asked for other cells than these")
        yield from self._find_fished(row, opened.cells)

    def _find_fished(self, row: AskRow, cells: Rows) -> Iterable[Fault]:
        """Find cells that were asked for and neither held in any version nor filed."""
        known = [one.cells for one in self._versions.values()]
        drafted = [*self._case.filed, *self._case.considered]
        if drafted:
            # A little more than any honest machine's cover: nobody is blamed for a last digit.
            _, high, low = list_rows(drafted, self._grid, is_widened=self._is_widened, short_m=-_MORE_M)
            known.append(pack_rows(high, low))
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
        if opened.refusal:
            yield from self._find_refusal_faults(row, opened)
            return
        if hashlib.sha256(opened.request).hexdigest() != row.ask.request.inside:
            yield Fault(
                "wrong-request", row.leaf, f"answer to {row.leaf[:12]}: this is not the request it got"
            )
            return
        made = self._make_reply(row, opened)
        if made is None or row.reply is None or hashlib.sha256(made).hexdigest() != row.reply.inside:
            yield Fault("wrong-reply", row.answer, "answer: it is not what the committed key gives")

    def _find_refusal_faults(self, row: AskRow, opened: OpenAnswer) -> Iterable[Fault]:
        try:
            said = parse_reply(opened.refusal, count=0, is_proven=False, canaries=0)
        except EntenteError:
            said = None
        inside = hashlib.sha256(opened.refusal).hexdigest()
        if not isinstance(said, Refusal) or row.reply is None or inside != row.reply.inside:
            yield Fault("wrong-reply", row.answer, "answer: expected the refusal that was sent")
            return
        is_got = hashlib.sha256(opened.request).hexdigest() == row.ask.request.inside
        if is_got and self._make_reply(row, opened) is None:
            return  # the request was none: a refusal was right
        yield Fault("refused", row.answer, f"answer: it refused: {said.words} [{said.code}]")

    def _make_reply(self, row: AskRow, opened: OpenAnswer) -> bytes | None:
        """Return the answer to a request, or None where the request is none."""
        name = name_run(row.asker, row.ask, self._domain)
        asking = Asking(self._domain, self._key.public, row.ask.run, name)
        try:
            return answer(self._group, self._key, asking, opened.request, row.ask.bucket, opened.nonce_seed)
        except Malformed:
            return None

    def _find_list_faults(self, row: MatchRow) -> Iterable[Fault]:
        party = self._case.holding.party
        if row.join is None and party == row.joiner:
            return
        said = row.match if party == row.starter else row.join
        leaf = row.leaf if party == row.starter else row.join_leaf
        opened = self._opening.lists.get(row.leaf)
        version = None if said is None else self._versions.get(said.own)
        if opened is None or said is None or version is None:
            yield Fault("not-opened", leaf, f"list for {row.leaf[:12]}: expected its secrets, got none")
            return
        if hashlib.sha256(opened.secret).hexdigest() != row.match.secret.inside:
            # Its list would meet nothing, for a reason that nobody could name.
            yield Fault("wrong-secret", leaf, "list: its secret is not the one that the run was started with")
        derive = asked_tokens if party == row.starter else held_tokens
        tokens = derive(version.cells, self._grid)
        bucket = find_bucket(len(tokens), said.bucket)
        if bucket != said.bucket:
            yield Fault("wrong-size", leaf, f"list: expected {bucket} tags, padded")
        name = name_match(row.starter, row.match, self._domain)
        made = make_list(
            self._group,
            Pairing(
                derive_match_key(opened.secret, self._domain, name), self._domain, name, row.match.bucket
            ),
            tokens,
            mask=opened.mask,
            pad_seed=opened.pad_seed,
            said=said.bucket,
        )
        if hashlib.sha256(made).hexdigest() != said.tags.inside:
            yield Fault("wrong-list", leaf, "list: it is not that of the version that it names")

    def _find_omitted(self) -> Iterable[Fault]:
        """Find filed volumes that were not held: what no cryptography can stop, found afterwards."""
        filed = self._list_filed()
        if not filed:
            return
        parts = [
            # By what every honest machine's cover has: nobody is blamed for a last digit.
            least_cover([volume], self._grid, is_widened=self._is_widened)
            for _, volume in filed
        ]
        every = np.concatenate([NO_CELLS, *(one.cells for one in self._versions.values())])
        missing = self._count_missing(parts, every)
        by_version = {leaf: self._count_missing(parts, one.cells) for leaf, one in self._versions.items()}
        for number, (place, volume) in enumerate(filed):
            if missing[number]:
                yield Fault(
                    "omitted",
                    self._case.holding.commit,
                    f"filed volume {place}: {missing[number]} of its {len(parts[number])} cells never held",
                )
                continue
            lacking = {leaf for leaf, counts in by_version.items() if counts[number]}
            leaf = self._find_held_back(volume, lacking)
            if leaf:
                yield Fault(
                    "held-back",
                    leaf,
                    f"filed volume {place}: this was answered by a version without it, and none with it came "
                    "before it began",
                )

    def _list_filed(self) -> list[tuple[int, Volume]]:
        """Return what was filed of this epoch.

        What began later may have been planned later; what was over when the party committed was of no use to
        anybody.
        """
        rules, epoch_s = self._case.rules, self._case.rules.epoch_h * 3600
        start = parse_utc(rules.starts) + timedelta(seconds=self._case.holding.epoch * epoch_s)
        end = start + timedelta(seconds=epoch_s)
        # Not later than the other side's first question, whatever the commitment says of its time.
        dated = [parse_utc(self._case.versions[0].at), *(look.at_utc for look in self._list_looks())]
        begin = max(start, min(dated))
        return [
            (place, one)
            for place, one in enumerate(self._case.filed)
            if one.window.start_utc < end and one.window.end_utc > begin
        ]

    def _count_missing(self, parts: Sequence[Rows], cells: Rows) -> list[int]:
        """Return how many cells of each part no cell of ``cells`` holds."""
        missing = {row.tobytes() for row in find_uncovered(np.concatenate(parts), cells, self._grid)}
        return [sum(row.tobytes() in missing for row in part) if missing else 0 for part in parts]

    def _find_held_back(self, volume: Volume, lacking: set[str]) -> str:
        """Return the answer that a version without a volume stands behind, while it was still to be flown.

        SECURITY: who commits to a plan, takes a part back, is asked, and flies it has held it once
        (tests/unit/test_blind_audit.py, test_what_was_taken_back_before_a_question_is_found).
        """
        versions, looks = self._case.versions, self._list_looks()
        for look in looks:
            behind = next(row for row in versions if row.leaf == look.version)
            if behind.leaf not in lacking or look.at_utc >= volume.window.end_utc:
                continue
            later = [row for row in versions if row.number > behind.number and row.leaf not in lacking]
            if not any(_date(row, looks) <= volume.window.start_utc for row in later):
                return look.leaf
        return ""

    def _list_looks(self) -> list[_Look]:
        """Return what the other side was told by what the party holds, in the record's order."""
        party, looks = self._case.holding.party, []
        for ask in self._case.asks:
            opened = self._opening.answers.get(ask.leaf)
            if opened is not None and opened.refusal:
                continue  # it told the other side nothing
            if ask.responder == party and ask.answer:
                # What stood when it was asked: the asker may name an older version, and frame nobody by it.
                behind = [row for row in self._case.versions if row.index < ask.index][-1]
                looks.append(_Look(ask.index, parse_utc(ask.at), behind.leaf, ask.answer))
        for match in self._case.matches:
            if match.join is not None:
                is_starter = match.starter == party
                own, leaf = (match.match.own, match.leaf) if is_starter else (match.join.own, match.join_leaf)
                looks.append(_Look(match.index, parse_utc(match.at), own, leaf))
        return sorted(looks, key=lambda look: look.index)


@dataclass(frozen=True, slots=True)
class _Look:
    """A question, or a run by way of the center, and the version of the audited party behind it."""

    index: int
    at_utc: datetime
    version: str
    leaf: str


def _date(row: VersionRow, looks: Iterable[_Look]) -> datetime:
    """Return when a version was there: not before what the record has before it."""
    return max([parse_utc(row.at), *(look.at_utc for look in looks if look.index < row.index)])


def _refuse_cells(leaf: str, what: str) -> Fault:
    return Fault("bad-cells", leaf, f"{what}: expected cells of the grid, each once, ascending")
