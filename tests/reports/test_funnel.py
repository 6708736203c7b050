"""The funnel report: wide funnels and needles are told apart, melting is found, and drift is no equilibrium."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.funnel import FunnelReport
from spinnet.reports.funnel_statements import _score

Q = np.array([1.0, 0.9, 0.7, 0.5, 0.3, 0.1, 0.0])
KICK = np.array([0.3, 0.6, 0.9, 1.2])
TIME = np.array([0.0, 1.0, 2.5, 5.0, 10.0])
TEMPERATURES = (0.1, 0.3, 1.0, 3.0)


def profile(power, width, parameters=None, samples=20, depth=2.0, n=(30, 10)):
    rng = np.random.default_rng(round(100 * width))
    energy = depth * (1.0 - Q**power) + 0.05 * rng.standard_normal((samples, 1, 1))
    lost = KICK[:, None] > width + 0.05 * rng.standard_normal((samples, 1, 1, 6))
    share = (~lost).mean(axis=3)
    shape = (samples, 1, len(Q))
    variables = {
        "funnel_profile/overlap": Variable(Q, ("overlap",)),
        "funnel_profile/block": Variable(np.array(n), ("block",)),
        "funnel_profile/energy_density": energy,
        "funnel_profile/roughness": np.full(shape, 0.2),
        "funnel_profile/alignment": np.full(shape, 0.3) + 0.01 * rng.standard_normal(shape),
        "basin/kick": Variable(KICK, ("kick",)),
        "basin/returned": share,
        "basin/energy_density": energy[..., :1, None] + np.where(lost, 0.5, 0.0),
        "basin/overlap": np.where(lost, 0.3, 1.0),
        "basin/native_energy_density": energy[..., 0],
        "basin/finished": np.ones((samples, 1)),
    }
    settings = {"energy_tolerance": 0.01, "overlap_threshold": 0.95}
    physics = {"landscape": {}, "dynamics": {"kind": "Still"},
               "probes": {"funnel_profile": {}, "basin_of_attraction": settings}}  # fmt: skip
    return {"parameters": parameters or {"hidden": [4], "n_train": 20}, "physics": physics, "variables": variables,
            "attributes": {"n_dof": 40}}  # fmt: skip


def melting(t_fold, t_glass, drift=0.0, samples=20):
    points = []
    for start in ("native", "random"):
        for t in TEMPERATURES:
            rng = np.random.default_rng([int(10 * t), start == "native"])
            shared = np.random.default_rng(int(10 * t)).standard_normal((samples, 1, 1))
            melt = np.log(t / t_fold) + drift * np.log((TIME + 0.1) / TIME[-1])
            q = 1.0 / (1.0 + np.exp(2.0 * melt)) * (start == "native") + 0.02 * rng.standard_normal((samples, 1, 5))
            gap = 0.3 if start == "random" and t < t_glass else 0.0
            energy = t + gap + 0.1 * shared + 0.02 * rng.standard_normal((samples, 1, 5))
            physics = {"landscape": {"start_at": start}, "dynamics": {"kind": "Langevin", "temperature": t},
                       "probes": {"energy": {}, "signal_overlap": {}}}  # fmt: skip
            variables = {"trajectory/time": Variable(TIME, ("time",)), "trajectory/energy_density": energy,
                         "trajectory/signal_overlap": q}  # fmt: skip
            points.append({"parameters": {"start_at": start, "temperature": t}, "physics": physics,
                           "variables": variables})  # fmt: skip
    return points


def build(tmp_path, arms, **roles):
    return FunnelReport(**roles).build(made_results(tmp_path / "c.h5", arms), lambda line: None)


def test_a_wide_funnel_and_a_needle_are_told_apart(tmp_path):
    arms = {"a": [profile(1, 1.0)], "b": [profile(8, 0.5)]}
    content = build(tmp_path, arms, true="a", shuffled="b")
    wide, needle = content.rows
    assert wide["depth"] == pytest.approx(2.0 - 0.1, abs=0.05)
    assert abs(wide["half_angle"] - 1.05) < 0.02 and abs(needle["half_angle"] - 0.45) < 0.02
    assert needle["entropy"] > wide["entropy"] > 0 and wide["stability"] > needle["stability"]
    assert "half of the depth is reached further from home at 1 of 1 points" in content.findings[0]
    assert "the force points home better at q = 0.5 at 0 of 1 points, the opposite at 0" in content.findings[0]
    comparison = next(line for line in content.findings if line.startswith("true against shuffled labels, h"))
    assert "half-return angle 1.05" in comparison and "(larger, z" in comparison
    assert "cosine of the force with the way home at q = 0.5 0.3" in comparison
    assert "no certain difference" in comparison


def test_an_unfolded_state_is_called_so(tmp_path):
    content = build(tmp_path, {"a": [profile(1, 1.0, depth=0.1)]}, true="a")
    assert "(unfolded" in content.findings[0] and content.rows[0]["stability"] < 1.1
    content = build(tmp_path, {"a": [profile(1, 1.0, depth=20.0)]}, true="a")
    assert "(not unfolded against random states" in content.findings[0]


def test_other_minima_are_what_a_native_state_is_compared_with(tmp_path):
    """Ends of lost kicks lie 0.5 ± 0.02 above the native state of one arm, and level with that of the other."""
    arms = {"a": [profile(1, 0.7, depth=9.0)], "b": [profile(1, 0.7, depth=9.0)]}
    for name, shift in (("a", 0.0), ("b", -0.5)):
        energy = arms[name][0]["variables"]["basin/energy_density"]
        lost = arms[name][0]["variables"]["basin/overlap"] < 0.5
        energy += np.where(lost, shift + 0.02 * np.random.default_rng(4).standard_normal(lost.shape), 0.0)
    content = build(tmp_path, arms, planted="a", unplanted="b")
    deep, level = content.rows
    assert deep["stability"] > 1.1 and level["stability"] > 1.1
    gaps = [content.groups[f"{role}/0"]["competing_gap"] for role in ("planted", "unplanted")]
    assert gaps[0] == pytest.approx(0.5, abs=0.02) and abs(gaps[1]) < 0.02
    assert deep["minima_stability"] > 1.1 > abs(level["minima_stability"])
    assert any("null: Λ of an unplanted glass" in line for line in content.findings)


def test_another_threshold_needs_no_other_run(tmp_path):
    strict = build(tmp_path, {"a": [profile(1, 1.0)]}, true="a", overlap_threshold=0.2, energy_tolerance=1.0)
    assert strict.rows[0]["half_angle"] == pytest.approx(1.2) and "every kick returns" in strict.findings[0]


def test_melting_and_freezing_are_found(tmp_path):
    content = build(tmp_path, {"m": melting(0.7, 0.2)}, true_melting="m")
    assert "no drift is seen" in content.findings[0]
    assert "hysteresis up to T = 0.1, none at 0.3" in content.findings[0]
    about = content.groups["true_melting/0"]
    assert abs(about["folding_temperature"] - 0.7) < 4 * about["folding_temperature_error"] + 0.03
    assert (about["freezing_below"], about["freezing_above"]) == (0.1, 0.3)


def test_a_drifting_temperature_is_not_called_equilibrium(tmp_path):
    assert "NOT an equilibrium value" in build(tmp_path, {"m": melting(0.7, 0.2, 0.8)}, true_melting="m").findings[0]


def test_no_hysteresis_and_no_crossing_are_said(tmp_path):
    text = build(tmp_path, {"m": melting(50.0, 0.0)}, true_melting="m").findings[0]
    assert "T_f lies above" in text and "no hysteresis" in text


def test_arms_that_cannot_serve_are_refused_before_a_run():
    settings = {role: "" for role in FunnelReport.arm_parameters}
    bare = {"landscape": {"kind": "NativeNetwork"}, "dynamics": {"kind": "Langevin", "temperature": 1.0},
            "probes": {"energy": {}, "signal_overlap": {}}}  # fmt: skip
    with pytest.raises(InputError, match="without the probe funnel_profile"):
        FunnelReport.check({**settings, "true": "a"}, {"a": [bare]})
    with pytest.raises(InputError, match="as axes of its ensemble"):
        FunnelReport.check({**settings, "true_melting": "a"}, {"a": [bare]})
    with pytest.raises(InputError, match="no arm is named"):
        FunnelReport()


def test_means_without_an_error_are_not_compared():
    alike = np.full(3, 0.85)
    assert np.isnan(_score(alike, np.full(3, 1.2))) and _score(alike, alike) == 0.0
