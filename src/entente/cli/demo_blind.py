"""The demo's last part: two air forces check a day's plans blind; then the bytes that crossed are searched.

    1. Rules: a grid for the separation, an allowance; proposed by one, agreed to by the other
    2. Each puts its day into its own desk, and commits
    3. The whole day is checked, both ways: CLEAR
    4. One side means to add a flight: CONFLICT, and where
    5. The other side's desk is replaced by one that answers with another key: INVALID, never CLEAR
    6. Everything that lay at the center, and what each side's parcels held when opened, is searched for the
    plans: every place, name, time, cell and token, in every plausible spelling

Invariants: verdicts are the desks' own, over real sockets; the search is believed only after it has found
what was planted; what does not come out as it should fails the demo.

    >>> tell_blind(stage).is_complete
    True
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from entente.blind.cover import cover
from entente.blind.grid import parse_grid
from entente.blind.holding import ParcelRow
from entente.blind.lift import asked_tokens, held_tokens
from entente.blind.rules import RulesRow, make_domain
from entente.cli.blind.audit import read_record
from entente.cli.blind.file import make_default_rules
from entente.cli.blind.items import Item
from entente.cli.blind.words import say_box
from entente.cli.demo_bytes import Needles, count_planted, find_needles, make_needles
from entente.cli.demo_day import Day, make_day
from entente.cli.progress import ProgressLines
from entente.cli.stage import Stage
from entente.cli.story import Expecting
from entente.desk.keyfiles import read_key
from entente.joint.verification import read_entries
from entente.kernel.canonical import convert_to
from entente.kernel.errors import EntenteError, VerificationFailed
from entente.kernel.ids import PartyID
from entente.kernel.message import CENTER
from entente.kernel.rows import Rows
from entente.kernel.sealed import SealContext, SealKey
from entente.record.checkpoint import parse_checkpoint_note
from entente.record.tiles import CHECKPOINT_PATH
from entente.space import VolumeWire, parse_volume
from entente.store.mirror import FolderTileSource

RULES: Final = "skies"
OFFICERS: Final = {"ru": "duty-1", "us": "planner-1"}
PURPOSES: Final = ("tags", "request", "reply", "secret")


@dataclass(slots=True)
class BlindStory(Expecting):
    """What the run showed."""

    day: Day
    clear: dict[str, Any] = field(default_factory=dict)
    conflict: dict[str, Any] = field(default_factory=dict)
    invalid: dict[str, Any] = field(default_factory=dict)
    clear_s: float = 0.0
    parcels: int = 0
    parcel_bytes: int = 0
    searched_bytes: int = 0
    opened: int = 0
    needles: int = 0
    planted: tuple[int, int] = (0, 0)
    found: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def summary(self) -> dict[str, Any]:
        """Return it for machines."""
        names = ("verdict", "code", "words", "kind", "bucket")
        return {
            "ok": self.is_complete,
            "clear": {name: self.clear.get(name) for name in names},
            "conflict": {name: self.conflict.get(name) for name in (*names, "conflicts")},
            "invalid": {name: self.invalid.get(name) for name in names},
            "clear_s": round(self.clear_s, 2),
            "parcels": self.parcels,
            "parcel_bytes": self.parcel_bytes,
            "parcels_opened": self.opened,
            "searched_bytes": self.searched_bytes,
            "needles": self.needles,
            "planted_found": list(self.planted),
            "found": self.found,
            "missed": self.missed,
            "seconds": round(self.seconds, 1),
        }


def tell_blind(stage: Stage, *, stays: bool = False) -> BlindStory:
    """Play this part on a stage whose center and desks run, and return what it showed.

    Args:
        stays: The desks run on afterwards: the honest one is put in its place again.
    """
    began = time.monotonic()
    story = BlindStory(make_day())
    stage.headline(story.day.title)
    _agree(stage, story)
    _commit(stage, story)
    _check_day(stage, story)
    _add_flight(stage, story)
    _meet_liar(stage, story, stays=stays)
    _search_bytes(stage, story)
    _say_learned(stage, story)
    story.seconds = time.monotonic() - began
    for what in story.missed:
        stage.note(f"MISSED: {what}")
    return story


def make_rules(day: Day) -> dict[str, Any]:
    """Return the rules that are proposed: the default ones, with the day's coarser grid."""
    rules = make_default_rules(day.separation, "ru", RULES, "2016-01-01T00:00:00Z")
    rules["grid"]["grains"] = day.grains
    return rules


