"""Rows of a comparison: what is tested, what is refused and says why, and what a person reads."""

import json

import numpy as np
import pytest
from comparison.synthetic import goe, make_point, power_law, wishart

from spinnet.comparison.points import PointData
from spinnet.comparison.statistics import STATISTICS, select_statistics
from spinnet.comparison.table import (
    TESTED,
    as_dicts,
    compare_points,
    format_rows,
    measured,
    split_halves_within,
)


@pytest.fixture(scope="module")
def glass():
    rng = np.random.default_rng(1)
    relax = power_law(-1.15, 1.15, 0.5, 0.7, 0.02, 0.05)
    return make_point("glass", "n=40", lambda r: goe(40, r) + 2 * np.eye(40), relax,
                      24, 2, rng)  # fmt: skip


@pytest.fixture(scope="module")
def other_glass():
    rng = np.random.default_rng(2)
    relax = power_law(-1.15, 1.15, 0.5, 0.7, 0.02, 0.05)
    return make_point("glass", "n=60", lambda r: goe(60, r) + 2 * np.eye(60), relax,
                      1, 22, rng, independent_unit="replica")  # fmt: skip


@pytest.fixture(scope="module")
def network():
    rng = np.random.default_rng(3)
    return make_point("network", "hidden=4", lambda r: wishart(50, 100, r), power_law(0.1, 2.2, 1.5, 2.0, 0.05, 0.05),
                      1, 24, rng, independent_unit="replica", unit="pattern")  # fmt: skip


@pytest.fixture(scope="module")
def rows(glass, network):
    return {row.statistic: row for row in compare_points(glass, network, STATISTICS, permutations=999, seed=1)}


def test_a_network_with_a_wishart_hessian_is_not_a_glass(rows):
    for name in ("spectral_skewness", "semicircle_distance", "spectral_shape", "relaxation_stretch"):
        assert rows[name].status == TESTED
        assert rows[name].p_adjusted <= 0.05
        assert rows[name].distance > rows[name].null_upper


def test_the_same_local_statistics_are_not_told_apart_by_their_widths(rows, glass, other_glass):
    # Wigner and Wishart matrices share their spacing ratios; their sizes and replica numbers differ.
    assert rows["spacing_ratio"].p_value > 0.01
    assert compare_points(glass, other_glass, select_statistics(["spacing_ratio"]))[0].p_value > 0.01


def test_a_glass_is_not_told_apart_from_itself(glass):
    half = {name: values[:12] if name != "trajectory/time" else values for name, values in glass.arrays.items()}
    rest = {name: values[12:] if name != "trajectory/time" else values for name, values in glass.arrays.items()}
    left = PointData("glass", "a", half, glass.attributes)
    right = PointData("glass", "b", rest, glass.attributes)
    rows = compare_points(left, right, STATISTICS, permutations=999, fewest_units=10)
    assert sum(row.status == TESTED for row in rows) == 14
    assert min(row.p_adjusted for row in rows if row.status == TESTED) > 0.05


def test_only_tested_rows_have_p_values_and_holm_counts_only_them(rows):
    made = [row for row in rows.values() if row.status == TESTED]
    assert len(made) == 14
    smallest = min(row.p_value for row in made)
    assert min(row.p_adjusted for row in made) == pytest.approx(14 * smallest)
    assert rows["final_energy"].status == "not tested: carries units"
    assert rows["gradient_ratio_at_end"].status == "not tested: depends on the length of the run"
    assert np.isnan(rows["final_energy"].p_value)
    assert np.isfinite(rows["final_energy"].left_mean)


def test_a_statistic_that_an_arm_lacks_says_so(glass, network):
    bare = {name: values for name, values in network.arrays.items() if not name.startswith("spectrum")}
    rows = compare_points(glass, PointData("network", "x", bare, network.attributes), STATISTICS, permutations=99)
    row = next(row for row in rows if row.statistic == "participation")
    assert row.status == "not measured on network"
    assert (row.left_units, row.right_units) == (24, 0)
    assert np.isfinite(row.left_mean)
    assert np.isnan(row.right_mean)


