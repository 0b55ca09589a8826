"""Logs that lie to several witnesses at once: whatever they try, no two histories ever both become firm."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from entente.kernel.errors import Fork
from entente.kernel.ids import PartyID
from entente.record import (
    Cosignature,
    Cosigned,
    Standing,
    Tree,
    VerifiedCheckpoint,
    WitnessState,
    decide_standing,
    encode_add_checkpoint,
    leaf_hash,
    parse_add_checkpoint,
    parse_witness_answer,
    process_add_checkpoint,
    verify_checkpoint,
    verify_consistency,
    verify_fork,
    verify_witness_answer,
)
from tests.unit.test_record_samples import LOG, NOW_S, ORIGIN, WITNESSES, sign_tree

PARTIES = {PartyID(name): WITNESSES[name] for name in ("us", "ru", "un", "icrc")}
BRANCHES = st.integers(0, 2)
MAX_SIZE = 24


class LyingLog(RuleBasedStateMachine):
    """A host that holds the log's key and keeps three histories; four honest witnesses."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = [Tree(), Tree(), Tree()]
        self.states: dict[PartyID, WitnessState | None] = dict.fromkeys(PARTIES)
        self.cosigned: dict[tuple[int, bytes], list[tuple[VerifiedCheckpoint, Cosignature]]] = {}
        self.last: dict[PartyID, VerifiedCheckpoint] = {}
        self.now_s = NOW_S

    @rule(branch=BRANCHES, text=st.integers(0, 1))
    def append(self, branch: int, text: int) -> None:
        if self.branches[branch].size < MAX_SIZE:
            self.branches[branch].append(leaf_hash(bytes((text,))))

    @rule(step_s=st.integers(-10_000, 10_000))
    def turn_the_clock(self, step_s: int) -> None:
        self.now_s += step_s

    @rule(party=st.sampled_from(tuple(PARTIES)), branch=BRANCHES, data=st.data())
    def ask(self, party: PartyID, branch: int, data: st.DataObject) -> None:
        tree, state = self.branches[branch], self.states[party]
        size = data.draw(st.integers(0, tree.size))
        old = data.draw(st.sampled_from((0, state.size if state else 0)))
        proof_tree = self.branches[data.draw(BRANCHES)]
        proof = proof_tree.consistency_proof(old, size) if old <= size <= proof_tree.size else []
        note = sign_tree(tree, size)
        request = parse_add_checkpoint(encode_add_checkpoint(old, proof, note))
        decision = process_add_checkpoint(
            state, request, log_keys={ORIGIN: [LOG.key]}, now_s=self.now_s, signer=PARTIES[party]
        )
        if decision.evidence is not None:
            assert isinstance(verify_fork(decision.evidence.evidence, LOG.key), Fork)
        if decision.status != 200:
            assert decision.new_state is None
            return
        assert decision.new_state is not None
        assert decision.new_state.size >= (state.size if state else 0)
        assert decision.new_state.time_s >= (state.time_s if state else 0)
        answer = parse_witness_answer(200, decision.content_type, decision.body, old_size=old)
        assert isinstance(answer, Cosigned)
        checkpoint = verify_checkpoint(note, LOG.key)
        cosignature = verify_witness_answer(answer, checkpoint, PARTIES[party].key)
        self.states[party] = decision.new_state
        previous = self.last.get(party)
        if previous is not None and previous.size > 0:
            # The witness's own word never contradicts itself, whatever tree it was shown.
            growth = tree.consistency_proof(previous.size, size)
            verify_consistency(previous.size, size, previous.root, checkpoint.root, growth)
        self.last[party] = checkpoint
        self.cosigned.setdefault((size, checkpoint.root), []).append((checkpoint, cosignature))

    @precondition(lambda self: any(state is not None for state in self.states.values()))
    @rule(party=st.sampled_from(tuple(PARTIES)))
    def witness_crashes_before_it_answers(self, party: PartyID) -> None:
        # It stored and did not answer: the log asks with the old size and is told the new one.
        state = self.states[party]
        if state is None or state.size == 0:
            return
        note = state.note
        request = parse_add_checkpoint(encode_add_checkpoint(0, [], note))
        decision = process_add_checkpoint(
            state, request, log_keys={ORIGIN: [LOG.key]}, now_s=self.now_s, signer=PARTIES[party]
        )
        assert (decision.status, decision.body) == (409, b"%d\n" % state.size)

    @invariant()
    def one_history_is_firm(self) -> None:
        firm: list[VerifiedCheckpoint] = []
        for given_words in self.cosigned.values():
            checkpoint = given_words[0][0]
            decision = decide_standing(
                checkpoint,
                [cosignature for _, cosignature in given_words],
                witnesses={party: witness.key for party, witness in PARTIES.items()},
                host=None,
            )
            if decision.standing >= Standing.FIRM and checkpoint.size:
                firm.append(checkpoint)
        firm.sort(key=lambda each: each.size)
        for earlier, later in pairwise(firm):
            trees = [tree for tree in self.branches if tree.size >= later.size]
            (tree, *_) = [tree for tree in trees if tree.root(later.size) == later.root]
            assert tree.root(earlier.size) == earlier.root


LyingLog.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_no_two_histories_become_firm = LyingLog.TestCase
