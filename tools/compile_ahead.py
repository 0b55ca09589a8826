"""Compile what numba compiles, once, before tests that count every line they run.

    python -m tools.compile_ahead

What is compiled is kept beside its source. Compiling while coverage watches takes several times as long, and
two processes of tests would both do it.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import shapely

from entente.blind.group import Inputs
from entente.blind.oprf import GROUP_DST, derive_epoch_key, prove, tag_answered, tag_own, verify_proof
from entente.deconflict.standing import fetch_packed_rule
from entente.screening import Columns, Samples, TrackRules, from_arrow, make_tracks, screen
from entente.space import Circle, HeightBand, Separation, Volume, Window
from entente.space.bulk import find_pairs, find_pairs_between, pack_volumes
from entente.space.bulk.compiled import FEW
from entente.store.sodium_group import SodiumGroup
from entente.store.sodium_loader import load_sodium

START = datetime(2016, 9, 17, tzinfo=UTC)
END = START + timedelta(hours=1)
MANY = FEW + 1
"""Fewer are answered without compiled code."""


def compile_volumes() -> int:
    """Return how many pairs of some volumes in one place are found, in each way of asking."""
    table = pack_volumes(
        [Volume(Circle((35.3, 40.1), 500.0), HeightBand(0.0, 100.0), Window(START, END))] * MANY
    )
    return len(find_pairs(table, Separation())) + len(find_pairs_between(table, table, Separation()))


def compile_files() -> int:
    """Return how many pairs of some outlines of an Arrow table are found."""
    outlines = shapely.to_wkb([shapely.box(40.0, 35.0, 40.1, 35.1)] * MANY)
    moments = pa.timestamp("us", "UTC")
    table = pa.table(
        {
            "id": list(range(MANY)),
            "geometry": outlines,
            "floor_m": [0.0] * MANY,
            "ceiling_m": [100.0] * MANY,
            "start": pa.array([START] * MANY, type=moments),
            "end": pa.array([END] * MANY, type=moments),
        }
    )
    return len(screen(from_arrow(table, Columns(datum="ellipsoid")), separation=Separation()))


def compile_tracks() -> int:
    """Return how many pairs of two tracks over one ground are found."""
    zero = np.zeros(4)
    samples = Samples(
        flights=pa.array(["one", "one", "two", "two"]),
        time_us=np.array([0, 10_000_000, 0, 10_000_000]),
        lat_deg=zero + 35.3,
        lon_deg=np.array([40.1, 40.101, 40.1, 40.101]),
        height_m=zero + 100.0,
        moved_m=zero,
        doubt_m=zero,
    )
    return len(
        screen(make_tracks(samples, TrackRules(20.0, 10.0, datum="ellipsoid")), separation=Separation())
    )


def compile_blind() -> int:
    """Return how many inputs get one tag from both sides of the oblivious function."""
    group = SodiumGroup(load_sodium(), is_compiled=True)
    inputs = Inputs(np.arange(2 * 16, dtype=np.uint8).reshape(2, 16), bytes(32))
    blinds = group.derive_scalars(bytes(32), 0, 2)
    key = derive_epoch_key(group, bytes(32), partner="compiled", epoch=0)
    blinded = group.blind(inputs, GROUP_DST, blinds)
    answers = group.multiply(blinded, key.secret)
    proof = prove(group, key, blinded, answers, nonce=group.multiply_scalars(blinds[:1], blinds[1:]))
    verify_proof(group, key.public, blinded, answers, proof)
    group.hash_to_group(inputs, GROUP_DST)
    group.keyed_tags(inputs.rows, b"", bytes(32))
    return int((tag_answered(group, inputs, answers, blinds) == tag_own(group, key, inputs)).sum())


def main() -> None:
    """Ask each compiled question once."""
    began = time.perf_counter()
    fetch_packed_rule()
    found = (compile_volumes(), compile_files(), compile_tracks(), compile_blind())
    pairs = MANY * (MANY - 1) // 2
    expected = (pairs + MANY**2, pairs, 1, 2)
    if found != expected:
        raise AssertionError(f"compiled code: expected {expected} pairs, got {found}")
    sys.stdout.write(f"compiled code is ready ({time.perf_counter() - began:.0f} s)\n")


if __name__ == "__main__":
    main()
