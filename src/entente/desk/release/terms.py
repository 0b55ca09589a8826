"""Rules of release with a partner, at a desk: proposed, agreed, ended, and how giving and receiving stand.

Invariants: those of `entente.desk.speaking`; what was given and received is counted from the record's items
alone, so that both sides count the same.

It decides no release: see `policy`.

    >>> list_rules(desk, ReleaseRulesRequest())
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from entente.desk.release import answers as told
from entente.desk.release import requests as ask
from entente.desk.release.giving import count_items
from entente.desk.speaking import Said, put
from entente.kernel.errors import Denied, Malformed
from entente.kernel.rows import get_row
from entente.release.rules import (
    RELEASE_AGREE,
    RELEASE_END,
    RELEASE_PROPOSE,
    AgreeRelease,
    EndRelease,
    ReleaseRules,
    ReleaseRulesRow,
    judge_contribution,
)
from entente.terms.words.text import clean_text

if TYPE_CHECKING:
    from entente.desk.assembly import Desk


def propose(desk: Desk, request: ask.ReleaseProposeRequest) -> Said:
    """Propose rules to another party."""
    parties = sorted({desk.party, request.partner})
    if len(parties) != 2:
        raise Malformed("bad-partner", f"partner: expected another party, got {request.partner!r}")
    body = ReleaseRules(
        id=request.id,
        parties=parties,
        agreement=request.agreement,
        purposes=sorted(set(request.purposes)),
        contribution=request.contribution,
        until=request.until or None,
    )
    return put(desk, request, RELEASE_PROPOSE.name, body)


def agree(desk: Desk, request: ask.ReleaseAgreeRequest) -> Said:
    """Put proposed rules in force."""
    row = get_row(desk.rows, ReleaseRulesRow, request.id, what="rules")
    if request.sha256 and request.sha256 != row.sha256:
        raise Denied("other-bytes", f"rules {row.id!r}: expected {request.sha256}, got {row.sha256}")
    return put(desk, request, RELEASE_AGREE.name, AgreeRelease(row.id, row.sha256))


def end(desk: Desk, request: ask.ReleaseEndRequest) -> Said:
    """Turn proposed rules down, or end those in force."""
    return put(desk, request, RELEASE_END.name, EndRelease(request.id, request.reason))


def list_rules(desk: Desk, _request: ask.ReleaseRulesRequest) -> list[told.ReleaseRulesAnswer]:
    """Return the rules that bind us, and those that are proposed."""
    now, found = desk.clock.now_utc(), []
    for row in desk.rows.select(ReleaseRulesRow):
        if desk.party not in row.rules.parties:
            continue
        (partner,) = (party for party in row.rules.parties if party != desk.party)
        given, received = count_items(desk.rows, desk.party, partner)
        judged = judge_contribution(row.rules, given, received, now)
        words = "the next item may be given" if judged.is_allowed else "; ".join(judged.reasons)
        if row.state != "agreed":
            words = clean_text(row.reason)
        wanted = row.rules.contribution
        found.append(
            told.ReleaseRulesAnswer(
                id=row.id,
                partner=partner,
                state=row.state,
                proposed_by=row.author,
                sha256=row.sha256,
                purposes=row.rules.purposes,
                contribution=None if wanted is None else msgspec.to_builtins(wanted),
                until=row.rules.until or "",
                given=len(given),
                received=len(received),
                words=words,
            )
        )
    return found
