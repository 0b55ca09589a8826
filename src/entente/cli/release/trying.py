"""`entente release try`: what would come out, and what it would teach, from files alone; no desk, no ledger.

For whoever writes a catalogue or a budget: reports are given in the order of the file to each recipient in
turn, each at the best level within budget, and charged to a ledger that is forgotten.

Invariants: it is the gate's own planner, with labels, vetoes and officers left out: what it shows is the most
that the gate would let through; nothing is stored or sent.

    $ entente release try catalogue.toml reports.toml --to ru
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from cyclopts import App, Parameter

from entente.cli.output import ExitCode, FaultyFile, print_json
from entente.cli.progress import ProgressLines
from entente.cli.release.labels import read_bytes
from entente.cli.release.words import say_delay, say_percent, show
from entente.cli.run import Json
from entente.kernel.errors import Malformed

if TYPE_CHECKING:
    from entente.release.exposure import Belief, HypothesisSet, Plan, Pool, Refusal, Stake
    from entente.release.source.catalogue import Catalogue
    from entente.release.source.report import Report

T = TypeVar("T")


def register(app: App) -> None:
    """Add the command to ``entente release``."""
    app.command(try_files, name="try")


def try_files(
    catalogue: Annotated[Path, Parameter(name="CATALOGUE", help="Observers, sources, secrets; TOML.")],
    reports: Annotated[Path, Parameter(name="REPORTS", help="Reports, in the order in which they go; TOML.")],
    /,
    *,
    to: Annotated[list[str], Parameter(help="A recipient; repeat for more.")],
    pool: Annotated[
        list[str] | None,
        Parameter(help="Who may put together what they got: NAME=A,B; repeat for more."),
    ] = None,
    json: Json = False,
) -> int:
    """Show at which level each report would go to each recipient, and what they would have learned.

    Example: entente release try catalogue.toml reports.toml --to ru --to fr --pool both=ru,fr
    """
    from entente.release.source.catalogue_file import read_catalogue
    from entente.release.source.report_file import read_reports

    known = read_officer_file(catalogue, read_catalogue)
    listed = read_officer_file(reports, read_reports)
    trial = Trial(known, to, _read_pools(pool or [], to))
    found: list[dict[str, Any]] = []
    with ProgressLines(is_quiet=json) as progress:
        for place, report in enumerate(listed):
            progress.tell("plan reports", place, len(listed))
            found += trial.give(report)
    learned = trial.list_learned()
    if json:
        print_json({"ok": True, "exit": 0, "releases": found, "learned": learned})
    else:
        show(
            found,
            [*(line for one in found for line in _list_one(one)), *_list_learned(learned)],
            as_json=False,
        )
    return ExitCode.OK


def read_officer_file(path: Path, parse: Callable[[bytes], T]) -> T:
    """Return what a file of the officer's holds.

    Raises:
        FaultyFile: It does not hold; it prints as one line a fault.
    """
    from entente.release.source.reading import FileInvalid

    data = read_bytes(path)
    try:
        return parse(data)
    except FileInvalid as error:
        lines = [f"{path}:{one.line}:{one.column}: {one.message} [{one.code}]" for one in error.faults]
        lines += [f"{path}: and {error.more} more"] if error.more else []
        faults = [{"line": one.line, "column": one.column, "code": one.code, "message": one.message,
                   "path": one.path} for one in error.faults]  # fmt: skip
        raise FaultyFile(
            error.code,
            error.message,
            path=error.path,
            lines=tuple(lines),
            details={"faults": faults, "more": error.more},
        ) from error


@dataclass(slots=True)
class _Known:
    """What one pool believes about one secret."""

    pool: Pool
    belief: Belief
    releases: int = 0


class Trial:
    """A ledger in memory, and the planner in front of it."""

    def __init__(self, catalogue: Catalogue, recipients: Sequence[str], pools: Sequence[Pool]) -> None:
        from entente.release.exposure import Pool, close_pools

        self._catalogue = catalogue
        self._recipients = tuple(dict.fromkeys(recipients))
        self._pools = close_pools([*(Pool(one, frozenset({one})) for one in self._recipients), *pools])
        self._sets: dict[tuple[str, str], HypothesisSet] = {}
        self._known: dict[tuple[str, str], _Known] = {}

    def give(self, report: Report) -> list[dict[str, Any]]:
        """Plan a report for every recipient, charge what would go, and return what came out for each."""
        from entente.release.exposure import Refusal, charge, plan
        from entente.release.source.catalogue import check_report
        from entente.release.variant.ladder import DEFAULT_LADDER

        check_report(report, self._catalogue)
        stakes = self._make_stakes(report.source)
        outcomes = plan(self._recipients, list(stakes.values()), report, DEFAULT_LADDER)
        for recipient, outcome in outcomes.items():
            if isinstance(outcome, Refusal):
                continue
            for key, stake in stakes.items():
                if recipient in stake.pool.members:
                    stakes[key] = charge(stake, outcome.shape)
                    self._known[key].releases += 1
        for key, stake in stakes.items():
            self._known[key].belief = stake.belief
        return [self._describe(report, *one) for one in outcomes.items()]

    def _make_stakes(self, source: str) -> dict[tuple[str, str], Stake]:
        from entente.release.exposure import Belief, Stake

        stakes = {}
        for secret in self._catalogue.source[source].secrets:
            hypotheses = self._get_hypotheses(secret, source)
            for pool in self._pools:
                key = (secret, pool.name)
                known = self._known.setdefault(key, _Known(pool, Belief.start(hypotheses)))
                stakes[key] = Stake(pool, hypotheses, known.belief)
        return stakes

    def _get_hypotheses(self, secret: str, source: str) -> HypothesisSet:
        from entente.release.exposure import HypothesisSet
        from entente.release.variant.ladder import DEFAULT_LADDER

        found = self._sets.get((secret, source))
        if found is None:
            found = HypothesisSet.of(self._catalogue.secret[secret], self._catalogue, source, DEFAULT_LADDER)
            self._sets[secret, source] = found
        return found

    def _describe(self, report: Report, recipient: str, outcome: Plan | Refusal) -> dict[str, Any]:
        from entente.release.exposure import Refusal, say_block, say_refusal
        from entente.release.variant.ladder import DEFAULT_LADDER
        from entente.release.variant.words import describe_shape

        about = {"report": report.id, "source": report.source, "recipient": recipient}
        if isinstance(outcome, Refusal):
            words = say_refusal(outcome)
            return about | {"is_given": False, "code": outcome.code, "words": words, "exposures": []}
        return about | {
            "is_given": True,
            "code": "",
            "words": describe_shape(outcome.shape, DEFAULT_LADDER),
            "level": outcome.level._asdict(),
            "delay_s": DEFAULT_LADDER.delays_s[outcome.level.delay],
            "exposures": [one._asdict() for one in outcome.exposures],
            "blocks": [say_block(one) for one in outcome.blocks if one.code not in {"finest", "useful"}],
        }

    def list_learned(self) -> list[dict[str, Any]]:
        """Return what each pool would have learned about each secret by all of it."""
        from entente.release.exposure import Stake, measure, say_standing

        found = []
        for (secret, name), known in self._known.items():
            source = next(key[1] for key in self._sets if key[0] == secret)
            stake = Stake(known.pool, self._get_hypotheses(secret, source), known.belief)
            figures = measure(stake)
            words = say_standing(figures, self._catalogue.secret[secret])
            found.append({"secret": secret, "pool": name, "releases": known.releases, "words": words}
                         | {"chance": figures.chance_after, "prior": figures.chance_prior,
                            "budget": figures.limit, "bits": figures.bits})  # fmt: skip
        return found


def _read_pools(texts: Sequence[str], recipients: Sequence[str]) -> list[Pool]:
    from entente.release.exposure import Pool

    pools = []
    for text in texts:
        name, mark, members = text.partition("=")
        named = frozenset(members.split(",")) if mark else frozenset()
        if not name or len(named) < 2 or not named <= set(recipients):
            raise Malformed(
                "bad-pool",
                f"pool: expected NAME=A,B of parties that --to names ({', '.join(recipients)}), got {text!r}",
            )
        pools.append(Pool(name, named))
    return pools


def _list_one(one: Mapping[str, Any]) -> list[str]:
    head = f"{one['report']} to {one['recipient']}"
    if not one["is_given"]:
        return [f"{head}: NOTHING may go [{one['code']}]", f"  {one['words']}"]
    lines = [f"{head}: {one['words']}; {say_delay(one['delay_s'])}"]
    for each in one["exposures"]:
        now, after = (say_percent(each[name] * 100) for name in ("chance_before", "chance_after"))
        worst, limit = (say_percent(each[name] * 100) for name in ("chance_worst", "limit"))
        lines.append(
            f"  {each['secret']} for {each['pool']}: best guess {now} -> {after}, could have been {worst} "
            f"(budget {limit})"
        )
    return [*lines, *(f"  no more: {words}" for words in one["blocks"])]


def _list_learned(learned: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["After all of it:"] if learned else ["no secret is touched by these reports"]
    for one in learned:
        now, limit = say_percent(one["chance"] * 100), say_percent(one["budget"] * 100)
        lines.append(f"  {one['secret']}, {one['pool']}: best guess {now}, budget {limit}; {one['words']}")
    return lines