def _agree(stage: Stage, story: BlindStory) -> None:
    day = story.day
    rules = make_rules(day)
    (stage.folder / "skies.json").write_text(json.dumps(rules), encoding="utf-8")
    keep = day.separation
    stage.say(f"{day.assumption.capitalize()}. Neither side shows its plan to the other, or to the center.")
    stage.act("us", "blind", "propose", "skies.json", "--officer", OFFICERS["us"])
    _wait_rules(stage, "ru", "proposed")
    stage.act("ru", "blind", "agree", RULES, "--officer", OFFICERS["ru"])
    _wait_rules(stage, "us", "agreed")
    stage.note(
        f"agreed: {keep.lateral_m:g} m aside, {keep.vertical_m:g} m in height, {keep.time_s:g} s; cells of"
        " some 36 km, 960 m and 32 min (a laptop's grid); and how many cells each may ask for in a day"
    )


def _wait_rules(stage: Stage, party: str, state: str) -> None:
    def is_so() -> bool:
        found = stage.act(party, "blind", "rules", show=False)
        return any(one["id"] == RULES and one["state"] == state for one in found)

    stage.wait_for(f"rules {state} at {party}", is_so)


def _commit(stage: Stage, story: BlindStory) -> None:
    for party, items in story.day.plans.items():
        file = f"day-{party}.json"
        (stage.folder / file).write_text(json.dumps(items), encoding="utf-8")
        stage.act(party, "blind", "plan", "file", file, "--officer", OFFICERS[party])
        held = stage.act(party, "blind", "prepare", RULES, "--officer", OFFICERS[party])
        flights = sum(item["name"].startswith("flight") for item in items)
        stage.note(
            f"{party}: {flights} flights and {len(items) - flights} closed areas, {held['tokens']:,} tokens"
            f" of cells; the other side is shown {held['size']:,} tags, padding among them"
        )


def _check_day(stage: Stage, story: BlindStory) -> None:
    began = time.monotonic()
    story.clear = stage.act("us", "blind", "check", RULES, "--officer", OFFICERS["us"])
    story.clear_s = time.monotonic() - began
    story.expect("the day is CLEAR", is_so=story.clear["verdict"] == "CLEAR")
    stage.note(f"CLEAR, both ways, in {story.clear_s:.1f} s: each asked, each answered, all canaries met")


def _write_late(stage: Stage, story: BlindStory) -> str:
    (stage.folder / "late.json").write_text(json.dumps([story.day.late]), encoding="utf-8")
    return "late.json"


def _add_flight(stage: Stage, story: BlindStory) -> None:
    party, file = story.day.late_party, _write_late(stage, story)
    story.conflict = stage.act(
        *(party, "blind", "check", RULES, "--file", file, "--officer", OFFICERS[party]), expect=7
    )
    conflicts = story.conflict["conflicts"]
    names = [one["item"] for one in conflicts]
    story.expect("the late flight is in CONFLICT", is_so=story.conflict["verdict"] == "CONFLICT")
    story.expect("it says of which item", is_so=names == [story.day.late["name"]])
    for one in conflicts:
        stage.note(f"CONFLICT: {one['item']}, {one['cells']} of its cells are touched by their plan:")
        for box in one["boxes"][:2]:
            stage.note(f"  {say_box(box)}")
    stage.note("with what, and whose, it does not say; the other side learns that a question ended so")


def _meet_liar(stage: Stage, story: BlindStory, *, stays: bool) -> None:
    liar = next(party for party in story.day.plans if party != story.day.late_party)
    stage.say(f"{liar}'s desk is replaced by one that answers with another key than it committed to:")
    address = stage.end(liar)
    stage.serve(liar, address, "desk", "serve", liar, module="entente.cli.demo_liar")
    party = story.day.late_party
    story.invalid = stage.act(
        *(party, "blind", "check", RULES, "--file", "late.json", "--officer", OFFICERS[party]), expect=8
    )
    story.expect("the lie is INVALID", is_so=story.invalid["verdict"] == "INVALID")
    stage.note(f"INVALID [{story.invalid['code']}]: {story.invalid['words']}")
    stage.note("it would have read as CLEAR: with another key nothing meets. It is told as not checked")
    if stays:
        stage.end(liar)
        stage.serve(liar, address, "desk", "serve", liar)


# The bytes.


