"""The rules of blind checks between two parties: what both sign before anything is asked.

`blind.propose` holds them, `blind.agree` by the other party puts them in force, `blind.refuse` does not, and
either party ends them with `blind.end`. They name the grid, the modes, how long an epoch is, and how much may
be asked in one.

Invariants:
  * What both use as the *domain* of every token is the hash of the center's name, these rules to the last
    byte, and the epoch: parties that differ in one of them share no token at all, and a run cannot end CLEAR.
  * Rules are open: that two parties check blind, and how much, is no secret. Plans are.
  * Rules are never changed: other rules have another name.

It does not know the time: an epoch is asked for with an instant.

    >>> rules.find_epoch(parse_utc("2026-12-01T07:00:00Z"))
    3
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal

import msgspec

from entente.blind.grid import GridWire, parse_grid
from entente.kernel.canonical import encode_canonical
from entente.kernel.charter import get_charter
from entente.kernel.ids import PartyID
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.roster import PartyRow
from entente.kernel.rows import Row, Rows
from entente.kernel.time import parse_utc, to_unix_s
from entente.kernel.wire import Hex64, NoteText, OptionalSlug, SlugText, UtcText, WireStruct

Mode = Literal["count", "exact", "yes-no"]
MAX_EPOCHS: Final = 10_000
Epoch = Annotated[int, msgspec.Meta(ge=0, lt=MAX_EPOCHS)]
Cells = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
Runs = Annotated[int, msgspec.Meta(ge=0, le=10**6)]
RulesState = Literal["proposed", "agreed", "refused", "ended"]
_DOMAIN_LABEL: Final = b"entente blind v1\n"


class Allowance(WireStruct, frozen=True):
    """What each party may ask of the other in one epoch, padding counted, canaries not.

    Args:
        whole_cells, whole_runs: For checks of a whole plan.
        delta_cells, delta_runs: For checks of what was added to one.
        matches: Runs by way of the center, yes/no and count together.
    """

    whole_cells: Cells
    whole_runs: Runs
    delta_cells: Cells
    delta_runs: Runs
    matches: Runs


class BlindRules(WireStruct, frozen=True):
    """Body of ``blind.propose``.

    Args:
        parties: The two, sorted by name. The grid's side ``a`` is the first.
        agreement: The agreement that these rules belong to, or empty.
        starts: When epoch 0 begins.
        epoch_h, epochs: How long an epoch is, and how many there are.
        answer_min: Within how many minutes a question is to be answered.
        auditor: A third party to whom commitments can be opened afterwards, or empty.
        audit_days: For how long after an epoch each party keeps what an audit needs.
    """

    id: SlugText
    parties: Annotated[list[SlugText], msgspec.Meta(min_length=2, max_length=2)]
    agreement: OptionalSlug
    grid: GridWire
    modes: Annotated[list[Mode], msgspec.Meta(min_length=1, max_length=3)]
    starts: UtcText
    epoch_h: Annotated[int, msgspec.Meta(ge=1, le=24 * 366)]
    epochs: Annotated[int, msgspec.Meta(ge=1, le=MAX_EPOCHS)]
    allowance: Allowance
    answer_min: Annotated[int, msgspec.Meta(ge=1, le=60 * 24 * 30)]
    auditor: OptionalSlug
    audit_days: Annotated[int, msgspec.Meta(ge=1, le=3660)]

    def find_epoch(self, moment: datetime) -> int | None:
        """Return the epoch that an instant is in; None before the first and after the last."""
        number = (to_unix_s(moment) - to_unix_s(parse_utc(self.starts))) // (self.epoch_h * 3600)
        return number if 0 <= number < self.epochs else None

    def get_other(self, party: str) -> PartyID:
        """Return the other of the two parties."""
        first, second = self.parties
        if party not in self.parties:
            raise ValueError(f"party: expected one of {self.parties}, got {party!r}")
        return PartyID(second if party == first else first)

    def is_widened(self, party: str) -> bool:
        """Tell whether this party's volumes are the ones that the agreed separation widens."""
        return (self.grid.widened == "a") == (party == self.parties[0])


