"""The report of final levels finds the spread, the correlation and the power that were put in."""

from __future__ import annotations

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import ResultFileError
from spinnet.reports.level_concentration import LevelConcentrationReport

PHYSICS = {"landscape": {"kind": "DenseNetwork"}, "dynamics": {"kind": "SGD"}, "probes": {"final": {}}}
NETWORK = {"independent_unit": "replica", "unit": "pattern"}


def network(n_dof, spread, correlation, runs=400, mean=1.0):
    rng = np.random.default_rng(n_dof)
    common, own = rng.standard_normal((2, 4, runs // 4))
    train = mean + spread * common
    test = mean + spread * (correlation * common + np.sqrt(1 - correlation**2) * own)
    variables = {"endpoint/train_loss": train, "endpoint/test_loss": test, "endpoint/energy_density": train}
    attributes = {**NETWORK, "n_dof": n_dof}
    return {"parameters": {"hidden": n_dof // 10}, "physics": PHYSICS, "variables": variables, "attributes": attributes}


def glass(n, spread, samples=40, replicas=10):
    rng = np.random.default_rng(n)
    # Samples differ by ten times the spread within one, which must not count.
    level = -1.0 + spread * (10.0 * rng.standard_normal((samples, 1)) + rng.standard_normal((samples, replicas)))
    return {"parameters": {"n": n}, "physics": PHYSICS, "variables": {"endpoint/energy_density": level}}


def build(tmp_path, arms, **settings):
    report = LevelConcentrationReport(resamples=300, **settings)
    return report.build(made_results(tmp_path / "c.h5", arms), lambda line: None)


def test_the_power_of_the_spread_is_found_in_network_and_glass(tmp_path):
    sizes = (100, 400, 1600)
    arms = {
        "net": [network(n, 2.0 / n, 0.9) for n in sizes],
        "glass": [glass(n, 1.0 / n**0.5) for n in (16, 64, 256)],
    }
    content = build(tmp_path, arms, arm="net", glass="glass")
    power = content.findings[-2]
    for what, expected in (("network", -1.0), ("glass", -0.5)):
        value, _, error = power.split(f"{what} ")[1].split(",")[0].split(" ")[:3]
        assert abs(float(value) - expected) < 4 * float(error) < 0.3
    assert "differ" in content.findings[-1] and "does not describe" not in power
    rows = {(row["side"], row["point"]): row for row in content.rows}
    row = rows["glass", "n=64"]
    assert abs(row["spread"] - 0.125) < 4 * row["spread_error"]


def test_correlations_that_fall_are_told_with_their_numbers(tmp_path):
    arms = {"net": [network(n, 0.1, c) for n, c in ((100, 0.9), (400, 0.6), (1600, 0.1))]}
    content = build(tmp_path, arms, arm="net")
    for row, expected in zip(content.rows, (0.9, 0.6, 0.1), strict=True):
        assert abs(row["correlation"] - expected) < 4 * row["correlation_error"]
    falls = [line for line in content.findings if "correlation" in line]
    assert "falls from the smallest to the largest" in falls[0]
    assert any("spread shows no certain change" in line for line in content.findings)


def test_a_spread_that_is_no_power_is_called_so(tmp_path):
    arms = {"net": [network(n, s, 0.5) for n, s in ((100, 0.1), (400, 0.5), (1600, 0.1))]}
    assert "a power does not describe it" in build(tmp_path, arms, arm="net").findings[-1]


def test_a_power_that_describes_nothing_is_not_compared_with_that_of_a_glass(tmp_path):
    arms = {
        "net": [network(n, s, 0.5) for n, s in ((100, 0.1), (400, 0.5), (1600, 0.1))],
        "glass": [glass(n, 1.0 / n**0.5) for n in (16, 64, 256)],
    }
    last = build(tmp_path, arms, arm="net", glass="glass").findings[-1]
    assert "are not compared: none describes the network over these sizes" in last and "z =" not in last


def test_the_correlation_of_shuffled_labels_stands_beside_as_a_null(tmp_path):
    arms = {"net": [network(n, 0.1, 0.9) for n in (100, 400)], "dealt": [network(n, 0.1, 0.0) for n in (120, 480)]}
    content = build(tmp_path, arms, arm="net", shuffled="dealt")
    dealt = [row for row in content.rows if row["side"] == "shuffled labels"]
    assert len(dealt) == 2 and all(abs(row["correlation"]) < 4 * row["correlation_error"] < 0.3 for row in dealt)
    assert all(abs(row["test"] - 1.0) < 4 * row["test_error"] for row in dealt)
    assert any(line.startswith("shuffled labels: the correlation of training and test") for line in content.findings)


def test_too_few_runs_and_a_glass_of_single_starts_are_refused(tmp_path):
    with pytest.raises(ResultFileError, match="8 of 8 runs ended at a finite level, and 10 runs are needed"):
        build(tmp_path, {"net": [network(100, 0.1, 0.5, runs=8)]}, arm="net")
    with pytest.raises(ResultFileError, match="two starts"):
        build(tmp_path, {"net": [network(100, 0.1, 0.5)], "glass": [glass(16, 0.1, replicas=1)]}, arm="net",
              glass="glass")  # fmt: skip
