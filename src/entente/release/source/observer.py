"""Observers: what could have seen something, and how well. Sources: what a desk's reports come from.

What it is for: a recipient who gets a report asks himself what could have seen it. Each answer that he may
hold possible is an observer, with its coverage, precision and speed; the gate judges by the same answers.

Invariants: valid by construction of the wire form: whole numbers in stated units, bounded texts and lists. An
observer covers circles, or it is said to cover everything: never everything by leaving something out.

What refers to what is checked by `entente.release.source.catalogue`. Nothing of it ever leaves a desk.

    >>> Observer(
    ...     id="hill-post", words="camera on a hill", circles=(Circle(353_000_000, 401_000_000, 12_000),),
    ...     sees=("air", "ground"), identifies=2, accuracy_m=200, height_accuracy_m=None, latency_s=600,
    ... )
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta

from entente.kernel.wire import NameText, SlugText, WireStruct
from entente.release.source.fraction import FractionText
from entente.release.source.path import MAX_DEPTH

MAX_CIRCLES: Final = 64
MAX_SHARES: Final = 32
"""Observers of one hypothesis, and public alternatives."""
MAX_RADIUS_M: Final = 5_000_000
MAX_ACCURACY_M: Final = 1_000_000
MAX_LATENCY_S: Final = 366 * 86_400

LatE7 = Annotated[int, Meta(ge=-900_000_000, le=900_000_000)]
LonE7 = Annotated[int, Meta(ge=-1_800_000_000, lt=1_800_000_000)]
AccuracyM = Annotated[int, Meta(ge=0, le=MAX_ACCURACY_M)]


class Circle(WireStruct, frozen=True):
    """What an observer covers: everything within a radius of a point."""

    lat_e7: LatE7
    lon_e7: LonE7
    radius_m: Annotated[int, Meta(ge=1, le=MAX_RADIUS_M)]


class Observer(WireStruct, frozen=True):
    """Something that could have seen what a report tells.

    Args:
        circles: What it covers, one after the other; None: it is said to cover everything.
        sees: First words of the paths that it can see: ``air``, ``ground``.
        identifies: How many words of a path it can tell, at most; 0: only that something is there.
        accuracy_m: How precisely it can place a thing. It cannot tell cells much smaller than that.
        height_accuracy_m: The same of heights; None: it tells none.
        latency_s: How long it needs from the event to the report, at least.
    """

    id: SlugText
    words: NameText
    circles: Annotated[tuple[Circle, ...], Meta(min_length=1, max_length=MAX_CIRCLES)] | None
    sees: Annotated[tuple[SlugText, ...], Meta(min_length=1, max_length=16)]
    identifies: Annotated[int, Meta(ge=0, le=MAX_DEPTH)]
    accuracy_m: AccuracyM
    height_accuracy_m: AccuracyM | None
    latency_s: Annotated[int, Meta(ge=0, le=MAX_LATENCY_S)]


class Share(WireStruct, frozen=True):
    """How much of the reports an observer accounts for."""

    observer: SlugText
    share: FractionText


class Source(WireStruct, frozen=True):
    """Where a desk's reports come from.

    Args:
        method: The kind of collection, as this party calls it: ``observation-post``, ``signals``.
        observer: What it is, as an observer; the true one.
        sensitivity: In this party's own words: ``low``, ``high``. Rules of the party may go by it.
        theatres: Where it works. What is given away in one is known in all.
        alternatives: Public observers that could equally have seen what it reports, and for what share of
            such reports they would be the true one. They hold for every hypothesis that names none itself.
        secrets: What its reports are charged to. An empty list says that nothing about it is secret.
    """

    id: SlugText
    words: NameText
    method: SlugText
    observer: SlugText
    sensitivity: SlugText
    theatres: Annotated[tuple[SlugText, ...], Meta(min_length=1, max_length=64)]
    alternatives: Annotated[tuple[Share, ...], Meta(max_length=MAX_SHARES)]
    secrets: Annotated[tuple[SlugText, ...], Meta(max_length=32)]
