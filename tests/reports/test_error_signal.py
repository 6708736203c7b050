"""The error-signal report: slopes with the width, attenuation against theory, changes against chance."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.error_signal import ErrorSignalReport

NAMES = ("opposed", "opposed_chance", "negative_pairs", "pair_cosine", "pair_cosine_chance", "signal_to_noise",
         "moving_target", "class_share", "unit_correlation", "activity_rank")  # fmt: skip


def point(hidden, slope=-0.5, change=0.2, units=8):
    rng = np.random.default_rng(hidden)
    shape, layers = (1, units, 3), len(hidden) + 1
    scatter = 0.01 * rng.standard_normal(shape)
    rms = np.ones((*shape, layers)) * 0.7 ** np.arange(layers)[::-1] * (1 + scatter[..., None])
    variables = {
        "trajectory/time": Variable(np.array([0.0, 10.0, 100.0]), ("time",)), "trajectory/error_rms": rms,
        "trajectory/weight_gradient_rms": rms * hidden[0] ** slope, "trajectory/error_participation": 0.63 + 0 * rms,
    }  # fmt: skip
    variables |= {f"trajectory/{name}": 0.5 + scatter + change * np.arange(3) / 2 for name in NAMES}
    physics = {
        "landscape": {"kind": "DenseNetwork", "hidden": hidden, "activation": "linear", "sigma_w": 0.7, "sigma_b": 0.0},
        "dynamics": {"kind": "SGD"}, "probes": {"error_signal": {}},
    }  # fmt: skip
    return {"parameters": {"hidden": str(hidden)}, "physics": physics, "variables": variables,
            "attributes": {"n_units": 300, "independent_unit": "replica"}}  # fmt: skip


def findings(tmp_path, **options):
    points = [point(hidden, **options) for hidden in ([16], [64], [256], [32, 32, 32])]
    results = made_results(tmp_path / "c.h5", {"networks": points})
    return ErrorSignalReport().build(results, lambda line: None).findings


def test_what_theory_foretells_is_found(tmp_path):
    said = findings(tmp_path)
    # linear units of chi = 0.49: 0.7 for each layer
    assert any("0.490 foretold for wide layers" in line and "0.49" in line for line in said)
    assert any("n^(-0.50" in line and ", as foretold" in line for line in said)
    assert any("between classes 0.5" in line and "(changes" in line for line in said)


def test_another_slope_and_no_change_are_called_so(tmp_path):
    said = findings(tmp_path, slope=-1.0, change=0.0)
    assert any("NOT as foretold" in line for line in said)
    assert any("no change is shown" in line for line in said) and not any("(changes" in line for line in said)


def test_true_labels_stand_beside_shuffled_ones(tmp_path):
    arms = {"true": [point([16]), point([64])], "dealt": [point([64], change=0.0), point([32])]}
    results = made_results(tmp_path / "c.h5", arms)
    content = ErrorSignalReport(arm="true", shuffled="dealt").build(results, lambda line: None)
    *_, both, alone = content.findings
    for words in ("moving target", "between classes", "correlation of hidden units", "rank of hidden activity",
                  "opposed", "negative pairs", "cosine of pairs"):  # fmt: skip
        assert f"{words} 0.7" in both or f"{words} 0.69" in both
    assert both.startswith("linear 64, true beside shuffled") and both.count("(higher") == 7
    assert alone == "linear 32: shuffled labels without true ones beside them: not compared"
    assert [row["labels"] for row in content.rows] == ["true"] * 4 + ["shuffled"] * 4


def test_the_null_of_negative_pairs_is_that_of_random_signs(tmp_path):
    results = made_results(tmp_path / "c.h5", {"networks": [point([16])]})
    row = ErrorSignalReport().build(results, lambda line: None).rows[0]
    rng, p = np.random.default_rng(1), 300
    signs = rng.choice([-1.0, 1.0], (400, p))
    # gradients that all point one way: the sign of a pair is that of its two signs
    shares = 0.5 - (signs.sum(axis=1) ** 2 - p) / (2 * p * (p - 1))
    assert row["negative_pairs_chance"] == 0.5
    assert abs(shares.mean() - 0.5) < 4 * row["negative_pairs_chance_spread"] / 20
    assert 0.8 < shares.std() / row["negative_pairs_chance_spread"] < 1.25


def structures(rate, skip=False, units=8):
    """A stack of 8 ReLU layers whose error signals change by exp(rate) per layer, but for some noise."""
    rng = np.random.default_rng(1)
    slope = rate + 0.01 * rng.standard_normal((1, units, 1, 1))
    rms = np.exp(slope * np.arange(8)[::-1]) * np.ones((1, units, 3, 1))
    variables = {
        "trajectory/time": Variable(np.array([0.0, 10.0, 100.0]), ("time",)),
        "trajectory/error_rms": np.concatenate([rms, rms[..., -1:]], axis=-1),
        "trajectory/train_accuracy": np.full((1, units, 3), 0.25),
    }
    physics = {
        "landscape": {"kind": "StructuredNetwork", "hidden": [9] * 8, "activation": "relu", "sigma_w": 1.0,
                      "sigma_b": 0.0, "normalisation": "none", "skip": skip},
        "dynamics": {"kind": "SGD"}, "probes": {"error_signal": {}},
    }  # fmt: skip
    return {"parameters": {"skip": skip}, "physics": physics, "variables": variables,
            "attributes": {"n_units": 300, "independent_unit": "replica"}}  # fmt: skip


def test_the_rate_of_a_structure_is_compared_with_its_theory(tmp_path):
    arms = {"networks": [point([16, 16])], "deep": [structures(-0.5 * np.log(2)), structures(-0.2, skip=True)]}
    results = made_results(tmp_path / "c.h5", arms)
    report = ErrorSignalReport(arm="networks", structures="deep")
    *_, plain, skip = report.build(results, lambda line: None).findings
    assert plain.startswith("plain, 8 relu layers of 9") and "(-0.3466 for wide layers: agrees" in plain
    assert "training accuracy 0.250" in plain and "after 100 steps" in plain
    assert skip.startswith("skip connections") and "(+0.2027 for wide layers: does NOT agree" in skip


def test_arms_for_which_there_is_no_theory_are_refused_before_the_run():
    settings = {"arm": "networks", "structures": "deep", "shuffled": ""}
    dense, deep = point([16, 16])["physics"], structures(0.0)["physics"]
    ErrorSignalReport.check(settings, {"networks": [dense], "deep": [deep]})
    with pytest.raises(InputError, match="plain stacks"):
        ErrorSignalReport.check(settings, {"networks": [deep], "deep": [deep]})
    with pytest.raises(InputError, match="4 hidden layers or more"):
        ErrorSignalReport.check(settings, {"networks": [dense], "deep": [dense]})
