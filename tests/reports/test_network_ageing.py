"""The ageing report tells a cage from free diffusion and from noise that dies, on processes made up for it."""

from __future__ import annotations

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.network_ageing import NetworkAgeingReport

WAITS = np.array([100.0, 1000.0])
DELAY = np.concatenate([[0.0], np.unique(np.round(10 ** (np.arange(25) / 8)))])
TIME = np.concatenate([[0.0], 10 ** np.arange(0, 4.4, 0.25)])
RATE, BATCH, WEIGHTS = 0.1, 4, 50


def network(kind, units=12, seed=0):
    """A network whose Δ is that of free diffusion, of a cage, or of noise that falls as 1/t."""
    rng = np.random.default_rng(seed)
    trace = np.where(TIME > 0, 1.0 / np.maximum(TIME, 1.0), 1.0) if kind == "dying" else np.ones_like(TIME)
    rate = RATE**2 / (BATCH * WEIGHTS)
    free = rate * (np.log((WAITS[:, None] + DELAY) / WAITS[:, None]) if kind == "dying" else np.repeat(
        DELAY[None], 2, axis=0))  # fmt: skip
    if kind == "caged":
        free = rate * (DELAY / (1 + DELAY / 4) + 0.003 * DELAY) * np.ones((2, 1))
    scatter = np.exp(0.05 * rng.standard_normal((1, units, 1, 1)))
    side = 0.5 * RATE * (0.01 + 1.0 / BATCH)
    virial = side * (1 + 0.1 * rng.standard_normal((1, units, 1, 5))) * (3.0 if kind == "dying" else 1.0)
    shape = (1, units, 1, 5)
    variables = {
        "two_time/waiting_time": Variable(WAITS, ("waiting_time",)), "two_time/delay": Variable(DELAY, ("delay",)),
        "two_time/displacement": free * scatter,
        "trajectory/time": Variable(TIME, ("time",)),
        "trajectory/energy_density": np.full((1, units, len(TIME)), 0.5),
        "trajectory/noise_trace": trace * np.ones((1, units, 1)),
        "stationarity/window": Variable(np.array([1000.0]), ("window",)),
        "stationarity/virial": virial, "stationarity/noise_trace": np.ones(shape),
        "stationarity/gradient_square": np.full(shape, 0.01), "stationarity/velocity_square": np.ones(shape),
    }  # fmt: skip
    probes = {name: {} for name in ("energy", "two_time", "noise_trace", "stationarity")}
    physics = {
        "landscape": {"kind": "DenseNetwork"}, "probes": probes, "last": float(TIME[-1]),
        "dynamics": {"kind": "SGD", "learning_rate": RATE, "batch": BATCH, "momentum": 0.0, "drops": []},
    }  # fmt: skip
    attributes = {"n_dof": WEIGHTS, "n_units": 10, "independent_unit": "replica"}
    return {"parameters": {}, "physics": physics, "variables": variables, "attributes": attributes}


def built(tmp_path, narrow, wide):
    arms = {"narrow": [network(narrow)], "wide": [network(wide, seed=1)]}
    return NetworkAgeingReport("narrow", "wide").build(made_results(tmp_path / "c.h5", arms), lambda line: None)


def test_a_caged_narrow_net_and_a_free_wide_one_are_the_claim(tmp_path):
    content = built(tmp_path, "caged", "free")
    assert "holds, lowest exponents" in content.findings[-1]
    assert "a sub-diffusive plateau" in content.findings[1]
    free = content.rows[-1]
    assert free["lowest_on_clock"] == pytest.approx(1.0, abs=0.02) and free["verdict"] == "never"
    assert free["noise_over_drift"] == pytest.approx(1.0, abs=0.1)
    np.testing.assert_allclose(
        content.variables["arms/wide/displacement"].data[:, 1:], content.variables["arms/wide/free"].data[:, 1:],
        rtol=0.2,
    )  # fmt: skip


def test_two_free_nets_are_no_cage(tmp_path):
    findings = built(tmp_path, "free", "free").findings
    assert "NOT seen here" in findings[-1]
    assert any("no certain drift" in line for line in findings)


def test_noise_that_dies_looks_aged_until_its_clock_is_used(tmp_path):
    content = built(tmp_path, "caged", "dying")
    wide = [line for line in content.findings if line.startswith("wide:")]
    assert any("the clock of the noise takes" in line and "age out" in line for line in wide)
    assert any("NOT stationary: |w|² shrinks" in line for line in wide)
    row = content.rows[-1]
    assert row["spread_on_clock"] < 0.05 < row["spread"]


def test_what_the_report_cannot_use_is_refused_before_the_run():
    physics = network("free")["physics"]
    settings = {"narrow": "a", "wide": "b", "others": [], "glass": ""}
    with pytest.raises(InputError, match="no arm 'b'"):
        NetworkAgeingReport.check(settings, {"a": [physics]})
    bare = {**physics, "probes": {"energy": {}}}
    with pytest.raises(InputError, match="without the probe two_time"):
        NetworkAgeingReport.check({**settings, "wide": "a"}, {"a": [bare]})
    falling = {**physics, "dynamics": {**physics["dynamics"], "drops": [10]}}
    with pytest.raises(InputError, match="constant learning rate"):
        NetworkAgeingReport.check({**settings, "wide": "a"}, {"a": [falling]})


def test_waiting_times_close_together_are_one_age(tmp_path):
    made = network("free")
    waits, moved = np.array([100.0, 1000.0, 1050.0]), made["variables"]["two_time/displacement"]
    made["variables"]["two_time/waiting_time"] = Variable(waits, ("waiting_time",))
    made["variables"]["two_time/displacement"] = np.concatenate([moved, 3.0 * moved[:, :, 1:]], axis=2)
    arms = {"narrow": [made], "wide": [network("free", seed=1)]}
    content = NetworkAgeingReport("narrow", "wide").build(made_results(tmp_path / "c.h5", arms), lambda line: None)
    found = content.variables
    np.testing.assert_array_equal(found["arms/narrow/waiting_time"].data, [100.0, 1000.0])
    np.testing.assert_allclose(found["arms/narrow/displacement"].data[1], 2.0 * moved[0, :, 1, 1:].mean(axis=0))
