"""Hopfield networks and perceptrons have the energies of their definitions, by every route."""

from __future__ import annotations

import math

import numpy as np
import pytest
from reference import pattern_twin as twin

from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes import HopfieldModel, TeacherStudentPerceptron
from spinnet.landscapes.base import HalfSpaces, Levels, LocalMoves, require
from spinnet.landscapes.packed_patterns import draw_words, pack_signs, spins_at, unpack_signs
from spinnet.spaces import Hypercube, Sphere

MODELS = {
    "one word": (HopfieldModel(50, 0.14, seed=1), twin.hopfield_energy),
    "several words": (HopfieldModel(130, patterns=70, seed=1), twin.hopfield_energy),
    "more than a block": (HopfieldModel(65, patterns=600, seed=2), twin.hopfield_energy),
    "pseudo-inverse": (HopfieldModel(70, patterns=30, rule="pseudo-inverse", seed=1), twin.hopfield_energy),
    "perceptron": (TeacherStudentPerceptron(63, 2.0, seed=1), twin.training_errors),
    "perceptron with ties": (TeacherStudentPerceptron(128, 0.7, seed=3), twin.training_errors),
    "random labels": (TeacherStudentPerceptron(21, patterns=700, labels="random", seed=1), twin.training_errors),
    "noisy labels": (TeacherStudentPerceptron(40, 1.0, noise=0.3, seed=1), twin.training_errors),
}


@pytest.fixture(params=MODELS, ids=lambda name: name.replace(" ", "-"))
def case(request):
    landscape, energy = MODELS[request.param]
    return landscape, lambda x: energy(landscape, x), landscape.start(6, np.random.default_rng(3))


def test_energies_are_those_of_the_definition(case):
    landscape, energy, x = case
    np.testing.assert_allclose(landscape.energy(x), energy(x), rtol=0, atol=1e-9)


def test_the_change_at_a_flip_is_the_difference_of_energies(case):
    landscape, energy, x = case
    site = np.random.default_rng(0).integers(0, landscape.n, len(x))
    flipped = x.copy()
    flipped[np.arange(len(x)), site] *= -1
    np.testing.assert_allclose(landscape.delta_energy(x, site), energy(flipped) - energy(x), rtol=0, atol=1e-9)


@pytest.mark.parametrize("columns", [1, 6])
@pytest.mark.parametrize("hot", [False, True])
def test_compiled_flips_are_those_of_the_slow_twin(case, columns, hot):
    landscape, energy, x = case
    rng = np.random.default_rng(1)
    steps = 60
    sites = rng.integers(0, landscape.n, (steps, columns))
    # never a tie: changes are multiples of 2/n or 1
    thresholds = rng.exponential(2.0, (steps, 6)) + 1e-4 / math.pi if hot else np.full((steps, 6), -1e-9)
    found, flips = landscape.flip_sites(x, sites, thresholds)
    expected, expected_flips = twin.flip_sites(energy, x, sites, thresholds)
    assert (found == expected).all() and (flips == expected_flips).all() and flips.sum() > 0
    # Deliberately wrong: a threshold that lets everything pass is another walk.
    assert (landscape.flip_sites(x, sites, np.full((steps, 6), 1e9))[0] != expected).any()


def test_the_loop_of_the_base_class_makes_the_same_flips(case):
    landscape, _, x = case
    rng = np.random.default_rng(2)
    sites, thresholds = rng.integers(0, landscape.n, (40, 6)), rng.exponential(1.0, (40, 6))
    for found, expected in zip(
        landscape.flip_sites(x, sites, thresholds), LocalMoves.flip_sites(landscape, x, sites, thresholds), strict=True
    ):
        assert (found == expected).all()


