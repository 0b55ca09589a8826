"""An agreement from a desk's side: verbs, inbox, screen, and the mirror from which anyone computes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from entente.cli.agreement import agreement_app
from entente.cli.agreement_offline import read_agreements
from entente.cli.agreement_words import print_agreement, print_text
from entente.cli.run import run_app
from entente.desk.service import VERBS, call
from entente.joint.audit import RecordAudit
from entente.joint.dating import make_received
from entente.joint.registry import KINDS
from entente.kernel.errors import Denied
from entente.kernel.time import encode_utc
from entente.terms import agreement as ag
from entente.terms.agreement.drafting import encode_draft
from tests.agreement_scene import EXPIRY, NOTICE, ROAD, SEVEN_DAYS, make_text
from tests.protocol.desk_stage import Stage, make_stage, open_scratch

# The stage's duty officer has the role "duty": here an agency's name.
TEXT = make_text(
    agencies=[ag.SigningAgency("duty", "us", "Duty office")], clocks=[SEVEN_DAYS, ROAD, EXPIRY, NOTICE]
)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_scratch(tmp_path) as folder:
        made = make_stage(folder)
        made.found()
        yield made


def ask(stage: Stage, verb: str, **request: Any) -> Any:
    if not VERBS[verb].is_reading:
        request = {"officer": "duty-1"} | request
    return call(stage.desk, verb, json.dumps(request).encode())


def theirs(stage: Stage, kind: str, body: Any) -> str:
    leaf: str = stage.center.say("ru", kind, body, officers=["duty-1"], at=encode_utc(stage.clock.now))
    stage.desk.run_once()
    return leaf


def deliver_theirs(stage: Stage) -> None:
    """Let the partner's desk report what it owes, as desks do by themselves."""
    from entente.deconflict import ReceiptRow
    from entente.deconflict.receipts import Deliver, Delivery

    waiting = [row.message for row in stage.desk.rows.select(ReceiptRow, party="ru") if not row.delivered]
    body = Deliver([Delivery(leaf, "readable", "") for leaf in sorted(waiting)])
    stage.center.say("ru", "receipt.deliver", body, at=encode_utc(stage.clock.now))
    stage.desk.run_once()


def put_in_force(stage: Stage) -> None:
    ask(stage, "propose-agreement", text=msgspec.to_builtins(TEXT))
    ask(stage, "sign-agreement", id="ceasefire")
    ask(stage, "sign-agreement", id="ceasefire", agency="duty", sha256=ag.hash_text(TEXT))
    theirs(stage, "agreement.sign", ag.SignAgreement("ceasefire", ag.hash_text(TEXT), ""))
    deliver_theirs(stage)


