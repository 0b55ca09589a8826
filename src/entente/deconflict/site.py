"""Sites: protected objects with a buffer around them, told to whom their owner agreed to have it told.

Invariants:
  * Notification does not create, change or remove legal protection, and every text that shows a site says so
    (`PROTECTION_NOTICE`). A site that nobody declared is protected all the same; so is one whose
    notification has expired, was withdrawn or is in doubt.
  * A buffer widens a site in every direction, upwards too; heights may be unbounded.
  * Each notification states whose site it is and to whom its owner agreed to have it told; it goes to nobody
    else.
  * An expired notification stays: its buffer is compared as before, and every view says *expired*. Expiry is
    a matter of the clock and so of the view (`site_standing`), never of the state.
  * Withdrawing a site withdraws the notification and nothing else.

It does not verify that a site is what its author says: see `entente.deconflict.site_verification`.

    DeclareSite(id="m2-hospital", name="M2", category="hospital", volume=wire, buffer_cm=50_000, source="…",
                consent=Consent("M2 hospital board", "2016-09-01T00:00:00Z", [], "letter"),
                expires="2016-12-01T00:00:00Z", replaces=None)
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Final, Literal

import msgspec

from entente.deconflict.activity import PartyList
from entente.deconflict.objects import (
    PlaceRow,
    decide_declaration,
    decide_own,
    end_object,
    find_current,
    name_object,
    put_version,
    say_readers,
)
from entente.deconflict.positions import open_positions, say_metres
from entente.deconflict.receipts import Stamp, make_stamp
from entente.deconflict.zone import SourceText
from entente.kernel.charter import list_parties
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Rows
from entente.kernel.time import encode_utc, parse_utc
from entente.kernel.wire import Hex64, NameText, NoteText, SlugText, UtcText, WireStruct
from entente.space import VolumeWire

PROTECTION_NOTICE: Final = (
    "Notification does not create, change or remove legal protection: a site is protected by law whether or "
    "not it "
    "is listed here, and its removal from this list takes nothing away."
)
SiteWord = Literal[
    "hospital", "school", "convoy-hub", "water", "worship", "heritage", "camp", "personnel", "other"
]
WithdrawalWord = Literal["consent-withdrawn", "closed", "mistaken", "other"]
StandingWord = Literal["standing", "expires-soon", "expired", "withdrawn"]
MAX_CONFIRMED_DAYS: Final = 366
"""For how long a notification may hold: a list that nobody looks at for a year is wrong somewhere."""
REMIND_DAYS: Final = 7
"""How long before it expires the author is reminded to confirm it again."""


class Consent(WireStruct, frozen=True):
    """What the owner agreed to: when, who may be told (empty: every party), and how that is known."""

    owner: NameText
    given: UtcText
    recipients: PartyList
    note: NoteText


class DeclareSite(WireStruct, frozen=True):
    """Body of ``site.declare``: the whole site; ``replaces`` is the version it replaces, null if new.

    The volume's window is when the site is there; ``expires`` is until when its author says that this is
    right.
    """

    id: SlugText
    name: NameText
    category: SiteWord
    volume: VolumeWire
    buffer_cm: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
    source: SourceText
    consent: Consent
    expires: UtcText
    replaces: Hex64 | None


class ReconfirmSite(WireStruct, frozen=True):
    """Body of ``site.reconfirm``: it is still right, until a later time."""

    id: SlugText
    version: Hex64
    expires: UtcText
    note: NoteText


class WithdrawSite(WireStruct, frozen=True):
    """Body of ``site.withdraw``: the notification is taken back, and why."""

    id: SlugText
    reason: WithdrawalWord
    note: NoteText


class SiteRow(PlaceRow, frozen=True):
    """A site's current version. ``expires`` is the latest confirmation's."""

    TABLE: ClassVar[str] = "sites"
    declared: DeclareSite
    expires: str
    reconfirmed: Stamp | None = None
    withdrawn: Literal["", "consent-withdrawn", "closed", "mistaken", "other"] = ""


def site_standing(row: SiteRow, now_utc: datetime) -> StandingWord:
    """Return how a notification stands at this moment: for display and reminders, never for a rule."""
    if row.state == "withdrawn":
        return "withdrawn"
    left = parse_utc(row.expires) - now_utc
    if left <= timedelta(0):
        return "expired"
    return "expires-soon" if left <= timedelta(days=REMIND_DAYS) else "standing"


def describe_site(row: SiteRow, now_utc: datetime) -> str:
    """Return a site in a sentence, with the notice that belongs to every showing of one."""
    declared = row.declared
    standing = site_standing(row, now_utc)
    state = {
        "standing": f", confirmed until {row.expires}",
        "expires-soon": f", confirmed until {row.expires}: to be confirmed again by {row.author}",
        "expired": f", EXPIRED since {row.expires}: not confirmed again; still protected by law",
        "withdrawn": f", notification withdrawn ({_say_withdrawal(row)})",
    }[standing]
    return (
        f"{declared.category} {declared.name!r} of {declared.consent.owner}, notified by {row.author} with a "
        f"buffer of {say_metres(declared.buffer_cm)}, {say_readers(row.to)}{state}. {PROTECTION_NOTICE}"
    )


def _say_withdrawal(row: SiteRow) -> str:
    why = {
        "consent-withdrawn": "its owner took its consent back: do not pass it on",
        "closed": "closed",
        "mistaken": "notified by mistake",
    }.get(row.withdrawn, "no reason given")
    return f"{why}: {row.note}" if row.note else why


def decide_declare_site(message: VerifiedMessage[DeclareSite], rows: Rows) -> Decision:
    """Allow a new site, or its author's replacement, told to nobody but whom its owner agreed to."""
    body = message.body
    if body is None:
        return ALLOWED
    place = decide_declaration(
        message, body.id, "site", [body.volume], rows, replaces=body.replaces, path="$.body.volume"
    )
    if not place.is_allowed:
        return place
    consent = _decide_consent(message, body.consent, rows)
    if not consent.is_allowed:
        return consent
    return _decide_expiry(message.payload.at, body.expires)


