"""The plateau of the soft committee against minimisation, samples of inputs, and gradient flow."""

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.theory.soft_committee import _derivatives, committee_error, gradient_flow, symmetric_plateau


@pytest.mark.parametrize(
    "units, overlap, norm, error",
    [(2, 0.40824829, 0.33333333, 0.01161084), (3, 0.25819889, 0.2, 0.02029659),
     (5, 0.14907120, 0.11111111, 0.03622632)],
)  # fmt: skip
def test_the_plateau_is_the_lowest_symmetric_state(units, overlap, norm, error):
    from scipy.optimize import minimize_scalar

    found = symmetric_plateau(units)
    assert (found.overlap, found.norm, found.error) == pytest.approx((overlap, norm, error), abs=1e-8)
    ones = np.ones((units, units))  # students in the span of the teacher, all alike: R² = Q/K
    lowest = minimize_scalar(lambda q: committee_error(np.sqrt(q / units) * ones, q * ones), bounds=(0.01, 0.9),
                             method="bounded", options={"xatol": 1e-10})  # fmt: skip
    assert lowest.fun == pytest.approx(found.error, abs=1e-9) and lowest.x == pytest.approx(found.norm, abs=1e-5)
    for r in (0.9, 1.1):  # and another overlap at this norm is worse than the best one along it
        assert committee_error(r * found.overlap * ones, found.norm * ones) != pytest.approx(found.error, rel=1e-3)


def test_the_error_is_that_of_sampled_inputs():
    from scipy.special import erf

    rng = np.random.default_rng(0)
    student = rng.standard_normal((3, 6)) / 2
    teacher = np.eye(6)[:3]
    xi = rng.standard_normal((200_000, 6))
    values = 0.5 * (erf(xi @ student.T / np.sqrt(2)).sum(axis=1) - erf(xi @ teacher.T / np.sqrt(2)).sum(axis=1)) ** 2
    known = committee_error(student @ teacher.T, student @ student.T)
    assert abs(values.mean() - known) < 4 * values.std() / np.sqrt(len(values))


def test_derivatives_are_those_of_differences():
    rng = np.random.default_rng(1)
    student = rng.standard_normal((3, 5)) / 2
    q, r, h = student @ student.T, student[:, :3].copy(), 1e-6
    by_q, by_r = _derivatives(r, q)
    for i in range(3):
        for k in range(3):
            step = np.zeros((3, 3))
            step[i, k] += h
            assert by_r[i, k] == pytest.approx((committee_error(r + step, q) - committee_error(r - step, q)) / (2 * h),
                                               abs=1e-8)  # fmt: skip
            step = step + step.T
            slope = (committee_error(r, q + step) - committee_error(r, q - step)) / (2 * h)
            assert by_q[i, k] + by_q[k, i] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("units, visited", [(2, 0.011674), (3, 0.020498)])
def test_gradient_flow_stays_on_the_plateau_and_then_specialises(units, visited):
    rng = np.random.default_rng(units)
    r = 1e-4 * rng.standard_normal((units, units))
    q = 0.25 * np.eye(units)
    path = gradient_flow(r, q, np.concatenate([[0.0], np.geomspace(0.1, 600, 400)]))
    plateau = symmetric_plateau(units)
    assert (np.abs(path.error / plateau.error - 1) < 0.05).sum() > 15  # of 400 times, evenly spaced in ln t
    assert abs(path.error - visited).min() < 0.01 * visited
    assert path.error[-1] < 1e-8 and np.abs(path.overlap[-1]).max() == pytest.approx(1.0, abs=1e-3)


def test_one_unit_has_no_plateau():
    with pytest.raises(InputError):
        symmetric_plateau(1)