class AgreeRules(WireStruct, frozen=True):
    """Body of ``blind.agree``: the very bytes that were proposed are in force."""

    rules: SlugText
    sha256: Hex64


class RefuseRules(WireStruct, frozen=True):
    """Body of ``blind.refuse``."""

    rules: SlugText
    sha256: Hex64
    reason: NoteText


class EndRules(WireStruct, frozen=True):
    """Body of ``blind.end``: nothing more is asked under these rules; what was asked stays answerable."""

    rules: SlugText
    reason: NoteText


class RulesRow(Row, frozen=True):
    """Rules with what became of them."""

    TABLE: ClassVar[str] = "blind_rules"
    INDEXED: ClassVar[tuple[str, ...]] = ("state",)
    id: str
    message: str
    index: int
    author: str
    sha256: str
    rules: BlindRules
    state: RulesState
    answered: str = ""
    """The leaf of the message that agreed or refused."""
    ended: str = ""
    reason: str = ""
    newest_epochs: tuple[int, int] = (-1, -1)
    """The last epoch that each of the parties has committed to."""

    def key(self) -> str:
        """Return the rules' name."""
        return self.id


def hash_rules(rules: BlindRules) -> str:
    """Return the SHA-256 of the rules' canonical bytes, in hex: what `blind.agree` names."""
    return hashlib.sha256(encode_canonical(rules)).hexdigest()


def make_domain(center: str, rules: BlindRules, epoch: int) -> bytes:
    """Return the 32 bytes that begin every input of the oblivious function under these rules.

    Center, rules and epoch are in it, and so the grid, both parties and every limit. SECURITY: parties that
    do not mean the same cannot come to "no conflict" by sharing no token: their canaries do not meet either
    (tests/unit/test_blind_exact.py, test_other_rules_end_invalid).
    """
    head = _DOMAIN_LABEL + center.encode() + b"\n" + str(epoch).encode() + b"\n"
    return hashlib.sha256(head + encode_canonical(rules)).digest()


def find_in_force(rows: Rows, rules_id: str) -> RulesRow | None:
    """Return the rules of this name if both parties are bound by them now, or None."""
    row = rows.find(RulesRow, rules_id)
    return row if row is not None and row.state == "agreed" else None


def decide_propose(message: VerifiedMessage[BlindRules], rows: Rows) -> Decision:
    """Allow rules that are sound in themselves, from one of their two parties, under a new name."""
    body = message.opened()
    what = f"rules {body.id!r}"
    known = rows.find(RulesRow, body.id)
    if known is not None:
        return denied("name-taken", f"{what}: expected a new name, it is entry {known.index}")
    if body.parties != sorted(set(body.parties)):
        return denied("party-order", f"{what}: expected two parties, sorted by name, got {body.parties}")
    if message.author not in body.parties:
        return denied("not-a-party", f"{what}: expected {message.author!r} to be one of {body.parties}")
    for party in body.parties:
        if rows.find(PartyRow, party) is None:
            return denied("unknown-party", f"{what}: expected a party of this center, got {party!r}")
    if body.modes != sorted(set(body.modes)):
        return denied("mode-order", f"{what}: expected each mode once, sorted, got {body.modes}")
    if body.auditor:
        founders = [one.party for one in get_charter(rows).parties]
        if body.auditor in body.parties or body.auditor not in founders:
            return denied(
                "bad-auditor", f"{what}: expected a third party of this center or none, got {body.auditor!r}"
            )
    parse_utc(body.starts, path="$.body.starts")
    parse_grid(body.grid, path="$.body.grid")
    return ALLOWED


