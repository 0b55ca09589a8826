"""What can be asked of a desk: closed, bounded requests, one for each verb.

Invariants: an unknown field is refused; everything is checked before anything is written; every request that
speaks names its officer, and may carry a ``token`` of the caller's, so that asking twice says it once. ``to``
empty: open to every party. ``wait_s``: how long to wait for the record's answer.

The bodies inside are those of the kinds: docs/formats/kinds.md.

    >>> parse_request(b'{"officer":"duty-1","messages":["17"]}', AcknowledgeRequest)
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from entente.deconflict.activity import ActivityWord, PartyList, Volumes
from entente.kernel.canonical import convert_to
from entente.kernel.errors import Denied, Malformed
from entente.kernel.time import UTC_PATTERN
from entente.kernel.wire import Centimetres, LanguageText, NameText, NoteText, SlugText, UtcText, WireStruct
from entente.space import PositionE7

MAX_REQUEST_BYTES: Final = 1 << 20
WaitSeconds = Annotated[int, msgspec.Meta(ge=0, le=600)]
TokenText = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]*$", max_length=64)]
MessageName = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{1,64}$", max_length=64)]
"""An index, or 8 or more digits of a message's hash."""
ReasonText = Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]


ClearableUtc = Annotated[str, msgspec.Meta(pattern=rf"^$(?!\n)|{UTC_PATTERN}", max_length=27)]
"""A time, or empty: none any more."""


class Spoken(WireStruct, frozen=True, kw_only=True):
    """What every request has that ends in a message."""

    officer: SlugText
    token: TokenText = ""
    wait_s: WaitSeconds = 20


class NotifyRequest(Spoken, frozen=True, kw_only=True):
    """Tell others of an activity."""

    id: SlugText
    activity: ActivityWord
    title: NameText
    volumes: Volumes
    concurrence: PartyList = msgspec.field(default_factory=list)
    concur_by: UtcText | None = None
    armed: bool = False
    to: PartyList = msgspec.field(default_factory=list)


class UpdateRequest(Spoken, frozen=True, kw_only=True):
    """Replace an activity's version (null: the current one); what is null stays as it is.

    ``concur_by`` empty: no deadline of its own any more. ``take_up``: the volumes of this counter-proposal.
    """

    id: SlugText
    reason: NoteText
    title: NameText | None = None
    volumes: Volumes | None = None
    concurrence: PartyList | None = None
    concur_by: ClearableUtc | None = None
    armed: bool | None = None
    take_up: MessageName | None = None
    replaces: MessageName | None = None
    to: PartyList | None = None


class CloseRequest(Spoken, frozen=True, kw_only=True):
    """End an activity, or cancel it."""

    id: SlugText
    outcome: Literal["closed", "cancelled"] = "closed"
    note: NoteText = ""
    to: PartyList | None = None


class AcknowledgeRequest(Spoken, frozen=True, kw_only=True):
    """Say that a named officer has taken note."""

    messages: Annotated[list[MessageName], msgspec.Meta(min_length=1, max_length=100)]


class ReadingRequest(WireStruct, frozen=True, kw_only=True):
    """A position as our own map has it; ``words`` empty: the desk finds them."""

    volume: Annotated[int, msgspec.Meta(ge=0, le=49)]
    point_e7: PositionE7
    words: Annotated[str, msgspec.Meta(max_length=400)] = ""


class ReadBackRequest(Spoken, frozen=True, kw_only=True):
    """Read positions back; ``readings`` null: as the desk's own words have them.

    ``is_first``: only if no officer of ours has, as the page had it when he began.
    """

    message: MessageName
    readings: Annotated[list[ReadingRequest], msgspec.Meta(min_length=1, max_length=50)] | None = None
    is_first: bool = False


class ConfirmRequest(Spoken, frozen=True, kw_only=True):
    """Say by how much our own position moved, in answer to a read-back."""

    message: MessageName
    moved_cm: Centimetres
    read_back: MessageName | None = None


class DisputeRequest(Spoken, frozen=True, kw_only=True):
    """Say that our own position is wrong as it was told."""

    message: MessageName
    difference_cm: Centimetres
    reason: ReasonText


SeenAnswer = Literal["waiting", "concurred", "objected", "reconsider", "lapsed"]
"""Our answer as the officer saw it when he gave his: one that came in between is not overruled."""


class ConcurRequest(Spoken, frozen=True, kw_only=True):
    """Agree to an activity; ``version`` null: the current one; ``seen`` null: whatever was said before."""

    activity: SlugText
    version: MessageName | None = None
    to: PartyList | None = None
    seen: SeenAnswer | None = None


