"""Thermodynamics, overlaps and Gibbs samples of one sample are those of the plain sums, and their means exact."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.generalized_rem import ContinuousREM, GeneralizedREM
from spinnet.landscapes.ising_pspin import PSpinIsing
from spinnet.landscapes.log_correlated import LogCorrelatedREM
from spinnet.landscapes.random_energy import RandomEnergyModel
from spinnet.landscapes.thermodynamics import measure_thermodynamics, overlap_distribution, sample_levels
from spinnet.theory.random_energy_finite import IndependentLevels

BETAS = [0.0, 0.4, 1.3, 6.0]
MODELS = {
    "random energies": RandomEnergyModel(8, seed=1),
    "exponential": RandomEnergyModel(7, seed=1, distribution="exponential"),
    "two generations": GeneralizedREM(8, [[0.6, 0.5], [0.4, 0.5]], seed=1),
    "branching random walk": ContinuousREM(7, lambda x: x, seed=1),
    "circle": LogCorrelatedREM(7, seed=1),
    "interval": LogCorrelatedREM(6, "interval", seed=1),
    "Ising p = 3": PSpinIsing(8, 3, seed=1),
}


def weights(model, beta):
    energy = model.all_levels()
    weight = np.exp(-beta * (energy - energy.min()))
    return weight / weight.sum()


def plain_overlap(model, kind, i, j):
    if kind == "hypercube":
        return 1.0 - 2.0 * bin(i ^ j).count("1") / model.n
    if kind == "tree":
        return float(sum(i >> int(s) == j >> int(s) for s in model.tree[1]))
    away = abs(i - j)
    return (min(away, model.n_levels - away) if model.domain == "circle" else away) / model.n_levels


@pytest.mark.parametrize("name", MODELS)
def test_potentials_are_those_of_the_plain_sums(name):
    model = MODELS[name]
    found, energy = measure_thermodynamics(model, BETAS), model.all_levels()
    for b, beta in enumerate(BETAS):
        z, w = np.exp(-beta * energy).sum(), weights(model, beta)
        assert found.log_partition[b] == pytest.approx(np.log(z), rel=1e-12)
        assert found.mean_energy[b] == pytest.approx(w @ energy, rel=1e-11)
        assert found.energy_variance[b] == pytest.approx(w @ energy**2 - (w @ energy) ** 2, rel=1e-8, abs=1e-10)
        assert found.entropy[b] == pytest.approx(-(w @ np.log(w)), rel=1e-10, abs=1e-12)
        np.testing.assert_allclose(found.participation[:, b], [(w**k).sum() for k in (2, 3, 4)], rtol=1e-11)
    assert found.ground_state == energy.min()
    np.testing.assert_allclose(found.free_energy[1:], -found.log_partition[1:] / np.array(BETAS[1:]))


KINDS = [(name, "hypercube") for name in MODELS]
KINDS += [("random energies", "tree"), ("two generations", "tree"), ("branching random walk", "tree")]
KINDS += [("circle", "distance"), ("interval", "distance")]


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_overlap_distributions_are_those_of_all_pairs(name, kind):
    model = MODELS[name]
    found = overlap_distribution(model, BETAS, kind)
    assert np.all(np.diff(found.value) > 0)
    place = {round(float(v), 9): k for k, v in enumerate(found.value)}
    number = model.n_levels
    pairs = np.array(
        [[place[round(plain_overlap(model, kind, i, j), 9)] for j in range(number)] for i in range(number)]
    )
    for b, beta in enumerate(BETAS):
        w = weights(model, beta)
        expected = np.bincount(pairs.ravel(), weights=np.outer(w, w).ravel(), minlength=len(found.value))
        np.testing.assert_allclose(found.probability[b], expected, atol=1e-13)


def test_two_replicas_are_together_with_the_participation_ratio():
    model = GeneralizedREM(14, [[0.6, 0.5], [0.4, 0.5]], seed=3)
    betas = [0.5, 2.0, 4.0]
    ratio = measure_thermodynamics(model, betas).participation[0]
    for kind in ("hypercube", "tree"):
        np.testing.assert_allclose(overlap_distribution(model, betas, kind).probability[:, -1], ratio, rtol=1e-10)


def test_participation_ratios_have_their_exact_means():
    n, beta, samples = 10, 2.5, 1200
    exact = IndependentLevels(n, beta)
    found = np.array([
        measure_thermodynamics(RandomEnergyModel(n, 5, s), beta).participation[:, 0] for s in range(samples)
    ])
    error = found.std(axis=0, ddof=1) / np.sqrt(samples)
    expected = np.array([exact.participation_moment(k) for k in (2, 3, 4)])
    assert np.abs((found.mean(axis=0) - expected) / error).max() < 4
    # Deliberately wrong: the infinite system has 1 − T/T_c and is excluded.
    assert abs(found[:, 0].mean() - (1 - 0.4 / 0.60056)) > 4 * error[0]


@pytest.mark.parametrize("name", MODELS)
def test_gibbs_samples_have_the_boltzmann_weights(name):
    model, count = MODELS[name], 20_000
    numbers = sample_levels(model, 0.8, count, np.random.default_rng(4))
    assert numbers.dtype == np.uint64 and numbers.shape == (count,)
    expected = weights(model, 0.8) * count
    seen = np.bincount(numbers.astype(int), minlength=model.n_levels)
    enough = expected > 5
    seen, expected = np.append(seen[enough], seen[~enough].sum()), np.append(expected[enough], expected[~enough].sum())
    freedom = len(expected) - 1
    chi = ((seen - expected)[expected > 0] ** 2 / expected[expected > 0]).sum()
    assert abs(chi - freedom) / np.sqrt(2 * freedom) < 4


def test_gibbs_samples_of_a_streamed_model_have_its_energy_and_participation():
    model, beta, count = RandomEnergyModel(22, seed=2), 2.0, 4000
    numbers = sample_levels(model, beta, count, np.random.default_rng(1))
    found = measure_thermodynamics(model, beta)
    energy = model.level(numbers)
    assert abs(energy.mean() - found.mean_energy[0]) < 4 * np.sqrt(found.energy_variance[0] / count)
    together = (numbers[: count // 2] == numbers[count // 2 :]).mean()
    ratio = found.participation[0, 0]
    assert abs(together - ratio) < 4 * np.sqrt(ratio * (1 - ratio) / (count // 2))
    assert (np.diff(numbers.astype(float)) < 0).any()  # in no order
    assert len(sample_levels(model, beta, 0, np.random.default_rng(1))) == 0


@pytest.mark.parametrize(
    ("fragment", "error", "call"),
    [
        ("beta", InputError, lambda: measure_thermodynamics(MODELS["circle"], np.inf)),
        ("order", InputError, lambda: measure_thermodynamics(MODELS["circle"], 1.0, orders=(1,))),
        ("numbered levels", CapabilityError, lambda: measure_thermodynamics(object(), 1.0)),
        ("n = 25", InputError, lambda: overlap_distribution(RandomEnergyModel(25), 1.0)),
        ("no tree", CapabilityError, lambda: overlap_distribution(MODELS["circle"], 1.0, "tree")),
        ("no line", CapabilityError, lambda: overlap_distribution(RandomEnergyModel(5), 1.0, "distance")),
        ("did you mean 'tree'", InputError, lambda: overlap_distribution(RandomEnergyModel(5), 1.0, "tre")),
        ("one temperature", InputError, lambda: sample_levels(RandomEnergyModel(5), [1, 2], 3, None)),
        ("n = 40", InputError, lambda: sample_levels(RandomEnergyModel(40), 1.0, 3, None)),
        ("2\\^28", InputError, lambda: measure_thermodynamics(PSpinIsing(29, 2), 1.0)),
    ],
)
def test_bad_input_is_refused_in_one_line(fragment, error, call):
    with pytest.raises(error, match=fragment) as caught:
        call()
    assert "\n" not in str(caught.value)
