"""The story that the demo plays: 17 September 2016 near Deir ez-Zor, as it was, and where entente stops it.

    1. Two parties found a center; the memorandum's public rules stand in its charter
    2. The Castello road's distances become zones, each obligation with its guarantor
    3. A strike is planned where the other side's troops are; its place is passed 9 km off. The read-back
    shows the officers
       where they were told; the desk compares with its own plan, and the position does not count
    4. The corrected place is read back, the conflict is named, and the other side objects
    5. A contact does not answer: the ladder goes to the next one at the agreed minute
    6. A readout is signed by both; another is left unanswered, and recorded as silent
    7. Both mirrors verify, offline; then copies are tampered with, and each is caught

Invariants: each number in the summary was read from an answer of this run; each step that should be
stopped is asserted to have been stopped: `Story.is_complete` is false, and the demo fails, when one was not.

    >>> tell_story(Stage(folder, rate=60, quiet=True)).is_complete
    True
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from entente.cli.scene import Scene, circle_text, load_scene, strip_text
from entente.cli.stage import Stage, free_ports
from entente.cli.tampering import TAMPERINGS
from entente.kernel.errors import VerificationFailed
from entente.kernel.time import encode_utc, parse_utc
from entente.space import distance_and_bearing

STRIKE = "strike-17"
POSITIONS = "positions-17"
THREAD = "deir-ez-zor"


class Expecting:
    """A part of the demo that notes what did not come out as it should have."""

    __slots__ = ()
    missed: list[str]

    @property
    def is_complete(self) -> bool:
        """Whether everything came out as it should."""
        return not self.missed

    def expect(self, what: str, *, is_so: bool) -> None:
        """Note what did not come out as it should have."""
        if not is_so:
            self.missed.append(what)


@dataclass(slots=True)
class Story(Expecting):
    """What the run showed."""

    scene: Scene
    charter: str = ""
    zones: int = 0
    off_m: float = 0.0
    blocked_because: str = ""
    read_words: str = ""
    conflict: str = ""
    objection: str = ""
    escalated_to: str = ""
    escalated_after_s: float = -1.0
    answered_after_s: float = -1.0
    answered_by: str = ""
    signed: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    entries: int = 0
    verified: list[str] = field(default_factory=list)
    caught: list[tuple[str, str]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether everything that should be caught was caught."""
        return not self.missed and len(self.caught) == len(TAMPERINGS) and len(self.verified) == 2

    def lines(self) -> list[str]:
        """Return the summary, for a stranger."""
        then = self.scene.strike.minutes_out_of_reach
        after, answered = self.escalated_after_s / 60, self.answered_after_s / 60
        lines = [
            f"1. A place was passed {self.off_m / 1000:.1f} km off. Read back in words and held against",
            f"   the plan, it did not count: {self.blocked_because}.",
            "   In 2016 a place 9 km off was passed on, and stood.",
            f"2. Told right, the conflict was named: {self.conflict}",
            f"   The other side objected ({self.objection!r}): the activity never had its agreement.",
            f"3. A contact did not answer. After {after:.1f} minutes the message went to",
            f"   {self.escalated_to}, who acknowledged it {answered:.1f} minutes after it was recorded.",
            f"   In 2016 the contact was out of reach for {then} minutes.",
            f"4. One readout is signed by {' and '.join(self.signed)}, over the same bytes. On the other",
            f"   {', '.join(self.silent)} is recorded as silent; silence is not consent.",
            f"5. Verified offline: {'; '.join(self.verified)}.",
            f"6. Tampered with {len(TAMPERINGS)} copies, caught {len(self.caught)}:",
        ]
        lines += [f"     {name}: {why}" for name, why in self.caught]
        lines += [f"   MISSED: {what}" for what in self.missed]
        lines.append(f"   Sources: {self.scene.cite('hill')}; {self.scene.cite('mou')}")
        return lines

    def summary(self) -> dict[str, Any]:
        """Return the same for machines."""
        return {
            "ok": self.is_complete,
            "charter": self.charter,
            "zones": self.zones,
            "off_m": round(self.off_m),
            "blocked_because": self.blocked_because,
            "read_words": self.read_words,
            "conflict": self.conflict,
            "objection": self.objection,
            "escalated_to": self.escalated_to,
            "escalated_after_minutes": round(self.escalated_after_s / 60, 2),
            "answered_after_minutes": round(self.answered_after_s / 60, 2),
            "signed": self.signed,
            "silent": self.silent,
            "entries": self.entries,
            "verified": self.verified,
            "caught": dict(self.caught),
            "missed": self.missed,
        }


