"""The attack of the shifted grid: four releases, each naming a cell of four sites, identify one site among
twelve.

An attacker who knows the twelve sites and sees only cells counts, for each site that may be true, how many
sites are still possible. With cells that move from release to release he ends with one; with the fixed,
nested grid he never gets below the finest cell that he was given, however many releases, steps and recipients
put together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from fractions import Fraction

import pytest

from entente.release.label import LabelWire
from entente.release.source.report import Report
from entente.release.variant.build import build_variant, encode_variant
from entente.release.variant.ladder import DEFAULT_LADDER, Level
from entente.release.variant.sent import PlaceWire, VariantWire, parse_variant

LABEL = LabelWire(
    policy_id="", policy="TLP", classification="AMBER", categories=[], created="2026-11-28T12:00:00Z"
)
QUARTER_E7 = 2_500_000
# Twelve sites on a line, a quarter of a degree apart: every cell of one degree holds four.
SITES = [(353_000_000, 401_250_000 + number * QUARTER_E7) for number in range(12)]
HOUR_US = 3_600_000_000

Told = Callable[[tuple[int, int]], Hashable]


def make_report(site: tuple[int, int], *, number: int = 0) -> Report:
    return Report(
        id=f"r-{number}",
        theatre="north",
        source="post",
        lat_e7=site[0],
        lon_e7=site[1],
        height_cm=None,
        moment_us=number * HOUR_US,
        path=("ground", "convoy"),
        accuracy_m=100,
        tear_lines=(),
        fields=(),
        label=LABEL,
    )


def measure_best_guess(told: Sequence[Told]) -> Fraction:
    """Return the chance that an attacker names the right site after everything told, all being alike
    beforehand.

    He sees one of several outcomes; in each he names one of the sites that give it.
    """
    outcomes = Counter(tuple(each(site) for each in told) for site in SITES)
    return Fraction(len(outcomes), len(SITES))


def tell_shifted(shift: int) -> Told:
    """A release that names a cell of one degree, on a grid moved east by quarters of a degree."""
    return lambda site: (site[1] - shift * QUARTER_E7) // (4 * QUARTER_E7)


def tell_variant(level: Level, *, number: int) -> Told:
    """A release as it is built here: what a recipient sees of a report from the site."""

    def tell(site: tuple[int, int]) -> PlaceWire | None:
        return build_variant(make_report(site, number=number), level, DEFAULT_LADDER).place

    return tell


def test_every_single_release_of_the_attack_names_a_cell_of_four_sites() -> None:
    for shift in range(4):
        sizes = Counter(tell_shifted(shift)(site) for site in SITES)
        assert max(sizes.values()) == 4
        # Beyond the two ends there are no sites; every cell between them holds four.
        assert sorted(sizes.values())[-2:] == [4, 4]


def test_shifted_grids_give_the_site_away() -> None:
    series = [tell_shifted(shift) for shift in range(4)]
    guesses = [measure_best_guess(series[: count + 1]) for count in range(4)]
    assert guesses == [Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1)]


def test_fixed_cells_stop_the_attack_of_the_shifted_grid() -> None:
    degree = DEFAULT_LADDER.places_arcsec.index(3_600) + 1
    # Other hours, other delays, more of the identity: whatever else differs, the cell does not.
    series = [tell_variant(Level(degree, 1 + n % 6, n % 7, n % 3, 0), number=n) for n in range(40)]
    assert {measure_best_guess(series[: count + 1]) for count in range(40)} == {Fraction(1, 4)}


def test_coarser_steps_for_other_recipients_add_nothing_when_pooled() -> None:
    degree = DEFAULT_LADDER.places_arcsec.index(3_600) + 1
    series = [tell_variant(Level(step, 4, 0, 1, 0), number=step) for step in range(degree + 1)]
    assert measure_best_guess(series[:2]) == Fraction(1, 12)
    assert measure_best_guess(series) == Fraction(1, 4)


def test_only_a_finer_step_teaches_more_and_that_is_decided_and_charged() -> None:
    half = DEFAULT_LADDER.places_arcsec.index(1_800) + 1
    series = [tell_variant(Level(step, 4, 0, 1, 0), number=step) for step in range(half + 1)]
    assert measure_best_guess(series) == Fraction(1, 2)


@pytest.mark.parametrize("site", SITES)
def test_an_offset_cannot_even_be_spelt(site: tuple[int, int]) -> None:
    variant = build_variant(make_report(site), Level(3, 4, 0, 1, 0), DEFAULT_LADDER)
    assert variant.place is not None
    # A cell is a size and two numbers that count from the pole and the antimeridian: nothing says where it
    # starts.
    assert set(PlaceWire.__struct_fields__) == {"size_arcsec", "row", "column"}
    assert parse_variant(variant) == variant
    assert isinstance(variant, VariantWire)
    assert b"1250000" not in encode_variant(variant)
