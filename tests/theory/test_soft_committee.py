"""Gradient flow of a soft committee visits the unspecialised plateau, stays long, and leaves it."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from spinnet.theory.soft_committee import generalisation_error, symmetric_plateau


@pytest.mark.parametrize("units", [2, 3])
def test_the_flow_visits_the_plateau_and_then_specialises(units):
    dimensions, teachers = units + 1, np.eye(units)

    def error(flat):
        students = flat.reshape(units, dimensions)
        return generalisation_error(students @ students.T, students[:, :units], teachers)

    def slope(_, flat, step=1e-6):
        moves = step * np.eye(len(flat))
        return np.array([(error(flat - move) - error(flat + move)) / (2 * step) for move in moves])

    def arrived(_, flat):
        return error(flat) - 1e-4

    arrived.terminal = True
    start = 1e-3 * np.random.default_rng(1).standard_normal(units * dimensions)
    flow = solve_ivp(slope, (0.0, 3000.0), start, rtol=1e-5, atol=1e-7, events=arrived)
    times = flow.t
    errors = np.array([error(x) for x in flow.y.T])
    *_, plateau = symmetric_plateau(units)
    rate = -np.gradient(np.log(errors), times)
    middle = (errors < 1.5 * plateau) & (errors > 0.5 * plateau)
    slowest = np.flatnonzero(middle)[np.argmin(rate[middle])]
    assert errors[slowest] == pytest.approx(plateau, rel=0.01)
    assert np.ptp(times[middle]) > 0.3 * times[-1] and errors[-1] < 2e-4
    # deliberately wrong: the plateau of one unit more
    assert errors[slowest] != pytest.approx(symmetric_plateau(units + 1)[2], rel=0.1)