def tell_story(stage: Stage) -> Story:
    """Play the whole story and return what it showed."""
    story = Story(load_scene("syria_2016"))
    _found(stage, story)
    _declare_zones(stage, story)
    _pass_wrong_place(stage, story)
    _correct_it(stage, story)
    _call_for_help(stage, story)
    _agree_on_readouts(stage, story)
    _verify(stage, story)
    return story


def _found(stage: Stage, story: Story) -> None:
    scene = story.scene
    stage.headline(scene.raw["title"])
    stage.say("An exercise on the public record. One second here is a minute there.")
    stage.say("")
    stage.start_clock(scene.start)
    ports = free_ports(1 + 2 * len(scene.raw["parties"]))
    center = f"127.0.0.1:{ports.pop()}"
    cards: list[str] = []
    listening: dict[str, str] = {}
    for party in scene.raw["parties"]:
        name = party["party"]
        listening[name] = f"127.0.0.1:{ports.pop()}"
        words = ["desk", "init", name, "--party", name, "--name", party["name"]]
        for officer in party["officers"]:
            words += ["--officer", f"{officer['id']}={officer['name']}:{','.join(officer['roles'])}"]
        for contact in party["contacts"]:
            words += ["--contact", contact]
        words += ["--listen", listening[name], "--witness", f"127.0.0.1:{ports.pop()}"]
        made = stage.entente(*words, "--clock", stage.clock_text)
        cards += ["--card", made["card"]]
    (stage.folder / "rules.toml").write_text(_rules_text(scene), encoding="utf-8")
    url = f"http://{center}"
    made = stage.entente(
        *("center", "init", "center", "--origin", "exercise.example/syria-2016", "--name", "Joint center"),
        *("--url", url, "--rules", "rules.toml", "--exercise", "--clock", stage.clock_text, *cards),
    )
    story.charter = made["charter"]
    stage.serve("center", center, "center", "serve", "center")
    for name in listening:
        joined = stage.entente("desk", "join", name, "--center", url, "--expect-charter", story.charter)
        story.expect("one charter", is_so=joined["charter_fingerprint"] == story.charter)
    for name, address in listening.items():
        stage.serve(name, address, "desk", "serve", name)
    stage.say(f"center, desk ru and desk us run, each a process of its own. Charter {story.charter}")
    stage.say("Standing rules of 20 October 2015, as far as public, stand in the charter:")
    for term in scene.raw["terms"]:
        stage.note(f"{term['text']}")
    rules = scene.raw["rules"]
    stage.note(
        f"Agreed numbers ({rules['assumption']}): {rules['lateral_m']} m apart, "
        f"{rules['vertical_m']} m in height, {rules['time_s'] // 60} minutes; "
        f"next contact after {rules['escalate_minutes']} minutes"
    )


def _rules_text(scene: Scene) -> str:
    lines = ["[rules]"]
    lines += [f"{key} = {value}" for key, value in scene.raw["rules"].items() if key != "assumption"]
    for term in scene.raw["terms"]:
        source = scene.cite(term["source"])
        lines += ["[[terms]]", f'id = "{term["id"]}"', f'text = "{term["text"]}"', f'source = "{source}"']
    return "\n".join(lines) + "\n"


