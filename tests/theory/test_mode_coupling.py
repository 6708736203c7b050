"""Exponents near the dynamic transition."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.mode_coupling import mode_coupling_exponents
from spinnet.theory.spherical_transitions import dynamic_transition


@pytest.mark.parametrize("degree", [3, 4, 6])
def test_pure_models_have_one_half_and_b_is_one(degree):
    found = mode_coupling_exponents(Covariance({degree: 1.0}))
    assert found.parameter == pytest.approx(0.5) and found.b == pytest.approx(1.0)
    assert found.a == pytest.approx(0.395263, abs=1e-6) and found.exponent == pytest.approx(1.76498, abs=1e-5)


def test_the_parameter_is_that_of_the_expansion_around_the_plateau():
    # With C = q + g, g small, the equation of the long-time part is g-independent at first order at T_d; the ratio of
    # the second orders of f'(C)(1 − C)/T² and C/… is λ: β²f'(q+g) − (q+g)/(1−q−g) = −(1 − λ) g²/(1−q)³ + O(g³).
    covariance = Covariance({3: 1.0, 4: 1.0})
    at = dynamic_transition(covariance)
    q, beta2 = at.overlap, at.temperature**-2
    g = np.array([-2e-3, -1e-3, 1e-3, 2e-3])
    excess = beta2 * covariance.first(q + g) - (q + g) / (1 - q - g)
    second = np.polyfit(g, excess / g**2, 2)[2] * (1 - q) ** 3
    assert second == pytest.approx(-(1 - mode_coupling_exponents(covariance).parameter), abs=1e-4)


def test_a_continuous_transition_is_refused():
    with pytest.raises(InputError, match="continuous"):
        mode_coupling_exponents(Covariance({2: 1.0}))
