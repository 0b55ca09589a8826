"""Looking into the ledger: who has learned what, by what; and whether the ledger follows from its ground.

Invariants: an answer is read from counters and beliefs that were written with each charge, so that it takes
as long with a million releases as with ten (`bench/release_ledger.py`); chances are shown in percent, never
smaller than they are; which hypothesis is true is in no answer.

It changes nothing.

    >>> accounts.look(ReleaseLedgerRequest(secret="post-site", recipient="ru")).learned[0].chance_percent
    25.0
"""

from __future__ import annotations

import math
import sqlite3
from typing import Final

import numpy as np

from entente.deconflict.receipts import ReceiptRow
from entente.desk.release import answers as told
from entente.desk.release import requests as ask
from entente.desk.release.ledger import ReleaseLedger, list_sources
from entente.desk.release.parts import ReleaseParts
from entente.kernel.errors import NotFound, StoreError
from entente.release.exposure.belief import Belief
from entente.release.exposure.pools import Exposure, Pool, Stake, measure
from entente.release.exposure.words import say_chance, say_standing
from entente.release.item import RELEASE_ITEM
from entente.release.onward import RELEASE_GRANT
from entente.release.source.secret import Secret
from entente.release.variant.kept import parse_shape
from entente.release.variant.shape import Shape, meet

MAX_TRAFFIC: Final = 500
_CLOSE: Final = 1e-6
_NEWEST: Final = 2**62
_CHARGES: Final = (
    "SELECT release_charges.*, report, release_plans.leaf AS sent FROM release_charges"
    " LEFT JOIN release_items ON release_items.item = release_charges.item"
    " LEFT JOIN release_plans ON release_plans.id = release_charges.plan"
    " WHERE release_charges.id < ? /* and */ ORDER BY release_charges.id DESC LIMIT ?"
)


