"""The report meets theory where signals follow it, says where they do not, and tells opposition from random signs."""

from __future__ import annotations

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.error_signal import ErrorSignalReport
from spinnet.theory.signal_propagation import error_profile

DEEP = np.array([20, 100, 100, 100, 100, 10])
UNITS, PATTERNS = 12, 40


def point(widths, weight=None, signal=None, opposite=0.7, selectivity=0.3, kind="Still", seed=0, sigma_w=1.3, rms=None):
    rng = np.random.default_rng([seed, int(widths[1])])
    layers, hidden = len(widths) - 1, len(widths) - 2
    noise = lambda *shape: 1 + 0.02 * rng.standard_normal((1, UNITS, *shape))  # noqa: E731
    weight = np.ones(layers) if weight is None else weight
    signal = np.ones(layers) if signal is None else signal
    if rms is not None:
        signal = np.full(layers, rms)

    def units(mean):
        return Variable(mean * noise(hidden), ("sample", "replica", "hidden_layer"))

    physics = {
        "landscape": {"kind": "DenseNetwork", "activation": "tanh", "sigma_w": sigma_w, "sigma_b": 0.3},
        "dynamics": {"kind": kind}, "probes": {"error_signal": {}}, "last": 1.0,
    }  # fmt: skip
    variables = {
        "signal/weight_rms": weight * noise(layers), "signal/rms": signal * noise(layers),
        "signal/participation": units(0.637), "signal/opposite": opposite * noise(),
        "signal/opposite_null": 0.9 * noise(), "signal/opposite_pairs": 0.5 * noise(),
        "signal/alignment": noise() / PATTERNS, "signal/moving_target": units(1.0),
        "signal/selectivity": units(selectivity), "signal/correlation": units(0.3),
        "signal/activity_participation": units(4.0), "signal/clone_spread": np.zeros((1, UNITS)),
        "signal/input_square": Variable(np.ones(PATTERNS), ("input_square",)),
        "signal/width": Variable(np.array(widths), ("width",)),
    }  # fmt: skip
    attributes = {"n_dof": 100, "n_units": PATTERNS, "independent_unit": "replica"}
    parameters = {"hidden": int(widths[1])}
    return {"parameters": parameters, "physics": physics, "variables": variables, "attributes": attributes}


def built(tmp_path, deep, power=-0.5, trained=0.6):
    arms = {
        "deep": [deep],
        "width": [point([20, n, 10], rms=float(n) ** power, seed=3) for n in (16, 64, 256)],
        "untrained": [point([20, 8, 10], opposite=0.9, selectivity=0.3, seed=4)],
        "trained": [point([20, 8, 10], opposite=0.7, selectivity=trained, kind="SGD", seed=5)],
    }
    report = ErrorSignalReport(["deep"], "width", ["untrained", "trained"], committee=2)
    return report.build(made_results(tmp_path / "c.h5", arms), lambda line: None)


def lines(content, start):
    return [one for one in content.findings if one.startswith(start)]


def test_signals_of_theory_are_called_so_and_a_wrong_variance_is_not(tmp_path):
    weight, signal = error_profile("tanh", DEEP, np.ones(PATTERNS), 1.3, 0.3)
    (line,) = lines(built(tmp_path, point(DEEP, weight, signal)), "attenuation")
    assert "as theory has it" in line and "χ₁ = 0.940" in line
    (line,) = lines(built(tmp_path, point(DEEP, weight, signal, sigma_w=2.0)), "attenuation")
    assert "BELOW theory" in line


def test_dilution_opposition_and_specialisation_are_told_apart(tmp_path):
    content = built(tmp_path, point(DEEP))
    (line,) = lines(content, "dilution")
    assert "diluted as n^(−1/2)" in line
    assert "as opposed as random signs" in lines(content, "untrained")[0]
    assert "less opposed than random signs" in lines(content, "trained")[0]
    (line,) = lines(content, "specialisation")
    selectivity, correlation = line.split(", mean |correlation|")
    assert "(up)" in selectivity and correlation.count("(no certain change)") == 2
    assert content.findings[-1].endswith("specialised")


def test_another_power_and_no_change_are_called_so(tmp_path):
    content = built(tmp_path, point(DEEP), power=-0.8, trained=0.3)
    assert "NOT n^(−1/2)" in lines(content, "dilution")[0]
    assert "(up)" not in lines(content, "specialisation")[0]


def test_trained_networks_are_no_ground_for_theory_of_the_start():
    still, moved = point(DEEP)["physics"], point(DEEP, kind="SGD")["physics"]
    settings = {"depth": ["a"], "width": "a", "stages": ["a"], "null": ""}
    ErrorSignalReport.check(settings, {"a": [still]})
    with pytest.raises(InputError, match="theory is for networks as they start"):
        ErrorSignalReport.check(settings, {"a": [moved]})
    with pytest.raises(InputError, match="no arm"):
        ErrorSignalReport.check({**settings, "null": "b"}, {"a": [still]})
