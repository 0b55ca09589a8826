"""What a desk's gate answers its own officers.

Invariants: an answer may name sources and secrets, which nothing that leaves does; chances are percentages
rounded up, never shown smaller than they are; which hypothesis is true is in none of them.

It does nothing: see `views` and `accounts`.

    >>> PlanAnswer(plan=3, recipient="ru", state="held", ...)
"""

from __future__ import annotations

from typing import Any

import msgspec

from entente.desk.release.plans import Blocker


class ReportAnswer(msgspec.Struct, frozen=True):
    """A report as this desk keeps it, for its own officers alone.

    Args:
        report: Its content, as `entente.release.source.report.Report` has it.
        marking: Its label as it is printed.
        is_newest: Whether no later version stands on the shelf.
    """

    report: dict[str, Any]
    version: int
    is_newest: bool
    marking: str


class ShelvedAnswer(msgspec.Struct, frozen=True):
    """One thing on a shelf, by name: what it says is not repeated here."""

    shelf: str
    name: str
    version: int
    words: str
    officer: str
    at: str


class ReleaseLoadAnswer(msgspec.Struct, frozen=True):
    """What a file put on the shelves. ``changed``: how many of these are new versions."""

    shelved: list[ShelvedAnswer]
    changed: int


class LevelAnswer(msgspec.Struct, frozen=True):
    """How much is shown. ``None``: not shown."""

    place_arcsec: int | None
    span_s: int | None
    delay_s: int
    depth: int
    height_m: int | None


class ExposureAnswer(msgspec.Struct, frozen=True):
    """What one release teaches one pool about one secret: chances of the best guess, in percent."""

    secret: str
    pool: str
    prior_percent: float
    before_percent: float
    after_percent: float
    worst_percent: float
    budget_percent: float
    bits: float
    words: str


class PlanAnswer(msgspec.Struct, frozen=True):
    """A plan as it stands. Anything but ``recorded`` means: the recipient does not have it.

    Args:
        state: denied, planned, held, stale, sending, recorded, refused or withdrawn
        (docs/formats/release-desk.md). sha256: What an officer says yes to.
        approved: Officers who have said yes. ``needs``: how many, each another.
        due: Not before.
        cautions: What an officer should look at again before saying yes.
    """

    plan: int
    action: str
    report: str
    version: int
    recipient: str
    purpose: str
    state: str
    words: str
    code: str
    reasons: list[str]
    officer: str
    at: str
    needs: int
    approved: list[str]
    due: str
    sha256: str
    level: LevelAnswer | None
    shape: str
    variant: dict[str, Any] | None
    label: dict[str, Any] | None
    marking: str
    exposures: list[ExposureAnswer]
    blockers: list[Blocker]
    cautions: list[str]
    is_charged: bool
    number: int | None
    leaf: str


class YesAnswer(msgspec.Struct, frozen=True):
    """One officer's yes. ``counts``: it is to what stands in the book now, by an officer of the roster."""

    officer: str
    at: str
    counts: bool


class WayAnswer(msgspec.Struct, frozen=True):
    """What our own officer can do instead, tried: what the recipient would get by it.

    Args:
        purpose, tear_line: To plan with, under no limits of the officer's.
        words: What would leave.
        officers: How many must say yes.
        due: Not before.
    """

    purpose: str
    tear_line: str
    words: str
    officers: int
    due: str


class ExplainAnswer(msgspec.Struct, frozen=True):
    """The steps of the gate, each with what it said, and what would have to be otherwise.

    Args:
        approvals: Each yes that was said, the oldest first.
        change: Why it would not leave as it was planned, or empty; ``change_code`` names it.
        ways: For a plan that cannot leave: what can be planned instead, the cheapest first.
    """

    plan: PlanAnswer
    steps: list[str]
    needs: list[str]
    approvals: list[YesAnswer]
    change: str
    change_code: str
    ways: list[WayAnswer]


class LearnedAnswer(msgspec.Struct, frozen=True):
    """What one pool has learned about one secret, by everything that it was given, in every theatre."""

    secret: str
    about: str
    pool: str
    members: list[str]
    releases: int
    theatres: dict[str, int]
    prior_percent: float
    chance_percent: float
    budget_percent: float
    bits: float
    last_at: str
    words: str


class ChargeAnswer(msgspec.Struct, frozen=True):
    """One charge: which release taught whom how much."""

    id: int
    secret: str
    pool: str
    recipient: str
    theatre: str
    report: str
    plan: int | None
    leaf: str
    before_percent: float
    after_percent: float
    worst_percent: float
    bits: float
    at: str


class TrafficAnswer(msgspec.Struct, frozen=True):
    """How many messages and parcels of each kind a party got from this desk at all."""

    recipient: str
    kind: str
    messages: int
    size_bytes: int