def test_sequences_of_flips_may_be_split(case):
    landscape, _, x = case
    sites = np.arange(landscape.n)[:, None]
    thresholds = np.random.default_rng(2).exponential(1.0, (landscape.n, 6))
    whole = landscape.flip_sites(x, sites, thresholds)[0]
    part = landscape.flip_sites(x, sites[:7], thresholds[:7])[0]
    assert (landscape.flip_sites(part, sites[7:], thresholds[7:])[0] == whole).all()


def test_sums_beyond_16_bits_are_widened():
    # 300 times the same pattern: ten overlaps of one lane add up to 100 000
    model = HopfieldModel(20000, patterns=300, seed=1)
    model._keep(np.tile(model._words[:1], (300, 1)), np.array(model.signal))
    x = np.tile(model.signal, (2, 1))
    x[1, :500] *= -1
    sites, thresholds = np.arange(490, 515)[:, None], np.zeros((25, 2))
    for found, expected in zip(
        model.flip_sites(x, sites, thresholds), LocalMoves.flip_sites(model, x, sites, thresholds), strict=True
    ):
        assert (found == expected).all()
    assert (model.flip_sites(x, sites, thresholds)[1] == [0, 10]).all()


def test_packing_and_unpacking_belong_together():
    x = 1 - 2 * np.random.default_rng(0).integers(0, 2, (3, 130)).astype(np.int8)
    packed = pack_signs(x, 8)
    assert packed.shape == (3, 8) and (unpack_signs(packed, 130) == x).all()
    assert int(packed[0, 0]) & 1 == (x[0, 0] < 0) and not (packed[:, 3:]).any()


def test_more_load_adds_patterns_to_those_there_were():
    few, many = draw_words(5, 70, 1, "x", 0), draw_words(9, 70, 1, "x", 0)
    assert (many[:5] == few).all() and (draw_words(5, 70, 1, "x", 1) != few).any()
    small, large = (TeacherStudentPerceptron(33, patterns=p, seed=1) for p in (9, 12))
    assert (small._words == large._words[:9]).all() and (small.signal == large.signal).all()
    small, large = (TeacherStudentPerceptron(33, patterns=p, weights="spherical", seed=1) for p in (9, 12))
    assert (small.half_spaces == large.half_spaces[:9]).all()


def test_starts_lie_at_their_overlap_with_the_native_state():
    model = HopfieldModel(200, 0.1, start_at=0.8, seed=1)
    x = model.start(5, np.random.default_rng(0))
    assert (model.space.overlap(x, np.tile(model.signal, (5, 1))) == 0.8).all() and (x[0] != x[1]).any()
    assert (spins_at(model.signal, -1.0, 2, np.random.default_rng(0)) == -model.signal).all()
    free = HopfieldModel(200, 0.1, seed=1).start(400, np.random.default_rng(0))
    assert abs((free @ model.signal.astype(int)).mean() / np.sqrt(200 / 400)) < 4
    ball = TeacherStudentPerceptron(50, 1.0, weights="spherical", start_at=0.3, seed=1)
    w = ball.start(4, np.random.default_rng(0))
    np.testing.assert_allclose(w @ ball.signal / 50, 0.3, atol=1e-12)


def test_a_pattern_is_the_lowest_state_of_a_lightly_loaded_memory():
    model = HopfieldModel(16, patterns=1, seed=1)
    levels = model.all_levels()
    assert levels.min() == model.energy(model.signal[None])[0] == -(16 - 1) / 2
    projector = HopfieldModel(16, patterns=3, rule="pseudo-inverse", seed=1)
    site = np.arange(16)
    stored = unpack_signs(projector._words, 16)
    for pattern in stored:  # every local field has the sign of its spin
        assert (projector.delta_energy(np.tile(pattern, (16, 1)), site) > 0).all()


