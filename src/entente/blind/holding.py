"""What a party holds in an epoch, as the record has it: `blind.commit`, and `blind.amend` when it changes.

A commitment names the party's key for this partner and epoch, the Merkle root over its salted cover cells,
the bucket that its tags are padded to, and the parcel in which the partner gets them. It stands in the record
before anything is asked: commit, then ask.

Invariants:
  * One commitment for each party, rules and epoch; every change is an amendment that continues it.
  * A key is committed to once, for one partner and one epoch, ever (threat 8 of docs/formats/blind.md).
  * Nothing here says how many cells there are: buckets alone.

It holds no cells and no tags: those are at the desks. What an amendment shows: that something was added, and
up to which bucket; and how many tags were withdrawn.

    >>> find_holding(rows, "skies", 3, "ru").size
    20000
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final

import msgspec

from entente.blind.rules import BlindRules, Epoch, RulesRow, find_in_force, note_epoch
from entente.blind.sizes import Bucket, is_bucket
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import CENTER, Entry, VerifiedMessage
from entente.kernel.rows import Row, Rows, get_row
from entente.kernel.time import parse_utc, to_unix_s
from entente.kernel.wire import Hex64, SlugText, WireStruct

MAX_PARCEL_BYTES: Final = 64 << 20
MAX_AMENDMENTS: Final = 100_000
ParcelBytes = Annotated[int, msgspec.Meta(ge=1, le=MAX_PARCEL_BYTES)]


class Parcel(WireStruct, frozen=True):
    """Bytes that travel beside the record.

    Args:
        sha256, size_bytes: Of the parcel as it lies at the center: sealed, unless it is for the center.
        inside: The SHA-256 of what is in it. Who opens it checks this; and an auditor who makes the same
            bytes again needs no key of the addressee to see that they are what was sent.
    """

    sha256: Hex64
    size_bytes: ParcelBytes
    inside: Hex64


class CommitHolding(WireStruct, frozen=True):
    """Body of ``blind.commit``: what is held toward the other party of the rules in an epoch.

    Args:
        public_key: The committed key, ristretto255, in hex.
        root: Root over the salted cover cells (`commitment.make_root`).
        size: Number of tags in the parcel, padding counted and canaries not: a bucket.
    """

    rules: SlugText
    epoch: Epoch
    public_key: Hex64
    root: Hex64
    size: Bucket
    tags: Parcel


class AmendHolding(WireStruct, frozen=True):
    """Body of ``blind.amend``: the set changed; ``root`` is of the whole set as it is now.

    Args:
        number: 1 for the first amendment of a commitment, and so on.
        added: Number of tags added, a bucket; 0: none.
        withdrawn: Number of tags withdrawn.
        tags: The parcel with both lists.
    """

    rules: SlugText
    epoch: Epoch
    number: Annotated[int, msgspec.Meta(ge=1, le=MAX_AMENDMENTS)]
    root: Hex64
    added: Bucket
    withdrawn: Bucket
    tags: Parcel


class HoldingRow(Row, frozen=True):
    """What a party holds now toward the other under some rules in an epoch."""

    TABLE: ClassVar[str] = "blind_holdings"
    INDEXED: ClassVar[tuple[str, ...]] = ("rules",)
    holding: str
    rules: str
    epoch: int
    party: str
    commit: str
    """The leaf of the commitment."""
    public_key: str
    root: str
    size: int
    amendments: int
    newest: str
    """The leaf of the newest amendment, or of the commitment."""

    def key(self) -> str:
        """Return ``rules:epoch:party``."""
        return self.holding


class VersionRow(Row, frozen=True):
    """One state of a holding, by the leaf of the message that made it: what a question names."""

    TABLE: ClassVar[str] = "blind_versions"
    INDEXED: ClassVar[tuple[str, ...]] = ("holding",)
    leaf: str
    holding: str
    number: int
    root: str
    tags: Parcel
    index: int
    added: int
    withdrawn: int
    """How many tags its parcel has of each, canaries not counted."""
    at: str
    """The time that its author gave."""

    def key(self) -> str:
        """Return the message's leaf."""
        return self.leaf


class PublicKeyRow(Row, frozen=True):
    """A key that was committed to: it may never be again."""

    TABLE: ClassVar[str] = "blind_keys"
    public_key: str
    holding: str

    def key(self) -> str:
        """Return the key in hex."""
        return self.public_key