class LedgerAnswer(msgspec.Struct, frozen=True):
    """A look into the ledger. ``before``: for the next page; 0: there is none."""

    learned: list[LearnedAnswer]
    charges: list[ChargeAnswer]
    traffic: list[TrafficAnswer]
    before: int


class HypothesisAnswer(msgspec.Struct, frozen=True):
    """One thing that may be true, and how likely it was beforehand."""

    id: str
    words: str
    prior: float


class BeliefStep(msgspec.Struct, frozen=True):
    """A belief after one charge. ``posterior``: by hypothesis, in their order."""

    at: str
    recipient: str
    theatre: str
    report: str
    leaf: str
    chance_percent: float
    posterior: list[float]


class BeliefAnswer(msgspec.Struct, frozen=True):
    """A belief as it grew, the oldest step first. Which hypothesis is true is not in it."""

    secret: str
    about: str
    pool: str
    gain: str
    prior_percent: float
    budget_percent: float
    hypotheses: list[HypothesisAnswer]
    steps: list[BeliefStep]


class RecallAnswer(msgspec.Struct, frozen=True):
    """How far one recall is with one party: queued, sent, delivered, acknowledged or lapsed."""

    of: str
    party: str
    state: str
    leaf: str
    at: str
    words: str


class ItemAnswer(msgspec.Struct, frozen=True):
    """An item as it stands in the record. ``recall``: how far a recall of it is, if there is one."""

    leaf: str
    index: int
    at: str
    author: str
    to: str
    originator: str
    purpose: str
    onward: str
    until: str
    is_over: bool
    sha256: str
    words: str
    marking: str
    variant: dict[str, Any]
    label: dict[str, Any]
    note: str
    receipt: str
    replaced_by: str
    recall: RecallAnswer | None
    report: str
    plan: int
    """By which it, or our yes to it, was planned here; 0: none of ours."""


class RungAnswer(msgspec.Struct, frozen=True):
    """What was signed about a message: submitted, delivered, unreadable, acknowledged or lapsed."""

    state: str
    index: int
    at: str
    officers: list[str]


class HolderAnswer(msgspec.Struct, frozen=True):
    """One hop of an item: who has it, or may have it, from whom, and what was signed about it.

    Args:
        depth: Hops from the originator's own item; 0 for its recipient.
        by: ``item``: it was sent to the party. ``grant``: the holder may pass it on to the party, and whether
            it did, only these two can read.
        of: The item's or grant's leaf.
        given: The rungs of what was given.
        recall: How far a recall is with the party; None: not recalled. ``recalled``: its rungs.
        plan: By which it was given, or the yes was; 0: none of ours.
    """

    party: str
    giver: str
    depth: int
    by: str
    of: str
    index: int
    at: str
    given: list[RungAnswer]
    recall: RecallAnswer | None
    recalled: list[RungAnswer]
    plan: int


class SeenItemAnswer(msgspec.Struct, frozen=True):
    """An item as its recipient reads it: what the message says, and what was signed about it since."""

    index: int
    at: str
    author: str
    originator: str
    purpose: str
    onward: str
    until: str
    is_over: bool
    words: str
    marking: str
    variant: dict[str, Any]
    note: str
    recalled_at: str
    recall_reason: str
    recall_words: str
    is_replaced: bool


class SeenYesAnswer(msgspec.Struct, frozen=True):
    """A yes or no of ours to passing on, as both that it names read it."""

    index: int
    at: str
    holder: str
    to: str
    purpose: str
    is_granted: bool
    is_recalled: bool
    until: str
    words: str


class SeenAnswer(msgspec.Struct, frozen=True):
    """What a partner sees of what we gave. Made of messages that it can read, and of nothing else."""

    party: str
    items: list[SeenItemAnswer]
    answers: list[SeenYesAnswer]


class OnwardAnswer(msgspec.Struct, frozen=True):
    """A question about passing an item on, and what was said: open, granted, refused, over or recalled.

    Args:
        passed: The entry by which we passed it on under this yes; 0: we did not.
    """

    ask: str
    at: str
    holder: str
    originator: str
    to: str
    purpose: str
    sha256: str
    words: str
    state: str
    grant: str
    until: str
    answer: str
    passed: int


class ReleaseRulesAnswer(msgspec.Struct, frozen=True):
    """Rules as they stand, and how the two have given and received under them."""

    id: str
    partner: str
    state: str
    proposed_by: str
    sha256: str
    purposes: list[str]
    contribution: dict[str, int] | None
    until: str
    given: int
    received: int
    words: str


class ReleaseCheckAnswer(msgspec.Struct, frozen=True):
    """Whether the ledger is what follows from what was given. ``faults``: where it is not."""

    is_sound: bool
    secrets: int
    pools: int
    charges: int
    faults: list[str]
