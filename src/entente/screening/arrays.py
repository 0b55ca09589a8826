"""Arrow columns out of numpy arrays and of Python's lists, made of their bytes.

What it is for: `pyarrow.array` imports pandas wherever that is installed, whatever it is given: half a second
and more for a question that takes a tenth of it.

Invariants: the same columns as `pyarrow.array` makes; no copy of a numpy array.

    >>> make_column(np.arange(3)).to_pylist()
    [0, 1, 2]
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_KINDS: Final = {
    np.dtype(np.int8): pa.int8(),
    np.dtype(np.int64): pa.int64(),
    np.dtype(np.float64): pa.float64(),
}

_NAMES: Final = {"int32": np.int32, "int64": np.int64, "uint64": np.uint64, "double": np.float64}


def make_column(numbers: NDArray[Any], missing: NDArray[np.bool_] | None = None) -> Any:  # noqa: ANN401 - pyarrow
    """Return numbers as a column; null where ``missing``."""
    held = np.ascontiguousarray(numbers)
    return pa.Array.from_buffers(_KINDS[held.dtype], len(held), [_mark_missing(missing), pa.py_buffer(held)])


def make_times(micros: NDArray[np.int64], missing: NDArray[np.bool_] | None = None) -> Any:  # noqa: ANN401 - pyarrow
    """Return microseconds since 1970 as timestamps of UTC."""
    held = np.ascontiguousarray(micros, dtype=np.int64)
    return pa.Array.from_buffers(
        pa.timestamp("us", "UTC"), len(held), [_mark_missing(missing), pa.py_buffer(held)]
    )


def make_texts(texts: Sequence[str | None]) -> Any:  # noqa: ANN401 - pyarrow
    """Return texts as a column; None is null."""
    raw = [b"" if text is None else text.encode() for text in texts]
    return _join_bytes(pa.large_string(), raw, [text is None for text in texts])


def make_binaries(raw: Sequence[bytes]) -> Any:  # noqa: ANN401 - pyarrow
    """Return bytes as a column."""
    return _join_bytes(pa.large_binary(), raw, [])


def read_numbers(column: Any) -> NDArray[Any]:  # noqa: ANN401 - pyarrow
    """Return the numbers of a column as they lie there, whatever stands in place of nulls."""
    kind = _NAMES[str(column.type)]
    held = column.buffers()[1]
    if held is None:
        return np.zeros(len(column), dtype=kind)
    numbers: NDArray[Any] = np.frombuffer(held, dtype=kind)
    return numbers[column.offset : column.offset + len(column)]


def fill_missing(column: Any, value: float) -> NDArray[Any]:  # noqa: ANN401 - pyarrow
    """Return a column of int64 or float64 with ``value`` for nulls."""
    numbers = read_numbers(column)
    if not column.null_count:
        return numbers
    return np.where(find_missing(column), np.array(value, dtype=numbers.dtype), numbers)


def find_missing(column: Any) -> NDArray[np.bool_]:  # noqa: ANN401 - pyarrow
    """Return which values of a column are null."""
    marks = column.buffers()[0]
    if marks is None or not column.null_count:
        # A column of nothing but nulls may have no marks at all.
        return np.full(len(column), column.null_count > 0)
    bits = np.unpackbits(np.frombuffer(marks, dtype=np.uint8), bitorder="little")
    return np.equal(bits[column.offset : column.offset + len(column)], 0)


def _join_bytes(kind: Any, raw: Sequence[bytes], missing: list[bool]) -> Any:  # noqa: ANN401 - pyarrow
    offsets = np.fromiter(
        accumulate((len(one) for one in raw), initial=0), dtype=np.int64, count=len(raw) + 1
    )
    marks = _mark_missing(np.array(missing, dtype=np.bool_)) if any(missing) else None
    return pa.Array.from_buffers(kind, len(raw), [marks, pa.py_buffer(offsets), pa.py_buffer(b"".join(raw))])


def _mark_missing(missing: NDArray[np.bool_] | None) -> Any:  # noqa: ANN401 - pyarrow
    if missing is None or not missing.any():
        return None
    return pa.py_buffer(np.packbits(~missing, bitorder="little"))
