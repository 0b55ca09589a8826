"""The verbs that say something: each puts a message into the outbox and waits for the record.

Invariants: the caller's mistakes are found before anything is written; our own copy of the rules is asked
before anything is signed; an answer that did not come in time is not an error, and is never shown as sent:
the message's state says what is known.

It knows no HTTP and prints nothing.

    >>> notify(desk, NotifyRequest(officer="duty-1", id="sortie-7", activity="air", title="...",
    volumes=[volume])) Said(state='recorded', index=17, ...)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from entente.deconflict import (
    Acknowledge,
    ActivityRow,
    Close,
    Concur,
    ConcurrenceRow,
    Confirm,
    Counter,
    Decline,
    Dispute,
    Notify,
    Object,
    ObjectRow,
    PositionRow,
    ProposalRow,
    ReadBack,
    Reading,
    Reconsider,
    See,
    Update,
    VersionRow,
    find_proposal,
)
from entente.desk import requests as ask
from entente.desk.assembly import Desk
from entente.desk.compose import Draft
from entente.desk.outbox import RECORDED, REFUSED, OutboxItem
from entente.dialogue import (
    READOUT_TYPE,
    About,
    DissentReadout,
    ProposeReadout,
    Readout,
    ReadoutRow,
    Say,
    SayRow,
    SignReadout,
    ThreadRow,
    Translate,
    encode_readout,
)
from entente.kernel.envelope import encode_pae
from entente.kernel.errors import Denied, Malformed, NotFound
from entente.kernel.message import encode_body
from entente.kernel.roster import PartyRow
from entente.kernel.rows import get_row
from entente.kernel.wire import WireStruct, encode_base64
from entente.space import (
    VolumeWire,
    describe_position,
    distance_and_bearing,
    parse_position,
    parse_volume,
    reference_point,
)


class Said(msgspec.Struct, frozen=True):
    """What became of a message. Anything but ``recorded`` means: do not count on it.

    ``words`` says it in a sentence.
    """

    number: int
    kind: str
    state: str
    leaf: str
    index: int | None
    recorded: str
    standing: str
    words: str


def say_what_became(desk: Desk, item: OutboxItem) -> Said:
    """Return a message's state; raise `Denied` when it was refused."""
    if item.state == REFUSED:
        raise Denied(item.code, item.reason)
    standing = ""
    if item.state == RECORDED and item.index is not None:
        standing = desk.follower.standing(item.index)
        words = f"{item.kind}: {standing} as entry {item.index}"
    else:
        words = f"{item.kind}: {item.state}, not answered yet: kept and sent as soon as the center answers"
        if item.trouble:
            words += f" ({item.trouble})"
    return Said(item.id, item.kind, item.state, item.leaf, item.index, item.recorded, standing, words)


def put(desk: Desk, request: ask.Spoken, kind: str, body: WireStruct, to: Sequence[str] = ()) -> Said:
    """Put a message of a verb into the outbox, and wait for the record as long as the request says."""
    check_officer(desk, request.officer)
    draft = Draft(kind, encode_body(body), (request.officer,), tuple(sorted(set(to))), token=request.token)
    item = desk.outbox.put(draft)
    return say_what_became(desk, desk.wait_for(item.id, request.wait_s))


def check_officer(desk: Desk, officer: str) -> None:
    """Return if the officer is of our roster in force; raise `Malformed` naming those who are."""
    row = desk.rows.find(PartyRow, desk.party)
    statement = row.statement if row else desk.vault.card.statement
    known = [one.id for one in statement.officers]
    if officer not in known:
        raise Malformed(
            "unknown-officer",
            f"officer: expected one of {', '.join(known)}, got {officer!r}",
            path="$.officer",
        )


def check_volumes(volumes: Sequence[Any], path: str = "$.volumes") -> None:
    """Return if every one is a volume; raise `InvalidVolume` with the path of the fault."""
    for place, wire in enumerate(volumes):
        parse_volume(wire, path=f"{path}[{place}]")


