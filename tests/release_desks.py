"""Three real desks at one center in memory, and what officers of ``us`` keep: twelve hills, one of them ours.

>>> three = ReleaseDesks(tmp_path)
>>> [plan] = three.plan("r-1", "ru")
>>> three.send(plan)["state"]
'recorded'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from entente.desk.assembly import Desk, open_desk
from entente.desk.joining import get_pin, join
from entente.desk.service import VERBS, call
from entente.desk.vault import Vault, init_desk
from entente.kernel.kinds import ALLOWED, Decision
from entente.kernel.roster import OfficerWire
from entente.release.veto import Proposal
from tests.protocol.desk_stage import PLACES, HandClock, MemoryViews, SeededRandom, make_config
from tests.protocol.lying_center import CardParty, LyingCenter, read_kind

PARTIES: Final = ("us", "ru", "un")
OFFICERS: Final = tuple(
    OfficerWire(id=f"duty-{number}", name=f"Officer {number}", roles=["duty"]) for number in (1, 2, 3)
)
MOMENT: Final = "2016-09-16T12:20:00Z"
"""Of a report, unless told otherwise: a day and a half before the clock of the stage."""
HILLS: Final = tuple(
    (f"hill-{row * 4 + column:02d}", round(36.25 + 0.35 * row, 2), round(41.25 + 0.35 * column, 2))
    for row in range(3)
    for column in range(4)
)
OURS: Final = 5
CANARY: Final = "zebra-canary-7741"
"""In private fields: it must not be found in anything that leaves."""


def make_catalogue(*, chance: str = "1/2", budgets: str = "", more: str = "", notified: bool = False) -> str:
    """Return a catalogue: posts on hills that see 20 km around, one of which is ours, and one secret."""
    hypotheses = "\n".join(
        f'[[secret.hypothesis]]\nid = "{name}"\nwords = "{name}"\nat = [{lat}, {lon}]\nobservers = ["post"]'
        for name, lat, lon in HILLS
    )
    return f"""
entente-catalogue = 1
[[observer]]
id = "post"
words = "a post on a hill {CANARY}"
reach_m = 20_000
sees = ["air", "ground"]
identifies = 4
accuracy_m = 0
height_accuracy_m = 0
latency_s = 0
[[source]]
id = "our-post"
words = "our post {CANARY}"
method = "observation-post"
observer = "post-{HILLS[OURS][0]}"
sensitivity = "high"
theatres = ["levant", "baltic"]
secrets = ["post-site"]
{more}
[[secret]]
id = "post-site"
about = "site"
words = "which hill our post is on {CANARY}"
truth = "{HILLS[OURS][0]}"
notified = {str(notified).lower()}
budget = {{ chance = "{chance}" }}
{budgets}
{hypotheses}
"""


def make_report(
    name: str,
    *,
    at: tuple[float, float] | None = None,
    when: str = MOMENT,
    classification: str = "AMBER",
    source: str = "our-post",
    theatre: str = "levant",
    text: str = "An aircraft was seen.",
    path: Sequence[str] = ("air", "fixed-wing", "transport", "il-76"),
    line_label: str = "",
    claims: str = "depth = 1",
) -> str:
    """Return one report of a file; by default what our own post saw a few kilometres off."""
    lat, lon = at or (HILLS[OURS][1] + 0.05, HILLS[OURS][2] + 0.07)
    label = f'label = {{ policy = "TLP", classification = "{line_label}" }}' if line_label else ""
    return f"""
[[report]]
id = "{name}"
theatre = "{theatre}"
source = "{source}"
at = [{lat:.4f}, {lon:.4f}]
when = {when}
path = {list(path)}
accuracy_m = 50
label = {{ policy = "TLP", classification = "{classification}" }}
[[report.tear_line]]
id = "press"
text = "{text}"
{label}
{claims}
[[report.field]]
name = "remark"
value = "private {CANARY}"
[[report.field]]
name = "heading"
value = "south-west"
releasable = true
"""


PURPOSES: Final = """
[[purpose]]
id = "safety"
words = "keep aircraft apart"
to = ["ru", "un"]
onward = "ask"
[[purpose]]
id = "relief"
words = "convoys"
to = ["un"]
two_officers = ["AMBER"]
"""
CLEARANCES: Final = """
[[clearance]]
party = "ru"
policy = "TLP"
up_to = "AMBER"
[[clearance]]
party = "un"
policy = "TLP"
up_to = "AMBER"
"""
POOLS: Final = '[[pool]]\nid = "astana"\nmembers = ["ru", "un"]\n'


class FixedVeto:
    """A party's own rules (`Veto`), as a test wants them."""

    def __init__(
        self, refuses: Callable[[Proposal], bool] = lambda _proposal: False, version: str = ""
    ) -> None:
        self.refuses = refuses
        self.version = version
        self.asked: list[Proposal] = []

    def judge(self, proposals: Sequence[Proposal]) -> list[Decision]:
        self.asked += proposals
        return [
            Decision(is_allowed=False, code="veto", reasons=("a rule of ours",))
            if self.refuses(one)
            else ALLOWED
            for one in proposals
        ]