def test_the_teacher_makes_no_error_and_noise_makes_its_share():
    for weights in ("ising", "spherical"):
        for n in (20, 21):
            clean = TeacherStudentPerceptron(n, 3.0, weights=weights, seed=2)
            assert clean.energy(clean.signal[None]) == 0
        noisy = TeacherStudentPerceptron(101, 40.0, weights=weights, noise=0.2, seed=1)
        errors = noisy.energy(noisy.signal[None])[0]
        assert abs(errors - 0.2 * 4040) < 4 * np.sqrt(4040 * 0.16)
        shuffled = TeacherStudentPerceptron(101, 40.0, weights=weights, labels="random", seed=1)
        assert abs(shuffled.energy(shuffled.signal[None])[0] - 2020) < 4 * np.sqrt(4040 * 0.25) < abs(errors - 2020)


def test_a_spherical_student_errs_where_a_constraint_is_violated():
    model = TeacherStudentPerceptron(30, 2.0, weights="spherical", seed=1)
    assert isinstance(model.space, Sphere) and isinstance(TeacherStudentPerceptron(5, 1.0).space, Hypercube)
    w = model.start(7, np.random.default_rng(0))
    assert (model.energy(w) == (w @ model.half_spaces.T < 0).sum(axis=1)).all()
    assert (model.energy_terms(w).sum(axis=1) == model.energy(w)).all() and model.units.n_units == 60
    assert np.isnan(model.energy(np.full((1, 30), np.nan)))


def test_the_generalisation_error_of_a_student_is_its_angle():
    # error on fresh Gaussian examples against arccos(R)/π
    rng = np.random.default_rng(0)
    model = TeacherStudentPerceptron(40, 1.0, weights="spherical", start_at=0.6, seed=1)
    w = model.start(1, rng)
    fresh = rng.standard_normal((40000, 40))
    share = ((fresh @ w[0] > 0) != (fresh @ model.signal > 0)).mean()
    exact = math.acos(0.6) / math.pi
    assert abs(share - exact) < 4 * math.sqrt(exact * (1 - exact) / 40000)


def test_capabilities_depend_on_the_weights():
    ising, ball = ({"kind": "x", "weights": w} for w in ("ising", "spherical"))
    kind = TeacherStudentPerceptron
    require("a", kind, (LocalMoves, Levels), ising)
    require("b", kind, (HalfSpaces,), ball)
    for capability, table in ((HalfSpaces, ising), (LocalMoves, ball), (Levels, ball)):
        with pytest.raises(CapabilityError, match="weights"):
            require("c", kind, (capability,), table)
    model = TeacherStudentPerceptron(5, 1.0, weights="spherical")
    with pytest.raises(CapabilityError, match="ising"):
        model.all_levels()
    with pytest.raises(CapabilityError, match="spherical"):
        _ = TeacherStudentPerceptron(5, 1.0).half_spaces


@pytest.mark.parametrize(
    ("kind", "table", "fragment"),
    [
        (HopfieldModel, {"n": 10}, "either alpha"),
        (HopfieldModel, {"n": 10, "alpha": 0.1, "patterns": 3}, "either alpha"),
        (HopfieldModel, {"n": 10, "alpha": 0}, "above 0"),
        (HopfieldModel, {"n": 10, "alpha": 0.1, "rule": "heb"}, "did you mean 'hebb'"),
        (HopfieldModel, {"n": 10, "alpha": 0.1, "start_at": 1.5}, "start_at"),
        (HopfieldModel, {"n": 10, "patterns": 11, "rule": "pseudo-inverse"}, "up to n"),
        (HopfieldModel, {"n": 32000, "patterns": 1 << 17}, "patterns times n"),
        (TeacherStudentPerceptron, {"n": 10, "alpha": 1, "weights": "isin"}, "did you mean 'ising'"),
        (TeacherStudentPerceptron, {"n": 10, "alpha": 1, "noise": 1.1}, "noise"),
        (TeacherStudentPerceptron, {"n": 0, "alpha": 1}, "n = 0"),
    ],
)
def test_wrong_parameters_are_refused_by_name(kind, table, fragment):
    with pytest.raises(InputError) as caught:
        kind.resolve(table, "landscape")
    assert fragment in str(caught.value) and "\n" not in str(caught.value)
