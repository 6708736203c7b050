"""The report on hidden signals: identities hold where they hold, and failures are called so."""

from __future__ import annotations

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.planted_recovery import PlantedRecoveryReport
from spinnet.theory.covariance import Covariance
from spinnet.theory.ising_pspin import state_overlap
from spinnet.theory.spiked import nishimori_overlap

TIME = np.array([0.0, 10.0, 20.0, 30.0, 40.0])
BETA = 2.0
SPHERE = {"kind": "SphericalGlass", "covariance": {"3": BETA}, "planted": {"3": 1}, "couplings": "dense"}
MOVES = {"kind": "GeodesicMetropolis", "temperature": 1, "step": 0.1, "leapfrog": 8, "warm_up": 0}
ISING = {"kind": "PlantedGlass", "p": 3, "snr": BETA, "start_at": "planted"}
FLIPS = {"kind": "SpinFlips", "temperature": 1 / BETA, "rule": "metropolis"}
PROBES = {"energy": {}, "signal_overlap": {}, "replica_overlap": {"copies": 2}}


def kept(n, limit, landscape, dynamics, unit, samples=60, energy=0.0, pair=0.0):
    """Runs that relax to limit + 1/n with the time scale 5, q₁₂(t) = m(2t)."""
    rng = np.random.default_rng(n)

    def relaxed(time):
        end = limit + 1.0 / n
        return end + (1.0 - end) * np.exp(-time / 5.0)

    shape = (samples, 4, len(TIME))
    variables = {
        "trajectory/signal_overlap": relaxed(TIME) + 0.02 * rng.standard_normal(shape),
        "trajectory/overlap": relaxed(2 * TIME) + pair + 0.02 * rng.standard_normal(shape),
        "trajectory/energy_density": unit * (-0.5 * BETA + energy + 0.1 * rng.standard_normal(shape)),
    }
    return {"parameters": {"n": n}, "physics": {"landscape": {**landscape, "n": n}, "dynamics": dynamics,
                                                "probes": PROBES}, "variables": variables}  # fmt: skip


def with_time(point):
    point["variables"]["trajectory/time"] = Variable(TIME, ("time",))
    return point


def informed(**wrong):
    m = wrong.pop("limit", nishimori_overlap(Covariance({3: 1.0}), BETA))
    table = {**SPHERE, "start_at": "planted"}
    return [with_time(kept(n, m, table, MOVES, BETA, **wrong)) for n in (32, 64, 128)]


def ising(**wrong):
    return [with_time(kept(n, state_overlap(3, 1 / BETA), ISING, FLIPS, 1.0, **wrong)) for n in (10, 14, 18)]


def uninformed(n, share, samples=20):
    found = (np.random.default_rng(1).random((samples, 4)) < share).astype(float)
    values = np.repeat(0.8 * found[:, :, None], len(TIME), axis=2)
    variables = {"trajectory/signal_overlap": values, "trajectory/energy_density": -values}
    return with_time({"parameters": {"n": n}, "variables": variables,
                      "physics": {"landscape": {**SPHERE, "n": n}, "dynamics": MOVES, "probes": PROBES}})  # fmt: skip


def build(tmp_path, **arms):
    report = PlantedRecoveryReport(**{role: role for role in arms})
    return report.build(made_results(tmp_path / "c.h5", arms), lambda line: None)


def test_overlaps_and_identities_that_hold_are_said_to(tmp_path):
    content = build(tmp_path, informed=informed(), ising=ising())
    assert "meet those of the posterior" in content.findings[0] and "0.78867513" in content.findings[0]
    for line in (content.findings[1], content.findings[3]):
        assert line.count("holds at 3 points") == 2 and "FAILS" not in line
    assert "N → ∞: 0.9741" in content.findings[2] and "not judged" in content.findings[2]
    assert all(abs(row["energy_z"]) < 4 and abs(row["reversal_z"]) < 4 for row in content.rows)


def test_wrong_overlaps_energies_and_pairs_are_called_wrong(tmp_path):
    assert "MISS those of the posterior" in build(tmp_path, informed=informed(limit=0.7)).findings[0]
    assert "f(1) at the end of the runs FAILS" in build(tmp_path, informed=informed(energy=0.1)).findings[1]
    assert "at half their length FAILS" in build(tmp_path, ising=ising(pair=0.02)).findings[1]


def test_searches_are_counted(tmp_path):
    content = build(tmp_path, uninformed=[uninformed(32, 0.9), uninformed(64, 0.1)])
    assert "the hard phase" in content.findings[0] and "of 80 at N = 32" in content.findings[0]
    assert "not hard" in build(tmp_path, uninformed=[uninformed(64, 0.8)]).findings[0]


@pytest.mark.parametrize(
    ("role", "landscape", "dynamics", "fragment"),
    [
        ("informed", SPHERE, MOVES, "start_at"),
        ("uninformed", SPHERE, {**MOVES, "temperature": 0.5}, "is not 1/"),
        ("uninformed", SPHERE, {**MOVES, "step": None}, "give the step"),
        ("uninformed", {**SPHERE, "covariance": {"3": 1, "4": 1}}, MOVES, "pure model"),
        ("uninformed", {**SPHERE, "couplings": "binary"}, MOVES, "couplings"),
        ("ising", {**ISING, "snr": 1.5}, FLIPS, "is not 1/"),
        ("ising", {**SPHERE, "start_at": "planted"}, MOVES, "PlantedGlass"),
    ],
)
def test_arms_off_the_nishimori_line_are_refused_before_a_run(role, landscape, dynamics, fragment):
    settings = PlantedRecoveryReport.resolve({role: "arm"})
    physics = {"landscape": landscape, "dynamics": dynamics, "probes": PROBES}
    with pytest.raises(InputError, match=fragment):
        PlantedRecoveryReport.check(settings, {"arm": [physics]})
