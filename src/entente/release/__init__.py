"""Release: share what policy lets a party share, and know what it gives away.

For: a desk that is about to tell a partner something. Of a private report it makes a new object for one
recipient, coarse enough that the whole series of what was given teaches no more about a source than was
budgeted.

Invariants:
  * Reports, sources and secrets never leave a desk; a variant is built by whitelist and names none of them.
  * The same item at the same level is the same cell, window and band, for everyone and always.
  * No label, no policy, no budget, an error in any rule: nobody gets anything.
  * Nothing here touches a clock, a file, a socket or randomness.

It cannot make a recipient forget: a recall is told, never enforced. What it promises about a source holds for
a recipient who believes the stated model (docs/formats/release-exposure.md).

    source      what a desk keeps: reports, sources, secrets
    variant     ladder, shape, and the new object for one recipient
    label       confidentiality labels, label policies, who may see what
    exposure    what a series of releases teaches, and the finest level within budget
    rules, item, recall, onward     the kinds of message
"""

from typing import Any, Final

from entente.kernel.kinds import Kind
from entente.release.item import RELEASE_ITEM
from entente.release.onward import RELEASE_ASK, RELEASE_GRANT
from entente.release.recall import RELEASE_RECALL
from entente.release.rules import RELEASE_AGREE, RELEASE_END, RELEASE_PROPOSE

KINDS: Final[tuple[Kind[Any], ...]] = (
    RELEASE_PROPOSE,
    RELEASE_AGREE,
    RELEASE_END,
    RELEASE_ITEM,
    RELEASE_RECALL,
    RELEASE_ASK,
    RELEASE_GRANT,
)

__all__ = ["KINDS"]
