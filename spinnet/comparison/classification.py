r"""Which of several classes of references a unit belongs to, or none of them, with what certainty.

Each class is a Gaussian in a few statistics, with a covariance shrunk towards a common diagonal. A unit's class is the
most probable one, all classes equally probable beforehand; it is *called* only where its distance to that class is
nothing unusual among the distances of the class's own units, each seen by a model that never saw its disorder sample.
Otherwise it is none of them.

The unit is what was drawn anew: a disorder sample or a training seed. Units with the same ``group`` share disorder and
are left out together.

References: Friedman, J. Am. Stat. Assoc. 84, 165 (1989), for shrunk covariances of classes; Vovk, Gammerman and Shafer,
*Algorithmic Learning in a Random World* (2005), for p-values from ranks of distances; Guo, Pleiss, Sun and Weinberger,
ICML (2017), for posteriors that a temperature calibrates; Clopper and Pearson, Biometrika 26, 404 (1934).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError

#: A unit is called only where its p-value lies above this.
LEVEL = 0.05
#: Units of a class below which no p-value can reach ``LEVEL``: nothing could be refused, so nothing is called.
FEWEST_OWN = 20
#: What :attr:`Calls.called` holds for a unit that is none of the classes.
NONE = -1

_TEMPERATURES = np.geomspace(1.0, 16.0, 49)


@dataclass(frozen=True)
class GaussianClasses:
    """Means (classes, s), covariances (classes, s, s) and their inverses and log determinants."""

    mean: NDArray
    covariance: NDArray
    precision: NDArray
    log_determinant: NDArray

    def squared_distances(self, values: NDArray) -> NDArray:
        """Mahalanobis distances squared of ``values`` (units, s) from every class, (units, classes)."""
        away = values[:, None, :] - self.mean
        return np.einsum("uci,cij,ucj->uc", away, self.precision, away)

    def log_densities(self, values: NDArray) -> NDArray:
        """Logarithms of the densities, up to a common constant, (units, classes)."""
        return -0.5 * (self.squared_distances(values) + self.log_determinant)


def fit_classes(values: ArrayLike, classes: ArrayLike, count: int) -> GaussianClasses:
    r"""Gaussians of ``count`` classes from units ``values`` (units, s) of the classes ``classes`` (units,).

    :math:`\Sigma_c = (1 - \alpha_c) S_c + \alpha_c \,\mathrm{diag}(\bar V)` with the sample covariance S of the class,
    the mean V over classes of its diagonal, and :math:`\alpha_c = s/(s + n_c)`: the fewer units, the rounder.

    Raises
    ------
    InputError
        For a class with fewer than two units, or values that are not finite.
    """
    x, labels = np.asarray(values, dtype=np.float64), np.asarray(classes)
    if x.ndim != 2 or labels.shape != x.shape[:1] or not np.isfinite(x).all():
        raise InputError(f"values {x.shape} of classes {labels.shape}: give finite (units, statistics) and (units,)")
    numbers = np.array([(labels == c).sum() for c in range(count)])
    if (numbers < 2).any():
        raise InputError(f"classes of {numbers.tolist()} units: each needs two or more")
    size = x.shape[1]
    mean = np.array([x[labels == c].mean(axis=0) for c in range(count)])
    own = np.array([np.cov(x[labels == c], rowvar=False).reshape(size, size) for c in range(count)])
    shared = np.diag(np.diagonal(own, axis1=1, axis2=2).mean(axis=0))
    if (np.diag(shared) <= 0).any():
        raise InputError("a statistic has the same value for all units of every class: leave it out")
    alpha = (size / (size + numbers))[:, None, None]
    covariance = (1.0 - alpha) * own + alpha * shared
    return GaussianClasses(mean, covariance, np.linalg.inv(covariance), np.linalg.slogdet(covariance)[1])


@dataclass(frozen=True)
class Calls:
    """What a classifier says of units.

    ``nearest`` (units,) is the most probable class and ``posterior`` (units, classes) the calibrated probabilities;
    ``p_value`` (units, classes) the share of a class's own units that lie as far from it; ``called`` (units,) the
    nearest class, or :data:`NONE`; ``deviation`` (units, classes, s) how many standard deviations of a class each
    statistic lies from its mean. Of a unit with a value that is not finite nothing but that it is none is said.
    """

    nearest: NDArray
    posterior: NDArray
    p_value: NDArray
    called: NDArray
    deviation: NDArray


@dataclass(frozen=True)
class Classifier:
    """Gaussians of all references, the distances of the own units of every class, and the temperature of posteriors."""

    model: GaussianClasses
    own: tuple[NDArray, ...]
    temperature: float

    def call(self, values: ArrayLike) -> Calls:
        """Call units ``values`` (units, s). One with a value that is not finite is none of the classes."""
        return _call(self.model, self.own, self.temperature, np.asarray(values, dtype=np.float64))


@dataclass(frozen=True)
class Calibration:
    """A classifier and what it says of the references when the disorder sample of each is left out.

    ``confusion`` (classes, classes + 1) counts units by their class and by what they are called, none last;
    ``reliability`` is the share of the most probable classes that are right, ``certainty`` the mean posterior of them:
    equal where posteriors are calibrated.
    """

    classifier: Classifier
    calls: Calls
    confusion: NDArray
    reliability: float
    certainty: float


def calibrate(values: ArrayLike, classes: ArrayLike, groups: ArrayLike, count: int) -> Calibration:
    """Learn from references, and test on each what was learnt without its group.

    Parameters
    ----------
    values : array_like, shape (units, s)
    classes : array_like of int, shape (units,)
        From 0 to ``count`` − 1.
    groups : array_like, shape (units,)
        Disorder samples; units of one group are left out together.
    count : int

    Notes
    -----
    Cost: one fit per group. The temperature of the posteriors, at least 1, is that of the smallest mean −log of the
    probability of the right class over left-out units.
    """
    x, labels, group = np.asarray(values, dtype=np.float64), np.asarray(classes), np.asarray(groups)
    squared, logs = np.empty((len(x), count)), np.empty((len(x), count))
    models = {}
    for g in np.unique(group):
        out = group == g
        models[g] = fit_classes(x[~out], labels[~out], count)
        squared[out], logs[out] = models[g].squared_distances(x[out]), models[g].log_densities(x[out])
    own = squared[np.arange(len(x)), labels]
    right = [_posterior(logs / t)[np.arange(len(x)), labels] for t in _TEMPERATURES]
    losses = [-np.log(np.maximum(chance, 1e-300)).mean() for chance in right]
    temperature = float(_TEMPERATURES[int(np.argmin(losses))])
    parts = [
        (group == g, _call(models[g], tuple(own[(group != g) & (labels == c)] for c in range(count)), temperature,
                           x[group == g]))
        for g in models
    ]  # fmt: skip
    calls = _assembled(parts, len(x))
    confusion = np.zeros((count, count + 1), dtype=np.int64)
    np.add.at(confusion, (labels, np.where(calls.called == NONE, count, calls.called)), 1)
    classifier = Classifier(
        fit_classes(x, labels, count), tuple(own[labels == c] for c in range(count)), temperature
    )
    reliability = float((calls.nearest == labels).mean())
    return Calibration(classifier, calls, confusion, reliability, float(calls.posterior.max(axis=1).mean()))


def binomial_interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Exact (Clopper–Pearson) interval of a share."""
    from scipy.stats import beta

    if not 0 <= successes <= trials or trials < 1:
        raise InputError(f"{successes} of {trials}: give a count from 0 to the number of trials")
    tail = 0.5 * (1.0 - level)
    low = beta.ppf(tail, successes, trials - successes + 1) if successes else 0.0
    high = beta.ppf(1.0 - tail, successes + 1, trials - successes) if successes < trials else 1.0
    return float(low), float(high)