def find_object(desk: Desk, name: str, kind: str, to: Sequence[str] | None) -> ObjectRow:
    """Return the object of this name that we can read.

    Args:
        to: The audience, empty for an open one; None when only one object of this name is expected.
    """
    rows = [desk.rows.find(ObjectRow, name)]
    for row in desk.rows.select(ObjectRow, after=f"{name}@"):
        if not row.object.startswith(f"{name}@"):
            break
        rows.append(row)
    found = [row for row in rows if row is not None and row.type == kind]
    if to is not None:
        wanted = {*to, desk.party} if to else set()
        found = [row for row in found if ({row.author, *row.to} if row.to else set()) == wanted]
    if not found:
        raise NotFound("no-object", f"{kind} {name!r}: expected one in the record, found none")
    if len(found) > 1:
        raise Malformed(
            "ambiguous",
            f"{kind} {name!r}: expected one, found {len(found)} with different addressees: name them in 'to'",
        )
    return found[0]


def list_others(desk: Desk, row: ObjectRow) -> tuple[str, ...]:
    """Return to whom a message about an object goes: its audience without us; empty when open."""
    return tuple(sorted({row.author, *row.to} - {desk.party})) if row.to else ()


def get_leaf(desk: Desk, name: str) -> str:
    """Return the leaf hash of the message that a person names by index or digits."""
    return desk.archive.resolve(name).leaf


# Activities


def notify(desk: Desk, request: ask.NotifyRequest) -> Said:
    """Tell others of an activity."""
    check_volumes(request.volumes)
    body = Notify(
        id=request.id,
        activity=request.activity,
        title=request.title,
        volumes=request.volumes,
        concurrence=sorted(set(request.concurrence)),
        armed=request.armed,
        concur_by=request.concur_by,
    )
    return put(desk, request, "activity.notify", body, request.to)


def update(desk: Desk, request: ask.UpdateRequest) -> Said:
    """Replace an activity's current version."""
    thing = find_object(desk, request.id, "activity", request.to)
    row = get_row(desk.rows, ActivityRow, thing.object, what="activity")
    volumes = list(row.volumes) if request.volumes is None else request.volumes
    if request.take_up is not None:
        volumes = _take_up(desk, request, thing)
    check_volumes(volumes)
    concurrence = row.concurrence if request.concurrence is None else request.concurrence
    concur_by = row.concur_by if request.concur_by is None else request.concur_by
    body = Update(
        id=request.id,
        replaces=row.version if request.replaces is None else get_leaf(desk, request.replaces),
        title=row.title if request.title is None else request.title,
        volumes=volumes,
        concurrence=sorted(set(concurrence)),
        reason=request.reason,
        armed=row.armed if request.armed is None else request.armed,
        concur_by=concur_by or None,
    )
    return put(desk, request, "activity.update", body, list_others(desk, thing))


def _take_up(desk: Desk, request: ask.UpdateRequest, thing: ObjectRow) -> list[VolumeWire]:
    """Return the volumes of the counter-proposal that the update takes up."""
    found = find_proposal(desk.rows, get_leaf(desk, request.take_up or ""))
    if request.volumes is not None:
        raise Malformed("bad-volumes", "update: expected volumes or a counter-proposal to take up, got both")
    if found is None or found.row.object != thing.object or found.state != "standing":
        state = "none" if found is None else f"one that is {found.state}"
        raise NotFound(
            "no-proposal",
            f"activity {request.id!r}: expected a counter-proposal to it that stands, found {state}",
        )
    return list(found.row.volumes)


def close(desk: Desk, request: ask.CloseRequest) -> Said:
    """End an activity, or cancel it."""
    thing = find_object(desk, request.id, "activity", request.to)
    body = Close(id=request.id, outcome=request.outcome, note=request.note)
    return put(desk, request, "activity.close", body, list_others(desk, thing))


def concur(desk: Desk, request: ask.ConcurRequest) -> Said:
    """Agree to an activity."""
    thing = find_object(desk, request.activity, "activity", request.to)
    version = thing.version if request.version is None else get_leaf(desk, request.version)
    _check_seen(desk, version, request.seen)
    return put(
        desk,
        request,
        "activity.concur",
        Concur(activity=request.activity, version=version),
        list_others(desk, thing),
    )


def object_to(desk: Desk, request: ask.ObjectRequest) -> Said:
    """Object to an activity."""
    thing = find_object(desk, request.activity, "activity", request.to)
    version = thing.version if request.version is None else get_leaf(desk, request.version)
    _check_seen(desk, version, request.seen)
    body = Object(activity=request.activity, version=version, reason=request.reason)
    return put(desk, request, "activity.object", body, list_others(desk, thing))


