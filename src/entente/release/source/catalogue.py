"""The catalogue: every observer, source and secret of a desk, checked as a whole and kept as a whole.

What it is for: what a release gives away is judged against one consistent version, whose hash the ledger
names.

Invariants:
  * Every name that is referred to exists; no name stands for two things of a kind.
  * The observers of a hypothesis make up exactly one together; public alternatives leave them some of it.
  * The truth is one of the hypotheses, and a source's true observer is among those of its truth: a model that
    rules out what is so would promise nothing.
  * A budget is at least what the best guess is worth beforehand: below that every release would be refused.
  * ``encode_catalogue(parse_catalogue(data)) == data``.

It does not read the officer's file: see `entente.release.source.catalogue_file`.

    >>> catalogue.source["roof-post"].secrets
    ('post-town',)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Final, NamedTuple

from msgspec import Meta

from entente.kernel.canonical import encode_canonical, parse_canonical_as
from entente.kernel.errors import Malformed
from entente.kernel.wire import WireStruct
from entente.release.source.observer import Observer, Share, Source
from entente.release.source.report import Report
from entente.release.source.secret import MAX_MATRIX, Budget, Hypothesis, Secret

MAX_OBSERVERS: Final = 30_000
MAX_SOURCES: Final = 2_000
MAX_SECRETS: Final = 500
MAX_CATALOGUE_BYTES: Final = 32 * 1024 * 1024
"""Three secrets of 10 000 hypotheses, each with an observer of its own, take 15 MB."""

PathOf = tuple[str | int, ...]


class Misfit(NamedTuple):
    """Something in a catalogue that does not fit: where (names and numbers from the top), code, message."""

    path: PathOf
    code: str
    message: str


class Catalogue(WireStruct, frozen=True, dict=True):
    """Everything of a desk that releases are judged by. ``observer``, ``source``, ``secret``: by id."""

    observers: Annotated[tuple[Observer, ...], Meta(max_length=MAX_OBSERVERS)]
    sources: Annotated[tuple[Source, ...], Meta(max_length=MAX_SOURCES)]
    secrets: Annotated[tuple[Secret, ...], Meta(max_length=MAX_SECRETS)]

    @cached_property
    def observer(self) -> Mapping[str, Observer]:
        """Return observers by id."""
        return {each.id: each for each in self.observers}

    @cached_property
    def source(self) -> Mapping[str, Source]:
        """Return sources by id."""
        return {each.id: each for each in self.sources}

    @cached_property
    def secret(self) -> Mapping[str, Secret]:
        """Return secrets by id."""
        return {each.id: each for each in self.secrets}


def parse_catalogue(data: bytes) -> Catalogue:
    """Return the catalogue that ``data`` spells canonically, checked as a whole, or raise `Malformed`."""
    catalogue = parse_canonical_as(data, Catalogue, max_bytes=MAX_CATALOGUE_BYTES)
    for misfit in find_misfits(catalogue):
        raise Malformed(misfit.code, misfit.message, path=say_path_of(misfit.path))
    return catalogue


def encode_catalogue(catalogue: Catalogue) -> bytes:
    """Return a catalogue as it is stored: canonical JSON."""
    return encode_canonical(catalogue)


def hash_catalogue(catalogue: Catalogue) -> str:
    """Return what names this version: SHA-256 of its stored form, in hex."""
    return hashlib.sha256(encode_catalogue(catalogue)).hexdigest()


def say_path_of(path: PathOf) -> str:
    """Return a path as text: ``secrets[0].hypotheses[3].weight``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def find_misfits(catalogue: Catalogue) -> Iterator[Misfit]:
    """Yield everything that does not fit, in the order of the catalogue."""
    for what, things in (
        ("observers", catalogue.observers),
        ("sources", catalogue.sources),
        ("secrets", catalogue.secrets),
    ):
        yield from _find_twice((what,), [each.id for each in things], what[:-1])
    for number, observer in enumerate(catalogue.observers):
        label = f"observer {observer.id!r}, sees"
        yield from _find_twice(("observers", number, "sees"), observer.sees, label)
    known = frozenset(catalogue.observer)
    # Found once: many sources may share a secret of many hypotheses.
    truths = {
        secret.id: next((one for one in secret.hypotheses if one.id == secret.truth), None)
        for secret in catalogue.secrets
    }
    for number, source in enumerate(catalogue.sources):
        yield from _check_source(source, ("sources", number), truths, known)
    for number, secret in enumerate(catalogue.secrets):
        yield from _check_secret(secret, ("secrets", number), known)


