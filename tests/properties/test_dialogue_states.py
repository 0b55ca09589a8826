"""Readouts and threads in any order: nobody signed who did not, and what was settled stays as it was."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from entente.dialogue import (
    READOUT_TYPE,
    About,
    DissentReadout,
    ProposeReadout,
    Readout,
    ReadoutRow,
    Say,
    SayRow,
    Settlement,
    SettleReadout,
    SignReadout,
    ThreadRow,
    Translate,
    TranslationRow,
    encode_readout,
    export_readout,
    find_thread,
    get_standing,
    hash_readout,
    plan_settlements,
)
from entente.kernel.envelope import encode_pae, verify_envelope
from entente.kernel.errors import EntenteError
from entente.kernel.time import encode_utc
from entente.kernel.wire import WireStruct, encode_base64
from tests.unit.test_deconflict_simulator import PARTIES, RULES, RecordSimulator

parties = st.sampled_from(PARTIES)
names = st.sampled_from(("call-1", "call-2"))
texts = st.sampled_from(("we agreed", "we did not"))
audiences = st.sampled_from(((), ("ru",), ("us",)))


def make_readout(name: str, text: str) -> Readout:
    among = ["ru", "us"] if name == "call-1" else list(PARTIES)
    return Readout(name, "Call", "2016-09-17T12:30:00Z", among, text, "en")


class Dialogue(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.record = RecordSimulator(desks=("ru", "us"))
        self.signed: set[tuple[str, str]] = set()
        self.dissented: set[tuple[str, str]] = set()
        self.settled: dict[str, Settlement] = {}
        self.says: list[str] = []

    def attempt(self, author: str, kind: str, body: WireStruct, to: tuple[str, ...] = ()) -> str | None:
        try:
            return self.record.send(author, kind, body, to=[party for party in to if party != author])
        except EntenteError:
            return None

    def sign(self, party: str, readout: Readout) -> str:
        key = self.record.keys[party]
        return encode_base64(key.sign(encode_pae(READOUT_TYPE, encode_readout(readout))))

    @rule(party=parties, signer=parties, name=names, text=texts)
    def propose(self, party: str, signer: str, name: str, text: str) -> None:
        readout = make_readout(name, text)
        body = ProposeReadout(readout, self.sign(signer, readout))
        if self.attempt(party, "readout.propose", body) is not None:
            assert signer == party
            self.signed.add((name, party))

    @rule(party=parties, signer=parties, name=names, text=texts)
    def answer_yes(self, party: str, signer: str, name: str, text: str) -> None:
        readout = make_readout(name, text)
        body = SignReadout(name, hash_readout(readout), self.sign(signer, readout))
        if self.attempt(party, "readout.sign", body) is not None:
            assert signer == party
            self.signed.add((name, party))

    @rule(party=parties, name=names, text=texts)
    def answer_no(self, party: str, name: str, text: str) -> None:
        body = DissentReadout(name, hash_readout(make_readout(name, text)), "no")
        if self.attempt(party, "readout.dissent", body) is not None:
            self.dissented.add((name, party))

    @rule(minutes=st.integers(1, 70))
    def tick(self, minutes: int) -> None:
        self.record.tick(minutes=minutes)

    @rule()
    def settle(self) -> None:
        for kind, body in plan_settlements(self.record.host, self.record.now, self.record.recorded_utc):
            self.record.send("center", kind, body)
        assert plan_settlements(self.record.host, self.record.now, self.record.recorded_utc) == []

    @rule(name=names, silent=st.sets(parties), waited_s=st.sampled_from((0, 3600)))
    def lie_as_center(self, name: str, silent: set[str], waited_s: int) -> None:
        row = self.record.host.find(ReadoutRow, name)
        recorded = self.record.recorded[row.message] if row else self.record.now
        signed = sorted(set(make_readout(name, "").parties) - silent)
        body = SettleReadout(name, signed, [], sorted(silent), encode_utc(recorded), waited_s)
        if self.attempt("center", "readout.settle", body) is not None:
            assert {(name, party) for party in signed} <= self.signed
            waited = (self.record.now - recorded).total_seconds()
            assert not silent or waited >= RULES.readout_minutes * 60

    @rule(party=parties, to=audiences, language=st.sampled_from(("en", "ru")), data=st.data())
    def say(self, party: str, to: tuple[str, ...], language: str, data: st.DataObject) -> None:
        reply_to = data.draw(st.sampled_from([None, *self.says]))
        leaf = self.attempt(
            party, "thread.say", Say("t", About("none", ""), "text", language, False, reply_to), to
        )
        if leaf is not None:
            self.says.append(leaf)

    @rule(party=parties, to=audiences, data=st.data())
    def translate(self, party: str, to: tuple[str, ...], data: st.DataObject) -> None:
        leaf = data.draw(st.sampled_from([*self.says, "0" * 64]))
        self.attempt(party, "thread.translate", Translate(leaf, "en", "text", "machine"), to)

    @invariant()
    def nobody_signed_or_dissented_who_did_not(self) -> None:
        for row in self.record.host.select(ReadoutRow):
            standing = get_standing(row)
            assert {(row.id, party) for party in standing.signed} == {
                s for s in self.signed if s[0] == row.id
            }
            assert {(row.id, party) for party in standing.dissented} == {
                d for d in self.dissented if d[0] == row.id
            }
            everyone = [*standing.signed, *standing.dissented, *standing.silent]
            assert sorted(everyone) == row.readout.parties

    @invariant()
    def what_was_settled_stays(self) -> None:
        for row in self.record.host.select(ReadoutRow):
            if row.settlement is not None:
                assert self.settled.setdefault(row.id, row.settlement) == row.settlement
                late = {answer.party for answer in row.answers if answer.is_late}
                assert late <= set(row.settlement.silent)

    @invariant()
    def every_export_verifies(self) -> None:
        keys = {key.public.key_id: key.public for key in self.record.keys.values()}
        for row in self.record.host.select(ReadoutRow):
            signers = verify_envelope(
                export_readout(self.record.host, row.id), keys.get, payload_type=READOUT_TYPE
            )
            assert {key_id.partition("/")[0] for key_id in signers} == {
                p for n, p in self.signed if n == row.id
            }

    @invariant()
    def translations_stay_in_the_audience_of_their_original(self) -> None:
        for view in self.record.views.values():
            for row in view.rows.select(TranslationRow):
                original = view.rows.find(SayRow, row.message)
                assert original is not None
                assert original.language != row.language
            for thread in view.rows.select(ThreadRow):
                said = find_thread(view.rows, thread.thread)
                assert len(said) == thread.messages
                assert all(not thread.to or one.original.author in thread.to for one in said)


TestDialogue = Dialogue.TestCase
TestDialogue.settings = settings(max_examples=20, stateful_step_count=30)
