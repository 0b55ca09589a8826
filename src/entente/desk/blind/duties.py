"""What blind checks ask of a person at this desk, for the inbox.

Invariants: computed from the record each time; what the desk does by itself is not here.

    >>> list_blind_duties(rows, "us")
    [('skies', "ru proposes rules of blind checks 'skies': agree or refuse", 'ru')]
"""

from __future__ import annotations

from entente.blind.asking import AskRow
from entente.blind.rules import RulesRow
from entente.blind.zoom import ZoomRow, find_zoom
from entente.kernel.rows import Rows


def list_blind_duties(rows: Rows, party: str) -> list[tuple[str, str, str]]:
    """Return subject, words and whose doing it is, by subject."""
    found = [
        (row.id, f"{row.author} proposes rules of blind checks {row.id!r}: agree or refuse", row.author)
        for row in rows.select(RulesRow, state="proposed")
        if party in row.rules.parties and row.author != party
    ]
    for zoom in rows.select(ZoomRow):
        ask = rows.find(AskRow, zoom.ask)
        if zoom.party == party or ask is None or party not in {ask.asker, ask.responder}:
            continue
        if find_zoom(rows, zoom.ask, party) is None:
            about = f"question {ask.ask.number} of {ask.asker} under {ask.rules!r}"
            words = (
                f"{zoom.party} offers to show its parts inside the cells that met in {about}, if we show ours"
            )
            found.append((zoom.ask, words, zoom.party))
    return sorted(found)
