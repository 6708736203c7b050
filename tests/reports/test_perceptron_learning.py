"""The learning report meets theory where the data do, and calls other data wrong."""

from __future__ import annotations

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.perceptron_learning import PerceptronLearningReport
from spinnet.theory.perceptron import perceptron_state

TIME = np.arange(17.0)


def physics(role, **changes):
    landscape = {"kind": "TeacherStudentPerceptron", "weights": role, "labels": "teacher", "noise": 0, "start_at": 1}
    if role == "ising":
        return {"landscape": {**landscape, **changes}, "dynamics": {"kind": "Still"}, "probes": {"native_levels": {}}}
    dynamics, probes = {"kind": "HitAndRun", "temperature": 0}, {"signal_overlap": {}, "replica_overlap": {}}
    return {"landscape": {**landscape, **changes}, "dynamics": dynamics, "probes": probes}


def spherical(shift=0.0, drift=0.0, mutual=0.0, samples=60):
    points = []
    for alpha in (1.0, 2.0):
        known = perceptron_state(alpha).overlap
        for n in (16, 32, 64):
            rng = np.random.default_rng([5, n, int(alpha)])
            centre = known - 1.0 / n + shift + 0.04 * rng.standard_normal((samples, 2, 1))
            r = centre + 0.001 * rng.standard_normal((samples, 2, 17)) + drift * np.exp(-TIME / 8)
            q = centre + mutual + 0.001 * rng.standard_normal((samples, 2, 17))
            variables = {"trajectory/signal_overlap": r, "trajectory/overlap": q,
                         "trajectory/time": Variable(TIME, ("time",), "1")}  # fmt: skip
            points.append({"parameters": {"alpha": alpha, "n": n}, "physics": physics("spherical"),
                           "variables": variables, "attributes": {"n_units": int(alpha * n)}})  # fmt: skip
    return points


def ising(scale=1.0, alphas=(1.0, 2.0), samples=80):
    """Students spread about the overlap of theory, their number e^{Ns}."""
    points = []
    for alpha in alphas:
        state = perceptron_state(alpha, "ising")
        for n in (101, 151, 301):
            rng = np.random.default_rng([5, n, int(alpha)])
            counts = np.zeros((samples, 1, 2, n + 1), dtype=np.int64)
            if state.is_perfect:
                counts[:, 0, 0, 0], overlap = 1, np.ones(samples)
            else:
                students = np.exp(n * scale * state.entropy + rng.standard_normal(samples))
                away = 0.5 * n * (1 - state.overlap) + 0.03 * n * rng.standard_normal(samples)
                low = np.floor(away).astype(int)
                share = away - low  # between two whole distances, so that the mean is right
                counts[np.arange(samples), 0, 0, low] = np.round(students * (1 - share))
                counts[np.arange(samples), 0, 0, low + 1] = np.round(students * share)
                weights = counts[:, 0, 0].astype(float)
                overlap = weights @ (1 - 2 * np.arange(n + 1) / n) / weights.sum(axis=1)
            variables = {"native/counts": counts, "native/lowest_mutual_overlap": overlap[:, None]}
            points.append({"parameters": {"alpha": alpha, "n": n}, "physics": physics("ising"), "variables": variables,
                           "attributes": {"n_units": int(alpha * n)}})  # fmt: skip
    return points


def build(tmp_path, **arms):
    results = made_results(tmp_path / "c.h5", arms)
    return PerceptronLearningReport(**{name: name for name in arms}).build(results, lambda line: None)


def test_learning_curves_of_theory_meet_it(tmp_path):
    content = build(tmp_path, spherical=spherical(), ising=ising(alphas=(1.0, 2.0)))
    text = "\n".join(content.findings)
    assert text.count("meet replica theory") == 5 and "MISS" not in text and "MOVES" not in text
    assert text.count("R is that of two students") == 2
    judged = [row for row in content.rows if row["z"] is not None]
    assert len(judged) == 7 and all(abs(row["z"]) < 4 for row in judged)
    perfect = [row for row in content.rows if row["weights"] == "ising" and row["alpha"] == 2.0]
    assert all(row["limit"] is None for row in perfect) and perfect[0]["value"] == 1.0
    assert np.isclose(content.groups["ising"]["transition"], 1.244684, atol=1e-5)
    metastable = content.variables["ising/metastable_overlap"].data
    assert metastable[0] > 0.69 and metastable[-1] < 0.9


