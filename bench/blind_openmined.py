"""OpenMined PSI on the sets that `bench.blind` names, in a process of its own: it needs another protobuf.

    PYTHONPATH=.boot/openmined python -m bench.blind_openmined '{"held": 1000, "asked": 1000, ...}'

Prints one JSON line: seconds of processor and of the clock, in all and online, bytes, and how many it found.
What it is given: the sets of `bench.blind_sets`, as hexadecimal strings (it takes nothing else), a core to
stay on, and which encoding its server's set has.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import time
from typing import Any

from bench.blind_sets import draw_sets


def measure(held: list[str], asked: list[str], *, encoding: str, times: int) -> dict[str, Any]:
    """Run the protocol once, and its online part as often as is asked."""
    psi = importlib.import_module("private_set_intersection.python")
    clock = time.perf_counter, time.process_time
    began = [now() for now in clock]
    server = psi.server.CreateWithNewKey(True)
    setup = server.CreateSetupMessage(1e-9, len(asked), held, getattr(psi.DataStructure, encoding))
    ready = [now() for now in clock]
    online = []
    found, sizes = 0, (0, 0)
    for _ in range(times):
        start = time.perf_counter()
        # A client is used once: a second request of it would show what changed between them.
        client = psi.client.CreateWithNewKey(True)
        request = client.CreateRequest(asked)
        response = server.ProcessRequest(request)
        found = len(client.GetIntersection(setup, response))
        online.append(time.perf_counter() - start)
        sizes = len(request.SerializeToString()), len(response.SerializeToString())
    ended = [now() for now in clock]
    return {
        "wall_s": ended[0] - began[0],
        "cpu_s": ended[1] - began[1],
        "setup_wall_s": ready[0] - began[0],
        "online_s": statistics.median(online),
        "setup_bytes": len(setup.SerializeToString()),
        "online_bytes": sum(sizes),
        "found": found,
    }


def main() -> None:
    """Measure what the argument says."""
    wanted = json.loads(sys.argv[1])
    if wanted["core"] is not None:
        os.sched_setaffinity(0, {wanted["core"]})
    sets = draw_sets(wanted["held"], wanted["asked"], wanted["shared"])
    held, asked = ([row.tobytes().hex() for row in rows] for rows in (sets.held, sets.asked))
    print(json.dumps(measure(held, asked, encoding=wanted["encoding"], times=wanted["times"])))


if __name__ == "__main__":
    main()