def reconsider(desk: Desk, request: ask.ReconsiderRequest) -> Said:
    """Refuse an activity without a reason."""
    thing = find_object(desk, request.activity, "activity", request.to)
    version = thing.version if request.version is None else get_leaf(desk, request.version)
    _check_seen(desk, version, request.seen)
    body = Reconsider(activity=request.activity, version=version)
    return put(desk, request, "activity.reconsider", body, list_others(desk, thing))


def _check_seen(desk: Desk, version: str, seen: str | None) -> None:
    """Return if our answer is what the officer saw; raise `Denied` saying who gave another meanwhile."""
    row = desk.rows.find(ConcurrenceRow, f"{version}:{desk.party}")
    if seen is None or row is None or row.answer == seen:
        return
    who = "the center" if row.stamp is None else ", ".join(row.stamp.officers) or "our desk"
    where = "" if row.stamp is None else f" as entry {row.stamp.index}"
    raise Denied(
        "answered-meanwhile",
        f"answer to {version[:12]}: expected {seen!r} until now, {who} gave {row.answer!r}{where}",
    )


def counter(desk: Desk, request: ask.CounterRequest) -> Said:
    """Propose other volumes for another party's activity."""
    thing = find_object(desk, request.activity, "activity", request.to)
    check_volumes(request.volumes)
    body = Counter(
        activity=request.activity,
        version=thing.version if request.version is None else get_leaf(desk, request.version),
        volumes=request.volumes,
        reason=request.reason,
    )
    return put(desk, request, "activity.counter", body, list_others(desk, thing))


def decline(desk: Desk, request: ask.DeclineRequest) -> Said:
    """Decline a counter-proposal to our own activity."""
    row = get_row(desk.rows, ProposalRow, get_leaf(desk, request.proposal), what="counter-proposal")
    thing = get_row(desk.rows, ObjectRow, row.object, what="activity")
    body = Decline(activity=thing.id, proposal=row.proposal, reason=request.reason)
    return put(desk, request, "activity.decline", body, list_others(desk, thing))


def see(desk: Desk, request: ask.SeeRequest) -> Said:
    """Say that an officer of ours has seen an alarm."""
    return put(desk, request, "alarm.see", See(alarm=request.alarm))


# Receipts and positions


def acknowledge(desk: Desk, request: ask.AcknowledgeRequest) -> Said:
    """Say that a named officer of ours has taken note of messages."""
    leaves = sorted({get_leaf(desk, name) for name in request.messages})
    return put(desk, request, "receipt.acknowledge", Acknowledge(messages=leaves))


def read_back(desk: Desk, request: ask.ReadBackRequest) -> Said:
    """Read positions back, in our own words."""
    version, thing = _get_version(desk, request.message)
    row = desk.rows.find(PositionRow, f"{version.version}:{desk.party}")
    if request.is_first and row is not None and row.read_back is not None:
        # A later reading takes the place of an earlier one, and with it a movement that was confirmed.
        raise Denied(
            "answered-meanwhile",
            f"read-back of {version.version[:12]}: expected none of ours yet, "
            f"{', '.join(row.read_back.officers)} gave one as entry {row.read_back.index}",
        )
    readings = desk.inbox.build_readings(version)
    if request.readings is not None:
        readings = [_read(desk, version, one, readings) for one in request.readings]
    body = ReadBack(message=version.version, readings=readings)
    return put(desk, request, "position.read-back", body, list_others(desk, thing))


def _get_version(desk: Desk, name: str) -> tuple[VersionRow, ObjectRow]:
    leaf = get_leaf(desk, name)
    version = get_row(desk.rows, VersionRow, leaf, what="position in message")
    return version, get_row(desk.rows, ObjectRow, version.object, what=version.type)


def _read(desk: Desk, version: VersionRow, one: ask.ReadingRequest, built: list[Reading]) -> Reading:
    """Return a reading at the point that a person read off his own map."""
    lat_deg, lon_deg = parse_position(one.point_e7, path=f"$.readings[{one.volume}].point_e7")
    if one.volume >= len(built):
        raise Malformed(
            "no-volume", f"reading: expected a volume < {len(built)}, got {one.volume}", path="$.readings"
        )
    earlier = desk.rows.find(VersionRow, version.previous)
    then, moved_cm = None, built[one.volume].moved_cm
    if earlier is not None and moved_cm is not None and one.volume < len(earlier.volumes):
        then = reference_point(parse_volume(earlier.volumes[one.volume]).outline)
        moved_cm = round(distance_and_bearing(*then, lat_deg, lon_deg)[0] * 100)
    words = one.words
    if not words:
        areas, gazetteer = desk.inbox.list_areas(), desk.get_gazetteer()
        words = describe_position(lat_deg, lon_deg, gazetteer=gazetteer, areas=areas, earlier=then).sentence
    return Reading(volume=one.volume, point_e7=one.point_e7, words=words, moved_cm=moved_cm)


