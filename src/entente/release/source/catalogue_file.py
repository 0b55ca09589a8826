"""The catalogue as an officer writes it: one TOML file of observers, sources and secrets.

What it is for: `read_catalogue` gives a catalogue that holds as a whole, or every fault at its line and key.

Invariants:
  * Nothing is implied that widens: what an observer covers is said (``circles``, ``reach_m`` or
    ``everywhere``), a secret has a budget, a source says which secrets it is charged to, if only ``[]``.
  * An observer with ``reach_m`` is a kind: wherever a hypothesis with a place names it, an observer of that
    kind stands there, of the name ``<kind>-<hypothesis>``.

It does not open files: whoever calls brings bytes. The form, clause by clause:
docs/formats/release-reports.md.

    >>> read_catalogue(path.read_bytes()).secret["post-town"].truth
    'darat-izza'
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final, Literal, cast, get_args

import msgspec

from entente.release.source.catalogue import (
    MAX_OBSERVERS,
    MAX_SECRETS,
    MAX_SOURCES,
    Catalogue,
    PathOf,
    find_misfits,
)
from entente.release.source.fraction import say_fraction
from entente.release.source.observer import (
    MAX_ACCURACY_M,
    MAX_CIRCLES,
    MAX_LATENCY_S,
    MAX_RADIUS_M,
    MAX_SHARES,
    Circle,
    Observer,
    Share,
    Source,
)
from entente.release.source.path import MAX_DEPTH
from entente.release.source.reading import OfficerFile, Table
from entente.release.source.secret import (
    EXACT,
    MAX_GUESSES,
    MAX_HYPOTHESES,
    MAX_MATRIX,
    MAX_NAMED,
    About,
    Budget,
    Gain,
    GainKind,
    Hypothesis,
    NamedBudget,
    Secret,
)

VERSION_KEY: Final = "entente-catalogue"
_SINGULAR: Final = {"observers": "observer", "sources": "source", "secrets": "secret"}
_NOWHERE: Final = (Circle(lat_e7=0, lon_e7=0, radius_m=1),)


class _Kinds:
    """Observers without a place of their own, and those that were placed."""

    def __init__(self) -> None:
        self.reach_m: dict[str, int] = {}
        self.kind: dict[str, Observer] = {}
        self.placed: dict[str, Observer] = {}

    def place(self, name: str, hypothesis: str, at: tuple[int, int]) -> Observer:
        """Return the observer of a kind at a place."""
        circle = Circle(lat_e7=at[0], lon_e7=at[1], radius_m=self.reach_m[name])
        return msgspec.structs.replace(self.kind[name], id=f"{name}-{hypothesis}", circles=(circle,))


def read_catalogue(data: bytes) -> Catalogue:
    """Return the catalogue that a file states.

    Raises:
        FileInvalid: Anything at all is wrong; it carries every fault.

    Source: docs/formats/release-reports.md.
    """
    file = OfficerFile(data, "catalogue")
    top = file.top(VERSION_KEY, ("observer", "source", "secret"))
    kinds = _Kinds()
    observers, places = [], []
    for number, table in enumerate(top.tables("observer", most=MAX_OBSERVERS)):
        observer = _read_observer(table, kinds)
        if observer.id not in kinds.kind:
            observers.append(observer)
            places.append(number)
    sources = tuple(_read_source(table) for table in top.tables("source", most=MAX_SOURCES))
    secrets = tuple(_read_secret(table, kinds) for table in top.tables("secret", most=MAX_SECRETS))
    # What does not even have its form would only be told a second time.
    file.require_none()
    catalogue = Catalogue(observers=(*observers, *kinds.placed.values()), sources=sources, secrets=secrets)
    for misfit in find_misfits(catalogue):
        file.add(misfit.code, misfit.message, _as_written(misfit.path, places))
    if len(catalogue.observers) > MAX_OBSERVERS:
        file.add(
            "too-many", f"catalogue: expected at most {MAX_OBSERVERS} observers, the placed ones too", ()
        )
    file.require_none()
    return catalogue


def _as_written(path: PathOf, places: list[int]) -> PathOf:
    """Return the place in the file of a place in the catalogue.

    Tables are named in the singular; ``places`` are those of the observers, among which kinds stand too.
    """
    if path[:1] == ("observers",) and len(path) > 1:
        number = path[1]
        # What was placed stands nowhere in the file.
        path = (
            ("observers", places[number], *path[2:])
            if isinstance(number, int) and number < len(places)
            else ()
        )
    if path[2:3] == ("hypotheses",):
        path = (*path[:2], "hypothesis", *path[3:])
    return (_SINGULAR[str(path[0])], *path[1:]) if path else ()


def _read_observer(table: Table, kinds: _Kinds) -> Observer:
    table.check_keys(
        ("id", "words", "sees", "identifies", "accuracy_m", "latency_s"),
        ("circles", "reach_m", "everywhere", "height_accuracy_m"),
    )
    covers = [key for key in ("circles", "reach_m", "everywhere") if key in table]
    if len(covers) != 1:
        got = ", ".join(covers) or "none"
        table.add("bad-cover", "", f"expected one of circles, reach_m and everywhere, got {got}")
    circles: tuple[Circle, ...] | None = _NOWHERE
    if "circles" in table:
        circles = tuple(_read_circle(each) for each in table.tables("circles", least=1, most=MAX_CIRCLES))
    elif "everywhere" in table:
        if not table.yes("everywhere"):
            table.add("bad-cover", "everywhere", "everywhere: expected true, or circles instead, got false")
        circles = None
    observer = Observer(
        id=table.slug("id"),
        words=table.text("words"),
        circles=circles or _NOWHERE if circles is not None else None,
        sees=table.slugs("sees", least=1, most=16),
        identifies=table.whole("identifies", 0, MAX_DEPTH),
        accuracy_m=table.whole("accuracy_m", 0, MAX_ACCURACY_M),
        height_accuracy_m=(
            table.whole("height_accuracy_m", 0, MAX_ACCURACY_M) if "height_accuracy_m" in table else None
        ),
        latency_s=table.whole("latency_s", 0, MAX_LATENCY_S),
    )
    if "reach_m" in table:
        kinds.reach_m[observer.id] = table.whole("reach_m", 1, MAX_RADIUS_M)
        kinds.kind[observer.id] = observer
    return observer


def _read_circle(table: Table) -> Circle:
    table.check_keys(("at", "radius_m"))
    lat_e7, lon_e7 = table.place("at") or (0, 0)
    return Circle(lat_e7=lat_e7, lon_e7=lon_e7, radius_m=table.whole("radius_m", 1, MAX_RADIUS_M, absent=1))


def _read_source(table: Table) -> Source:
    table.check_keys(
        ("id", "words", "method", "observer", "sensitivity", "theatres", "secrets"), ("alternatives",)
    )
    return Source(
        id=table.slug("id"),
        words=table.text("words"),
        method=table.slug("method"),
        observer=table.slug("observer"),
        sensitivity=table.slug("sensitivity"),
        theatres=table.slugs("theatres", least=1, most=64),
        alternatives=_read_shares(table, "alternatives", is_whole=False),
        secrets=table.slugs("secrets", most=32),
    )


def _read_shares(table: Table, key: str, *, is_whole: bool) -> tuple[Share, ...]:
    """Return observers with their shares: names alone stand for equal shares of one, if that is the whole."""
    items = table.items(key, least=1 if is_whole else 0, most=MAX_SHARES)
    if is_whole and items and all(isinstance(each, str) for each in items):
        equal = say_fraction(Fraction(1, len(items)))
        return tuple(Share(name, equal) for name in table.slugs(key, least=1, most=MAX_SHARES))
    shares = []
    for each in table.tables(key, least=1 if is_whole else 0, most=MAX_SHARES):
        each.check_keys(("observer", "share"))
        shares.append(Share(each.slug("observer"), each.fraction("share", absent="0")))
    return tuple(shares)


def _read_secret(table: Table, kinds: _Kinds) -> Secret:
    table.check_keys(
        ("id", "about", "words", "truth", "budget", "hypothesis"),
        ("budgets", "gain", "officers", "notified"),
    )
    budget = table.table("budget")
    return Secret(
        id=table.slug("id"),
        about=cast("About", table.choice("about", get_args(About), absent="site")),
        words=table.text("words"),
        hypotheses=tuple(
            _read_hypothesis(each, kinds) for each in table.tables("hypothesis", least=2, most=MAX_HYPOTHESES)
        ),
        truth=table.slug("truth"),
        budget=_read_budget(budget) if budget else Budget(chance="1", bits=None),
        budgets=tuple(_read_named_budget(each) for each in table.tables("budgets", most=MAX_NAMED)),
        gain=_read_gain(table),
        officers=cast("Literal[1, 2]", table.whole("officers", 1, 2, absent=1)),
        notified=table.yes("notified"),
    )


def _read_budget(table: Table) -> Budget:
    table.check_keys(("chance",), ("bits", "each"))
    return Budget(
        chance=table.fraction("chance", absent="1"),
        bits=table.fraction("bits") if "bits" in table else None,
        each=table.fraction("each") if "each" in table else None,
    )


def _read_named_budget(table: Table) -> NamedBudget:
    table.check_keys(("who", "chance"), ("bits", "each"))
    return NamedBudget(
        who=table.slug("who"),
        chance=table.fraction("chance", absent="1"),
        bits=table.fraction("bits") if "bits" in table else None,
        each=table.fraction("each") if "each" in table else None,
    )


def _read_hypothesis(table: Table, kinds: _Kinds) -> Hypothesis:
    table.check_keys(("id", "words", "observers"), ("weight", "at", "alternatives"))
    name, at = table.slug("id"), table.place("at")
    observers = []
    for number, share in enumerate(_read_shares(table, "observers", is_whole=True)):
        if share.observer not in kinds.kind:
            observers.append(share)
            continue
        if at is None:
            table.add("no-place", "", f"expected a place (at) for {share.observer!r}, which has only a reach")
            continue
        placed = kinds.place(share.observer, name, at)
        if len(placed.id) > 40:
            table.add(
                "bad-id",
                "",
                f"expected names of at most 40 characters together, got {placed.id!r}, number {number}",
            )
        if kinds.placed.setdefault(placed.id, placed) != placed:
            table.add("duplicate-id", "at", f"at: expected the one place of {placed.id!r}, got another")
        observers.append(Share(placed.id, share.share))
    return Hypothesis(
        id=name,
        words=table.text("words"),
        weight=table.fraction("weight", absent="1"),
        at=at,
        observers=tuple(observers),
        alternatives=_read_shares(table, "alternatives", is_whole=False),
    )


def _read_gain(table: Table) -> Gain:
    if "gain" not in table or table.raw("gain") == "exact":
        return EXACT
    gain = table.table("gain")
    known = {"within_km": "within-km", "tries": "tries", "matrix": "matrix"}
    keys = [key for key in known if gain and key in gain]
    if gain is None or len(keys) != 1:
        if gain is not None:
            table.add("bad-gain", "gain", "gain: expected one of within_km, tries and matrix")
        return EXACT
    gain.check_keys(keys)
    kind = cast("GainKind", known[keys[0]])
    if kind != "matrix":
        return Gain(kind=kind, number=gain.whole(keys[0], 1, 20_000), matrix=())
    rows = gain.items("matrix", least=1, most=MAX_GUESSES)
    if sum(len(row) for row in rows if isinstance(row, list)) > MAX_MATRIX:
        gain.add("too-many", "matrix", f"matrix: expected at most {MAX_MATRIX} values, got more")
        return EXACT
    return Gain(
        kind=kind, number=0, matrix=tuple(_read_row(gain, row, number) for number, row in enumerate(rows))
    )


def _read_row(table: Table, row: object, number: int) -> tuple[str, ...]:
    if not isinstance(row, list):
        table.add("wrong-type", "matrix", f"matrix, row {number}: expected a list, got another value")
        return ()
    cells = Table(table.file, {str(place): value for place, value in enumerate(row)}, (*table.path, "matrix"))
    return tuple(cells.fraction(str(place)) for place in range(len(row)))
