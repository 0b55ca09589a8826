"""What can be asked of a desk's gate, and what it answers.

Invariants: those of `entente.desk.requests`; an answer goes to the desk's own officers alone: it may name
sources and secrets, which nothing that leaves does; chances are percentages rounded up, and never shown as
smaller than they are.

It does nothing: see `verbs`.

    >>> parse_request(b'{"officer":"duty-1","report":"r-17","to":["ru"],"purpose":"safety"}',
    ReleasePlanRequest)
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from entente.desk.release.shelves import ShelfName
from entente.desk.requests import ClearableUtc, MessageName, ReasonText, Spoken, WaitSeconds
from entente.kernel.wire import NoteText, OptionalSlug, SlugText, WireStruct
from entente.release.recall import Reason
from entente.release.rules import Contribution

MAX_RECIPIENTS: Final = 64
FileKind = Literal["catalogue", "reports", "policy", "clearances", "pools", "purposes"]
OptionalName = Annotated[str, msgspec.Meta(pattern=r"^(?:[a-z0-9+](?:[a-z0-9.:-]{0,60}[a-z0-9])?)?$(?!\n)")]
OptionalSha = Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{64})?$(?!\n)", max_length=64)]
PlanNumber = Annotated[int, msgspec.Meta(ge=1)]


class ReleaseLoadRequest(WireStruct, frozen=True, kw_only=True):
    """Put a file on the shelves, the whole of it or nothing.

    Args:
        kind: ``policy`` is a SPIF in XML, the rest TOML. ``catalogue``: observers, sources and secrets, all
            of them.
        text: The file itself.
    """

    officer: SlugText
    kind: FileKind
    text: Annotated[str, msgspec.Meta(max_length=1_000_000)]


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


class ReleaseDropRequest(WireStruct, frozen=True, kw_only=True):
    """Take a thing down from its shelf; its versions stay."""

    officer: SlugText
    shelf: ShelfName
    name: OptionalName


class ReleaseShelfRequest(WireStruct, frozen=True, kw_only=True):
    """Look at the shelves; ``shelf`` empty: all of them."""

    shelf: Annotated[str, msgspec.Meta(max_length=20)] = ""


class WeightsRequest(WireStruct, frozen=True):
    """What a bit is worth in each dimension, in hundredths (docs/formats/release-exposure.md)."""

    place: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 100
    span: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 100
    height: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 50
    depth: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 300
    wait: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 100


class ReleasePlanRequest(WireStruct, frozen=True, kw_only=True):
    """Plan to give a report to recipients. Nothing leaves, nothing is charged.

    Args:
        to: Whom to; planned for each apart.
        finest: No finer than this in arc seconds, seconds, words and metres; 0: as the gate finds.
        latest_s: No later than this delay; -1: as the gate finds.
        tear_line: The text that is to go with it; empty: the first that fits.
        until: When the recipient is not to use it any more; empty: as the purpose says.
        note: For the recipient; it leaves as it stands.
    """

    officer: SlugText
    report: SlugText
    to: Annotated[list[SlugText], msgspec.Meta(min_length=1, max_length=MAX_RECIPIENTS)]
    purpose: SlugText
    finest_arcsec: Annotated[int, msgspec.Meta(ge=0, le=648_000)] = 0
    finest_s: Annotated[int, msgspec.Meta(ge=0)] = 0
    most_depth: Annotated[int, msgspec.Meta(ge=-1, le=6)] = -1
    finest_m: Annotated[int, msgspec.Meta(ge=0)] = 0
    latest_s: Annotated[int, msgspec.Meta(ge=-1)] = -1
    weights: WeightsRequest | None = None
    tear_line: OptionalSlug = ""
    until: ClearableUtc = ""
    note: NoteText = ""


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


class BlockerAnswer(msgspec.Struct, frozen=True):
    """What stands in the way of anything finer."""

    dimension: str
    secret: str
    pool: str
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
    blockers: list[BlockerAnswer]
    cautions: list[str]
    is_charged: bool
    number: int | None
    leaf: str


class ReleasePlansRequest(WireStruct, frozen=True, kw_only=True):
    """Look at plans, the newest first; empty: all."""

    state: Annotated[str, msgspec.Meta(max_length=20)] = ""
    report: Annotated[str, msgspec.Meta(max_length=40)] = ""
    recipient: Annotated[str, msgspec.Meta(max_length=40)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50


class ReleaseSendRequest(WireStruct, frozen=True, kw_only=True):
    """Say yes to a plan; with the last yes it is held until its time, and then sent.

    Args:
        sha256: Only if the plan is this one; what the officer has seen.
    """

    officer: SlugText
    plan: PlanNumber
    sha256: OptionalSha = ""
    wait_s: WaitSeconds = 20


class ReleaseWithdrawRequest(WireStruct, frozen=True, kw_only=True):
    """Take back a plan that is not signed yet. What was charged stays charged."""

    officer: SlugText
    plan: PlanNumber


class ReleaseExplainRequest(WireStruct, frozen=True, kw_only=True):
    """Ask why a party got a report in this form, why not, and what it would need to see more.

    Args:
        plan: A plan; or 0, and then ``report`` and ``to``: the newest about both.
    """

    plan: Annotated[int, msgspec.Meta(ge=0)] = 0
    report: Annotated[str, msgspec.Meta(max_length=40)] = ""
    to: Annotated[str, msgspec.Meta(max_length=40)] = ""


class ExplainAnswer(msgspec.Struct, frozen=True):
    """The steps of the gate, each with what it said, and what would have to be otherwise."""

    plan: PlanAnswer
    steps: list[str]
    needs: list[str]


class ReleaseLedgerRequest(WireStruct, frozen=True, kw_only=True):
    """What has been given away, as seen from a secret, a recipient, a pool, a theatre; empty: all.

    Args:
        after, limit: A page of single charges, by number.
    """

    secret: Annotated[str, msgspec.Meta(max_length=40)] = ""
    recipient: Annotated[str, msgspec.Meta(max_length=40)] = ""
    pool: Annotated[str, msgspec.Meta(max_length=400)] = ""
    theatre: Annotated[str, msgspec.Meta(max_length=40)] = ""
    before: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=0, le=500)] = 50


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


class ReleaseBeliefRequest(WireStruct, frozen=True, kw_only=True):
    """Look at what a pool may believe about a secret, release by release."""

    secret: SlugText
    pool: Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1000


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


class ReleaseRecallRequest(Spoken, frozen=True, kw_only=True):
    """Say to who holds an item that it is not to be used any more. It deletes nothing.

    Args:
        of: Items that we sent, or grants that we gave, by index or digits of the hash.
        report: Instead: every item that was made of this report, any version.
    """

    of: Annotated[list[MessageName], msgspec.Meta(max_length=100)] = msgspec.field(default_factory=list)
    report: Annotated[str, msgspec.Meta(max_length=40)] = ""
    reason: Reason = "not-stated"
    words: NoteText = ""


class RecallAnswer(msgspec.Struct, frozen=True):
    """How far one recall is with one party: queued, sent, delivered, acknowledged or lapsed."""

    of: str
    party: str
    state: str
    leaf: str
    at: str
    words: str


class ReleaseItemsRequest(WireStruct, frozen=True, kw_only=True):
    """Look at items in the record that we can read, the newest first; ``party``: from or to it."""

    party: Annotated[str, msgspec.Meta(max_length=40)] = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100


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


class ReleaseAskRequest(Spoken, frozen=True, kw_only=True):
    """Ask an item's originator whether it may be passed on to a third party."""

    item: MessageName
    party: SlugText
    purpose: SlugText
    words: NoteText = ""


