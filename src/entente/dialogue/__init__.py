"""Dialogue: the hotline between officers, and readouts that several parties sign.

For: short texts that a person must take note of; and one text of what a call or meeting came to, signed by
all, or with a dissent, or with the silence of those who said nothing.

Invariants:
  * The original text is what is signed; a translation is marked as one and stands beside it.
  * Silence is never consent, before settlement or after.
  * All state is a pure function of the record's entries and of the sealed bodies that could be opened here.

It does not translate, and it does not judge whose readout is right.

    decide_say(message, rows).require()
    project_say(entry, rows)
    find_thread(rows, "sortie-7")
    export_readout(rows, "call-3").raw
"""

from typing import Any, Final

from entente.dialogue.hotline import (
    THREAD_SAY,
    THREAD_TRANSLATE,
    About,
    Say,
    SayRow,
    SayView,
    ThreadRow,
    Translate,
    TranslationRow,
    find_thread,
    get_say,
    mark_translation,
    name_thread,
    open_alarm_thread,
)
from entente.dialogue.readout import (
    READOUT_DISSENT,
    READOUT_PROPOSE,
    READOUT_SIGN,
    READOUT_TYPE,
    Answer,
    DissentReadout,
    ProposeReadout,
    Readout,
    ReadoutRow,
    Settlement,
    SignReadout,
    Standing,
    encode_readout,
    export_readout,
    get_standing,
    hash_readout,
)
from entente.dialogue.settlement import READOUT_SETTLE, SettleReadout, plan_settlements
from entente.kernel.kinds import Kind

KINDS: Final[tuple[Kind[Any], ...]] = (
    THREAD_SAY,
    THREAD_TRANSLATE,
    READOUT_PROPOSE,
    READOUT_SIGN,
    READOUT_DISSENT,
    READOUT_SETTLE,
)

__all__ = [
    "KINDS",
    "READOUT_TYPE",
    "About",
    "Answer",
    "DissentReadout",
    "ProposeReadout",
    "Readout",
    "ReadoutRow",
    "Say",
    "SayRow",
    "SayView",
    "SettleReadout",
    "Settlement",
    "SignReadout",
    "Standing",
    "ThreadRow",
    "Translate",
    "TranslationRow",
    "encode_readout",
    "export_readout",
    "find_thread",
    "get_say",
    "get_standing",
    "hash_readout",
    "mark_translation",
    "name_thread",
    "open_alarm_thread",
    "plan_settlements",
]