class ParcelRow(Row, frozen=True):
    """Which parcels the record has named: from whom, to whom, under which message."""

    TABLE: ClassVar[str] = "blind_parcels"
    sha256: str
    size_bytes: int
    author: str
    to: str
    leaf: str
    rules: str
    epoch: int
    """With the rules: until when somebody may still need it (`find_last_need_s`)."""

    def key(self) -> str:
        """Return the parcel's SHA-256."""
        return self.sha256


def name_holding(rules_id: str, epoch: int, party: str) -> str:
    """Return the name of what a party holds under rules in an epoch."""
    return f"{rules_id}:{epoch}:{party}"


def find_holding(rows: Rows, rules_id: str, epoch: int, party: str) -> HoldingRow | None:
    """Return what a party holds, or None when it has not committed."""
    return rows.find(HoldingRow, name_holding(rules_id, epoch, party))


def decide_version(
    rows: Rows, rules_id: str, epoch: int, party: str, leaf: str, *, what: str
) -> VersionRow | Decision:
    """Return the version of this leaf when the party committed to it in the epoch, or why it is none."""
    holding = find_holding(rows, rules_id, epoch, party)
    version = rows.find(VersionRow, leaf)
    if holding is None or version is None or version.holding != holding.holding:
        return denied(
            "not-committed",
            f"{what}: expected a version that {party!r} committed to in epoch {epoch}, got {leaf[:12]}",
        )
    return version


def put_parcel(
    rows: Rows, parcel: Parcel, message: VerifiedMessage[Any], *, to: str, rules: str, epoch: int
) -> None:
    """Write down that a message names a parcel."""
    size_bytes, author, leaf = parcel.size_bytes, message.author, message.leaf
    rows.put(ParcelRow(parcel.sha256, size_bytes, author, to, leaf, rules, epoch))


def find_last_need_s(rows: Rows, row: ParcelRow) -> int:
    """Return the end of a parcel's epoch, of one to the center that of the audit, in Unix seconds.

    Until then the center keeps it, whatever its settings say. Rules may have epochs beyond any date.
    """
    rules = get_row(rows, RulesRow, row.rules, what="rules").rules
    end_s = to_unix_s(parse_utc(rules.starts)) + (row.epoch + 1) * rules.epoch_h * 3600
    return end_s + (rules.audit_days * 86_400 if row.to == CENTER else 0)


def decide_parcel(rows: Rows, parcel: Parcel) -> Decision:
    """Allow a parcel that no message named before: each is of one run and goes to one addressee."""
    known = rows.find(ParcelRow, parcel.sha256)
    if known is not None:
        return denied(
            "parcel-named",
            f"parcel {parcel.sha256[:12]}: expected a new one, {known.leaf[:12]} has it",
        )
    return ALLOWED


def find_rules(
    message: VerifiedMessage[WireStruct], rules_id: str, epoch: int, rows: Rows, *, ahead: int = 0
) -> RulesRow | Decision:
    """Return the rules in force that bind a message's author, when the epoch is the one of its time.

    Args:
        ahead: By how many epochs the named one may lie in the future.
    """
    row = find_in_force(rows, rules_id)
    if row is None or message.author not in row.rules.parties:
        return denied(
            "unknown-rules", f"rules {rules_id!r}: expected rules in force that bind {message.author!r}"
        )
    return _check_epoch(row, row.rules, message.payload.at, epoch, ahead)


def refuse_past_epoch(row: RulesRow, asker: str, epoch: int) -> RulesRow | Decision:
    """Return the rules unless the other party has gone on to epochs well after this one.

    SECURITY: a message's time is its author's word: who dates back would have the allowances of all epochs
    that are over. Who has committed to an epoch was in it, or in the one before (tests/unit/
    test_blind_records.py, test_nobody_uses_the_allowance_of_an_epoch_that_is_over).
    """
    newest = row.newest_epochs[row.rules.parties.index(row.rules.get_other(asker))]
    if epoch < newest - 1:
        return denied(
            "other-epoch",
            f"rules {row.id!r}: expected epoch {newest - 1} or later: {row.rules.get_other(asker)!r} has "
            f"committed to epoch {newest}; got {epoch}",
        )
    return row


def _check_epoch(row: RulesRow, rules: BlindRules, at: str, epoch: int, ahead: int) -> RulesRow | Decision:
    now = rules.find_epoch(parse_utc(at, path="$.at"))
    first = 0 if now is None else now
    if now is None and at < rules.starts and ahead:
        now = -1  # before the first epoch: it can be prepared
    if now is None or not now <= epoch <= first + ahead or epoch >= rules.epochs:
        said = "none" if now is None or now < 0 else str(now)
        return denied("other-epoch", f"rules {rules.id!r}: expected the epoch of {at} ({said}), got {epoch}")
    return row


