"""Weight matrices of known laws: Wishart edges, Tracy–Widom largest eigenvalues, spikes, heavy tails, refusals."""

from itertools import pairwise

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.weight_laws import (
    TRACY_WIDOM_95,
    analyse_weights,
    eigenvalues_of,
    tail_of,
    tracy_widom_scale,
)
from spinnet.reports.weight_spectra import WeightSpectraReport


def singular(matrix):
    return np.linalg.svd(matrix, compute_uv=False)


def test_a_random_matrix_has_its_edges_and_no_spikes():
    laws = analyse_weights(singular(0.3 * np.random.default_rng(0).standard_normal((600, 300))), 600, 300)
    np.testing.assert_allclose(laws.sigma, 0.3, rtol=0.01)
    np.testing.assert_allclose(laws.edges, (0.09 * (1 - 0.5**0.5) ** 2, 0.09 * (1 + 0.5**0.5) ** 2), rtol=0.02)
    assert laws.spikes == 0 and laws.distance < 0.02


def test_largest_eigenvalues_of_random_matrices_follow_tracy_and_widom():
    rng, (n, m) = np.random.default_rng(1), (120, 60)
    centre, width = tracy_widom_scale(n, m)
    top = [eigenvalues_of(singular(rng.standard_normal((n, m))), n, m)[-1] for _ in range(400)]
    scores = (np.array(top) - centre) / width
    assert abs(scores.mean() + 1.2065) < 4 * 1.268 / 20 + 0.1  # the centring is good to about n^(-2/3)
    assert scores.std() == pytest.approx(1.268, abs=0.18)
    assert (scores > TRACY_WIDOM_95).mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 * 0.95 / 400))
    # deliberately wrong: fluctuations of the width of the bulk edge without the cube root
    assert ((np.array(top) - centre) / (width * n ** (1 / 3))).std() < 0.5


@pytest.mark.parametrize(("strength", "expected"), [(2.0, 3.75), (4.0, 5.625)])
def test_a_spike_stands_where_baik_ben_arous_and_peche_put_it(strength, expected):
    rng, (n, m) = np.random.default_rng(2), (1000, 500)
    x = rng.standard_normal((n, m))
    x[:, 0] *= np.sqrt(1.0 + strength)
    laws = analyse_weights(singular(x), n, m)
    assert laws.spikes == 1
    assert eigenvalues_of(singular(x), n, m)[-1] == pytest.approx(expected, rel=0.12)


def test_a_heavy_tailed_matrix_has_a_power_law_and_a_gaussian_one_has_none():
    # Elements with P(|w| > t) = 1/t: eigenvalues with exponent 1 + 1/2.
    rng = np.random.default_rng(3)
    heavy = rng.choice([-1.0, 1.0], (400, 200)) / (1.0 - rng.random((400, 200)))
    fit, p_value, reason = tail_of(eigenvalues_of(singular(heavy), 400, 200), 20, rng)
    assert fit.alpha == pytest.approx(1.5, abs=0.15) and p_value > 0.05 and not reason
    _, p_value, _ = tail_of(eigenvalues_of(singular(rng.standard_normal((400, 200))), 400, 200), 20, rng)
    assert p_value < 0.1


def test_narrow_layers_are_refused_a_power_law():
    fit, p_value, reason = tail_of(np.linspace(1.0, 2.0, 30), 10, np.random.default_rng(0))
    assert fit is None and np.isnan(p_value) and "50 or more" in reason
    with pytest.raises(InputError, match="ten"):
        analyse_weights(np.ones(4), 8, 4)


def point(spike, seed):
    rng = np.random.default_rng(seed)
    widths, runs, times = (30, 80, 90, 5), 2, 2
    variables = {"trajectory/time": Variable(np.array([0.0, 10.0]), ("time",)),
                 "trajectory/energy": np.zeros((1, runs, times))}  # fmt: skip
    for layer in range(1, 4):
        rows, columns = widths[layer], widths[layer - 1]
        own = np.array([[[singular(rng.standard_normal((rows, columns))) for _ in range(times)] for _ in range(runs)]])
        null = np.array([[[singular(rng.standard_normal((rows, columns))) for _ in range(times)] for _ in range(runs)]])
        if layer == 2:
            own[0, :, -1, 0] += spike
        dims = ("sample", "replica", "time", f"layer{layer}_mode")
        stated = {"rows": rows, "columns": columns}
        variables |= {f"trajectory/layer{layer}_{name}_value": Variable(values, dims, "1", "", stated)
                      for name, values in (("singular", own), ("shuffled", null))}  # fmt: skip
    n = sum((i + 1) * o for i, o in pairwise(widths))
    physics = {"landscape": {"kind": "DenseNetwork", "hidden": [80, 90]}, "dynamics": {"kind": "SGD"},
               "probes": {"weight_spectra": {}}}  # fmt: skip
    return {"parameters": {}, "physics": physics, "variables": variables,
            "attributes": {"n_dof": n, "independent_unit": "replica"}}  # fmt: skip


def test_spikes_are_counted_layer_by_layer_and_the_last_layer_is_refused(tmp_path):
    results = made_results(tmp_path / "c.h5", {"trained": [point(20.0, 0)], "shuffled": [point(0.0, 1)]})
    content = WeightSpectraReport(arm="trained", shuffled="shuffled", draws=10).build(results, lambda line: None)
    shapes = [row["shape"] for row in content.rows]
    assert shapes == ["80x30", "90x80", "5x90"] * 2
    assert content.rows[1]["spikes"] == 1.0 and content.rows[1]["largest_score"] > 10
    assert content.rows[0]["alpha"] is None and content.rows[2]["sigma"] is None
    assert any("too few for any law" in line for line in content.findings)
    assert any("power law REFUSED" in line for line in content.findings)
    # Two runs have no error that could be known.
    assert np.isnan(content.rows[1]["spikes_error"]) and "errors are unknown over 2 runs" in content.findings[-1]
    assert any("spikes 1.0 (error unknown) with true" in line for line in content.findings)
