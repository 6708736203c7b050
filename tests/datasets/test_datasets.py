"""Data sets: what ships, how it is split, standardised, projected and spoilt, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from spinnet import datasets
from spinnet.datasets import Dataset, load
from spinnet.datasets.embedded import DIGITS_SHA256
from spinnet.errors import InputError


def arrays(data):
    return {key: getattr(data, key) for key in
            ("inputs", "labels", "targets", "test_inputs", "test_labels", "test_targets")}  # fmt: skip


# --- the embedded digits --------------------------------------------------------------------------------------------


def test_digits_are_1797_images_of_ten_classes():
    data = load("digits", standardise="none")
    assert data.inputs.shape == (1348, 64) and data.test_inputs.shape == (449, 64) and data.n_classes == 10
    labels = np.concatenate([data.labels, data.test_labels])
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    pixels = np.concatenate([data.inputs, data.test_inputs])
    assert pixels.min() == 0 and pixels.max() == 16 and (pixels == np.round(pixels)).all()
    assert set(np.flatnonzero(np.ptp(pixels, axis=0) == 0)) == {0, 32, 39}


def test_digits_are_identified_by_their_content():
    assert load("digits").sha256 == DIGITS_SHA256 == load("digits", pca=3, n_train=50).sha256
    assert datasets.content_hash("digits", {}) == DIGITS_SHA256
    assert "Alpaydin" in load("digits").source and load("digits").licence == "CC BY 4.0"


@pytest.mark.slow
def test_digits_equal_the_copy_of_scikit_learn():
    sklearn = pytest.importorskip("sklearn.datasets")
    data = load("digits", standardise="none")
    theirs = sklearn.load_digits()
    ours = np.concatenate([data.inputs, data.test_inputs])
    order = np.lexsort(ours.T), np.lexsort(theirs.data.T)
    np.testing.assert_array_equal(ours[order[0]], theirs.data[order[1]])
    labels = np.concatenate([data.labels, data.test_labels])
    np.testing.assert_array_equal(labels[order[0]], theirs.target[order[1]])


def test_arrays_cannot_be_written():
    data = load("digits")
    for array in (data.inputs, data.labels, data.test_inputs, data.test_labels):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_second_load_returns_the_same_object():
    assert load("digits") is load("digits", standardise="global") and load("digits") is not load("digits", n_test=3)


# --- preparation ----------------------------------------------------------------------------------------------------


def test_global_standardisation_has_mean_zero_and_variance_one_over_the_training_part():
    data = load("digits")
    assert abs(data.inputs.mean()) < 1e-14 and data.inputs.var() == pytest.approx(1)
    raw = load("digits", standardise="none")
    scale = raw.inputs.std()
    np.testing.assert_allclose(data.test_inputs, (raw.test_inputs - raw.inputs.mean()) / scale, atol=1e-13)


def test_standardisation_per_feature_gives_every_living_input_variance_one():
    data = load("digits", standardise="per-feature")
    variances = data.inputs.var(axis=0)
    dead = list(data.constant_inputs)
    assert not data.inputs[:, dead].any()
    np.testing.assert_allclose(np.delete(variances, dead), 1, rtol=1e-12)
    np.testing.assert_allclose(data.inputs.mean(axis=0), 0, atol=1e-13)


def test_dead_inputs_are_reported_or_dropped():
    kept, dropped = load("digits"), load("digits", drop_constant=True)
    assert {0, 32, 39} <= set(kept.constant_inputs) and kept.dropped_inputs == ()
    assert dropped.dropped_inputs == kept.constant_inputs and dropped.constant_inputs == ()
    assert dropped.n_inputs == 64 - len(kept.constant_inputs)
    assert dropped.test_inputs.shape[1] == dropped.n_inputs


def test_smaller_training_sets_lie_within_larger_ones_and_never_in_the_test_part():
    small, large = load("digits", n_train=100, standardise="none"), load("digits", n_train=700, standardise="none")
    np.testing.assert_array_equal(large.inputs[:100], small.inputs)
    np.testing.assert_array_equal(large.test_inputs, small.test_inputs)
    other = load("digits", n_train=100, split_seed=1, standardise="none")
    assert not np.array_equal(other.inputs, small.inputs)


def test_projection_keeps_the_leading_variances_uncorrelated():
    data, whole = load("digits", pca=10), load("digits")
    covariance = np.cov(data.inputs.T, bias=True)
    variances = np.diag(covariance)
    np.testing.assert_allclose(covariance, np.diag(variances), atol=1e-12)
    assert (np.diff(variances) < 0).all() and data.inputs.var() == pytest.approx(1)
    exact = np.sort(np.linalg.eigvalsh(np.cov(whole.inputs.T, bias=True)))[::-1][:10]
    np.testing.assert_allclose(variances / variances[0], exact / exact[0], rtol=1e-10)
    white = load("digits", pca=10, standardise="per-feature")
    np.testing.assert_allclose(np.cov(white.inputs.T, bias=True), np.eye(10), atol=1e-12)


def test_shuffled_labels_are_a_permutation_that_forgets_the_images():
    data, null = load("digits"), load("digits", shuffle_labels=True)
    np.testing.assert_array_equal(null.inputs, data.inputs)
    for part in ("labels", "test_labels"):
        np.testing.assert_array_equal(np.sort(getattr(null, part)), np.sort(getattr(data, part)))
    agreement = (null.labels == data.labels).mean()
    assert abs(agreement - 0.1) < 4 * np.sqrt(0.09 / 1348)
    assert not np.array_equal(null.labels, load("digits", shuffle_labels=True, label_seed=1).labels)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 1.0])
def test_label_noise_changes_exactly_the_stated_fraction_of_training_labels(fraction):
    clean, noisy = load("digits"), load("digits", label_noise=fraction)
    assert (noisy.labels != clean.labels).sum() == round(fraction * 1348)
    np.testing.assert_array_equal(noisy.test_labels, clean.test_labels)


def test_chosen_classes_are_renumbered_in_the_order_given():
    data = load("digits", classes=[3, 8], standardise="none")
    assert data.n_classes == 2 and data.n_patterns + data.n_test == 183 + 174
    labels = np.concatenate([data.labels, data.test_labels])
    assert np.bincount(labels).tolist() == [183, 174]


def test_parity_makes_two_classes_of_ten():
    data, whole = load("digits", parity=True), load("digits")
    assert data.n_classes == 2
    np.testing.assert_array_equal(data.labels, whole.labels % 2)


def test_equal_options_give_equal_bits_in_any_order():
    options = {"n_train": 200, "pca": 5, "label_noise": 0.2, "drop_constant": True}
    one = load("digits", **options)
    datasets.catalogue._loaded.clear()
    two = load("digits", **dict(reversed(options.items())))
    assert one is not two
    for key, value in arrays(one).items():
        if value is not None:
            np.testing.assert_array_equal(value, getattr(two, key))


# --- teachers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["teacher-perceptron", "teacher-mlp", "random"])
def test_synthetic_patterns_do_not_depend_on_their_number(name):
    few, many = load(name, n_patterns=30, n_train=30), load(name, n_patterns=90, n_train=90)
    rows = {row.tobytes(): label for row, label in zip(many.inputs, many.labels, strict=True)}
    assert all(rows[row.tobytes()] == label for row, label in zip(few.inputs, few.labels, strict=True))
    other = load(name, n_patterns=30, n_train=30, seed=1)
    assert not np.array_equal(np.sort(other.inputs, axis=None), np.sort(few.inputs, axis=None))


def test_a_perceptron_teacher_is_learnt_exactly_by_least_squares():
    data = load("teacher-perceptron", task="regression", n_inputs=10, n_patterns=50)
    weights = np.linalg.lstsq(data.inputs, data.targets, rcond=None)[0]
    np.testing.assert_allclose(data.test_inputs @ weights, data.test_targets, atol=1e-12)
    assert data.labels is None and data.n_classes == 0


def test_noise_of_a_teacher_has_the_stated_variance():
    options = {"task": "regression", "n_patterns": 4000, "n_train": 4000}
    clean, noisy = load("teacher-mlp", **options), load("teacher-mlp", noise=0.5, **options)
    residual = (noisy.targets - clean.targets)[:, 0]
    assert abs(residual.var() / 0.25 - 1) < 4 * np.sqrt(2 / 4000)


def test_a_teacher_gives_both_classes():
    data = load("teacher-mlp", n_patterns=400)
    assert 50 < data.labels.sum() < 350


def test_exclusive_or_has_four_patterns():
    data = load("xor")
    signs = data.inputs.prod(axis=1)
    np.testing.assert_array_equal(data.labels, (signs < 0).astype(int))
    assert data.n_patterns == 4 and data.n_test == 0
    zeros = load("xor", low=0)
    np.testing.assert_array_equal(zeros.inputs, (data.inputs + 1) / 2)
    np.testing.assert_array_equal(zeros.labels, data.labels)
    with pytest.raises(InputError, match="low"):
        load("xor", low=0.5)


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("digts", {}, "did you mean 'digits'"),
        ("digits", {"standardize": "none"}, "did you mean 'standardise'"),
        ("digits", {"standardise": "globally"}, "did you mean 'global'"),
        ("digits", {"n_train": 1798}, "holds 1797 patterns"),
        ("digits", {"n_train": 0}, "n_train = 0"),
        ("digits", {"n_test": 1797}, "holds 1797 patterns"),
        ("digits", {"pca": 65}, "has 64 inputs"),
        ("digits", {"label_noise": 1.5}, "fraction"),
        ("digits", {"classes": [3]}, "at least two"),
        ("digits", {"classes": [3, 3]}, "twice"),
        ("digits", {"classes": [3, 12]}, "classes 0 to 9"),
        ("digits", {"shuffle_labels": "yes"}, "shuffle_labels"),
        ("digits", {"seed": 1}, "no such option"),
        ("npz", {}, "file is missing"),
        ("npz", {"file": 3}, "path"),
        ("teacher-perceptron", {"n_inputs": 0}, "n_inputs"),
        ("teacher-perceptron", {"task": "regression", "label_noise": 0.1}, "real targets"),
        ("teacher-perceptron", {"task": "regression", "parity": True}, "real targets"),
    ],
)
def test_wrong_options_are_refused_in_one_line(name, options, words):
    with pytest.raises(InputError, match=words) as caught:
        load(name, **options)
    assert "\n" not in str(caught.value)


def test_one_and_true_are_the_same_text_in_a_table():
    for key in ("parity", "drop_constant", "shuffle_labels"):
        texts = {json.dumps(datasets.resolve_options("digits", {key: value})) for value in (1, 1.0, True)}
        assert len(texts) == 1 and "true" in texts.pop()


def test_a_resolved_table_of_options_resolves_to_itself():
    for name in ("digits", "teacher-mlp", "random", "xor", "mnist"):
        table = datasets.resolve_options(name, {})
        assert datasets.resolve_options(name, table) == table
    assert "digits" in datasets.names()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"inputs": np.zeros((3, 2))}, "either labels"),
        ({"inputs": np.zeros((3, 2)), "labels": [0, 1, 1], "targets": np.zeros((3, 1))}, "either labels"),
        ({"inputs": np.zeros(3), "labels": [0, 1, 1]}, "two dimensions"),
        ({"inputs": np.zeros((3, 2)), "labels": [0, 1]}, "3 inputs but 2 labels"),
        ({"inputs": np.zeros((2, 2)), "labels": [0.0, 1.0]}, "whole numbers"),
        ({"inputs": np.zeros((2, 2)), "labels": [-1, 1]}, "from 0"),
        ({"inputs": np.zeros((2, 2)), "labels": [0, 3], "n_classes": 2}, "n_classes = 2"),
        ({"inputs": np.full((2, 2), np.nan), "labels": [0, 1]}, "not finite"),
        ({"inputs": np.zeros((0, 2)), "labels": np.zeros(0, int)}, "empty"),
        ({"inputs": np.zeros((2, 2)), "labels": [0, 1], "test_inputs": np.zeros((2, 3)), "test_labels": [0, 1]},
         "3 features"),
        ({"inputs": np.zeros((2, 2)), "labels": [0, 1], "test_inputs": np.zeros((2, 2))}, "test_labels are missing"),
        ({"inputs": np.zeros((2, 2)), "labels": [0, 1], "test_labels": [0, 1]}, "without test_inputs"),
        ({"inputs": [["a"]], "labels": [0]}, "not numbers"),
    ],
)  # fmt: skip
def test_inconsistent_data_are_refused(given, words):
    with pytest.raises(InputError, match=words):
        Dataset(name="mine", **given)
