"""Draw many nasty pairs of outlines, ask S2 and PostGIS about them, and count where the overlap rule differs.

    python -m tests.properties.space.check_engines 100000 42

Each engine gives bounds of the true distance (`tests.properties.space.engines`). The rule is asked three
times a pair:
  * with the upper bound as separation it must report the pair: else it *missed* a conflict;
  * with a metre less than the lower bound it must not: else it reports an *extra* one, more than a metre off;
  * with a separation drawn at random; where the bounds decide that, any difference is counted as well.

PostGIS is asked if Debian's packages of it are here; without them that is said.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from entente.space import Outline
from entente.space.overlap import find_meeting
from entente.space.volume import MAX_LATERAL_M
from tests.postgres import NotInstalled, running_postgres
from tests.properties.space.engines import Bounds, Core, ask_postgis, ask_s2, make_core
from tests.properties.space.nasty_pairs import Pair, draw_lateral, draw_pair

EXTRA_M = 1.0
BATCH = 200


@dataclass
class Tally:
    """What was found with one engine."""

    counts: Counter[str] = field(default_factory=Counter)
    families: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def check(self, family: str, pair: Pair, lateral_m: float, bounds: Bounds) -> None:
        """Ask the rule about one pair at the engine's bounds, and at ``lateral_m``."""
        a, b = pair
        self.families[family] += 1
        self.counts["pairs"] += 1
        if bounds.most_m <= MAX_LATERAL_M:
            self.counts["asked at the upper bound"] += 1
            if find_meeting(a, b, bounds.most_m) is None:
                self._blame("missed", family, a, b, bounds)
        near_m = bounds.least_m - EXTRA_M
        if 0.0 <= near_m <= MAX_LATERAL_M:
            self.counts["asked a metre below the lower bound"] += 1
            if find_meeting(a, b, near_m) is not None:
                self._blame("extra by more than 1 m", family, a, b, bounds)
        is_reported = find_meeting(a, b, lateral_m) is not None
        if bounds.most_m <= lateral_m:
            self.counts["certain conflicts"] += 1
            self.counts["certain conflicts not reported"] += not is_reported
        elif bounds.least_m > lateral_m:
            self.counts["certain non-conflicts"] += 1
            self.counts["certain non-conflicts reported"] += is_reported
        else:
            self.counts["too near for the engine to say"] += 1

    def _blame(self, what: str, family: str, a: Outline, b: Outline, bounds: Bounds) -> None:
        self.counts[what] += 1
        self.faults.append(f"{what}, {family}, {bounds}: {a!r} / {b!r}")


@contextmanager
def connected_postgis() -> Iterator[psycopg.Connection]:
    """A new database with PostGIS.

    Raises:
        NotInstalled: There is no PostgreSQL, or it has no PostGIS.
    """
    with running_postgres(fsync=False) as cluster, psycopg.connect(cluster.create_database()) as connection:
        try:
            connection.execute("CREATE EXTENSION postgis")
        except psycopg.errors.FeatureNotSupported as error:
            raise NotInstalled(str(error)) from error
        yield connection


def check_batch(
    draw: random.Random, count: int, s2: Tally, postgis: Tally | None, connection: psycopg.Connection | None
) -> None:
    """Draw ``count`` pairs and check them against every engine that is there."""
    drawn = [(*draw_pair(draw), draw_lateral(draw)) for _ in range(count)]
    cores: list[tuple[Core, Core]] = [(make_core(a), make_core(b)) for _, (a, b), _ in drawn]
    for (family, pair, lateral_m), core in zip(drawn, cores, strict=True):
        s2.check(family, pair, lateral_m, ask_s2(*core))
    if postgis is not None and connection is not None:
        for (family, pair, lateral_m), bounds in zip(drawn, ask_postgis(connection, cores), strict=True):
            postgis.check(family, pair, lateral_m, bounds)


def say(engine: str, tally: Tally) -> str:
    counts = ", ".join(f"{what}: {count}" for what, count in sorted(tally.counts.items()))
    families = ", ".join(f"{name} {count}" for name, count in sorted(tally.families.items()))
    return (
        f"{engine}: missed {tally.counts['missed']}, extra by more than 1 m"
        f" {tally.counts['extra by more than 1 m']} ({counts}; {families})\n"
    )


def main(count: int, seed: int) -> None:
    """Check ``count`` pairs and say what was found."""
    draw, s2, postgis = random.Random(seed), Tally(), Tally()

    def run(connection: psycopg.Connection | None) -> None:
        for start in range(0, count, BATCH):
            check_batch(draw, min(BATCH, count - start), s2, postgis, connection)

    try:
        with connected_postgis() as connection:
            run(connection)
    except NotInstalled as error:
        sys.stdout.write(f"PostGIS is not asked: {error}\n")
        run(None)
    sys.stdout.write(f"{count} pairs, seed {seed}\n{say('S2', s2)}{say('PostGIS geography', postgis)}")
    for fault in (s2.faults + postgis.faults)[:20]:
        sys.stdout.write(fault + "\n")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]))
