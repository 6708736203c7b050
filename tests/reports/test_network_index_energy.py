"""Index and energy of networks: flat high points turn the raw correlation round, and unaccepted points stay out."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.reports.network_index_energy import NetworkIndexEnergyReport

MODES = 61


def physics(kind="DenseNetwork"):
    table = {"kind": kind, "hidden": [6], "data_options": {"n_inputs": 8}, "n": 61, "covariance": {"3": 1.0}}
    return {"landscape": table, "dynamics": {"kind": "SaddleSearch"}, "probes": {"final": {}, "hessian_spectrum": {}}}


def point(seed, number=60, slope=1.0):
    rng = np.random.default_rng(seed)
    energy = 0.3 + 0.2 * rng.random(number)
    zeros = np.round(150 * (energy - 0.3)).astype(int)  # the higher, the flatter
    curved = MODES - zeros
    index = np.round(curved * (0.3 + slope * 0.6 * (energy - 0.4))).astype(int)
    status = np.ones(number, int)
    status[:3], status[3] = 2, 0
    energy[:4], index[:4], zeros[:4] = 5.0, 0, 0  # what is not accepted must not count
    curvature = np.full(number, 0.1)
    energy[4], curvature[4] = 9.0, 0.0  # a gradient-flat point
    spectrum = np.zeros((1, number, MODES))
    variables = {"dynamics/search_status": status, "dynamics/search_distance": np.ones(number),
                 "endpoint/gradient_norm": np.full(number, 1e-5),
                 "endpoint/energy_density": energy, "spectrum/index": index,
                 "endpoint/gradient_curvature": curvature, "spectrum/zero_modes": zeros}  # fmt: skip
    variables = {name: value[None] for name, value in variables.items()} | {"spectrum/eigenvalue": spectrum}
    return {"parameters": {"data_options": seed, "descent": 0.0}, "physics": physics(), "variables": variables,
            "attributes": {"n_dof": MODES, "n_units": 80, "independent_unit": "replica"}}  # fmt: skip


def build(tmp_path, points, **arms):
    results = made_results(tmp_path / "c.h5", {"network": points, **arms})
    names = {name: name for name in arms}
    return NetworkIndexEnergyReport(arm="network", permutations=999, **names).build(results, lambda line: None)


def test_only_the_index_over_curved_modes_rises_with_the_energy(tmp_path):
    content = build(tmp_path, [point(0), point(1)])
    for row in content.rows:
        assert row["arrived"] == 55 and row["stuck"] == 4 and row["unfinished"] == 1
        assert row["pearson"] > 0.9 and row["raw_pearson"] < 0.6 and row["chance"] < 0.01
    assert any("over 2 data sets: Pearson +0.9" in line for line in content.findings)
    assert any("of 120 searches 110 arrived" in line and "2 are unfinished" in line for line in content.findings)
    assert any("is not fitted" in line and "too few points for a fit" in line for line in content.findings)


def test_untrained_weights_stand_beside_and_six_data_sets_are_fitted(tmp_path):
    untrained = [point(seed, slope=0.0) for seed in range(2)]
    content = build(tmp_path, [point(seed) for seed in range(6)], untrained=untrained)
    assert any("null, untrained weights" in line and "2 data sets" in line for line in content.findings)
    starts, fitted = [line for line in content.findings if "(ε/ε_c − 1)^(3/2)" in line]
    assert "the lowest of the points lies at" in starts
    assert "free exponent" in fitted or "too few points" in fitted
    edge = {name.split("/")[1]: one.data for name, one in content.variables.items() if name.startswith("edge/")}
    np.testing.assert_allclose(edge["free_sum"][0], edge["power"][0], rtol=1e-6)
    assert edge["free_sum"][-1] < 0.1 * edge["power"][-1]  # far from the edge the law of the edge is none


def test_an_index_that_falls_is_called_so(tmp_path):
    content = build(tmp_path, [point(2, slope=-1.0)])
    assert content.rows[0]["pearson"] < -0.9
    assert any("NOT above .6" in line for line in content.findings)


def test_a_glass_in_the_place_of_the_network_is_refused_before_the_run():
    settings = NetworkIndexEnergyReport.resolve({"arm": "a"})
    with pytest.raises(InputError, match="DenseNetwork"):
        NetworkIndexEnergyReport.check(settings, {"a": [physics("SphericalGlass")]})
