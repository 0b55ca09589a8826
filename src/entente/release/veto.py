"""The port of vetoes: a party's own rules that may stop a release and never permit one.

What a rule may look at is a `Proposal`: who would get something, of which source, under which label, how
coarse and how late. Who answers is a `Veto`.

Invariants: a proposal holds nothing that follows from what this very report says (its place, time, identity,
words), so that a veto falls on all reports of a source alike and its silence tells nothing of one of them;
an answer is ALLOWED or a refusal with words, never an error: what cannot be judged is refused.

It permits nothing: labels, exposure and officers decide apart from it, and each of them can refuse.

    >>> [answer] = veto.judge([proposal])
    >>> answer.code, answer.reasons
    ('veto', ("veto 'no-imagery-to-ru' of north.cedar: imagery stays with us",))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from entente.kernel.kinds import ALLOWED, Decision

RELEASE: Final = "release"
ONWARD: Final = "onward"
ACTIONS: Final = (RELEASE, ONWARD)

VETOED: Final = "veto"
"""Code of a refusal by a rule; its reasons name the rule."""
BROKEN: Final = "vetoes-broken"
"""Code of a refusal because the rules could not be asked: a bad file, an error, a missing engine."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be given to one recipient, as far as a rule may know it.

    Args:
        action: `RELEASE`, or `ONWARD` when a recipient asks to pass something on: to ``recipient``.
        pools: Names of the sets of recipients, who may put together what they got, that hold the recipient.
        sensitivity, method, theatre: Of the source, as its catalogue has them.
        secrets: Ids of what the source's releases are charged to.
        categories: Of the label, ``TAG SET=VALUE`` each.
        officers: Who has approved so far; empty while planning.
        place_arcsec, span_s, height_m: Size of the cell, window and height band shown; None: not shown.
        delay_s: How long it is held back.
        depth: How many steps of the identity are shown.
        has_text: Whether a tear line goes with it. ``fields``: names of those that do.
        worst_percent: The most that any best guess may be worth afterwards, in percent, rounded up.
    """

    action: str
    recipient: str
    pools: tuple[str, ...]
    theatre: str
    source: str
    method: str
    sensitivity: str
    secrets: tuple[str, ...]
    purpose: str
    label_policy: str
    classification: str
    categories: tuple[str, ...]
    officers: tuple[str, ...]
    at_utc: datetime
    place_arcsec: int | None = None
    span_s: int | None = None
    height_m: int | None = None
    delay_s: int = 0
    depth: int = 0
    has_text: bool = False
    fields: tuple[str, ...] = ()
    worst_percent: int = 0

    def __post_init__(self) -> None:
        if self.action not in ACTIONS:
            raise ValueError(f"proposal: expected an action of {ACTIONS}, got {self.action!r}")


class Veto(Protocol):
    """A party's own rules. Safe from several threads."""

    @property
    def version(self) -> str:
        """What tells these rules from any others: a SHA-256; empty when there are none."""

    def judge(self, proposals: Sequence[Proposal]) -> list[Decision]:
        """Return an answer for each proposal, in their order: allowed, or refused with words.

        Never raises for what is wrong with the rules: that is a refusal of every proposal (`BROKEN`).
        """


class NoVeto:
    """A party without rules of its own (`Veto`)."""

    version: Final = ""

    def judge(self, proposals: Sequence[Proposal]) -> list[Decision]:
        """Allow each: the other judges decide."""
        return [ALLOWED] * len(proposals)
