"""Attacks on a desk's blind checks: partners and centers that lie, crashes at every step, and fishing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from entente.blind import exact, matching
from entente.blind.asking import AnswerAsk, AskRow
from entente.blind.zoom import ZoomRow
from entente.desk.blind import answering as blind_answering
from entente.desk.blind import asking as blind_asking
from entente.desk.blind import matching as blind_matching
from entente.desk.blind import plan as blind_plan
from entente.desk.blind import zooming as blind_zooming
from entente.desk.blind.ledger import BlindLedger
from entente.desk.blind.parts import parse_rows
from entente.desk.blind.post import BlindPost, Packed
from entente.desk.blind.zooming import BlindZooming
from entente.desk.outbox import Outbox
from entente.space import CircleWire, VolumeWire, distance_and_bearing, parse_volume, reference_point
from tests.blind_desks import AWAY_E7, FAR_E7, HERE_E7, NEAR_E7, Crash, TwoDesks, as_volumes
from tests.protocol.desk_stage import open_scratch

ITEM = {"name": "new", "volumes": as_volumes(AWAY_E7)}


@pytest.fixture
def two(tmp_path: Path) -> Iterator[TwoDesks]:
    with open_scratch(tmp_path) as folder:
        yield TwoDesks(folder)


# Crashes


class Fuse:
    """Crashes the process before and after everything that it makes durable, sends or computes, each once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.burnt: list[str] = []
        self.desk = ""
        for owner, names in (
            (BlindPost, ("write", "_put", "_set", "fetch")),
            (BlindLedger, ("charge", "charge_match", "keep_answer")),
            (Outbox, ("put", "step")),
            (blind_answering, ("answer",)),
            (blind_asking, ("question", "finish")),
            (blind_matching, ("make_list", "open_box")),
            (blind_plan, ("hold", "change")),
        ):
            for name in names:
                self._wrap(monkeypatch, owner, name)

    def _wrap(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> None:
        true: Callable[..., Any] = getattr(owner, name)

        def wrapped(*args: Any, **named: Any) -> Any:
            kind = getattr(args[1], "kind", args[1]) if len(args) > 1 else ""
            about = f"{name} {kind if isinstance(kind, str) else ''}"
            self._burn(f"before {about}")
            found = true(*args, **named)
            self._burn(f"after {about}")
            return found

        monkeypatch.setattr(owner, name, wrapped)

    def _burn(self, place: str) -> None:
        if self.desk and f"{self.desk} {place}" not in self.burnt:
            self.burnt.append(f"{self.desk} {place}")
            raise Crash(place)


def run_with_crashes(two: TwoDesks, fuse: Fuse) -> None:
    """Let both desks work to the end, each crashing once at every place that it comes by."""
    for _ in range(400):
        size, crashed = two.center.core.tree.size, False
        for name in ("us", "ru"):
            fuse.desk = name
            try:
                two.desks[name].run_once()
            except Crash:
                fuse.desk, crashed = "", True
                two.open(name)
        fuse.desk = ""
        two.center.tick()
        if two.center.core.tree.size == size and not crashed:
            two.run()
            assert len(fuse.burnt) > 20, fuse.burnt
            return
    raise AssertionError("desks: expected them to come to rest")


def test_a_crash_anywhere_changes_nothing_of_a_run(two: TwoDesks, monkeypatch: pytest.MonkeyPatch) -> None:
    two.ready(ru=NEAR_E7)
    seen = watch_answers(monkeypatch)
    fuse = Fuse(monkeypatch)
    number = two.carrier("us").want_run(token="x", rules="skies", epoch=0, kind="whole", officer="duty-1")
    run_with_crashes(two, fuse)
    run = two.ask("us", "blind-run", run=number)
    assert (run["state"], run["verdict"]) == ("ended", "CONFLICT")
    for name in ("us", "ru"):
        rows = two.desks[name].book.read("SELECT * FROM blind_charges")
        assert len(rows) == 1, "one question, one charge"
        rows = two.desks[name].book.read("SELECT * FROM blind_posts WHERE kind = 'blind.answer'")
        assert len(rows) == 1, "one question, one answer made"
        usage = two.carrier(name).ledger.get_usage("skies", 0, "ru" if name == "us" else "us")
        assert usage.whole_runs == 1
    assert len(seen) == 2
    assert all(len(replies) == 1 for replies in seen.values()), "a question was answered in two ways"
    assert len(list(two.center.core.rows.select(AskRow))) == 2


def watch_answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Collect, for each question, what is inside every reply that is deposited or said."""
    seen: dict[str, set[str]] = {}
    true = BlindPost.write

    def write(self: BlindPost, kind: str, body: Any, **named: Any) -> int:
        if isinstance(body, AnswerAsk):
            seen.setdefault(body.ask, set()).add(body.reply.inside)
        return true(self, kind, body, **named)

    monkeypatch.setattr(BlindPost, "write", write)
    return seen


def test_a_crash_anywhere_changes_nothing_of_a_commitment_or_amendment(
    two: TwoDesks, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.agree()
    two.plan("us", sortie=HERE_E7)
    two.plan("ru", convoy=FAR_E7)
    fuse = Fuse(monkeypatch)
    for name in ("us", "ru"):
        two.carrier(name).versions.want("skies", 0, officer="duty-1")
    run_with_crashes(two, fuse)
    two.plan("ru", convoy_2=AWAY_E7)
    two.carrier("ru").versions.want("skies", 0, officer="duty-1")
    run_with_crashes(two, fuse)
    (held,) = [one for one in two.ask("ru", "blind-runs")["holdings"] if one["party"] == "ru"]
    assert (held["state"], held["number"]) == ("committed", 1)
    assert two.check()["verdict"] == "CLEAR"


def test_a_crash_anywhere_changes_nothing_of_a_match(two: TwoDesks, monkeypatch: pytest.MonkeyPatch) -> None:
    two.ready(ru=NEAR_E7)
    fuse = Fuse(monkeypatch)
    number = two.carrier("us").want_run(token="x", rules="skies", epoch=0, kind="yes-no", officer="duty-1")
    run_with_crashes(two, fuse)
    assert two.ask("us", "blind-run", run=number)["verdict"] == "CONFLICT"
    assert len(two.desks["ru"].book.read("SELECT * FROM blind_charges")) == 1


# Fishing


def test_a_question_is_charged_before_it_is_read(two: TwoDesks, monkeypatch: pytest.MonkeyPatch) -> None:
    two.ready()
    true = BlindPost.fetch

    def fetch(self: BlindPost, parcel: Any, *, purpose: str, **named: Any) -> bytes:
        if purpose == "request":
            assert two.desks["ru"].book.read_one("SELECT * FROM blind_charges") is not None
            raise Crash
        return true(self, parcel, purpose=purpose, **named)

    monkeypatch.setattr(BlindPost, "fetch", fetch)
    two.ask("us", "blind-check", rules="skies")
    with pytest.raises(Crash):
        two.run()
    used = two.carrier("ru").ledger.get_usage("skies", 0, "us")
    assert (used.whole_runs, used.whole_cells > 0) == (1, True), "a run that failed is charged"


def test_our_own_ledger_refuses_what_a_host_lets_through(
    two: TwoDesks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record's meter is the center's word and every desk's; the responder's ledger is its own."""
    two.ready()
    ledger = two.carrier("ru").ledger
    true = BlindLedger.get_usage

    def get_usage(self: BlindLedger, rules: str, epoch: int, partner: str) -> Any:
        found = true(self, rules, epoch, partner)
        return msgspec.structs.replace(found, whole_runs=found.whole_runs + 4) if self is ledger else found

    monkeypatch.setattr(BlindLedger, "get_usage", get_usage)
    run = two.check()
    assert (run["verdict"], run["code"]) == ("INVALID", "refused")
    assert "allowance-used" in run["words"]
    assert "blind-refused" in two.alarms("ru")


def test_partners_that_pool_meet_one_cap(tmp_path: Path) -> None:
    with open_scratch(tmp_path) as folder:
        two = TwoDesks(folder, blind_theatre_cells=20)
        two.ready()
        codes = [two.check(kind="delta", items=[ITEM])["code"] for _ in range(3)]
        assert codes[0] == ""
        assert codes[-1] == "refused"
        budget = two.ask("ru", "blind-budget")
        assert budget["theatre_cells"] <= budget["theatre_allowed"] == 20
        two.pass_min(23 * 60)
        assert two.carrier("ru").ledger.count_theatre() > 0
        two.pass_min(2 * 60)
        assert two.carrier("ru").ledger.count_theatre() == 0


def test_no_seed_is_used_twice(two: TwoDesks) -> None:
    """A question that the center refuses is asked again with another seed and other points."""
    two.ready()
    two.center.refuse_next = "ask-order"
    run = two.check(kind="delta", items=[ITEM])
    assert run["verdict"] == "CLEAR"
    asks = list(two.desks["us"].book.read("SELECT * FROM blind_posts WHERE kind = 'blind.ask'"))
    assert len(asks) == 2
    seeds = {msgspec.json.decode(post["body"])["seed"] for post in asks}
    assert len(seeds) == 2


# A partner that lies


def answer_with(monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes]) -> None:
    """Let every desk answer with a reply that was changed before it was sealed."""
    true = exact.answer
    monkeypatch.setattr(blind_answering, "answer", lambda *args, **named: change(true(*args, **named)))


