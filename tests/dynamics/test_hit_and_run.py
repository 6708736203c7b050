"""Hit and run: the same bits however split, version space never left, the exact law kept at every temperature."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.dynamics.hit_and_run import HitAndRun
from spinnet.errors import CapabilityError, InputError
from spinnet.kernels import great_circles
from spinnet.landscapes import TeacherStudentPerceptron
from spinnet.landscapes.base import require
from spinnet.randomness import counter_keys


def perceptron(n=12, alpha=1.5, start_at=1.0, **table):
    return TeacherStudentPerceptron(n, alpha, weights="spherical", start_at=start_at, **{"seed": 1, **table})


@pytest.fixture(params=[0.0, 0.7], ids=["T=0", "T=0.7"])
def case(request):
    landscape, chosen = perceptron(), HitAndRun(request.param)
    start = landscape.start(3, np.random.default_rng(0))
    return landscape, chosen, chosen.init(landscape, start, counter_keys(1, 3, "noise"))


def equal(a, b):
    return all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))


@pytest.mark.parametrize("split", [(63, 1, 86), (100, 50), (1, 149)])
def test_any_splitting_gives_the_same_bits_and_the_state_is_complete(case, split):
    landscape, chosen, state = case
    before = [np.array(part) for part in state]
    whole = chosen.advance(landscape, state, 150)
    assert equal(before, state)
    for n in split:
        state = HitAndRun(chosen.temperature).advance(landscape, state, n)
    assert equal(whole, state) and (np.abs(whole.x - before[0]) > 1e-3).any()
    alone = chosen.advance(landscape, type(state)(*(part[1:2] for part in before)), 150)
    assert (alone.x == whole.x[1:2]).all()


def test_points_stay_on_the_sphere_and_products_are_kept(case):
    landscape, chosen, state = case
    state = chosen.advance(landscape, state, 5000)
    np.testing.assert_allclose((state.x**2).sum(axis=1), landscape.n, rtol=1e-12)
    np.testing.assert_allclose(state.products, state.x @ landscape.half_spaces.T, atol=1e-11)
    assert 0 < chosen.variables(state)["mean_turn"].data[0] < np.pi


def test_version_space_is_never_left_and_is_found():
    landscape, chosen = perceptron(20, 2.0), HitAndRun()
    state = chosen.init(landscape, landscape.start(2, np.random.default_rng(0)), counter_keys(1, 2, "noise"))
    for _ in range(20):
        state = chosen.advance(landscape, state, 50)
        assert (landscape.energy(state.x) == 0).all()
    # from anywhere it goes down: an arc of the lowest energy is taken on every circle
    lost = perceptron(8, 1.0, start_at=0.0)
    state = chosen.init(lost, lost.start(6, np.random.default_rng(0)), counter_keys(1, 6, "noise"))
    before = lost.energy(state.x)
    for _ in range(30):
        state = chosen.advance(lost, state, 20)
        after = lost.energy(state.x)
        assert (after <= before).all()
        before = after
    assert (before == 0).all()


def test_on_a_circle_the_law_is_that_of_the_angle():
    # n = 2: one step forgets the start, and the sphere is the circle itself
    landscape, temperature, replicas = perceptron(2, patterns=5, alpha=None, labels="random", seed=4), 0.9, 6000
    chosen = HitAndRun(temperature)
    noise = np.random.default_rng(0).integers(0, 2**64, replicas, dtype=np.uint64)
    start = np.tile(np.array([[np.sqrt(2.0), 0.0]]), (replicas, 1))
    found = landscape.energy(chosen.advance(landscape, chosen.init(landscape, start, noise), 1).x)
    angle = np.linspace(0, 2 * np.pi, 200001)[:-1]
    energy = landscape.energy(np.sqrt(2.0) * np.column_stack([np.cos(angle), np.sin(angle)]))

    def departure(temperature):
        weight = np.exp(-energy / temperature)
        scores = []
        for level in np.unique(energy):
            share = weight[energy == level].sum() / weight.sum()
            scores.append(abs((found == level).mean() - share) / np.sqrt(share * (1 - share) / replicas))
        return max(scores)

    assert departure(temperature) < 4
    assert departure(1.5 * temperature) > 4


def test_students_from_the_teacher_stay_uniform_on_the_version_space():
    # Over teachers and examples the teacher is uniform on the version space: R after t and after 2t steps, and the
    # overlap of two students after t and t steps, obey q(t, t) = R(2t) at every t.
    n, alpha, samples, time, chosen = 6, 1.5, 800, 12, HitAndRun()
    middle, late, mutual = np.empty((3, samples))
    for s in range(samples):
        landscape = perceptron(n, alpha, sample=s, seed=7)
        state = chosen.init(landscape, landscape.start(2, np.random.default_rng(0)), counter_keys(7, 2, "noise", s))
        state = chosen.advance(landscape, state, time)
        middle[s], mutual[s] = (state.x @ landscape.signal).mean() / n, state.x[0] @ state.x[1] / n
        late[s] = (chosen.advance(landscape, state, time).x @ landscape.signal).mean() / n
    difference = mutual - late
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(samples)
    # Deliberately wrong: the overlap with the teacher at the same time is another number.
    wrong = mutual - middle
    assert abs(wrong.mean()) > 4 * wrong.std() / np.sqrt(samples)


def test_an_arc_that_is_not_uniform_would_be_seen():
    # Uniform on the half circle x_0 > 0: the mean of x_0² is n/2; a kernel that prefers its middle is excluded.
    rows, replicas = np.array([[1.0, 0.0]]), 4000
    noise = np.random.default_rng(1).integers(0, 2**64, replicas, dtype=np.uint64)
    start = np.tile([[1.0, 1.0]], (replicas, 1))
    x, products, turned = start.copy(), start @ rows.T, np.zeros(replicas)
    great_circles.walk_circles(rows, np.inf, noise, 0, 1, x, products, turned)
    score = (x[:, 0] ** 2 - 1.0).mean() / (x[:, 0] ** 2).std() * np.sqrt(replicas)
    assert abs(score) < 4 and (x[:, 0] > 0).all()
    biased = np.cos(0.9 * np.arctan2(x[:, 1], x[:, 0])) ** 2 * 2
    assert abs((biased - 1.0).mean() / biased.std() * np.sqrt(replicas)) > 4


def test_wrong_parameters_and_landscapes_are_refused():
    with pytest.raises(InputError, match="temperature"):
        HitAndRun.resolve({"temperature": -1}, "dynamics")
    table = TeacherStudentPerceptron.resolve({"n": 9, "alpha": 1})
    with pytest.raises(CapabilityError, match="weights = 'spherical'"):
        require("HitAndRun", TeacherStudentPerceptron, HitAndRun.requires, table)
