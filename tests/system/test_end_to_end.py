"""Two desks and a center as real processes over TLS, driven by the command line as officers would."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from entente.cli.stage import Stage
from entente.kernel.errors import EntenteError, TransportError
from entente.kernel.time import encode_utc, parse_utc
from entente.terms.agreement import SigningAgency
from entente.terms.agreement.drafting import encode_draft
from tests.agreement_scene import EXPIRY, NOTICE, ROAD, SEVEN_DAYS, make_text
from tests.system.test_desk_processes import free_port

SECRET = "Mosul-Hotel-Quebec-58"
OFFICER = ("--officer", "duty-1")
WINDOW = "2016-09-17T14:00:00Z..2016-09-17T18:00:00Z"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A founded center with two desks, over TLS with client certificates; one second is a minute."""
    stage = Stage(tmp_path_factory.mktemp("stage") / "run", rate=60, quiet=True)
    stage.start_clock(parse_utc("2016-09-17T13:00:00Z"))
    ports = [free_port() for _ in range(5)]
    cards: list[str] = []
    for party in ("ru", "us"):
        made = stage.entente(
            *("desk", "init", party, "--party", party, "--name", f"Party {party}"),
            *("--officer", "duty-1=Duty officer:duty", "--officer", "duty-2=Deputy:duty"),
            *("--listen", f"127.0.0.1:{ports.pop()}", "--witness", f"127.0.0.1:{ports.pop()}"),
            *("--clock", stage.clock_text),
        )
        cards += ["--card", made["card"]]
    address = f"127.0.0.1:{ports.pop()}"
    url = f"https://{address}"
    made = stage.entente(
        *("center", "init", "center", "--origin", "exercise.example/e2e", "--name", "Joint center"),
        *("--url", url, "--tls", "--exercise", "--clock", stage.clock_text, *cards),
    )
    try:
        stage.serve("center", address, "center", "serve", "center")
        for party in ("ru", "us"):
            stage.entente("desk", "join", party, "--center", url, "--expect-charter", made["charter"])
        for party in ("ru", "us"):
            listen = (stage.folder / party / "desk.toml").read_text().split('api_listen = "')[1].split('"')[0]
            stage.serve(party, listen, "desk", "serve", party)
        yield stage
    finally:
        stage.stop()


def settle(stage: Stage) -> int:
    def settled() -> Any:
        records = [stage.act(party, "status", show=False)["record"] for party in ("ru", "us")]
        sizes = {one[name] for one in records for name in ("size", "settled_size", "shown_size")}
        return sizes.pop() if len(sizes) == 1 else None

    size: int = stage.wait_for("every entry to be settled", settled)
    return size


def files_with(folder: Path, needle: bytes) -> list[Path]:
    found = [path for path in folder.rglob("*") if path.is_file()]
    assert len(found) > 5, f"expected files in {folder}"
    return [path for path in found if needle in path.read_bytes()]


def test_the_host_cannot_read_what_is_addressed(stage: Stage) -> None:
    said = stage.act(
        *("us", "say", "private", f"The convoy carries {SECRET}", "--officer", "duty-1", "--to", "ru"),
    )
    shown = stage.wait_for(
        "the text at ru",
        lambda: [one for one in _thread(stage, "ru", "private") if SECRET in json.dumps(one)],
    )
    assert shown
    settle(stage)
    # The needle is found where it may be found, so that this test could fail.
    assert files_with(stage.folder / "us", SECRET.encode())
    for encoded in (SECRET.encode(), SECRET.encode().hex().encode(), SECRET.encode("utf-16-le")):
        assert files_with(stage.folder / "center", encoded) == []
    assert SECRET.encode() not in (stage.folder / "center.log").read_bytes()
    # And what the record holds of it is what the addressee can prove.
    assert said["kind"] == "thread.say"


def _thread(stage: Stage, party: str, name: str) -> list[Any]:
    from entente.cli.link import DeskLink

    try:
        found: list[Any] = DeskLink.open(stage.folder / party).call("GET", "/api/thread", name=name)
    except EntenteError:
        return []
    return found


