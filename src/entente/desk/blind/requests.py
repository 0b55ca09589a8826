"""What can be asked of a desk about blind checks, and what it answers.

Invariants: those of `requests`; an answer of a run says CLEAR only when it ended so: while it goes on its
verdict is empty.

It does nothing: see `verbs`.

    >>> parse_request(b'{"officer":"duty-1","rules":"skies"}', BlindCheckRequest).kind
    'whole'
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from entente.blind.grid import GridWire
from entente.blind.rules import Allowance, Mode
from entente.deconflict.activity import Volumes
from entente.desk.requests import ClearableUtc, ReasonText, Spoken, WaitSeconds
from entente.kernel.wire import NoteText, OptionalHex64, OptionalSlug, SlugText, WireStruct
from entente.space import VolumeWire

MAX_ITEMS: Final = 10_000
"""Plan items in one request; more are put in several."""
MAX_BOXES: Final = 500
"""Boxes of one item in an answer; ``cells`` says how many there are."""
CheckKind = Literal["whole", "delta", "yes-no", "count"]
OptionalTime = Annotated[str, msgspec.Meta(max_length=27)]


class BlindProposeRequest(Spoken, frozen=True, kw_only=True):
    """Propose rules of blind checks to another party. It binds nobody until the other agrees.

    Args:
        grid: Null: the measured one for the charter's own separation, which widens the side sorted first.
        starts: Of epoch 0; empty: now.
    """

    id: SlugText
    partner: SlugText
    allowance: Allowance
    grid: GridWire | None = None
    modes: Annotated[list[Mode], msgspec.Meta(min_length=1, max_length=3)] = msgspec.field(
        default_factory=lambda: ["exact"]
    )
    starts: ClearableUtc = ""
    epoch_h: Annotated[int, msgspec.Meta(ge=1, le=24 * 366)] = 24
    epochs: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 30
    answer_min: Annotated[int, msgspec.Meta(ge=1, le=60 * 24 * 30)] = 60
    agreement: OptionalSlug = ""
    auditor: OptionalSlug = ""
    audit_days: Annotated[int, msgspec.Meta(ge=1, le=3660)] = 90


class BlindAgreeRequest(Spoken, frozen=True, kw_only=True):
    """Put proposed rules in force; ``sha256``: only if they are these."""

    id: SlugText
    sha256: OptionalHex64 = ""


class BlindRefuseRequest(Spoken, frozen=True, kw_only=True):
    """Refuse proposed rules, with a reason."""

    id: SlugText
    reason: ReasonText


class BlindEndRequest(Spoken, frozen=True, kw_only=True):
    """End rules: nothing more is asked under them."""

    id: SlugText
    reason: NoteText = ""


class PlanItem(WireStruct, frozen=True, kw_only=True):
    """One item of the plan that is checked blind: a name of our own, and its volumes."""

    name: SlugText
    volumes: Volumes


PlanName = Annotated[
    str, msgspec.Meta(pattern=r"^(?:\*|[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?)$(?!\n)", max_length=40)
]
"""An activity of which the desk has a private plan, or all of them."""


class BlindPlanRequest(WireStruct, frozen=True, kw_only=True):
    """Change the plan that is checked blind; nothing leaves the desk. Done in this order.

    Args:
        clear: Drop every item first.
        drop: Names; one that is not there is an error.
        put: Items; one of the same name is replaced.
        from_plans: Put the desk's private plans of these activities; ``*``: all of them.
    """

    officer: SlugText
    clear: bool = False
    drop: Annotated[list[SlugText], msgspec.Meta(max_length=MAX_ITEMS)] = msgspec.field(default_factory=list)
    put: Annotated[list[PlanItem], msgspec.Meta(max_length=MAX_ITEMS)] = msgspec.field(default_factory=list)
    from_plans: Annotated[list[PlanName], msgspec.Meta(max_length=MAX_ITEMS)] = msgspec.field(
        default_factory=list
    )


class BlindPlanAnswer(msgspec.Struct, frozen=True):
    """How the plan is now."""

    items: int
    volumes: int
    put: int
    dropped: int


class BlindItemsRequest(WireStruct, frozen=True, kw_only=True):
    """Look at the plan that is checked blind, by name from beyond ``after``."""

    after: OptionalSlug = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 200


class BlindItemsAnswer(msgspec.Struct, frozen=True):
    """Items of the plan by name, and how many there are in all."""

    items: list[PlanItem]
    count: int


class BlindPrepareRequest(WireStruct, frozen=True, kw_only=True):
    """Cover the plan, make its tags and commit to them; amend where we have committed already.

    Args:
        epoch: -1: the present one; the next one can be prepared ahead.
    """

    officer: SlugText
    rules: SlugText
    epoch: Annotated[int, msgspec.Meta(ge=-1, lt=10_000)] = -1
    wait_s: WaitSeconds = 20


class HoldingAnswer(msgspec.Struct, frozen=True):
    """What a party has committed to under rules in an epoch.

    Args:
        state: ``none``, ``working`` (being made or sent), ``committed``, ``refused`` (see words).
        number: Amendments so far. ``cells``, ``tokens``: our own; of the partner 0.
        size: Tags, padded, as the record shows them.
        is_fetched: Of the partner: its tags are here and in order. Of ours: true.
    """

    rules: str
    epoch: int
    party: str
    state: str
    number: int
    cells: int
    tokens: int
    size: int
    is_fetched: bool
    words: str


class BlindCheckRequest(WireStruct, frozen=True, kw_only=True):
    """Check blind.

    Args:
        kind: ``whole``: the plan that we committed to, and theirs in return; ``delta``: items that we mean to
            add; ``yes-no``, ``count``: by way of the center.
        items: Of a delta.
        adopt: Of a delta: when it is CLEAR, put the items into the plan and amend our commitment.
        token: Asking twice with one token asks once.
    """

    officer: SlugText
    rules: SlugText
    kind: CheckKind = "whole"
    items: Annotated[list[PlanItem], msgspec.Meta(max_length=MAX_ITEMS)] = msgspec.field(default_factory=list)
    adopt: bool = False
    token: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]*$", max_length=64)] = ""
    wait_s: WaitSeconds = 20


class BoxAnswer(msgspec.Struct, frozen=True):
    """A cell of ours that the other side's plan touches. Null heights: without end.

    West greater than east: across the antimeridian.
    """

    south_deg: float
    west_deg: float
    north_deg: float
    east_deg: float
    floor_m: float | None
    ceiling_m: float | None
    start: str
    end: str


class ConflictAnswer(msgspec.Struct, frozen=True):
    """Where one item of ours meets their plan: how many cells, and at most `MAX_BOXES` of them as boxes."""

    item: str
    cells: int
    boxes: list[BoxAnswer]
    added_later: bool = False
    """The other side came there after our check (an amendment of theirs)."""


class RunAnswer(msgspec.Struct, frozen=True):
    """A run as we know it.

    Args:
        run: Our desk's own number of it.
        state: ``preparing``, ``sending``, ``waiting`` (for the other side or the center), ``half`` (our half
            is done, theirs is not) or ``ended``.
        verdict: Empty until it ended; CLEAR, CONFLICT or INVALID. ``own``: of our half alone.
        code: Why it is INVALID.
        at_least: Of a count run: that many tokens meet at least.
        conflicts: Where, by item of our plan, as `blind-run` gives it; empty in `blind-runs`.
    """

    run: int
    rules: str
    epoch: int
    partner: str
    kind: str
    is_ours: bool
    officer: str
    since: str
    state: str
    verdict: str
    own: str
    code: str
    words: str
    bucket: int
    at_least: int
    ask: str
    conflicts: list[ConflictAnswer]


class WorkAnswer(msgspec.Struct, frozen=True):
    """What the desk computes at the moment. ``done`` of ``all``; both 0: not known."""

    what: str
    done: int
    all: int


class BlindRunsRequest(WireStruct, frozen=True, kw_only=True):
    """Runs, the newest first."""

    rules: OptionalSlug = ""
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100


class BlindRunsAnswer(msgspec.Struct, frozen=True):
    """Runs, what is computed at the moment (or null), and what each side holds."""

    runs: list[RunAnswer]
    work: WorkAnswer | None
    holdings: list[HoldingAnswer]


class BlindRunRequest(WireStruct, frozen=True, kw_only=True):
    """One run, with every conflict; ``wait_s``: for it to end."""

    run: Annotated[int, msgspec.Meta(ge=1)]
    wait_s: WaitSeconds = 0


class BlindBudgetRequest(WireStruct, frozen=True, kw_only=True):
    """What was used of what is allowed."""

    rules: OptionalSlug = ""


class UsageAnswer(msgspec.Struct, frozen=True):
    """What ``asker`` has used in an epoch, and what it may: cells padded.

    ``charged_cells``: of what is asked of us, as our own ledger has it; else 0.
    """

    rules: str
    epoch: int
    asker: str
    whole_cells: int
    whole_runs: int
    delta_cells: int
    delta_runs: int
    matches: int
    allowed: Allowance
    charged_cells: int


class BudgetAnswer(msgspec.Struct, frozen=True):
    """Both directions of all rules, and our cap over all partners together, in any 24 hours."""

    usages: list[UsageAnswer]
    theatre_cells: int
    theatre_allowed: int


class BlindRulesRequest(WireStruct, frozen=True, kw_only=True):
    """Rules by name; empty: all of them."""

    rules: OptionalSlug = ""


class RulesAnswer(msgspec.Struct, frozen=True):
    """Rules as they stand. ``rules``: the body that was proposed. ``epoch``: the present one, or -1."""

    id: str
    partner: str
    state: str
    proposed_by: str
    sha256: str
    epoch: int
    reason: str
    in_default: list[str]
    rules: dict[str, object]


class BlindExplainRequest(WireStruct, frozen=True, kw_only=True):
    """Say what each side learns under these rules."""

    rules: SlugText


class ModeAnswer(msgspec.Struct, frozen=True):
    """What a mode shows to whom, a sentence each."""

    mode: str
    partner: str
    center: str
    others: str
    auditor: str


class ExplainAnswer(msgspec.Struct, frozen=True):
    """What is learnt in each mode of these rules, and what no cryptography stops."""

    rules: str
    partner: str
    modes: list[ModeAnswer]
    cannot: list[str]


class BlindOpenRequest(WireStruct, frozen=True, kw_only=True):
    """Make the file that opens one epoch of ours to an auditor. Who has it has our plan of that epoch."""

    officer: SlugText
    rules: SlugText
    epoch: Annotated[int, msgspec.Meta(ge=0, lt=10_000)]


class OpenAnswer(msgspec.Struct, frozen=True):
    """The file (`entente.blind.opening`), as text."""

    rules: str
    epoch: int
    opening: str


class BlindZoomRequest(WireStruct, frozen=True, kw_only=True):
    """Offer to show the parts of our volumes inside the shared cells of a whole run, if they do the same.

    It binds: once both have offered, the desk shows ours by itself.

    Args:
        items: Of our plan; empty: all that met.
    """

    officer: SlugText
    run: Annotated[int, msgspec.Meta(ge=1)]
    items: Annotated[list[SlugText], msgspec.Meta(max_length=MAX_ITEMS)] = msgspec.field(default_factory=list)
    wait_s: WaitSeconds = 20


class BlindZoomsRequest(WireStruct, frozen=True, kw_only=True):
    """Look at the zoom of a run."""

    run: Annotated[int, msgspec.Meta(ge=1)]


class MeetingAnswer(msgspec.Struct, frozen=True):
    """Two parts that conflict under the exact rule."""

    ours: VolumeWire
    theirs: VolumeWire


class ZoomAnswer(msgspec.Struct, frozen=True):
    """How far a zoom is.

    Args:
        state: ``none``, ``asked`` (they have offered, we have not), ``offered`` (we have, they have not),
            ``showing`` (both have; parts are on their way), ``judged``.
        owed_by: Who has read the other's parts and not shown its own; or empty.
        is_true: When judged: a true conflict, or an artefact of the grid (false); None where the other side
            has shown nothing.
        cells: How many cells we have offered.
    """

    run: int
    state: str
    owed_by: str
    is_true: bool | None
    cells: int
    meetings: list[MeetingAnswer]
    words: str
