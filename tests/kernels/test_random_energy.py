"""Walks over hashed levels keep the Gibbs measure, are the same however split, and age as the trap model does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from spinnet.benchmarks import random_energy as benchmark
from spinnet.errors import InputError
from spinnet.kernels import random_energy_dynamics as dynamics
from spinnet.kernels.counter_noise import second_key
from spinnet.landscapes.generalized_rem import GeneralizedREM
from spinnet.landscapes.random_energy import RandomEnergyModel
from spinnet.landscapes.trap_model import TrapModel
from spinnet.randomness import counter_keys, seed_sequence
from spinnet.theory.trap_model import ageing_function, no_jump_probability

METROPOLIS, GLAUBER, HOPPING = 0, 1, 2
MODELS = {
    "random energies": RandomEnergyModel(4, seed=5),
    "two generations": GeneralizedREM(4, [[0.6, 0.5], [0.4, 0.5]], seed=5),
    "exponential": RandomEnergyModel(4, seed=5, distribution="exponential"),
}


def levels(model):
    return model.level(np.arange(model.n_levels, dtype=np.uint64))


def many_keys(count, *content):
    """Keys of many chains, quicker than one seed sequence for each."""
    return np.random.Generator(np.random.Philox(seed_sequence(1, *content))).integers(0, 2**64, count, dtype=np.uint64)


def gibbs(model, beta):
    weights = np.exp(-beta * (levels(model) - levels(model).min()))
    return weights / weights.sum()


def one(model, key, beta, rule, steps, first=0, start=0, calls=1):
    index = np.array([start], dtype=np.uint64)
    energy, accepted, sums = model.level(index), np.zeros(1, dtype=np.int64), np.zeros(2)
    for c in range(calls):
        part = steps // calls
        dynamics.walk_one(
            *model.tree, model.n, beta, rule, key, first + c * part, part, index, energy, accepted, sums
        )
    return int(index[0]), energy[0], int(accepted[0]), sums


def many(model, keys, betas, rule, steps, start):
    index = np.array(start, dtype=np.uint64)
    energy, accepted, sums = model.level(index), np.zeros(len(keys), dtype=np.int64), np.zeros((2, len(keys)))
    dynamics.walk_many(*model.tree, model.n, betas, rule, keys, 0, steps, index, energy, accepted, sums)
    assert (energy == model.level(index)).all()
    return index, energy, accepted, sums


def events(model, key, beta, rule, times, start=0, count=10**6):
    times = np.asarray(times, dtype=float)
    index = np.array([start], dtype=np.uint64)
    energy, clock = model.level(index), np.zeros(1)
    seen, jumps, integrals = np.zeros(len(times), np.uint64), np.zeros(len(times), np.int64), np.zeros(2)
    made = dynamics.walk_events(
        *model.tree, model.n, beta, rule, key, 0, count, times, index, energy, clock, seen, jumps, integrals
    )
    assert energy[0] == model.level(index)[0]
    return seen, jumps, integrals, made, clock[0]


def departure(index, expected):
    """χ² of counts against probabilities, as a standard normal number."""
    counts = np.bincount(index.astype(int), minlength=len(expected))
    enough = expected * len(index) > 5
    counts = np.append(counts[enough], counts[~enough].sum())
    mean = np.append(expected[enough], expected[~enough].sum()) * len(index)
    counts, mean = counts[mean > 0], mean[mean > 0]
    freedom = len(mean) - 1
    return (((counts - mean) ** 2 / mean).sum() - freedom) / np.sqrt(2 * freedom)


@pytest.mark.parametrize("rule", [METROPOLIS, GLAUBER])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_a_chain_is_that_of_single_steps(model, rule):
    key, beta, index = np.uint64(77), 0.7, np.uint64(0)
    energy, accepted, total = model.level(0), 0, 0.0
    for step in range(300):
        flip, threshold = dynamics.propose(key, second_key(key), np.uint64(step), np.uint64(model.n), beta, rule)
        proposed = model.level(int(index) ^ int(flip))
        if proposed - energy <= threshold:
            index, energy, accepted = np.uint64(int(index) ^ int(flip)), proposed, accepted + 1
        total += energy
    found = one(model, key, beta, rule, 300)
    assert found[:3] == (int(index), energy, accepted) and found[3][0] == pytest.approx(total, rel=1e-12)
    assert 0 < accepted < 300


@pytest.mark.parametrize("n", [1, 20, 64])
def test_chains_together_are_those_alone_and_may_be_split(n):
    model = RandomEnergyModel(n, seed=1)
    keys = counter_keys(3, 13, "test")
    betas = np.linspace(0.1, 0.9, 13)
    index, energy, accepted, sums = many(model, keys, betas, METROPOLIS, 1500, np.zeros(13))
    for a in (0, 5, 12):
        for calls in (1, 3, 100):
            alone = one(model, keys[a], betas[a], METROPOLIS, 1500, calls=calls)
            assert alone[:3] == (int(index[a]), energy[a], int(accepted[a]))
            np.testing.assert_allclose(alone[3], sums[:, a], rtol=1e-11)


@pytest.mark.parametrize("rule", [METROPOLIS, GLAUBER])
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_chains_started_in_equilibrium_stay_there(model, rule):
    beta, chains = 0.9, 40_000
    expected = gibbs(model, beta)
    start = np.random.default_rng(rule).choice(model.n_levels, chains, p=expected)
    keys = many_keys(chains, "equilibrium", rule)
    after = many(model, keys, np.full(chains, beta), rule, 9, start)[0]
    assert abs(departure(after, expected)) < 4
    # Deliberately wrong: a chain that accepts as if it were a quarter warmer leaves equilibrium, and is seen.
    wrong = many(model, keys, np.full(chains, 0.75 * beta), rule, 9, start)[0]
    assert departure(wrong, expected) > 4


@pytest.mark.parametrize("rule", [METROPOLIS, GLAUBER, HOPPING])
def test_rejection_free_walks_started_in_equilibrium_stay_there(rule):
    model, beta, walks = MODELS["random energies"], 0.9, 4000
    expected = gibbs(model, beta)
    start = np.random.default_rng(rule).choice(model.n_levels, walks, p=expected)
    keys = many_keys(walks, "rejection free", rule)
    runs = [events(model, k, beta, rule, [0.3, 1.7], s) for k, s in zip(keys, start, strict=True)]
    after = np.array([r[0] for r in runs])
    for k in range(2):
        assert abs(departure(after[:, k], expected)) < 4
    moved = (after[:, 1] != start).mean()
    assert moved > 0.1
    wrong = np.array([events(model, k, 0.6 * beta, rule, [1.7], s)[0][0] for k, s in zip(keys, start, strict=True)])
    assert departure(wrong, expected) > 4


@pytest.mark.parametrize("rule", [METROPOLIS, GLAUBER, HOPPING])
def test_time_averages_of_a_rejection_free_walk_are_thermal(rule):
    model, beta = MODELS["random energies"], 0.5
    expected = float(gibbs(model, beta) @ levels(model))
    parts = []
    for key in counter_keys(4, 40, "average"):
        _, _, integrals, made, clock = events(model, key, beta, rule, [], count=4000)
        assert made == 4000 and integrals[0] == pytest.approx(clock, rel=1e-10)
        parts.append(integrals)
    parts = np.array(parts)
    mean = parts[:, 1].sum() / parts[:, 0].sum()
    residual = parts[:, 1] - mean * parts[:, 0]
    error = residual.std(ddof=1) * np.sqrt(len(parts)) / parts[:, 0].sum()
    assert abs(mean - expected) < 4 * error and error < 0.1


def test_rejection_free_walks_may_be_split():
    model, key = RandomEnergyModel(20, seed=1), np.uint64(9)
    state = []
    for split in (1, 7):
        index, clock = np.zeros(1, np.uint64), np.zeros(1)
        energy, integrals = model.level(index), np.zeros(2)
        nothing = np.zeros(0), np.zeros(0, np.uint64), np.zeros(0, np.int64)
        for c in range(split):
            dynamics.walk_events(
                *model.tree, 20, 0.8, METROPOLIS, key, c * (700 // split), 700 // split, nothing[0], index, energy,
                clock, nothing[1], nothing[2], integrals,
            )  # fmt: skip
        state.append((int(index[0]), energy[0], clock[0]))
    assert state[0] == state[1]


@pytest.mark.parametrize("x", [0.3, 0.5])
def test_the_trap_model_ages(x):
    replicas, waiting = 40_000, 1000.0
    ratios = np.array([0.1, 0.5, 1.0, 2.0, 10.0])
    jumps = np.empty((replicas, 6), dtype=np.int64)
    keys = many_keys(replicas, "traps")
    dynamics.visit_traps(keys, x, np.append(waiting, waiting * (1 + ratios)), jumps)
    stayed = (jumps[:, 1:] == jumps[:, :1]).mean(axis=0)
    exact = no_jump_probability(waiting, waiting * ratios, x)
    assert np.abs((stayed - exact) / np.sqrt(exact * (1 - exact) / replicas)).max() < 4
    np.testing.assert_allclose(stayed, ageing_function(ratios, x), atol=0.03)
    wrong = no_jump_probability(waiting, waiting * ratios, x + 0.05)
    assert np.abs((stayed - wrong) / np.sqrt(exact * (1 - exact) / replicas)).max() > 4


def test_thresholds_have_the_law_of_their_rule():
    key = np.uint64(1)
    draws = [dynamics.propose(key, second_key(key), np.uint64(s), np.uint64(5), 2.0, 0) for s in range(3000)]
    sites = np.log2([float(flip) for flip, _ in draws])
    assert stats.chisquare(np.bincount(sites.astype(int), minlength=5)).pvalue > 1e-4
    assert stats.kstest([2.0 * t for _, t in draws], "expon").pvalue > 1e-4
    glauber = [dynamics.propose(key, second_key(key), np.uint64(s), np.uint64(5), 2.0, 1)[1] for s in range(3000)]
    assert stats.kstest(2.0 * np.array(glauber), "logistic").pvalue > 1e-4


def test_the_trap_model_estimates_its_ageing():
    model = TrapModel(0.5, seed=2)
    value, error = model.no_jump(500.0, [2.0, 0.5], 20_000)
    exact = no_jump_probability(500.0, np.array([1000.0, 250.0]), 0.5)
    assert np.abs((value - exact) / error).max() < 4
    assert (model.jumps([1.0, 9.0], 5) == model.jumps([1.0, 9.0], 50)[:5]).all()
    assert (TrapModel(0.5, seed=2, sample=1).jumps([99.0], 50) != model.jumps([99.0], 50)).any()


@pytest.mark.parametrize(
    "call",
    [lambda: TrapModel(0.0), lambda: TrapModel(0.5).jumps([2.0, 1.0], 3), lambda: TrapModel(0.5).jumps([np.inf], 3),
     lambda: TrapModel(0.9).jumps([1e15], 100)],
)  # fmt: skip
def test_bad_traps_are_refused(call):
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_every_row_of_the_benchmark_is_complete(monkeypatch):
    monkeypatch.setattr(benchmark, "N_STREAM_QUICK", 12)
    monkeypatch.setattr(benchmark, "STEPS", 6400)
    assert "random energ" in benchmark.describe()
    rows = benchmark.run(quick=True)
    assert len(rows) == 9
    for row in rows:
        assert set(row) == {"name", "value", "reference", "ratio", "target", "unit"}
        assert row["ratio"] > 0