def _check_source(
    source: Source, path: PathOf, truths: Mapping[str, Hypothesis | None], known: frozenset[str]
) -> Iterator[Misfit]:
    label = f"source {source.id!r}"
    if source.observer not in known:
        yield _unknown((*path, "observer"), label, "an observer", source.observer)
    yield from _find_twice((*path, "theatres"), source.theatres, f"{label}, theatres")
    yield from _find_twice((*path, "secrets"), source.secrets, f"{label}, secrets")
    yield from _check_alternatives(source.alternatives, (*path, "alternatives"), label, known)
    for number, name in enumerate(source.secrets):
        if name not in truths:
            yield _unknown((*path, "secrets", number), label, "a secret", name)
            continue
        truth = truths[name]
        if truth is not None and source.observer not in {one.observer for one in truth.observers}:
            yield Misfit(
                (*path, "observer"),
                "truth-denied",
                f"{label}: expected its observer among those of the truth of secret {name!r} "
                f"({', '.join(one.observer for one in truth.observers)[:120]}), got {source.observer!r}",
            )


def _check_secret(secret: Secret, path: PathOf, known: frozenset[str]) -> Iterator[Misfit]:
    label = f"secret {secret.id!r}"
    yield from _find_twice((*path, "hypotheses"), [one.id for one in secret.hypotheses], label)
    for number, one in enumerate(secret.hypotheses):
        at = (*path, "hypotheses", number)
        name = f"{label}, hypothesis {one.id!r}"
        if Fraction(one.weight) <= 0:
            yield Misfit(
                (*at, "weight"), "bad-weight", f"{name}: expected a weight above 0, got {one.weight}"
            )
        yield from _check_observers(one.observers, (*at, "observers"), name, known)
        yield from _check_alternatives(one.alternatives, (*at, "alternatives"), name, known)
    if secret.truth not in {one.id for one in secret.hypotheses}:
        yield _unknown((*path, "truth"), label, "one of its hypotheses", secret.truth)
    yield from _check_gain(secret, path, label)
    yield from _check_budgets(secret, path, label)


def _check_observers(
    shares: Sequence[Share], path: PathOf, label: str, known: frozenset[str]
) -> Iterator[Misfit]:
    yield from _check_shares(shares, path, label, known)
    total = sum(Fraction(one.share) for one in shares)
    if total != 1:
        yield Misfit(path, "bad-shares", f"{label}: expected shares of observers to make 1, got {total}")


def _check_alternatives(
    shares: Sequence[Share], path: PathOf, label: str, known: frozenset[str]
) -> Iterator[Misfit]:
    yield from _check_shares(shares, path, label, known)
    total = sum(Fraction(one.share) for one in shares)
    if total >= 1:
        yield Misfit(path, "bad-shares", f"{label}: expected alternatives to make less than 1, got {total}")


def _check_shares(
    shares: Sequence[Share], path: PathOf, label: str, known: frozenset[str]
) -> Iterator[Misfit]:
    yield from _find_twice(path, [one.observer for one in shares], label)
    for number, one in enumerate(shares):
        if one.observer not in known:
            yield _unknown((*path, number, "observer"), label, "an observer", one.observer)
        if Fraction(one.share) <= 0:
            yield Misfit(
                (*path, number, "share"), "bad-shares", f"{label}: expected a share above 0, got {one.share}"
            )


