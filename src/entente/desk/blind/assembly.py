"""A desk's blind checks put together, from the parts of the desk that they stand on.

Invariants: nothing is computed, drawn or loaded before it is needed: a desk that checks nothing blind pays
nothing for it.

    >>> desk.blind = make_blind(vault, origin, rows=rows, ...)
"""

from __future__ import annotations

import os
from collections.abc import Callable

from entente.blind.group import Group
from entente.desk.blind.carrier import BlindCarrier
from entente.desk.blind.parts import BlindMaster, BlindParts
from entente.desk.blind.post import BlindPost, ParcelWire
from entente.desk.book import Book
from entente.desk.evidence import AlarmBoard
from entente.desk.gate import Gate
from entente.desk.outbox import Outbox
from entente.desk.vault import Vault
from entente.kernel.ports import Clock, Random
from entente.kernel.rows import Rows
from entente.store.sodium_group import load_group as load_native_group


def make_blind(  # noqa: PLR0913 - the ports of one part, each by its name
    vault: Vault,
    origin: str,
    *,
    rows: Rows,
    book: Book,
    outbox: Outbox,
    board: AlarmBoard,
    gate: Gate,
    clock: Clock,
    random: Random,
    wire: ParcelWire,
    is_stopped: Callable[[], bool],
    load_group: Callable[[], Group] | None = None,
) -> BlindCarrier:
    """Return the carrier of a desk's blind checks.

    Args:
        origin: The record's name.
        load_group: What computes; by default libsodium on all processors.
    """
    parts = BlindParts(
        party=vault.party,
        origin=origin,
        rows=rows,
        book=book,
        outbox=outbox,
        board=board,
        clock=clock,
        random=random,
        master=BlindMaster(vault.folder, vault.party, random),
        load_group=load_group or _load_group,
        theatre_cells=vault.config.blind_theatre_cells,
    )
    post = BlindPost(parts, wire=wire, gate=gate, desk_key=vault.desk_key, seal_key=vault.seal_key)
    return BlindCarrier(parts, post, is_stopped=is_stopped)


def _load_group() -> Group:
    return load_native_group(threads=os.cpu_count() or 1)
