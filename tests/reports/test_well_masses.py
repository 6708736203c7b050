"""The report of well masses: the law is met or missed, and too few crossings are refused."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.well_masses import WellMassesReport, count_crossings

TIME = np.arange(401.0)


def point(n, share, flips=True, replicas=40, temperature=1.0):
    """Replicas that jump between the wells and spend ``share`` of the time in the wide one."""
    rng = np.random.default_rng(n)
    series = (rng.random((1, replicas, len(TIME))) < share).astype(float)
    if not flips:
        series = np.repeat((np.arange(replicas) % 2 == 1)[None, :, None].astype(float), len(TIME), axis=2)
    variables = {"trajectory/wide_share": series, "trajectory/time": Variable(TIME, ("time",))}
    physics = {
        "landscape": {"kind": "TwoWells", "n": n, "width_ratio": 1.5, "softness": 1.0},
        "dynamics": {"kind": "Langevin", "temperature": temperature},
        "probes": {"well_share": {}},
        "last": 400.0,
    }
    return {"parameters": {"n": n}, "physics": physics, "variables": variables,
            "attributes": {"independent_unit": "replica"}}  # fmt: skip


def build(tmp_path, *points):
    return WellMassesReport().build(made_results(tmp_path / "c.h5", {"main": list(points)}), lambda line: None)


def law(n):
    return 1.5**n / (1 + 1.5**n)


def test_the_law_is_met_by_samples_of_it(tmp_path):
    content = build(tmp_path, *(point(n, law(n)) for n in (1, 2, 5)))
    assert "meet the law" in content.findings[0] and "3 points" in content.findings[0]
    for row, n in zip(content.rows, (1, 2, 5), strict=True):
        assert abs(row["ratio"] - 1.5**n) < 4 * row["ratio_error"] and row["crossings"] > 100


def test_another_law_is_called_missed(tmp_path):
    assert "MISS the law" in build(tmp_path, point(5, law(2))).findings[0]


def test_too_few_crossings_are_refused_without_a_number(tmp_path):
    content = build(tmp_path, point(2, law(2), flips=False))
    assert content.rows[0]["ratio"] is None and "refused" in content.findings[0]
    assert "0 crossings" in content.findings[0]


def test_crossings_are_counted_from_well_to_well():
    assert count_crossings(np.array([0.0, 0.5, 0.0, 0.95, 0.5, 1.0, 0.05])) == 2


def test_other_temperatures_are_refused():
    with pytest.raises(InputError, match="exactly where they are equal"):
        WellMassesReport.check_physics("main", point(2, 0.5, temperature=0.5)["physics"])
