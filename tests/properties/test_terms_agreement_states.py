"""Agreements in any order, with liars: never in force without every signature, no clock moved without all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from entente.kernel.errors import EntenteError
from entente.kernel.time import encode_utc, parse_utc
from entente.terms import agreement as ag
from tests.agreement_scene import AGENCIES, AgreementScene, change

parties = st.sampled_from(("ru", "us"))
agencies = st.sampled_from(("", "mod", "pentagon", "state"))
officers = st.sampled_from(("duty-1", "mod-1", "pentagon-1", "state-1"))
words = st.sampled_from(("yes", "no"))
picks = st.integers(0, 9)
EVERYONE = {(party, agency) for party in ("ru", "us") for agency in ("", *AGENCIES[party])}


def may_speak(party: str, agency: str, officer: str) -> bool:
    own = {"duty-1", *(f"{name}-1" for name in AGENCIES[party])}
    return (party, agency) in EVERYONE and officer in own and (not agency or officer == f"{agency}-1")


class Agreements(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.scene = AgreementScene()
        self.other = ag.hash_text(change(self.scene.text, title="Other bytes"))
        self.scene.propose()
        self.yes: set[tuple[str, str]] = set()
        self.incidents: list[str] = []
        self.motions: list[str] = []
        self.carried: dict[str, set[tuple[str, str]]] = {}
        self.was_signed = False

    def attempt(self, party: str, kind: str, body: Any, officer: str = "duty-1", back: int = 0) -> str:
        at = encode_utc(self.scene.now - timedelta(hours=back))
        try:
            return self.scene.send(party, kind, body, officer, at=at)
        except EntenteError:
            return ""

    @rule(party=parties, agency=agencies, officer=officers, is_true=st.booleans())
    def sign(self, party: str, agency: str, officer: str, is_true: bool) -> None:
        sha256 = ag.hash_text(self.scene.text) if is_true else self.other
        body = ag.SignAgreement("ceasefire", sha256, agency)
        if self.attempt(party, "agreement.sign", body, officer):
            assert is_true
            assert may_speak(party, agency, officer)
            self.yes.add((party, agency))

    @rule(who=st.sampled_from(sorted(EVERYONE)))
    def sign_honestly(self, who: tuple[str, str]) -> None:
        party, agency = who
        self.sign(party, agency, f"{agency}-1" if agency else "duty-1", is_true=True)

    @rule(party=parties, agency=agencies, officer=officers)
    def refuse(self, party: str, agency: str, officer: str) -> None:
        body = ag.RefuseAgreement("ceasefire", ag.hash_text(self.scene.text), agency, "no")
        if self.attempt(party, "agreement.refuse", body, officer):
            assert may_speak(party, agency, officer)
            assert self.yes != EVERYONE
            self.yes.discard((party, agency))

    @rule(party=parties)
    def propose_again(self, party: str) -> None:
        text = change(self.scene.text, title="Something else")
        assert not self.attempt(party, "agreement.propose", ag.ProposeAgreement(text))

    @rule(party=parties, ago=st.integers(0, 300), back=st.integers(0, 300))
    def report(self, party: str, ago: int, back: int) -> None:
        happened = encode_utc(self.scene.now - timedelta(hours=ago))
        body = ag.ReportIncident("ceasefire", "seven-days", happened, "an attack")
        leaf = self.attempt(party, "agreement.incident", body, back=back)
        if leaf:
            assert self.yes == EVERYONE
            assert back <= ago
            self.incidents.append(leaf)

    @rule(party=parties, pick=picks)
    def reset(self, party: str, pick: int) -> None:
        if self.incidents:
            body = ag.MoveReset(self.incidents[pick % len(self.incidents)], "")
            self._keep(self.attempt(party, "agreement.reset", body))

    @rule(party=parties, days=st.integers(1, 90))
    def extend(self, party: str, days: int) -> None:
        self._keep(self.attempt(party, "agreement.extend", ag.MoveExtension("ceasefire", days, "")))

    def _keep(self, leaf: str) -> None:
        if leaf:
            assert self.yes == EVERYONE
            self.motions.append(leaf)
            self.carried[leaf] = set()

    @rule(party=parties, agency=agencies, officer=officers, word=words, pick=picks)
    def consent(self, party: str, agency: str, officer: str, word: Any, pick: int) -> None:
        if self.motions:
            leaf = self.motions[pick % len(self.motions)]
            if self.attempt(party, "agreement.consent", ag.Consent(leaf, agency, word, ""), officer):
                assert may_speak(party, agency, officer)
                assert self.carried[leaf] != EVERYONE
                said = self.carried[leaf]
                said.add((party, agency)) if word == "yes" else said.discard((party, agency))

    @rule(pick=picks)
    def carry(self, pick: int) -> None:
        for party, agency in sorted(EVERYONE):
            self.consent(party, agency, f"{agency}-1" if agency else "duty-1", "yes", pick)

    @rule(party=parties, hours=st.integers(1, 80), is_silent=st.booleans())
    def wait(self, party: str, hours: int, is_silent: bool) -> None:
        self.scene.silent = {party} if is_silent else set()
        self.scene.tick(hours=hours)
        self.scene.deliver()

    @invariant()
    def in_force_only_with_every_signature(self) -> None:
        phase = self.scene.state().phase
        assert (phase in {"signed", "in-force", "ended"}) is (self.yes == EVERYONE)
        assert not self.was_signed or self.yes == EVERYONE
        self.was_signed = self.yes == EVERYONE

    @invariant()
    def nothing_moves_without_every_consent(self) -> None:
        view = self.scene.state()
        rows = {leaf: self.scene.rows.find(ag.MotionRow, leaf) for leaf in self.motions}
        carried = [rows[leaf] for leaf in self.motions if self.carried[leaf] == EVERYONE]
        for motion in view.motions:
            is_carried = self.carried[motion.message] == EVERYONE
            assert is_carried or motion.state in {"open", "denied"}
        if view.since:
            starts = {view.since, *(one.happened for one in carried if one.motion == "reset")}
            assert self.scene.clock("seven-days").start in starts
            days = 30 + sum(one.days for one in carried if one.motion == "extend")
            assert parse_utc(view.ends) <= parse_utc(view.since) + timedelta(days=days)

    def teardown(self) -> None:
        assert self.scene.audit() == self.scene.state()


TestAgreements = Agreements.TestCase
TestAgreements.settings = settings(max_examples=15, stateful_step_count=30)