def _declare_zones(stage: Stage, story: Story) -> None:
    scene = story.scene
    castello = scene.raw["castello"]
    stage.headline("The Castello road, 9 September 2016: distances as zones")
    obligations: list[str] = []
    for one in castello["obligations"]:
        obligations += ["--obligation", f"{one['text']}={one['guarantor']}"]
    indexes: list[str] = []
    for zone in castello["zones"]:
        outline = strip_text(castello["road"], north_m=zone["north_m"], south_m=castello["south_m"])
        said = stage.act(
            *("ru", "zone", "declare", zone["id"], "--officer", "duty-1", "--type", "demilitarised"),
            *("--name", zone["name"], "--text", zone["rule"], "--polygon", outline),
            *("--heights", f"..{castello['ceiling_m']}"),
            *("--rule", "*:*=permitted", "--rule", "*:ground=forbidden"),
            *("--window", scene.window(begin_minutes=0, hours=castello["hours"]), *obligations),
            *("--source", scene.cite(castello["source"])),
            show=False,
        )
        stage.say(f"[{stage.now():%H:%M}] ru  {zone['name']}, {zone['north_m']} m: entry {said['index']}")
        indexes.append(str(said["index"]))
        story.zones += 1
    _wait_due(stage, "us", indexes)
    stage.act("us", "ack", *indexes, "--officer", "contact-1")
    for index in indexes:
        stage.act("us", "readback", "make", index, "--officer", "contact-1", show=False)
    stage.note("acknowledged by a named officer and read back: the zones' positions count")
    for place, one in enumerate(castello["obligations"], 1):
        for zone in castello["zones"] if one["guarantor"] == "us" else []:
            promise = f"obligation-{place}"
            stage.act("us", "zone", "vouch", zone["id"], promise, "--officer", "contact-1", show=False)
    stage.note("the guarantor that was named says yes itself; until then it stood as named, not accepted")
    refused = stage.act(
        *("ru", "zone", "declare", "nobodys-zone", "--officer", "duty-1", "--type", "safe"),
        *("--name", "A safe zone that nobody guards", "--text", "No attacks", "--circle", "36.30,37.20,2000"),
        *("--window", scene.window(begin_minutes=0, hours=castello["hours"])),
        expect=3,
    )
    stage.note(f"refused: {refused['message']}")


def _pass_wrong_place(stage: Stage, story: Story) -> None:
    scene, strike = story.scene, story.scene.strike
    stage.headline("17 September 2016: the place is passed wrong")
    stage.say(f"{scene.cite('hill')}. Where exactly: {scene.raw['deir_ez_zor']['assumption']}.")
    window = scene.window(begin_minutes=30, hours=6)
    told = stage.act(
        *("ru", "notify", POSITIONS, "--officer", "duty-1", "--activity", "ground"),
        *("--title", "Positions held by government troops", "--heights", "..1500", "--window", window),
        *("--circle", circle_text(strike.centre, strike.positions_radius_m)),
    )
    _answer(stage, "us", "contact-1", told)
    passed = stage.act(
        *("us", "notify", STRIKE, "--officer", "planner-1", "--activity", "air", "--window", window),
        *("--title", "Air operation south-west of Deir ez-Zor", "--heights", f"..{strike.ceiling_m}"),
        *("--circle", circle_text(strike.passed, strike.radius_m), "--concurrence", "ru"),
    )
    story.off_m, _ = distance_and_bearing(*strike.centre, *strike.passed)
    conflicts = stage.act("ru", "status", show=False)["conflicts"]
    stage.note(f"with the place as passed, {len(conflicts)} conflicts are seen: nobody could have known")
    story.expect("no conflict at the wrong place", is_so=not conflicts)
    item = _wait_item(stage, "ru", "read-back", passed["leaf"])
    story.read_words = item["words"]
    stage.note(f"the receiving desk has it in words: {item['words']}")
    stage.act("ru", "ack", str(passed["index"]), "--officer", "duty-1")
    stage.act("ru", "readback", "make", str(passed["index"]), "--officer", "duty-1")
    stage.note("the planner hears the words, and holds what was read back against his plan")
    checked = stage.act(
        *("us", "readback", "check", STRIKE, "--officer", "planner-1", "--heights", f"..{strike.ceiling_m}"),
        *("--circle", circle_text(strike.centre, strike.radius_m), "--window", window),
        expect=4,
    )
    for difference in checked["differences"]:
        stage.note(difference)

    def disputed() -> Any:  # noqa: ANN401 - the desk's JSON
        position = _activity(stage, "ru", STRIKE)["position"]
        return position if position["state"] == "blocked" else None

    position = stage.wait_for("the place to be blocked", disputed)
    story.blocked_because = "; ".join(position["reasons"])
    stage.note(f"BLOCKED at {stage.now():%H:%M}: {story.blocked_because}")


