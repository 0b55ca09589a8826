"""The joint state: what the record means, computed the same way by everyone.

For: taking a message in (verify, decide, project) at the center, following the record at a desk, and auditing
a mirror years later. The same code in all three places is what makes a lying host visible.

Invariants: the state is a pure function of the record's entries (and, at a desk, of the sealed bodies that it
could open); nothing here reads a clock, a file or a socket.

It does not order, store or answer: that is the center's business.

    >>> state = JointState(MemoryRows(), KINDS)
    >>> entry = state.admit(verify_message(parse_envelope(data), state.ring, KINDS), head)
    >>> state.apply(entry)
"""

from entente.joint.acceptance import (
    AlreadyRecorded,
    MessageRow,
    RecordHead,
    SeqRow,
    decide_entry,
    decide_new,
    find_recorded,
    verify_message,
)
from entente.joint.keyring import KeyRing
from entente.joint.registry import KINDS
from entente.joint.state import JointState

__all__ = [
    "KINDS",
    "AlreadyRecorded",
    "JointState",
    "KeyRing",
    "MessageRow",
    "RecordHead",
    "SeqRow",
    "decide_entry",
    "decide_new",
    "find_recorded",
    "verify_message",
]
