"""Classes with a calibrated certainty: right ones are called, foreign ones are not, as often as is claimed."""

import numpy as np
import pytest
from comparison.references import references, units

from spinnet.comparison.classification import (
    FEWEST_OWN,
    LEVEL,
    NONE,
    Classifier,
    binomial_interval,
    calibrate,
    fit_classes,
)
from spinnet.errors import InputError


def gaussians(samples, seed, shift=4.0):
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.standard_normal((samples, 3)) + shift * c for c in range(2)])
    return x, np.repeat([0, 1], samples), np.tile(np.arange(samples), 2)


def test_distances_are_those_of_the_inverse_covariance():
    x, labels, _ = gaussians(30, 1)
    model = fit_classes(x, labels, 2)
    for c in range(2):
        mine = x[labels == c]
        shared = np.mean([x[labels == d].var(axis=0, ddof=1) for d in range(2)], axis=0)
        alpha = 3 / (3 + len(mine))
        covariance = (1 - alpha) * np.cov(mine.T) + alpha * np.diag(shared)
        for k in (0, 31):
            away = x[k] - mine.mean(axis=0)
            assert model.squared_distances(x)[k, c] == pytest.approx(away @ np.linalg.solve(covariance, away))


def refused(classifier, seed, shift=4.0):
    x, _, _ = gaussians(2000, seed, shift)
    return float((classifier.call(x).called == NONE).mean())


def test_units_of_a_known_class_are_refused_as_often_as_is_claimed():
    shares, naive = [], []
    for seed in range(20):
        x, labels, groups = gaussians(24, (2, seed))
        found = calibrate(x, labels, groups, 2).classifier
        shares.append(refused(found, (3, seed)))
        own = found.model.squared_distances(x)[np.arange(len(x)), labels]
        # Distances of units that the model has seen are too short: the claim must fail for them.
        naive.append(refused(Classifier(found.model, (own[labels == 0], own[labels == 1]), 1.0), (3, seed)))
    claimed = (1 + np.floor(LEVEL * 25 - 1)) / 25  # of 24 own units: the largest p-value up to LEVEL
    error = np.std(shares, ddof=1) / np.sqrt(len(shares))
    assert abs(np.mean(shares) - claimed) < 4 * error
    assert np.mean(naive) - claimed > 4 * np.std(naive, ddof=1) / np.sqrt(len(naive))


def test_posteriors_are_as_certain_as_they_are_right():
    found = calibrate(*gaussians(2000, 5, shift=0.6), 2)
    error = np.sqrt(found.reliability * (1 - found.reliability) / 4000)
    assert 0.6 < found.reliability < 0.9
    assert abs(found.reliability - found.certainty) < 4 * error


def test_a_unit_is_judged_without_its_disorder_sample():
    x, labels, groups = gaussians(24, 7)
    before = calibrate(x, labels, groups, 2).calls
    x[24] += 30.0  # the other class's unit of sample 0
    after = calibrate(x, labels, groups, 2).calls
    np.testing.assert_allclose(after.posterior[0], before.posterior[0], atol=1e-6)
    assert not np.allclose(after.deviation[1], before.deviation[1])


def test_references_are_called_rightly():
    values, labels, groups, _ = references()
    found = calibrate(values, labels, groups, 3)
    right, total = np.trace(found.confusion), found.confusion.sum()
    assert right > 0.9 * total
    assert total - right - found.confusion[:, -1].sum() == 0


@pytest.mark.parametrize("leave", range(9))
def test_a_landscape_that_was_not_learnt_from_is_called_rightly_or_none(leave):
    values, labels, groups, kinds = references(leave=(leave,))
    here = kinds[leave][0]
    if here not in labels:  # the whole class is unknown: the others remain
        labels = np.where(labels > here, labels - 1, labels)
        called = calibrate(values, labels, groups, 2).classifier.call(units(*kinds[leave][1:], 100, 9)).called
        wrong = called != NONE
    else:
        called = calibrate(values, labels, groups, 3).classifier.call(units(*kinds[leave][1:], 100, 9)).called
        wrong = (called != NONE) & (called != here)
    assert wrong.mean() <= LEVEL


def test_foreign_landscapes_are_none_of_the_classes():
    values, labels, groups, _ = references()
    classifier = calibrate(values, labels, groups, 3).classifier
    network = units(1.5, 0.45, 0.6, 50, 3)  # broad, shallow, and nothing pulls back
    well = np.array([[0.0, 20.0, 8.0, 1.0], [0.0, np.inf, np.inf, 1.0], [np.nan, 0.5, 0.3, 1.0]])
    for foreign in (network, well):
        calls = classifier.call(foreign)
        assert (calls.called == NONE).all()
    assert np.isnan(calls.posterior[1:]).all() and (calls.p_value[1:] == 0).all()


def test_few_references_call_nothing():
    x, labels, groups = gaussians(FEWEST_OWN - 1, 1)
    assert (calibrate(x, labels, groups, 2).classifier.call(x).called == NONE).all()


def test_binomial_intervals_are_exact():
    assert binomial_interval(0, 20) == (0.0, pytest.approx(1 - 0.025 ** (1 / 20)))
    assert binomial_interval(20, 20)[0] == pytest.approx(0.025 ** (1 / 20))
    low, high = binomial_interval(5, 10)
    assert low == pytest.approx(1 - high) and 0.18 < low < 0.19
    with pytest.raises(InputError, match="3 of 2"):
        binomial_interval(3, 2)


def test_a_class_of_one_unit_is_refused():
    with pytest.raises(InputError, match="each needs two"):
        fit_classes(np.zeros((3, 2)), [0, 0, 1], 2)
