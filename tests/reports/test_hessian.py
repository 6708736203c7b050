"""The Hessian report on matrices of the exact law, on minima of the exact law, and on others."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.reports.hessian import HessianReport
from spinnet.theory.covariance import Covariance
from spinnet.theory.stationary_hessians import sample_hessians, sample_typical_spectra

PURE = Covariance({3: 1.0})


def physics(n, covariance=None, limit=5000):
    return {
        "landscape": {"kind": "SphericalGlass", "covariance": covariance or {"3": 1.0}, "n": n},
        "dynamics": {"kind": "Still"},
        "probes": {"final": {}, "hessian_spectrum": {"dense_limit": limit}},
    }


def point(n, values, energy, gradient):
    variables = {
        "spectrum/eigenvalue": values[:, None], "endpoint/energy_density": energy[:, None],
        "endpoint/gradient_norm": np.full((len(energy), 1), gradient),
    }  # fmt: skip
    return {"parameters": {"n": n}, "physics": physics(n), "variables": variables}


def typical(n, factor=1.0, samples=60):
    energy = np.random.default_rng(n).normal(scale=np.sqrt(0.5 / n), size=samples)
    values = factor * sample_typical_spectra(PURE, n, samples, seed=n) - 3.0 * energy[:, None]
    return point(n, values, energy, 1.0)


def minima(n, samples=60, lift=0.0):
    law = sample_hessians(PURE, n, samples, seed=n)
    values = law.curvature_scale * (law.spectra[:, 1:] - law.spectra[:, :1]) + lift
    return point(n, values, law.energy_scale * law.spectra[:, 0], 1e-6)


def report(tmp_path, ends, typicals, spectra=2000):
    results = made_results(tmp_path / "c.h5", {"ends": ends, "typical": typicals})
    return HessianReport(arm="ends", typical="typical", spectra=spectra).build(results, lambda line: None)


def test_matrices_of_the_exact_law_are_recognised(tmp_path):
    content = report(tmp_path, [minima(n) for n in (16, 24, 40)], [typical(n) for n in (16, 24, 40)])
    assert any("typical: Hessians shifted by p e agree with" in line for line in content.findings)
    ends = [row for row in content.rows if row["series"] == "ends"]
    for row in ends:
        assert row["minima"] == 1.0
        assert abs(row["z_lowest_of_minima"]) < 4 and abs(row["z_highest_of_minima"]) < 4
        assert row["z_lower"] > 4  # the edge of a minimum is not that of a typical configuration


def test_another_width_and_lifted_minima_are_called_different(tmp_path):
    content = report(tmp_path, [minima(n, lift=0.3) for n in (16, 24, 40)], [typical(n, 1.1) for n in (16, 24, 40)])
    assert any("typical: Hessians shifted by p e DIFFER" in line for line in content.findings)
    assert all(row["z_lowest_of_minima"] > 4 for row in content.rows if row["series"] == "ends")


def test_one_sample_is_not_tested_and_stops_no_report(tmp_path):
    ends, typicals = [minima(n, samples=1) for n in (8, 12, 16)], [typical(n, samples=1) for n in (8, 12)]
    content = report(tmp_path, ends, typicals, 200)
    assert all(row["z_lower"] is None and row["z_lowest_of_minima"] is None for row in content.rows)
    assert len(content.findings) == 2 and all("not tested" in line for line in content.findings)


def test_sizes_with_one_sample_are_left_out_of_an_extrapolation(tmp_path):
    ends = [minima(n, samples=1 if n == 12 else 20) for n in (8, 12, 16)]
    content = report(tmp_path, ends, [typical(8)], 200)
    assert any("centre of the shifted spectrum is not extrapolated" in line for line in content.findings)
    assert any("N = 12: 100% ended in minima; their edges are not tested" in line for line in content.findings)


def test_a_coarsely_sampled_law_makes_no_difference(tmp_path):
    # Far more minima than sampled spectra: the error is that of the law.
    content = report(tmp_path, [minima(8, samples=4000)], [typical(8)], 100)
    (row,) = [row for row in content.rows if row["series"] == "ends"]
    assert abs(row["z_lowest_of_minima"]) < 4 and abs(row["z_highest_of_minima"]) < 4
    law = sample_hessians(PURE, 8, 4000, seed=8)
    place = content.groups["series/arm0/n=8"]
    alone = law.curvature_scale * (law.spectra[:, 1] - law.spectra[:, 0]).std() / np.sqrt(4000)
    assert place["lowest_less_law_error"] > 3 * alone


def test_a_width_that_no_line_in_1_over_n_describes_is_no_agreement(tmp_path):
    # The middle size is wider: the limit is not touched much, the form is wrong.
    content = report(tmp_path, [typical(16, 0.995), typical(24, 1.03), typical(40, 0.995)], [typical(8)], 400)
    (line,) = [line for line in content.findings if "width of the shifted spectrum" in line]
    assert "does not describe" in line and "meets" not in line


@pytest.mark.parametrize(
    "extra", [{"planted": {"3": 1.0}}, {"field": 0.1}, {"strict": True}, {"couplings": "binary"}], ids=str
)
def test_glasses_whose_energy_does_not_tell_the_centre_are_refused(extra):
    other = physics(8)
    other["landscape"] |= extra
    with pytest.raises(InputError, match="arm main"):
        HessianReport.check({"arm": "", "typical": ""}, {"main": [other]})


def test_mixed_models_and_quadratures_are_refused():
    for wrong, words in ((physics(8, {"2": 1.0, "3": 1.0}), "mixed"), (physics(80, limit=64), "dense_limit")):
        with pytest.raises(InputError, match=words):
            HessianReport.check({"arm": "", "typical": ""}, {"main": [wrong]})
