"""The relaxation report finds the limit that was put in, and says so when it is another one."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.relaxation import RelaxationReport
from spinnet.reports.relaxation_exponent import RelaxationExponentReport
from spinnet.theory.dynamics_two_time import dynamics

PHYSICS = {
    "landscape": {"kind": "SphericalGlass", "covariance": {"3": 1.0}},
    "dynamics": {"kind": "GradientFlow"},
    "probes": {"energy": {}},
}
TIME = np.concatenate([[0.0], np.geomspace(0.1, 10.0, 13)])


def glass(n, shift=0.0, samples=40, seed=0):
    limit = np.append(0.0, dynamics({3: 1.0}, 0.0, TIME[1:]).energy_density)
    noise = np.random.default_rng([seed, n]).standard_normal((samples, 2, 1)) * 0.3 / np.sqrt(n)
    energy = limit * (1 - 2.0 / n) + shift + noise
    variables = {
        "trajectory/energy_density": energy,
        "trajectory/time": Variable(TIME, ("time",), "1"),
    }
    return {"parameters": {"n": n}, "physics": PHYSICS, "variables": variables, "last": 10.0}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    def make(shift, sizes=(64, 128, 256)):
        path = tmp_path_factory.mktemp("made") / "collected.h5"
        results = made_results(path, {"main": [glass(n, shift) for n in sizes]})
        return RelaxationReport(times=[1.0, 10.0]).build(results, lambda line: None)

    return make


def test_the_limit_that_was_put_in_is_found(report):
    content = report(0.0)
    assert [row["time"] for row in content.rows] == pytest.approx([1.0, 10.0])
    assert all(abs(row["z"]) < 4 for row in content.rows)
    assert "meets the N → ∞ theory at 2 times" in content.findings[0]


def test_a_wrong_limit_is_called_wrong(report):
    content = report(0.1)
    assert all(row["z"] > 4 for row in content.rows)
    assert "MISSES" in content.findings[0]


def test_the_exponent_of_the_variance_is_found(report):
    content = report(0.0, (32, 64, 128, 256))
    group = content.groups["series/0"]
    assert abs(group["variance_exponent"] + 1) < 4 * group["variance_exponent_error"]
    assert group["variance_exponent_error"] < 0.2


def test_two_sizes_are_not_extrapolated(report):
    content = report(0.0, (64, 128))
    assert all(row["z"] is None for row in content.rows)
    assert "at least three" in content.findings[0]


def test_a_time_beyond_the_runs_is_refused(tmp_path):
    results = made_results(tmp_path / "c.h5", {"main": [glass(n) for n in (32, 64, 128)]})
    with pytest.raises(InputError, match="beyond the end of the runs"):
        RelaxationReport(times=[100.0]).build(results, lambda line: None)


@pytest.mark.parametrize("report", [RelaxationReport, RelaxationExponentReport])
def test_a_field_is_refused_before_the_run(report):
    other = {**PHYSICS, "landscape": {**PHYSICS["landscape"], "field": 0.1}, "last": 100.0}
    settings = report.resolve({}, "report")
    report.check(settings, {"main": [{**PHYSICS, "last": 100.0}]})
    with pytest.raises(InputError, match="arm main has an external field"):
        report.check(settings, {"main": [other]})
