"""Relaxation of glasses from random starts, averaged over disorder, to compare with the equations for N → ∞."""

from __future__ import annotations

import numpy as np

from spinnet.landscapes import SphericalGlass
from spinnet.randomness import counter_keys


def follow(dynamics, landscape, x, times, seed=1):
    """Configurations (times, replicas, n) at measuring times, read off as a driver does."""
    state = dynamics.init(landscape, x, counter_keys(seed, len(x), "noise"))
    found = np.full((len(times), *x.shape), np.nan)
    due = np.zeros(len(x), dtype=int)
    while True:
        end = dynamics.time(state)
        wanted = np.append(times, np.inf)[due]
        here = wanted <= end + 1e-9
        if here.any():
            rows = dynamics.configuration(landscape, state, np.where(here, wanted, end))
            found[due[here], here] = rows[here]
            due[here] += 1
        elif (due == len(times)).all():
            return found
        else:
            state = dynamics.advance(landscape, state, dynamics.steps_until(state, wanted.min()))


def sample_means(dynamics, covariance, n, samples, pairs, times, seed=11):
    """Energy density and overlap with the start, each (samples, times): means over the replicas of each sample.

    Replicas start in pairs x and −x, which cancels the fluctuation of the first energy for odd p.
    """
    energy, overlap = np.empty((2, samples, len(times)))
    for sample in range(samples):
        glass = SphericalGlass(n=n, covariance=covariance, seed=seed, sample=sample)
        start = glass.start(pairs, np.random.default_rng([seed, n, sample]))
        start = np.concatenate([start, -start])
        for k, x in enumerate(follow(dynamics, glass, start, times, seed=1000 * n + sample)):
            energy[sample, k] = glass.energy_density(x).mean()
            overlap[sample, k] = glass.space.overlap(x, start).mean()
    return energy, overlap


def extrapolated(runs):
    """Limits and errors for N → ∞ of curves {n: (samples, times)}, linear in 1/n; one fit per time."""
    from spinnet.estimators.scaling import extrapolate

    sizes = list(runs)
    means = np.array([runs[n].mean(axis=0) for n in sizes])
    errors = np.array([runs[n].std(axis=0, ddof=1) / np.sqrt(len(runs[n])) for n in sizes])
    fits = [extrapolate(sizes, means[:, k], errors[:, k]) for k in range(means.shape[1])]
    return np.array([fit.limit for fit in fits]), np.array([fit.limit_error for fit in fits]), fits
