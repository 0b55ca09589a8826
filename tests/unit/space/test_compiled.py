"""Compiled code that is kept is never code of something else, and needs no place to be kept."""

from __future__ import annotations

import types
from typing import Any

import numpy as np
import pytest

from entente.space.bulk import compiled as room
from entente.space.bulk.compiled import FEW, HAS_COMPILER, Compiled, is_worth_compiling

SOURCE = """
FACTOR = {factor}
TABLE = np.array({table})

def inner(x):
    return x {operation} FACTOR

def outer(x):
    return inner(x) + TABLE[0]

def alone(x):
    return x + 1
"""


def make_module(factor: float = 2.0, table: str = "[1.0, 2.0]", operation: str = "*") -> dict[str, Compiled]:
    """Return three functions, the second of which calls the first, as a module would hold them."""
    module = types.ModuleType("kept_example")
    module.__dict__["np"] = np
    exec(SOURCE.format(factor=factor, table=table, operation=operation), module.__dict__)  # noqa: S102
    names = ("inner", "outer", "alone")
    for name in names:
        module.__dict__[name] = Compiled(module.__dict__[name], is_inlined=False)
    return {name: module.__dict__[name] for name in names}


@pytest.mark.parametrize(
    "change", ({"factor": 3.0}, {"table": "[1.0, 3.0]"}, {"table": "[1, 2]"}, {"operation": "+"})
)
def test_a_change_in_what_is_called_changes_the_mark_of_who_calls(change: dict[str, Any]) -> None:
    before, after = make_module(), make_module(**change)
    assert before["outer"].mark() != after["outer"].mark()
    assert before["alone"].mark() == after["alone"].mark()


def test_the_mark_is_the_same_in_another_process_and_after_numba_took_its_place() -> None:
    one, two = make_module(), make_module()
    assert one["outer"].mark() == two["outer"].mark()
    names = one["outer"].function.__globals__
    names["inner"] = types.SimpleNamespace(py_func=names["inner"].function)
    assert one["outer"].mark() == two["outer"].mark()


@pytest.mark.skipif(not HAS_COMPILER, reason="numba is not installed")
def test_a_few_volumes_do_not_wait_for_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_ALL", [])
    assert not is_worth_compiling(FEW)
    assert is_worth_compiling(FEW + 1)
    loaded = make_module()["alone"]
    loaded.ready = print
    monkeypatch.setattr(room, "_ALL", [loaded])
    assert is_worth_compiling(1)


@pytest.mark.skipif(not HAS_COMPILER, reason="numba is not installed")
def test_without_a_place_to_keep_it_compiled_code_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba
    from numba.core.caching import CacheImpl

    from entente.space.bulk import kept

    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    monkeypatch.setattr(kept, "_WITHOUT", [])
    one = make_module()["alone"]
    ready: Any = numba.njit(one.function)
    kept.keep_compiled(ready, one)
    assert ready(1) == 2
    assert not kept.is_kept()


@pytest.mark.skipif(not HAS_COMPILER, reason="numba is not installed")
def test_a_file_cut_short_is_compiled_anew(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import numba
    from numba.core import config

    from entente.space.bulk import kept

    source = tmp_path / "cut_short.py"
    source.write_text("def twice(x):\n    return 2 * x\n")
    monkeypatch.setattr(config, "CACHE_DIR", str(tmp_path / "kept"))

    def ask() -> Any:
        module = types.ModuleType("cut_short")
        exec(compile(source.read_text(), str(source), "exec"), module.__dict__)  # noqa: S102
        one = Compiled(module.__dict__["twice"], is_inlined=False)
        ready: Any = numba.njit(one.function)
        kept.keep_compiled(ready, one)
        assert ready(21) == 42
        return sum(ready.stats.cache_hits.values())

    assert ask() == 0
    assert ask() == 1
    files = [file for ending in ("nbi", "nbc") for file in (tmp_path / "kept").rglob(f"*.{ending}")]
    assert len(files) == 2
    for file in files:
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        assert ask() == 0
        assert ask() == 1
