"""The demo's release part: four sightings would give away a hidden camera; the gate counts, and stops that.

    1. Catalogue, sightings, clearance and purpose are put on the shelves of one desk
    2. What the four would teach, each as it stands: the right hill, nearly for certain
    3. Each is planned, shown with what it teaches, approved and sent: finer or coarser, as the budget lets it
    4. Why the third is so coarse; what the other side has learned by now
    5. The first is recalled: delivered, then acknowledged; it is told as such, and nowhere as deleted
    6. Everything at the center and everything that the other side opened is searched for every private text
    and place of catalogue and reports, in every plausible spelling

Invariants: figures are the desk's own answers, over real sockets; the search is believed only after it has
found what was planted; what does not come out as it should fails the demo.

    >>> tell_release(stage).is_complete
    True
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from entente.cli import demo_world as world
from entente.cli.demo_bytes import (
    LEAST_BYTES,
    Needles,
    add_needles,
    count_planted,
    find_needles,
    spell_bytes,
    spell_position,
)
from entente.cli.link import DeskLink
from entente.cli.release.words import NOT_DELETED, say_delay, say_percent
from entente.cli.stage import Stage
from entente.cli.story import Expecting
from entente.joint.verification import read_entries
from entente.record.checkpoint import parse_checkpoint_note
from entente.record.tiles import CHECKPOINT_PATH
from entente.store.mirror import FolderTileSource

OURS: Final = ("us", "planner-1")
THEIRS: Final = ("ru", "duty-1")


@dataclass(slots=True)
class ReleaseStory(Expecting):
    """What the run showed."""

    ungated: list[float] = field(default_factory=list)
    plans: list[dict[str, Any]] = field(default_factory=list)
    learned: dict[str, Any] = field(default_factory=dict)
    recalls: list[str] = field(default_factory=list)
    searched_bytes: int = 0
    opened: int = 0
    needles: int = 0
    planted: tuple[int, int] = (0, 0)
    found: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def summary(self) -> dict[str, Any]:
        """Return it for machines."""
        return {
            "ok": self.is_complete,
            "ungated_percent": [round(100 * chance, 1) for chance in self.ungated],
            "after_percent": [plan["exposures"][0]["after_percent"] for plan in self.plans],
            "places_arcsec": [plan["level"]["place_arcsec"] for plan in self.plans],
            "learned_percent": self.learned.get("chance_percent"),
            "budget_percent": self.learned.get("budget_percent"),
            "recalls": self.recalls,
            "searched_bytes": self.searched_bytes,
            "opened": self.opened,
            "needles": self.needles,
            "planted_found": list(self.planted),
            "found": self.found,
            "missed": self.missed,
            "seconds": round(self.seconds, 1),
        }


def tell_release(stage: Stage) -> ReleaseStory:
    """Play this part on a stage whose center and desks run, and return what it showed."""
    began = time.monotonic()
    story = ReleaseStory()
    stage.headline("Four sightings and a hidden camera: what a series of releases gives away")
    _fill_shelves(stage)
    _tell_ungated(stage, story)
    for sighting in world.SIGHTINGS:
        _release(stage, story, sighting.id)
    _look_back(stage, story)
    _recall(stage, story)
    _search_bytes(stage, story)
    story.seconds = time.monotonic() - began
    for what in story.missed:
        stage.note(f"MISSED: {what}")
    return story


def _act(stage: Stage, *words: str) -> Any:  # noqa: ANN401 - the command's JSON
    party, officer = OURS
    return stage.act(party, "release", *words, "--officer", officer)


def _fill_shelves(stage: Stage) -> None:
    stage.say(
        "One side has a camera under a net on one of twelve hills; the other may see that aircraft pass, and "
        "is not to find out which hill. Public receivers could have given three in five of such reports. "
        "Budget: after everything, the best guess at the hill may be right one time in two."
    )
    for kind, text in (
        ("catalogue", world.spell_catalogue()),
        ("reports", world.spell_reports(stage.start)),
        ("clearances", world.CLEARANCES),
        ("purposes", world.PURPOSES),
    ):
        (stage.folder / f"{kind}.toml").write_text(text, encoding="utf-8")
        _act(stage, "load", kind, f"{kind}.toml")


def list_ungated(catalogue_text: str, reports_text: str) -> list[tuple[int, float]]:
    """Return, by report as it stands: how many hills it alone leaves likely, and the best guess so far."""
    from entente.release.exposure import Belief, HypothesisSet
    from entente.release.source.catalogue_file import read_catalogue
    from entente.release.source.report_file import read_reports
    from entente.release.variant.ladder import DEFAULT_LADDER
    from entente.release.variant.shape import shape_of

    catalogue = read_catalogue(catalogue_text.encode())
    secret = catalogue.secret[world.KEPT]
    hypotheses = HypothesisSet.of(secret, catalogue, world.SOURCE, DEFAULT_LADDER)
    belief, found = Belief.start(hypotheses), []
    for report in read_reports(reports_text.encode()):
        row = hypotheses.row(shape_of(report, DEFAULT_LADDER.finest, DEFAULT_LADDER))
        belief = belief.updated(None, row)
        found.append((int((row > row.max() / 2).sum()), float(belief.posterior.max())))
    return found


def _tell_ungated(stage: Stage, story: ReleaseStory) -> None:
    told = list_ungated(world.spell_catalogue(), world.spell_reports(stage.start))
    story.ungated = [chance for _, chance in told]
    stage.note(
        f"as they stand, each sighting alone points at {told[0][0]} of {len(world.HILLS)} hills; one after "
        "the other they would let the best guess be right "
        + ", ".join(say_percent(100 * chance) for chance in story.ungated)
        + " of the time"
    )
    story.expect("each alone points at four hills", is_so=[count for count, _ in told] == [4] * 4)
    story.expect("the four together would give it away", is_so=story.ungated[-1] > 0.9)


def _release(stage: Stage, story: ReleaseStory, report: str) -> None:
    planned = _act(stage, "plan", report, "--to", THEIRS[0], "--purpose", world.PURPOSE)["plans"][0]
    story.plans.append(planned)
    exposure = planned["exposures"][0]
    stage.note(f"{planned['shape']}; {say_delay(planned['level']['delay_s'])}")
    stage.note(
        f"best guess {say_percent(exposure['before_percent'])} -> {say_percent(exposure['after_percent'])}; "
        f"at worst {say_percent(exposure['worst_percent'])}, budget {say_percent(exposure['budget_percent'])}"
    )
    for block in planned["blockers"]:
        if block["dimension"] == "place" and block["secret"]:
            stage.note(f"not {block['words']}")
    if len(story.plans) == 1:
        sent = _act(stage, "send", str(planned["plan"]), "--sha256", planned["sha256"])
    else:
        # The same yes without a process of its own, each of which takes half a second.
        yes = {"officer": OURS[1], "plan": planned["plan"], "sha256": planned["sha256"], "wait_s": 20}
        sent = DeskLink.open(stage.folder / OURS[0]).call("POST", "/api/release-send", yes)
    story.expect(f"{report} is in the record", is_so=sent["state"] == "recorded")
    story.expect(f"{report} is within budget", is_so=exposure["worst_percent"] <= exposure["budget_percent"])


def _look_back(stage: Stage, story: ReleaseStory) -> None:
    third = story.plans[2]
    explained = stage.act(OURS[0], "release", "explain", str(third["plan"]))
    for step in explained["steps"]:
        if step.startswith(("exposure", "officers", "record")):
            stage.note(step)
    ledger = stage.act(OURS[0], "release", "ledger", "--secret", world.KEPT)
    story.learned = next(one for one in ledger["learned"] if one["pool"] == THEIRS[0])
    stage.note(f"by now: {story.learned['words']}")
    places = [plan["level"]["place_arcsec"] or 0 for plan in story.plans]
    story.expect("the gate turned coarser", is_so=places == sorted(places) and places[0] < places[-1])
    story.expect(
        "after all four the budget holds",
        is_so=story.learned["chance_percent"] <= story.learned["budget_percent"] == 50.0,
    )
    checked = DeskLink.open(stage.folder / OURS[0]).call("GET", "/api/release-check")
    story.expect("the ledger is sound", is_so=checked["is_sound"])


def _recall(stage: Stage, story: ReleaseStory) -> None:
    first = world.SIGHTINGS[0].id
    recalled = _act(stage, "recall", "--report", first, "--reason", "wrong", "--words", "it was another kind")
    leaf = recalled["recalls"][0]["of"]

    def look(party: str) -> dict[str, Any]:
        items = DeskLink.open(stage.folder / party).call("GET", "/api/release-items")
        return next(dict(one) for one in items if one["leaf"] == leaf)

    def has_come(wanted: str) -> bool:
        found = str(look(OURS[0])["recall"]["state"])
        if not story.recalls or story.recalls[-1] != found:
            story.recalls.append(found)
        return found == wanted

    stage.wait_for("the recall to be delivered", lambda: has_come("delivered"))
    stage.note("recall DELIVERED: it is on their desk; no officer there has read it yet")
    theirs = look(THEIRS[0])
    story.expect("their picture marks it", is_so=theirs["recall"] is not None)
    stage.act(THEIRS[0], "ack", theirs["recall"]["leaf"][:16], "--officer", THEIRS[1])
    stage.wait_for("the recall to be acknowledged", lambda: has_come("acknowledged"))
    stage.note(f"recall ACKNOWLEDGED by {THEIRS[1]}. {NOT_DELETED}")
    story.expect("the recalled item still stands in the record", is_so=theirs["variant"] is not None)


# The bytes.


def make_private_needles(stage: Stage) -> Needles:
    """Return every spelling of what the catalogue and the reports keep private."""
    needles: Needles = {}
    for text in world.list_private(stage.start):
        if len(text) >= LEAST_BYTES:
            add_needles(needles, spell_bytes(text.encode()), text)
            add_needles(needles, spell_bytes(text.encode("utf-16-le")), text)
    for lat_e7, lon_e7 in world.list_places():
        add_needles(needles, spell_position(lat_e7, lon_e7), f"place {lat_e7 / 1e7}, {lon_e7 / 1e7}")
    return needles


def _search_bytes(stage: Stage, story: ReleaseStory) -> None:
    stage.say("Now the bytes that left are searched for everything private in catalogue and reports:")
    needles = make_private_needles(stage)
    story.needles = len(needles)
    at_center = b"\n".join(
        [
            *(path.read_bytes() for path in sorted((stage.folder / "center").rglob("*")) if path.is_file()),
            (stage.folder / "center.log").read_bytes(),
            *_read_messages(stage.folder / THEIRS[0] / "mirror"),
        ]
    )
    bodies = read_bodies(stage.folder / THEIRS[0])
    story.opened = sum(b'"variant"' in body for body in bodies)
    for where, haystack in (("at the center", at_center), ("opened by them", b"\n".join(bodies))):
        story.searched_bytes += len(haystack)
        story.found += [f"{what}, {where}" for what in find_needles(haystack, needles)]
        got, planted = count_planted(haystack, needles, every=7)
        story.planted = (story.planted[0] + got, story.planted[1] + planted)
    at_home = _find_at_home(stage, needles)
    story.expect("nothing private left", is_so=not story.found)
    story.expect("the search finds what is planted", is_so=0 < story.planted[1] == story.planted[0])
    story.expect("the search finds it where it may be", is_so=at_home > 0)
    story.expect("they opened all four", is_so=story.opened == len(world.SIGHTINGS))
    stage.note(
        f"{story.searched_bytes:,} bytes at the center and in the messages that they opened: "
        f"{len(story.found)} of {story.needles:,} spellings found. The same search finds {at_home:,} at our "
        f"own desk, and {story.planted[0]:,} of {story.planted[1]:,} that were planted in copies"
    )
    for what in story.found[:5]:
        stage.note(f"FOUND: {what}")


def _find_at_home(stage: Stage, needles: Needles) -> int:
    files = [path for path in (stage.folder / OURS[0]).glob("desk.db*") if path.is_file()]
    return len(find_needles(b"\n".join(path.read_bytes() for path in files), needles))


def _read_messages(mirror: Path) -> list[bytes]:
    source = FolderTileSource(mirror)
    return list(read_entries(source, parse_checkpoint_note(source.read(CHECKPOINT_PATH)).size))


def read_bodies(desk: Path) -> list[bytes]:
    """Return the bodies that a desk opened, or keeps of what it sealed itself, as its book holds them."""
    with closing(sqlite3.connect(f"file:{desk / 'desk.db'}?mode=ro", uri=True)) as book:
        return [bytes(row[0]) for row in book.execute("SELECT body FROM bodies")]
