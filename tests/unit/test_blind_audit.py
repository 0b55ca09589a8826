"""Audit: a party opens an epoch; what it did is made again, and every way of cheating is found by name.

Rows 5, 6 and 7 of the table of attacks in docs/formats/blind.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from entente.blind import sizes
from entente.blind.asking import AskRow
from entente.blind.audit import (
    AuditCase,
    OpenAnswer,
    Opening,
    OpenList,
    OpenQuestion,
    OpenVersion,
    audit_opening,
)
from entente.blind.commitment import CellOpening, commit_seed, make_root, make_salt, open_cell, verify_opening
from entente.blind.cover import cover
from entente.blind.exact import Asking, Held, answer, change, hold, name_run, question
from entente.blind.grid import Grid, parse_grid
from entente.blind.group import Group, Rows
from entente.blind.holding import Parcel, VersionRow, find_holding
from entente.blind.lift import asked_tokens, held_tokens
from entente.blind.match_records import MatchRow, name_match
from entente.blind.matching import Pairing, derive_match_key, make_list
from entente.blind.opening import encode_opening, parse_opening
from entente.blind.oprf import PrfKey, derive_key
from entente.blind.parcels import encode_refusal, encode_tags
from entente.blind.rules import make_domain
from entente.blind.sizes import RunType, find_bucket
from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.rows import get_row
from entente.kernel.time import parse_utc
from entente.space import Circle, HeightBand, Volume, Window
from entente.store.sodium_group import load_group
from tests.blind_record import BlindRecord, digest, seed

NONE = np.empty(0, np.uint64)


@pytest.fixture(scope="module")
def group() -> Group:
    return load_group(threads=1)


def make_volume(lat: float, lon: float = 40.0, hour: int = 14) -> Volume:
    start = parse_utc("2016-09-17T00:00:00Z") + timedelta(hours=hour)
    return Volume(
        Circle((lat, lon), 800.0), HeightBand(1000.0, 1900.0), Window(start, start + timedelta(minutes=20))
    )


def wrap(inside: bytes) -> Parcel:
    digest_hex = hashlib.sha256(inside).hexdigest()
    return Parcel(digest_hex, max(1, len(inside)), digest_hex)


@dataclass
class Side:
    """One party in one epoch, as its desk keeps it; ``ask_cells`` and the like let it cheat."""

    group: Group
    blind: BlindRecord
    party: str
    plan: list[Volume]
    versions: dict[str, OpenVersion] = field(default_factory=dict)
    questions: dict[str, OpenQuestion] = field(default_factory=dict)
    answers: dict[str, OpenAnswer] = field(default_factory=dict)
    lists: dict[str, OpenList] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.grid: Grid = parse_grid(self.blind.rules.grid)
        self.domain = make_domain("log.example", self.blind.rules, 0)
        self.key: PrfKey = derive_key(self.group, seed(f"key {self.party}"), b"info")
        self.salt = seed(f"salt {self.party}")
        self.cells = self.cover(self.plan)

    def cover(self, plan: list[Volume]) -> Rows:
        return cover(plan, self.grid, is_widened=self.blind.rules.is_widened(self.party))

    def commit(self, tamper: Callable[[Held], Held] = lambda held: held) -> str:
        pad = seed(f"pad {self.party}")
        held = hold(self.group, self.key, self.domain, held_tokens(self.cells, self.grid), pad)
        leaf = self.blind.commit(
            self.party,
            public_key=self.key.public.hex(),
            root=make_root(self.cells, self.salt).hex(),
            size=held.bucket,
            tags=wrap(encode_tags(tamper(held).tags, NONE)),
        )
        self.versions[leaf] = OpenVersion(self.cells, pad)
        return leaf

    def amend(self, plan: list[Volume], number: int = 1, **more: Any) -> str:
        old, self.plan, self.cells = self.cells, plan, self.cover(plan)
        pad = seed(f"pad {self.party} {number}")
        tokens = [held_tokens(cells, self.grid) for cells in (old, self.cells)]
        changed = change(self.group, self.key, self.domain, tokens[0], tokens[1], pad)
        leaf = self.blind.amend(
            self.party,
            number,
            root=make_root(self.cells, self.salt).hex(),
            added=changed.added.bucket,
            withdrawn=more.pop("withdrawn", len(changed.withdrawn)),
            tags=wrap(encode_tags(changed.added.tags, changed.withdrawn)),
        )
        self.versions[leaf] = OpenVersion(self.cells, pad)
        return leaf

    def ask(
        self,
        own: str,
        others: str,
        public: bytes,
        number: int = 1,
        *,
        delta: list[Volume] | None = None,
        sent: Rows | None = None,
    ) -> tuple[str, bytes]:
        """Ask for the plan or for ``delta``; ``sent``: ask for other cells than those committed to."""
        cells = self.cells if delta is None else self.cover(delta)
        question_seed = seed(f"question {self.party} {number}")
        tokens = asked_tokens(cells if sent is None else sent, self.grid)
        more = {
            "bucket": find_bucket(len(tokens)),
            "asked": make_root(cells, self.salt).hex(),
            "seed": commit_seed(question_seed).hex(),
        }
        run: RunType = "whole" if delta is None else "delta"
        draft = BlindRecord.make_ask(self.party, own, others, number, run, **more)
        asking = Asking(self.domain, public, draft.run, name_run(self.party, draft, self.domain))
        made = question(self.group, asking, tokens, question_seed)
        leaf = self.blind.send_ask(self.party, draft, wrap(made.request))
        self.questions[leaf] = OpenQuestion(cells, question_seed)
        return leaf, made.request

    def answer(self, ask: str, request: bytes, key: PrfKey | None = None) -> bytes:
        row = get_row(self.blind.rows, AskRow, ask, what="question")
        asking = Asking(self.domain, self.key.public, row.ask.run, name_run(row.asker, row.ask, self.domain))
        nonce = seed(f"nonce {ask}")
        reply = answer(self.group, key or self.key, asking, request, row.ask.bucket, nonce)
        self.blind.answer(self.party, ask, wrap(reply))
        self.answers[ask] = OpenAnswer(request, nonce)
        return reply

    def refuse(self, ask: str, request: bytes) -> None:
        refusal = encode_refusal("cap-reached", "the answering side's cap is reached")
        self.blind.answer(self.party, ask, wrap(refusal))
        self.answers[ask] = OpenAnswer(request, seed(f"nonce {ask}"), refusal)

    def match(self, own: str, *, sent: Rows | None = None) -> str:
        draft = BlindRecord.make_match(own, find_bucket(len(asked_tokens(self.cells, self.grid))))
        inside = self._make_list(name_match(self.party, draft, self.domain), asked_tokens, sent)
        secret = hashlib.sha256(seed("match")).hexdigest()
        leaf = self.blind.send_match(self.party, draft, wrap(inside), secret)
        self.lists[leaf] = OpenList(seed("match"), seed(f"mask {self.party}"), seed(f"list {self.party}"))
        return leaf

    def _make_list(
        self, name: bytes, derive: Callable[[Rows, Grid], Rows], sent: Rows | None = None
    ) -> bytes:
        bucket = find_bucket(len(asked_tokens(self.cells, self.grid)))
        return make_list(
            self.group,
            Pairing(derive_match_key(seed("match"), self.domain, name), self.domain, name, bucket),
            derive(self.cells if sent is None else sent, self.grid),
            mask=seed(f"mask {self.party}"),
            pad_seed=seed(f"list {self.party}"),
        )

    def open(self) -> Opening:
        return Opening(
            self.party,
            seed(f"key {self.party}"),
            b"info",
            self.salt,
            self.versions,
            self.questions,
            self.answers,
            self.lists,
        )

    def audit(
        self,
        opening: Opening | None = None,
        *,
        filed: list[Volume] | None = None,
        considered: list[Volume] | None = None,
    ) -> list[str]:
        rows = self.blind.rows
        holding = find_holding(rows, "skies", 0, self.party)
        assert holding is not None
        other = self.blind.rules.get_other(self.party)
        their = find_holding(rows, "skies", 0, other)
        assert their is not None
        case = AuditCase(
            center="log.example",
            rules=self.blind.rules,
            holding=holding,
            versions=sorted(rows.select(VersionRow, holding=holding.holding), key=lambda row: row.number),
            asks=sorted(rows.select(AskRow, rules="skies"), key=lambda row: row.index),
            matches=sorted(rows.select(MatchRow, rules="skies"), key=lambda row: row.index),
            public_keys={self.party: holding.public_key, other: their.public_key},
            filed=filed or [],
            considered=considered or [],
        )
        # Through the file, as an auditor gets it.
        opened, rules_id, epoch = parse_opening(
            encode_opening(opening or self.open(), rules="skies", epoch=0)
        )
        assert (rules_id, epoch) == ("skies", 0)
        return [fault.code for fault in audit_opening(self.group, opened, case)]


@pytest.fixture
def sides(group: Group) -> tuple[Side, Side]:
    blind = BlindRecord()
    us = Side(group, blind, "us", [make_volume(35.0), make_volume(36.0)])
    ru = Side(group, blind, "ru", [make_volume(36.0), make_volume(37.0)])
    return us, ru


def run_honestly(us: Side, ru: Side) -> tuple[str, str]:
    own, others = us.commit(), ru.commit()
    ask, request = us.ask(own, others, ru.key.public)
    ru.answer(ask, request)
    back, request = ru.ask(others, own, us.key.public)
    us.answer(back, request)
    return own, others


def test_who_did_as_it_said_is_cleared(sides: tuple[Side, Side]) -> None:
    us, ru = sides
    own, others = run_honestly(us, ru)
    us.match(own)
    newest = us.amend([make_volume(35.0), make_volume(38.0)])
    ask, request = us.ask(newest, others, ru.key.public, 2, delta=[make_volume(38.0)])
    ru.answer(ask, request)
    assert us.audit() == []
    assert ru.audit() == []
    assert us.audit(filed=us.plan) == []


def test_omitted_and_invented_tags_are_found(sides: tuple[Side, Side]) -> None:
    us, ru = sides
    ru.commit(lambda held: replace(held, tags=np.append(held.tags[1:], np.uint64(2**64 - 1))))
    us.commit()
    assert ru.audit() == ["wrong-tags"]
    assert us.audit() == []


def test_another_key_than_the_committed_one_is_found(sides: tuple[Side, Side], group: Group) -> None:
    us, ru = sides
    own, others = us.commit(), ru.commit()
    ask, request = us.ask(own, others, ru.key.public)
    ru.answer(ask, request, derive_key(group, seed("another"), b"info"))
    assert ru.audit() == ["wrong-reply"]
    assert ru.audit(replace(ru.open(), key_seed=seed("another"))) == ["wrong-key"]


def test_a_question_for_cells_of_no_plan_is_found(sides: tuple[Side, Side]) -> None:
    us, ru = sides
    own, others = us.commit(), ru.commit()
    draft = [make_volume(36.5)]
    ask, request = us.ask(own, others, ru.key.public, delta=draft)
    ru.answer(ask, request)
    assert us.audit() == ["fished"]
    assert us.audit(filed=[*us.plan, *draft]) == ["omitted"]  # it filed what it never held
    # It asked, met, and gave it up: for the auditor to believe or not.
    assert us.audit(filed=us.plan, considered=draft) == []
    assert us.audit(considered=[make_volume(37.5)]) == ["fished"]


def test_a_question_with_other_cells_than_committed_to_is_found(sides: tuple[Side, Side]) -> None:
    us, ru = sides
    own, others = us.commit(), ru.commit()
    fished = us.cover([make_volume(35.0), make_volume(36.5)])
    ask, request = us.ask(own, others, ru.key.public, sent=fished)
    ru.answer(ask, request)
    assert us.audit() == ["wrong-request"]


def test_a_list_with_other_cells_than_committed_to_is_found(sides: tuple[Side, Side]) -> None:
    us, ru = sides
    own, _ = us.commit(), ru.commit()
    blind = us.match(own, sent=us.cover([make_volume(35.0)]))
    assert blind
    assert us.audit() == ["wrong-list"]


def test_what_was_flown_and_not_held_is_found(sides: tuple[Side, Side]) -> None:
    us, ru = sides
    run_honestly(us, ru)
    assert ru.audit(filed=[*ru.plan, make_volume(35.5)]) == ["omitted"]
    assert ru.audit(filed=[replace(ru.plan[0], window=make_volume(36.0, hour=20).window)]) == ["omitted"]


def test_what_was_taken_back_before_a_question_is_found(sides: tuple[Side, Side]) -> None:
    # It commits to what it flies, takes it back, is asked, and flies: some version has held it.
    us, ru = sides
    own, flown = us.commit(), ru.plan
    ru.commit()
    others = ru.amend(flown[:1])
    ask, request = us.ask(own, others, ru.key.public)
    ru.answer(ask, request)
    assert ru.audit(filed=flown) == ["held-back"]
    assert ru.audit(filed=flown[:1]) == []
    ru.blind.record.tick(minutes=300)
    ru.amend(flown, 2)  # put back when it was flown
    assert ru.audit(filed=flown) == ["held-back"]


def test_what_is_put_back_with_a_date_in_the_past_is_found(sides: tuple[Side, Side]) -> None:
    us, ru = sides
    own, flown = us.commit(), ru.plan
    ru.commit()
    others = ru.amend(flown[:1])
    for number, minutes in ((1, 300), (2, -300)):
        ask, request = us.ask(own, others, ru.key.public, number)
        ru.answer(ask, request)
        ru.blind.record.tick(minutes=minutes)
        if number == 1:
            continue
        ru.amend(flown, 2)  # dated to before it flew; the record has what us asked afterwards before it
    assert ru.audit(filed=flown) == ["held-back"]


def test_what_is_added_and_taken_back_in_time_is_held_against_nobody(sides: tuple[Side, Side]) -> None:
    us, ru = sides
    own, flown = us.commit(), ru.plan
    ru.commit()
    bare = ru.amend(flown[:1])
    ask, request = us.ask(own, bare, ru.key.public)
    ru.answer(ask, request)
    whole = ru.amend(flown, 2)  # planned after the question, before it began: us looks up what is added
    assert ru.audit(filed=flown) == []
    ask, request = us.ask(own, bare, ru.key.public, 2)  # an older version, named on purpose
    ru.answer(ask, request)
    assert ru.audit(filed=flown) == []
    ru.blind.record.tick(minutes=300)
    ru.amend([make_volume(39.0)], 3)  # over, and taken out
    us.match(own)
    ask, request = us.ask(own, whole, ru.key.public, 3, delta=[make_volume(35.0)])
    ru.answer(ask, request)
    assert ru.audit(filed=flown) == []
    later = [make_volume(35.5, hour=48)]  # of another epoch
    assert ru.audit(filed=[*flown, *later]) == []


def test_nobody_is_framed_by_a_question_that_names_an_old_version(sides: tuple[Side, Side]) -> None:
    us, ru = sides
    flown = ru.plan
    ru.plan, ru.cells = flown[:1], ru.cover(flown[:1])
    own, bare = us.commit(), ru.commit()
    ru.blind.record.tick(minutes=65)
    ru.amend(flown)  # five minutes after it began
    ask, request = us.ask(own, bare, ru.key.public)
    ru.answer(ask, request)
    assert ru.audit(filed=flown) == []


def test_what_was_over_before_the_commitment_need_not_be_held(sides: tuple[Side, Side]) -> None:
    us, ru = sides
    ru.blind.record.tick(minutes=420)
    own, others = us.commit(), ru.commit()  # at 20:00
    assert ru.audit(filed=[make_volume(35.5)]) == []
    # But who says 20:00 and was asked at 13:00 had committed by then.
    ru.blind.record.tick(minutes=-420)
    ask, request = us.ask(own, others, ru.key.public)
    ru.answer(ask, request)
    assert ru.audit(filed=[make_volume(35.5)]) == ["omitted"]


def test_a_refusal_is_named_and_no_answer_with_another_key(sides: tuple[Side, Side]) -> None:
    us, ru = sides
    own, others = us.commit(), ru.commit()
    ask, request = us.ask(own, others, ru.key.public)
    ru.refuse(ask, b"")
    assert ru.audit() == ["refused"]
    opened = ru.open()
    for lie in (encode_refusal("cap-reached", "other words"), b"no refusal"):
        answers = {ask: replace(opened.answers[ask], refusal=lie)}
        assert ru.audit(replace(opened, answers=answers)) == ["wrong-reply"]
    back, request = ru.ask(others, own, us.key.public)
    reply = us.answer(back, request, ru.key)
    answers = {back: replace(us.answers[back], refusal=reply)}
    assert us.audit(replace(us.open(), answers=answers)) == ["wrong-reply"]
    ru.blind.record.tick(minutes=65)
    ru.amend([*ru.plan, make_volume(38.0)])  # after it began; but nobody had been told anything
    assert ru.audit(filed=ru.plan) == ["refused"]


def test_a_refusal_of_what_is_no_request_is_right(sides: tuple[Side, Side]) -> None:
    us, ru = sides
    own, others = us.commit(), ru.commit()
    draft = us.blind.make_ask("us", own, others, 1, "whole", asked=make_root(us.cells, us.salt).hex())
    ask = us.blind.send_ask("us", draft, wrap(b"no request"))
    ru.refuse(ask, b"no request")
    assert ru.audit() == []
    answers = {ask: replace(ru.answers[ask], refusal=b"")}
    assert ru.audit(replace(ru.open(), answers=answers)) == ["wrong-reply"]


def test_cells_that_are_none_are_named_and_not_computed_with(sides: tuple[Side, Side]) -> None:
    us, ru = sides
    own, others = us.commit(), ru.commit()
    ask, request = us.ask(own, others, ru.key.public)
    ru.answer(ask, request)
    good = us.open()
    bad_rows = [us.cells[:1].copy() for _ in range(3)]
    bad_rows[0][0, 0] = 200  # a size that the grid does not have
    bad_rows[1][0, 1] = 0xFF  # a band beyond its heights
    bad_rows[2][0, 8] = 0xFF  # a place beyond the six faces
    for rows in (*bad_rows, us.cells[::-1].copy(), np.repeat(us.cells[:1], 2, axis=0)):
        versions = {own: replace(good.versions[own], cells=rows)}
        assert us.audit(replace(good, versions=versions))[0] == "bad-cells"
        questions = {ask: replace(good.questions[ask], cells=rows)}
        assert us.audit(replace(good, questions=questions)) == ["bad-cells"]


def test_sizes_in_the_record_are_those_of_what_was_sent(sides: tuple[Side, Side]) -> None:
    # Right bytes and a wrong size: every run of the other side would end INVALID, and nobody be to blame.
    us, ru = sides
    us.commit()
    ru.commit()
    us.amend([make_volume(35.0)], withdrawn=1)
    assert us.audit() == ["wrong-size"]


def test_what_was_padded_before_there_were_finer_buckets_is_still_right(
    sides: tuple[Side, Side], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A record of before: its lists were padded to 10, 20, 50, 100, ... alone. Here finer ones begin at 10.
    us, ru = sides
    us.plan = [make_volume(35.0), make_volume(36.0), make_volume(38.0)]
    us.cells = us.cover(us.plan)
    own, others = us.commit(), ru.commit()
    ask, request = us.ask(own, others, ru.key.public)
    ru.answer(ask, request)
    monkeypatch.setattr(sizes, "_FINE_FROM", 10)
    counts = [len(tokens(us.cells, us.grid)) for tokens in (held_tokens, asked_tokens)]
    assert all(find_bucket(count) < find_bucket(count, said=100) for count in counts)
    assert us.audit() == []
    assert ru.audit() == []


def test_another_secret_than_the_runs_is_found(sides: tuple[Side, Side]) -> None:
    us, ru = sides
    own, _ = us.commit(), ru.commit()
    run = us.match(own)
    lists = {run: replace(us.lists[run], secret=seed("another"))}
    assert us.audit(replace(us.open(), lists=lists)) == ["wrong-secret", "wrong-list"]


def test_an_opening_that_leaves_something_out_is_found(sides: tuple[Side, Side]) -> None:
    us, ru = sides
    run_honestly(us, ru)
    whole = us.open()
    for less in (replace(whole, versions={}), replace(whole, questions={}), replace(whole, answers={})):
        assert "not-opened" in us.audit(less)
    leaf = next(iter(whole.versions))
    other = replace(whole.versions[leaf], cells=us.cover([make_volume(35.0)]))
    assert us.audit(replace(whole, versions={leaf: other}))[:2] == ["wrong-root", "wrong-tags"]
    assert "wrong-root" in us.audit(replace(whole, salt_secret=seed("another")))
    asked = next(iter(whole.questions))
    again = replace(whole.questions[asked], seed=seed("another"))
    assert us.audit(replace(whole, questions={asked: again})) == ["wrong-seed", "wrong-request"]
    answered = next(iter(whole.answers))
    request = replace(whole.answers[answered], request=b"another")
    assert us.audit(replace(whole, answers={answered: request})) == ["wrong-request"]


def test_one_cell_is_opened_alone(sides: tuple[Side, Side]) -> None:
    us, _ = sides
    root = make_root(us.cells, us.salt)
    opening = open_cell(us.cells, us.salt, 2)
    verify_opening(opening, root)
    other = us.cover([make_volume(37.0)])[0].tobytes()
    for bad in (
        replace(opening, cell=other),
        replace(opening, place=1),
        replace(opening, salt=bytes(16)),
        replace(opening, salt=opening.salt + opening.cell[:1], cell=opening.cell[1:]),
    ):
        with pytest.raises(VerificationFailed):
            verify_opening(bad, root)


@pytest.mark.parametrize(
    "data", (b"", b"{}", b"[" * 10_000, b'{"format":"entente-blind-opening-1"}', b"\xff")
)
def test_a_file_that_is_no_opening_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_opening(data)


def test_a_root_does_not_tell_that_there_are_no_cells() -> None:
    none = np.empty((0, 16), np.uint8)
    roots = {make_root(none, seed(text)) for text in ("a", "b")}
    assert len(roots) == 2
    assert hashlib.sha256(b"").digest() not in roots
    salt = make_salt(seed("a"), b"")
    with pytest.raises(VerificationFailed):
        verify_opening(CellOpening(b"", salt, 0, 1, ()), make_root(none, seed("a")))


def test_the_seed_commitment_is_of_the_seed() -> None:
    assert commit_seed(seed("a")) != commit_seed(seed("b"))
    assert digest("a") != commit_seed(seed("a")).hex()