class ReleaseAccounts:
    """The ledger of one desk, looked at. Safe from several threads."""

    def __init__(self, parts: ReleaseParts, ledger: ReleaseLedger) -> None:
        self._parts = parts
        self._ledger = ledger

    def look(self, request: ask.ReleaseLedgerRequest) -> told.LedgerAnswer:
        """Return what was learned, the newest charges, and how much went to whom at all."""
        learned = self._list_learned(request)
        charges = self._list_charges(request) if request.limit else []
        before = charges[-1].id if len(charges) == request.limit and charges else 0
        return told.LedgerAnswer(learned, charges, self._list_traffic(request.recipient), before)

    def _list_learned(self, request: ask.ReleaseLedgerRequest) -> list[told.LearnedAnswer]:
        _, catalogue = self._parts.library.get_catalogue()
        pools = {pool.name: pool for pool in self._ledger.list_pools()}
        values = (request.secret, request.pool)
        tallies: dict[tuple[str, str], dict[str, int]] = {}
        last: dict[tuple[str, str], str] = {}
        for row in self._parts.book.read(
            "SELECT * FROM release_tallies WHERE (secret = ?1 OR ?1 = '') AND (pool = ?2 OR ?2 = '')", values
        ):
            name = (row["secret"], row["pool"])
            tallies.setdefault(name, {})[row["theatre"]] = row["releases"]
            last[name] = max(last.get(name, ""), row["last_at"])
        rows = self._parts.book.read(
            "SELECT secret, pool, releases, prior, chance, bits, at FROM release_beliefs"
            " WHERE (secret = ?1 OR ?1 = '') AND (pool = ?2 OR ?2 = '') ORDER BY secret, pool",
            values,
        )
        found = []
        for row in rows:
            name = (row["secret"], row["pool"])
            pool, secret = pools.get(row["pool"]), catalogue.secret.get(row["secret"])
            if pool is None or secret is None:
                continue  # closed, or of another center
            if request.recipient and request.recipient not in pool.members:
                continue
            if request.theatre and request.theatre not in tallies.get(name, {}):
                continue
            found.append(self._show_learned(row, pool, secret, tallies.get(name, {}), last.get(name, "")))
        return found

    def _show_learned(
        self, row: sqlite3.Row, pool: Pool, secret: Secret, theatres: dict[str, int], last: str
    ) -> told.LearnedAnswer:
        budget = self._get_limit(secret, pool)
        chance, prior = row["chance"], row["prior"]
        standing = Exposure(secret.id, pool.name, prior, chance, chance, chance, budget, row["bits"], 0.0, "")
        words = f"{say_standing(standing, secret)}; the budget of {pool.name} is {say_chance(budget)}"
        return told.LearnedAnswer(
            secret=secret.id,
            about=secret.about,
            pool=pool.name,
            members=sorted(pool.members),
            releases=row["releases"],
            theatres=theatres,
            prior_percent=show_percent(row["prior"]),
            chance_percent=show_percent(row["chance"]),
            budget_percent=show_percent(budget),
            bits=round(row["bits"], 6),
            last_at=last or row["at"],
            words=words,
        )

    def _get_limit(self, secret: Secret, pool: Pool) -> float:
        version, catalogue = self._parts.library.get_catalogue()
        return self._ledger.get_hypotheses(version, catalogue, secret.id, "").limit_of(pool.name)

    def _list_charges(self, request: ask.ReleaseLedgerRequest) -> list[told.ChargeAnswer]:
        # A recipient alone is a pool too: what it was given is what that pool was charged.
        pool = request.pool or request.recipient
        wanted = {
            "release_charges.secret": request.secret,
            "release_charges.pool": pool,
            "release_charges.theatre": request.theatre,
        }
        given = {name: value for name, value in wanted.items() if value}
        clause = "".join(f" AND {name} = ?" for name in given)
        rows = self._parts.book.read(
            _CHARGES.replace("/* and */", clause),
            (request.before or _NEWEST, *given.values(), request.limit),
        )
        return [_show_charge(row) for row in rows]

    def _list_traffic(self, recipient: str) -> list[told.TrafficAnswer]:
        rows = self._parts.book.read(
            "SELECT * FROM exposure_counts WHERE recipient = ?1 OR ?1 = '' ORDER BY recipient, kind LIMIT ?2",
            (recipient, MAX_TRAFFIC),
        )
        return [told.TrafficAnswer(**dict(row)) for row in rows]

    # History

    def get_belief(self, request: ask.ReleaseBeliefRequest) -> told.BeliefAnswer:
        """Return what a pool may believe about a secret, release by release, the oldest first.

        Raises:
            NotFound: No such secret in the catalogue, or pool.
        """
        version, catalogue = self._parts.library.get_catalogue()
        secret = catalogue.secret.get(request.secret)
        pool = next((one for one in self._ledger.list_pools() if one.name == request.pool), None)
        if secret is None or pool is None:
            raise NotFound(
                "no-belief", f"belief: expected a secret and a pool, got {request.secret!r}, {request.pool!r}"
            )
        plain = self._ledger.get_hypotheses(version, catalogue, secret.id, "")
        belief, known, steps = Belief.start(plain), dict[str, Shape](), list[told.BeliefStep]()
        for row in self._list_steps(secret.id, pool):
            source = row["source"]
            hypotheses = self._ledger.get_hypotheses(version, catalogue, secret.id, source)
            shape = parse_shape(bytes(row["shape"]))
            old = known.get(row["item"])
            new = shape if old is None else meet(old, shape, self._parts.ladder)
            if new is None:
                raise StoreError("bad-given", f"item {row['item'][:12]}: expected shapes that agree")
            row_new = hypotheses.row(new)
            if new != old and row_new.any():
                belief = belief.updated(None if old is None else hypotheses.row(old), row_new)
            known[row["item"]] = new
            steps.append(
                told.BeliefStep(
                    at=row["at"],
                    recipient=row["recipient"],
                    theatre=row["theatre"],
                    report=row["report"] or "",
                    leaf=row["leaf"] or "",
                    chance_percent=show_percent(plain.gain.worth(belief.posterior)),
                    posterior=[float(one) for one in np.round(belief.posterior, 9)],
                )
            )
        return told.BeliefAnswer(
            secret=secret.id,
            about=secret.about,
            pool=pool.name,
            gain=_say_gain(secret),
            prior_percent=show_percent(plain.before),
            budget_percent=show_percent(plain.limit_of(pool.name)),
            hypotheses=[
                told.HypothesisAnswer(one.id, one.words, float(prior))
                for one, prior in zip(secret.hypotheses, plain.prior, strict=True)
            ],
            steps=steps[-request.limit :],
        )

    def _list_steps(self, secret: str, pool: Pool) -> list[sqlite3.Row]:
        """Return everything that concerns a secret and was given to a pool's members, the oldest first."""
        _, catalogue = self._parts.library.get_catalogue()
        rows = [
            row
            for source in list_sources(catalogue, secret)
            for row in self._parts.book.read(
                "SELECT given.*, report, release_plans.leaf FROM release_given AS given"
                " LEFT JOIN release_items ON release_items.item = given.item"
                " LEFT JOIN release_plans ON release_plans.id = given.plan WHERE given.source = ?",
                (source,),
            )
            if row["recipient"] in pool.members
        ]
        return sorted(rows, key=lambda row: (row["at"], row["plan"] or 0, row["item"], row["recipient"]))

    # Ground

    def check(self) -> told.ReleaseCheckAnswer:
        """Compare every belief with what follows from what was given, and every charge with its plan."""
        faults: list[str] = []
        _, catalogue = self._parts.library.get_catalogue()
        pools = {pool.name: pool for pool in self._ledger.list_pools()}
        rows = self._parts.book.read("SELECT secret, pool, chance FROM release_beliefs ORDER BY secret, pool")
        for row in rows:
            pool = pools.get(row["pool"])
            if pool is None or row["secret"] not in catalogue.secret:
                continue
            faults += self._check_belief(row["secret"], pool, row["chance"])
        for row in self._parts.book.read(
            "SELECT id FROM release_plans WHERE is_charged = 1 AND body IS NOT NULL AND json_extract(data,"
            " '$.action') = 'release' AND NOT EXISTS (SELECT 1 FROM release_given WHERE"
            " release_given.item = release_plans.item AND release_given.recipient = release_plans.recipient"
            " AND release_given.version = release_plans.version)"
        ):
            faults.append(f"plan {row['id']}: is sent, and what was given is not in the ledger")
        faults += self._list_unaccounted()
        count = self._parts.book.read_one("SELECT count(*) AS n FROM release_charges")
        return told.ReleaseCheckAnswer(
            is_sound=not faults,
            secrets=len({row["secret"] for row in rows}),
            pools=len({row["pool"] for row in rows}),
            charges=0 if count is None else int(count["n"]),
            faults=faults,
        )

    def _list_unaccounted(self) -> list[str]:
        """Return what the record holds of our items and grants that was not sent from this book.

        SECURITY: a book that was restored from an older copy has forgotten charges, the record has not
        (tests/protocol/test_desk_release_attacks.py, test_a_book_of_yesterday_is_not_called_sound).
        """
        known = {
            row["leaf"]
            for row in self._parts.book.read(
                "SELECT leaf FROM outbox WHERE kind IN (?, ?)", (RELEASE_ITEM.name, RELEASE_GRANT.name)
            )
        }
        # Of what we sent without this book nothing can be read but the receipt that is owed for it.
        return [
            f"{row.kind} {row.message[:12]} to {row.party}: is ours in the record, and this book knows "
            "nothing of it: what it taught is in no account; restore the newest copy of the book"
            for row in self._parts.rows.select(ReceiptRow, author=self._parts.party)
            if row.kind in {RELEASE_ITEM.name, RELEASE_GRANT.name} and row.message not in known
        ]

    def _check_belief(self, secret: str, pool: Pool, chance: float) -> list[str]:
        version, catalogue = self._parts.library.get_catalogue()
        hypotheses = self._ledger.get_hypotheses(version, catalogue, secret, "")
        what = f"what {pool.name} knows of {secret!r}"
        rebuilt = self._ledger.rebuild(secret, pool)
        try:
            held = self._ledger.find_belief(secret, pool)
        except StoreError as error:
            return [error.message]
        faults = []
        if not np.allclose(held.posterior, rebuilt.posterior, atol=_CLOSE):
            faults.append(f"{what}: is not what follows from what was given")
        if abs(measure(Stake(pool, hypotheses, held)).chance_after - chance) > _CLOSE:
            faults.append(f"{what}: its chance is not that of its belief")
        return faults


def show_percent(chance: float) -> float:
    """Return a chance in percent with two places, rounded up."""
    return min(100.0, math.ceil(round(chance * 10_000, 4)) / 100)


def _show_charge(row: sqlite3.Row) -> told.ChargeAnswer:
    return told.ChargeAnswer(
        id=row["id"],
        secret=row["secret"],
        pool=row["pool"],
        recipient=row["recipient"],
        theatre=row["theatre"],
        report=row["report"] or "",
        plan=row["plan"],
        leaf=row["sent"] or row["leaf"],
        before_percent=show_percent(row["before_chance"]),
        after_percent=show_percent(row["after_chance"]),
        worst_percent=show_percent(row["worst_chance"]),
        bits=round(row["bits"], 6),
        at=row["at"],
    )


def _say_gain(secret: Secret) -> str:
    number = secret.gain.number
    return {
        "exact": "a guess counts when it is the right one",
        "within-km": f"a guess counts when it is within {number} km of the right one",
        "tries": f"a guess counts when the right one is among {number} tries",
        "matrix": "a guess counts as the secret's own table says",
    }[secret.gain.kind]
