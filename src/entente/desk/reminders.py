"""Reminders: an acknowledgement that we owe is said again to our own contacts before the others have to.

Invariants: one alarm for each message, naming the contact whose turn it is; it goes down by itself once the
message is acknowledged, and its history stays; the agreed escalation at the center runs by the record and not
by this.

    >>> review_reminders(desk)
"""

from __future__ import annotations

from typing import Final

from entente.deconflict import ReceiptRow, find_receipt
from entente.desk.assembly import Desk
from entente.desk.evidence import Finding
from entente.kernel.charter import CharterRow
from entente.kernel.roster import PartyRow
from entente.kernel.time import parse_utc

DUE: Final = "acknowledge-due"


def review_reminders(desk: Desk) -> None:
    """Raise an alarm for each message that waits too long here; take down those that no longer do."""
    if desk.rows.find(CharterRow, "charter") is None:
        return
    for alarm in desk.board.standing():
        if alarm.code == DUE:
            receipt = find_receipt(desk.rows, alarm.subject, desk.party)
            if receipt is not None and receipt.acknowledged is not None:
                desk.board.dismiss(alarm.id, officer="desk", why="acknowledged in the record")
    after_s = desk.vault.config.reminder_minutes * 60
    now = desk.clock.now_utc()
    for state in ("waiting", "lapsed"):
        for receipt in desk.rows.select(ReceiptRow, party=desk.party, state=state):
            outcome = desk.book.read_one("SELECT at FROM outcomes WHERE leaf = ?", (receipt.message,))
            since = outcome["at"] if outcome is not None else receipt.submitted.at
            waited_s = (now - parse_utc(since)).total_seconds()
            if waited_s < after_s or receipt.acknowledged is not None:
                continue
            contact = _find_contact(desk, len(receipt.escalations))
            words = (
                f"{receipt.kind} of {receipt.author!r} waits for an officer's acknowledgement since {since}; "
                f"it is the turn of contact {contact!r}"
            )
            desk.board.raise_alarm(Finding(DUE, words, receipt.message))


def _find_contact(desk: Desk, step: int) -> str:
    row = desk.rows.find(PartyRow, desk.party)
    contacts = row.statement.contacts if row is not None else desk.vault.card.statement.contacts
    return contacts[min(step, len(contacts) - 1)]
