"""The classification report: networks that are glasses, funnels or neither are called so, in words."""

import numpy as np
import pytest
from comparison.references import references, units
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.classification import ClassificationReport

Q = np.array([1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.0])
PROBES = {"funnel_profile": {"directions": 64}, "basin_of_attraction": {"kicks": [1.0471975512]}}


def point(values, n=40, depth=None):
    """A point whose units have the statistics ``values`` (units, 4), as they are classed."""
    degree, ratio, angle = np.exp(values[:, 0]), np.exp(values[:, 1]), np.tanh(values[:, 2])
    depth = ratio * np.sqrt(n) if depth is None else np.full(len(values), depth)
    samples = len(values)
    energy = 0.1 * depth[:, None] * (2.0 - Q ** degree[:, None])
    return {
        "parameters": {"n": n},
        "physics": {"landscape": {}, "dynamics": {"kind": "Still"}, "probes": PROBES},
        "variables": {
            "funnel_profile/overlap": Variable(Q, ("overlap",)),
            "funnel_profile/energy_density": energy[:, None],
            "funnel_profile/roughness": np.full((samples, 1, len(Q)), 0.1),
            "funnel_profile/alignment": np.tile(angle[:, None, None], (1, 1, len(Q))),
            "basin/kick": Variable(np.array([1.0471975512]), ("kick",)),
            "basin/overlap": np.tile(values[:, 3, None, None, None], (1, 1, 1, 4)),
            "basin/finished": np.ones((samples, 1)),
        },
    }


def build(path, samples=24, **asked):
    values, _, _, kinds = references(samples)
    blocks = [values[k : k + samples] for k in range(0, len(values), samples)]
    of = {0: "glass", 1: "rem", 2: "funnel"}
    arms = {}
    for kind, block in zip(kinds, blocks, strict=True):
        arms.setdefault(of[kind[0]], []).append(point(block, n=40 + len(arms.get(of[kind[0]], []))))
    arms |= {role: [given] for role, given in asked.items()}
    roles = {role: role for role in arms}
    return ClassificationReport(**roles).build(made_results(path / "c.h5", arms), lambda line: None)


def said(content, start):
    return next(line for line in content.findings if line.startswith(start))


def test_a_network_like_a_glass_is_called_one(tmp_path):
    content = build(tmp_path, true=point(units(3.0, 1.6, 0.95, 20, 5)), shuffled=point(units(3.0, 5.0, 1.0, 20, 6)))
    assert "true labels n=40" not in content.findings[0]
    assert "glass in " in said(content, "networks with true labels") and "posterior of glass" in content.findings[0]
    assert "funnel in " in said(content, "networks with shuffled labels")
    row = next(row for row in content.rows if row["arm"] == "true")
    assert row["glass"] >= 17 and row["funnel"] == row["REM-like"] == 0
    assert "wrongly 0 of 216" in said(content, "216 references")


def test_what_is_none_of_them_is_told_by_what(tmp_path):
    nothing = point(units(3.0, 1.0, 1.0, 20, 5), depth=1)
    content = build(tmp_path, true=point(units(1.5, 0.8, 0.6, 20, 5)), untrained=nothing)
    line = said(content, "networks with true labels")
    assert "none of these in 20 of 20, 83 to 100 %" in line
    assert "from the glass by the depth over roughness" in line or "from the glass by the degree" in line
    alone = next(line for line in content.findings if "one statistic by itself" in line)
    assert "degree 1.5" in alone and "funnel" in alone.split("degree")[1].split(";")[0]
    assert "left out: degree 20, frustration 20, alignment 20, return 20 of 20" in content.findings[1]
    assert "there is no native state in 20 of 20" in said(content, "untrained")


def test_few_references_call_nothing_and_say_so(tmp_path):
    content = build(tmp_path, samples=8, true=point(units(3.0, 1.6, 0.95, 20, 5)))
    assert "too few references" in said(content, "networks with true labels")
    assert all(row["glass"] == row["REM-like"] == row["funnel"] == 0 for row in content.rows if row["arm"] == "rem")


def test_arms_measured_differently_are_refused():
    physics = {"landscape": {"kind": "SphericalGlass"}, "dynamics": {"kind": "Still"}, "probes": PROBES}
    other = {**physics, "probes": {**PROBES, "funnel_profile": {"directions": 8}}}
    settings = dict.fromkeys(ClassificationReport.arm_parameters, "") | {"glass": "a", "rem": "b", "funnel": "a"}
    with pytest.raises(InputError, match="arms a and b are measured with different settings of funnel_profile"):
        ClassificationReport.check(settings, {"a": [physics], "b": [other]})
    short = {**physics, "probes": {**PROBES, "basin_of_attraction": {"kicks": [0.3]}}}
    with pytest.raises(InputError, match="overlap 1/2"):
        ClassificationReport.check(settings, {"a": [short], "b": [short]})


def test_a_class_without_references_is_refused():
    with pytest.raises(InputError, match="rem names no arm"):
        ClassificationReport(glass="a", funnel="b")


def test_a_reference_without_a_native_state_is_none_and_keeps_its_row(tmp_path):
    values, _, _, _ = references(24)
    hollow = point(values[:24], n=50)
    hollow["variables"]["funnel_profile/roughness"][3] = 100.0
    arms = {"glass": [hollow], "glass_size": [point(values[24:48])], "rem": [point(values[48:72])],
            "funnel": [point(values[72:96])]}  # fmt: skip
    report = ClassificationReport(**{role: role for role in arms})
    content = report.build(made_results(tmp_path / "c.h5", arms), lambda line: None)
    called = content.variables["points/0/called"].data
    assert len(called) == 24 and called[3] == -1 and (called == 0).sum() > 18
    assert content.variables["points/0/p_value"].data[3].max() == 0.0
    assert said(content, "95 references")