def test_sent_is_never_shown_as_acknowledged(stage: Stage) -> None:
    said = stage.act(
        *("us", "notify", "patrol-1", "--officer", "duty-1", "--activity", "air", "--title", "Patrol"),
        *("--circle", "35.30,40.10,2000", "--window", WINDOW),
    )
    settle(stage)
    ladder = stage.act("us", "status", said["leaf"], show=False)
    sending = {rung["name"]: rung["at"] for rung in ladder["rungs"]}
    assert sending["submitted"][:16] <= sending["recorded"][:16] <= sending["firm"][:16]
    rungs = {rung["name"]: rung["state"] for one in ladder["parties"] for rung in one["rungs"]}
    assert rungs["acknowledged"] != "reached"
    stage.act("ru", "ack", said["leaf"][:12], "--officer", "duty-2")
    settle(stage)
    ladder = stage.act("us", "status", said["leaf"], show=False)
    rung = next(rung for one in ladder["parties"] for rung in one["rungs"] if rung["name"] == "acknowledged")
    assert rung["state"] == "reached"
    assert rung["who"] == "duty-2"


def test_a_desk_that_dies_loses_nothing_and_goes_on(stage: Stage) -> None:
    before = settle(stage)
    process = stage._processes["ru"]
    process.kill()
    process.wait(10)
    said = stage.act("us", "say", "crash", "Are you there?", "--officer", "duty-1")
    assert said["state"] == "recorded"
    assert said["standing"] == "recorded"  # one witness is away: nothing is firm
    stage.serve("ru", stage._addresses["ru"], "desk", "serve", "ru")
    assert settle(stage) > before


def test_a_center_that_dies_loses_nothing_and_goes_on(stage: Stage) -> None:
    before = settle(stage)
    process = stage._processes["center"]
    process.kill()
    process.wait(10)
    # What is handed over while the center is away is kept, and told as not sent.
    kept = stage.act("us", "say", "crash", "Center?", "--officer", "duty-1", expect=5)
    assert kept["state"] != "recorded"
    stage.serve("center", stage._addresses["center"], "center", "serve", "center")
    stage.wait_for("the kept text", lambda: "Center?" in json.dumps(_thread(stage, "ru", "crash")))
    assert settle(stage) > before


@pytest.mark.parametrize(
    ("words", "code", "told"),
    (
        (("notify", "x"), 2, "officer"),
        (
            (
                "notify",
                "X!",
                "--officer",
                "duty-1",
                "--activity",
                "air",
                "--title",
                "t",
                "--circle",
                "35,40,100",
                "--window",
                WINDOW,
            ),
            2,
            "id",
        ),
        (
            (
                "notify",
                "x",
                "--officer",
                "duty-1",
                "--activity",
                "air",
                "--title",
                "t",
                "--circle",
                "95,40,100",
                "--window",
                WINDOW,
            ),
            2,
            "latitude",
        ),
        (
            (
                "notify",
                "x",
                "--officer",
                "duty-1",
                "--activity",
                "air",
                "--title",
                "t",
                "--circle",
                "35,40,abc",
                "--window",
                WINDOW,
            ),
            2,
            "radius",
        ),
        (
            (
                "notify",
                "x",
                "--officer",
                "duty-1",
                "--activity",
                "air",
                "--title",
                "t",
                "--polygon",
                "35,40 36,41 35,41 36,40",
                "--window",
                WINDOW,
            ),
            2,
            "cross",
        ),
        (
            (
                "notify",
                "x",
                "--officer",
                "duty-1",
                "--activity",
                "air",
                "--title",
                "t",
                "--circle",
                "35,40,100",
                "--window",
                "2016-09-17T14:00:00Z..2016-09-17T13:00:00Z",
            ),
            2,
            "window",
        ),
        (
            (
                "notify",
                "x",
                "--officer",
                "nobody",
                "--activity",
                "air",
                "--title",
                "t",
                "--circle",
                "35,40,100",
                "--window",
                WINDOW,
            ),
            2,
            "nobody",
        ),
        (("ack", "999999", "--officer", "duty-1"), 3, "999999"),
        (("concur", "no-such", "--officer", "duty-1"), 3, "no-such"),
    ),
)
def test_wrong_input_is_told_and_changes_nothing(
    stage: Stage, words: tuple[str, ...], code: int, told: str
) -> None:
    before = said_by(stage, "us")
    answer = stage.act("us", *words, expect=code, show=False)
    assert told in answer["message"].lower() + answer.get("path", "").lower()
    assert said_by(stage, "us") == before


