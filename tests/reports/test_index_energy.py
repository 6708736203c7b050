"""The index–energy report on points of the exact law, and on points of another one."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.reports.index_energy import IndexEnergyReport
from spinnet.theory.covariance import Covariance
from spinnet.theory.stationary_hessians import sample_hessians

PHYSICS = {
    "landscape": {"kind": "SphericalGlass", "covariance": {"3": 1.0}},
    "dynamics": {"kind": "SaddleSearch"},
    "probes": {"final": {}, "hessian_spectrum": {}},
}


def searches(n, more=0, samples=40, replicas=12, lost=2):
    law = sample_hessians(Covariance({3: 1.0}), n, samples * replicas, seed=n)
    rng = np.random.default_rng(n)
    k = rng.integers(0, n // 2, samples * replicas)
    energy = law.energy_scale * law.spectra[np.arange(len(k)), k]
    status = np.ones((samples, replicas), np.int8)
    status[:, :lost] = 2
    variables = {
        "dynamics/search_status": status,
        "endpoint/energy_density": energy.reshape(samples, replicas),
        "spectrum/index": (k + more).reshape(samples, replicas),
    }
    return {"parameters": {"n": n}, "physics": PHYSICS, "variables": variables}


def report(tmp_path, **options):
    results = made_results(tmp_path / "c.h5", {"main": [searches(n, **options) for n in (16, 32, 64)]})
    return IndexEnergyReport(bins=6, spectra=1500).build(results, lambda line: None)


def test_points_of_the_exact_law_have_no_excess(tmp_path):
    content = report(tmp_path)
    assert [row["n"] for row in content.rows] == [16, 32, 64]
    for row in content.rows:
        assert abs(row["excess"]) < 4 * row["excess_error"] and row["largest_z"] < 4
        assert row["arrived"] == pytest.approx(10 / 12)
    assert "meets the semicircle" in content.findings[1]
    assert "between e =" in content.findings[2]


def test_one_negative_eigenvalue_more_is_seen(tmp_path):
    content = report(tmp_path, more=1)
    for row in content.rows:
        assert row["excess"] == pytest.approx(1.0, abs=4 * row["excess_error"]) and row["largest_z"] > 4


def test_mixed_models_are_refused():
    mixed = {**PHYSICS, "landscape": {"kind": "SphericalGlass", "covariance": {"2": 1.0, "3": 1.0}}}
    with pytest.raises(InputError, match="mixed"):
        IndexEnergyReport.check({"arm": ""}, {"main": [mixed]})