def _correct_it(stage: Stage, story: Story) -> None:
    scene, strike = story.scene, story.scene.strike
    stage.headline("Corrected: the conflict is named")
    said = stage.act(
        *("us", "update", STRIKE, "--officer", "planner-1", "--reason", "place corrected to the plan"),
        *("--circle", circle_text(strike.centre, strike.radius_m), "--heights", f"..{strike.ceiling_m}"),
        *("--window", scene.window(begin_minutes=30, hours=6)),
    )

    def named() -> Any:  # noqa: ANN401 - the desk's JSON
        return next(iter(stage.act("ru", "status", show=False)["conflicts"]), None)

    story.conflict = stage.wait_for("the conflict", named)["words"]
    stage.note(f"CONFLICT: {story.conflict}")
    stage.act("ru", "ack", str(said["index"]), "--officer", "duty-1")
    stage.act("ru", "readback", "make", str(said["index"]), "--officer", "duty-1")
    blocked = _activity(stage, "ru", STRIKE)["position"]
    stage.note(f"read back; still {blocked['state']}: {'; '.join(blocked['reasons'])}")
    story.expect("a moved position waits for its author", is_so=blocked["state"] == "blocked")
    _wait_item(stage, "us", "confirm", said["leaf"])
    stage.act(
        *("us", "readback", "confirm", str(said["index"]), "--officer", "planner-1"),
        *("--moved-m", str(round(story.off_m))),
    )
    state = stage.wait_for(
        "the place to count",
        lambda: _activity(stage, "ru", STRIKE)["position"]["state"] == "counts",
    )
    story.expect("the corrected place counts", is_so=bool(state))
    stage.note("the author confirmed how far it moved: now the place counts")
    story.objection = "our troops hold these positions"
    stage.act("ru", "object", STRIKE, "--officer", "duty-1", "--reason", story.objection)
    state = stage.wait_for(
        "the objection at the other desk", lambda: _activity(stage, "us", STRIKE)["state"] == "objected"
    )
    stage.act(
        "us",
        "close",
        STRIKE,
        "--officer",
        "planner-1",
        "--cancelled",
        "--note",
        "objected to; not carried out",
    )


def _call_for_help(stage: Stage, story: Story) -> None:
    rules = story.scene.raw["rules"]
    stage.headline("The contact who does not answer")
    said = stage.act(
        *("ru", "say", THREAD, "Aircraft are over our positions. Answer at once.", "--officer", "duty-1"),
        *("--about", f"activity:{POSITIONS}", "--urgent"),
    )
    recorded = parse_utc(said["recorded"])
    stage.note(
        f"contact-1 of us does not answer; agreed: next contact after {rules['escalate_minutes']} minutes"
    )

    def escalated() -> Any:  # noqa: ANN401 - the desk's JSON
        return _find_rung(stage, "us", said["leaf"], "escalated")

    rung = stage.wait_for("the escalation", escalated)
    story.escalated_to = "contact-2"
    story.escalated_after_s = (parse_utc(rung["at"]) - recorded).total_seconds()
    stage.note(f"[{parse_utc(rung['at']):%H:%M}] {rung['text']}")
    story.expect("the next contact is named", is_so="contact-2" in rung["text"] or rung["who"] == "contact-2")
    story.expect(
        "escalated at the agreed minute, not before",
        is_so=rules["escalate_minutes"] * 60 <= story.escalated_after_s < 2 * rules["escalate_minutes"] * 60,
    )
    stage.act("us", "ack", str(said["index"]), "--officer", "contact-2")

    def acknowledged() -> Any:  # noqa: ANN401 - the desk's JSON
        rung = _find_rung(stage, "ru", said["leaf"], "acknowledged")
        return rung if rung and rung["state"] == "reached" else None

    rung = stage.wait_for("the acknowledgement", acknowledged)
    story.answered_by = rung["who"]
    story.answered_after_s = (parse_utc(rung["at"]) - recorded).total_seconds()
    stage.note(f"[{parse_utc(rung['at']):%H:%M}] {rung['text']}")


def _agree_on_readouts(stage: Stage, story: Story) -> None:
    stage.headline("What was said, in one text")
    held = encode_utc(stage.now().replace(microsecond=0))
    stage.act(
        *("ru", "readout", "propose", "call-1", "--officer", "duty-1", "--title", "Call of 17 September"),
        *("--held", held, "--with", "us"),
        *("--text", "Both sides agreed that the air operation was objected to and not carried out."),
    )
    stage.wait_for("the readout at us", lambda: _due(stage, "us", "readout", "call-1"))
    stage.act("us", "readout", "sign", "call-1", "--officer", "contact-2")
    stage.act(
        *("ru", "readout", "propose", "call-2", "--officer", "duty-1", "--title", "Second call, same day"),
        *("--held", held, "--with", "us", "--text", "The other side accepted our account of the day."),
    )
    stage.note("us does not answer the second one")
    first = stage.wait_for("the first readout to settle", lambda: _settled(stage, "us", "call-1"))
    second = stage.wait_for(
        "the second readout to settle", lambda: _settled(stage, "us", "call-2"), timeout_s=90
    )
    story.signed = sorted(first["signed"])
    story.silent = sorted(second["silent"])
    stage.note(f"call-1: signed by {', '.join(story.signed)}")
    stage.note(f"call-2: {', '.join(story.silent)} recorded as silent; silence is not consent")
    story.expect("both signed", is_so=story.signed == ["ru", "us"])
    story.expect("silent is recorded", is_so=story.silent == ["us"])


