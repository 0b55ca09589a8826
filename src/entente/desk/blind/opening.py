"""Opening an epoch of ours to an auditor: everything that our side of it follows from, out of the book.

Invariants: the file has one epoch toward one partner, and the keys of no other; what the book no longer knows
is left out, and the auditor's own check says so. The desk sends it to nobody: an officer hands it over.

    >>> make_opening(carrier, rules, 3)
    Opening(party='us', ...)
"""

from __future__ import annotations

from entente.blind.audit import OpenAnswer, Opening, OpenList, OpenQuestion, OpenVersion
from entente.blind.opening import encode_opening
from entente.blind.rules import RulesRow
from entente.desk.assembly import Desk
from entente.desk.blind import requests as ask
from entente.desk.blind.carrier import BlindCarrier
from entente.desk.blind.ledger import MATCH, make_nonce_seed
from entente.desk.blind.parts import parse_rows
from entente.desk.speaking import check_officer
from entente.kernel.errors import NotFound
from entente.kernel.rows import get_row


def open_epoch(desk: Desk, request: ask.BlindOpenRequest) -> ask.OpenAnswer:
    """Return the file that opens an epoch of ours."""
    check_officer(desk, request.officer)
    rules = get_row(desk.rows, RulesRow, request.rules, what="rules")
    opening = make_opening(desk.blind, rules, request.epoch)
    data = encode_opening(opening, rules=rules.id, epoch=request.epoch)
    return ask.OpenAnswer(rules.id, request.epoch, data.decode())


def make_opening(carrier: BlindCarrier, rules: RulesRow, epoch: int) -> Opening:
    """Return what we open of an epoch under some rules."""
    parts, book, about = carrier.parts, carrier.parts.book, (rules.id, epoch)
    domain, partner = parts.get_domain(rules.rules, epoch), rules.rules.get_other(parts.party)
    seed, info = parts.derive_seed(domain, partner, epoch)
    public = parts.derive_key(domain, partner, epoch).public
    versions = {
        row["leaf"]: OpenVersion(parse_rows(row["cells"]), row["pad_seed"])
        for row in book.read(
            "SELECT * FROM blind_versions WHERE rules = ? AND epoch = ? AND state = 'recorded'"
            " AND cells IS NOT NULL",
            about,
        )
    }
    if not versions:
        raise NotFound(
            "no-opening",
            f"opening of {rules.id!r}, epoch {epoch}: expected what we committed to in the book; there was "
            "nothing, or it was let go of",
        )
    questions, lists = {}, {}
    for row in book.read(
        "SELECT * FROM blind_runs WHERE rules = ? AND epoch = ? AND leaf != '' AND seed IS NOT NULL", about
    ):
        if row["mask"] is None:
            questions[row["leaf"]] = OpenQuestion(parse_rows(row["cells"]), row["seed"])
        else:
            lists[row["leaf"]] = OpenList(row["secret"], row["mask"], row["seed"])
    answers = {
        row["leaf"]: OpenAnswer(
            row["request"] or b"",
            make_nonce_seed(row["drawn"], public, row["request"] or b""),
            row["refusal"] or b"",
        )
        for row in book.read(
            "SELECT * FROM blind_charges WHERE rules = ? AND epoch = ? AND run != ?"
            " AND (request IS NOT NULL OR refusal IS NOT NULL)",
            (*about, MATCH),
        )
    }
    return Opening(
        parts.party,
        seed,
        info,
        carrier.versions.get_salt(rules.id, epoch),
        versions,
        questions,
        answers,
        lists,
    )