def confirm(desk: Desk, request: ask.ConfirmRequest) -> Said:
    """Say by how much our position moved, in answer to a read-back."""
    version, thing = _get_version(desk, request.message)
    if request.read_back is not None:
        leaf = get_leaf(desk, request.read_back)
    else:
        leaves = [
            row.read_back.leaf
            for row in desk.rows.select(PositionRow, message=version.version)
            if row.read_back is not None and row.confirmed is None
        ]
        if len(leaves) != 1:
            raise Malformed(
                "which-read-back",
                f"read_back: expected one that waits for an answer, found {len(leaves)}: name it",
            )
        (leaf,) = leaves
    body = Confirm(message=version.version, read_back=leaf, moved_cm=request.moved_cm)
    return put(desk, request, "position.confirm", body, list_others(desk, thing))


def dispute(desk: Desk, request: ask.DisputeRequest) -> Said:
    """Say that our own position is wrong as it was told."""
    version, thing = _get_version(desk, request.message)
    body = Dispute(message=version.version, difference_cm=request.difference_cm, reason=request.reason)
    return put(desk, request, "position.dispute", body, list_others(desk, thing))


# Hotline and readouts


def say(desk: Desk, request: ask.SayRequest) -> Said:
    """Say something in a thread; about what, its first message says."""
    known = next((row for row in desk.rows.select(ThreadRow) if _is_thread(desk, row, request)), None)
    about = About(type=request.about_type or "none", id=request.about_id)
    if request.about_type is None and known is not None:
        about = known.about
    body = Say(
        thread=request.thread,
        about=about,
        text=request.text,
        language=request.language or desk.vault.config.language,
        urgent=request.urgent,
        reply_to=None if request.reply_to is None else get_leaf(desk, request.reply_to),
    )
    return put(desk, request, "thread.say", body, request.to)


def _is_thread(desk: Desk, row: ThreadRow, request: ask.SayRequest) -> bool:
    wanted = {*request.to, desk.party} if request.to else set()
    return row.id == request.thread and set(row.to) == wanted


def translate(desk: Desk, request: ask.TranslateRequest) -> Said:
    """Put a translation beside a text, for the same audience."""
    original = get_row(desk.rows, SayRow, get_leaf(desk, request.message), what="text")
    thread = get_row(desk.rows, ThreadRow, original.thread, what="thread")
    body = Translate(message=original.message, language=request.language, text=request.text, by=request.by)
    to = tuple(party for party in thread.to if party != desk.party)
    return put(desk, request, "thread.translate", body, to)


def propose_readout(desk: Desk, request: ask.ProposeReadoutRequest) -> Said:
    """Propose a readout's text, signed by us."""
    readout = Readout(
        id=request.id,
        title=request.title,
        held=request.held,
        parties=sorted({*request.parties, desk.party}),
        text=request.text,
        language=request.language or desk.vault.config.language,
    )
    body = ProposeReadout(readout=readout, signature=_sign_readout(desk, readout))
    return put(desk, request, "readout.propose", body)


def sign_readout(desk: Desk, request: ask.SignReadoutRequest) -> Said:
    """Sign a readout: the very bytes that were proposed."""
    row = get_row(desk.rows, ReadoutRow, request.id, what="readout")
    if request.sha256 and request.sha256 != row.sha256:
        raise Denied("other-readout", f"readout {row.id!r}: expected {request.sha256}, got {row.sha256}")
    body = SignReadout(id=row.id, sha256=row.sha256, signature=_sign_readout(desk, row.readout))
    return put(desk, request, "readout.sign", body)


def dissent_readout(desk: Desk, request: ask.DissentReadoutRequest) -> Said:
    """Dissent from a readout, with a reason."""
    row = get_row(desk.rows, ReadoutRow, request.id, what="readout")
    body = DissentReadout(id=row.id, sha256=row.sha256, reason=request.reason)
    return put(desk, request, "readout.dissent", body)


def _sign_readout(desk: Desk, readout: Readout) -> str:
    return encode_base64(desk.vault.desk_key.sign(encode_pae(READOUT_TYPE, encode_readout(readout))))