def test_nineteen_units_are_refused_and_the_row_says_so(glass, network):
    broken = network.arrays["spectrum/eigenvalue"].copy()
    broken[0, :5] = np.nan
    point = PointData("network", "x", dict(network.arrays) | {"spectrum/eigenvalue": broken}, network.attributes)
    row = compare_points(glass, point, select_statistics(["participation"]), permutations=99)[0]
    assert row.status == "refused: 19 on network (5 without a value), at least 20 independent units needed"
    assert (row.right_units, row.right_excluded, row.right_excluded_runs) == (19, 5, 5)
    assert np.isnan(row.p_value)


def test_curves_are_tested_on_equally_many_units_and_the_table_says_so(glass):
    few = {name: values if name == "trajectory/time" else values[:20] for name, values in glass.arrays.items()}
    rows = compare_points(glass, PointData("other", "n=40", few, glass.attributes), STATISTICS, permutations=99)
    by_name = {row.statistic: row for row in rows}
    shape, number = by_name["spectral_shape"], by_name["participation"]
    assert (shape.left_units, shape.left_tested, shape.right_tested) == (24, 20, 20)
    assert (number.left_tested, number.right_tested) == (24, 20)
    # The first twenty are the same glasses on both sides.
    assert shape.distance == 0.0 and shape.p_value == 1.0
    assert 0 < shape.null_upper < 2
    text = format_rows(rows, 99)
    assert "whole relaxation curve: tested on the first 20 of 24 units of glass and 20 of 20 of other" in text


def test_the_distance_of_the_null_is_where_the_test_rejects(rows):
    for row in rows.values():
        if row.status == TESTED:
            assert (row.distance > row.null_upper) == (row.p_value <= 0.05), row.statistic


def test_the_same_seed_gives_the_same_rows_and_adding_statistics_changes_none(glass, network):
    few = compare_points(glass, network, select_statistics(["participation"]), permutations=199, seed=5)[0]
    many = compare_points(glass, network, STATISTICS, permutations=199, seed=5)
    same = next(row for row in many if row.statistic == "participation")
    assert few.p_value == same.p_value
    assert few.null_upper == same.null_upper


def test_halves_of_one_glass_are_rejected_at_the_level(glass):
    found = split_halves_within(glass, STATISTICS, splits=100, permutations=299, seed=2)
    made = np.isfinite(found.rate)
    assert made.sum() == 14
    z = (found.rate[made] - 0.05) / np.sqrt(0.05 * 0.95 / 100)
    assert np.abs(z).max() < 4
    assert (found.family_rate - 0.05) / np.sqrt(0.05 * 0.95 / 100) < 4
    assert found.units_per_half == 12


def test_rows_are_plain_and_the_table_reads_well(rows):
    listed = as_dicts(list(rows.values()))
    json.dumps(listed)
    text = format_rows(list(rows.values()), 999)
    lines = text.splitlines()
    assert "glass" in lines[0] and "network" in lines[0] and "p (Holm)" in lines[0]
    assert any("mean spacing ratio" in line and "±" in line for line in lines)
    assert "the smallest p-value that 999 labellings can give" in text
    assert max(map(len, lines)) <= 140


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.52984, 0.0012, "0.5298 ± 0.0012"),
        (0.52984, 0.0996, "0.53 ± 0.10"),
        (12.3456, 2.5, "12.3 ± 2.5"),
        (1234.5, 25.0, "1234 ± 25"),
        (1234.5, 250.0, "1234 ± 250"),
        (0.5, 0.0, "0.5"),
        (0.5, np.nan, "0.5"),
        (np.nan, 0.1, "—"),
        (1e-9, 2e-10, "1e-09 ± 2e-10"),
    ],
)
def test_values_are_cut_at_the_second_digit_of_their_error(value, error, text):
    assert measured(value, error) == text