def _search_bytes(stage: Stage, story: BlindStory) -> None:
    stage.say("Now the bytes that crossed are searched for both plans:")
    rows, origin = read_record(stage.folder / "us" / "mirror", ProgressLines(is_quiet=True))
    parcels = sorted((stage.folder / "center" / "parcels").iterdir())
    story.parcels = len(parcels)
    story.parcel_bytes = sum(path.stat().st_size for path in parcels)
    at_center = b"\n".join(
        [*_read_center(stage.folder / "center"), *_read_messages(stage.folder / "us" / "mirror")]
    )
    story.searched_bytes = len(at_center)
    opened = _open_parcels(stage.folder, rows, origin)
    story.opened = sum(len(plains) for plains in opened.values())
    for party, items in story.day.plans.items():
        mine = [*items, story.day.late] if party == story.day.late_party else items
        needles = _list_needles(rows, origin, party, mine)
        story.needles += len(needles)
        other = next(one for one in story.day.plans if one != party)
        for where, haystack in (("at the center", at_center), (f"at {other}", b"\n".join(opened[other]))):
            found = find_needles(haystack, needles)
            story.found += [f"{what} of {party}, {where}" for what in found]
            got, planted = count_planted(haystack, needles)
            story.planted = (story.planted[0] + got, story.planted[1] + planted)
    story.expect("nothing of a plan crossed", is_so=not story.found)
    story.expect("the search finds what is planted", is_so=0 < story.planted[1] == story.planted[0])
    story.expect("every parcel between the two was opened", is_so=story.opened > 0)
    stage.note(
        f"{story.parcels} parcels ({story.parcel_bytes:,} bytes) and all else that lies at the center, "
        f"{story.searched_bytes:,} bytes; and {story.opened} parcels as the other side opened them"
    )
    stage.note(
        f"{story.needles:,} spellings of places, names, times, cells and tokens: {len(story.found)} found. "
        f"The same search found {story.planted[0]:,} of {story.planted[1]:,} that were planted in copies"
    )
    for what in story.found[:5]:
        stage.note(f"FOUND: {what}")


def _read_center(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]


def _read_messages(mirror: Path) -> list[bytes]:
    source = FolderTileSource(mirror)
    return list(read_entries(source, parse_checkpoint_note(source.read(CHECKPOINT_PATH)).size))


def _open_parcels(folder: Path, rows: Rows, origin: str) -> dict[str, list[bytes]]:
    """Return, by party, what was inside each parcel to it: opened with its own key, as its desk did."""
    opened: dict[str, list[bytes]] = {party: [] for party in OFFICERS}
    for row in rows.select(ParcelRow):
        if row.to == CENTER:
            continue
        file = folder / "center" / "parcels" / f"{row.sha256}.{row.author}.{row.to}"
        key = read_key(folder / row.to / "keys" / "seal.json", purpose="seal")
        opened[row.to].append(_open(SealKey(key.name, key.seed), file.read_bytes(), row, origin))
    return opened


def _open(key: SealKey, data: bytes, row: ParcelRow, origin: str) -> bytes:
    for purpose in PURPOSES:
        kind = f"blind {purpose} {row.rules}"
        try:
            return key.open(data, SealContext(origin, PartyID(row.author), row.epoch, kind, PartyID(row.to)))
        except EntenteError:
            continue
    raise VerificationFailed("demo-step", f"parcel {row.sha256[:12]}: expected to open with its key")


def _list_needles(rows: Rows, origin: str, party: str, items: list[Item]) -> Needles:
    row = rows.find(RulesRow, RULES)
    if row is None:
        raise VerificationFailed("demo-step", f"record: expected rules {RULES!r}")
    grid = parse_grid(row.rules.grid)
    volumes = [
        parse_volume(convert_to(json.loads(json.dumps(wire)), VolumeWire))
        for item in items
        for wire in item["volumes"]
    ]
    cells = cover(volumes, grid, is_widened=row.rules.is_widened(party))
    every = np.unique(np.concatenate((cells, held_tokens(cells, grid), asked_tokens(cells, grid))), axis=0)
    return make_needles(items, [every], make_domain(origin, row.rules, 0))


def _say_learned(stage: Stage, story: BlindStory) -> None:
    late = story.day.late_party
    other = next(party for party in story.day.plans if party != late)
    cells = sum(one["cells"] for one in story.conflict["conflicts"])
    stage.say("What each side learned:")
    stage.note(
        f"{late}: its day meets nothing of theirs; of its late flight {cells} cells do, and which of its own"
    )
    stage.note(f"{other}: its day meets nothing of theirs; that a late question ended in CONFLICT, not where")
    stage.note("each of the other: sizes, rounded up to 10, 20, 50, 100, ...; and when it was asked")
    stage.note("the center: that they checked, when, and those sizes; no verdict, no cell")
    story.expect("the late flight meets in few of its cells", is_so=cells > 0)
