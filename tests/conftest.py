"""What every suite shares: where the vectors are, how Hypothesis draws, and what a quick test may not do.

Invariants:
  * A test outside tests/system and tests/browser opens no socket, starts no process and does not sleep: it is
    refused in Python here, and `make unit` takes the network away from the whole process besides.
  * In CI Hypothesis draws the same examples each time, so that a red run is red again.
  * What is skipped says why, in the summary.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Final, NoReturn

import pytest
from hypothesis import settings

ROOT: Final = Path(__file__).resolve().parent.parent
SYSTEM: Final = ROOT / "tests" / "system"
BROWSER: Final = ROOT / "tests" / "browser"
PROPERTIES: Final = ROOT / "tests" / "properties"
PROTOCOL: Final = ROOT / "tests" / "protocol"

# No deadline: two cores shared with other work make single examples slow without meaning anything.
settings.register_profile("ci", deadline=None, max_examples=75, derandomize=True, print_blob=True)
settings.register_profile("dev", deadline=None, max_examples=100)
settings.register_profile("deep", deadline=None, max_examples=10_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))

_REFUSED: Final = frozenset(
    {
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.system",
        "socket.bind",
        "socket.connect",
        "socket.getaddrinfo",
        "socket.gethostbyname",
        "socket.sendmsg",
        "socket.sendto",
        "subprocess.Popen",
    }
)


class _Guard:
    """Refuses what a quick test may not do, while one runs; an audit hook cannot be taken out again."""

    def __init__(self) -> None:
        self.is_on = False

    def __call__(self, event: str, _arguments: tuple[object, ...]) -> None:
        if self.is_on and event in _REFUSED:
            raise RuntimeError(f"a quick test: expected no {event}, which belongs in tests/system")

    def refuse_sleep(self, seconds: float) -> NoReturn:
        raise RuntimeError(f"a quick test: expected no sleep, got {seconds} s; pass the time as an argument")


_GUARD: Final = _Guard()
sys.addaudithook(_GUARD)

_GROUPS: Final = dict.fromkeys(
    ("test_desk_processes", "test_end_to_end", "test_kill_center_desks", "test_soak"), "ports"
)


def _name_group(nodeid: str) -> str:
    """Say which tests stay together in one process, where there are several: all of one name.

    In tests/system a file stays with what it founded, and most of what needs a PostgreSQL with its server; so
    do the files that pick ports before they are taken, since two at a time could pick the same. Of
    tests/browser all have one world and one browser. A file of tests/protocol may have a world that it made
    once.
    """
    path = PurePosixPath(nodeid.partition("::")[0])
    if BROWSER.name in path.parts:
        return BROWSER.name
    if SYSTEM.name in path.parts:
        return "postgres" if "postg" in path.stem else _GROUPS.get(path.stem, path.stem)
    return str(path) if PROTOCOL.name in path.parts else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep groups together by a scheduler of our own.

    `--dist loadgroup` of xdist 3.8 does not, since pytest 9 no longer lets it write a group into a test's
    name; and it says nothing.
    """
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

    class Groups(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return _name_group(nodeid)

    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {BROWSER, SYSTEM} & set(item.path.parents):
            item.add_marker(pytest.mark.system)
        if BROWSER in item.path.parents and item.get_closest_marker("timeout") is None:
            # A browser without a graphics card, beside other tests, is slow and not hung.
            item.add_marker(pytest.mark.timeout(180))


def _is_traced(item: pytest.Item) -> bool:
    is_drawn = item.get_closest_marker("hypothesis") is not None or PROPERTIES in item.path.parents
    return not is_drawn and item.get_closest_marker("system") is None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Take the tracing of coverage away from some tests: setup, call and teardown, their threads included.

    Coverage is a statement about examples that somebody chose. Real processes do not count, nor do drawn
    examples, which go over the same lines a hundred times at twice the price. `no_cover` of pytest-cov does
    not do it in a process of xdist: there a second collector stands below the one that it stops, and takes
    over. And two threads that install a trace function at one moment fail, in Python 3.11 with an audit hook
    such as the one above.
    """
    if _is_traced(item):
        return (yield)
    own, threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(own)
        threading.settrace(threads)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    if item.get_closest_marker("system"):
        return (yield)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", _GUARD.refuse_sleep)
        _GUARD.is_on = True
        try:
            return (yield)
        finally:
            _GUARD.is_on = False


@pytest.fixture(scope="session")
def shared_vectors() -> Path:
    """The folder of published vectors: $ENTENTE_SHARED/vectors, or ../shared/vectors beside the checkout."""
    named = os.environ.get("ENTENTE_SHARED")
    folder = (Path(named) if named else ROOT.parent / "shared") / "vectors"
    if not folder.is_dir():
        pytest.skip(f"no published vectors: expected the folder {folder} (name its parent in ENTENTE_SHARED)")
    return folder
