"""Signals in Ising glasses: energies, starts, and what is exact on the Nishimori line at every size."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinnet.dynamics import SpinFlips
from spinnet.errors import InputError
from spinnet.landscapes import PlantedGlass, PSpinIsing
from spinnet.landscapes.thermodynamics import overlap_distribution
from spinnet.probes import load as load_probe
from spinnet.randomness import counter_keys

BETA, N = 1.3, 9


def z_value(values):
    return values.mean(axis=0) / (values.std(axis=0, ddof=1) / math.sqrt(len(values)))


@pytest.mark.parametrize("p", [2, 3, 4])
def test_the_signal_adds_its_energy_to_the_bare_glass(p):
    model, bare = PlantedGlass(8, p, snr=1.7, seed=1, sample=2), PSpinIsing(8, p, seed=1, sample=2)
    x = model.start(20, np.random.default_rng(0))
    overlap = (x * model.signal).sum(axis=1) / 8
    np.testing.assert_allclose(model.energy(x) - bare.energy(x), -8 * 1.7 * overlap**p / 2, atol=1e-12)
    assert model.energy(model.signal[None])[0] == pytest.approx(bare.energy(model.signal[None])[0] - 8 * 1.7 / 2)


def test_starts_have_the_overlap_they_are_told():
    rng = np.random.default_rng(0)
    for start_at, expected in (("planted", 1.0), (0.6, 0.6), (-1.0, -1.0), (0.43, 0.4)):
        model = PlantedGlass(10, 3, start_at=start_at, seed=3)
        assert ((model.start(4, rng) * model.signal).mean(axis=1) == expected).all()
    found = load_probe("signal_overlap")().measure(model, np.tile(model.signal, (2, 1)))
    assert (found["signal_overlap"].data == 1.0).all()
    signals = np.array([PlantedGlass(64, seed=3, sample=s).signal for s in range(40)])
    assert abs(signals.mean()) < 4 / math.sqrt(signals.size)


@pytest.fixture(scope="module")
def exact():
    """Per sample: <H>/N, <m> and <q12> by all levels, at the inverse temperatures β₀ and 1.5 β₀."""
    found = []
    for sample in range(300):
        model = PlantedGlass(N, 3, snr=BETA, seed=5, sample=sample)
        levels = model.all_levels()
        m = model.configuration(np.arange(2**N)) @ model.signal / N
        row = []
        for beta in (BETA, 1.5 * BETA):
            weight = np.exp(-beta * (levels - levels.min()))
            weight /= weight.sum()
            law = overlap_distribution(model, beta)
            row += [weight @ levels / N, weight @ m, law.probability[0] @ law.value]
        found.append(row)
    return np.array(found)


def test_the_mean_energy_on_the_nishimori_line_is_that_of_the_signal(exact):
    assert abs(z_value(exact[:, 0] + BETA / 2)) < 4
    # Deliberately wrong: another temperature.
    assert abs(z_value(exact[:, 3] + BETA / 2)) > 4


def test_two_samples_are_as_near_as_the_signal(exact):
    assert abs(z_value(exact[:, 1] - exact[:, 2])) < 4 and exact[:, 1].mean() > 0.1
    assert abs(z_value(exact[:, 4] - exact[:, 5])) > 4


def test_flips_from_the_signal_stay_in_equilibrium():
    energy, pair = [], []
    for sample in range(150):
        model = PlantedGlass(N, 3, snr=BETA, start_at="planted", seed=6, sample=sample)
        chosen = SpinFlips(1 / BETA)
        state = chosen.init(model, model.start(8, np.random.default_rng(0)), counter_keys(2, 8, "noise", sample))
        half = chosen.advance(model, state, 2 * N)
        whole = chosen.advance(model, half, 2 * N)
        energy.append([part.energy.mean() / N for part in (state, half, whole)])
        total = half.x.sum(axis=0, dtype=int)
        pair.append([(total @ total / N - 8) / 56, (whole.x @ model.signal).mean() / N,
                     (half.x @ model.signal).mean() / N])  # fmt: skip
    energy, pair = np.array(energy), np.array(pair)
    assert (np.abs(z_value(energy + BETA / 2)) < 4).all()
    assert abs(z_value(pair[:, 0] - pair[:, 1])) < 4
    # Deliberately wrong: the overlap at the same time.
    assert abs(z_value(pair[:, 0] - pair[:, 2])) > 4


@pytest.mark.parametrize(
    ("table", "fragment"),
    [
        ({"n": 9, "snr": -1}, "snr"),
        ({"n": 9, "start_at": "signal"}, "'planted'"),
        ({"n": 9, "start_at": 1.5}, "from -1 to 1"),
        ({"n": 9, "p": 0}, "p = 0"),
        ({"n": 9, "snrr": 1}, "did you mean 'snr'"),
    ],
)
def test_wrong_parameters_are_refused_by_name(table, fragment):
    with pytest.raises(InputError, match=fragment):
        PlantedGlass.resolve(table)
