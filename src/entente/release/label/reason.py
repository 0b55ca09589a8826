"""Why: one step of a decision about a label, in words and for machines, and the steps that were spelt before.

For: every answer about labels. The same few thousand reasons are given again and again; a policy keeps them.

Invariants: a reason is a function of the policy and what it is about, never of who asked before.

It decides nothing.

    >>> Reason("permissive", "Releasable To", "Releasable To: KFOR", is_met=True).needs
    ()
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec


class Reason(msgspec.Struct, frozen=True, gc=False):
    """One step of a decision: what was asked for, and whether it was met.

    Args:
        code: For machines: ``"classification"``, ``"restrictive"``, ``"permissive"`` where met or not met by
            the clearance; others name what is wrong with the label itself.
        about: The classification or tag set.
        words: For people.
        is_met: False where this step refuses.
        needs: What a recipient would have to hold: all of it, or for ``"permissive"`` one of it.
    """

    code: str
    about: str
    words: str
    is_met: bool
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReasonMemory:
    """Reasons that were spelt before, each by the mask of the categories that it is about.

    Args:
        held, missing: Restrictive categories that a clearance holds, or lacks.
        common, nothing: Permissive ones that it shares with the label, or of which it holds none.
        standing: By the mask of a clearance's classifications: a reason for each of the policy's.
    """

    held: dict[int, Reason] = field(default_factory=dict)
    missing: dict[int, Reason] = field(default_factory=dict)
    common: dict[int, Reason] = field(default_factory=dict)
    nothing: dict[int, Reason] = field(default_factory=dict)
    standing: dict[int, tuple[Reason, ...]] = field(default_factory=dict)
