"""The report on data correlations finds the covariance that was put in, and tells a null from an effect."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.data_correlations import DataCorrelationsReport

Q = np.linspace(0.0, 1.0, 6)
SETTINGS = {"arm": "true", "null": "", "trained": ""}


def sums_of(covariance, rng, pairs=150, blocks=10, patterns=60, scale=1.0, shared=0.0):
    """Losses of pairs whose covariance over patterns is that function of q; ``shared`` widens the sums over weights."""
    sums = np.empty((pairs, len(Q), blocks, 5))
    common = shared * rng.standard_normal((pairs, 1, 1))
    first = scale * rng.standard_normal((pairs, blocks, patterns))
    for k, q in enumerate(Q):
        c = 2 * covariance(q)
        fresh = scale * rng.standard_normal(first.shape)
        a = first + common
        b = c * first + np.sqrt(1 - c**2) * fresh + common * q**3 + shared * np.sqrt(1 - q**6) * rng.standard_normal(
            common.shape
        )
        for m, values in enumerate((a, b, a * b, a**2, b**2)):
            sums[:, k, :, m] = values.sum(axis=2)
    return sums[None, None], np.full((1, 1, blocks), float(patterns))


def point(hidden, covariance, seed, **options):
    rng = np.random.default_rng(seed)
    sums, counts = sums_of(covariance, rng, **options)
    energy = rng.standard_normal((1, 1, 160))
    variables = {
        "covariance/sums": Variable(sums, ("sample", "replica", "pair", "overlap", "block", "moment")),
        "covariance/counts": Variable(counts, ("sample", "replica", "block")),
        "covariance/overlaps": Variable(Q[None, None], ("sample", "replica", "overlap")),
        "levels/energy": energy, "levels/overlap": unrelated(160),
        "trajectory/time": Variable(np.array([0.0]), ("time",), "1"),
    }  # fmt: skip
    physics = {
        "landscape": {"kind": "DenseNetwork", "hidden": hidden}, "dynamics": {"kind": "Still"},
        "probes": {"data_covariance": {}},
    }  # fmt: skip
    attributes = {"n_units": 600, "n_dof": 100, "independent_unit": "replica"}
    return {"parameters": {"hidden": hidden}, "physics": physics, "variables": variables, "attributes": attributes}


def unrelated(levels):
    return Variable(np.eye(levels)[None, None], ("sample", "replica", "axis0", "other"))


def trained(hidden, values):
    physics = {
        "landscape": {"kind": "DenseNetwork", "hidden": hidden}, "dynamics": {"kind": "SGD"}, "probes": {"energy": {}},
    }  # fmt: skip
    variables = {
        "trajectory/energy": np.asarray(values)[None, :, None],
        "trajectory/time": Variable(np.array([0.0]), ("time",), "1"),
    }
    return {"parameters": {"hidden": hidden}, "physics": physics, "variables": variables}


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    arms = {
        "true": [point([4], lambda q: 0.5 * q**2, 1, shared=1.0), point([4, 4], lambda q: 0.5 * q**4, 2, shared=1.0)],
        "null": [point([4], lambda q: 0.5 * q**2, 3, shared=0.4), point([4, 4], lambda q: 0.5 * q**2, 4, shared=0.4)],
        "trained": [trained([4], np.random.default_rng(5).standard_normal(20))],
    }
    results = made_results(tmp_path_factory.mktemp("made") / "c.h5", arms)
    report = DataCorrelationsReport(arm="true", null="null", trained="trained", degrees=6, set_size=32)
    return report.build(results, lambda line: None)


def test_the_powers_that_were_put_in_are_found(content):
    rows = {(row["arm"], row["network"], row["covariance"]): row for row in content.rows}
    assert abs(rows["true", "4", "data"]["mean_degree"] - 2) < 0.4
    assert abs(rows["true", "4-4", "data"]["mean_degree"] - 4) < 0.4
    assert rows["true", "4", "data"]["degrees_2_6"] > 0.9
    true, null = (rows[arm, "4", "weights"]["variance_per_pattern"] for arm in ("true", "null"))
    assert true > 3 * null
    line = next(line for line in content.findings if line.startswith("mean degree"))
    assert "2 layers (hidden = 4): 2." in line or "2 layers (hidden = 4): 1.9" in line


def test_a_null_of_the_same_shape_does_not_differ_and_one_of_another_does(content):
    text = {line.split(":")[0]: line for line in content.findings if "shape of f over data" in line}
    assert "does not differ" in text["hidden = 4"] and " differs" in text["hidden = 4-4"]
    assert "does not" not in text["hidden = 4-4"]


def test_independent_gaussian_levels_condense_as_gaussian_ones(content):
    lines = [line for line in content.findings if "levels condense" in line]
    assert len(lines) == 2 and all("condense as Gaussian" in line for line in lines)
    group = content.groups["arm/0/levels"]
    assert group["set_size"] == 32 and group["sets"] == 5


def test_levels_of_a_tree_have_the_covariance_of_the_depth():
    from spinnet.estimators.overlap_covariance import CovarianceFit
    from spinnet.reports import data_correlations as module

    fit = CovarianceFit(np.array([0, 2]), np.array([0.1, 0.9]), *[np.zeros(2)] * 3, np.zeros(1))
    rng = np.random.default_rng(0)
    drawn = np.concatenate([module._tree_levels(fit, 8, rng) for _ in range(300)])
    assert drawn.shape == (300 * 64, 8)
    assert abs((drawn**2).mean() - 1.0) < 0.03
    # pairs of leaves of a binary tree of 3 generations: A = (x² of the common depth), x = 0, 1/3, 2/3 for 4, 2, 1 of 7
    products = (drawn.sum(axis=1) ** 2 - (drawn**2).sum(axis=1)) / (8 * 7)
    expected = (2 * (1 / 9) + 1 * (4 / 9)) / 7
    assert abs(products.mean() - expected) < 4 * products.std() / np.sqrt(len(products))


def test_levels_that_are_not_gaussian_are_called_so(tmp_path):
    one = point([4], lambda q: 0.5 * q**2, 1)
    one["variables"]["levels/energy"] = -np.random.default_rng(0).standard_exponential((1, 1, 640)) ** 1.5
    one["variables"]["levels/overlap"] = unrelated(640)
    results = made_results(tmp_path / "c.h5", {"main": [one]})
    found = DataCorrelationsReport(set_size=32).build(results, lambda line: None)
    assert any("condense more than Gaussian" in line for line in found.findings)


def test_trained_levels_are_laid_beside_random_ones(content):
    line = next(line for line in content.findings if "trained configurations" in line)
    assert "20 trained" in line and "narrows" in line
    assert content.variables["trained/0/network"].data.shape == content.variables["trained/0/scaled_beta"].data.shape


def test_an_arm_without_its_probe_is_refused_before_the_run():
    arms = {"true": [{"landscape": {"kind": "DenseNetwork"}, "dynamics": {"kind": "Still"}, "probes": {"energy": {}}}]}
    with pytest.raises(InputError, match=r"add \[arm.true.probes.data_covariance\]"):
        DataCorrelationsReport.check(SETTINGS, arms)
    with pytest.raises(InputError, match="no such arm"):
        DataCorrelationsReport.check({**SETTINGS, "null": "nul"}, arms)
    with pytest.raises(InputError, match="set_size"):
        DataCorrelationsReport(set_size=2)