def _decide_consent(message: VerifiedMessage[DeclareSite], consent: Consent, rows: Rows) -> Decision:
    if consent.recipients != sorted(set(consent.recipients)):
        return denied("party-order", "recipients: expected each party once, sorted by name")
    parties = list_parties(rows)
    for party in consent.recipients:
        if party not in parties:
            return denied("unknown-party", f"recipients: expected parties of the charter, got {party!r}")
    if consent.recipients:
        # SECURITY: what an owner agreed to tell two parties must not reach a third, nor the host: positions
        # of hospitals have been used against them (tests/unit/test_deconflict_sites.py,
        # test_a_site_goes_to_nobody_its_owner_did_not_agree_to).
        if not message.addressees:
            return denied(
                "beyond-consent",
                f"site: expected a message to {consent.recipients} only, as agreed, got an open one",
            )
        for addressee in message.addressees:
            if addressee not in consent.recipients:
                return denied(
                    "beyond-consent",
                    f"site: expected addressees among {consent.recipients}, as agreed, got {addressee!r}",
                )
    if parse_utc(consent.given, path="$.body.consent.given") > parse_utc(message.payload.at):
        return denied(
            "not-yet", f"consent: expected a time up to {message.payload.at!r}, got {consent.given!r}"
        )
    return ALLOWED


def _decide_expiry(at: str, expires: str) -> Decision:
    start, end = parse_utc(at), parse_utc(expires, path="$.body.expires")
    latest = start + timedelta(days=MAX_CONFIRMED_DAYS)
    if not start < end <= latest:
        return denied(
            "bad-expiry",
            f"expires: expected a time after {at!r}, up to {encode_utc(latest)!r}, got {expires!r}",
        )
    return ALLOWED


def project_declare_site(entry: Entry[DeclareSite], rows: Rows) -> None:
    """Put the version in force."""
    body = entry.message.body
    if body is not None:
        thing = put_version(entry, body.id, "site", [body.volume], rows, reach_cm=body.buffer_cm)
        rows.put(
            SiteRow(
                object=thing.object,
                author=thing.author,
                to=thing.to,
                version=thing.version,
                state="standing",
                note="",
                declared=body,
                expires=body.expires,
            )
        )
    open_positions(entry, rows)


def decide_reconfirm_site(message: VerifiedMessage[ReconfirmSite], rows: Rows) -> Decision:
    """Allow the author to say that the current version still holds, until a later time than before."""
    body = message.body
    if body is None:
        return ALLOWED
    own = decide_own(message, body.id, "site", rows)
    if not own.is_allowed:
        return own
    row = find_current(message, body.id, body.version, SiteRow, "site", rows)
    if isinstance(row, Decision):
        return row
    expiry = _decide_expiry(message.payload.at, body.expires)
    if expiry.is_allowed and parse_utc(body.expires) <= parse_utc(row.expires):
        return denied("bad-expiry", f"expires: expected a time after {row.expires!r}, got {body.expires!r}")
    return expiry


def project_reconfirm_site(entry: Entry[ReconfirmSite], rows: Rows) -> None:
    """Let it hold for longer."""
    body = entry.message.body
    row = rows.find(SiteRow, name_object(entry.message, body.id)) if body is not None else None
    if body is not None and row is not None:
        rows.put(msgspec.structs.replace(row, expires=body.expires, reconfirmed=make_stamp(entry)))


def decide_withdraw_site(message: VerifiedMessage[WithdrawSite], rows: Rows) -> Decision:
    """Allow the author to withdraw his own notification."""
    body = message.body
    return ALLOWED if body is None else decide_own(message, body.id, "site", rows)


def project_withdraw_site(entry: Entry[WithdrawSite], rows: Rows) -> None:
    """End the notification; its name is not given again."""
    body = entry.message.body
    if body is None:
        return
    end_object(entry, body.id, SiteRow, rows, state="withdrawn", note=body.note)
    row = rows.find(SiteRow, name_object(entry.message, body.id))
    if row is not None:
        rows.put(msgspec.structs.replace(row, withdrawn=body.reason))


SITE_DECLARE: Final = Kind(
    "site.declare",
    DeclareSite,
    decide=decide_declare_site,
    project=project_declare_site,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
SITE_RECONFIRM: Final = Kind(
    "site.reconfirm",
    ReconfirmSite,
    decide=decide_reconfirm_site,
    project=project_reconfirm_site,
    min_officers=1,
    may_be_sealed=True,
)
SITE_WITHDRAW: Final = Kind(
    "site.withdraw",
    WithdrawSite,
    decide=decide_withdraw_site,
    project=project_withdraw_site,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
