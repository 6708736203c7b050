"""Augmented digits: shifted copies with noise for training, clean and unseen images for the test."""

import numpy as np
import pytest

from spinnet import datasets
from spinnet.errors import InputError


def test_copies_without_shift_and_noise_are_the_images_themselves():
    plain = {"copies": 2, "shift": 0, "noise": 0.0, "standardise": "none", "held_out": 97}
    found = datasets.load("digits-augmented", **plain)
    assert found.inputs.shape == (3400, 64) and found.test_inputs.shape == (97, 64)
    rows, counts = np.unique(np.column_stack([found.inputs, found.labels]), axis=0, return_counts=True)
    assert (counts % 2 == 0).all() and len(rows) > 1600
    held = {row.tobytes() for row in found.test_inputs}
    assert len(held & {row.tobytes() for row in found.inputs}) <= 2  # the set itself holds a few twins


def test_shifts_move_the_ink_and_noise_has_its_size():
    still = datasets.load("digits-augmented", copies=1, shift=0, noise=0.0, standardise="none")
    still_mean = still.inputs.reshape(-1, 8, 8).mean(axis=(0, 1))
    moved = datasets.load("digits-augmented", copies=3, shift=1, noise=0.0, standardise="none")
    mean = moved.inputs.reshape(-1, 8, 8).mean(axis=(0, 1))
    assert mean[0] > still_mean[0] and mean[3] < still_mean[3]  # spread sideways, from the middle to the edge
    noisy = datasets.load("digits-augmented", copies=3, shift=1, noise=0.3, standardise="none")
    difference = noisy.inputs - moved.inputs
    assert difference.std() == pytest.approx(0.3 * moved.inputs.std(), rel=0.01)


def test_the_table_states_the_size_without_loading():
    complete = datasets.resolve_options("digits-augmented", {"copies": 5, "held_out": 100})
    size, _ = datasets.memory_size("digits-augmented", complete)
    assert (size.patterns, size.test_patterns, size.inputs, size.outputs) == (5 * 1697, 100, 64, 10)


@pytest.mark.parametrize("options", [{"copies": 0}, {"shift": 8}, {"noise": -1}, {"held_out": 1797}])
def test_impossible_options_are_refused_by_name(options):
    with pytest.raises(InputError, match=next(iter(options))):
        datasets.load("digits-augmented", **options)
