"""Agreements from a mirror folder alone: the whole record is checked and replayed, then the state computed.

Invariants: no network, nothing is written; a record with a fault gives no state; what was not checked is
told.

    >>> read_agreements(Path("us/mirror"), "ceasefire", "")
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from entente.cli.mirror_check import check_mirror
from entente.joint.dating import make_received
from entente.kernel.errors import NotFound, VerificationFailed
from entente.kernel.time import parse_utc
from entente.store.clock import SystemClock
from entente.terms import agreement as ag


def read_agreements(folder: Path, name: str, at: str) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the state of the agreement of this name, or of all, and what to note about it.

    Args:
        at: The moment in question; empty for this machine's clock.

    Raises:
        VerificationFailed: The record has a fault; `entente verify` names them all.
        NotFound: There is no mirror, or no such agreement.
    """
    if not folder.is_dir():
        raise NotFound("no-file", f"path {str(folder)!r}: expected a mirror folder, found none")
    report, audit = check_mirror(folder)
    if not report.is_sound:
        first = report.failures[0]
        raise VerificationFailed(
            first.code, f"record: expected a sound one, got {len(report.failures)} faults: {first.reason}"
        )
    now = parse_utc(at, path="--at") if at else SystemClock().now_utc()
    rows = audit.state.rows
    names = [name] if name else [row.id for row in rows.select(ag.AgreementRow)]
    received = make_received(rows)
    found = [msgspec.to_builtins(ag.describe_agreement(rows, one, now, received)) for one in names]
    standing = report.standing.name.lower() if report.standing is not None else "not judged"
    return found, [
        f"from {report.size} entries of {report.origin}, checked and replayed offline; {standing}",
        f"not checked: {report.unchecked[0]}",
    ]
