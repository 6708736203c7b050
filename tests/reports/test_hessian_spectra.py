"""Laws of the bulk recognise their own matrices and no others; the report tells outliers from chance."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.records import Variable
from spinnet.reports.bulk_laws import (
    BulkFit,
    fit_bulk,
    free_sum_density,
    ks_distance,
    law_cdf,
    null_distances,
    sample_spectrum,
)
from spinnet.reports.hessian_spectra import HessianSpectraReport, _units
from spinnet.theory.random_matrices import WishartPlusWigner

TRUTHS = {
    "semicircle": (1.0, 2.0),
    "marchenko-pastur": (2.0, 1.5),
    "free sum": (0.5, 0.1, 3.0),
}


def test_the_distribution_of_the_free_sum_is_that_of_quadrature():
    law, free = law_cdf("free sum", (2.0, 0.05, 3.0)), WishartPlusWigner(2.0, 0.05)
    for x in (-0.3, 0.0, 0.5, 2.0, 4.0):
        assert law(np.array([3.0 * x]))[0] == pytest.approx(free.cdf(x), abs=1e-4)


@pytest.mark.parametrize(("ratio", "epsilon"), [(0.5, 0.1), (2.0, 0.05), (30.0, 3.0), (0.1, 5e-4)])
def test_the_fast_density_is_that_of_the_cubic(ratio, epsilon):
    law = WishartPlusWigner(ratio, epsilon)
    x = np.linspace(law.edges[0], law.edges[-1], 301)[1:-1]
    exact = law.density(x)
    np.testing.assert_allclose(free_sum_density(x, ratio, epsilon), exact, atol=1e-6 * exact.max())


@pytest.mark.parametrize("truth", TRUTHS)
def test_each_law_is_near_its_own_matrices_and_the_others_are_not(truth):
    values = sample_spectrum(BulkFit(truth, TRUTHS[truth], 0.0), 200, np.random.default_rng(3))
    own = fit_bulk(values, truth)
    np.testing.assert_allclose(own.parameters, TRUTHS[truth], rtol=0.25)
    assert own.distance < 3 * null_distances(own, 200, 2, np.random.default_rng(4)).max()
    if truth != "semicircle":  # which the free sum contains
        assert fit_bulk(values, "semicircle").distance > 3 * own.distance


@pytest.mark.parametrize(("law", "parameters"), [("semicircle", (1.0, 2.0)), ("marchenko-pastur", (0.5, 1.5))])
def test_the_free_sum_is_no_further_than_the_laws_it_contains(law, parameters):
    values = sample_spectrum(BulkFit(law, parameters, 0.0), 200, np.random.default_rng(3))
    assert fit_bulk(values, "free sum").distance < fit_bulk(values, law).distance + 2e-3


def test_an_atom_is_compared_on_both_of_its_sides():
    law = law_cdf("marchenko-pastur", (2.0, 1.0))
    assert ks_distance(np.array([0.0, 0.0, 3.0, 5.0]), law) < 0.5
    assert ks_distance(np.full(4, 1e-3), law) == pytest.approx(1 - float(law(np.array([9e-4]))[0]), abs=0.6)


def physics(last=10.0):
    return {"landscape": {"kind": "DenseNetwork"}, "dynamics": {"kind": "SGD"}, "last": last,
            "probes": {"energy": {}, "hessian_course": {"top": 3}}}  # fmt: skip


def point(overlap, units=6, n=60):
    rng = np.random.default_rng(5)
    values = np.sort(rng.standard_normal((1, units, 2, n)), axis=-1)
    values[..., -3:] += 20.0
    shape = (1, units, 2)
    scatter = 0.01 * rng.standard_normal(shape)
    variables = {
        "trajectory/time": Variable(np.array([0.0, 10.0]), ("time",)), "trajectory/hessian_eigenvalue": values,
        "trajectory/hessian_index": np.full(shape, 28), "trajectory/hessian_zero_modes": np.zeros(shape, int),
        "trajectory/hessian_spacing_ratio": 0.53 + scatter, "trajectory/hessian_gradient_share": 0.3 + scatter,
        "trajectory/energy_density": 1.0 + scatter,
    }  # fmt: skip
    for name in ("logits", "losses", "clusters"):
        variables |= {f"trajectory/outlier_{name}": overlap + scatter,
                      f"trajectory/outlier_{name}_chance": np.full(shape, 0.05),
                      f"trajectory/outlier_{name}_spread": np.full(shape, 0.01)}  # fmt: skip
    return {"parameters": {}, "physics": physics(), "variables": variables,
            "attributes": {"n_dof": n, "independent_unit": "replica"}}  # fmt: skip


def test_overlaps_above_chance_and_at_chance_are_told_apart(tmp_path):
    results = made_results(tmp_path / "c.h5", {"trained": [point(0.6)], "shuffled": [point(0.05)]})
    report = HessianSpectraReport(arm="trained", shuffled="shuffled", draws=3, fits=2)
    findings = report.build(results, lambda line: None).findings
    told = [line for line in findings if "overlap of the outliers' space" in line]
    assert all("above chance" in line for line in told if line.startswith("network"))
    assert all("NOT told from chance" in line for line in told if line.startswith("shuffled"))
    assert any("spacing ratio at the end" in line and "is that of the GOE" in line for line in findings)
    assert sum("distance of the bulk" in line for line in findings) == 2


def test_replicas_on_one_disorder_are_no_spectra_of_their_own(tmp_path):
    glass = point(0.05, units=3)
    glass["attributes"]["independent_unit"] = "sample"
    for name, values in glass["variables"].items():
        if name != "trajectory/time":  # two samples of three replicas
            glass["variables"][name] = np.concatenate([values, values])
    results = made_results(tmp_path / "c.h5", {"glass": [glass]})
    (found,) = results.points("glass")
    assert _units(found, "hessian_eigenvalue").shape == (2, 2, 60)
