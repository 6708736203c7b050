"""Reports of paths: barriers that fall with width and those that do not, lines that only fall and those that rise."""

from __future__ import annotations

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.reports.barriers import BarriersReport
from spinnet.reports.initial_line import InitialLineReport

PHYSICS = {
    "landscape": {"kind": "DenseNetwork"}, "dynamics": {"kind": "SGD"},
    "probes": {"barriers": {"pairs": "disjoint"}, "aligned_overlap": {"pairs": "disjoint"}, "initial_line": {}},
}  # fmt: skip
NETWORK = {"independent_unit": "replica", "unit": "pattern", "n_units": 100}


def width(h, naive, aligned, overlap=0.6, null=0.3, seed=0):
    rng = np.random.default_rng(seed + h)

    def around(value):
        return value * (1.0 + 0.05 * rng.standard_normal((4, 6)))

    variables = {
        "barriers/excess": around(naive), "barriers/aligned_excess": around(aligned),
        "aligned_overlap/overlap": 0.02 * rng.standard_normal((4, 6)), "aligned_overlap/aligned": around(overlap),
        "aligned_overlap/start_aligned": around(null),
    }  # fmt: skip
    return {"parameters": {"hidden": h}, "physics": PHYSICS, "variables": variables, "attributes": NETWORK}


def build(tmp_path, points, **settings):
    return BarriersReport(**settings).build(made_results(tmp_path / "c.h5", {"net": points}), lambda line: None)


def test_a_barrier_that_falls_as_a_power_is_found(tmp_path):
    content = build(tmp_path, [width(h, 3.0 / h**0.5, 2.0 / h) for h in (4, 16, 64)])
    naive, aligned, ratio, overlap, spread = content.findings
    assert "standard deviation of P(q)" in spread
    assert content.variables["pairs/arm,hidden=4/aligned"].data.shape == (24,)
    assert "as they are: the barrier between two ends falls at every step" in naive
    assert "after alignment: the barrier between two ends falls at every step" in aligned
    assert "divides" in ratio and "exceed those of untrained pairs" in overlap
    exponent = float(aligned.split("power of the size ")[1].split(" ")[0])
    assert exponent == pytest.approx(-1.0, abs=0.05)
    assert content.rows[0]["units"] == 24 and content.rows[0]["side"] == "network"
    assert content.variables["arm/aligned"].data.shape == (3,)


def test_a_barrier_that_rises_and_overlaps_of_noise_are_called_so(tmp_path):
    content = build(tmp_path, [width(h, 0.1 * h, 0.5 / h, overlap=0.3) for h in (4, 16)])
    assert "does not fall from 4 to 16" in content.findings[0]
    assert "do not certainly exceed" in content.findings[3]


def test_where_alignment_leaves_no_barrier_no_factor_is_given(tmp_path):
    found = build(tmp_path, [width(8, 0.4, 0.0)]).findings
    assert any("no barrier is left" in line for line in found) and not any(line.endswith(" by ") for line in found)


def test_bands_that_did_not_converge_count_by_their_bound(tmp_path):
    point = width(4, 0.5, 0.2)
    converged = np.zeros((4, 6), np.int8)
    converged[:, :3] = 1
    point["variables"] |= {
        "barriers/band_barrier": np.full((4, 6), 0.1), "barriers/band_upper_bound": np.full((4, 6), 0.3),
        "barriers/band_converged": converged,
    }  # fmt: skip
    content = build(tmp_path, [point])
    assert content.rows[0]["band"] == pytest.approx(0.2) and content.rows[0]["converged"] == 0.5
    assert "50 % converged" in content.findings[-1]


def test_paths_are_told_with_what_certifies_them(tmp_path):
    point = width(4, 0.5, 0.2)
    ones, bound = np.ones((4, 6)), np.full((4, 6), 0.02)
    joined = np.ones((4, 6), np.int8)
    joined[0, 0], bound[0, 0] = 0, 0.5
    point["variables"] |= {
        "barriers/chain_connected": joined, "barriers/chain_upper_bound": bound, "barriers/chain_line": 0.3 * ones,
        "barriers/chain_saddles": 3 * joined, "barriers/chain_index": joined.astype(np.int64),
        "barriers/chain_force": np.where(joined, 5e-4, np.nan), "barriers/chain_gradient_norm": 1e-9 * ones,
        "barriers/chain_energy": np.tile([0.0, 0.02, -0.1], (4, 6, 1)),
    }  # fmt: skip
    content = build(tmp_path, [point])
    heights, certificate = content.findings[-2:]
    assert content.rows[0]["chain"] == pytest.approx((23 * 0.02 + 0.5) / 24) and "23 of 24 pairs joined" in heights
    assert "23 of 24 paths are certified" in certificate and "all of index 1" in certificate
    assert "5.0e-04; of the others the bound" in certificate
    assert content.variables["pairs/arm,hidden=4/profile"].data.shape == (24, 3)


def test_pairs_that_share_replicas_are_refused():
    shared = {**PHYSICS, "probes": {"barriers": {"pairs": "all"}}}
    with pytest.raises(InputError, match="independent pairs"):
        BarriersReport.check({"arm": "", "shuffled": "", "glass": ""}, {"net": [shared]})


def lines(parameters, rises, attributes=NETWORK):
    rng = np.random.default_rng(1)
    a = np.linspace(0.0, 1.0, 11)
    energy = (1.0 - a) ** 2 + 0.0 * rng.random((4, 5, 1))
    variables = {
        "initial_line/energy": energy, "initial_line/upward_variation": np.full((4, 5), rises),
        "initial_line/arrived_at": np.full((4, 5), 0.7),
    }  # fmt: skip
    return {"parameters": parameters, "physics": PHYSICS, "variables": variables, "attributes": attributes}


def test_lines_that_only_fall_and_lines_that_rise_are_told_apart(tmp_path):
    arms = {"net": [lines({"hidden": 4}, 0.0)], "glass": [lines({"n": 16}, 0.2, {})]}
    report = InitialLineReport(arm="net", glass="glass")
    content = report.build(made_results(tmp_path / "c.h5", arms), lambda line: None)
    assert "trained networks: the line from the start only falls: in 20 of 20" in content.findings[0]
    assert "glasses: the line from the start rises in every run" in content.findings[1]
    assert "most lines of glasses rise" in content.findings[2]
    np.testing.assert_allclose(content.variables["arm/hidden=4/mean"].data[0], 1.0)


def test_a_falling_glass_takes_the_mark_away(tmp_path):
    arms = {"net": [lines({"hidden": 4}, 0.0)], "glass": [lines({"n": 16}, 0.0, {})]}
    report = InitialLineReport(arm="net", glass="glass")
    content = report.build(made_results(tmp_path / "c.h5", arms), lambda line: None)
    assert "no mark of a network" in content.findings[2]
