"""The loops over libsodium, compiled by numba where it is installed.

What it is for: `sodium_loops` as machine code that calls the library's functions by their addresses, so
that a batch is one call that holds no lock of the interpreter, and two threads do twice as much.

Invariants:
  * The same source as the plain form: nothing is written twice.
  * What is compiled is kept, as `entente.space.bulk` keeps it, and is the same for every place that the
    library is loaded at: addresses are arguments.
  * Compiling happens in the thread that asks, once a process.

It is imported only where numba is to be used: importing numba takes half a second.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

from llvmlite import ir

from entente.space.bulk.compiled import Compiled
from entente.space.bulk.kept import keep_compiled
from entente.store import sodium_loops

if TYPE_CHECKING:
    cgutils: Any
    global_compiler_lock: Any
    intrinsic: Any
    njit: Any
    overload: Any
    register_jitable: Any
    types: Any
else:
    from numba import njit
    from numba.core import cgutils, types
    from numba.core.compiler_lock import global_compiler_lock
    from numba.extending import intrinsic, overload, register_jitable

Typing = Any
"""What numba and LLVM call things by."""


def _generate_call(_context: Typing, function: Typing, arguments: Typing) -> Typing:
    """Call what lies at an address with integers: addresses and lengths are one kind on 64 bits."""
    signature = types.int64(function, arguments)

    def generate(_context: Typing, builder: Typing, _sig: Typing, values: Typing) -> Typing:
        word = ir.IntType(64)
        given = cgutils.unpack_tuple(builder, values[1])
        kind = ir.FunctionType(ir.IntType(32), [word] * len(given))
        callee = builder.inttoptr(values[0], kind.as_pointer())
        return builder.sext(builder.call(callee, given), word)

    return signature, generate


def _generate_copy(_context: Typing, target: Typing, source: Typing, count: Typing) -> Typing:
    """Copy bytes."""
    signature = types.void(target, source, count)

    def generate(context: Typing, builder: Typing, _sig: Typing, values: Typing) -> Typing:
        byte = ir.IntType(8).as_pointer()
        cgutils.raw_memcpy(
            builder, builder.inttoptr(values[0], byte), builder.inttoptr(values[1], byte), values[2], 1
        )
        return context.get_dummy_value()

    return signature, generate


_call: Any = intrinsic(_generate_call)
_copy: Any = intrinsic(_generate_copy)

# Numba compares the two by the names of their arguments, and by annotations if there are any.
_type_call: Any = lambda function, arguments: lambda function, arguments: _call(function, arguments)  # noqa: ARG005, E731, PLW0108
_type_copy: Any = lambda target, source, count: lambda target, source, count: _copy(target, source, count)  # noqa: ARG005, E731, PLW0108


@lru_cache(maxsize=1)
def compile_loops() -> dict[str, Callable[..., int]]:
    """Return the compiled form of each of `sodium_loops.LOOPS`, by name."""
    with global_compiler_lock:
        overload(sodium_loops.call)(_type_call)
        overload(sodium_loops.copy)(_type_copy)
        for helper in sodium_loops.HELPERS:
            register_jitable(helper)
        made = {}
        for loop in sodium_loops.LOOPS:
            ready: Any = njit(nogil=True, _nrt=False)(loop)
            keep_compiled(ready, Compiled(cast("FunctionType", loop)))
            made[loop.__name__] = ready
        return made