def _verify(stage: Stage, story: Story) -> None:
    stage.headline("Afterwards: who can deny it?")

    def all_settled() -> Any:  # noqa: ANN401 - the desk's JSON
        sizes = set()
        for party in ("ru", "us"):
            record = stage.act(party, "status", show=False)["record"]
            sizes |= {record["size"], record["settled_size"], record["shown_size"]}
        return sizes.pop() if len(sizes) == 1 else None

    story.entries = stage.wait_for("every entry to be settled", all_settled)
    for party in ("ru", "us"):
        stage.say(f"$ entente verify {party}/mirror")
        found = _verified(stage, party, story.charter)
        checked = found["checked"]
        story.verified.append(
            f"{party}'s mirror, {found['size']} entries, {checked['signatures']} signatures, "
            f"{found['standing']}"
        )
        stage.note(f"SOUND: {story.verified[-1]}")
    for name, tamper in TAMPERINGS.items():
        copy = stage.folder / f"tampered-{len(story.caught)}"
        tamper(stage.folder / "us" / "mirror", copy)
        story.caught.append((name, _must_fail(stage, copy, name, story)))
        stage.note(f"{name}: {story.caught[-1][1]}")


def _must_fail(stage: Stage, copy: Path, name: str, story: Story) -> str:
    try:
        found = stage.entente("verify", str(copy), expect=4)
    except Exception:
        story.expect(f"tampering caught: {name}", is_so=False)
        raise
    if found.get("failures"):
        return str(found["failures"][0])
    if "message" not in found:
        raise VerificationFailed("demo-step", f"verify: expected a reason for {name!r}, got none")
    return str(found["message"])


# Looking at a desk.


def _verified(stage: Stage, party: str, charter: str) -> Any:  # noqa: ANN401 - the command's JSON
    mirror = str(stage.folder / party / "mirror")
    return stage.entente("verify", mirror, "--expect-charter", charter, "--require", "settled")


def _activity(stage: Stage, party: str, name: str) -> Any:  # noqa: ANN401 - the desk's JSON
    found = stage.act(party, "status", show=False)["activities"]
    return next((one for one in found if one["id"] == name), {"state": "", "position": {"state": ""}})


def _due(stage: Stage, party: str, kind: str, subject: str = "") -> Any:  # noqa: ANN401 - the desk's JSON
    items = stage.act(party, "status", show=False)["inbox"]
    return next((one for one in items if one["kind"] == kind and subject in {"", one["subject"]}), None)


def _wait_item(stage: Stage, party: str, kind: str, subject: str) -> Any:  # noqa: ANN401 - the desk's JSON
    return stage.wait_for(f"{kind} in the inbox of {party}", lambda: _due(stage, party, kind, subject))


def _wait_due(stage: Stage, party: str, indexes: list[str]) -> None:
    def all_known() -> bool:
        shown = stage.act(party, "status", show=False)["record"]["shown_size"]
        return bool(shown > max(map(int, indexes)))

    stage.wait_for(f"desk {party} to have entries {indexes}", all_known)


def _answer(stage: Stage, party: str, officer: str, said: dict[str, Any]) -> None:
    index = str(said["index"])
    _wait_due(stage, party, [index])
    stage.act(party, "ack", index, "--officer", officer)
    stage.act(party, "readback", "make", index, "--officer", officer)


def _find_rung(stage: Stage, party: str, leaf: str, name: str) -> Any:  # noqa: ANN401 - the desk's JSON
    ladder = stage.act("ru", "status", leaf, show=False)
    rungs = [rung for one in ladder["parties"] if one["party"] in {party, "us"} for rung in one["rungs"]]
    return next((rung for rung in rungs if rung["name"] == name and rung["state"] == "reached"), None)


def _settled(stage: Stage, party: str, name: str) -> Any:  # noqa: ANN401 - the desk's JSON
    found = stage.act(party, "readout", "show", name, show=False)
    return found["settlement"] if found["state"] == "settled" else None
