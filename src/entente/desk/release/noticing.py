"""Notifications in the exposure ledger: where something of ours will be, charged to the secrets that want it.

What it is for: who tells others of a convoy at a crossroads tells them something about the post that looks at
it, if the two have to do with each other. A secret that says ``notified = true`` is charged with the place of
each notification, for whoever reads it.

Invariants:
  * Charged and told, never refused: a notification is there for safety, and goes out whatever it costs.
  * The place of a volume is the cell that holds its reference point and is no larger than its outline: never
    a coarser one than was told. The same object in the same cell is the same item: told twice, charged once.
  * What no hypothesis of a secret explains tells nothing of it, and is not charged.

It sends nothing and stops nothing: see `entering`.

    >>> charge_notice(ledger, parts, leaf, "activity sortie-7", ["ru"], [volume])
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

from entente.desk.release.ledger import NOTICE, Given, ReleaseLedger
from entente.desk.release.parts import ReleaseParts
from entente.release.variant.ladder import Cell, Ladder
from entente.release.variant.shape import Shape
from entente.space import Circle, Lane, VolumeWire, parse_volume, reference_point

NOTIFIED: Final = "notified"
"""The theatre of a notification: it is told in all of them."""
_M_PER_ARCSEC: Final = 31.0
"""Of latitude, rounded up: a cell is taken for larger than it is, and so a finer one is charged."""


class NoticeCharger:
    """Charges notifications of one desk; called in the transaction that signs them."""

    def __init__(self, parts: ReleaseParts, ledger: ReleaseLedger) -> None:
        self._parts = parts
        self._ledger = ledger

    def charge(self, leaf: str, name: str, recipients: Sequence[str], volumes: Sequence[VolumeWire]) -> None:
        """Charge the places of a notification, in the caller's transaction.

        Args:
            name: Of the object, so that the next version of it in the same place is the same item.
        """
        _, catalogue = self._parts.library.get_catalogue()
        if not any(secret.notified for secret in catalogue.secrets):
            return
        for cell in sorted({find_cell(volume, self._parts.ladder) for volume in volumes}):
            item = hashlib.sha256(f"notice {name} {cell.step} {cell.row} {cell.column}".encode()).hexdigest()[
                :32
            ]
            shape = Shape(cell, None, 0, 0, (), None)
            for recipient in recipients:
                given = Given(item, recipient, NOTICE, NOTIFIED, shape, leaf=leaf)
                self._ledger.charge(given, {})


def find_cell(volume: VolumeWire, ladder: Ladder) -> Cell:
    """Return the cell that a volume's place is charged as."""
    outline = parse_volume(volume).outline
    extent_m = 2 * outline.ring.cap_chord_m
    if isinstance(outline, Circle):
        extent_m += 2 * outline.radius_m
    elif isinstance(outline, Lane):
        extent_m += 2 * outline.margin_m
    lat_deg, lon_deg = reference_point(outline)
    sizes = ladder.places_arcsec
    step = next(
        (number for number, size in enumerate(sizes, 1) if size * _M_PER_ARCSEC <= extent_m), len(sizes)
    )
    return ladder.cell_at(round(lat_deg * 1e7), round(lon_deg * 1e7), step)
