"""A desk's gate put together, from the parts of the desk that it stands on.

Invariants: nothing is read or computed before it is needed: a desk that releases nothing pays nothing for it.

    >>> parts, gate_ledger = make_release_ledger(vault, rows=rows, ...)
"""

from __future__ import annotations

from entente.desk.book import Book
from entente.desk.evidence import AlarmBoard
from entente.desk.gate import BookLedger
from entente.desk.release.entering import GateLedger
from entente.desk.release.ledger import ReleaseLedger
from entente.desk.release.library import Library
from entente.desk.release.noticing import NoticeCharger
from entente.desk.release.parts import ReleaseParts
from entente.desk.release.shelves import Shelves
from entente.desk.release.veto import FolderVeto
from entente.desk.vault import Vault
from entente.kernel.charter import CharterRow, list_parties
from entente.kernel.ports import Clock, Random
from entente.kernel.rows import Rows
from entente.release.variant.ladder import DEFAULT_LADDER
from entente.release.veto import Veto

FOLDER = "release"
VETOES = "vetoes"


def make_release(
    vault: Vault,
    *,
    rows: Rows,
    book: Book,
    board: AlarmBoard,
    ledger: BookLedger,
    clock: Clock,
    random: Random,
    veto: Veto | None = None,
) -> tuple[ReleaseParts, ReleaseLedger, GateLedger]:
    """Return the parts of a desk's gate, its exposure ledger, and what every message is entered in.

    Args:
        veto: The party's own rules; by default those in the desk's folder.
    """
    parts = ReleaseParts(
        party=vault.party,
        rows=rows,
        book=book,
        board=board,
        clock=clock,
        random=random,
        library=Library(Shelves(book, clock)),
        ladder=DEFAULT_LADDER,
        veto=veto
        or FolderVeto(vault.folder / FOLDER / VETOES, parties=lambda: _list_others(rows, vault.party)),
    )
    exposures = ReleaseLedger(parts)
    notices = NoticeCharger(parts, exposures)
    return parts, exposures, GateLedger(ledger, book, notices.charge, board)


def _list_others(rows: Rows, party: str) -> list[str]:
    if rows.find(CharterRow, "charter") is None:
        return []
    return [one for one in list_parties(rows) if one != party]
