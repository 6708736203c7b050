"""The freezing report meets exact averages where levels are right and says so where they are not."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.landscapes import GeneralizedREM, LogCorrelatedREM, PSpinIsing, RandomEnergyModel
from spinnet.landscapes.thermodynamics import measure_thermodynamics, overlap_distribution
from spinnet.reports.freezing import FreezingReport, _z
from spinnet.reports.level_theory import generation_temperatures, known_averages, limit

T = np.array([0.2, 0.25, 0.3, 0.35, 0.4, 0.6, 0.8, 1.0, 1.3, 2.0])
CHOSEN = np.isin(T, [0.3, 0.8, 1.3])


def point(make, table, parameters, samples=120, overlap=None, shift=0.0, temperatures=T):
    rows = {name: [] for name in ("log_partition", "entropy", "mean_energy", "participation_2", "participation_3")}
    ground, sharing = [], []
    for sample in range(samples):
        model = make(sample)
        found = measure_thermodynamics(model, 1 / temperatures, (2, 3))
        for name in ("log_partition", "entropy", "mean_energy"):
            rows[name].append(getattr(found, name) + (shift if name == "log_partition" else 0.0))
        for k, order in enumerate((2, 3)):
            rows[f"participation_{order}"].append(found.participation[k])
        ground.append(found.ground_state)
        if overlap:
            sharing.append(overlap_distribution(model, 1 / temperatures, overlap).probability)
    variables = {f"thermodynamics/{name}": np.array(values)[:, None] for name, values in rows.items()}
    variables["thermodynamics/temperatures"] = np.tile(temperatures, (samples, 1, 1))
    variables["thermodynamics/ground_state"] = np.array(ground)[:, None]
    if overlap:
        variables["thermodynamics/overlap_probability"] = np.array(sharing)[:, None]
    physics = {"landscape": table, "dynamics": {"kind": "Still"}, "probes": {"thermodynamics": {"overlap": overlap}}}
    return {"parameters": parameters, "physics": physics, "variables": variables}


def rem(n, **options):
    table = {"kind": "RandomEnergyModel", "n": n, "distribution": "gaussian"}
    return point(lambda s: RandomEnergyModel(n, 1, s), table, {"n": n}, **options)


def build(tmp_path, points, exact=4):
    results = made_results(tmp_path / "c.h5", {"main": points})
    return FreezingReport(exact=exact).build(results, lambda line: None)


def test_random_energies_meet_their_exact_averages(tmp_path):
    content = build(tmp_path, [rem(n) for n in (6, 8, 10)], exact=3)
    assert "E ln Z meets it" in content.findings[0] and "E Y_2 meets it" in content.findings[0]
    assert "MISSES" not in content.findings[0] and "freezing: from the entropy" in content.findings[1]
    assert len(content.rows) == 3 and all(abs(row["z_lnZ"]) < 4 for row in content.rows)
    assert 0.45 < content.rows[-1]["freezing_entropy"] < 0.65


def test_a_wrong_partition_sum_is_called_wrong(tmp_path):
    content = build(tmp_path, [rem(8, shift=0.6)], exact=2)
    assert "E ln Z MISSES it" in content.findings[0]


def test_two_generations_freeze_one_after_the_other(tmp_path):
    levels = [[0.7, 0.5], [0.3, 0.5]]
    table = {"kind": "GeneralizedREM", "n": 12, "levels": levels}
    one = point(lambda s: GeneralizedREM(12, levels, 1, s), table, {"n": 12}, overlap="tree", samples=80)
    content = build(tmp_path, [one])
    line = next(line for line in content.findings if "one after the other" in line)
    first, second = (float(part.split(" at ")[1].split(" ")[0]) for part in line.split("generation ")[1:3])
    assert first > second and "exact means with |z|" in line
    worst = float(line.rsplit("≤ ", 1)[1])
    assert worst < 4
    shared = content.variables["series/0/n=12/sharing"].data
    np.testing.assert_allclose(shared[:, 0], 1.0)
    np.testing.assert_allclose(shared[:, 2], content.variables["series/0/n=12/participation_2"].data, rtol=1e-9)


def test_overlap_probabilities_of_another_tree_are_said_to_miss(tmp_path):
    told, made = [[0.7, 0.5], [0.3, 0.5]], [[0.3, 0.5], [0.7, 0.5]]
    table = {"kind": "GeneralizedREM", "n": 8, "levels": told}
    one = point(lambda s: GeneralizedREM(8, made, 1, s), table, {"n": 8}, overlap="tree", samples=60)
    assert "overlap probabilities MISS their exact means" in build(tmp_path, [one], exact=2).findings[-1]


def test_samples_that_are_all_alike_and_not_what_is_expected_are_said_to_miss(tmp_path):
    # Four times the same disorder: errors are 0.
    table = {"kind": "RandomEnergyModel", "n": 6, "distribution": "gaussian"}
    content = build(tmp_path, [point(lambda s: RandomEnergyModel(6, 1, 0), table, {"n": 6}, samples=4)], exact=2)
    assert "E ln Z MISSES it" in content.findings[0] and "E E_min MISSES it" in content.findings[0]


def test_the_error_of_equal_probabilities_is_that_of_rare_samples():
    ones = np.ones((16, 2))
    np.testing.assert_allclose(_z(ones, np.array([1.0, 1 - 1e-6]), probability=True), [0.0, 4e-3], rtol=1e-4)
    assert _z(ones, np.array([0.2, np.nan]), probability=True)[0] > 4


@pytest.mark.parametrize("p", [0, 3])
def test_no_exact_averages_may_be_asked_for(tmp_path, p):
    spins = {"kind": "PSpinIsing", "n": 6, "p": 3}
    made = point(lambda s: PSpinIsing(6, 3, 1, s), spins, {"p": 3, "n": 6}, samples=6) if p else rem(6, samples=6)
    content = build(tmp_path, [made], exact=0)
    assert ("nothing exact was asked for" in content.findings[-1]) == bool(p)


def test_generations_that_freeze_together_share_a_temperature():
    apart = generation_temperatures([[0.7, 0.5], [0.3, 0.5]])
    np.testing.assert_allclose(apart, [0.71059360, 0.46519271], atol=1e-8)
    np.testing.assert_allclose(generation_temperatures([[0.3, 0.5], [0.7, 0.5]]), 0.60056120, atol=1e-8)
    mixed = generation_temperatures([[0.5, 0.2], [0.1, 0.4], [0.4, 0.4]])
    assert mixed[0] > mixed[1] == mixed[2]


def test_a_single_sample_is_reported_without_errors(tmp_path):
    content = build(tmp_path, [rem(n, samples=1) for n in (6, 8, 10)], exact=2)
    assert len(content.rows) == 3 and content.rows[0]["z_lnZ"] is None


def test_log_correlated_levels_have_a_deeper_minimum_with_the_larger_slope(tmp_path):
    points = []
    for n in (5, 8, 11):
        table = {"kind": "LogCorrelatedREM", "n": n, "domain": "circle"}
        points.append(
            point(lambda s, n=n: LogCorrelatedREM(n, "circle", 1, s), table, {"n": n}, samples=250,
                  temperatures=np.array([0.3, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0]))
        )  # fmt: skip
    content = build(tmp_path, points)
    assert "law of Fyodorov and Bouchaud" in content.findings[0] and "MISSES" not in content.findings[0]
    group = content.groups["series/0"]
    assert group["minimum_slope"] > 0.45 + 2 * group["minimum_slope_error"]
    assert any("slope" in line and "3/2" in line for line in content.findings)


def test_high_degrees_are_close_to_independent_levels(tmp_path):
    points = [
        point(lambda s, p=p: PSpinIsing(11, p, 1, s), {"kind": "PSpinIsing", "n": 11, "p": p}, {"p": p, "n": 11},
              samples=250, temperatures=np.array([0.25, 0.3, 1.0]))
        for p in (3, 13)
    ]  # fmt: skip
    content = build(tmp_path, points, exact=3)
    gaps, errors = (content.variables[f"degrees/log_partition_gap{end}"].data for end in ("", "_error"))
    assert gaps[0] < -4 * errors[0] and abs(gaps[1]) < 4 * errors[1]
    assert "p = 3" in content.findings[-1] and "p = 13" in content.findings[-1]


@pytest.mark.parametrize(
    "table",
    [
        {"kind": "RandomEnergyModel", "n": 8},
        {"kind": "RandomEnergyModel", "n": 8, "distribution": "exponential"},
        {"kind": "GeneralizedREM", "n": 8, "levels": [[0.7, 0.5], [0.3, 0.5]]},
        {"kind": "ContinuousREM", "n": 6, "covariance": {"1": 2.0, "2": -1.0}},
        {"kind": "LogCorrelatedREM", "n": 8, "domain": "circle"},
        {"kind": "PSpinIsing", "n": 8, "p": 3},
    ],
    ids=lambda table: table["kind"] + str(table.get("distribution", "")),
)
def test_theory_is_found_for_every_kind_of_levels(table):
    known, bound = known_averages(table, T, CHOSEN), limit(table, T)
    assert np.isfinite(known.log_partition).any()
    if table.get("distribution") == "exponential":
        assert bound is None
        return
    # both fall with the temperature at fixed β < β_c to ln 2 + …: the limit is approached from below in ln Z
    assert bound.log_partition.shape == T.shape and np.all(np.diff(bound.participation) <= 1e-12)
    at = np.isfinite(known.log_partition)
    assert np.abs(known.log_partition[at] / table["n"] - bound.log_partition[at]).max() < 1.0
