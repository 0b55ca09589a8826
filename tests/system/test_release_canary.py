"""Canaries: nothing private of reports and sources is in any byte that leaves a desk, nor in any log.

Three desks and a center as real processes. Between them stands a recorder on every address that they know of
each other: the center's, and each desk's witness. A whole scenario is played (shelves, plans, refusals by
label, purpose and veto, two officers, sending, explaining, recall, passing on over two hops, rules, and
mistakes); then what was recorded, what lies in the other processes' folders, what their desks opened, and
every log is searched for unique texts that stand in every private field. Then a leak is made on purpose, in
three ways, and the same search finds it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from entente.center.draft import CenterPlan
from entente.center.folder import CenterSettings
from entente.center.founding import init_center
from entente.cli.demo_bytes import (
    Needles,
    add_needles,
    count_planted,
    find_needles,
    spell_bytes,
    spell_position,
)
from entente.cli.demo_release import read_bodies
from entente.desk.joining import join
from entente.desk.vault import init_desk
from entente.kernel.roster import parse_card
from entente.store.clock import SystemClock
from entente.store.random import SystemRandom
from tests.parties import RULES
from tests.protocol.desk_stage import OFFICERS, make_config
from tests.system.test_desk_processes import CENTER, DESK, Program, World, free_port, has_settled, wait_for

PARTIES: Final = ("fr", "ru", "us")
NOW: Final = datetime.now(UTC).replace(microsecond=0)
SEEN: Final = NOW - timedelta(days=2, minutes=17, seconds=23)


class Recorder(threading.Thread):
    """An address in front of another: bytes go through and are kept, each connection and direction apart."""

    def __init__(self, port: int, to: int) -> None:
        super().__init__(daemon=True)
        self._to = to
        self._plug = socket.create_server(("127.0.0.1", port), backlog=64)
        self._kept: list[bytearray] = []

    def run(self) -> None:
        """Pass on every connection until `close`."""
        with suppress(OSError):
            while True:
                near, _ = self._plug.accept()
                threading.Thread(target=self._pass_on, args=(near,), daemon=True).start()

    def close(self) -> None:
        """Take no further connection."""
        with suppress(OSError):
            self._plug.shutdown(socket.SHUT_RDWR)
        self._plug.close()

    def get_bytes(self) -> bytes:
        """Return everything that went through so far."""
        return b"\n\n".join(bytes(each) for each in self._kept)

    def _pass_on(self, near: socket.socket) -> None:
        with near, suppress(OSError), socket.create_connection(("127.0.0.1", self._to), timeout=5) as far:
            far.settimeout(None)
            back = threading.Thread(target=self._copy, args=(far, near), daemon=True)
            back.start()
            self._copy(near, far)
            back.join()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        kept = bytearray()
        self._kept.append(kept)
        with suppress(OSError):
            while data := source.recv(65_536):
                # Kept first: what was passed on was recorded.
                kept += data
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


class Captured(World):
    """A world whose every address is a recorder's."""

    recorders: list[Recorder]


def make_captured(folder: Path, ends: ExitStack) -> Captured:
    """Found a center of three parties, each known to the others by a recorder's address alone."""
    shown, real = free_port(), free_port()
    url = f"http://127.0.0.1:{shown}"
    world = Captured(folder, url, Program(CENTER, folder / "center"))
    world.recorders = [Recorder(shown, real)]
    cards = []
    for party in PARTIES:
        api, witness, seen = free_port(), free_port(), free_port()
        world.recorders.append(Recorder(seen, witness))
        config = make_config(
            party=party,
            center_url=url,
            witness_url=f"http://127.0.0.1:{seen}",
            witness_listen=f"127.0.0.1:{witness}",
            api_listen=f"127.0.0.1:{api}",
        )
        report = init_desk(
            *(folder / party, config),
            officers=OFFICERS,
            contacts=["duty-1"],
            clock=SystemClock(),
            random=SystemRandom(),
        )
        cards.append(parse_card(report.card.read_bytes()))
        world.ports[party] = api
        world.desks[party] = Program(DESK, folder / party)
    settings = CenterSettings(origin="center.example/canary", url=url, listen=f"127.0.0.1:{real}")
    plan = CenterPlan(
        origin=settings.origin, name="Joint", url=url, exercise=True, rules=RULES, terms=[], cards=cards
    )
    init_center(folder / "center", plan, settings, SystemClock(), SystemRandom())
    for recorder in world.recorders:
        ends.callback(recorder.close)
        recorder.start()
    ends.callback(lambda: world.center.end(signal.SIGKILL))
    for desk in world.desks.values():
        ends.callback(desk.end, signal.SIGKILL)
    return world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Captured]:
    with ExitStack() as ends:
        made = make_captured(tmp_path, ends)
        made.center.start()
        for party in PARTIES:
            join(tmp_path / party, clock=SystemClock(), random=SystemRandom())
        starts = [threading.Thread(target=desk.start) for desk in made.desks.values()]
        for one in starts:
            one.start()
        for one in starts:
            one.join()
        for party in PARTIES:
            wait_for(partial(has_settled, made, party), f"{party} to follow")
        yield made