def _posterior(logs: NDArray) -> NDArray:
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _call(model: GaussianClasses, own: tuple[NDArray, ...], temperature: float, values: NDArray) -> Calls:
    finite = np.isfinite(values).all(axis=1)
    x = np.where(finite[:, None], values, model.mean.mean(axis=0))
    squared, posterior = model.squared_distances(x), _posterior(model.log_densities(x) / temperature)
    nearest = posterior.argmax(axis=1)
    beyond = [(mine >= squared[:, c, None]).sum(axis=1) for c, mine in enumerate(own)]
    p = np.stack([(1.0 + count) / (1.0 + len(mine)) for count, mine in zip(beyond, own, strict=True)], axis=1)
    p[~finite] = 0.0
    posterior[~finite] = np.nan
    enough = np.array([len(distances) >= FEWEST_OWN for distances in own])
    called = np.where((p[np.arange(len(x)), nearest] > LEVEL) & enough[nearest], nearest, NONE)
    spread = np.sqrt(np.diagonal(model.covariance, axis1=1, axis2=2))
    deviation = np.where(finite[:, None, None], (x[:, None, :] - model.mean) / spread, np.nan)
    return Calls(np.where(finite, nearest, NONE), posterior, p, called, deviation)


def _assembled(parts: list[tuple[NDArray, Calls]], units: int) -> Calls:
    whole = {}
    for name in ("nearest", "posterior", "p_value", "called", "deviation"):
        first = getattr(parts[0][1], name)
        whole[name] = np.empty((units, *first.shape[1:]), dtype=first.dtype)
        for rows, calls in parts:
            whole[name][rows] = getattr(calls, name)
    return Calls(**whole)
