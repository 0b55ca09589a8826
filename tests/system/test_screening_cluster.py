"""Screening on a cluster of two worker processes: the same answer, and one of them killed half way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from entente.kernel.errors import TooManyConflicts, TransportError
from entente.screening import (
    Budget,
    Samples,
    TrackRules,
    VolumeSet,
    make_tracks,
    name_objects,
    screen,
)
from entente.screening.cluster import search_on_cluster
from entente.screening.search import make_question
from entente.space import Separation
from entente.space.bulk import VolumeTable

distributed = pytest.importorskip("distributed", reason="no cluster: the extra 'cluster' is not installed")
pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("ignore:Sending large graph"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

KEEP = Separation(lateral_m=500.0, vertical_m=100.0, time_s=300.0)
START_US = int(datetime(2026, 9, 17, tzinfo=UTC).timestamp()) * 1_000_000


def draw_circles(seed: int, count: int) -> VolumeSet:
    """Circles over half of Europe, in a day: enough cells for many parts."""
    draw = np.random.default_rng(seed)
    points = np.stack((draw.uniform(4e8, 6e8, count), draw.uniform(0, 3e8, count)), axis=1)
    start = START_US + draw.integers(0, 1440, count) * 60_000_000
    floor = draw.integers(0, 100, count) * 10_000
    table = VolumeTable(
        np.arange(count + 1, dtype=np.int64),
        np.arange(count + 1, dtype=np.int64),
        np.zeros(count, dtype=np.bool_),
        points.astype(np.int32),
        draw.integers(800_000, 1_000_000, count),
        floor,
        floor + 30_000,
        start,
        start + draw.integers(5, 240, count) * 60_000_000,
    )
    return VolumeSet(table, name_objects([f"c{number}" for number in range(count)], "circles"))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A scheduler and two worker processes, none of which is started again by a nanny."""
    folder = tmp_path_factory.mktemp("cluster")
    address_file = folder / "scheduler.json"
    scheduler = subprocess.Popen(
        [
            *(sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"),
            *("--no-dashboard", "--no-show", "--scheduler-file", str(address_file)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    workers = [start_worker(address_file, folder) for _ in range(2)]
    try:
        with distributed.Client(scheduler_file=str(address_file), timeout=60, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=90)
            client.processes = workers
            client.address_file = address_file
            yield client
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def start_worker(address_file: Path, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(address_file)),
            *("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(folder)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(one for one in sys.path if one)},
    )


def test_a_cluster_finds_what_one_thread_finds(cluster: Any) -> None:
    made = draw_circles(1, 20_000)
    told: list[tuple[int, int]] = []
    alone = screen(made, separation=KEEP).to_arrow()
    shared = screen(
        made, separation=KEEP, client=cluster, on_progress=lambda done, whole: told.append((done, whole))
    )
    assert shared.to_arrow().equals(alone)
    assert len(alone) > 500
    assert told[-1][0] == told[-1][1]
    with pytest.raises(TooManyConflicts):
        screen(made, separation=KEEP, client=cluster, budget=Budget(most=100))


def test_tracks_are_timed_on_a_cluster_as_here(cluster: Any) -> None:
    draw = np.random.default_rng(2)
    flights, points = 60, 30
    walk = np.cumsum(draw.normal(0, 0.003, (2, flights, points)), axis=2)
    count = flights * points
    samples = Samples(
        flights=pa.array(np.repeat([f"f{number}" for number in range(flights)], points)),
        time_us=np.tile(START_US + np.arange(points) * 20_000_000, flights),
        lat_deg=50 + walk[0].reshape(-1),
        lon_deg=15 + walk[1].reshape(-1),
        height_m=draw.uniform(0, 300, count),
        moved_m=np.zeros(count),
        doubt_m=np.zeros(count),
    )
    made = make_tracks(samples, TrackRules(radius_m=20.0, half_height_m=20.0))
    keep = Separation(lateral_m=100.0, vertical_m=50.0)
    alone = screen(made, separation=keep).to_arrow()
    assert screen(made, separation=keep, client=cluster).to_arrow().equals(alone)
    assert len(alone) > 20


def test_a_worker_killed_half_way_costs_no_pair(cluster: Any) -> None:
    """kill -9 of one of two workers while parts are under way; nobody starts it again."""
    # Many small parts: half way is then a place between them.
    made = draw_circles(3, 400_000)
    keep = Separation()
    alone = screen(made, separation=keep)
    killed: list[int] = []

    def kill(done: int, whole: int) -> None:
        if not killed and 2 * done < whole * 1.2:
            victim = cluster.processes[0]
            os.kill(victim.pid, signal.SIGKILL)
            victim.wait()
            killed.append(done)

    shared = screen(made, separation=keep, client=cluster, on_progress=kill)
    assert killed
    assert shared.to_arrow(gaps=0).equals(alone.to_arrow(gaps=0))
    assert len(alone) > 10_000
    deadline = time.monotonic() + 60
    while len(cluster.scheduler_info(n_workers=-1)["workers"]) != 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(cluster.scheduler_info(n_workers=-1)["workers"]) == 1


def test_the_last_worker_killed_and_another_started_costs_no_pair(cluster: Any) -> None:
    """With it went the last copy of the question: it is sent again, and what was answered is kept."""
    made = draw_circles(4, 400_000)
    keep = Separation()
    alone = screen(made, separation=keep)
    killed: list[int] = []

    def kill(done: int, _whole: int) -> None:
        if not killed:
            killed.append(done)
            for process in cluster.processes:
                process.kill()
                process.wait()
            cluster.processes.append(start_worker(cluster.address_file, cluster.address_file.parent))

    shared = screen(made, separation=keep, client=cluster, on_progress=kill)
    assert killed
    assert shared.to_arrow(gaps=0).equals(alone.to_arrow(gaps=0))


def test_a_cluster_without_workers_is_an_error(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from entente.screening import cluster as room

    monkeypatch.setattr(room, "PATIENCE_S", 0.5)
    for process in cluster.processes:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 60
    while cluster.scheduler_info(n_workers=-1)["workers"] and time.monotonic() < deadline:
        time.sleep(0.1)
    made = draw_circles(5, 100)
    with pytest.raises(TransportError, match="expected workers that last"):
        search_on_cluster(cluster, make_question(made, None, KEEP, None), most=10)
