"""What each side learns from blind checks under some rules, in plain words, with the rules' own numbers.

Invariants: nothing here promises more than docs/formats/blind.md shows; what no cryptography stops is said
beside what it does.

It reads the rules and nothing else.

    >>> explain_rules(rules, "us").modes[0].partner
    'ru learns, of each check of your whole plan, ...'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from entente.blind.rules import BlindRules, Mode, RulesRow
from entente.blind.sizes import CANARIES, LEAST_PROBES, SESSION_CANARIES
from entente.desk.blind.requests import BlindExplainRequest, ExplainAnswer, ModeAnswer
from entente.kernel.rows import get_row

if TYPE_CHECKING:
    from entente.desk.assembly import Desk

_SIZES: Final = "10, 20, 50, 100, 200, 500 and so on, beyond 10,000 in steps of a fifth to a third"


def explain(desk: Desk, request: BlindExplainRequest) -> ExplainAnswer:
    """Say what each side learns under rules that stand in the record."""
    row = get_row(desk.rows, RulesRow, request.rules, what="rules")
    return explain_rules(row.rules, desk.party)


def explain_rules(rules: BlindRules, party: str) -> ExplainAnswer:
    """Say what each side learns, to one of the two parties."""
    partner = rules.get_other(party)
    modes = [_explain_mode(mode, rules, partner) for mode in rules.modes]
    return ExplainAnswer(rules.id, partner, modes, _list_limits(rules, partner))


def _explain_mode(mode: Mode, rules: BlindRules, partner: str) -> ModeAnswer:
    center, others = _CENTER[mode], _OTHERS
    if mode == "exact":
        words = _explain_exact(rules, partner)
    else:
        told = (
            "yes or no, nothing else" if mode == "yes-no" else "at least 1, 10, 100, 1,000 or 10,000, or none"
        )
        words = (
            f"You and {partner} both learn whether any part of the two plans meets: {told}. Not where, and "
            f"not what. {partner} can start {rules.allowance.matches} such checks in an epoch of "
            f"{rules.epoch_h} hours, and each answer is one more fact about your plan: who may ask often, "
            "with one small area each time, finds out where you are."
        )
    return ModeAnswer(mode, words, center, others, _explain_audit(rules, partner))


def _explain_exact(rules: BlindRules, partner: str) -> str:
    allowed = rules.allowance
    return (
        f"{partner} learns which cells of its own plan yours touches: the place, height and time of each, "
        "to the size of a cell, and nothing of your plan elsewhere. You learn the same of yours. "
        f"{partner} can ask about cells that it does not plan to use: in an epoch of {rules.epoch_h} hours "
        f"at most {allowed.whole_cells:,} cells in {allowed.whole_runs:,} checks of a whole plan and "
        f"{allowed.delta_cells:,} cells in {allowed.delta_runs:,} checks of additions. A liar can ask for "
        f"{_HIDDEN['whole']} cells more in each check of a whole plan ({_HIDDEN['large']} in a large one) "
        f"and {_HIDDEN['delta']} in each of additions, in the places of test cells; an audit finds it. That "
        "is the most that it can find out about you in that time. It also sees how large your plan is, "
        "rounded up to "
        f"{_SIZES} cells; that you changed it, and when; and how many cells you took out."
    )


_HIDDEN: Final = {
    "whole": CANARIES["whole"] + SESSION_CANARIES["whole"],
    "large": CANARIES["whole"] + SESSION_CANARIES["whole"] + LEAST_PROBES,
    "delta": CANARIES["delta"] + SESSION_CANARIES["delta"],
}
_CENTER: Final[dict[Mode, str]] = {
    "exact": (
        "The center carries sealed parcels that it cannot open. It sees that you check, with whom and "
        f"when, and how large the two plans are, rounded up to {_SIZES}; never a cell, and never the "
        "result."
    ),
    "yes-no": (
        "The center compares two lists of numbers that mean nothing to it. It sees their sizes, rounded "
        "up, and how many numbers meet, among decoys. The center and the other side together could find "
        "out every place of your plan that they think of trying: use this mode only where they do not "
        "work together."
    ),
    "count": (
        "The center compares two lists of numbers that mean nothing to it. It sees their sizes, rounded "
        "up, and how many numbers meet, among decoys. The center and the other side together could find "
        "out every place of your plan that they think of trying: use this mode only where they do not "
        "work together."
    ),
}
_OTHERS: Final = (
    "Third parties read in the record that the two of you check, under which rules, when, and the rounded "
    "sizes. They learn no cell and no result."
)


def _explain_audit(rules: BlindRules, partner: str) -> str:
    if not rules.auditor:
        return "No auditor is agreed: what either side held or asked is opened to nobody, unless it wants to."
    return (
        f"{rules.auditor} can be shown what a party committed to, for {rules.audit_days} days after an "
        "epoch: then it learns that party's whole plan of that epoch, and whether it asked for anything "
        f"else. It learns nothing of {partner} from your opening, nor of you from theirs."
    )


def _list_limits(rules: BlindRules, partner: str) -> list[str]:
    return [
        f"If {partner} leaves something out of its plan, no check finds it. An audit can, afterwards.",
        (
            f"If {partner} asks for cells that it does not plan to use, the check answers all the same, up "
            "to the number above. An audit can show it, afterwards."
        ),
        "CLEAR means: what both have committed to does not meet. It says nothing of what either adds later.",
        (
            f"If {partner} does not answer within {rules.answer_min} minutes, the record says so, and the "
            "check is INVALID. INVALID is never to be read as CLEAR."
        ),
        "Cells are larger than volumes: a conflict may be one of cells only. Never the other way round.",
    ]
