"""The equilibrium report: runs that obey the identity are counted and extrapolated, others are called what they are."""

from __future__ import annotations

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.equilibrium import EquilibriumReport
from spinnet.theory.covariance import Covariance
from spinnet.theory.two_copies import leading_overlap

LADDER = np.array([0.5, 0.7, 1.2, 1.5])
PHYSICS = {
    "landscape": {"kind": "SphericalGlass", "covariance": {"3": 1}},
    "dynamics": {"kind": "ParallelTempering", "temperatures": LADDER.tolist(), "copies": 2, "levels": 0, "warm_up": 8},
    "schedule": {"kind": "linear", "every": 8}, "probes": {},
}  # fmt: skip


def point(n, samples=40, shift=0.0, trips=15.0, seed=0, slope=1.0, offset=0.0):
    """A size whose energies are −1/(2T) + slope·(leading correction), and whose overlaps obey the identity."""
    rng = np.random.default_rng((seed, n))
    leading = np.array([leading_overlap(Covariance({3: 1}), n, t) for t in LADDER])
    wanted = -0.5 / LADDER + slope * leading + offset + np.array([0.08, 0.0, 0.0, 0.0])
    covariance = 0.5 + LADDER * (wanted - shift)
    noise = 0.01 * rng.standard_normal((samples, 4, 1, 1))
    energy = n * (wanted[:, None, None] + noise + 0.002 * rng.standard_normal((samples, 4, 2, 2)))
    heat = 0.5 / LADDER**2
    moments = np.zeros((samples, 4, 1, 2, 6))
    moments[..., 2] = 2.0 * (covariance[:, None, None] + LADDER[:, None, None] * noise)
    histogram = np.zeros((samples, 4, 1, 2, 20), np.int64)
    histogram[..., 10], histogram[:, 0, ..., 17] = 60, 40
    squared = energy**2 + n * (heat * LADDER**2)[:, None, None]
    place, pair = ("sample", "level", "copy", "block"), ("sample", "level", "pair", "block")
    variables = {
        "dynamics/energy": Variable(energy, place), "dynamics/energy_squared": Variable(squared, place),
        "dynamics/overlap_moment": Variable(moments, (*pair, "power")),
        "dynamics/overlap_histogram": Variable(histogram, (*pair, "bin")),
        "dynamics/round_trips": np.full((samples, 2), trips),
        "dynamics/block_steps": Variable(np.tile([8, 16], (samples, 1)), ("sample", "block")),
        "dynamics/power": Variable(np.arange(1, 7), ("power",)),
        "dynamics/overlap_edge": Variable(np.linspace(-1, 1, 21), ("overlap_edge",)),
    }  # fmt: skip
    return {"parameters": {"n": n}, "physics": PHYSICS, "variables": variables}


def build(tmp_path, *points):
    return EquilibriumReport().build(made_results(tmp_path / "collected.h5", {"main": list(points)}), lambda line: None)


def test_equilibrated_sizes_are_extrapolated_to_theory(tmp_path):
    content = build(tmp_path, *(point(n) for n in (32, 64, 128)))
    assert sum("equilibrated (fewest round trips 15.0" in line and "NOT" not in line for line in content.findings) == 3
    meeting = [line for line in content.findings if "meets −f(1)/T at the 2 temperatures" in line]
    assert len(meeting) == 2 and meeting[0].startswith("e(T)") and "overlaps" in meeting[1]
    # At 0.7 two copies on annealed couplings are already bound: nothing is said there.
    assert content.rows[1]["z"] is None
    above = [row for row in content.rows if row["temperature"] > 1.0]
    assert all(abs(row["z"]) < 4 and row["limit_error"] < 0.01 for row in above) and content.rows[0]["z"] is None
    assert content.rows[1]["specific_heat"] == pytest.approx(0.5 / 0.49, rel=0.05)
    assert content.rows[0]["z"] is None
    weights = content.variables["series/0/known_weight"].data
    assert weights[0] == pytest.approx(1 - 0.73614808, abs=1e-6) and (weights[1:] == 0).all()
    density = content.variables["series/0/n=128/overlap/0/density"].data
    assert density[17] * 0.1 == pytest.approx(0.4)


def test_a_size_that_violates_the_identity_is_not_counted(tmp_path):
    content = build(tmp_path, point(16), point(32), point(64, shift=0.05))
    assert any("N = 64" in line and "NOT counted" in line and "fails by" in line for line in content.findings)
    assert any("2 equilibrated sizes: three are needed" in line for line in content.findings)
    assert all(row["z"] is None for row in content.rows)


def test_too_few_round_trips_are_not_counted(tmp_path):
    content = build(tmp_path, point(16, trips=9.5))
    assert any("fewest round trips 9.5, below 10" in line for line in content.findings)


def test_energies_that_extrapolate_elsewhere_are_said_to_miss(tmp_path):
    # A constant shift of energy and overlap together: the identity holds, the limit is wrong.
    points = [point(n, offset=0.03) for n in (32, 64, 128)]
    assert any("MISSES" in line for line in build(tmp_path, *points).findings)


@pytest.mark.parametrize(
    ("change", "fragment"),
    [({"copies": 1}, "copies"), ({"levels": 5}, "write the ladder out"), ({"kind": "Langevin"}, "ParallelTempering")],
)
def test_studies_that_cannot_be_reported_are_refused_before_the_run(change, fragment):
    physics = {**PHYSICS, "dynamics": {**PHYSICS["dynamics"], **change}}
    with pytest.raises(InputError, match=fragment):
        EquilibriumReport.check({"arm": ""}, {"main": [physics]})
    with pytest.raises(InputError, match=r"leave \[probes.energy\] out"):
        EquilibriumReport.check({"arm": ""}, {"main": [{**PHYSICS, "probes": {"energy": {}}}]})


def test_a_distribution_beside_the_ladder_is_refused(tmp_path):
    results = made_results(tmp_path / "collected.h5", {"main": [point(16)]})
    with pytest.raises(InputError, match="no temperature of the ladder"):
        EquilibriumReport(distributions=[0.6]).build(results, lambda line: None)