class ReleaseGrantRequest(WireStruct, frozen=True, kw_only=True):
    """Answer a question. A yes is planned like a release to the new recipient: it needs the same officers."""

    officer: SlugText
    ask: MessageName
    granted: bool
    until: ClearableUtc = ""
    words: NoteText = ""
    wait_s: WaitSeconds = 20


class ReleasePassRequest(WireStruct, frozen=True, kw_only=True):
    """Pass an item on, under its originator's recorded yes."""

    officer: SlugText
    grant: MessageName
    note: NoteText = ""
    wait_s: WaitSeconds = 20


class ReleaseOnwardRequest(WireStruct, frozen=True):
    """Look at questions and answers about passing items on."""


class OnwardAnswer(msgspec.Struct, frozen=True):
    """A question about passing an item on, and what was said: open, granted, refused, over or recalled."""

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


class ReleaseProposeRequest(Spoken, frozen=True, kw_only=True):
    """Propose rules to another party: purposes, and what has to come back. They bind nobody until agreed."""

    id: SlugText
    partner: SlugText
    purposes: Annotated[list[SlugText], msgspec.Meta(min_length=1, max_length=20)]
    contribution: Contribution | None = None
    agreement: Annotated[str, msgspec.Meta(max_length=40)] = ""
    until: ClearableUtc = ""


class ReleaseAgreeRequest(Spoken, frozen=True, kw_only=True):
    """Put proposed rules in force; ``sha256``: only if they are these."""

    id: SlugText
    sha256: OptionalSha = ""


class ReleaseEndRequest(Spoken, frozen=True, kw_only=True):
    """Turn proposed rules down, or end those in force."""

    id: SlugText
    reason: ReasonText


class ReleaseRulesRequest(WireStruct, frozen=True):
    """Look at the rules that bind us."""


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