class Crash(BaseException):
    """The process is gone: nothing after this line happens."""


class ReleaseDesks:
    """The desks of ``us``, ``ru`` and ``un``, opened from their folders."""

    def __init__(self, root: Path, *, is_stocked: bool = True) -> None:
        self.clock = HandClock()
        self.root = root
        self.vetoes = {name: FixedVeto() for name in PARTIES}
        self.randoms = {name: SeededRandom(name) for name in PARTIES}
        cards = {}
        for name in PARTIES:
            folder = root / name
            init_desk(
                folder,
                make_config(party=name, name=name, witness_url=f"http://{name}.example:8601"),
                officers=OFFICERS,
                contacts=["duty-1", "duty-2"],
                clock=self.clock,
                random=self.randoms[name],
            )
            vault = Vault.load(folder)
            cards[name] = CardParty(name, vault.card.statement)
            cards[name].roots, cards[name].desk = vault.load_roots(None), vault.desk_key
            cards[name].witness, cards[name].seal = vault.witness_key, vault.seal_key
        self.center = LyingCenter(cards["us"], cards["ru"], cards["un"])
        self.desks: dict[str, Desk] = {}
        for name in PARTIES:
            join(
                root / name,
                clock=self.clock,
                random=self.randoms[name],
                connect=lambda _url: self.center,
                expect_fingerprint="",
                passphrase=None,
            )
            self.open(name)
        self.run()
        if is_stocked:
            self.stock()

    def open(self, name: str) -> Desk:
        """Open a desk from its files, as after a crash: its views are computed again."""
        vault = Vault.load(self.root / name)
        home = MemoryViews(name, get_pin(self.root / name).payload.encode())
        desk = open_desk(
            vault,
            clock=self.clock,
            random=self.randoms[name],
            transport=self.center,
            view_home=home,
            veto=self.vetoes[name],
        )
        desk._gazetteer = PLACES
        self.desks[name] = desk
        desk.follow_once()
        return desk

    def run(self, *names: str) -> None:
        """Let desks work until nothing moves any more."""
        for _ in range(50):
            size = self.center.core.tree.size
            for name in names or PARTIES:
                self.desks[name].run_once()
            if self.center.core.tree.size == size:
                return
        raise AssertionError("desks: expected them to come to rest")

    def ask(self, name: str, verb: str, /, **request: Any) -> Any:
        fields = VERBS[verb].request.__struct_fields__
        if "officer" in fields:
            request = {"officer": "duty-1"} | request
        return call(self.desks[name], verb, msgspec.json.encode(request))

    @property
    def us(self) -> Desk:
        return self.desks["us"]

    def pass_h(self, hours: float) -> None:
        self.clock.now += timedelta(hours=hours)

    # What tests say most often

    def stock(self, *, catalogue: str | None = None, reports: Sequence[str] = ()) -> None:
        """Put everything on the shelves of ``us``."""
        self.load("catalogue", catalogue or make_catalogue())
        self.load("purposes", PURPOSES)
        self.load("clearances", CLEARANCES)
        self.load_reports(*(reports or [make_report("r-1")]))

    def load(self, kind: str, text: str) -> Any:
        return self.ask("us", "release-load", kind=kind, text=text)

    def load_reports(self, *reports: str) -> Any:
        return self.load("reports", "entente-reports = 1\n" + "".join(reports))

    def plan(self, report: str, *to: str, **more: Any) -> list[Any]:
        plain = {"report": report, "to": list(to), "purpose": "safety"} | more
        found: list[Any] = self.ask("us", "release-plan", **plain)
        return found

    def send(self, plan: Any, *, officer: str = "duty-1") -> Any:
        """Say yes in an officer's name, let everything come to rest, and return the plan."""
        self.ask("us", "release-send", plan=plan["plan"], sha256=plan["sha256"], officer=officer)
        self.run()
        return self.get(plan)

    def get(self, plan: Any) -> Any:
        (found,) = [one for one in self.ask("us", "release-plans", limit=500) if one["plan"] == plan["plan"]]
        return found

    def give(self, report: str, to: str = "ru", **more: Any) -> Any:
        """Plan and send a report to one recipient."""
        (plan,) = self.plan(report, to, **more)
        assert plan["state"] == "planned", plan
        return self.send(plan)

    def ledger(self, **more: Any) -> Any:
        return self.ask("us", "release-ledger", **more)

    def learned(self, pool: str = "ru") -> Any:
        (found,) = self.ledger(pool=pool, secret="post-site")["learned"]
        return found

    def items(self, name: str) -> list[Any]:
        found: list[Any] = self.ask(name, "release-items")
        return found

    def list_kinds(self) -> list[str]:
        """Return the kinds of everything in the record."""
        return [read_kind(raw) for raw in self.center.entries]

    def alarms(self, name: str = "us") -> dict[str, str]:
        return {alarm.code: alarm.words for alarm in self.desks[name].board.standing()}
