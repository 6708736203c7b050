"""Constrained replica exchange: exact starts stay exact, densities of quadrature, resumption to the bit."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from spinnet import simulation
from spinnet.dynamics.constrained_tempering import ConstrainedTempering
from spinnet.errors import CapabilityError, InputError
from spinnet.estimators.umbrella import log_density
from spinnet.landscapes import SphericalGlass
from spinnet.landscapes.base import require
from spinnet.randomness import counter_keys

CENTRES, WIDTH, TEMPERATURE = (0.0, 0.4, 0.8), 0.35, 0.7


def glass(n=4, sample=0):
    return SphericalGlass(
        n=n, covariance={3: 1.0}, seed=7, sample=sample, dtype="float64", planted_temperature=0.65
    )  # fmt: skip


def make(**changes):
    return ConstrainedTempering(**{"temperature": TEMPERATURE, "overlaps": CENTRES, "width": WIDTH, **changes})


def begin(dynamics, landscape, seed=3):
    replicas = dynamics.copies * len(dynamics.centres)
    keys = counter_keys(seed, replicas, "noise")
    return dynamics.init(landscape, landscape.start(replicas, np.random.default_rng(seed)), keys)


def overlaps(landscape, x):
    return x @ landscape.signal / len(landscape.signal)


def same(a, b):
    return all(np.array_equal(p, q, equal_nan=True) for p, q in zip(a, b, strict=True))


@pytest.fixture(scope="module")
def exact():
    """Exact samples of every window by rejection from the uniform law: (copies·3, 4)."""
    landscape, rng, copies, found = glass(), np.random.default_rng(0), 3000, []
    lowest = landscape.energy(landscape.space.sample(400_000, rng)).min() - 0.2
    for centre in CENTRES:
        kept = np.empty((0, 4))
        while len(kept) < copies:
            x = landscape.space.sample(100_000, rng)
            cost = (landscape.energy(x) - lowest) / TEMPERATURE + 0.5 * ((overlaps(landscape, x) - centre) / WIDTH) ** 2
            assert cost.min() > 0
            kept = np.concatenate([kept, x[rng.random(len(x)) < np.exp(-cost)]])
        found.append(kept[:copies])
    return landscape, np.stack(found, axis=1).reshape(-1, 4)


def change_z(landscape, before, after):
    """z-scores of the changes of energy, overlap, their squares and each coordinate in each window: (3, 8)."""
    a, b = landscape.energy(before), landscape.energy(after)
    m, w = overlaps(landscape, before), overlaps(landscape, after)
    change = np.column_stack([b - a, b**2 - a**2, w - m, w**2 - m**2, after - before]).reshape(-1, 3, 8)
    return change.mean(axis=0) / (change.std(axis=0) / np.sqrt(len(change)))


@pytest.mark.parametrize("leapfrog", [0, 3])
def test_an_exact_start_stays_exact_in_every_window(exact, leapfrog):
    landscape, x = exact
    dynamics = make(copies=len(x) // 3, leapfrog=leapfrog, warm_up=2)
    state = dynamics.begin_at(landscape, x, counter_keys(1, len(x), "noise"))
    state = dynamics.advance(landscape, state, 8)
    assert (state.exchanged.reshape(-1, 3).sum(axis=0)[:2] > 500).all()
    assert (state.accepted.mean() > 1) and np.abs(change_z(landscape, x, state.x)).max() < 4
    np.testing.assert_allclose(state.energy, landscape.energy(state.x), atol=1e-11)


class UnheldExchange(ConstrainedTempering):
    """Deliberately wrong: windows are exchanged whatever the overlaps."""

    def _step(self, umbrella, state, number):
        state, overlap = super()._step(umbrella, state, number)
        order = np.arange(len(state.x)).reshape(-1, 3)[:, [1, 0, 2]].ravel()
        return state._replace(x=state.x[order], energy=state.energy[order]), overlap[order]


class Unheld(ConstrainedTempering):
    """Deliberately wrong: the umbrella pulls twice as hard in the moves as it should."""

    def advance(self, landscape, state, n):
        return ConstrainedTempering(
            self.temperature, self.overlaps, width=self.width / np.sqrt(2), copies=self.copies, warm_up=1
        ).advance(landscape, state, n)


@pytest.mark.parametrize("wrong", [UnheldExchange, Unheld])
def test_wrong_kernels_fail(exact, wrong):
    landscape, x = exact
    dynamics = wrong(TEMPERATURE, CENTRES, width=WIDTH, copies=len(x) // 3, warm_up=1)
    state = dynamics.begin_at(landscape, x, counter_keys(1, len(x), "noise"))
    assert np.abs(change_z(landscape, x, dynamics.advance(landscape, state, 4).x)).max() > 6


def density_of_quadrature(landscape, edges):
    """Mean density of m over bins on the two-sphere, from Gauss–Legendre × trapezoid about the signal."""
    s = landscape.signal / np.sqrt(3.0)
    sides = np.linalg.svd(np.outer(s, s))[0][:, 1:]
    phi = np.arange(240) * np.pi / 120
    nodes, weights = np.polynomial.legendre.leggauss(6)
    mass = np.empty(len(edges) - 1)
    for k, (low, high) in enumerate(pairwise(edges)):
        m = 0.5 * (low + high) + 0.5 * (high - low) * nodes
        circle = np.cos(phi)[:, None] * sides[:, 0] + np.sin(phi)[:, None] * sides[:, 1]
        ring = np.sqrt(1 - m**2)[:, None, None] * circle
        x = np.sqrt(3.0) * (m[:, None, None] * s + ring)
        boltzmann = np.exp(-landscape.energy(x.reshape(-1, 3)).reshape(len(m), -1) / TEMPERATURE).mean(axis=1)
        mass[k] = 0.5 * (high - low) * weights @ boltzmann
    return np.log(mass / np.diff(edges))


def test_windows_together_give_the_density_of_quadrature():
    landscape, copies = glass(3, sample=2), 40
    dynamics = make(overlaps=(-0.9, 0.9), windows=7, width=0.3, copies=copies, moves=2, warm_up=64, bins=80)
    state = dynamics.advance(landscape, begin(dynamics, landscape), 256)
    shown = {name: variable.data for name, variable in dynamics.variables(state).items()}
    edges, counts = shown["reference_overlap_edge"], shown["reference_overlap_histogram"][:, :, -1]
    assert shown["block_steps"].tolist() == [64, 128] and (counts.sum(axis=-1) == 128).all()
    expected = density_of_quadrature(landscape, edges)
    each = []
    # Copies in five groups: independent estimates.
    for group in np.split(counts, 10, axis=1):
        found = log_density(group.sum(axis=1), edges, shown["centre"], 0.3)
        coarse = np.log(np.exp(found).reshape(-1, 8).mean(axis=1))
        each.append(coarse - coarse.mean())
    wanted = np.log(np.exp(expected).reshape(-1, 8).mean(axis=1))
    wanted -= wanted.mean()
    mean, error = np.mean(each, axis=0), np.std(each, axis=0, ddof=1) / np.sqrt(10)
    assert (np.abs(mean - wanted) < 4 * error).all() and error.max() < 0.1
    assert np.ptp(wanted) > 1.0


def test_moments_and_energies_are_those_of_the_windows():
    landscape, dynamics = glass(6), make(copies=2, warm_up=4)
    state, energy, m = begin(dynamics, landscape), [], []
    np.testing.assert_allclose(overlaps(landscape, state.x), np.tile(CENTRES, 2), atol=1e-12)
    for _ in range(8):
        state = dynamics.advance(landscape, state, 1)
        energy.append(state.energy)
        m.append(overlaps(landscape, state.x))
    shown = {name: variable.data for name, variable in dynamics.variables(state).items()}
    expected = np.mean(energy[4:], axis=0).reshape(2, 3).T
    np.testing.assert_allclose(shown["energy"][..., 0], expected, rtol=1e-12)
    squares = np.square(m[4:]).mean(axis=0).reshape(2, 3).T
    np.testing.assert_allclose(shown["reference_overlap_moment"][..., 0, 1], squares)
    assert shown["centre"].tolist() == list(CENTRES) and np.isnan(shown["exchange_acceptance"][2]).all()
    assert dynamics.variables(state)["centre"].attributes["width"] == WIDTH
    np.testing.assert_allclose(shown["reference_energy"], landscape.energy(landscape.signal[None])[0])


def test_energy_and_force_at_the_reference_have_the_means_that_controls_rely_on():
    dynamics, n, found = make(), 8, []
    for sample in range(600):
        landscape = glass(n, sample)
        state = begin(dynamics, landscape)
        found.append([state.reference_energy[0] + n * 0.5 / 0.65, state.reference_force[0] - (n - 1) * 1.5])
    found = np.array(found)
    z = found.mean(axis=0) / (found.std(axis=0) / np.sqrt(len(found)))
    assert np.abs(z).max() < 4 and (found.std(axis=0) > 1).all()


@pytest.mark.parametrize("leapfrog", [0, 2])
def test_a_run_resumed_anywhere_gives_the_same_bits(leapfrog):
    landscape = glass(9)
    dynamics = make(copies=2, leapfrog=leapfrog, warm_up=6)
    start = begin(dynamics, landscape)
    whole, state = dynamics.advance(landscape, start, 20), start
    for n in (1, 4, 2, 13):
        stored = {name: np.array(value) for name, value in state._asdict().items()}
        for value in stored.values():
            value.flags.writeable = False
            assert value.shape[0] == 6 and value.dtype != object
        fresh = ConstrainedTempering(**{name: getattr(dynamics, name) for name in dynamics.parameters()})
        state = fresh.advance(landscape, fresh.State(**stored), n)
    assert same(whole, state) and (start.steps == 0).all() and (start.overlap_counts == 0).all()


def test_a_campaign_task_stopped_and_resumed_gives_the_same_bits(monkeypatch):
    table = ConstrainedTempering.resolve({"temperature": 0.65, "overlaps": [0, 0.7], "windows": 5, "warm_up": 8})
    glass_table = SphericalGlass.resolve({"n": 8, "planted_temperature": 0.65})
    physics = {
        "landscape": {"kind": "SphericalGlass", **glass_table},
        "dynamics": {"kind": "ConstrainedTempering", **table},
        "schedule": {"kind": "linear", "every": 8}, "probes": {}, "replicas": 5, "sample": 1, "seed": 1,
    }  # fmt: skip
    whole = simulation.simulate(physics, 64.0)
    assert whole.variables["dynamics/reference_overlap_histogram"].dims == ("window", "copy", "block", "bin")
    monkeypatch.setattr("spinnet.trajectory.SLICE_SECONDS", 0.0)
    state, part = None, None
    while part is None or not part.finished:
        part = simulation.simulate(physics, 64.0, state, should_stop=lambda: True)
        state = part.state
    for name, variable in whole.variables.items():
        np.testing.assert_array_equal(variable.data, part.variables[name].data, err_msg=name)


def test_a_glass_without_a_hidden_configuration_is_refused():
    bare = SphericalGlass(n=6, seed=1)
    with pytest.raises(CapabilityError):
        dynamics = make()
        dynamics.init(bare, bare.start(3, np.random.default_rng(0)), counter_keys(1, 3, "noise"))
    table = {"kind": "SphericalGlass", **SphericalGlass.resolve({"n": 6})}
    with pytest.raises(CapabilityError, match="Signal"):
        require("ConstrainedTempering", SphericalGlass, ConstrainedTempering.requires, table)


def test_probes_and_wrong_parameters_are_refused_by_name():
    with pytest.raises(InputError, match=r"probes\.energy: ConstrainedTempering takes no probe"):
        ConstrainedTempering.check_probes(["energy"])
    for table, fragment in [
        ({"overlaps": [0.1]}, "two or more"), ({"overlaps": [0.2, 0.1]}, "increase"),
        ({"overlaps": [0, 1.2]}, "-1 and 1"),
        ({"overlaps": [0, 0.1, 0.2], "windows": 4}, "windows"), ({"overlaps": [0, 0.1], "width": 0}, "width"),
        ({"overlaps": [0, 0.1], "bins": 3}, "bins"), ({"overlaps": [0, 0.1], "window": 3}, "did you mean 'windows'"),
    ]:  # fmt: skip
        with pytest.raises(InputError) as caught:
            ConstrainedTempering.resolve({"temperature": 0.6, **table}, "dynamics")
        assert fragment in str(caught.value) and "\n" not in str(caught.value)
    landscape = glass(5)
    with pytest.raises(InputError, match="replicas = 3"):
        make().init(landscape, landscape.start(4, np.random.default_rng(0)), counter_keys(1, 4, "noise"))


def test_runs_that_would_measure_nothing_are_refused_beforehand():
    dynamics = make(copies=2, warm_up=9)
    dynamics.check_run(10.0, 6)
    with pytest.raises(InputError, match="warm-up"):
        dynamics.check_run(9.0, 6)
    with pytest.raises(InputError, match="replicas = 6"):
        dynamics.check_run(10.0, 5)
