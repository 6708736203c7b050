"""The retrieval report finds the overlaps and the half loads that were put in, and calls others wrong."""

from __future__ import annotations

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.memory_retrieval import MemoryRetrievalReport
from spinnet.theory import hopfield

TIME = np.array([0.0, 1.0, 10.0])


def point(n, alpha, final, rule="hebb", start_at=1.0, temperature=0.0):
    """``final`` (sample, replica)."""
    overlap = np.repeat(np.asarray(final, dtype=float)[:, :, None], 3, axis=2)
    landscape = {"kind": "HopfieldModel", "n": n, "alpha": alpha, "rule": rule, "start_at": start_at}
    variables = {
        "trajectory/signal_overlap": overlap,
        "trajectory/energy_density": np.zeros_like(overlap),
        "trajectory/time": Variable(TIME, ("time",), "1"),
        "dynamics/settling_time": np.full(np.shape(final), 4.0),
    }
    physics = {"landscape": landscape, "dynamics": {"kind": "Sweeps", "temperature": temperature},
               "probes": {"energy": {}, "signal_overlap": {}}}  # fmt: skip
    return {"parameters": {"alpha": alpha, "n": n}, "physics": physics, "variables": variables}


def ending(limit, power=0.5, shift=0.0, sizes=(400, 900, 1600), samples=120):
    """Patterns kept up to a load limit + 0.8 N^−power, a Gaussian away from it sample by sample."""
    points = []
    for n in sizes:
        own = np.random.default_rng(n).standard_normal(samples) * 0.1 / np.sqrt(n) + limit + 0.8 * n**-power
        for alpha in (0.1, 0.13, 0.15, 0.16, 0.17, 0.18, 0.2, 0.22):
            state = hopfield.retrieval(round(alpha * n) / n)
            noise = 0.001 * np.random.default_rng(n).standard_normal(samples)
            kept = (state.overlap if state else 0.97) + shift + noise
            points.append(point(n, alpha, np.where(alpha < own, kept, 0.3)[:, None]))
    return points


def build(tmp_path, points, **options):
    results = made_results(tmp_path / "c.h5", {"a": points})
    return MemoryRetrievalReport(**{"retrieval": "a", **options}).build(results, lambda line: None)


def test_overlaps_and_the_end_of_retrieval_are_found(tmp_path):
    content = build(tmp_path, ending(0.14))
    overlap, end = content.findings
    assert ", within 0.002" in overlap and "with N it falls" in end and "MEETS" in end
    fitted = content.groups["retrieval"]
    assert abs(fitted["limit_0_5"] - 0.14) < 4 * fitted["limit_0_5_error"] < 0.01
    half = content.groups["retrieval/n=900"]
    assert abs(half["half"] - 0.14 - 0.8 / 30) < 4 * half["half_error"] + 1e-3
    assert np.isclose(content.groups["theory"]["capacity"], 0.13790557)


def test_other_overlaps_and_another_end_are_called_wrong(tmp_path):
    overlap, end = build(tmp_path, ending(0.11, shift=-0.01)).findings
    assert "NOT within" in overlap and "below it" in overlap and "MISSES" in end


def test_a_doubtful_difference_is_not_decided(tmp_path):
    rng = np.random.default_rng(0)
    points = [point(n, 0.1, 0.998 + 0.02 * rng.standard_normal((20, 1))) for n in (500, 1000)]
    overlap, end = build(tmp_path, points).findings
    assert "not decidedly within" in overlap and "at 0 of 2 sizes" in end


def test_samples_that_are_all_alike_weigh_nothing_in_an_extrapolation(tmp_path):
    points = ending(0.14)
    points += [point(2500, alpha, np.full((6, 1), 0.97 if alpha < 0.2 else 0.3)) for alpha in (0.1, 0.15, 0.25)]
    content = build(tmp_path, points)
    assert "half" in content.groups["retrieval/n=1600"] and "half" not in content.groups["retrieval/n=2500"]
    assert "N = 2500" not in content.findings[-1]


def test_replicas_of_one_sample_are_one_unit(tmp_path):
    twice = [point(900, 0.1, np.repeat(np.linspace(0.99, 1.0, 6)[:, None], 4, axis=1), "pseudo-inverse", 0.7)]
    content = build(tmp_path, twice, retrieval="", pseudo_inverse="a")
    assert content.rows[0]["overlap_error"] == pytest.approx(np.std(np.linspace(0.99, 1.0, 6), ddof=1) / np.sqrt(6))
    assert content.rows[0]["theory"] is None


@pytest.mark.parametrize(
    ("changes", "role", "fragment"),
    [
        ({"rule": "pseudo-inverse"}, "retrieval", "rule"),
        ({"temperature": 0.5}, "retrieval", "temperature"),
        ({"start_at": 0.8}, "retrieval", "start_at"),
        ({"start_at": 0.0, "rule": "pseudo-inverse"}, "pseudo_inverse", "start_at"),
    ],
)
def test_arms_that_mean_something_else_are_refused(changes, role, fragment):
    physics = point(100, 0.1, np.ones((2, 1)), **changes)["physics"]
    settings = MemoryRetrievalReport.resolve({role: "a"}, "report")
    with pytest.raises(InputError, match=fragment):
        MemoryRetrievalReport.check(settings, {"a": [physics]})


def test_a_report_without_arms_is_refused():
    with pytest.raises(InputError, match="no arm is named"):
        MemoryRetrievalReport.resolve({}, "report")
