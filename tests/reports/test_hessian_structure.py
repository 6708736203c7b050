"""The Hessian-structure report on made-up runs: growth is called growth, and noise is not."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.reports.hessian_structure import HessianStructureReport

PHYSICS = {"landscape": {"kind": "DenseNetwork"}, "dynamics": {"kind": "SGD"},
           "probes": {"final": {}, "hessian_structure": {}}}  # fmt: skip


def point(n, mass, joint, seed, rotated=0.9):
    rng = np.random.default_rng([n, seed])
    scatter = 0.01 * rng.standard_normal((1, 12))
    values = {"off_diagonal_mass": mass, "rotated_mass": rotated, "interaction_ratio": 10 * mass,
              "top_over_diagonal": 1 + mass, "joint_change": joint, "single_changes": -0.2}  # fmt: skip
    variables = {f"structure/{name}": value + scatter * (name != "rotated_mass") for name, value in values.items()}
    variables["endpoint/energy_density"] = 0.1 + scatter
    return {"parameters": {"hidden": n}, "physics": PHYSICS, "variables": variables,
            "attributes": {"n_dof": n, "independent_unit": "replica"}}  # fmt: skip


def report(tmp_path, arms):
    results = made_results(tmp_path / "c.h5", arms)
    names = dict(zip(("arm", "untrained", "glass"), arms, strict=False))
    return HessianStructureReport(**names).build(results, lambda line: None)


def test_growing_masses_and_climbing_joint_steps_are_found(tmp_path):
    trained = [point(n, m, j, 0) for n, m, j in ((64, 0.2, -0.3), (226, 0.4, -0.1), (1306, 0.8, 0.3))]
    untrained = [point(1306, 0.9, 1.0, 1)]
    content = report(tmp_path, {"trained": trained, "untrained": untrained})
    assert any("off-diagonal mass" in line and "GROWS" in line and "at every step" in line for line in content.findings)
    assert any("is NOT that of axes without meaning" in line for line in content.findings)
    assert [row["joint_up"] for row in content.rows] == [0.0, 0.0, 1.0, 1.0]
    assert any("training changes the off-diagonal mass by -0.1" in line for line in content.findings)


def test_equal_masses_do_not_grow(tmp_path):
    content = report(tmp_path, {"trained": [point(n, 0.5, -0.1, 0, 0.5) for n in (64, 226)]})
    assert not any("GROWS" in line for line in content.findings)
    assert any("is that of axes without meaning" in line for line in content.findings)


def test_a_ratio_whose_denominator_passes_zero_does_not_carry_the_interaction_away(tmp_path):
    points = [point(n, 0.5, -0.1, 0) for n in (64, 226)]
    points[1]["variables"]["structure/interaction_ratio"][0, 3] = -2000.0
    rows = report(tmp_path, {"trained": points}).rows
    # The mean over the twelve units would be -162.
    assert abs(rows[1]["interaction_ratio"] - 5.0) < 4 * rows[1]["interaction_ratio_error"] < 0.1


def test_an_arm_without_the_probe_is_refused_before_the_run():
    settings = HessianStructureReport.resolve({"arm": "a"})
    with pytest.raises(InputError, match="hessian_structure"):
        HessianStructureReport.check(settings, {"a": [{**PHYSICS, "probes": {"final": {}}}]})
