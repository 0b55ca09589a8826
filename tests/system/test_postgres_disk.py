"""A database whose disk is full: the center stops; what it acknowledged is there when there is room again."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import NotInstalled, running_postgres
from tests.system.postgres_center import Crew, Load, wait_for

SIZE_BYTES = 96 << 20


@pytest.fixture
def small_disk() -> Iterator[Path]:
    # Not in pytest's own folder: the path of a socket has at most 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="entente-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        folder.rmdir()
        pytest.skip(f"no small disk: expected to be allowed to mount one: {mounted.stderr.strip()}")
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@pytest.mark.timeout(150)
def test_a_full_disk_of_the_database_loses_nothing_acknowledged(small_disk: Path, tmp_path: Path) -> None:
    filler = small_disk / "filler"
    try:
        started = running_postgres(
            folder=small_disk, initdb=("--wal-segsize=1",), min_wal_size="2MB", max_wal_size="4MB",
            wal_recycle="off", shared_buffers="8MB",
        )  # fmt: skip
        cluster = started.__enter__()
    except NotInstalled as error:
        pytest.skip(str(error))
    try:
        crew = Crew(tmp_path, cluster.create_database())
        crew.found()
        with crew.serving() as leader:
            wait_for(lambda: leader.state() == "open", "open")
            urls = [leader.url]
            load = Load(crew, 0, lambda: urls)
            crew.send(leader.url, 5, party=1)
            with filler.open("wb") as file:
                while True:
                    try:
                        file.write(bytes(1 << 16))
                        file.flush()
                    except OSError:
                        break
            load.start()
            # The database cannot commit: the center ends with the code of a failed disk, and answers nobody.
            assert leader.process.wait(60) == 70
            taken = len(crew.acknowledged)
            filler.unlink()
            cluster.stop("immediate")
            cluster.start()
            with crew.serving() as second:
                wait_for(lambda: second.state() == "open", "open again")
                urls[0] = second.url
                wait_for(lambda: len(crew.acknowledged) > taken, "the message that had no answer is taken")
                load.finish()
                assert second.stop() == 0
        crew.check()
    finally:
        started.__exit__(None, None, None)
