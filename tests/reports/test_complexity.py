"""The complexity report: counts drawn from the exact intensity agree, others are called different, gaps are named."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.reports.complexity import FEWEST_EXPECTED, ComplexityReport
from spinnet.theory.covariance import Covariance
from spinnet.theory.critical_points import expected_critical_points_by_index

PURE = Covariance({3: 1.0})
PHYSICS = {
    "landscape": {"kind": "SphericalGlass", "covariance": {"3": 1.0}, "n": 4},
    "dynamics": {"kind": "CriticalPointCensus"},
    "probes": {},
}
GRID = np.linspace(-2.0, 2.0, 81)
BELOW = np.array([expected_critical_points_by_index(PURE, 4, e) for e in GRID])


def census(scale=1.0, samples=150, incomplete=0, never=-1, number=None):
    """Independent points of the exact intensity (real ones repel; means are all that is tested)."""
    rng = np.random.default_rng(8)
    # Where one index is never found, more of the others keep the total what it is.
    rate = np.where(np.arange(4) == never, 0.0, BELOW[-1])
    rate *= BELOW[-1].sum() / rate.sum()
    energy, index = np.full((samples, 1, 128), np.nan), np.full((samples, 1, 128), -1)
    found = np.zeros((samples, 1), dtype=np.int64)
    for s in range(samples):
        count = rng.poisson(scale * rate) if number is None else np.array(number)
        e = np.concatenate([np.interp(rng.random(c) * b[-1], b, GRID) for c, b in zip(count, BELOW.T, strict=True)])
        k = np.repeat(np.arange(4), count)
        energy[s, 0, : len(e)], index[s, 0, : len(e)], found[s, 0] = 4 * e, k, len(e)
    complete = (np.arange(samples) >= incomplete).astype(np.int8)[:, None]
    variables = {
        "dynamics/point_energy": energy, "dynamics/point_index": index, "dynamics/points_found": found,
        "dynamics/starts": np.full((samples, 1), 256), "dynamics/complete": complete,
    }  # fmt: skip
    return {"parameters": {"n": 4}, "physics": PHYSICS, "variables": variables}


def report(tmp_path, **options):
    return ComplexityReport().build(made_results(tmp_path / "c.h5", {"main": [census(**options)]}), lambda line: None)


def test_the_exact_intensity_is_recognised(tmp_path):
    content = report(tmp_path)
    (row,) = content.rows
    assert abs(row["z"]) < 4 and row["largest_z"] < 4 and row["accepted"] == 1.0 and row["tests"] >= 10
    assert row["exact"] == pytest.approx(BELOW[-1].sum(), rel=1e-5)
    assert "agree with the exact ones" in content.findings[0]
    # Fewer than the exact mean at low energies for large N: the curves of the limit are there.
    assert content.variables["series/0/limit_index"].data.shape[0] == 3


def test_other_numbers_are_called_different(tmp_path):
    content = report(tmp_path, scale=1.3)
    assert content.rows[0]["z"] > 4 and "DIFFER" in content.findings[0]


def test_samples_without_a_complete_census_are_not_tested_but_named(tmp_path):
    content = report(tmp_path, incomplete=15)
    assert content.rows[0]["accepted"] == pytest.approx(0.9)
    assert len(content.findings) == 1
    assert "90.0%" in content.findings[0] and "biased" in content.findings[0]


def test_an_index_that_is_expected_and_never_found_is_called_different(tmp_path):
    # Few enough samples that the other numbers, too large by the same points, do not tell.
    samples = int(np.ceil(FEWEST_EXPECTED / BELOW[-1][0]))
    content = report(tmp_path, samples=samples, never=0)
    assert abs(content.rows[0]["z"]) < 4 and content.rows[0]["largest_z"] > 4 and "DIFFER" in content.findings[0]


def test_numbers_that_are_the_same_in_every_sample_are_tested(tmp_path):
    # The total is twice what is expected, without any scatter.
    number = np.rint(2 * BELOW[-1]).astype(int)
    content = report(tmp_path, number=number)
    assert content.rows[0]["points_error"] == 0.0 and content.rows[0]["z"] > 4 and "DIFFER" in content.findings[0]


def test_a_single_sample_is_not_tested_and_said_so(tmp_path):
    content = report(tmp_path, samples=1)
    assert content.rows[0]["z"] is None and "not tested" in content.findings[0]


@pytest.mark.parametrize(
    "extra",
    [{"planted_temperature": 0.7}, {"field": 0.1}, {"strict": True}, {"couplings": "binary"}, {"couplings": "diluted"}],
    ids=str,
)
def test_glasses_without_known_mean_numbers_are_refused(extra):
    other = {**PHYSICS, "landscape": {**PHYSICS["landscape"], **extra}}
    with pytest.raises(InputError, match="arm main"):
        ComplexityReport.check({"arm": ""}, {"main": [other]})


def test_a_glass_with_a_signal_is_refused():
    planted = {**PHYSICS, "landscape": {**PHYSICS["landscape"], "planted": {"3": 1.0}}}
    with pytest.raises(InputError, match="signal"):
        ComplexityReport.check({"arm": ""}, {"main": [planted]})
    with pytest.raises(InputError, match="CriticalPointCensus"):
        ComplexityReport.check({"arm": ""}, {"main": [{**PHYSICS, "dynamics": {"kind": "GradientFlow"}}]})