def flip(place: int) -> Callable[[bytes], bytes]:
    def change(reply: bytes) -> bytes:
        changed = bytearray(reply)
        changed[place] ^= 1
        return bytes(changed)

    return change


@pytest.mark.parametrize(
    ("change", "codes"),
    (
        (lambda reply: reply[:-8], {"bad-length"}),
        (lambda reply: reply + b"x", {"bad-length"}),
        (lambda _reply: b"no reply at all", {"bad-parcel"}),
        (flip(40), {"blind-element", "blind-proof"}),
        (flip(-1), {"run-canary"}),
    ),
)
def test_an_answer_that_was_changed_is_invalid(
    two: TwoDesks, monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes], codes: set[str]
) -> None:
    two.ready()
    answer_with(monkeypatch, change)
    run = two.check()
    assert (run["state"], run["verdict"]) == ("ended", "INVALID")
    assert run["code"] in codes, run
    assert "blind-invalid" in two.alarms("us")


def test_another_key_than_the_committed_one_is_invalid(
    two: TwoDesks, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.ready()
    parts = two.carrier("ru").parts
    other = parts.derive_key(bytes(32), "us", 7)
    monkeypatch.setattr(blind_answering.BlindAnswering, "_get_key", lambda *_args: other)
    run = two.check(kind="delta", items=[ITEM])
    assert run["verdict"] == "INVALID"


def test_a_desk_that_lost_its_key_refuses(two: TwoDesks, monkeypatch: pytest.MonkeyPatch) -> None:
    two.ready()
    monkeypatch.setattr(two.carrier("ru").parts.master, "_seed", bytes(32))
    two.carrier("ru").parts._keys.clear()
    run = two.check(kind="delta", items=[ITEM])
    assert (run["verdict"], run["code"]) == ("INVALID", "refused")
    assert "other-key" in run["words"]


@pytest.mark.parametrize("lie", ("short", "twice", "lost-canary"))
def test_tags_that_are_not_in_order_are_invalid(
    two: TwoDesks, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    true = exact.hold

    def hold(*args: Any, **named: Any) -> Any:
        made = true(*args, **named)
        tags = made.tags.copy()
        if lie == "short":
            tags = tags[:-1]
        elif lie == "twice":
            tags[1] = tags[0]
        else:
            tags = np.arange(len(tags), dtype=np.uint64)
        return exact.Held(tags, made.cell_tags, made.bucket)

    two.agree()
    two.plan("us", sortie=HERE_E7)
    two.plan("ru", convoy=FAR_E7)
    two.prepare("us")
    monkeypatch.setattr(blind_plan, "hold", hold)
    two.prepare("ru")
    assert ("blind-bad-tags" in two.alarms("us")) == (lie != "lost-canary")
    run = two.check()
    assert (run["state"], run["verdict"]) == ("ended", "INVALID")
    assert run["code"] == {"short": "bad-count", "twice": "bad-tags", "lost-canary": "canary"}[lie]


def test_other_bytes_inside_are_invalid(two: TwoDesks, monkeypatch: pytest.MonkeyPatch) -> None:
    true = BlindPost.seal

    def seal(self: BlindPost, plain: bytes, to: str, purpose: str, rules: str, epoch: int) -> Packed:
        made = true(self, plain, to, purpose, rules, epoch)
        if purpose != "reply":
            return made
        inside = hashlib.sha256(b"other").hexdigest()
        return Packed(msgspec.structs.replace(made.parcel, inside=inside), made.to, made.data, made.plain)

    two.ready()
    monkeypatch.setattr(BlindPost, "seal", seal)
    run = two.check()
    assert (run["verdict"], run["code"]) == ("INVALID", "other-inside")


@pytest.mark.parametrize("what", ("rules", "purpose"))
def test_a_parcel_of_another_purpose_or_rules_does_not_open(
    two: TwoDesks, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    true = BlindPost.seal

    def seal(self: BlindPost, plain: bytes, to: str, purpose: str, rules: str, epoch: int) -> Packed:
        if purpose == "reply":
            purpose, rules = ("secret", rules) if what == "purpose" else (purpose, "seas")
        return true(self, plain, to, purpose, rules, epoch)

    two.ready()
    monkeypatch.setattr(BlindPost, "seal", seal)
    assert two.check()["code"] == "cannot-open"


@pytest.mark.parametrize("lie", ("short", "no-element", "nonsense"))
def test_a_request_that_is_none_gets_a_refusal(
    two: TwoDesks, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    true = exact.question

    def question(*args: Any, **named: Any) -> Any:
        made = true(*args, **named)
        request = made.request
        if lie == "short":
            request = request[:-32]
        elif lie == "no-element":
            request = request[:-32] + b"\xff" * 32
        else:
            request = b"nonsense"
        return exact.Question(
            made.asking, made.bucket, request, made.tokens, made.inputs, made.scalars, made.order
        )

    two.ready()
    monkeypatch.setattr(blind_asking, "question", question)
    run = two.check(kind="delta", items=[ITEM])
    assert (run["verdict"], run["code"]) == ("INVALID", "refused")
    assert two.ask("us", "blind-rules")[0]["in_default"] == [], "a refusal is an answer"
    assert two.carrier("ru").ledger.get_usage("skies", 0, "us").delta_runs == 1


def test_halves_that_differ_are_invalid(two: TwoDesks, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partner that tells another outcome than ours: a mistake or a lie, and never clear."""
    two.ready(ru=NEAR_E7)
    true = blind_asking.BlindAsking._judge
    theirs = two.carrier("ru")._asking

    def judge(self: Any, *args: Any) -> Any:
        found = true(self, *args)
        return exact.conclude(found.hits[:0], found.outputs) if self is theirs else found

    monkeypatch.setattr(blind_asking.BlindAsking, "_judge", judge)
    run = two.check()
    assert (run["verdict"], run["code"], run["own"]) == ("INVALID", "halves-differ", "CONFLICT")


def test_a_partners_words_break_no_line(two: TwoDesks, monkeypatch: pytest.MonkeyPatch) -> None:
    two.ready()
    monkeypatch.setattr(
        BlindLedger, "_decide", lambda *_args: ("allowance-used", "no\n\u202e\x1b[2J forged line")
    )
    run = two.check(kind="delta", items=[ITEM])
    assert run["verdict"] == "INVALID"
    assert not {"\n", "\u202e", "\x1b"} & set(run["words"])


# A center that lies


def test_a_parcel_that_was_swapped_or_withheld_waits_and_is_told(two: TwoDesks) -> None:
    two.ready()
    for lie, code in ((lambda _s, _d: None, "withheld-parcel"), (lambda _s, d: d[::-1], "swapped-parcel")):
        number = two.ask("us", "blind-check", rules="skies", kind="delta", items=[ITEM])["run"]
        two.center.swap = lie
        two.run()
        assert two.ask("us", "blind-run", run=number)["verdict"] == ""
        assert code in two.alarms("ru") | two.alarms("us")
        two.center.swap = lambda _sha256, data: data
        two.run()
        assert two.ask("us", "blind-run", run=number)["verdict"] == "CLEAR"


def test_a_center_that_hides_a_meeting_is_found_out(two: TwoDesks) -> None:
    two.ready(ru=NEAR_E7)
    clear = matching.Told("CLEAR", "", 0)
    two.center.rounded = lambda result: (clear,) * len(result)
    run = two.check(kind="yes-no")
    assert (run["verdict"], run["code"]) == ("INVALID", "center-lied")


def test_a_secret_that_is_none_is_told_and_not_joined(two: TwoDesks, monkeypatch: pytest.MonkeyPatch) -> None:
    true = BlindPost.seal

    def seal(self: BlindPost, plain: bytes, to: str, purpose: str, rules: str, epoch: int) -> Packed:
        return true(self, plain[:9] if purpose == "secret" else plain, to, purpose, rules, epoch)

    two.ready()
    monkeypatch.setattr(BlindPost, "seal", seal)
    assert two.check(kind="yes-no")["verdict"] == ""
    assert "blind-not-joined" in two.alarms("ru")
    assert two.ask("ru", "blind-runs")["runs"][0]["verdict"] == "INVALID"


def test_a_center_that_is_away_delays_and_changes_nothing(two: TwoDesks) -> None:
    two.ready()
    two.center.lies.add("no-network")
    number = two.ask("us", "blind-check", rules="skies")["run"]
    assert two.ask("us", "blind-run", run=number)["verdict"] == ""
    two.center.lies.clear()
    two.run()
    assert two.ask("us", "blind-run", run=number)["verdict"] == "CLEAR"


def test_a_parcel_that_the_center_let_go_of_is_given_again(
    two: TwoDesks, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.ready()
    true = Outbox.put
    lost: list[int] = []

    def put(self: Outbox, draft: Any) -> Any:
        if draft.kind == "blind.ask" and not lost:
            lost.append(1)
            for sha256 in [key for key in two.center.parcels if two.center.given[key] == "us"]:
                del two.center.parcels[sha256]
        return true(self, draft)

    monkeypatch.setattr(Outbox, "put", put)
    run = two.check(kind="delta", items=[ITEM])
    assert (lost, run["verdict"]) == ([1], "CLEAR")


def test_different_grids_share_no_token_and_end_invalid(
    two: TwoDesks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A desk that means other rules than the record holds, by a fault of its own: canaries do not meet."""
    two.agree()
    parts = two.carrier("ru").parts
    monkeypatch.setattr(type(parts), "get_domain", _other_domain(parts, type(parts).get_domain))
    two.plan("us", sortie=HERE_E7)
    two.plan("ru", convoy=NEAR_E7)
    two.prepare()
    run = two.check()
    assert run["verdict"] == "INVALID"


def _other_domain(theirs: Any, true: Callable[..., bytes]) -> Callable[..., bytes]:
    def get_domain(self: Any, rules: Any, epoch: int) -> bytes:
        found = true(self, rules, epoch)
        return hashlib.sha256(found).digest() if self is theirs else found

    return get_domain


def test_a_stop_ends_long_work_and_keeps_nothing_of_it(
    two: TwoDesks, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.ready()
    parts, told = two.carrier("us").parts, []
    true = exact.question

    def question(*args: Any, **named: Any) -> Any:
        told.append(two.ask("us", "blind-runs")["work"])
        parts.is_stopping = len(told) == 1
        return true(*args, **named)

    monkeypatch.setattr(blind_asking, "question", question)
    number = two.ask("us", "blind-check", rules="skies")["run"]
    assert told[0] == {"what": "question 1 under skies", "done": 0, "all": 0}
    row = two.carrier("us").get_run(number)
    assert row is not None
    assert (row["state"], row["seed"], two.carrier("us").step()) == ("wanted", None, False)
    parts.is_stopping = False
    two.run()
    assert two.ask("us", "blind-run", run=number)["verdict"] == "CLEAR"
    assert two.ask("us", "blind-runs")["work"] is None


def test_an_answer_that_can_never_be_deposited_is_told(
    two: TwoDesks, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.ready()
    number = two.ask("us", "blind-check", rules="skies")["run"]
    monkeypatch.setattr(two.center, "put_parcel", lambda *_args: (413, b"too large"))
    two.run()
    assert "413" in two.alarms("ru")["blind-not-sent"]
    two.pass_min(31)
    two.run()
    assert two.ask("us", "blind-run", run=number)["code"] == "in-default"


def test_an_old_copy_of_the_book_amends_and_asks_nothing(two: TwoDesks) -> None:
    two.ready()
    with two.desks["us"].book.transaction() as db:
        db.execute("DELETE FROM blind_versions")
    answer = two.ask("us", "blind-prepare", rules="skies")
    assert (answer["state"], "unknown-version" in answer["words"]) == ("refused", True)
    run = two.check()
    assert (run["verdict"], run["code"]) == ("INVALID", "unknown-version")
    assert two.check("ru", kind="delta", items=[ITEM])["verdict"] == "CLEAR", "it still answers"


def test_a_request_that_is_held_back_is_refused_in_the_end(two: TwoDesks) -> None:
    two.ready()
    number = two.ask("us", "blind-check", rules="skies", kind="delta", items=[ITEM])["run"]
    two.run("us")
    two.center.swap = lambda sha256, data: None if two.center.given[sha256] == "us" else data
    two.run()
    two.pass_min(31)
    two.run()
    assert two.ask("us", "blind-run", run=number)["code"] == "refused"
    assert two.ask("us", "blind-rules")[0]["in_default"] == []


def test_a_question_for_an_epoch_that_is_over_is_refused(two: TwoDesks) -> None:
    two.ready()
    number = two.ask("us", "blind-check", rules="skies")["run"]
    two.run("us")
    two.pass_min(2 * 24 * 60)
    two.run("ru")
    two.run("us")
    run = two.ask("us", "blind-run", run=number)
    assert (run["own"], run["code"]) == ("INVALID", "refused")
    assert "other-epoch" in run["words"]


def test_neither_end_nor_epoch_takes_the_question_in_return_away(two: TwoDesks) -> None:
    two.ready(ru=NEAR_E7)
    number = two.ask("us", "blind-check", rules="skies")["run"]
    two.run("us")
    two.ask("us", "blind-end", id="skies")
    two.pass_min(24 * 60)
    two.run("ru")
    two.run()
    assert two.ask("us", "blind-run", run=number)["verdict"] == "CONFLICT"
    assert two.ask("ru", "blind-runs")["runs"][0]["verdict"] == "CONFLICT"


def test_a_question_in_return_is_about_the_same_two_plans(two: TwoDesks) -> None:
    two.ready()
    number = two.ask("us", "blind-check", rules="skies")["run"]
    two.run("us")
    two.plan("ru", other=AWAY_E7)
    two.ask("ru", "blind-prepare", rules="skies")
    two.run()
    assert two.ask("us", "blind-run", run=number)["verdict"] == "CLEAR"
    first, second = sorted(two.center.core.rows.select(AskRow), key=lambda row: row.index)
    assert (second.ask.own, second.ask.others) == (first.ask.others, first.ask.own)


def test_a_cell_that_never_met_is_shown_nothing_of(two: TwoDesks, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partner that met a large area of ours at one spot, and names all of our cells as its own."""
    two.agree()
    zone = VolumeWire(
        outline=CircleWire(centre_e7=HERE_E7, radius_cm=4_000_000),
        floor_cm=0,
        ceiling_cm=1_000_000,
        start="2016-09-17T00:00:00Z",
        end="2016-09-20T00:00:00Z",
    )
    two.plan("us", zone=[zone])
    two.plan("ru", convoy=NEAR_E7)
    two.prepare()
    run = two.check()
    assert [one["item"] for one in run["conflicts"]] == ["zone"]
    (theirs,) = two.ask("ru", "blind-runs")["runs"]
    row = two.desks["us"].book.read_one("SELECT cells FROM blind_versions")
    assert row is not None
    with monkeypatch.context() as patched:
        cells = parse_rows(row["cells"])
        patched.setattr(BlindZooming, "_find_cells", lambda *_args: cells)
        two.ask("ru", "blind-zoom", run=theirs["run"])
    two.run()
    two.ask("us", "blind-zoom", run=run["run"])
    two.run()
    (shown,) = [one for one in two.desks["ru"].rows.select(ZoomRow) if one.party == "us"]
    assert shown.is_shown
    assert [wire for message in shown.volumes for wire in message] == []


def test_what_met_is_shown_and_not_the_rest_of_a_large_area(two: TwoDesks) -> None:
    two.agree()
    zone = VolumeWire(
        outline=CircleWire(centre_e7=HERE_E7, radius_cm=4_000_000),
        floor_cm=0,
        ceiling_cm=1_000_000,
        start="2016-09-17T00:00:00Z",
        end="2016-09-20T00:00:00Z",
    )
    two.plan("us", zone=[zone])
    two.plan("ru", convoy=NEAR_E7)
    two.prepare()
    run = two.check()
    two.ask("us", "blind-zoom", run=run["run"])
    two.ask("ru", "blind-zoom", run=two.ask("ru", "blind-runs")["runs"][0]["run"])
    two.run()
    (shown,) = [one for one in two.desks["ru"].rows.select(ZoomRow) if one.party == "us"]
    volumes = [parse_volume(wire) for message in shown.volumes for wire in message]
    assert volumes
    for volume in volumes:
        place = reference_point(volume.outline)
        assert distance_and_bearing(*place, HERE_E7[0] / 1e7, HERE_E7[1] / 1e7)[0] < 10_000
        assert (volume.window.end_utc - volume.window.start_utc).total_seconds() <= 2 * 900


def test_a_partner_that_shows_nothing_clears_nothing(two: TwoDesks, monkeypatch: pytest.MonkeyPatch) -> None:
    two.ready(us=HERE_E7, ru=NEAR_E7)
    run = two.check()
    two.ask("us", "blind-zoom", run=run["run"])
    two.run("us")
    with monkeypatch.context() as patched:
        patched.setattr(blind_zooming, "make_parts", lambda *_args, **_more: ())
        two.ask("ru", "blind-zoom", run=two.ask("ru", "blind-runs")["runs"][0]["run"])
        two.run("ru")
    two.run()
    said = two.ask("us", "blind-zoomed", run=run["run"])
    assert (said["state"], said["is_true"]) == ("judged", None)
    assert two.ask("us", "blind-run", run=run["run"])["verdict"] == "CONFLICT"