# What is private.


class Canaries:
    """Unique texts, by what they stand for."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def slug(self, what: str) -> str:
        """Return a unique name."""
        digest = hashlib.sha256(f"canary {what}".encode()).hexdigest()[:8]
        return self.texts.setdefault(what, f"{what[:20].rstrip('-')}-{digest}")

    def words(self, what: str) -> str:
        """Return a unique sentence."""
        digest = hashlib.sha256(f"canary {what}".encode()).hexdigest()[:12].upper()
        return self.texts.setdefault(what, f"Only we know of {digest} ({what})")

    def make_needles(self) -> Needles:
        """Return every spelling of them that is looked for."""
        needles: Needles = {}
        for what, text in self.texts.items():
            for spelt in (text, json.dumps(text)[1:-1]):
                add_needles(needles, spell_bytes(spelt.encode()), what)
            add_needles(needles, [text.encode("utf-16-le"), base64.b32encode(text.encode())[:40]], what)
        for what, (lat_e7, lon_e7) in PLACES_E7.items():
            add_needles(needles, spell_position(lat_e7, lon_e7), what)
        for number in range(REPORTS):
            when = get_moment(number)
            for text in (f"{when:%Y-%m-%dT%H:%M:%S}", f"{when:%Y%m%dT%H%M%S}", str(int(when.timestamp()))):
                add_needles(needles, spell_bytes(text.encode()), f"moment of report {number}")
        return needles


REPORTS: Final = 4
PLACES_E7: Final = {
    **{f"place of site {n}": (351_234_567 + 9_000_021 * n, 361_234_573 + 11_000_017 * n) for n in range(3)},
    **{
        f"place of report {n}": (353_219_871 + 171_717 * n, 363_219_877 + 191_919 * n) for n in range(REPORTS)
    },
}


def get_moment(number: int) -> datetime:
    return SEEN + timedelta(minutes=71 * number, seconds=number)


def spell_catalogue(c: Canaries) -> str:
    sites = "".join(
        f'[[secret.hypothesis]]\nid = "{c.slug(f"site-{n}")}"\nwords = "{c.words(f"site words {n}")}"\n'
        f'at = [{lat_e7 / 1e7:.7f}, {lon_e7 / 1e7:.7f}]\nobservers = ["{c.slug("eye")}"]\n'
        for n, (lat_e7, lon_e7) in enumerate(PLACES_E7[f"place of site {n}"] for n in range(3))
    )
    return f"""entente-catalogue = 1
[[observer]]
id = "{c.slug("eye")}"
words = "{c.words("observer words")}"
reach_m = 400_000
sees = ["air"]
identifies = 3
accuracy_m = 100
height_accuracy_m = 100
latency_s = 10
[[observer]]
id = "{c.slug("public-eye")}"
words = "{c.words("public observer words")}"
everywhere = true
sees = ["air"]
identifies = 3
accuracy_m = 100
height_accuracy_m = 100
latency_s = 10
[[source]]
id = "{c.slug("source")}"
words = "{c.words("source words")}"
method = "{c.slug("method")}"
observer = "{c.slug("eye")}-{c.slug("site-1")}"
sensitivity = "high"
theatres = ["{c.slug("theatre")}"]
alternatives = [{{ observer = "{c.slug("public-eye")}", share = "1/2" }}]
secrets = ["{c.slug("secret")}"]
[[secret]]
id = "{c.slug("secret")}"
about = "site"
words = "{c.words("secret words")}"
truth = "{c.slug("site-1")}"
officers = 2
budget = {{ chance = "9/10" }}
{sites}"""


def spell_reports(c: Canaries) -> str:
    parts = ["entente-reports = 1\n"]
    for number in range(REPORTS):
        lat_e7, lon_e7 = PLACES_E7[f"place of report {number}"]
        parts.append(f"""[[report]]
