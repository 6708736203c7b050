"""Power-law relaxation with its nulls: each form is recognised where it is true, and few points are refused."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.estimators.relaxation_fit import fit_relaxation

TIME = 10.0 ** np.linspace(-1, 3, 33)
CURVES = {
    "power": lambda t: -1.1547 + 0.45 * t ** (-2.0 / 3.0),
    "exponential": lambda t: -1.1547 + 0.4 * np.exp(-t / 60.0),
    "logarithm": lambda t: -0.9 - 0.03 * np.log(t),
}


def samples(curve, count=30, seed=0, noise=0.004):
    """Energies whose fluctuation is mostly that of the sample, common to all times."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((count, 1)) * (1.0 + 0.3 * np.log10(TIME))
    return CURVES[curve](TIME) + noise * (common + 0.3 * rng.standard_normal((count, len(TIME))))


@pytest.mark.parametrize("curve", CURVES)
def test_the_form_that_is_true_is_found_and_fits(curve):
    found = fit_relaxation(TIME, samples(curve), 1.0)
    # A power of small exponent is a logarithm to within the errors.
    assert found.verdict == curve or (curve == "logarithm" and found.verdict == "undecided" and found.exponent < 0.1)
    assert found.misfit[curve] < 1.5 and np.isfinite(found.exponent) == (0.02 < found.exponent < 5)
    if curve != "logarithm":
        assert min(found.misfit[name] for name in CURVES if name != curve) > found.misfit[curve]


def test_limit_and_exponent_come_back_within_their_errors():
    found = fit_relaxation(TIME, samples("power"), 1.0)
    assert abs(found.exponent - 2 / 3) < 4 * found.exponent_error < 0.2
    assert abs(found.limit + 1.1547) < 4 * found.limit_error
    np.testing.assert_allclose(found(TIME[20]), CURVES["power"](TIME[20]), atol=0.004)
    # Deliberately wrong: the exponent of an energy that decays as 1/t.
    assert abs(found.exponent - 1.0) > 8 * found.exponent_error


def test_a_limit_from_theory_is_kept_and_a_wrong_one_shows():
    given = fit_relaxation(TIME, samples("power"), 1.0, limit=-1.1547)
    assert given.limit == -1.1547 and given.limit_error == 0 and given.verdict == "power"
    assert abs(given.exponent - 2 / 3) < 4 * given.exponent_error < 0.1
    wrong = fit_relaxation(TIME, samples("power"), 1.0, limit=-1.3)
    assert wrong.verdict == "none" and wrong.misfit["power"] > 10


def test_errors_are_those_of_repeated_experiments():
    found = [fit_relaxation(TIME, samples("power", 12, seed), 1.0) for seed in range(40)]
    z = np.array([(f.exponent - 2 / 3) / f.exponent_error for f in found])
    assert 0.75 < z.std() < 1.5 and abs(z.mean()) * np.sqrt(40) < 4
    assert {f.verdict for f in found} == {"power"}


def test_an_exponential_is_never_called_a_power():
    verdicts = [fit_relaxation(TIME, samples("exponential", 12, seed), 1.0).verdict for seed in range(20)]
    assert "power" not in verdicts and verdicts.count("exponential") > 15


def test_an_energy_at_rest_has_no_exponent_or_no_verdict():
    rng = np.random.default_rng(1)
    flat = -1.0 + 0.01 * rng.standard_normal((12, 1)) + 0.003 * rng.standard_normal((12, len(TIME)))
    assert fit_relaxation(TIME, flat, 1.0).verdict in ("undecided", "logarithm")


@pytest.mark.parametrize(
    ("change", "fragment"),
    [
        ({"start": 500.0}, "the fit needs 6"),
        ({"start": 1.0, "end": 8.0}, "less than a factor of 10"),
        ({"samples": 4}, "at least 5"),
        ({"torn": True}, "not finite"),
        ({"shape": True}, "increasing times"),
    ],
)
def test_what_gives_no_exponent_is_refused_in_one_line(change, fragment):
    energy = samples("power", change.get("samples", 8))
    if "torn" in change:
        energy[2, 20] = np.nan
    time = TIME[1:] if "shape" in change else TIME
    with pytest.raises(InputError, match=fragment) as caught:
        fit_relaxation(time, energy, change.get("start", 1.0), change.get("end", np.inf))
    assert "\n" not in str(caught.value)