def _check_gain(secret: Secret, path: PathOf, label: str) -> Iterator[Misfit]:
    gain, count, at = secret.gain, len(secret.hypotheses), (*path, "gain")
    # Only a matrix has rows, only a distance or a number of guesses has a number.
    has_number = gain.kind in {"tries", "within-km"}
    if (gain.kind == "matrix") != bool(gain.matrix) or has_number != bool(gain.number):
        yield Misfit(at, "bad-gain", f"{label}: expected what gain {gain.kind!r} needs and no more")
    if gain.kind == "tries" and not 1 <= gain.number < count:
        yield Misfit(at, "bad-gain", f"{label}: expected 1 to {count - 1} tries, got {gain.number}")
    if gain.kind == "within-km":
        bare = [one.id for one in secret.hypotheses if one.at is None]
        if bare:
            yield Misfit(
                at,
                "bad-gain",
                f"{label}: expected every hypothesis to say where it is (at), for a gain by distance, "
                f"got none for {', '.join(bare)[:120]}",
            )
    if sum(len(row) for row in gain.matrix) > MAX_MATRIX:
        yield Misfit(at, "too-many", f"{label}: expected a matrix of at most {MAX_MATRIX} values, got more")
        return
    for number, row in enumerate(gain.matrix):
        if len(row) != count:
            yield Misfit(
                at,
                "bad-gain",
                f"{label}, row {number} of the matrix: expected {count} values, got {len(row)}",
            )
        if any(Fraction(value) > 1 for value in row):
            yield Misfit(at, "bad-gain", f"{label}, row {number} of the matrix: expected values of 0 to 1")


def _check_budgets(secret: Secret, path: PathOf, label: str) -> Iterator[Misfit]:
    yield from _find_twice((*path, "budgets"), [one.who for one in secret.budgets], f"{label}, budgets")
    least = _measure_prior(secret)
    budgets: list[tuple[PathOf, str, Budget]] = [((*path, "budget"), "", secret.budget)]
    for number, one in enumerate(secret.budgets):
        budgets.append(((*path, "budgets", number), f" for {one.who!r}", one.budget()))
    for at, who, budget in budgets:
        chance = Fraction(budget.chance)
        if not 0 < chance <= 1:
            yield Misfit(at, "bad-budget", f"{label}, budget{who}: expected above 0 up to 1, got {chance}")
        elif least is not None and chance < least:
            yield Misfit(
                at,
                "bad-budget",
                f"{label}, budget{who}: expected at least what the best guess is worth beforehand "
                f"({least}), got {chance}",
            )
        if budget.each is not None and not 0 < Fraction(budget.each) <= 1:
            yield Misfit(
                at, "bad-budget", f"{label}, budget{who}: each: expected above 0 up to 1, got {budget.each}"
            )


def _measure_prior(secret: Secret) -> Fraction | None:
    """Return what the best guess is worth beforehand, where that is a sum of weights; None otherwise."""
    tries = {"exact": 1, "tries": secret.gain.number}.get(secret.gain.kind)
    if tries is None or not sum(Fraction(one.weight) for one in secret.hypotheses):
        return None
    return sum(sorted(secret.prior(), reverse=True)[:tries], Fraction(0))


def _find_twice(path: PathOf, names: Iterable[str], label: str) -> Iterator[Misfit]:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            yield Misfit(
                (*path, number), "duplicate-id", f"{label}: expected each name once, got {name!r} again"
            )
        seen.add(name)


def _unknown(path: PathOf, label: str, what: str, got: str) -> Misfit:
    return Misfit(path, "unknown-name", f"{label}: expected the name of {what}, got {got!r}")


def check_report(report: Report, catalogue: Catalogue) -> list[str]:
    """Return what of a report does not fit its source, each as a sentence; empty when all of it does.

    A report that its own source could not have made is judged by a model that rules the truth out. Nothing
    that a ledger says about it would hold, so a desk does not release it.
    """
    source = catalogue.source.get(report.source)
    if source is None:
        return [f"report {report.id!r}: expected the name of a source, got {report.source!r}"]
    faults = []
    if report.theatre not in source.theatres:
        faults.append(
            f"report {report.id!r}: expected a theatre of its source ({', '.join(source.theatres)}), got "
            f"{report.theatre!r}"
        )
    observer = catalogue.observer[source.observer]
    if report.path[0] not in observer.sees:
        faults.append(
            f"report {report.id!r}: expected what its source sees ({', '.join(observer.sees)}), got "
            f"{report.path[0]!r}"
        )
    if len(report.path) > observer.identifies:
        faults.append(
            f"report {report.id!r}: expected at most the {observer.identifies} words of a path that its "
            f"source can tell, got {len(report.path)}"
        )
    if report.height_cm is not None and observer.height_accuracy_m is None:
        faults.append(f"report {report.id!r}: expected no height, since its source tells none, got one")
    return faults
