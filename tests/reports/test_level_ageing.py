"""The report on ageing finds the index of a trap model, meets its exact law, and sees a wrong one."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.landscapes.trap_model import TrapModel
from spinnet.records import Variable
from spinnet.reports.level_ageing import LevelAgeingReport

TIME = np.append(0.0, 10.0 * 10.0 ** (np.arange(19) / 6))  # to 10⁴


def physics(temperature, distribution="exponential", rule="trap", schedule="log", n=60):
    return {
        "landscape": {"kind": "RandomEnergyModel", "n": n, "distribution": distribution},
        "dynamics": {"kind": "RejectionFree", "rule": rule, "temperature": temperature},
        "schedule": {"kind": schedule}, "probes": {"level": {}},
    }  # fmt: skip


def traps(x, stated=None, samples=20, replicas=150, **options):
    """The number of jumps in place of the level: two times agree where there was no jump."""
    jumps = np.array([TrapModel(x, 1, s).jumps(TIME, replicas) for s in range(samples)])
    variables = {"trajectory/level": jumps, "trajectory/time": Variable(TIME, ("time",), "1")}
    table = physics(x if stated is None else stated, **options)
    return {"parameters": {"temperature": x}, "physics": table, "variables": variables}


def build(path, points, **settings):
    results = made_results(path / "c.h5", {"main": points})
    return LevelAgeingReport(**settings).build(results, lambda line: None)


def test_the_index_and_the_exact_law_of_traps_are_found(tmp_path):
    content = build(tmp_path, [traps(0.4), traps(0.7)], waiting=[100, 1000])
    for row, x in zip(content.rows, (0.4, 0.4, 0.7, 0.7), strict=True):
        # at finite times the fitted index of the limit is a little off: 0.05 for x = 0.7
        assert abs(row["x_fitted"] - x) < 4 * row["x_error"] + 0.05 and row["largest_z"] < 4
        assert row["x_limit"] == x
    assert all("meets the exact trap model at 2 waiting times" in line for line in content.findings)


def test_another_index_is_called_wrong(tmp_path):
    content = build(tmp_path, [traps(0.4, stated=0.55)], waiting=[100])
    assert "MISSES" in content.findings[0] and content.rows[0]["largest_z"] > 4


def test_waiting_times_are_powers_of_ten_that_leave_room(tmp_path):
    content = build(tmp_path, [traps(0.5, samples=6)])
    assert [row["waiting_time"] for row in content.rows] == pytest.approx([10, 100, 1000])


def test_gaussian_levels_are_compared_with_the_index_of_their_time_scale(tmp_path):
    content = build(tmp_path, [traps(0.5, 1.0, distribution="gaussian", rule="hopping", n=40)], waiting=[1000])
    row = content.rows[0]
    assert row["x_limit"] == pytest.approx(2 * np.log(1000) / 40) and row["largest_z"] is None
    assert "2γ/β² = 0.345" in content.findings[0] and "slope at this N" in content.findings[0]


@pytest.mark.parametrize(
    ("fragment", "call"),
    [
        ("longest", lambda: LevelAgeingReport(longest=1.0)),
        ("waiting", lambda: LevelAgeingReport(waiting=100.0)),
        ("'log'", lambda: LevelAgeingReport.check_physics("main", physics(0.5, schedule="linear"))),
    ],
)
def test_what_cannot_be_reported_is_refused(fragment, call):
    with pytest.raises(InputError, match=fragment):
        call()


def test_runs_that_are_too_short_are_refused(tmp_path):
    with pytest.raises(InputError, match="no waiting time"):
        build(tmp_path, [traps(0.5, samples=6)], waiting=[1e9])
