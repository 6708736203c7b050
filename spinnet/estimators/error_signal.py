r"""Numbers of the error signal of a network: opposition of single gradients, dilution, specialisation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Opposition(NamedTuple):
    """How far single-pattern gradients g_n cancel; ``…_chance`` are those of the same gradients with random signs."""

    opposed: float  # mean over weights of 1 − |Σ_n g_n|/Σ_n |g_n|
    opposed_chance: float
    negative_pairs: float  # share of pairs with g_n·g_m < 0; 1/2 with random signs
    pair_cosine: float  # mean over pairs of g_n·g_m/(|g_n||g_m|)
    pair_cosine_chance: float  # its standard deviation with random signs, √Σcos²/pairs around a mean of 0: exact
    signal_to_noise: float  # |mean g|²/mean |g|²; 1/P for independent directions


def opposition(gradients: NDArray, rng: np.random.Generator) -> Opposition:
    """See :class:`Opposition`; ``gradients`` (patterns, weights). O(P²n) for the pairs."""
    p = len(gradients)
    sizes = np.abs(gradients).sum(axis=0)
    moved = sizes > 0.0

    def opposed(rows: NDArray) -> float:
        return float((1.0 - np.abs(rows.sum(axis=0))[moved] / sizes[moved]).mean()) if moved.any() else np.nan

    signs = rng.choice([-1.0, 1.0], (p, 1))
    products = gradients @ gradients.T
    pairs = products[np.triu_indices(p, 1)]
    lengths = np.sqrt(np.diagonal(products))
    cosines = pairs / np.where(lengths > 0.0, lengths, np.inf)[np.array(np.triu_indices(p, 1))].prod(axis=0)
    square = float(np.trace(products)) / p
    mean = gradients.mean(axis=0)
    return Opposition(
        opposed(gradients), opposed(signs * gradients), float((pairs < 0.0).mean()) if len(pairs) else np.nan,
        float(cosines.mean()) if len(pairs) else np.nan,
        float(np.sqrt((cosines**2).sum()) / len(pairs)) if len(pairs) else np.nan,
        float(mean @ mean) / square if square > 0.0 else np.nan,
    )  # fmt: skip


def participation(signal: NDArray) -> float:
    """(Σ|δ|)²/(n Σδ²) over the last axis, averaged: 1 where all are alike, 2/π for Gaussians, 1/n for one alone."""
    squares = (signal**2).sum(axis=-1)
    ratio = np.abs(signal).sum(axis=-1) ** 2 / np.where(squares > 0.0, signal.shape[-1] * squares, np.nan)
    return float(np.nanmean(ratio)) if np.isfinite(ratio).any() else np.nan


def class_share(activity: NDArray, labels: NDArray) -> float:
    """Share of each unit's variance over patterns that lies between classes, averaged over units.

    (C − 1)/(P − 1) in the mean for labels dealt at random.
    """
    centred = activity - activity.mean(axis=0)
    total = (centred**2).sum(axis=0)
    between = np.zeros(activity.shape[1])
    for c in np.unique(labels):
        members = labels == c
        between += members.sum() * centred[members].mean(axis=0) ** 2
    alive = total > 0.0
    return float((between[alive] / total[alive]).mean()) if alive.any() else np.nan


def unit_correlation(activity: NDArray) -> float:
    """Mean modulus of the correlation of two hidden units over patterns; units that do not vary are left out."""
    spread = activity.std(axis=0)
    alive = activity[:, spread > 1e-12 * max(spread.max(initial=0.0), 1e-300)]
    if alive.shape[1] < 2:
        return np.nan
    return float(np.abs(np.corrcoef(alive.T)[np.triu_indices(alive.shape[1], 1)]).mean())


def activity_rank(activity: NDArray) -> float:
    """(tr C)²/(n tr C²) of the covariance C of n hidden units: 1 for equal variances without correlation."""
    centred = activity - activity.mean(axis=0)
    gram = centred.T @ centred
    squares = float((gram**2).sum())
    return float(np.trace(gram)) ** 2 / (len(gram) * squares) if squares > 0.0 else np.nan