def said_by(stage: Stage, party: str) -> int:
    """Return how many messages of a party the record holds; the center's own clock goes on all the same."""
    settle(stage)
    checked = stage.entente("verify", str(stage.folder / "ru" / "mirror"), "--require", "recorded")["checked"]
    count: int = checked["authors"][party]
    return count


def test_a_proof_file_stands_alone(stage: Stage, tmp_path: Path) -> None:
    settle(stage)
    proof = tmp_path / "m.proof"
    stage.act("us", "prove", "3", "--out", str(proof), show=False)
    shutil.rmtree(tmp_path / "elsewhere", ignore_errors=True)
    found = stage.entente("verify", str(proof), "--policy", str(tmp_path / "m.policy"))
    assert found["index"] == 3
    data = proof.read_bytes()
    at = data.index(b"index 3")
    proof.write_bytes(data[:at] + b"index 4" + data[at + 7 :])
    assert stage.entente("verify", str(proof), "--policy", str(tmp_path / "m.policy"), expect=4)


def test_a_desk_verifies_and_a_changed_copy_does_not(stage: Stage, tmp_path: Path) -> None:
    settle(stage)
    mirror = stage.folder / "ru" / "mirror"
    assert stage.entente("verify", str(mirror), "--require", "settled")["ok"]
    copy = tmp_path / "copy"
    shutil.copytree(mirror, copy)
    bundle = next(path for path in sorted((copy / "tile" / "entries").rglob("*")) if path.is_file())
    data = bytearray(bundle.read_bytes())
    data[len(data) // 3] ^= 1
    bundle.write_bytes(bytes(data))
    assert stage.entente("verify", str(copy), expect=4)


def test_an_agreement_is_signed_by_its_agencies_and_computed_alike_by_all(stage: Stage) -> None:
    text = make_text(
        agencies=[SigningAgency("duty", "us", "Duty office")],
        clocks=[SEVEN_DAYS, ROAD, EXPIRY, NOTICE],
    )
    draft = stage.folder / "ceasefire.toml"
    draft.write_text(encode_draft(text), encoding="utf-8")
    stage.act("us", "agreement", "propose", str(draft), "--officer", "duty-1")
    stage.act("us", "agreement", "sign", "ceasefire", "--officer", "duty-1")
    settle(stage)
    shown = stage.act("ru", "agreement", "show", "ceasefire", show=False)
    stage.act("ru", "agreement", "sign", "ceasefire", "--sha256", shown["sha256"], "--officer", "duty-1")
    (view,) = stage.act("us", "agreement", "status", "ceasefire", show=False)["agreements"]
    assert [(due["party"], due["agency"]) for due in view["due"]] == [("us", "duty")]
    stage.act("us", "agreement", "sign", "ceasefire", "--agency", "duty", "--officer", "duty-2")

    def in_force() -> Any:
        (found,) = stage.act("ru", "agreement", "status", "ceasefire", show=False)["agreements"]
        return found if found["phase"] == "in-force" else None

    since = stage.wait_for("the agreement to be in force", in_force)["since"]
    settle(stage)
    at = encode_utc(parse_utc(since) + timedelta(days=7))
    views = [
        stage.act(party, "agreement", "status", "ceasefire", "--at", at, show=False)["agreements"]
        for party in ("ru", "us")
    ]
    for party in ("ru", "us"):
        mirror = str(stage.folder / party / "mirror")
        views.append(stage.entente("agreement", "status", "--mirror", mirror, "--at", at)["agreements"])
    for (one,) in views:
        one.pop("standings", None)
        assert one == views[0][0]
    assert [due["party"] for due in views[0][0]["due"] if due["kind"] == "measure"] == ["ru", "us"]


@pytest.mark.timeout(180)
def test_a_confrontation_is_told_to_both_seen_and_talked_out(stage: Stage) -> None:
    start = stage.now() + timedelta(hours=12)
    window = (
        *("--window", f"{encode_utc(start)}..{encode_utc(start + timedelta(hours=2))}", "--activity", "air"),
        *("--heights", "2000..3000", *OFFICER),
    )
    for party, name in (("us", "east-1"), ("ru", "west-1")):
        stage.act(
            *(party, "notify", name, "--title", name, "--circle", "36.50,41.00,2000", *window, "--armed"),
            *("--concurrence", "us" if party == "ru" else "ru", "--concur-by", encode_utc(start)),
        )

    def raised(party: str) -> Any:
        found = stage.act(party, "alarms", show=False)["confrontations"]
        return found[0] if found and found[0]["state"] == "raised" else None

    ours, theirs = (stage.wait_for("the alarm", partial(raised, party)) for party in ("us", "ru"))
    assert [ours[part] for part in ("alarm", "conflict", "raised")] == [
        theirs[part] for part in ("alarm", "conflict", "raised")
    ]
    assert ours["words"] == theirs["words"]
    assert stage.act("us", "status", show=False)["inbox"][0]["kind"] == "confrontation"
    stage.act("us", "see", ours["alarm"], "--officer", "duty-1")
    stage.act("ru", "say", ours["alarm"], "We go up", "--officer", "duty-2")
    # Nobody of ru says that he has seen it: the center turns to the next contact.
    stage.wait_for("the next contact", lambda: raised("us")["sides"][0]["escalated_to"])
    stage.act("ru", "see", ours["alarm"], "--officer", "duty-2")
    # What the one desk finds goes to the other as a counter-proposal, and is taken up as it is.
    suggested = stage.act("ru", "suggest", "east-1", show=False)
    assert suggested["conflicts"] == ["west-1"]
    (up,) = [one for one in suggested["found"] if one["way"] == "up"]
    (east,) = [one for one in stage.act("ru", "status", show=False)["activities"] if one["id"] == "east-1"]
    stage.act("ru", "ack", east["version"], *OFFICER)
    proposed = stage.act("ru", "counter", "east-1", "--suggested", "up", *OFFICER)
    settle(stage)
    stage.act("us", "update", "east-1", "--reason", "as proposed", "--take-up", proposed["leaf"], *OFFICER)
    settle(stage)
    (east,) = [one for one in stage.act("us", "status", show=False)["activities"] if one["id"] == "east-1"]
    assert (east["volumes"], east["proposals"][0]["state"]) == (up["volumes"], "taken-up")
    for party in ("us", "ru"):
        (ended,) = stage.act(party, "alarms", "--all", show=False)["confrontations"]
        assert ended["state"] == "ended"
        assert "seen by duty-1" in ended["sight"]
        assert "seen by duty-2" in ended["sight"]


def test_two_sides_check_blind_and_open_it_afterwards(stage: Stage) -> None:
    from entente.cli.demo_blind import make_rules
    from entente.cli.demo_day import make_day

    rules = make_rules(make_day()) | {"modes": ["count", "exact", "yes-no"]}
    rules["allowance"] |= {"matches": 4}
    (stage.folder / "skies.json").write_text(json.dumps(rules))
    stage.act("us", "blind", "propose", "skies.json", *OFFICER)
    settle(stage)
    (proposed,) = stage.act("ru", "blind", "rules", "skies")
    refused = stage.act("ru", "blind", "agree", "skies", "--sha256", "0" * 64, *OFFICER, expect=3)
    assert refused["code"] == "other-bytes"
    stage.act("ru", "blind", "agree", "skies", "--sha256", proposed["sha256"], *OFFICER)
    settle(stage)
    assert stage.act("us", "blind", "check", "skies", *OFFICER, expect=3)["code"] == "not-committed"
    for party, place in (("us", "35.30,40.10,4000"), ("ru", "35.31,40.10,4000")):
        words = ("--heights", "1000..3000", "--window", WINDOW)
        stage.act(
            party, "blind", "plan", "put", f"{SECRET.lower()}-{party}", "--circle", place, *words, *OFFICER
        )
        assert stage.act(party, "blind", "prepare", "skies", *OFFICER)["state"] == "committed"
    settle(stage)
    far = ("--circle", "10.0,10.0,1000", "--heights", "1000..3000", "--window", WINDOW)
    assert stage.act("us", "blind", "check", "skies", *far, "--adopt", *OFFICER)["verdict"] == "CLEAR"
    stage.wait_for("the new version", lambda: _count_versions(stage) == 1)
    drafted = {
        "outline": {"type": "circle", "centre_e7": [-10, 200_000_000], "radius_cm": 100_000},
        "floor_cm": 100_000,
        "ceiling_cm": 300_000,
        "start": WINDOW.partition("..")[0],
        "end": WINDOW.partition("..")[2],
    }
    (stage.folder / "drafted.json").write_text(json.dumps([{"name": "drafted", "volumes": [drafted]}]))
    stage.act("us", "blind", "check", "skies", "--file", "drafted.json", *OFFICER)
    found = stage.act("us", "blind", "check", "skies", *OFFICER, expect=7)
    assert [one["item"] for one in found["conflicts"]] == [f"{SECRET.lower()}-us"]
    assert stage.act("us", "blind", "check", "skies", "--yes-no", *OFFICER, expect=7)["at_least"] == 0
    assert stage.act("us", "blind", "check", "skies", "--count", *OFFICER, expect=7)["at_least"] >= 1
    (theirs,) = [one["run"] for one in stage.act("ru", "blind", "runs")["runs"] if one["kind"] == "whole"]
    stage.act("us", "blind", "zoom", str(found["run"]), "--wait-s", "0", *OFFICER, expect=5)
    shown = stage.act("ru", "blind", "zoom", str(theirs), *OFFICER, expect=7)
    assert shown["is_true"]
    assert stage.act("ru", "blind", "zoomed", str(theirs), expect=7)["meetings"]
    usages = stage.act("us", "blind", "budget", "skies")["usages"]
    assert {one["asker"]: (one["whole_runs"], one["delta_runs"]) for one in usages} == {
        "ru": (1, 0),
        "us": (1, 2),
    }
    for needle in (SECRET.lower().encode(), b"353000000", b"35.30,40.10"):
        assert [path for path in files_with(stage.folder / "center", needle) if "blind" in path.name] == []
    _audit(stage)


def _count_versions(stage: Stage) -> int:
    held = stage.act("us", "blind", "runs", "skies", show=False)["holdings"]
    return next(int(one["number"]) for one in held if one["party"] == "us" and one["state"] == "committed")


def _audit(stage: Stage) -> None:
    settle(stage)
    stage.act("us", "blind", "open", "skies", "--epoch", "0", "--out", "opening.json", *OFFICER)
    assert (stage.folder / "opening.json").stat().st_mode & 0o077 == 0
    words = ("--mirror", "ru/mirror", "--considered", "drafted.json")
    audited = stage.entente("blind", "audit", "opening.json", *words)
    assert audited["faults"] == []
    assert audited["checked"] == {
        "versions": 2,
        "questions": 3,
        "answers": 1,
        "matches": 2,
        "filed": 0,
        "considered": 1,
    }
    opened = json.loads((stage.folder / "opening.json").read_text())
    leaf = min(opened["versions"], key=lambda one: len(opened["versions"][one]["cells"]))
    opened["versions"][leaf]["cells"] = opened["versions"][leaf]["cells"][:64]  # three cells of it
    (stage.folder / "tampered.json").write_text(json.dumps(opened))
    audited = stage.entente("blind", "audit", "tampered.json", "--mirror", "ru/mirror", expect=4)
    assert {one["code"] for one in audited["faults"]} >= {"fished", "wrong-root", "wrong-tags"}


def test_doctor_finds_both_desks_fit(stage: Stage) -> None:
    settle(stage)
    for party in ("ru", "us"):
        # Texts that nobody here acknowledges are alarms by now, as they should be.
        for expect in (0, 3):
            try:
                checks = stage.act(party, "doctor", expect=expect, show=False)["checks"]
                break
            except TransportError:
                continue
        else:
            pytest.fail("doctor: expected exit 0 or 3")
        assert [one["name"] for one in checks if one["state"] == "bad" and one["name"] != "alarms"] == []


def test_help_answers_without_loading_anything() -> None:
    """`entente --help` under 300 ms of CPU is measured by bench/cli.py; here: what must not be imported."""
    code = (
        "import sys; from entente.cli.main import main; main(['--help']); "
        "heavy = {'numpy', 'starlette', 'sqlalchemy', 'cyclopts', 'rich', 'httpx'} & set(sys.modules); "
        "sys.exit(bool(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0
    assert b"Usage: entente COMMAND" in done.stdout
