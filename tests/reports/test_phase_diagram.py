"""The report of phases: each is called by the number that decides it, and a collapse is told from a noisy end."""

import math

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.phase_diagram import PhaseDiagramReport

TIME = np.arange(0.0, 1001.0, 100.0)


def point(start, temperature, decay, loss, gap=0.0, accuracy=0.9, samples=20, spheres=False):
    rng = np.random.default_rng([int(100 * temperature), int(1e4 * decay), start == "native"])
    shared = np.random.default_rng(int(100 * temperature)).standard_normal((samples, 1))
    own = 0.01 * rng.standard_normal((samples, 1))
    values = loss + 0.05 * shared + own + (gap if start == "random" else 0.0)
    variables = {
        "endpoint/train_loss": values,
        "endpoint/train_accuracy": accuracy + 0.02 * rng.standard_normal((samples, 1)),
        "endpoint/test_accuracy": accuracy - 0.2 + 0.02 * rng.standard_normal((samples, 1)),
        "endpoint/configuration": np.full((samples, 1, 4), 2.0),
    }
    physics = {
        "landscape": {"kind": "NativeNetwork", "start_at": start, "held_weight_decay": decay, "weight_decay": 1e-3,
                      "spheres": spheres},
        "dynamics": {"kind": "Langevin", "temperature": temperature},
        "probes": {"final": {}}, "last": 5.0,
    }  # fmt: skip
    return {"parameters": {"start_at": start, "temperature": temperature, "held_weight_decay": decay},
            "physics": physics, "variables": variables}  # fmt: skip


def both(*given, **options):
    return [point(start, *given, **options) for start in ("native", "random")]


def build(tmp_path, arms, **roles):
    return PhaseDiagramReport(**roles).build(made_results(tmp_path / "c.h5", arms), lambda line: None)


def test_every_phase_is_called_by_its_number(tmp_path):
    points = [*both(0.1, 0.01, 0.2, gap=0.3), *both(1.0, 0.01, 0.5), *both(3.0, 0.01, 1.9, accuracy=0.3),
              *both(10.0, 0.01, 3.0, gap=0.5)]  # fmt: skip
    content = build(tmp_path, {"a": points}, arm="a")
    assert [row["phase"] for row in content.rows] == ["glassy", "ordered", "disordered", "diverged"]
    assert all(row["sure"] == "yes" for row in content.rows)
    assert content.rows[0]["gap"] == pytest.approx(0.3, abs=0.02) and content.rows[0]["size"] == 4.0
    text = content.findings[0]
    assert "glassy at T = 0.1" in text and "diverged at T = 10" in text and "weight decay 0.01" in text


def test_a_number_at_its_border_is_called_uncertain(tmp_path):
    content = build(tmp_path, {"a": both(10.0, 0.01, math.log(10) - 1e-4)}, arm="a")
    assert content.rows[0]["sure"] == "no"


def test_runs_that_overflow_are_diverged(tmp_path):
    points = both(10.0, 0.01, 1.0)
    for one in points:
        one["variables"]["endpoint/train_loss"][:15] = np.nan
    content = build(tmp_path, {"a": points}, arm="a")
    assert content.rows[0]["phase"] == "diverged" and content.rows[0]["lost"] == 0.75


def test_shuffled_labels_are_counted_beside_true_ones(tmp_path):
    arms = {"a": both(0.1, 0.01, 0.2), "b": both(0.1, 0.01, 0.2, gap=0.3)}
    content = build(tmp_path, arms, arm="a", null="b")
    assert "0 are glassy with true and 1 with shuffled labels" in content.findings[-1]
    assert "larger by four errors at 1 of them" in content.findings[-1]


@pytest.mark.parametrize(("fall", "collapsed"), [(0.3, 6), (0.0, 0)])
def test_a_collapse_is_train_and_test_falling_together(tmp_path, fall, collapsed):
    rng = np.random.default_rng(0)
    rise = np.minimum(TIME / 300.0, 1.0)
    curve = 0.1 + 0.85 * rise - fall * np.maximum(TIME - 500.0, 0.0) / 500.0
    noise = 0.01 * rng.standard_normal((6, 1, len(TIME)))
    variables = {"trajectory/time": Variable(TIME, ("time",)), "trajectory/train_accuracy": curve + noise,
                 "trajectory/test_accuracy": curve - 0.03 + noise}  # fmt: skip
    one = {"parameters": {"learning_rate": 0.016}, "physics": {}, "variables": variables}
    text = build(tmp_path, {"c": [one], "a": both(1.0, 0.01, 0.5)}, arm="a", collapse="c").findings[-1]
    assert f"6 of 6 runs reached 0.9 train accuracy, {collapsed} of them lost 0.05" in text


def test_arms_that_cannot_serve_are_refused_before_a_run():
    settings = {"arm": "a", "null": "", "collapse": ""}
    with pytest.raises(InputError, match="start_at"):
        PhaseDiagramReport.check(settings, {"a": [point("native", 1.0, 0.1, 0.5)["physics"]]})
    bound = [point(start, 1.0, 0.1, 0.5, spheres=True)["physics"] for start in ("native", "random")]
    with pytest.raises(InputError, match="spheres = false"):
        PhaseDiagramReport.check(settings, {"a": bound})


def test_too_few_samples_are_no_phase(tmp_path):
    few = [point(start, 1.0, 0.01, 0.5, samples=3) for start in ("native", "random")]
    content = build(tmp_path, {"a": [*both(0.1, 0.01, 0.2, gap=0.3), *few]}, arm="a")
    assert [row["phase"] for row in content.rows] == ["glassy", "undecided"]
    assert np.isnan(content.variables["arm/phase"].data).sum() == 1
    assert "undecided at T = 1" in content.findings[0]
