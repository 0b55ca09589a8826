"""An agreement between parties in memory, over the real checks, with receipts and a clock moved by hand.

>>> scene = AgreementScene()
>>> scene.propose(); scene.sign_all()
>>> scene.state().phase
'in-force'
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import msgspec
import pytest

from entente.deconflict import find_receipt
from entente.deconflict.receipts import Deliver, Delivery
from entente.joint.audit import RecordAudit
from entente.joint.dating import make_received
from entente.kernel.errors import EntenteError
from entente.kernel.roster import OfficerWire
from entente.kernel.time import encode_utc, parse_utc
from entente.kernel.wire import WireStruct
from entente.terms import agreement as ag
from tests.parties import TEST_KINDS, CenterSimulator, PartySimulator

S = TypeVar("S", bound=WireStruct)
START: Final = parse_utc("2016-09-12T19:00:00Z")
AGENCIES: Final = {"us": ("pentagon", "state"), "ru": ("mod",), "un": ()}


def make_clock(name: str, kind: Any, **more: Any) -> ag.AgreedClock:
    plain: dict[str, Any] = {
        "says": f"clock {name}",
        "measure": "",
        "incident": "",
        "steps": [],
        "days": 0,
        "hours": 0,
    }
    return ag.AgreedClock(name, kind, **(plain | more))


SEVEN_DAYS: Final = make_clock(
    "seven-days", "days-without", measure="joint-center", incident="an attack", days=7
)
ROAD: Final = make_clock("road", "simultaneous", steps=["pull-back"], hours=24)
EXPIRY: Final = make_clock("expiry", "expiry", days=30)
NOTICE: Final = make_clock("notice", "withdrawal", hours=72)


def make_text(names: tuple[str, ...] = ("ru", "us"), **more: Any) -> ag.AgreementText:
    plain: dict[str, Any] = {
        "id": "ceasefire",
        "title": "Cessation of hostilities",
        "language": "en",
        "programme": "",
        "terms_sha256": "0" * 64,
        "parties": [ag.SigningParty(party, f"Party {party}") for party in names],
        "agencies": [
            ag.SigningAgency(agency, party, f"Agency {agency}")
            for agency, party in sorted((a, p) for p in names for a in AGENCIES[p])
        ],
        "measures": [
            ag.AgreedMeasure("ceasefire", "Nobody attacks", 1, "", []),
            ag.AgreedMeasure("joint-center", "A joint center opens", 1, "", []),
            ag.AgreedMeasure("pull-back", "Both pull back from the road", 2, "by 1000 m", []),
        ],
        "obligations": [ag.AgreedObligation("guard-road", "", "Convoys pass unharmed", "ru")],
        "clocks": [SEVEN_DAYS, ROAD, EXPIRY, NOTICE],
        "text": "",
    }
    return ag.AgreementText(**(plain | more))


class AgreementScene:
    """Parties, a center, one agreement; each desk reports delivery at once, unless it is silent."""

    def __init__(self, parties: tuple[str, ...] = ("ru", "us")) -> None:
        self.names = tuple(sorted(parties))
        self.parties = {name: PartySimulator(name) for name in self.names}
        for name, party in self.parties.items():
            party.officers = [
                OfficerWire(id="duty-1", name="Duty", roles=["duty"]),
                OfficerWire(id="duty-2", name="Deputy", roles=[]),
                *(OfficerWire(id=f"{agency}-1", name=agency, roles=[agency]) for agency in AGENCIES[name]),
            ]
        self.center = CenterSimulator(*self.parties.values())
        self.center.found()
        self.now = START
        self.silent: set[str] = set()
        self.lag = {name: timedelta(0) for name in self.names}
        self.text = make_text(self.names)
        self.undelivered: list[tuple[str, str]] = []

    @property
    def rows(self) -> Any:
        return self.center.rows

    def tick(self, *, days: float = 0, hours: float = 0, minutes: float = 0) -> None:
        self.now += timedelta(days=days, hours=hours, minutes=minutes)

    def send(
        self, author: str, kind: str, body: WireStruct, officer: str = "duty-1", at: str | None = None
    ) -> str:
        """Record a message, or raise what refused it; then every desk that is not silent reports it."""
        signed = self.parties[author].write(
            kind, body, self.center.seen(), officers=[officer], at=at or encode_utc(self.now)
        )
        self.center.submit(signed)
        self.undelivered += [(signed.leaf, name) for name in self.names if name != author]
        self.deliver()
        return signed.leaf

    def deliver(self) -> None:
        """Let each desk that is not silent report what it has not reported yet."""
        for name in self.names:
            leaves = [leaf for leaf, party in self.undelivered if party == name and self._is_owed(leaf, name)]
            if name in self.silent or not leaves:
                continue
            body = Deliver([Delivery(leaf, "readable", "") for leaf in sorted(leaves)])
            at = encode_utc(self.now + self.lag[name])
            self.center.submit(self.parties[name].write("receipt.deliver", body, self.center.seen(), at=at))
            self.undelivered = [one for one in self.undelivered if one[1] != name]

    def _is_owed(self, leaf: str, name: str) -> bool:
        return find_receipt(self.rows, leaf, name) is not None

    # What the tests say most often

    def propose(self, author: str = "us", text: ag.AgreementText | None = None) -> str:
        leaf = self.send(author, "agreement.propose", ag.ProposeAgreement(text or self.text))
        self.text = text or self.text
        return leaf

    def sign(self, party: str, agency: str = "", *, officer: str = "", sha256: str = "", **more: Any) -> str:
        body = ag.SignAgreement(self.text.id, sha256 or ag.hash_text(self.text), agency)
        officer = officer or (f"{agency}-1" if agency else "duty-1")
        return self.send(party, "agreement.sign", body, officer, **more)

    def refuse(self, party: str, agency: str = "", *, reason: str = "no", officer: str = "") -> str:
        body = ag.RefuseAgreement(self.text.id, ag.hash_text(self.text), agency, reason)
        return self.send(party, "agreement.refuse", body, officer or (f"{agency}-1" if agency else "duty-1"))

    def sign_all(self) -> None:
        for one in ag.list_signatories(self.text):
            self.sign(one.party, one.agency)

    def in_force(self) -> AgreementScene:
        self.propose()
        self.sign_all()
        return self

    def incident(
        self, party: str = "us", *, happened: datetime | None = None, clock: str = "seven-days", **more: Any
    ) -> str:
        body = ag.ReportIncident(self.text.id, clock, encode_utc(happened or self.now), "an attack")
        return self.send(party, "agreement.incident", body, **more)

    def reset(self, incident: str, party: str = "us") -> str:
        return self.send(party, "agreement.reset", ag.MoveReset(incident, "a serious violation"))

    def extend(self, days: int = 30, party: str = "us") -> str:
        return self.send(party, "agreement.extend", ag.MoveExtension(self.text.id, days, "it works"))

    def consent(
        self, motion: str, party: str, agency: str = "", *, word: Any = "yes", officer: str = ""
    ) -> str:
        body = ag.Consent(motion, agency, word, "")
        return self.send(party, "agreement.consent", body, officer or (f"{agency}-1" if agency else "duty-1"))

    def consent_all(self, motion: str) -> None:
        for one in ag.list_signatories(self.text):
            self.consent(motion, one.party, one.agency)

    def step(self, party: str, step: Any, clock: str = "road", **more: Any) -> str:
        return self.send(party, "agreement.step", ag.TakeStep(self.text.id, clock, step, ""), **more)

    def suspend(self, party: str) -> str:
        return self.send(party, "agreement.suspend", ag.SuspendAgreement(self.text.id, "a breach"))

    def resume(self, party: str) -> str:
        return self.send(party, "agreement.resume", ag.ResumeAgreement(self.text.id, ""))

    def withdraw(self, party: str, **more: Any) -> str:
        body = ag.WithdrawAgreement(self.text.id, "no trust left")
        return self.send(party, "agreement.withdraw", body, **more)

    def state(self, at: datetime | None = None) -> ag.AgreementView:
        return ag.describe_agreement(self.rows, self.text.id, at or self.now, make_received(self.rows))

    def clock(self, name: str, at: datetime | None = None) -> Any:
        return next(one for one in self.state(at).clocks if one.id == name)

    def measure(self, name: str, at: datetime | None = None) -> Any:
        return next(one for one in self.state(at).measures if one.id == name)

    def audit(self) -> ag.AgreementView:
        """The state as an auditor computes it, from the entries' bytes alone."""
        audit = RecordAudit(TEST_KINDS)
        for index, data in enumerate(self.center.entries):
            audit.feed(index, data)
        assert audit.failures == []
        rows = audit.state.rows
        return ag.describe_agreement(rows, self.text.id, self.now, make_received(rows))


@contextmanager
def refused(code: str, *parts: str) -> Iterator[None]:
    """What follows is refused with this code, and the message says these parts."""
    with pytest.raises(EntenteError) as caught:
        yield
    assert caught.value.code == code, caught.value
    for part in parts:
        assert part in caught.value.message, (part, caught.value.message)


def change(value: S, **more: Any) -> S:
    return msgspec.structs.replace(value, **more)
