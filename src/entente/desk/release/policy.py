"""The policy decision: whether a recipient may have anything of a report, under which label, with what.

Asked before any variant is built. Each step answers for itself and all must agree:

    report      it is on the shelf, and fits its source
    recipient   another party of this center
    purpose     on the shelf, and names the recipient; one of those that the two have agreed on, where they
    have giving      what came back under the rules of the two, where they ask for it label       the label
    policy admits the recipient's clearance, with reasons veto        no rule of our own is against it

Invariants:
  * Default deny: no purpose, no clearance, no label policy, an error in any of them: no.
  * SECURITY: nothing here looks at place, time, path or words of the report: two reports of one source under
    one label have one answer, so that a no tells of neither (tests/protocol/test_desk_release_attacks.py,
    test_a_refusal_is_the_same_for_every_report).
  * A text with a label of its own goes with a shape no finer than what the text claims: the label speaks for
    what the text tells, not for more.

It does not judge exposure: see `planning`.

    >>> policy.decide(report, "ru", purpose="deconfliction").steps[-1]
    "veto: no rule of ours is against it"
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from entente.desk.release.giving import decide_contribution
from entente.desk.release.parts import ReleaseParts
from entente.desk.release.purposes import Purpose
from entente.kernel.kinds import Decision
from entente.release.label import (
    Clearance,
    Judgement,
    Label,
    LabelWire,
    address,
    decide,
    mark,
    parse_label,
)
from entente.release.rules import decide_purpose
from entente.release.source.catalogue import Catalogue, check_report
from entente.release.source.report import Report, TearLine
from entente.release.variant.ladder import Ladder, Level
from entente.release.veto import RELEASE, Proposal

NO_REPORT: Final = "no-report"


@dataclass(frozen=True, slots=True)
class Mask:
    """The steps of each dimension that may be shown, none of them chosen by what the report says."""

    places: frozenset[int]
    spans: frozenset[int]
    delays: frozenset[int]
    depths: frozenset[int]
    heights: frozenset[int]

    def allows(self, level: Level) -> bool:
        """Tell whether a level is made of allowed steps."""
        return (
            level.place in self.places
            and level.span in self.spans
            and level.delay in self.delays
            and level.depth in self.depths
            and level.height in self.heights
        )


@dataclass(frozen=True, slots=True)
class Allowed:
    """A yes of the policy, and what goes with it.

    Args:
        label: As it is addressed to the recipient: without a time, which is given when it is written.
        has_fields: Whether fields may go with it: they bear the report's own label.
        lines: The tear lines that may go with it.
        mask: Steps that may be shown.
        needs: How many officers.
    """

    purpose: Purpose
    label: Label
    has_fields: bool
    marking: str
    lines: tuple[TearLine, ...] = field(repr=False)
    mask: Mask = field(repr=False)
    needs: int
    steps: tuple[str, ...]
    reasons: tuple[str, ...]
    proposal: Proposal = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """A no of the policy, with what would have to be otherwise."""

    code: str
    words: str
    steps: tuple[str, ...]
    reasons: tuple[str, ...]


class _No(Exception):
    def __init__(self, code: str, *reasons: str) -> None:
        super().__init__(code)
        self.code = code
        self.reasons = reasons


def make_mask(ladder: Ladder) -> Mask:
    """Return the mask that allows every step of a ladder."""
    return Mask(
        frozenset(range(len(ladder.places_arcsec) + 1)),
        frozenset(range(len(ladder.spans_s) + 1)),
        frozenset(range(len(ladder.delays_s))),
        frozenset(ladder.depths),
        frozenset(range(len(ladder.heights_m) + 1)),
    )


class ReleasePolicy:
    """The policy decision of one desk. Safe from several threads."""

    def __init__(self, parts: ReleaseParts) -> None:
        self._parts = parts

    def decide(
        self,
        report: Report,
        recipient: str,
        *,
        purpose: str,
        tear_line: str = "",
        action: str = RELEASE,
    ) -> Allowed | Refused:
        """Decide whether a recipient may have anything of a report.

        Args:
            tear_line: The one that an officer asks for; empty: whichever fits.
        """
        steps: list[str] = []
        try:
            return self._decide(report, recipient, purpose, tear_line, action, steps)
        except _No as no:
            steps.append(f"{no.code}: no: {'; '.join(no.reasons)}")
            return Refused(no.code, no.reasons[0], tuple(steps), no.reasons)

    def _decide(
        self, report: Report, recipient: str, name: str, tear_line: str, action: str, steps: list[str]
    ) -> Allowed:
        parts = self._parts
        _, catalogue = parts.library.get_catalogue()
        faults = check_report(report, catalogue)
        if faults:
            raise _No("bad-report", *faults)
        steps.append(f"report: fits source {report.source!r}")
        if not parts.has_party(recipient):
            raise _No("bad-recipient", f"recipient: expected another party of this center, got {recipient!r}")
        steps.append(f"recipient: {recipient} is a party of this center")
        purpose = self._decide_purpose(recipient, name, steps)
        label, lines, mask, judged, clearance = self._decide_label(report, recipient, tear_line, steps)
        policy = parts.library.policies().find_of(parse_label(label))
        if policy is None:
            raise AssertionError("label: admitted under a policy that is not there")
        addressed = address(parse_label(label), clearance, policy)
        proposal = self.propose(report, catalogue, recipient, purpose.id, label, action)
        mask = self._ask_vetoes(proposal, mask, steps)
        needs = max(
            purpose.officers,
            judged.officers_needed,
            2 if label.classification in purpose.two_officers else 1,
            *(catalogue.secret[one].officers for one in catalogue.source[report.source].secrets),
            1,
        )
        return Allowed(
            purpose=purpose,
            label=addressed,
            # SECURITY: a field bears the report's own label, and does not go out under a tear line's
            # (tests/protocol/test_desk_release.py,
            # test_a_tear_lines_label_lets_out_what_it_tells_and_no_more).
            has_fields=label == report.label,
            marking=mark(addressed, policy),
            lines=lines,
            mask=mask,
            needs=needs,
            steps=tuple(steps),
            reasons=tuple(one.words for one in judged.reasons),
            proposal=proposal,
        )

    def _decide_purpose(self, recipient: str, name: str, steps: list[str]) -> Purpose:
        parts, now = self._parts, self._parts.clock.now_utc()
        purpose = parts.library.find_purpose(name)
        if purpose is None or recipient not in purpose.to:
            raise _No(
                "purpose",
                f"purpose {name!r}: expected one on our shelf that names {recipient!r} as a recipient",
            )
        agreed = decide_purpose(parts.rows, parts.party, recipient, name, now)
        _require(agreed, "purpose")
        steps.append(f"purpose: {name!r} names {recipient}")
        _require(decide_contribution(parts.rows, parts.party, recipient, now), "giving")
        steps.append("giving: nothing in the rules of the two stands against it")
        return purpose

    def _decide_label(
        self, report: Report, recipient: str, tear_line: str, steps: list[str]
    ) -> tuple[LabelWire, tuple[TearLine, ...], Mask, Judgement, Clearance]:
        """Return the label under which something may go, what texts, how fine at most, and why."""
        every = make_mask(self._parts.ladder)
        wanted = [line for line in report.tear_lines if tear_line in {"", line.id}]
        if tear_line and not wanted:
            raise _No("tear-line", f"tear line: expected one of report {report.id!r}, got {tear_line!r}")
        plain = tuple(line for line in wanted if line.label is None or line.label == report.label)
        judged, clearance = self._judge_label(report.label, recipient)
        if judged.is_allowed and clearance is not None and (plain or not tear_line):
            steps.append(f"label: {recipient} may have what is {report.label.classification}")
            return report.label, plain, every, judged, clearance
        for line in wanted:
            if line.label is None or line.label == report.label:
                continue
            other, clearance = self._judge_label(line.label, recipient)
            if other.is_allowed and clearance is not None:
                steps.append(
                    f"label: {recipient} may have what goes with tear line {line.id!r}, "
                    f"{line.label.classification}, and nothing finer than it says"
                )
                return line.label, (line,), self._mask_claims(line, every), other, clearance
        unmet = [one.words for one in judged.reasons if not one.is_met]
        raise _No(
            "label", *(unmet or ["label: no clearance of the recipient under its policy is on our shelf"])
        )

    def _judge_label(self, wire: LabelWire, recipient: str) -> tuple[Judgement, Clearance | None]:
        policies, label = self._parts.library.policies(), parse_label(wire)
        policy = policies.find_of(label)
        fitting = [
            one
            for one in self._parts.library.list_clearances(recipient)
            if policy is not None and policy.is_policy_of(one.policy_id, one.policy)
        ]
        # SECURITY: of two clearances under one policy, filed by name and by identifier, none counts: the
        # older one might be the higher
        # (tests/protocol/test_desk_release_attacks.py, test_two_clearances_are_none).
        clearance = fitting[0] if len(fitting) == 1 else None
        return decide(label, clearance, policies), clearance

    def _mask_claims(self, line: TearLine, mask: Mask) -> Mask:
        """Return the steps that tell no more than a tear line does.

        SECURITY: a lower label on a text lets the text out, not a finer place beside it
        (tests/protocol/test_desk_release.py, test_a_tear_lines_label_lets_out_what_it_tells_and_no_more).
        """
        ladder, claims = self._parts.ladder, line.claims
        return Mask(
            _steps_down_to(ladder.places_arcsec, claims.place_arcsec),
            _steps_down_to(ladder.spans_s, claims.span_s),
            mask.delays,
            frozenset(depth for depth in mask.depths if depth <= claims.depth),
            _steps_down_to(ladder.heights_m, claims.height_m),
        )

    # Vetoes

    def propose(
        self,
        report: Report,
        catalogue: Catalogue,
        recipient: str,
        purpose: str,
        label: LabelWire,
        action: str,
    ) -> Proposal:
        """Return what a veto may look at, at the most cautious level."""
        source, ladder = catalogue.source[report.source], self._parts.ladder
        return Proposal(
            action=action,
            recipient=recipient,
            pools=tuple(pool.id for pool in self._parts.library.list_pools() if recipient in pool.members),
            theatre=report.theatre,
            source=report.source,
            method=source.method,
            sensitivity=source.sensitivity,
            secrets=tuple(sorted(source.secrets)),
            purpose=purpose,
            label_policy=label.policy or label.policy_id,
            classification=label.classification,
            categories=tuple(f"{one.name}={value}" for one in label.categories for value in one.values),
            officers=(),
            at_utc=self._parts.clock.now_utc(),
            delay_s=ladder.delays_s[-1],
        )

    def _ask_vetoes(self, proposal: Proposal, mask: Mask, steps: list[str]) -> Mask:
        """Return the mask without the steps that a rule of ours is against; each asked alone."""
        (first,) = self._parts.veto.judge([proposal])
        _require(first, "veto")
        steps.append("veto: no rule of ours is against it")
        if not self._parts.veto.version:
            return mask
        ladder = self._parts.ladder
        asked: list[tuple[str, int, Proposal]] = []
        for name, allowed in _list_dimensions(mask):
            asked += [(name, step, set_step(proposal, ladder, name, step)) for step in sorted(allowed)]
        answers = self._parts.veto.judge([one for _, _, one in asked])
        kept: dict[str, set[int]] = {name: set() for name, _ in _list_dimensions(mask)}
        for (name, step, _), answer in zip(asked, answers, strict=True):
            if answer.is_allowed:
                kept[name].add(step)
        # A report may fall into a coarser cell than the level's: so what is coarser must be allowed too.
        every = range(len(ladder.places_arcsec) + 1)
        barred = next((step for step in every if step not in kept["place"]), len(every))
        kept["place"] = {step for step in kept["place"] if step < barred}
        return Mask(*(frozenset(kept[name]) for name, _ in _list_dimensions(mask)))


def _require(decision: Decision, step: str) -> None:
    if not decision.is_allowed:
        raise _No(step, *decision.reasons)


def _steps_down_to(sizes: tuple[int, ...], claimed: int) -> frozenset[int]:
    """Return the steps that show no more than is claimed; only 0 where nothing is."""
    return frozenset({0, *(step for step, size in enumerate(sizes, 1) if size >= claimed > 0)})


def _list_dimensions(mask: Mask) -> tuple[tuple[str, frozenset[int]], ...]:
    return (
        ("place", mask.places),
        ("span", mask.spans),
        ("delay", mask.delays),
        ("depth", mask.depths),
        ("height", mask.heights),
    )


def set_step(proposal: Proposal, ladder: Ladder, dimension: str, step: int) -> Proposal:
    """Return a proposal with one dimension at a step of the ladder."""
    match dimension:
        case "place":
            return replace(proposal, place_arcsec=ladder.places_arcsec[step - 1] if step else None)
        case "span":
            return replace(proposal, span_s=ladder.spans_s[step - 1] if step else None)
        case "delay":
            return replace(proposal, delay_s=ladder.delays_s[step])
        case "depth":
            return replace(proposal, depth=step)
        case "height":
            return replace(proposal, height_m=ladder.heights_m[step - 1] if step else None)
    raise ValueError(f"dimension: expected one of the ladder, got {dimension!r}")