def test_from_proposal_to_the_joint_center(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    ask(stage, "propose-agreement", text=msgspec.to_builtins(TEXT))
    own = [item for item in ask(stage, "inbox") if item["kind"] == "agreement"]
    assert [item["words"].partition(":")[2].strip()[:14] for item in own] == ["sign or refuse"] * 2
    ask(stage, "sign-agreement", id="ceasefire")
    with pytest.raises(Denied, match="other-bytes"):
        ask(stage, "sign-agreement", id="ceasefire", agency="duty", sha256="0" * 64)
    with pytest.raises(Denied, match="role-missing"):
        ask(stage, "sign-agreement", id="ceasefire", agency="duty", officer="duty-2")
    ask(stage, "sign-agreement", id="ceasefire", agency="duty")
    assert ask(stage, "agreement", name="ceasefire")["phase"] == "proposed"
    theirs(stage, "agreement.sign", ag.SignAgreement("ceasefire", ag.hash_text(TEXT), ""))
    # Our own desk's delivery dates it by itself: nobody has to press anything.
    view = ask(stage, "agreement", name="ceasefire")
    assert (view["phase"], view["since"]) == ("in-force", encode_utc(stage.clock.now))
    assert set(view["standings"].values()) == {"recorded"}
    stage.clock.pass_s(7 * 86_400)
    view = ask(stage, "agreement", name="ceasefire")
    assert [one["party"] for one in view["due"] if one["kind"] == "measure"] == ["ru", "us"]
    print_agreement(view)
    shown = capsys.readouterr().out
    assert "us: do joint-center: A joint center opens, since 2016-09-24T13:55:00Z" in shown
    assert "7 of 7 days since 2016-09-17T13:55:00Z" in shown
    assert shown.count("[entr") > 10
    found = ask(stage, "agreement-text", name="ceasefire")
    print_text(found["text"], found["sha256"])
    assert ag.hash_text(TEXT) in capsys.readouterr().out
    assert ask(stage, "status")["agreements"][0]["phase"] == "in-force"


def test_the_desk_and_whoever_has_its_mirror_compute_the_same(stage: Stage) -> None:
    put_in_force(stage)
    happened = encode_utc(stage.clock.now)
    said = ask(
        stage, "report-incident", id="ceasefire", clock="seven-days", happened=happened, text="an attack"
    )
    motion = ask(stage, "move-reset", incident=str(said["index"]), reason="a serious violation")
    ask(stage, "consent", motion=motion["leaf"][:16])
    ask(stage, "consent", motion=motion["leaf"], agency="duty", word="no", reason="not yet")
    ask(stage, "suspend-agreement", id="ceasefire", reason="a breach")
    stage.clock.pass_s(3600)
    ask(stage, "resume-agreement", id="ceasefire")
    ask(stage, "withdraw-agreement", id="ceasefire", reason="no trust")
    deliver_theirs(stage)
    view = ask(stage, "agreement", name="ceasefire")
    assert [one["state"] for one in view["motions"]] == ["denied"]
    del view["standings"]
    now = encode_utc(stage.clock.now)
    (offline,), notes = read_agreements(stage.folder / "mirror", "ceasefire", now)
    assert json.loads(json.dumps(offline)) == json.loads(json.dumps(view))
    assert "checked and replayed offline" in notes[0]
    audit = RecordAudit(KINDS)
    for index, data in enumerate(stage.center.entries):
        audit.feed(index, data)
    rows = audit.state.rows
    third = ag.describe_agreement(rows, "ceasefire", stage.clock.now, make_received(rows))
    assert json.loads(msgspec.json.encode(third)) == json.loads(json.dumps(view))


def test_the_remaining_verbs_reach_the_record(stage: Stage) -> None:
    put_in_force(stage)
    ask(stage, "take-step", id="ceasefire", clock="road", step="ready")
    theirs(stage, "agreement.step", ag.TakeStep("ceasefire", "road", "ready", ""))
    leaf = theirs(
        stage,
        "agreement.incident",
        ag.ReportIncident("ceasefire", "seven-days", encode_utc(stage.clock.now), "an attack"),
    )
    words = [item["words"] for item in ask(stage, "inbox") if item["kind"] == "agreement"]
    assert any("accept or dispute" in one for one in words)
    ask(stage, "answer-incident", incident=leaf[:16], answer="disputed")
    ask(stage, "move-extension", id="ceasefire", days=5)
    deliver_theirs(stage)
    view = ask(stage, "agreement", name="ceasefire")
    assert view["incidents"][0]["answers"] == {"us": "disputed"}
    assert view["motions"][0]["state"] == "open"
    assert [one["state"] for one in view["clocks"] if one["id"] == "road"] == ["open"]
    later = ask(stage, "agreement", name="ceasefire", at="2017-09-17T13:55:00Z")
    assert later["phase"] == "ended"
    other = msgspec.structs.replace(TEXT, id="second")
    ask(stage, "propose-agreement", text=msgspec.to_builtins(other))
    ask(stage, "refuse-agreement", id="second", agency="duty", reason="too far")
    assert [one["phase"] for one in ask(stage, "agreements")] == ["in-force", "refused"]


def test_the_partner_cannot_speak_for_our_agency(stage: Stage) -> None:
    ask(stage, "propose-agreement", text=msgspec.to_builtins(TEXT))
    with pytest.raises(Denied, match="not-a-signatory"):
        theirs(stage, "agreement.sign", ag.SignAgreement("ceasefire", ag.hash_text(TEXT), "duty"))


def test_the_status_of_a_mirror_needs_no_desk(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    mirror = str(stage.folder / "mirror")
    assert run_app(agreement_app, ["status", "--mirror", mirror]) == 0
    assert "no agreement is in the record" in capsys.readouterr().out
    put_in_force(stage)
    assert run_app(agreement_app, ["status", "--mirror", mirror, "--at", "2016-09-18T00:00:00Z"]) == 0
    shown = capsys.readouterr().out
    assert "IN-FORCE at 2016-09-18T00:00:00Z" in shown
    assert "not checked: that this charter" in shown
    assert run_app(agreement_app, ["status", "other", "--mirror", mirror]) == 3
    assert run_app(agreement_app, ["status", "--mirror", mirror + "s"]) == 2
    bundle = next((stage.folder / "mirror" / "tile" / "entries").rglob("*.p/*"))
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 1
    bundle.write_bytes(data)
    assert run_app(agreement_app, ["status", "--mirror", mirror]) == 4


def test_a_draft_is_made_from_a_terms_file_at_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    terms = Path(__file__).resolve().parents[2] / "examples" / "center-2016" / "terms.toml"
    words = ["draft", str(terms), "deal", "--programme", "flight-safety", "--party", "russia=ru"]
    assert run_app(agreement_app, words) == 0
    file = tmp_path / "deal.toml"
    file.write_text(capsys.readouterr().out, encoding="utf-8")
    from entente.terms.agreement.drafting import parse_draft

    text = parse_draft(file.read_bytes())
    assert [one.id for one in text.measures] == ["memorandum"]
    assert "ru" in [one.party for one in text.parties]
    assert encode_draft(text) in file.read_text(encoding="utf-8")
    assert run_app(agreement_app, ["draft", str(terms), "deal", "--programme", "truce-and-aid"]) == 3
    assert "'convoys-pass'" in capsys.readouterr().err
    assert run_app(agreement_app, [*words, "--complete"]) == 0
    completed = capsys.readouterr().out
    assert {"memorandum"} < {one.id for one in parse_draft(completed.encode()).measures}
    assert "it has besides: " in completed
    assert "us-frequencies" not in completed.partition("goes against these positions")[2].partition("\n")[0]
    assert run_app(agreement_app, ["draft", str(terms), "deal", "--grades", "delineation=nowhere"]) == 3
    assert run_app(agreement_app, ["draft", str(terms), "deal", "--party", "russia"]) == 2
    assert run_app(agreement_app, ["propose", str(tmp_path / "none.toml"), "--officer", "duty-1"]) == 2
