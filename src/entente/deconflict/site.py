"""Sites: protected objects with a buffer around them.

Invariants:
  * Notification does not create, change or remove legal protection, and every text that shows a site says so
    (`PROTECTION_NOTICE`). A site that nobody declared is protected all the same.
  * A buffer widens a site in every direction, upwards too; heights may be unbounded.
  * Withdrawing a site withdraws the notification and nothing else.

It does not verify that a site is what its author says.

    DeclareSite(id="m2-hospital", name="M2", category="hospital", volume=wire, buffer_cm=50_000, source="…",
    replaces=None)
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

import msgspec

from entente.deconflict.objects import (
    decide_new,
    decide_own,
    decide_replacement,
    end_object,
    put_version,
)
from entente.deconflict.positions import open_positions, say_metres
from entente.deconflict.zone import SourceText
from entente.kernel.kinds import ALLOWED, Decision, Kind
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Row, Rows
from entente.kernel.wire import Hex64, NameText, NoteText, SlugText, WireStruct
from entente.space import VolumeWire, parse_volume

PROTECTION_NOTICE: Final = (
    "Notification does not create, change or remove legal protection: a site is protected by law whether or "
    "not it "
    "is listed here, and its removal from this list takes nothing away."
)
SiteWord = Literal[
    "hospital", "school", "convoy-hub", "water", "worship", "heritage", "camp", "personnel", "other"
]


class DeclareSite(WireStruct, frozen=True):
    """Body of ``site.declare``: the whole site; ``replaces`` is the version it replaces, null if new."""

    id: SlugText
    name: NameText
    category: SiteWord
    volume: VolumeWire
    buffer_cm: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
    source: SourceText
    replaces: Hex64 | None


class WithdrawSite(WireStruct, frozen=True):
    """Body of ``site.withdraw``."""

    id: SlugText
    note: NoteText


class SiteRow(Row, frozen=True):
    """A site's current version."""

    TABLE: ClassVar[str] = "sites"
    INDEXED: ClassVar[tuple[str, ...]] = ("state", "author")
    object: str
    author: str
    to: tuple[str, ...]
    declared: DeclareSite
    version: str
    state: Literal["standing", "withdrawn"]
    note: str

    def key(self) -> str:
        """Return the scoped name."""
        return self.object


def describe_site(row: SiteRow) -> str:
    """Return a site in a sentence, with the notice that belongs to every showing of one."""
    declared = row.declared
    state = "" if row.state == "standing" else f", notification withdrawn ({row.note or 'no reason given'})"
    return (
        f"{declared.category} {declared.name!r}, notified by {row.author} with a buffer of "
        f"{say_metres(declared.buffer_cm)}{state}. {PROTECTION_NOTICE}"
    )


def decide_declare_site(message: VerifiedMessage[DeclareSite], rows: Rows) -> Decision:
    """Allow a new site, or its author's replacement."""
    body = message.body
    if body is None:
        return ALLOWED
    parse_volume(body.volume, path="$.body.volume")
    if body.replaces is None:
        return decide_new(message, body.id, rows)
    return decide_replacement(message, body.id, "site", replaces=body.replaces, rows=rows)


def project_declare_site(entry: Entry[DeclareSite], rows: Rows) -> None:
    """Put the version in force."""
    body = entry.message.body
    if body is not None:
        thing = put_version(entry, body.id, "site", [body.volume], rows)
        rows.put(
            SiteRow(
                object=thing.object,
                author=thing.author,
                to=thing.to,
                declared=body,
                version=thing.version,
                state="standing",
                note="",
            )
        )
    open_positions(entry, rows)


def decide_withdraw_site(message: VerifiedMessage[WithdrawSite], rows: Rows) -> Decision:
    """Allow the author to withdraw his own notification."""
    body = message.body
    return ALLOWED if body is None else decide_own(message, body.id, "site", rows)


def project_withdraw_site(entry: Entry[WithdrawSite], rows: Rows) -> None:
    """End the notification; its name is not given again."""
    body = entry.message.body
    if body is not None:
        end_object(entry, body.id, SiteRow, rows, state="withdrawn", note=body.note)


SITE_DECLARE: Final = Kind(
    "site.declare",
    DeclareSite,
    decide=decide_declare_site,
    project=project_declare_site,
    min_officers=1,
    acknowledged=True,
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