id = "{c.slug(f"report-{number}")}"
theatre = "{c.slug("theatre")}"
source = "{c.slug("source")}"
at = [{lat_e7 / 1e7:.7f}, {lon_e7 / 1e7:.7f}]
height_m = 5123
when = {get_moment(number):%Y-%m-%dT%H:%M:%SZ}
path = ["air", "fixed-wing", "transport"]
accuracy_m = 100
label = {{ policy = "TLP", classification = "{"RED" if number == 3 else "AMBER"}" }}
[[report.tear_line]]
id = "{c.slug(f"line-{number}")}"
text = "A transport was seen, number {number}."
depth = 3
[[report.tear_line]]
id = "{c.slug(f"finer-line-{number}")}"
text = "{c.words(f"text of the finer line {number}")}"
place = "1 arcsec"
time = "1 s"
depth = 6
height = "1 m"
[[report.field]]
name = "{c.slug(f"field-{number}")}"
value = "{c.words(f"value of the private field {number}")}"
""")
    return "".join(parts)


def fill(world: Captured, c: Canaries) -> None:
    files = {
        "catalogue": spell_catalogue(c),
        "reports": spell_reports(c),
        "clearances": "".join(
            f'[[clearance]]\nparty = "{party}"\npolicy = "TLP"\nup_to = "AMBER"\n' for party in ("ru", "fr")
        ),
        "purposes": f'[[purpose]]\nid = "safety"\nwords = "{c.words("purpose words")}"\nto = ["ru", "fr"]\n'
        f'onward = "ask"\n[[purpose]]\nid = "{c.slug("another-purpose")}"\nwords = ""\nto = ["fr"]\n',
        "pools": f'[[pool]]\nid = "{c.slug("pool")}"\nwords = "{c.words("pool words")}"\n'
        'members = ["fr", "ru"]\n',
    }
    for kind, text in files.items():
        said = world.ask("us", "release-load", officer="duty-1", kind=kind, text=text)
        assert "shelved" in said, said
    vetoes = world.folder / "us" / "release" / "vetoes"
    vetoes.mkdir(parents=True, exist_ok=True)
    (vetoes / "own.cedar").write_text(
        f'@id("{c.slug("veto")}") @words("{c.words("veto words")}")\n'
        'forbid (principal == Party::"fr", action == Action::"release", resource)\n'
        f'when {{ resource.method == "{c.slug("method")}" }};'
    )


# What is played.


def ask(world: Captured, who: str, verb: str, /, **request: Any) -> Any:
    token = (world.folder / who / "token").read_text()
    answer = httpx.post(
        f"http://127.0.0.1:{world.ports[who]}/api/{verb}",
        headers={"authorization": f"Bearer {token}"},
        json={"officer": "duty-1", **request},
        timeout=60,
    )
    return answer.json()


def send(world: Captured, plan: dict[str, Any]) -> dict[str, Any]:
    """Have both officers say yes, and return the plan when it is in the record."""
    assert plan["state"] == "planned", plan
    assert plan["needs"] == 2
    first = ask(world, "us", "release-send", plan=plan["plan"], sha256=plan["sha256"])
    assert (first["state"], first["approved"]) == ("planned", ["duty-1"]), first
    done = world.ask("us", "release-send", officer="duty-2", plan=plan["plan"], wait_s=30)
    assert done["state"] == "recorded", done
    return dict(done)


def find_item(world: Captured, party: str, leaf: str) -> Any:
    return next((one for one in world.ask(party, "release-items") if one["leaf"] == leaf), None)


def find_question(world: Captured, party: str, leaf: str, *, is_open: bool = True) -> Any:
    questions = world.ask(party, "release-onward")
    return [one for one in questions if one["ask"] == leaf and (is_open or one["state"] != "open")]


def play(world: Captured, c: Canaries) -> dict[str, Any]:
    """Play everything that a desk can be asked about releases; return what was sent."""
    first, second, third, red = (c.slug(f"report-{number}") for number in range(REPORTS))
    plan = partial(ask, world, "us", "release-plan", purpose="safety")

    # Refused: by the label, by a veto, by a purpose that does not name them, by nobody's purpose.
    refused = {
        "label": plan(report=red, to=["ru"])[0],
        "veto": plan(report=first, to=["fr"])[0],
        "purpose": plan(report=first, to=["ru"], purpose=c.slug("another-purpose"))[0],
    }
    assert {one["state"] for one in refused.values()} == {"denied"}, refused
    assert c.slug("veto") in json.dumps(refused["veto"])
    for one in refused.values():
        ask(world, "us", "release-explain", plan=one["plan"])

    # Mistakes, whose words may go into a log.
    broken = spell_catalogue(c).replace("identifies = 3", f'identifies = "{c.words("broken file")}"')
    for wrong in (
        {"verb": "release-load", "kind": "catalogue", "text": broken},
        {"verb": "release-plan", "report": c.slug("no-such-report"), "to": ["ru"], "purpose": "safety"},
        {"verb": "release-plan", "report": first, "to": [c.words("no party")], "purpose": "safety"},
        {"verb": "release-explain", "report": first, "to": c.slug("nobody")},
    ):
        said = ask(world, "us", str(wrong.pop("verb")), **wrong)
        assert "code" in said, said

    given = send(world, plan(report=first, to=["ru"], note="as you asked")[0])
    again = plan(report=first, to=["ru"])[0]
    assert (again["plan"], again["leaf"]) == (given["plan"], given["leaf"])
    onward = send(world, plan(report=second, to=["ru"])[0])
    withdrawn = plan(report=third, to=["ru"])[0]
    assert ask(world, "us", "release-withdraw", plan=withdrawn["plan"])["state"] == "withdrawn"

    # Over two hops: ru asks to pass the second on to fr; once no, once yes.
    wait_for(lambda: find_item(world, "ru", onward["leaf"]), "the item at ru")
    for granted in (False, True):
        asked = ask(
            *(world, "ru", "release-ask"),
            item=onward["leaf"],
            party="fr",
            purpose="safety",
            words=f"may we {granted}",
        )
        assert asked["state"] == "recorded", asked
        leaf = str(asked["leaf"])
        wait_for(partial(find_question, world, "us", leaf), "the question at us")
        answer = ask(world, "us", "release-grant", ask=leaf, granted=granted, words="so be it")
        if granted:
            answer = send(world, answer)
        wait_for(partial(find_question, world, "ru", leaf, is_open=False), "the answer at ru")
    (yes,) = [one for one in world.ask("ru", "release-onward") if one["state"] == "granted"]
    passed = ask(world, "ru", "release-pass", grant=yes["grant"], wait_s=30)
    assert passed["state"] == "recorded", passed
    wait_for(lambda: find_item(world, "fr", passed["leaf"]), "the item at fr")

    # Recall, delivered and acknowledged.
    (recalled,) = ask(
        world, "us", "release-recall", report=first, reason="wrong", words="it was not so", wait_s=30
    )
    wait_for(
        lambda: find_item(world, "us", given["leaf"])["recall"]["state"] == "delivered",
        "the recall to arrive",
    )
    notice = find_item(world, "ru", given["leaf"])["recall"]["leaf"]
    assert ask(world, "ru", "acknowledge", messages=[notice])["state"] == "recorded"
    wait_for(
        lambda: find_item(world, "us", given["leaf"])["recall"]["state"] == "acknowledged",
        "the acknowledgement",
    )
    assert recalled["party"] == "ru"

    # Rules, and every look that there is.
    ask(world, "us", "release-propose", id="north", partner="ru", purposes=["safety"])
    wait_for(lambda: world.ask("ru", "release-rules"), "the rules at ru")
    assert ask(world, "ru", "release-agree", id="north")["state"] == "recorded"
    wait_for(lambda: world.ask("us", "release-rules")[0]["state"] == "agreed", "the rules in force")
    for verb in (
        "release-shelf",
        "release-plans",
        "release-ledger",
        "release-onward",
        "release-rules",
        "status",
    ):
        world.ask("us", verb)
    belief = world.ask("us", "release-belief", secret=c.slug("secret"), pool="ru")
    assert len(belief["steps"]) == 2, belief
    assert world.ask("us", "release-check")["is_sound"] is True
    return {"given": given, "onward": onward, "passed": passed["leaf"]}


# What is searched.


def collect(world: Captured) -> dict[str, bytes]:
    """Return every byte that left a process or was written to a log, by where it is."""
    places = {"sockets": b"\n\n".join(recorder.get_bytes() for recorder in world.recorders)}
    for name in ("center", "fr", "ru"):
        files = [path for path in sorted((world.folder / name).rglob("*")) if path.is_file()]
        assert files, name
        places[f"folder of {name}"] = b"\n\n".join(path.read_bytes() for path in files)
    for party in ("fr", "ru"):
        places[f"opened by {party}"] = b"\n\n".join(read_bodies(world.folder / party))
    for name in ("center", *PARTIES):
        places[f"log of {name}"] = (world.folder / f"{name}.log").read_bytes()
    return places


def find_leaks(places: dict[str, bytes], needles: Needles) -> list[str]:
    return [f"{what}, in {where}" for where, data in places.items() for what in find_needles(data, needles)]


@pytest.mark.timeout(120)
def test_nothing_private_leaves_and_a_planted_leak_is_found(world: Captured) -> None:
    canaries = Canaries()
    fill(world, canaries)
    told = play(world, canaries)
    needles = canaries.make_needles()
    places = collect(world)

    # The search reads what it should: plain HTTP, the variants that were sent, the messages of the record.
    assert len(places["sockets"]) > 100_000
    assert b"content-encoding" not in places["sockets"].lower()
    assert places["sockets"].count(b"POST ") > 10
    for party, leaf in (
        ("ru", told["given"]["leaf"]),
        ("ru", told["onward"]["leaf"]),
        ("fr", told["passed"]),
    ):
        assert find_item(world, party, leaf)["variant"]["path"] == ["air", "fixed-wing", "transport"]
    assert b'"path":["air","fixed-wing","transport"]' in places["opened by ru"]
    assert b'"path":["air","fixed-wing","transport"]' in places["opened by fr"]
    assert b'"path":["air","fixed-wing","transport"]' not in places["sockets"]
    at_home = b"\n\n".join(path.read_bytes() for path in (world.folder / "us").glob("desk.db*"))
    assert len(find_needles(at_home, needles)) > len(canaries.texts) / 2
    for where in ("sockets", "opened by fr", "log of us"):
        got, planted = count_planted(places[where], needles, every=31)
        assert 0 < planted == got, where

    assert find_leaks(places, needles) == []

    # Leaks on purpose: said in the open; written into a note; written by a process to its log.
    leaks = [canaries.words(f"site words {number}") for number in range(3)]
    assert ask(world, "us", "say", thread="open", text=leaks[0], wait_s=30)["state"] == "recorded"
    plan = ask(
        world,
        "us",
        "release-plan",
        report=canaries.slug("report-2"),
        to=["ru"],
        purpose="safety",
        note=leaks[1],
    )[0]
    leaf = send(world, plan)["leaf"]
    wait_for(lambda: find_item(world, "ru", leaf), "the item at ru")
    with (world.folder / "us.log").open("a") as log:
        log.write(f"plan {leaks[2]!r}\n")
    found = find_leaks(collect(world), needles)
    assert {one.split(", in ")[0] for one in found} == {f"site words {number}" for number in range(3)}, found
    assert {"site words 0, in sockets", "site words 0, in folder of center"} <= set(found), found
    assert "site words 1, in opened by ru" in found
    assert "site words 1, in sockets" not in found
    assert "site words 2, in log of us" in found
    for program in (*world.desks.values(), world.center):
        assert program.end() == 0


def test_the_recorder_keeps_both_directions(tmp_path: Path) -> None:
    draw = random.Random(7)
    sent, answered = draw.randbytes(300_000), draw.randbytes(200_000)
    shown, real = free_port(), free_port()
    with socket.create_server(("127.0.0.1", real)) as server:
        recorder = Recorder(shown, real)
        recorder.start()
        with socket.create_connection(("127.0.0.1", shown)) as near:
            far, _ = server.accept()
            with far:
                near.sendall(sent)
                near.shutdown(socket.SHUT_WR)
                assert b"".join(iter(lambda: far.recv(65_536), b"")) == sent
                far.sendall(answered)
                far.shutdown(socket.SHUT_WR)
                assert b"".join(iter(lambda: near.recv(65_536), b"")) == answered
        recorder.close()
    kept = recorder.get_bytes()
    assert sent in kept
    assert answered in kept
