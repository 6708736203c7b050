"""Two copies at high temperature: exact moments of the free sphere, and the order of the correction."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.two_copies import annealed_overlap, leading_overlap


@pytest.mark.parametrize("n", [6, 20, 200])
def test_the_leading_order_is_that_of_the_moments_of_the_sphere(n):
    # ⟨q⁶⟩ = 15/(N(N+2)(N+4)) for p = 3; ⟨q⁴⟩ = 3/(N(N+2)) and ⟨q⁸⟩ = 105/(N(N+2)(N+4)(N+6)) for p = 4.
    assert leading_overlap(Covariance({3: 1}), n, 0.8) == pytest.approx(3.75 / (0.64 * (n + 2) * (n + 4)), rel=1e-6)
    fourth, eighth = 3 / (n * (n + 2)), 105 / (n * (n + 2) * (n + 4) * (n + 6))
    expected = 0.5 * fourth + n / 0.64 * 0.25 * (eighth - fourth**2)
    assert leading_overlap(Covariance({4: 1}), n, 0.8) == pytest.approx(expected, rel=1e-6)


def test_both_agree_at_high_temperature_and_differ_at_low():
    covariance = Covariance({3: 1, 4: 1})
    ratios = [annealed_overlap(covariance, 40, t) / leading_overlap(covariance, 40, t) for t in (20.0, 5.0, 1.5)]
    assert abs(ratios[0] - 1) < 2e-3 < abs(ratios[1] - 1) < abs(ratios[2] - 1)


@pytest.mark.parametrize(("covariance", "exponent"), [({3: 1}, 2), ({4: 1}, 2), ({2: 1}, 1), ({5: 1}, 4), ({6: 1}, 3)])
def test_the_correction_falls_with_the_expected_power_of_the_size(covariance, exponent):
    small, large = (annealed_overlap(Covariance(covariance), n, 5.0) for n in (400, 800))
    assert np.log2(small / large) == pytest.approx(exponent, abs=0.05)


def test_what_has_no_meaning_is_refused():
    with pytest.raises(InputError, match="positive temperature"):
        annealed_overlap(Covariance({3: 1}), 20, 0.0)