def test_other_learning_curves_are_called_wrong(tmp_path):
    text = "\n".join(build(tmp_path, spherical=spherical(shift=-0.05)).findings)
    assert text.count("MISS replica theory") == 2
    text = "\n".join(build(tmp_path, ising=ising(scale=0.8, alphas=(1.0,))).findings)
    assert "entropies of the students extrapolated by a + b/N MISS" in text


def test_students_that_are_not_equivalent_to_the_teacher_and_short_runs_are_seen(tmp_path):
    text = "\n".join(build(tmp_path, spherical=spherical(mutual=0.01)).findings)
    assert "R is NOT that of two students" in text
    text = "\n".join(build(tmp_path, spherical=spherical(drift=0.2)).findings)
    assert "has not converged" in text


@pytest.mark.parametrize(
    ("role", "changes", "fragment"),
    [
        ("spherical", {"weights": "ising"}, "weights"),
        ("ising", {"labels": "random"}, "labels"),
        ("ising", {"noise": 0.1}, "noise"),
        ("spherical", {"start_at": 0.5}, "start at the teacher"),
    ],
)
def test_arms_off_the_nishimori_line_are_refused(role, changes, fragment):
    settings = PerceptronLearningReport.resolve({role: "a"}, "report")
    with pytest.raises(InputError, match=fragment):
        PerceptronLearningReport.check(settings, {"a": [physics(role, **changes)]})


def test_missing_probes_and_other_dynamics_are_refused():
    settings = PerceptronLearningReport.resolve({"spherical": "a"}, "report")
    for key, value, fragment in (("probes", {}, "signal_overlap"), ("dynamics", {"kind": "Still"}, "HitAndRun")):
        with pytest.raises(InputError, match=fragment):
            PerceptronLearningReport.check(settings, {"a": [{**physics("spherical"), key: value}]})
    with pytest.raises(InputError, match="no arm is named"):
        PerceptronLearningReport.resolve({}, "report")


def funnel(teacher=1.0, random=0.0, off=1.0, samples=12):
    """Frustration indices near √(α/(2 ln 2)) for the teacher's labels; melting where independent energies say."""
    points = []
    for labels, scale in (("teacher", teacher), ("random", random)):
        for alpha in (1.0, 8.0):
            rng = np.random.default_rng(int(alpha))
            index = scale * np.sqrt(alpha / (2 * np.log(2))) + 0.05 * rng.standard_normal((samples, 1))
            predicted = np.where(index > 1, 0.7 * alpha, np.nan)
            table = physics("ising", labels=labels)
            table["probes"] = {"funnel": {}}
            variables = {"funnel/stability": index, "funnel/stability_gap": 2.0 * alpha + 0 * index,
                         "funnel/half_overlap_temperature": off * predicted,
                         "funnel/random_energy_temperature": predicted}  # fmt: skip
            own = {"n_units": int(11 * alpha), "n_dof": 11}
            points.append({"parameters": {"labels": labels, "alpha": alpha, "n": 11}, "physics": table,
                           "variables": variables, "attributes": own})  # fmt: skip
    return points


def test_the_funnel_of_a_teacher_is_told_from_random_labels(tmp_path):
    content = build(tmp_path, funnel=funnel())
    teacher, null = content.findings
    assert "index of 1.1 or more at 1 load " in teacher and "is within 8 %" in teacher and "no funnel" in null
    assert content.groups["funnel/0"]["labels"] == "random" or content.groups["funnel/1"]["labels"] == "random"


def test_other_funnels_are_called_wrong(tmp_path):
    teacher, null = build(tmp_path, funnel=funnel(random=1.0, off=1.2)).findings
    assert "is NOT within 8 %" in teacher and "A FUNNEL" in null
    assert "unfolded" in build(tmp_path, funnel=funnel(teacher=0.4)).findings[0]


def test_a_funnel_arm_needs_its_probe_and_ising_weights():
    settings = PerceptronLearningReport.resolve({"funnel": "a"}, "report")
    table = physics("ising")
    with pytest.raises(InputError, match="probe funnel"):
        PerceptronLearningReport.check(settings, {"a": [table]})
    with pytest.raises(InputError, match="weights"):
        other = {**table, "landscape": {**table["landscape"], "weights": "spherical"}}
        PerceptronLearningReport.check(settings, {"a": [other]})
