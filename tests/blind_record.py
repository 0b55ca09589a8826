"""What tests of blind checks say most often: rules, commitments and questions in a simulated record."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import numpy as np

from entente.blind.asking import AnswerAsk, Ask
from entente.blind.grid import GrainWire, GridWire
from entente.blind.group import Rows
from entente.blind.holding import AmendHolding, CommitHolding, Parcel
from entente.blind.match_records import JoinMatch, StartMatch
from entente.blind.outcome import TellOutcome, VerdictWord
from entente.blind.rules import AgreeRules, Allowance, BlindRules, hash_rules
from entente.blind.sizes import RunType
from entente.space import SeparationWire
from tests.unit.test_deconflict_simulator import RecordSimulator

STARTS = "2016-09-17T12:00:00Z"
"""An hour before the simulator's clock starts."""
GRID = GridWire(
    format="entente-grid-1",
    grains=(
        GrainWire(
            across_cm=5_000_000,
            bands_cm=(500_000,),
            bins_s=(86_400,),
            lasts_s=172_800,
            space_levels=(7, 9),
            thick_cm=0,
        ),
        GrainWire(
            across_cm=0, bands_cm=(100_000,), bins_s=(900,), lasts_s=0, space_levels=(9, 12), thick_cm=0
        ),
    ),
    highest_cm=2_000_000,
    lowest_cm=0,
    origin="2016-09-01T00:00:00Z",
    separation=SeparationWire(lateral_cm=100_000, vertical_cm=30_000, time_s=60),
    widened="a",
)
ALLOWANCE = Allowance(whole_cells=1_000, whole_runs=2, delta_cells=100, delta_runs=3, matches=2)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def seed(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def make_tokens(first: int, last: int) -> Rows:
    """Tokens number ``first`` up to ``last``, ascending; none is a canary."""
    made = np.zeros((max(0, last - first), 16), np.uint8)
    made[:, 12:] = np.arange(first, last, dtype=">u4").view(np.uint8).reshape(-1, 4)
    return made


def make_rules(**more: Any) -> BlindRules:
    rules = BlindRules(
        id="skies",
        parties=["ru", "us"],
        agreement="",
        grid=GRID,
        modes=["count", "exact", "yes-no"],
        starts=STARTS,
        epoch_h=24,
        epochs=30,
        allowance=ALLOWANCE,
        answer_min=30,
        auditor="un",
        audit_days=90,
    )
    return msgspec.structs.replace(rules, **more)


def make_parcel(name: str) -> Parcel:
    """A parcel to the center lies there as it is: both hashes are one."""
    return Parcel(digest(name), 1_000, digest(name))


class BlindRecord:
    """A record with rules in force between ``ru`` and ``us``, and their messages in a few words."""

    def __init__(self, rules: BlindRules | None = None, *, is_agreed: bool = True) -> None:
        self.record = RecordSimulator()
        self.rules = rules or make_rules()
        self.record.send(self.rules.parties[0], "blind.propose", self.rules)
        if is_agreed:
            body = AgreeRules(self.rules.id, hash_rules(self.rules))
            self.record.send(self.rules.parties[1], "blind.agree", body)
        self._parcels = 0

    @property
    def rows(self) -> Any:
        return self.record.host

    def parcel(self) -> Parcel:
        self._parcels += 1
        return make_parcel(f"parcel {self._parcels}")

    def commit(self, party: str, epoch: int = 0, **more: Any) -> str:
        body = CommitHolding(
            rules=self.rules.id,
            epoch=epoch,
            public_key=digest(f"key {party} {epoch}"),
            root=digest(f"root {party} {epoch}"),
            size=100,
            tags=self.parcel(),
        )
        return self.record.send(party, "blind.commit", msgspec.structs.replace(body, **more))

    def amend(self, party: str, number: int, epoch: int = 0, **more: Any) -> str:
        body = AmendHolding(
            rules=self.rules.id,
            epoch=epoch,
            number=number,
            root=digest(f"root {party} {epoch} {number}"),
            added=10,
            withdrawn=0,
            tags=self.parcel(),
        )
        return self.record.send(party, "blind.amend", msgspec.structs.replace(body, **more))

    @staticmethod
    def make_ask(party: str, own: str, others: str, number: int, run: RunType, **more: Any) -> Ask:
        """A question whose request is not made yet."""
        body = Ask(
            rules="skies",
            epoch=0,
            number=number,
            run=run,
            bucket=100 if run == "whole" else 20,
            own=own,
            others=others,
            asked=digest(f"root {party} 0"),
            seed=digest(f"seed {party} {number}"),
            swaps="",
            request=make_parcel("none yet"),
        )
        return msgspec.structs.replace(body, **more)

    def ask(
        self,
        party: str,
        own: str,
        others: str,
        number: int = 1,
        run: RunType = "whole",
        **more: Any,
    ) -> str:
        return self.send_ask(party, self.make_ask(party, own, others, number, run, **more), self.parcel())

    def send_ask(self, party: str, ask: Ask, request: Parcel) -> str:
        return self.record.send(party, "blind.ask", msgspec.structs.replace(ask, request=request))

    def answer(self, party: str, ask: str, reply: Parcel | None = None) -> str:
        return self.record.send(party, "blind.answer", AnswerAsk(ask, reply or self.parcel()), officers=())

    def tell(self, party: str, ask: str, verdict: VerdictWord, **more: Any) -> str:
        code = more.pop("code", "canary" if verdict == "INVALID" else "")
        body = TellOutcome(ask, verdict, code, "words")
        other = self.rules.get_other(party)
        return self.record.send(
            party, "blind.outcome", body, to=more.pop("to", (other,)), officers=(), **more
        )

    @staticmethod
    def make_match(own: str, bucket: int = 100, number: int = 1, **more: Any) -> StartMatch:
        """A run by way of the center whose list is not made yet."""
        none = make_parcel("none yet")
        body = StartMatch("skies", 0, number, "yes-no", own, bucket, none, none)
        return msgspec.structs.replace(body, **more)

    def match(self, party: str, own: str, number: int = 1, **more: Any) -> str:
        tags = more.pop("tags", None) or self.parcel()
        return self.send_match(party, self.make_match(own, number=number, **more), tags)

    def send_match(self, party: str, match: StartMatch, tags: Parcel, inside: str = "") -> str:
        secret = self.parcel()
        secret = msgspec.structs.replace(secret, inside=inside or secret.inside)
        body = msgspec.structs.replace(match, tags=tags, secret=secret)
        return self.record.send(party, "blind.match", body)

    def join(self, party: str, match: str, own: str, **more: Any) -> str:
        body = JoinMatch(match=match, own=own, bucket=100, tags=self.parcel())
        return self.record.send(party, "blind.join", msgspec.structs.replace(body, **more), officers=())
