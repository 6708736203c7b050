"""The index–energy report on points of the exact law, and on points of another one."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.base import Content
from spinnet.reports.index_energy import IndexEnergyReport, _Found, _large_n
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


def test_bins_that_no_line_in_1_over_n_describes_are_no_agreement():
    # The weighted fit of a + b/N to 1, −3, 2 at N = 16, 32, 64 is zero: the limit is right, the form is not.
    values = dict(zip((16, 32, 64), (0.1, -0.3, 0.2), strict=True))
    (line,) = _large_n(Content(), np.array([-1.0, -0.8]), {n: {0: (value, 0.01)} for n, value in values.items()})
    assert "meets" not in line and "does not describe the sizes at e = -0.9" in line
    (line,) = _large_n(Content(), np.array([-1.0, -0.8]), {n: {0: (value, 0.2)} for n, value in values.items()})
    assert "meets the semicircle of centre −pe in 1 bin with" in line


def test_a_coarsely_sampled_law_gives_its_error_to_the_excess(tmp_path):
    results = made_results(tmp_path / "c.h5", {"main": [searches(16, samples=400)]})
    rough, fine = (
        IndexEnergyReport(bins=3, spectra=spectra).build(results, lambda line: None).rows[0] for spectra in (100, 4000)
    )
    assert abs(rough["excess"]) < 4 * rough["excess_error"] and rough["excess_error"] > 2 * fine["excess_error"]


def test_descents_of_one_disorder_sample_are_one_unit_wherever_their_rows_are(tmp_path):
    # The second descent lost its first sample: its rows are one further up.
    first, second = searches(16, samples=12), searches(16, samples=12)
    second["variables"] = {name: value[1:] for name, value in second["variables"].items()}
    numbers = Variable(np.arange(1, 12), ("sample",))
    moved = {**second, "variables": second["variables"] | {f"{g}/sample": numbers for g in ("dynamics", "endpoint")}}
    for point, descent in ((first, 1.0), (moved, 2.0)):
        point["parameters"] = {"n": 16, "descent": descent}
    found = _Found(made_results(tmp_path / "c.h5", {"main": [first, moved]}).points("main"))
    # The same points twice, but for those of sample 0: means of samples are what they were.
    own = first["variables"]["spectrum/index"][:, 2:].mean(axis=1)
    mean, error = found.over_samples(found.index, np.ones(len(found.index), bool))
    assert mean == pytest.approx(own.mean()) and error == pytest.approx(own.std(ddof=1) / np.sqrt(12))


@pytest.mark.parametrize(
    "extra", [{"planted_temperature": 0.7}, {"field": 0.1}, {"strict": True}, {"couplings": "binary"}], ids=str
)
def test_glasses_whose_energy_does_not_tell_the_index_are_refused(extra):
    other = {**PHYSICS, "landscape": {**PHYSICS["landscape"], **extra}}
    with pytest.raises(InputError, match="arm main"):
        IndexEnergyReport.check({"arm": ""}, {"main": [other]})


def test_mixed_models_are_refused():
    mixed = {**PHYSICS, "landscape": {"kind": "SphericalGlass", "covariance": {"2": 1.0, "3": 1.0}}}
    with pytest.raises(InputError, match="mixed"):
        IndexEnergyReport.check({"arm": ""}, {"main": [mixed]})