def decide_commit(message: VerifiedMessage[CommitHolding], rows: Rows) -> Decision:
    """Allow one commitment for an epoch, this one or the next, with a key never used before."""
    body = message.opened()
    row = find_rules(message, body.rules, body.epoch, rows, ahead=1)
    if isinstance(row, Decision):
        return row
    name = name_holding(body.rules, body.epoch, message.author)
    if rows.find(HoldingRow, name) is not None:
        return denied("committed", f"holding {name!r}: expected none yet: amend it")
    if not is_bucket(body.size):
        return denied(
            "no-bucket", f"holding {name!r}: expected a size of 10, 20, 50, 100, ..., got {body.size}"
        )
    known = rows.find(PublicKeyRow, body.public_key)
    if known is not None:
        # SECURITY: one key for two partners or two epochs makes their tags comparable
        # (tests/unit/test_blind_records.py, test_a_key_is_committed_to_once).
        return denied("key-used", f"holding {name!r}: expected a new key, {known.holding!r} has it")
    return decide_parcel(rows, body.tags)


def project_commit(entry: Entry[CommitHolding], rows: Rows) -> None:
    """Write the holding, its first version, its key and its parcel down."""
    body, message = entry.message.opened(), entry.message
    name = name_holding(body.rules, body.epoch, message.author)
    rows.put(
        HoldingRow(
            holding=name,
            rules=body.rules,
            epoch=body.epoch,
            party=message.author,
            commit=message.leaf,
            public_key=body.public_key,
            root=body.root,
            size=body.size,
            amendments=0,
            newest=message.leaf,
        )
    )
    rows.put(PublicKeyRow(body.public_key, name))
    note_epoch(rows, body.rules, message.author, body.epoch)
    _put_version(entry, rows, name, 0, body.root, body.tags)


def _put_version(
    entry: Entry[CommitHolding] | Entry[AmendHolding],
    rows: Rows,
    name: str,
    number: int,
    root: str,
    tags: Parcel,
) -> None:
    body = entry.message.opened()
    added, withdrawn = (body.size, 0) if isinstance(body, CommitHolding) else (body.added, body.withdrawn)
    leaf, at = entry.message.leaf, entry.message.payload.at
    rows.put(VersionRow(leaf, name, number, root, tags, entry.index, added, withdrawn, at))
    rules = rows.find(RulesRow, body.rules)
    if rules is not None:
        other = rules.rules.get_other(entry.message.author)
        put_parcel(rows, tags, entry.message, to=other, rules=body.rules, epoch=body.epoch)


def decide_amend(message: VerifiedMessage[AmendHolding], rows: Rows) -> Decision:
    """Allow the next amendment of one's own commitment, in its epoch."""
    body = message.opened()
    row = find_rules(message, body.rules, body.epoch, rows, ahead=1)
    if isinstance(row, Decision):
        return row
    name = name_holding(body.rules, body.epoch, message.author)
    holding = rows.find(HoldingRow, name)
    if holding is None:
        return denied("not-committed", f"holding {name!r}: expected a commitment first, found none")
    if body.number != holding.amendments + 1:
        return denied(
            "amendment-order",
            f"holding {name!r}: expected amendment {holding.amendments + 1}, got {body.number}",
        )
    if body.added and not is_bucket(body.added):
        return denied("no-bucket", f"holding {name!r}: expected 0, 10, 20, 50, ... added, got {body.added}")
    if not body.added and not body.withdrawn:
        return denied("nothing-changed", f"holding {name!r}: expected tags added or withdrawn, got neither")
    return decide_parcel(rows, body.tags)


def project_amend(entry: Entry[AmendHolding], rows: Rows) -> None:
    """Move the holding on."""
    body, message = entry.message.opened(), entry.message
    name = name_holding(body.rules, body.epoch, message.author)
    holding = rows.find(HoldingRow, name)
    if holding is None:
        raise AssertionError(f"holding {name!r}: a rule allowed an amendment of nothing")
    rows.put(
        msgspec.structs.replace(
            holding,
            root=body.root,
            size=holding.size + body.added,
            amendments=body.number,
            newest=message.leaf,
        )
    )
    _put_version(entry, rows, name, body.number, body.root, body.tags)


BLIND_COMMIT: Final = Kind(
    "blind.commit", CommitHolding, decide=decide_commit, project=project_commit, min_officers=1
)
BLIND_AMEND: Final = Kind(
    "blind.amend", AmendHolding, decide=decide_amend, project=project_amend, min_officers=1
)
