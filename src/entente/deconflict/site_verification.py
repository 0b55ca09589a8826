"""Verification of sites: another party says that it has looked, and what it found.

Invariants:
  * Nobody verifies his own site: the word of its author adds nothing to his declaration. An agency of the
    author's speaks with the author's key, and is the author.
  * What was said is about one version. A new version is *unverified*, however little moved.
  * A doubt is shown beside every other word and weighs against none: it changes no protection, no buffer and
    no conflict. Nor does *verified* add any.

It does not know who is right.

    >>> verification_state(site, rows).words
    'plausible: un (satellite picture of 3 May)'
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

import msgspec

from entente.deconflict.objects import find_current
from entente.deconflict.receipts import Stamp, make_stamp
from entente.deconflict.site import SiteRow
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Row, Rows
from entente.kernel.wire import Hex64, NameText, NoteText, SlugText, WireStruct

FoundWord = Literal["plausible", "verified", "doubted", "not-stated"]
"""``not-stated`` takes an earlier word back."""
VerificationWord = Literal["unverified", "plausible", "verified"]


class VerifySite(WireStruct, frozen=True):
    """Body of ``site.verify``: what ``by`` (a unit or agency of the author's) found, and how it looked."""

    id: SlugText
    version: Hex64
    found: FoundWord
    by: NameText
    method: NoteText


class VerificationRow(Row, frozen=True):
    """What one party last said of one version of a site."""

    TABLE: ClassVar[str] = "verifications"
    INDEXED: ClassVar[tuple[str, ...]] = ("version", "party")
    version: str
    party: str
    found: FoundWord
    by: str
    method: str
    stamp: Stamp

    def key(self) -> str:
        """Return ``leaf:party``."""
        return f"{self.version}:{self.party}"


class Verification(msgspec.Struct, frozen=True):
    """What others say of a site: the strongest word, by whom, and who doubts it."""

    state: VerificationWord
    by: tuple[str, ...]
    doubted_by: tuple[str, ...]
    words: str


def decide_verify_site(message: VerifiedMessage[VerifySite], rows: Rows) -> Decision:
    """Allow another party than its author to say what it found of the current version."""
    body = message.body
    if body is None:
        return ALLOWED
    site = find_current(message, body.id, body.version, SiteRow, "site", rows)
    if isinstance(site, Decision):
        return site
    if site.author == message.author:
        # SECURITY: a party that could verify its own list would make any point on the map look looked at
        # (tests/unit/test_deconflict_sites.py, test_nobody_verifies_his_own_site).
        return denied(
            "own-site",
            f"site {body.id!r}: expected another party than its author {site.author!r}, got itself",
        )
    known = rows.find(VerificationRow, f"{body.version}:{message.author}")
    before = (
        (known.found, known.by, known.method) if known is not None else ("not-stated", body.by, body.method)
    )
    if before == (body.found, body.by, body.method):
        return denied(
            "already-answered",
            f"site {body.id!r}: expected another word, {message.author!r} has said this already",
        )
    return ALLOWED


def project_verify_site(entry: Entry[VerifySite], rows: Rows) -> None:
    """Write the word down."""
    body = entry.message.body
    if body is not None:
        rows.put(
            VerificationRow(
                version=body.version,
                party=entry.message.author,
                found=body.found,
                by=body.by,
                method=body.method,
                stamp=make_stamp(entry),
            )
        )


def verification_state(site: SiteRow, rows: Rows) -> Verification:
    """Return what others say of a site's current version; ``unverified`` where nobody has said anything."""
    said = list(rows.select(VerificationRow, version=site.version))
    state: VerificationWord = "unverified"
    for word in ("verified", "plausible"):
        if any(row.found == word for row in said):
            state = word
            break
    by = [row for row in said if row.found == state]
    doubts = [row for row in said if row.found == "doubted"]
    words = state if not by else f"{state}: {'; '.join(_say(row) for row in by)}"
    if doubts:
        words += f"; DOUBTED by {'; '.join(_say(row) for row in doubts)}: the doubt changes no protection"
    return Verification(
        state=state,
        by=tuple(row.party for row in by),
        doubted_by=tuple(row.party for row in doubts),
        words=words,
    )


def _say(row: VerificationRow) -> str:
    method = f": {row.method}" if row.method else ""
    return f"{row.party} ({row.by}{method})"


SITE_VERIFY: Final = Kind(
    "site.verify",
    VerifySite,
    decide=decide_verify_site,
    project=project_verify_site,
    min_officers=1,
    may_be_sealed=True,
)
