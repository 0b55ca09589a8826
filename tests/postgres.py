"""A throw-away PostgreSQL from Debian's packages: its own folder, a unix socket, no network.

Invariants: durable as a real one (fsync is on) unless asked otherwise; stopped by its own process id; its
folder goes with it. Texts are sorted by a language's rules (ICU, en-US), not by bytes: what depends on the
order of a lucky machine fails here.

    >>> with running_postgres() as cluster:
    ...     url = cluster.create_database()

Tests in tests/system take the fixtures ``postgres`` (one cluster a run), ``postgres_url`` (a new database).
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import psycopg
import pytest

OWNER: Final = "postgres"
"""Who runs the server when we are root, whom it refuses."""
PORT: Final = 5432
_START_S: Final = 30.0
_NUMBERS: Final = itertools.count(1)


class NotInstalled(Exception):
    """There is no PostgreSQL here."""


def find_programs() -> Path | None:
    """Return the newest folder of PostgreSQL's server programs, or None."""
    found = [folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if (folder / "postgres").exists()]
    return max(found, key=lambda folder: int(folder.parent.name), default=None)


def _run_as() -> dict[str, str | list[str]]:
    return {"user": OWNER, "group": OWNER, "extra_groups": []} if os.geteuid() == 0 else {}


class Cluster:
    """A running server. `running_postgres` makes one."""

    def __init__(self, programs: Path, folder: Path, settings: dict[str, str]) -> None:
        self.programs = programs
        self.folder = folder
        self.data = folder / "data"
        self.log = folder / "log"
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The server's process."""
        assert self._process is not None, "the server is stopped"
        return self._process.pid

    def url(self, database: str = OWNER, *, user: str = OWNER) -> str:
        """Return the URL of a database here."""
        return f"postgresql://{user}@/{database}?host={self.folder}&port={PORT}"

    def create_database(self) -> str:
        """Return the URL of a new, empty database."""
        name = f"test_{os.getpid()}_{next(_NUMBERS)}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop_database(self, url: str) -> None:
        """Remove a database that `create_database` made, with whoever is still connected."""
        name = url.partition("@/")[2].partition("?")[0]
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        """Run one statement as the server's owner, outside of a transaction."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # type: ignore[call-overload] # see `_run_as`
                [self.programs / "postgres", "-D", self.data, "-k", self.folder, "-p", str(PORT), *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **_run_as(),
            )  # fmt: skip
        end = time.monotonic() + _START_S
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=5).close()
            except psycopg.OperationalError:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > end:
                    self.stop("immediate")
                    raise RuntimeError(f"PostgreSQL did not start:\n{self.log.read_text()}") from None
                time.sleep(0.02)
            else:
                return

    def stop(self, mode: str = "fast") -> None:
        """Stop the server as ``pg_ctl stop -m`` does: fast, or immediate (as if the power failed)."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        try:
            process.wait(_START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_START_S)


@contextmanager
def running_postgres(
    *, fsync: bool = True, folder: Path | None = None, initdb: Sequence[str] = (), **settings: str
) -> Iterator[Cluster]:
    """Give a new server, and remove it in the end.

    Args:
        fsync: Whether a commit reaches the disk; without it loading is quick and nothing is proven.
        folder: Where to put its data (a small file system, say); a temporary folder when not given.
        initdb: Further options of initdb.
        settings: Of ``postgresql.conf``.

    Raises:
        NotInstalled: There is none on this machine.
    """
    programs = find_programs()
    if programs is None:
        raise NotInstalled("no PostgreSQL: expected Debian's package (tools/install_system_packages.sh)")
    # Unix sockets have short paths, and pytest's folders are closed to the server's owner.
    place = Path(tempfile.mkdtemp(prefix="entente-pg-", dir=folder))
    try:
        if os.geteuid() == 0:
            shutil.chown(place, OWNER, OWNER)
        subprocess.run(  # type: ignore[call-overload] # see `_run_as`
            [programs / "initdb", "-D", place / "data", "-U", OWNER, "-E", "UTF8", "-A", "trust", "--no-sync",
             "--locale-provider=icu", "--icu-locale=en-US", "--no-instructions", *initdb],
            check=True, capture_output=True, cwd=place, **_run_as(),
        )  # fmt: skip
        chosen = {
            "listen_addresses": "", "fsync": "on" if fsync else "off", "max_connections": "60",
            "shared_buffers": "64MB", "log_min_messages": "warning", **settings,
        }  # fmt: skip
        cluster = Cluster(programs, place, chosen)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """One server for the whole run (for each worker of pytest-xdist)."""
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(running_postgres())
        except NotInstalled as error:
            pytest.skip(str(error))
        yield cluster


@pytest.fixture
def postgres_url(postgres: Cluster) -> Iterator[str]:
    """A new, empty database."""
    url = postgres.create_database()
    yield url
    postgres.drop_database(url)
