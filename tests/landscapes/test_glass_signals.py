"""Signals, planted equilibrium states and fields of a spherical glass: exact energies, known starts, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet import simulation
from spinnet.campaign.resolve import resolve_study
from spinnet.dynamics import GradientFlow
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes import SphericalGlass
from spinnet.landscapes.base import Signal, require
from spinnet.landscapes.glass_parameters import static_temperature
from spinnet.landscapes.glass_signals import OverlapTerm, configurations_at
from spinnet.probes import load as load_probe
from spinnet.randomness import counter_keys
from spinnet.theory.covariance import Covariance
from spinnet.theory.spherical_transitions import static_transition

MIXED = {2: 0.5, 3: 1.0, 5: 2.0}


def glass(**table):
    return SphericalGlass(**{"n": 11, "covariance": MIXED, "seed": 3, "dtype": "float64", **table})


def states(landscape, replicas=4, seed=0):
    return landscape.space.sample(replicas, np.random.default_rng(seed))


# --- energies ---------------------------------------------------------------------------------------------------------


def test_a_signal_adds_its_energy_and_leaves_the_couplings_as_they_are():
    bare, planted = glass(), glass(planted={2: 0.7, 5: 1.3})
    x = states(bare)
    m = x @ planted.signal / 11
    added = -11 * (0.7 * 0.5 * 0.5**2 * m**2 + 1.3 * 0.5 * 2.0**2 * m**5)
    np.testing.assert_allclose(planted.energy(x) - bare.energy(x), added, rtol=1e-11)
    slope = -(0.7 * 0.5**2 * m + 1.3 * 2.5 * 2.0**2 * m**4)
    found, scale = planted.gradient(x) - bare.gradient(x), np.abs(bare.gradient(x)).max()
    np.testing.assert_allclose(found, slope[:, None] * planted.signal, atol=1e-12 * scale)


def test_one_ratio_for_all_degrees_is_that_of_f():
    beta = 0.4
    planted, by_temperature = glass(planted=dict.fromkeys(MIXED, beta)), glass(planted_temperature=1 / beta)
    x = states(planted)
    np.testing.assert_allclose(planted.energy(x), by_temperature.energy(x), rtol=1e-14)
    f = Covariance(MIXED)(x @ planted.signal / 11)
    np.testing.assert_allclose(planted.energy(x) - glass().energy(x), -11 * beta * f, atol=1e-12)


@pytest.mark.parametrize("direction", ["uniform", "signal", "random"])
def test_a_field_along_a_unit_vector_lowers_the_energy_by_h_root_n(direction):
    h, bare, field = 0.8, glass(), glass(field=0.8, field_direction=direction)
    x = states(bare)
    force = bare.gradient(x) - field.gradient(x)
    assert np.abs(force - force[0]).max() < 1e-12 * np.abs(bare.gradient(x)).max()
    np.testing.assert_allclose(force[0] @ force[0], 11 * h**2)
    np.testing.assert_allclose(field.energy(x) - bare.energy(x), -x @ force[0], atol=1e-11)
    if direction == "uniform":
        np.testing.assert_allclose(force[0], h, atol=1e-11)
    if direction == "signal":
        np.testing.assert_allclose(force[0], h * field.signal, atol=1e-11)
    else:
        with pytest.raises(CapabilityError, match="no signal"):
            _ = field.signal


def test_derivatives_of_an_overlap_term_are_those_of_its_polynomial():
    rng = np.random.default_rng(0)
    u = rng.standard_normal(5)
    term = OverlapTerm(u, {1: 0.3, 2: -0.5, 4: 2.0})
    x, v = rng.standard_normal((2, 3, 5))
    m, w = x @ u / 5, v @ u / 5
    np.testing.assert_allclose(term.energy(x), -5 * (0.3 * m - 0.5 * m**2 + 2.0 * m**4), rtol=1e-13)
    np.testing.assert_allclose(term.gradient(x), -(0.3 - m + 8 * m**3)[:, None] * u, rtol=1e-12)
    np.testing.assert_allclose(term.hvp(x, v), ((1 - 24 * m**2) * w)[:, None] * u, rtol=1e-12)
    np.testing.assert_allclose(term.hessian(x[1]) @ v[1], term.hvp(x, v)[1], rtol=1e-12)


# --- the signal is a part of the disorder -----------------------------------------------------------------------------


def test_the_signal_belongs_to_the_disorder_and_is_uniform():
    one = glass(planted={3: 1.0})
    assert (one.signal == glass(planted_temperature=3.0).signal).all() and one.signal @ one.signal == pytest.approx(11)
    signals = np.array([SphericalGlass(5, seed=1, sample=s, planted={3: 1.0}).signal for s in range(600)])
    # Independent from sample to sample, every direction alike: mean 0, second moments 1.
    assert (np.abs(signals.mean(axis=0)) * np.sqrt(600) < 4).all()
    moments = signals.T @ signals / 600 - np.eye(5)
    assert np.abs(moments).max() < 4 * np.sqrt(1.5 / 600)
    assert np.abs(np.einsum("si,si->s", signals[1:], signals[:-1]).mean() / np.sqrt(5)) * np.sqrt(599) < 4
    # A field of random direction is another vector.
    field = glass(field=1.0, field_direction="random").overlap_terms[0].direction
    assert abs(field @ one.signal / 11) < 0.9


# --- where configurations begin ---------------------------------------------------------------------------------------


def test_configurations_begin_where_they_are_told():
    rng = np.random.default_rng
    bare, planted = glass(), glass(planted={3: 1.0})
    assert (bare.start(3, rng(0)) == planted.start(3, rng(0))).all()
    np.testing.assert_array_equal(glass(planted_temperature=3.0).start(2, rng(0)), [planted.signal] * 2)
    np.testing.assert_array_equal(glass(planted={3: 1.0}, start_at=-1).start(2, rng(0)), [-planted.signal] * 2)
    assert glass(planted_temperature=3.0, start_at="random").start_at == "random"
    for m in (-0.6, 0.0, 0.3, 0.999999):
        x = glass(planted={3: 1.0}, start_at=m).start(7, rng(1))
        np.testing.assert_allclose(x @ planted.signal / 11, m, atol=1e-14)
        np.testing.assert_allclose(np.einsum("ri,ri->r", x, x), 11, rtol=1e-14)


def test_starts_at_an_overlap_are_uniform_otherwise():
    signal = glass(planted={3: 1.0}).signal
    x = configurations_at(signal, 0.5, 4000, np.random.default_rng(2)) - 0.5 * signal
    # Perpendicular to the signal with |w|² = N(1 − m²): second moments (1 − m²) N/(N − 1) (1 − ss′/N).
    expected = 0.75 * 11 / 10 * (np.eye(11) - np.outer(signal, signal) / 11)
    assert np.abs(x.mean(axis=0)).max() < 4 / np.sqrt(4000)
    assert np.abs(x.T @ x / 4000 - expected).max() < 4 * 1.5 / np.sqrt(4000)


def test_gradient_flow_with_a_strong_signal_finds_it_from_afar():
    planted = SphericalGlass(24, planted={3: 8.0}, start_at=0.7, seed=2)
    flow = GradientFlow(tolerance=1e-3)
    state = flow.init(planted, planted.start(3, np.random.default_rng(0)), counter_keys(1, 3, "noise"))
    state = flow.advance(planted, state, 60)
    assert (state.x @ planted.signal / 24 > 0.95).all()


# --- what equal physics is called -------------------------------------------------------------------------------------


def test_what_is_not_used_is_not_in_the_table():
    plain = SphericalGlass.resolve({"n": 8})
    assert set(plain) == {"n", "covariance", "seed", "sample", "couplings", "dtype"}
    for usual in (
        {"planted": None}, {"planted": {}}, {"planted_temperature": None}, {"start_at": "random"}, {"field": 0.0},
        {"strict": False}, {"field_direction": "uniform"}, {"field": 0, "field_direction": "random"},
    ):  # fmt: skip
        assert SphericalGlass.resolve({"n": 8, **usual}) == plain
    planted = SphericalGlass.resolve({"n": 8, "planted_temperature": 0.7})
    assert planted == {**plain, "planted_temperature": 0.7}
    assert SphericalGlass.resolve({"n": 8, "planted_temperature": 0.7, "start_at": 1.0}) == planted
    assert SphericalGlass.resolve({**planted, "start_at": "random"}) == {**planted, "start_at": "random"}
    assert SphericalGlass.resolve({"n": 8, "planted": {"3": 2}, "start_at": 1}) == SphericalGlass.resolve(
        {"n": 8, "planted": {3: 2.0}, "start_at": "planted"}
    )


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "covariance", [{3: 1.0}, {4: 1.0}, {6: 0.3}, {2: 1.0}, {2: 1.0, 4: 1.0}, {3: 1.0, 4: 1.0}, MIXED], ids=str
)
def test_a_planted_temperature_is_above_the_static_transition_of_theory(covariance):
    static = static_transition(Covariance(covariance)).temperature
    assert static_temperature(tuple(covariance.items())) == pytest.approx(static, rel=1e-12)
    SphericalGlass.resolve({"n": 8, "covariance": covariance, "planted_temperature": static * 1.000001})
    for temperature in (static * 0.999999, 0.5 * static):
        with pytest.raises(InputError, match="is not above the static transition T_s = ") as error:
            SphericalGlass.resolve({"n": 8, "covariance": covariance, "planted_temperature": temperature})
        assert f"{static:.8g}" in str(error.value)


@pytest.mark.parametrize(
    "table, said",
    [
        ({"planted": 1.5}, "give a table"),
        ({"planted": {4: 1.0}}, "degree 4, which the covariance has not: it has 3"),
        ({"planted": {3: -1.0}}, "at least 0"),
        ({"planted": {3: float("inf")}}, "finite number"),
        ({"planted": {"x": 1.0}}, "degrees are whole numbers"),
        ({"planted": {3: 1.0, "3": 1.0}}, "names the degree 3 twice"),
        ({"planted_temperature": 0.0}, "above 0"),
        ({"planted_temperature": "cold"}, "above 0"),
        ({"planted_temperature": 0.5}, "T_s = 0.58605397"),
        ({"planted_temperature": 0.7, "planted": {3: 1.0}}, "give one of them"),
        ({"planted_temperature": 0.7, "strict": True}, "without strict"),
        ({"start_at": "planted"}, "needs a signal: set planted"),
        ({"start_at": 0.5}, "needs a signal"),
        ({"planted": {3: 1.0}, "start_at": 1.5}, "an overlap from -1 to 1"),
        ({"planted": {3: 1.0}, "start_at": float("nan")}, "an overlap from -1 to 1"),
        ({"planted": {3: 1.0}, "start_at": True}, "an overlap from -1 to 1"),
        ({"planted": {3: 1.0}, "start_at": "plantd"}, "did you mean 'planted'"),
        ({"field": "strong"}, "field = 'strong'"),
        ({"field": 1.0, "field_direction": "up"}, "field_direction = 'up': allowed are"),
        ({"strict": 1}, "give true or false"),
        ({"strict": True, "n": 2}, "no 3 different spins"),
        ({"start": "planted"}, "did you mean 'start_at'"),
    ],
)
def test_a_bad_value_is_refused_in_one_line(table, said):
    with pytest.raises(InputError) as error:
        SphericalGlass.resolve({"n": 8, **table})
    assert said in str(error.value) and "\n" not in str(error.value)


# --- the probe --------------------------------------------------------------------------------------------------------


def study(landscape, ensemble=None):
    return {
        "study": {"name": "signal"},
        "landscape": {"kind": "SphericalGlass", "covariance": {"3": 1.0}, **landscape},
        "dynamics": {"kind": "GradientFlow"},
        "schedule": {"kind": "log", "first": 0.1, "last": 1.0, "per_decade": 4},
        "ensemble": {"n": [8], **(ensemble or {})},
        "probes": {"signal_overlap": {}},
    }


def test_the_probe_measures_the_overlap_and_leaves_lost_rows_out():
    planted = glass(planted={3: 1.0}, start_at=0.3)
    x = planted.start(3, np.random.default_rng(0))
    x[1] = np.nan
    found = load_probe("signal_overlap")().measure(planted, x)["signal_overlap"]
    np.testing.assert_allclose(found.data, [0.3, np.nan, 0.3], atol=1e-14)
    assert found.dims == ("replica",) and found.units == "1"


def test_overlaps_with_the_signal_are_in_the_results():
    (point,) = resolve_study(study({"planted": {"3": 9.0}, "start_at": 0.5})).arms["main"].points
    done = simulation.simulate({**point.physics, "replicas": 2, "sample": 0}, 1.0)
    m = done.variables["trajectory/signal_overlap"].data
    assert m.shape == (2, len(done.variables["trajectory/time"].data))
    assert (m[:, -1] > m[:, 0]).all() and (m[:, -1] > 0.6).all()


def test_without_a_signal_the_probe_is_refused_before_the_run():
    with pytest.raises(CapabilityError, match=r"landscape: probe signal_overlap needs Signal.*set planted"):
        resolve_study(study({}))
    resolve_study(study({"planted": {"3": 0.0}}))
    # Where only some points have one.
    with pytest.raises(CapabilityError, match="signal_overlap"):
        resolve_study(study({}, {"planted": [{"3": 1.0}, {}]}))
    require("probe", SphericalGlass, (Signal,))
    table = SphericalGlass.resolve({"n": 8})
    with pytest.raises(CapabilityError, match="needs Signal, which this SphericalGlass does not have"):
        require("probe", SphericalGlass(8), (Signal,), table)
