"""Threads that decode one type for the first time at one moment: it ends a process that is not prepared."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PROGRAM: Final = """
import sys, threading
import msgspec
from entente.store.struct_types import prepare_struct_types

fields = "".join(
    f"    f{at}: Annotated[list[Annotated[str, msgspec.Meta(max_length={at + 1})]], msgspec.Meta()] | None"
    " = None\\n"
    for at in range(40)
)
made = []
for _ in range(60):
    names = {"__name__": "entente.made"}
    exec("import msgspec\\nfrom typing import Annotated\\nclass Made(msgspec.Struct):\\n" + fields, names)
    made.append(names["Made"])
if sys.argv[1] == "prepared":
    assert prepare_struct_types() >= 60
sys.setswitchinterval(1e-6)
for one in made:
    start = threading.Barrier(4)

    def decode():
        start.wait()
        try:
            msgspec.json.decode(b'{"f39":["a"],"f1":["b"]}', type=one)
        except Exception:
            pass

    threads = [threading.Thread(target=decode) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
"""


def test_types_that_were_prepared_are_decoded_by_many_threads_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM, "prepared"], cwd=ROOT, timeout=60, check=False)
    assert done.returncode == 0
