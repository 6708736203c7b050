"""The folding report says what holds of landscapes with a native state, and what does not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.landscapes import FoldingREM
from spinnet.landscapes.first_passage import passage_moments
from spinnet.probes.density_of_states import DensityOfStatesProbe
from spinnet.probes.funnel import FunnelProbe
from spinnet.records import Variable
from spinnet.reports.folding import FoldingReport, barrier
from spinnet.theory.folding import FunnelProfile

T = [0.6, 1.2, 1.7, 2.4]
TIMES = [0.4, 0.8, 1.6, 12.0]
FUNNEL = {"funnel": "power", "softening": 0.8}


def physics(table, dynamics, probes=()):
    landscape = {"kind": "FoldingREM", "funnel": "golf-hole", "softening": 0, **table}
    return {"landscape": landscape, "dynamics": dynamics, "probes": {name: {} for name in probes}}


def static(n, stability, samples=50, shift=0.0, **table):
    """A point measured with the probe; ``shift`` falsifies what it says of the native weight at T_f."""
    rows = {}
    for sample in range(samples):
        model = FoldingREM(n, stability, **table, seed=1, sample=sample)
        for name, variable in FunnelProbe(T).measure(model, np.ones((1, n)), None).items():
            rows.setdefault(name, []).append(variable)
    variables = {}
    for name, values in rows.items():
        data, dims = np.array([one.data for one in values]), values[0].dims
        variables[name] = data if len(dims) == 1 else Variable(data, ("sample", *dims))
    if "funnel/native_weight_nominal" in variables:
        variables["funnel/native_weight_nominal"] += shift
    parameters = {"n": n, "stability": stability}
    return {"parameters": parameters, "physics": physics({**parameters, **table}, {"kind": "Still"}, ["funnel"]),
            "variables": variables}  # fmt: skip


def exact(n, samples=12, **table):
    moments = np.array([
        [passage_moments(FoldingREM(n, 1.6, **table, seed=1, sample=s), t).mean(axis=1) for t in TIMES]
        for s in range(samples)
    ])  # fmt: skip
    mean, square = moments[..., 0], moments[..., 1]
    variables = {
        "native_passage/temperatures": np.tile(TIMES, (samples, 1, 1)), "native_passage/mean_time": mean[:, None],
        "native_passage/deviation": np.sqrt(square - mean**2)[:, None],
    }  # fmt: skip
    return {"parameters": {"n": n}, "physics": physics({"n": n, **table}, {"kind": "Still"}, ["native_passage"]),
            "variables": variables}  # fmt: skip


def walks(point, at, last=np.inf, replicas=30, factor=1.0):
    """Exponential passage times of the exact means."""
    mean = point["variables"]["native_passage/mean_time"][:, 0, TIMES.index(at)]
    passage = factor * np.random.default_rng(1).exponential(mean[:, None], (len(mean), replicas))
    censored = passage > last
    variables = {"dynamics/passage_time": np.where(censored, np.nan, passage),
                 "dynamics/observed_time": np.minimum(passage, last)}  # fmt: skip
    table = {key: value for key, value in point["physics"]["landscape"].items() if key != "kind"}
    return {"parameters": {**point["parameters"], "temperature": at}, "variables": variables,
            "physics": physics(table, {"kind": "FirstPassage", "temperature": at})}  # fmt: skip


def build(tmp_path, **arms):
    report = FoldingReport(**{role: role for role in arms})
    return report.build(made_results(tmp_path / "c.h5", arms), lambda line: None)


def test_holes_fold_as_they_should_and_shallow_ones_are_called_unfolded(tmp_path):
    content = build(tmp_path, hole=[static(8, 1.6), static(11, 1.0), static(11, 1.6)])
    unfolded, half, ratio, barriers = content.findings
    assert "unfolded at Λ = 1 " in unfolded and "no folding temperature is reported" in unfolded
    assert "meets all 2 points" in half and "holds there" in ratio and "2.8490" in ratio
    assert "(N = 11)" in barriers and content.groups["hole/1"]["folded"] == 0
    assert content.rows[1]["folding_temperature"] is None and abs(content.rows[2]["z"]) < 4
    assert abs(content.groups["hole/2"]["native_weight_nominal"] - 0.5) < 0.02


def test_a_wrong_native_weight_is_called_wrong(tmp_path):
    content = build(tmp_path, hole=[static(9, 1.6, shift=0.05)])
    assert "MISSES all 1 points" in content.findings[0]


def test_a_wrong_law_is_called_wrong(tmp_path):
    point = static(10, 1.6)
    point["variables"]["funnel/glass_temperature"] *= 1.2
    assert "FAILS there" in build(tmp_path, hole=[point]).findings[1]


def test_funnels_are_described_and_not_judged_by_the_law_of_holes(tmp_path):
    content = build(tmp_path, funnel=[static(10, 1.6, samples=20, **FUNNEL)])
    assert "⟨Q⟩ = 1/2 at T_f" in content.findings[0] and content.rows[0]["theory"] is None
    assert "downhill" in content.findings[1]


def test_barriers_are_rises_between_two_minima():
    overlap = np.array([1.0, 0.6, 0.2, -0.2, -0.6, -1.0])
    assert barrier(overlap, np.array([-1.0, 5.0, 1.0, 0.5, 2.0, 4.0])) == 4.5
    assert barrier(overlap, np.array([3.0, -2.0, 1.0, 2.0, 3.0, 4.0])) == 0.0


def test_folding_times_have_a_minimum_where_a_funnel_leads_and_walks_meet_them(tmp_path):
    known = exact(7, **FUNNEL)
    content = build(tmp_path, funnel_exact=[known], funnel_kinetics=[walks(known, t) for t in (0.4, 1.6)])
    assert "a U-shaped curve" in content.findings[0] and "meet the exact mean times" in content.findings[1]
    hole = exact(7)
    content = build(tmp_path, hole_exact=[hole], hole_kinetics=[walks(hole, t) for t in (0.8, 1.6)])
    assert "no minimum inside" in content.findings[0]


def test_walks_that_are_too_slow_are_called_wrong(tmp_path):
    known = exact(7, **FUNNEL)
    content = build(tmp_path, funnel_exact=[known], funnel_kinetics=[walks(known, 1.6, factor=1.4)])
    assert "MISS the exact mean times" in content.findings[1]


def test_censored_walks_are_lower_bounds_and_never_tested(tmp_path):
    hole = exact(7)
    found = [walks(hole, 0.4, last=20.0), walks(hole, 1.6, last=60.0), walks(hole, 12.0)]
    content = build(tmp_path, hole_exact=[hole], hole_kinetics=found)
    line = content.findings[1]
    assert "censored at T = 0.4 (" in line and ", 1.6 (" in line and "lower bounds and not tested" in line
    assert "at 1 temperatures" in line
    variables = content.variables
    typical = np.exp(variables["kinetics/hole/walk_log_time"].data)
    expected = np.exp(variables["kinetics/hole/exact_log_time"].data)
    assert (typical[:2] < expected[[0, 2]]).all() and 0.7 < typical[2] / expected[3] < 1.4
    assert variables["kinetics/hole/walk_bound"].data.tolist() == [1, 1, 0]


def sampled(converged=1, shift=0.0):
    n, walkers, rng = 9, 5, np.random.default_rng(0)
    model = FoldingREM(n, 1.6, **FUNNEL, seed=1)
    counted = DensityOfStatesProbe(0.5).measure(model, np.ones((1, n)), None)
    variables = {name: variable.data[None] for name, variable in counted.items()}
    for name in ("log_density", "energy_in_bin", "overlap_in_bin", "bin_energy"):
        variables[f"dynamics/{name}"] = np.repeat(variables[f"density_of_states/{name}"], walkers, axis=1)
    noise = 0.02 * rng.standard_normal(variables["dynamics/log_density"].shape)
    tilt = shift * variables["dynamics/bin_energy"]
    variables["dynamics/log_density"] = variables["dynamics/log_density"] + noise + tilt
    variables["dynamics/converged"] = np.full((1, walkers), converged)
    for name, variable in FunnelProbe(T).measure(model, np.ones((1, n)), None).items():
        if "half" in name:
            variables[name] = variable.data[None]
    dynamics = {"kind": "WangLandau"}
    return {"parameters": {"n": n}, "physics": physics({"n": n, **FUNNEL}, dynamics, ["density_of_states"]),
            "variables": variables}  # fmt: skip


def test_densities_of_states_are_laid_beside_counts(tmp_path):
    content = build(tmp_path, sampled=[sampled()])
    assert "1 of 1 samples converged" in content.findings[0] and "is within 1 %" in content.findings[0]
    assert "of its own errors over walkers" in content.findings[0]
    assert "NOT within" in build(tmp_path, sampled=[sampled(shift=0.05)]).findings[0]
    assert "nothing is reported" in build(tmp_path, sampled=[sampled(converged=0)]).findings[0]


def walked(roughness=1.0, converged=1):
    n, temperature, rng = 20, 2.2, np.random.default_rng(0)
    landscape = {"n": n, "stability": 1.6, "power": 1.0, **FUNNEL}
    model = FoldingREM(**landscape)
    entropy = np.array([math.log(math.comb(n, k)) for k in range(n + 1)])
    rough = roughness * math.sqrt(10) * model.roughness
    profile = FunnelProfile(model.shell_overlap, -model.mean_energy, rough, entropy)
    log_z = -profile.free_energy(temperature) / temperature + 0.05 * rng.standard_normal((4, 5, n + 1))
    variables = {
        "dynamics/log_partition": log_z, "dynamics/converged": np.full((4, 5), converged),
        "dynamics/overlaps": np.broadcast_to(model.shell_overlap, log_z.shape),
    }  # fmt: skip
    dynamics = {"kind": "OverlapWalk", "temperature": temperature}
    return {"parameters": {"n": n}, "physics": physics(landscape, dynamics), "variables": variables}


def test_free_energies_by_walks_are_laid_beside_random_energies(tmp_path):
    def difference(**wrong):
        line = build(tmp_path, walked=[walked(**wrong)]).findings[0]
        return float(line.split("at most ")[1].split(" ")[0])

    assert difference() < 0.1 < difference(roughness=1.1)
    assert "nothing is reported" in build(tmp_path, walked=[walked(converged=0)]).findings[0]


@pytest.mark.parametrize(
    ("role", "table", "dynamics", "probes", "fragment"),
    [
        ("hole", {}, "Still", (), "without the probe funnel"),
        ("hole", FUNNEL, "Still", ("funnel",), "golf-hole"),
        ("funnel", {}, "Still", ("funnel",), "power"),
        ("hole_kinetics", {}, "SpinFlips", (), "FirstPassage"),
        ("sampled", {}, "WangLandau", (), "density_of_states"),
        ("walked", {}, "WangLandau", (), "OverlapWalk"),
    ],
)
def test_arms_that_cannot_play_a_role_are_refused_before_a_run(role, table, dynamics, probes, fragment):
    settings = FoldingReport.resolve({role: "arm"})
    with pytest.raises(InputError, match=fragment):
        FoldingReport.check(settings, {"arm": [physics(table, {"kind": dynamics}, probes)]})


def test_numbers_of_the_table_are_finite_or_left_out(tmp_path):
    content = build(tmp_path, hole=[static(8, 1.6, samples=6)])
    assert all(not isinstance(v, float) or math.isfinite(v) for row in content.rows for v in row.values())