def project_propose(entry: Entry[BlindRules], rows: Rows) -> None:
    """Write the rules down as proposed."""
    body = entry.message.opened()
    rows.put(
        RulesRow(
            id=body.id,
            message=entry.message.leaf,
            index=entry.index,
            author=entry.message.author,
            sha256=hash_rules(body),
            rules=body,
            state="proposed",
        )
    )


def _decide_answer(
    message: VerifiedMessage[AgreeRules] | VerifiedMessage[RefuseRules], rows: Rows
) -> Decision:
    body = message.opened()
    what = f"rules {body.rules!r}"
    row = rows.find(RulesRow, body.rules)
    if row is None:
        return denied("unknown-rules", f"{what}: expected rules in the record, found none")
    if row.state != "proposed":
        return denied("not-proposed", f"{what}: expected proposed ones, they are {row.state}")
    if message.author == row.author or message.author not in row.rules.parties:
        return denied(
            "not-asked", f"{what}: expected {row.rules.get_other(row.author)!r}, got {message.author!r}"
        )
    if body.sha256 != row.sha256:
        return denied("other-bytes", f"{what}: expected SHA-256 {row.sha256}, got {body.sha256}")
    return ALLOWED


def decide_agree(message: VerifiedMessage[AgreeRules], rows: Rows) -> Decision:
    """Allow the other party, once, to the very bytes."""
    return _decide_answer(message, rows)


def decide_refuse(message: VerifiedMessage[RefuseRules], rows: Rows) -> Decision:
    """Allow the other party, once."""
    return _decide_answer(message, rows)


def decide_end(message: VerifiedMessage[EndRules], rows: Rows) -> Decision:
    """Allow either party, at any time: who does not want to be asked any more says so."""
    body = message.opened()
    row = rows.find(RulesRow, body.rules)
    if row is None or message.author not in row.rules.parties:
        return denied("unknown-rules", f"rules {body.rules!r}: expected rules that bind {message.author!r}")
    if row.state not in {"proposed", "agreed"}:
        return denied("not-in-force", f"rules {body.rules!r}: expected standing ones, they are {row.state}")
    return ALLOWED


def note_epoch(rows: Rows, rules_id: str, party: str, epoch: int) -> None:
    """Write down that a party has committed to an epoch."""
    row = rows.find(RulesRow, rules_id)
    if row is not None:
        first, second = (
            max(newest, epoch) if one == party else newest
            for one, newest in zip(row.rules.parties, row.newest_epochs, strict=True)
        )
        rows.put(msgspec.structs.replace(row, newest_epochs=(first, second)))


def _put_state(rows: Rows, rules_id: str, **changed: str) -> None:
    row = rows.find(RulesRow, rules_id)
    if row is not None:
        rows.put(msgspec.structs.replace(row, **changed))


def project_agree(entry: Entry[AgreeRules], rows: Rows) -> None:
    """Put them in force."""
    _put_state(rows, entry.message.opened().rules, state="agreed", answered=entry.message.leaf)


def project_refuse(entry: Entry[RefuseRules], rows: Rows) -> None:
    """Write the refusal down."""
    body = entry.message.opened()
    _put_state(rows, body.rules, state="refused", answered=entry.message.leaf, reason=body.reason)


def project_end(entry: Entry[EndRules], rows: Rows) -> None:
    """End them."""
    body = entry.message.opened()
    _put_state(rows, body.rules, state="ended", ended=entry.message.leaf, reason=body.reason)


BLIND_PROPOSE: Final = Kind(
    "blind.propose", BlindRules, decide=decide_propose, project=project_propose, min_officers=1
)
BLIND_AGREE: Final = Kind(
    "blind.agree", AgreeRules, decide=decide_agree, project=project_agree, min_officers=1
)
BLIND_REFUSE: Final = Kind(
    "blind.refuse", RefuseRules, decide=decide_refuse, project=project_refuse, min_officers=1
)
BLIND_END: Final = Kind("blind.end", EndRules, decide=decide_end, project=project_end, min_officers=1)
