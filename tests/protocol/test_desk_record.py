"""Browsing and proving at a desk: nothing is left out of the list, and no proof file says too much."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from entente.desk.record_index import RecordIndex
from entente.desk.service import call
from entente.dialogue.hotline import About, Say
from entente.kernel.errors import Malformed, NotFound, VerificationFailed
from entente.kernel.message import encode_body
from entente.record.policy import parse_policy
from entente.record.proof import parse_proof, verify_proof
from entente.record.tree import verify_consistency
from tests.protocol.desk_stage import Stage, make_stage, open_scratch

HOSTILE = "<script>alert(1)</script> \u202egnipparts \u200b ' OR 1=1 -- %_\" Привет 北京"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_scratch(tmp_path) as folder:
        made = make_stage(folder)
        made.found()
        yield made
        made.desk.close()


def ask(stage: Stage, verb: str, **request: Any) -> Any:
    return json.loads(json.dumps(call(stage.desk, verb, json.dumps(request).encode())))


def hear(stage: Stage, text: str, *, is_sealed: bool = False) -> None:
    body = Say(
        thread="hot", about=About(type="none", id=""), text=text, language="en", urgent=False, reply_to=None
    )
    if is_sealed:
        stage.center.say_sealed("ru", "thread.say", encode_body(body), officers=["duty-1"])
    else:
        stage.center.say("ru", "thread.say", body, officers=["duty-1"])
    stage.desk.run_once()


def test_every_entry_is_listed_the_void_and_the_unreadable_with_why(stage: Stage) -> None:
    stage.notify("sortie-7")
    hear(stage, "sealed to us", is_sealed=True)
    stage.center.lies.add("withheld-ciphertext")
    hear(stage, "never seen here", is_sealed=True)
    stage.center.insert(stage.center.entries[-1])
    stage.desk.run_once()
    found = ask(stage, "record", facets=1)
    assert found["size"] == found["indexed"] == found["total"] == len(found["entries"])
    states = {one["index"]: (one["state"], one["why"]) for one in found["entries"]}
    assert [states[index][0] for index in sorted(states)].count("void") == 1
    void = found["entries"][0]
    assert void["state"] == "void"
    assert "expected one that the agreed rules allow" in void["why"]
    unreadable = [one for one in found["entries"] if one["state"] == "unreadable"]
    assert len(unreadable) == 1
    assert unreadable[0]["why"]
    counts = {one["value"]: one["count"] for one in found["facets"]["state"]}
    assert sum(counts.values()) == found["total"]
    assert ask(stage, "record", q="never seen here")["total"] == 0
    assert ask(stage, "record", q="sealed to us")["total"] == 1
    assert ask(stage, "record-entry", entry=str(void["index"]))["envelope"]


def test_what_came_late_is_read_again(stage: Stage) -> None:
    stage.center.lies.add("withheld-ciphertext")
    hear(stage, "late words", is_sealed=True)
    assert ask(stage, "record", q="late words")["total"] == 0
    stage.center.be_honest()
    assert stage.desk.follower.retry_unreadable() == 1
    assert ask(stage, "record", q="late words")["total"] == 1


def test_search_finds_letters_in_any_script_and_has_no_syntax(stage: Stage) -> None:
    hear(stage, HOSTILE)
    for text in ("<script>", "ПРИВЕТ", "北", "' OR 1=1", "%_", '"OR 1=1"', "alert(1) gnipparts"):
        assert ask(stage, "record", q=text)["total"] == 1, text
    for text in ("%", "_", "' OR '1'='1", "*", "NEAR("):
        assert ask(stage, "record", q=text)["total"] <= 1, text
    row = ask(stage, "record", q="<script>")["entries"][0]
    assert HOSTILE in row["words"]  # as it was written: whoever shows it makes it harmless
    with pytest.raises(Malformed):
        ask(stage, "record", kind="x'; DROP TABLE entries")
    assert ask(stage, "record", thing="x'; DROP TABLE entries")["total"] == 0


def test_pages_of_a_growing_record_do_not_shift(stage: Stage) -> None:
    for round_ in range(4):
        stage.say(f"word {round_}")
    first = ask(stage, "record", limit=3)
    stage.say("in between")
    second = ask(stage, "record", limit=3, offset=3, below=first["size"])
    indexes = [one["index"] for one in (*first["entries"], *second["entries"])]
    assert indexes == sorted(indexes, reverse=True)
    assert len(set(indexes)) == 6
    assert second["total"] == first["total"]


def test_an_entry_shows_what_it_names_and_what_names_it(stage: Stage) -> None:
    said = stage.notify("sortie-7")
    call(stage.desk, "update", b'{"officer":"duty-1","id":"sortie-7","reason":"later"}')
    stage.desk.run_once()
    entry = ask(stage, "record-entry", entry=str(said.index))
    assert next(one["kind"] for one in entry["answers"]) == "activity.update"
    update = ask(stage, "record-entry", entry=str(entry["answers"][0]["index"]))
    assert said.index in [one["index"] for one in update["mentions"]]
    assert ask(stage, "record", thing="sortie-7")["total"] >= 2
    with pytest.raises(NotFound):
        ask(stage, "record-entry", entry="999999")


def test_proofs_lead_from_what_was_known(stage: Stage) -> None:
    known = ask(stage, "record-proof")
    stage.say("more")
    found = ask(stage, "record-proof", known=known["size"], index=known["size"])
    tree = stage.desk.view.tree
    hashes = [base64.b64decode(one) for one in found["consistency"]["hashes"]]
    verify_consistency(
        known["size"], found["size"], tree.root(known["size"]), tree.root(found["size"]), hashes
    )
    assert found["inclusion"]["index"] == known["size"]
    with pytest.raises(NotFound):
        ask(stage, "record-proof", index=found["size"])
    with pytest.raises(Malformed):
        ask(stage, "record-leaves", start=found["size"] + 1)


def test_a_proof_file_is_given_only_under_the_quorum(stage: Stage) -> None:
    stage.say("to be proven")
    with pytest.raises(VerificationFailed, match="quorum"):
        ask(stage, "record-bundle", index=3)
    stage.center.cosigners = [stage.center.us, stage.ru]
    stage.desk.run_once()
    bundle = ask(stage, "record-bundle", index=3)
    proof = bundle["proof"].encode()
    verified = verify_proof(proof, parse_proof(proof).extra, parse_policy(bundle["policy"].encode()))
    assert verified.index == 3
    assert ask(stage, "record-proof")["firm"] is not None


def test_the_index_is_thrown_away_with_another_history(stage: Stage) -> None:
    stage.say("one")
    index = stage.desk.record
    assert index.catch_up(limit_s=5) == stage.desk.view.size

    class Shorter:
        def __getattr__(self, name: str) -> Any:
            return 2 if name == "size" else getattr(index._source, name)

    shorter = RecordIndex(None, index._source)
    assert shorter.catch_up(limit_s=5) == stage.desk.view.size
    shorter._source = Shorter()
    assert shorter.catch_up(limit_s=5) == 2
    assert shorter.size == 2
