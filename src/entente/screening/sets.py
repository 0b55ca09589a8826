"""A set of volumes with the names that its file gives them.

What it is for: everything that is screened is a `VolumeSet`, whatever file, frame or table it came from.

Invariants:
  * Each object has one id, and no two the same; ids are whole numbers, or text.
  * An object is one volume, or, where ``owner_of`` is there, all volumes of that number: the legs of a track.
  * An outline that crosses itself is not in a set: the readers refuse it.

It does not read files and compares nothing.

    >>> made = VolumeSet(table, name_objects(["alpha", "bravo"], "ids"))
    >>> made.name(1)
    'bravo'
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from entente.kernel.errors import Malformed
from entente.screening.arrays import find_missing, make_column, read_numbers
from entente.screening.legs import Legs
from entente.space.bulk import VolumeTable

Ints = NDArray[np.int64]
ArrowArray: TypeAlias = Any
"""A `pyarrow.Array`, which carries no types."""


@dataclass(frozen=True, slots=True, eq=False)
class VolumeSet:
    """Volumes with ids.

    Args:
        table: The volumes.
        ids: Of each object, int64 or text, none null, none twice.
        owner_of: int64, shape (volumes,): the object that each volume belongs to, where several may belong
            to one; rising.
        legs: What each volume's mover does, for a set of tracks.
        buffer_cm: int64, shape (volumes,): what the file says each volume reaches beyond itself.
        notes: What was left out or read in a way that its owner should know, for people.
    """

    table: VolumeTable
    ids: ArrowArray
    owner_of: Ints | None = None
    legs: Legs | None = None
    buffer_cm: Ints | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check what does not depend on where it came from."""
        owned = len(self.table) if self.owner_of is None else len(self.owner_of)
        if owned != len(self.table) or (self.owner_of is None and len(self.ids) != len(self.table)):
            raise ValueError(f"expected an id for each of {len(self.table)} volumes, got {len(self.ids)}")

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.ids)

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        own = 0 if self.owner_of is None else self.owner_of.nbytes
        return int(self.table.nbytes + self.ids.nbytes + own + (0 if self.legs is None else self.legs.nbytes))

    def find_objects(self, rows: NDArray[np.integer]) -> Ints:
        """Return the objects that volumes belong to."""
        numbers: Ints = rows.astype(np.int64, copy=False)
        return numbers if self.owner_of is None else self.owner_of[numbers]

    def name(self, number: int) -> str:
        """Return an object's id as text."""
        return str(self.ids[int(number)].as_py())


def name_objects(given: Any, subject: str, *, rows: str = "row") -> ArrowArray:  # noqa: ANN401 - any column
    """Return ids as a set holds them.

    Args:
        given: A list, a numpy or an Arrow column; whole numbers or text.
        subject: Whose ids these are, for errors.
        rows: What a place in ``given`` is called.

    Raises:
        Malformed: One is missing or stands twice, or they are neither numbers nor text; names the places.
    """
    column = _as_column(given, subject)
    if column.null_count:
        at = int(np.flatnonzero(find_missing(column))[0])
        raise Malformed("no-id", f"{subject}, {rows} {at}, id: expected one, got none")
    if pa.types.is_integer(column.type):
        column = column.cast(pa.int64())
        numbers = read_numbers(column)
        if len(numbers) < 2 or bool((np.diff(numbers) > 0).all()):
            return column
    elif not len(column) or pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.large_string())
    else:
        raise Malformed("bad-id", f"{subject}, id: expected whole numbers or text, got {column.type}")
    if _is_rising(column):
        return column
    if pc.count_distinct(column).as_py() != len(column):
        codes = read_numbers(column.dictionary_encode().indices)
        order = np.argsort(codes, kind="stable")
        twice = np.flatnonzero(np.diff(codes[order]) == 0)
        # The earliest that stands again, so that the message does not depend on how they are sorted.
        at = int(twice[np.argmin(order[twice + 1])])
        first, second = int(order[at]), int(order[at + 1])
        raise Malformed(
            "twice",
            f"{subject}, {rows} {second}, id: expected each id once, got {column[second].as_py()!r}"
            f" as in {rows} {first}",
        )
    return column


def _is_rising(column: ArrowArray) -> bool:
    """Return whether each text is behind the one before: then none stands twice, and nothing need be kept."""
    return len(column) < 2 or bool(pc.all(pc.less(column.slice(0, len(column) - 1), column.slice(1))).as_py())


def number_objects(count: int) -> ArrowArray:
    """Return ids for objects without: their places, from 0."""
    return make_column(np.arange(count, dtype=np.int64))


def rank_ids(ids: ArrowArray) -> Ints:
    """Return the place of each id in their order: numbers by size, text by code points."""
    order = read_numbers(pc.sort_indices(ids))
    ranks = np.empty(len(order), dtype=np.int64)
    ranks[order] = np.arange(len(order))
    return ranks


def _as_column(given: Any, subject: str) -> ArrowArray:  # noqa: ANN401 - any column
    if isinstance(given, pa.ChunkedArray):
        return given.combine_chunks() if given.num_chunks != 1 else given.chunk(0)
    if isinstance(given, pa.Array):
        return given
    if isinstance(given, Iterable):
        try:
            return pa.array(given)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise Malformed("bad-id", f"{subject}, id: expected all numbers or all text, got both") from error
    raise TypeError(f"expected a column of ids, got {type(given).__name__}")
