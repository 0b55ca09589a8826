"""The command line: CPU time of `entente --help`, and of the commands that an officer types most.

python -m bench.cli [--small]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys

from bench.report import Report


def measure_cpu_ms(words: list[str], times: int) -> float:
    """Return the median user and system CPU time of a command, milliseconds."""
    found = []
    for _ in range(times):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [sys.executable, "-m", "entente", *words], capture_output=True, check=False, timeout=60
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(found) * 1e3


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="Measure the command line's start")
    parser.add_argument("--small", action="store_true", help="a quick run for correctness; writes no results")
    small = parser.parse_args().small
    times = 2 if small else 15
    report = Report("cli")
    report.add("entente --help, CPU", measure_cpu_ms(["--help"], times), "ms", target="<= 300")
    for words in (["ack", "--help"], ["notify", "--help"], ["status", "--help"], ["verify", "--help"]):
        report.add(f"entente {' '.join(words)}, CPU", measure_cpu_ms(words, times), "ms")
    if not small:
        report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
