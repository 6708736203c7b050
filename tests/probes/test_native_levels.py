"""All configurations are counted by energy and distance, as a slow loop counts them."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.landscapes import HopfieldModel, TeacherStudentPerceptron
from spinnet.probes.native_levels import NativeLevelsProbe


def measure(landscape):
    return NativeLevelsProbe().measure(landscape, landscape.signal[None], np.random.default_rng(0))


@pytest.mark.parametrize("labels", ["teacher", "random"])
def test_counts_are_those_of_a_slow_loop(labels):
    landscape = TeacherStudentPerceptron(9, 1.4, labels=labels, seed=3)
    found = measure(landscape)
    x = landscape.configuration(np.arange(512))
    energy, away = landscape.energy(x).astype(int), (x != landscape.signal).sum(axis=1)
    counts = found["native/counts"].data
    assert counts.shape == (1, landscape.n_patterns + 1, 10) and counts.sum() == 512
    for level, distance in zip(energy, away, strict=True):
        counts[0, level, distance] -= 1
    assert not counts.any()
    ground = x[energy == energy.min()]
    assert found["native/lowest_energy"].data[0] == energy.min() and found["native/lowest_count"].data == len(ground)
    overlaps = ground @ ground.T.astype(int) / 9
    np.testing.assert_allclose(found["native/lowest_mutual_overlap"].data[0], overlaps.mean(), rtol=1e-12)
    own = (ground @ landscape.signal.astype(int)).mean() / 9
    np.testing.assert_allclose(found["native/lowest_overlap"].data[0], own, rtol=1e-12)
    if labels == "teacher":
        assert energy.min() == 0 and counts.shape[2] == 10


@pytest.mark.parametrize("n", [8, 9])
def test_the_teacher_is_one_of_the_students(n):
    # Exactly, at every size and with ties: the overlap with the teacher has the mean of that of two students.
    samples = 400
    found = [measure(TeacherStudentPerceptron(n, 0.8, seed=5, sample=s)) for s in range(samples)]
    with_teacher, mutual = (np.array([one[f"native/lowest_{name}"].data[0] for one in found])
                            for name in ("overlap", "mutual_overlap"))  # fmt: skip
    difference = with_teacher - mutual
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(samples)
    # Deliberately wrong: labels that are not the teacher's.
    other = [measure(TeacherStudentPerceptron(n, 0.8, labels="random", seed=5, sample=s)) for s in range(samples)]
    wrong = np.array([one["native/lowest_overlap"].data[0] - one["native/lowest_mutual_overlap"].data[0]
                      for one in other])  # fmt: skip
    assert abs(wrong.mean()) > 4 * wrong.std() / np.sqrt(samples)


def test_landscapes_that_cannot_be_counted_are_refused():
    with pytest.raises(InputError, match="whole energies"):
        measure(HopfieldModel(7, patterns=2, seed=1))
    with pytest.raises(InputError, match="visits all"):
        measure(TeacherStudentPerceptron(31, 0.2, seed=1))
