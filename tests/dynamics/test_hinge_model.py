"""The hinge's model of a step, against minimisers that know nothing of kinks being sorted or factors being kept."""

import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar

from spinnet.datasets import Dataset
from spinnet.dynamics.hinge_model import HingeModel, hinge_model, least_along
from spinnet.dynamics.levenberg_marquardt import residuals
from spinnet.landscapes import DenseNetwork


def made_model(seed, constraints=60, n=20):
    rng = np.random.default_rng(seed)
    slopes, gaps = rng.standard_normal((constraints, n)), rng.standard_normal(constraints)
    own = slopes[gaps > 0]
    raw = rng.standard_normal((n, n))
    bend = 0.5 * (raw + raw.T)
    return HingeModel(gaps, slopes, own.T @ own + bend), bend


@pytest.mark.parametrize("seed", range(4))
def test_the_step_is_the_minimiser_that_a_general_method_finds(seed, monkeypatch):
    monkeypatch.setattr("spinnet.dynamics.hinge_model._ENOUGH", 1e-9)
    model, bend = made_model(seed)
    damping = 1.0 - np.linalg.eigvalsh(bend)[0]  # the model is convex: it has one minimum

    def phi(s):
        left = np.maximum(0.0, model.gaps - model.slopes @ s)
        value = 0.5 * (left @ left + s @ bend @ s + damping * s @ s)
        return value, -model.slopes.T @ left + bend @ s + damping * s

    slow = minimize(phi, np.zeros(20), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    step, foretold = model.step(damping)
    gain, best = phi(np.zeros(20))[0] - phi(step)[0], phi(np.zeros(20))[0] - phi(slow)[0]
    assert best * (1 - 1e-6) <= gain <= best * (1 + 1e-9)
    assert foretold == pytest.approx(model.value(np.zeros(20)) - model.value(step), rel=1e-9)
    # deliberately wrong: the patterns that are open at the start, whatever the step breaks
    wrong = -np.linalg.solve(model.hessian + damping * np.eye(20), model.gradient)
    assert phi(np.zeros(20))[0] - phi(wrong)[0] < (1 - 1e-3) * best


@pytest.mark.parametrize("seed", range(6))
def test_minimisation_over_kinks_finds_the_first_minimum(seed):
    rng = np.random.default_rng(seed)
    gaps, moved = rng.standard_normal(30), rng.standard_normal(30)
    moved *= np.sign(moved @ np.maximum(gaps, 0.0))  # downhill
    gaps[:2], moved[2] = 0.0, 0.0

    def value(a):
        return 0.5 * (np.maximum(0.0, gaps - a * moved) ** 2).sum() - 0.3 * a + 0.1 * a * a

    best = minimize_scalar(value, bounds=(0.0, 20.0), method="bounded", options={"xatol": 1e-10}).x
    assert least_along(gaps, moved, -0.3, 0.2) == pytest.approx(best, abs=1e-6)


def test_a_line_that_falls_for_ever_ends_at_its_last_kink():
    assert least_along(np.array([1.0, -1.0]), np.array([0.5, -0.1]), -1.0, -10.0) == 10.0
    assert least_along(np.array([-1.0]), np.array([0.5]), -1.0, -10.0) == 0.0


def test_an_indefinite_matrix_gives_no_step():
    model, _ = made_model(0)
    hessian = model.hessian - 200.0 * np.eye(20)
    step, foretold = HingeModel(model.gaps, model.slopes, hessian).step(1.0)
    assert not step.any() and foretold == 0.0


@pytest.mark.parametrize("classes", [2, 3])
def test_the_model_of_a_network_holds_to_second_order_within_one_side_of_the_kinks(classes):
    rng = np.random.default_rng(0)
    data = Dataset("made", rng.standard_normal((40, 4)), labels=rng.integers(0, classes, 40), n_classes=classes)
    network = DenseNetwork(data=data, hidden=(5,), loss="quadratic-hinge")
    x = network.start(1, rng)[0]
    model = hinge_model(
        lambda terms: network.jacobian(x, terms), lambda terms: network.hessian(x, terms), network.logits(x[None])[0],
        network._targets,
    )  # fmt: skip
    np.testing.assert_allclose(model.gradient, network.gradient(x[None])[0], atol=1e-10)
    np.testing.assert_allclose(model.hessian, network.hessian(x), atol=1e-10)
    direction = rng.standard_normal(len(x))
    for size, power in ((1e-2, 3), (1e-3, 3)):
        error = abs(model.value(size * direction) - 0.5 * (residuals(network, x + size * direction) ** 2).sum())
        assert error < 40 * size**power * np.linalg.norm(direction) ** 3
