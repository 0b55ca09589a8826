"""Vouching: the guarantor that a zone names says itself that it takes the obligation on, or not.

Invariants:
  * Only the guarantor speaks for itself, to one obligation of one version, after an officer of it
    acknowledged that version. Its acknowledgement is no acceptance, and neither is its silence: until its
    own yes stands in the record, it is *named, not accepted*.
  * The zone's author accepts what it takes on itself by declaring it: that is its own signed word.
  * The last word counts. A new version is a new promise: everyone is asked again.

It does not see to it that anyone keeps a promise.

    >>> [guarantee.state for guarantee in list_guarantees(zone, rows)]
    ['named']
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

import msgspec

from entente.deconflict.objects import find_current, name_object
from entente.deconflict.receipts import Stamp, find_receipt, make_stamp
from entente.deconflict.zone import Obligation, ZoneRow
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Row, Rows
from entente.kernel.wire import Hex64, NoteText, SlugText, WireStruct

VouchWord = Literal["yes", "no"]
GuaranteeState = Literal["named", "accepted", "refused", "withdrawn"]
_SAID: Final[dict[GuaranteeState, str]] = {
    "named": "named, not accepted",
    "accepted": "accepted",
    "refused": "REFUSED",
    "withdrawn": "accepted before, WITHDRAWN",
}


class Vouch(WireStruct, frozen=True):
    """Body of ``zone.vouch``: the guarantor's yes or no; a no after a yes withdraws it."""

    id: SlugText
    version: Hex64
    obligation: SlugText
    word: VouchWord
    reason: NoteText


class VouchRow(Row, frozen=True):
    """What a guarantor last said of an obligation of one version."""

    TABLE: ClassVar[str] = "vouches"
    INDEXED: ClassVar[tuple[str, ...]] = ("version", "party")
    version: str
    obligation: str
    party: str
    word: VouchWord
    reason: str
    was_accepted: bool
    stamp: Stamp

    def key(self) -> str:
        """Return ``leaf:obligation``."""
        return f"{self.version}:{self.obligation}"


class Guarantee(msgspec.Struct, frozen=True):
    """An obligation as it stands: who is named, and what the named party has said. ``words`` says it."""

    obligation: str
    duty: str
    text: str
    guarantor: str
    state: GuaranteeState
    reason: str
    index: int | None
    words: str


def decide_vouch(message: VerifiedMessage[Vouch], rows: Rows) -> Decision:
    """Allow the named guarantor to change its word on an obligation of the current version."""
    body = message.body
    if body is None:
        return ALLOWED
    zone = find_current(message, body.id, body.version, ZoneRow, "zone", rows)
    if isinstance(zone, Decision):
        return zone
    promised = next((one for one in zone.declared.obligations if one.obligation == body.obligation), None)
    if promised is None:
        return denied(
            "unknown-obligation",
            f"zone {body.id!r}: expected one of its obligations, got {body.obligation!r}",
        )
    if promised.guarantor != message.author:
        # SECURITY: otherwise an author could have anybody's promise made for him by a friend
        # (tests/unit/test_deconflict_vouch.py, test_vouching_for_another_party_is_refused).
        return denied(
            "not-guarantor",
            f"obligation {body.obligation!r}: expected its guarantor {promised.guarantor!r}, got "
            f"{message.author!r}",
        )
    receipt = find_receipt(rows, body.version, message.author)
    if receipt is not None and receipt.acknowledged is None:
        return denied(
            "not-acknowledged",
            f"zone {body.id!r}: expected {message.author!r} to have acknowledged {body.version[:12]} first",
        )
    guarantee = _make_guarantee(zone, promised, rows)
    if (guarantee.state == "accepted") == (body.word == "yes") and guarantee.state != "named":
        return denied(
            "already-answered",
            f"obligation {body.obligation!r}: expected another word, it is {_SAID[guarantee.state]} already",
        )
    return ALLOWED


def project_vouch(entry: Entry[Vouch], rows: Rows) -> None:
    """Write the word down."""
    body = entry.message.body
    if body is None:
        return
    zone = rows.find(ZoneRow, name_object(entry.message, body.id))
    known = rows.find(VouchRow, f"{body.version}:{body.obligation}")
    is_own = zone is not None and zone.author == entry.message.author
    rows.put(
        VouchRow(
            version=body.version,
            obligation=body.obligation,
            party=entry.message.author,
            word=body.word,
            reason=body.reason,
            was_accepted=body.word == "yes" or is_own or (known is not None and known.was_accepted),
            stamp=make_stamp(entry),
        )
    )


def list_guarantees(zone: ZoneRow, rows: Rows) -> tuple[Guarantee, ...]:
    """Return every obligation of a zone's current version, and how its guarantor stands to it."""
    return tuple(_make_guarantee(zone, one, rows) for one in zone.declared.obligations)


def _make_guarantee(zone: ZoneRow, one: Obligation, rows: Rows) -> Guarantee:
    said = rows.find(VouchRow, f"{zone.version}:{one.obligation}")
    state: GuaranteeState
    if said is None:
        state = "accepted" if one.guarantor == zone.author else "named"
    elif said.word == "yes":
        state = "accepted"
    else:
        state = "withdrawn" if said.was_accepted else "refused"
    words = f"{one.duty}: {one.text or one.obligation}; guarantor {one.guarantor}: {_SAID[state]}"
    if said is None and state == "accepted":
        words += ", by its own declaration"
    if said is not None and said.reason:
        words += f" ({said.reason})"
    return Guarantee(
        obligation=one.obligation,
        duty=one.duty,
        text=one.text,
        guarantor=one.guarantor,
        state=state,
        reason=said.reason if said else "",
        index=said.stamp.index if said else None,
        words=words,
    )


ZONE_VOUCH: Final = Kind(
    "zone.vouch",
    Vouch,
    decide=decide_vouch,
    project=project_vouch,
    min_officers=1,
    may_be_sealed=True,
)