class ObjectRequest(Spoken, frozen=True, kw_only=True):
    """Object to an activity, with a reason."""

    activity: SlugText
    reason: ReasonText
    version: MessageName | None = None
    to: PartyList | None = None
    seen: SeenAnswer | None = None


class ReconsiderRequest(Spoken, frozen=True, kw_only=True):
    """Refuse an activity without a reason."""

    activity: SlugText
    version: MessageName | None = None
    to: PartyList | None = None
    seen: SeenAnswer | None = None


class CounterRequest(Spoken, frozen=True, kw_only=True):
    """Propose other volumes for another party's activity; ``version`` null: the current one."""

    activity: SlugText
    volumes: Volumes
    reason: NoteText = ""
    version: MessageName | None = None
    to: PartyList | None = None


class DeclineRequest(Spoken, frozen=True, kw_only=True):
    """Decline a counter-proposal to our own activity."""

    proposal: MessageName
    reason: NoteText = ""


class SeeRequest(Spoken, frozen=True, kw_only=True):
    """Say that an officer of ours has seen an alarm of the record."""

    alarm: SlugText


class SayRequest(Spoken, frozen=True, kw_only=True):
    """Say something on the hotline; ``language`` empty: the desk's."""

    thread: SlugText
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
    language: LanguageText | Literal[""] = ""
    about_type: Literal["activity", "zone", "site", "incident", "alarm", "none"] | None = None
    about_id: SlugText | Literal[""] = ""
    urgent: bool = False
    reply_to: MessageName | None = None
    to: PartyList = msgspec.field(default_factory=list)


class TranslateRequest(Spoken, frozen=True, kw_only=True):
    """Put a translation beside a text."""

    message: MessageName
    language: LanguageText
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
    by: Literal["officer", "machine"] = "officer"


class ProposeReadoutRequest(Spoken, frozen=True, kw_only=True):
    """Propose the text of a readout and sign it."""

    id: SlugText
    title: NameText
    held: UtcText
    parties: PartyList
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=10_000)]
    language: LanguageText | Literal[""] = ""


class SignReadoutRequest(Spoken, frozen=True, kw_only=True):
    """Sign a readout: the very bytes that were proposed."""

    id: SlugText
    sha256: Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-f]{64})?$", max_length=64)] = ""


class DissentReadoutRequest(Spoken, frozen=True, kw_only=True):
    """Dissent from a readout, with a reason."""

    id: SlugText
    reason: ReasonText


class PlanRequest(WireStruct, frozen=True, kw_only=True):
    """Keep a private plan of an activity."""

    officer: SlugText
    activity: SlugText
    volumes: Volumes


class NameRequest(WireStruct, frozen=True, kw_only=True):
    """Name one thing."""

    name: SlugText


class MessageRequest(WireStruct, frozen=True, kw_only=True):
    """Name one message."""

    message: MessageName


class DismissRequest(WireStruct, frozen=True, kw_only=True):
    """Take an alarm down."""

    officer: SlugText
    alarm: Annotated[int, msgspec.Meta(ge=1)]
    why: ReasonText


class WithdrawMessageRequest(WireStruct, frozen=True, kw_only=True):
    """Take back a message that is not signed yet."""

    officer: SlugText
    number: Annotated[int, msgspec.Meta(ge=1)]


class PageRequest(WireStruct, frozen=True, kw_only=True):
    """A page of something numbered."""

    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 100


class NothingRequest(WireStruct, frozen=True):
    """Nothing to say."""


Q = TypeVar("Q", bound=WireStruct)


def parse_request(data: bytes, kind: type[Q], *, officer: str | None = None) -> Q:
    """Return a request, or raise `Malformed` with the path of the fault.

    A caller at our own desk need not write canonical JSON; duplicate names and unknown fields are refused all
    the same.

    Args:
        officer: Who is signed in, where that is known: put in where the request has an officer.

    Raises:
        Denied: ``other-officer``: the request names another one than ``officer``.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise Malformed("too-large", f"request: expected <= {MAX_REQUEST_BYTES} bytes, got {len(data)}")
    try:
        plain: Any = json.loads(data or b"{}", object_pairs_hook=_refuse_twice)
    except (ValueError, RecursionError) as error:
        raise Malformed("not-json", f"request: {str(error).lower()}") from error
    if officer is not None and isinstance(plain, dict) and "officer" in kind.__struct_fields__:
        # SECURITY: who acts is who is signed in, never who a page says (tests/protocol/test_web_attacks.py,
        # test_nobody_acts_in_anothers_name).
        if plain.get("officer", officer) != officer:
            raise Denied(
                "other-officer", f"request: expected officer {officer!r}, who is signed in, got another"
            )
        plain["officer"] = officer
    return convert_to(plain, kind)


def _refuse_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("expected each name once in an object")
    return members
