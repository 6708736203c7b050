"""Losses of a network: what is asked of the outputs, ℓ per pattern, and its derivatives by the outputs.

The formulas stand in :class:`~spinnet.landscapes.DenseNetwork`; arrays have patterns before outputs.
"""

from __future__ import annotations

import numpy as np

from spinnet.datasets import Dataset
from spinnet.errors import InputError

LOSS_NAMES = ("cross-entropy", "mse", "hinge", "quadratic-hinge", "logistic")


def targets_of(data: Dataset, loss: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows of targets ``(patterns, outputs)`` of the training and the test part (None where there is none).

    Raises
    ------
    InputError
        For real targets with a loss that needs classes.
    """
    if data.targets is not None:
        if loss != "mse":
            raise InputError(f"loss = {loss!r} needs classes, and data set {data.name!r} has real targets: use 'mse'")
        return np.array(data.targets), data.test_targets
    low = -1.0 if loss in ("hinge", "quadratic-hinge", "logistic") else 0.0

    def rows(labels: np.ndarray | None) -> np.ndarray | None:
        if labels is None:
            return None
        if data.n_classes == 2 and loss != "cross-entropy":
            return 2.0 * labels[:, None] - 1.0
        block = np.full((len(labels), data.n_classes), low)
        block[np.arange(len(labels)), labels] = 1.0
        return block

    return rows(data.labels), rows(data.test_labels)


def losses_of(logits: np.ndarray, targets: np.ndarray, loss: str) -> np.ndarray:
    """ℓ for logits ``(replicas, patterns, outputs)``: shape ``(replicas, patterns)``."""
    if loss == "cross-entropy":
        highest = logits.max(axis=-1, keepdims=True)
        return (highest[..., 0] + np.log(np.exp(logits - highest).sum(axis=-1))) - (logits * targets).sum(axis=-1)
    if loss == "mse":
        return 0.5 * ((logits - targets) ** 2).sum(axis=-1)
    if loss == "logistic":
        margin = targets * logits
        return (np.log1p(np.exp(-np.abs(margin))) + np.maximum(-margin, 0.0)).sum(axis=-1)
    gaps = np.maximum(1.0 - targets * logits, 0.0)
    return gaps.sum(axis=-1) if loss == "hinge" else 0.5 * (gaps**2).sum(axis=-1)


def loss_derivatives(z: np.ndarray, targets: np.ndarray, loss: str) -> tuple[np.ndarray, np.ndarray]:
    """∂ℓ/∂z ``(patterns, outputs)`` and ∂²ℓ/∂z² ``(patterns, outputs, outputs)`` for rows of outputs."""
    one = np.eye(z.shape[1])
    if loss == "cross-entropy":
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        return p - targets, p[:, :, None] * (one - p[:, None, :])
    if loss == "mse":
        return z - targets, np.broadcast_to(one, (len(z), *one.shape))
    if loss == "logistic":
        share = np.exp(-np.logaddexp(0.0, targets * z))
        return -targets * share, (share * (1.0 - share))[:, :, None] * one
    gap = 1.0 - targets * z
    open_ = (gap > 0).astype(z.dtype)
    if loss == "hinge":
        return -targets * open_, np.zeros((len(z), *one.shape))
    return -targets * open_ * gap, (targets**2 * open_)[:, :, None] * one


def loss_slopes(
    z: np.ndarray, targets: np.ndarray, loss: str, rate: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray | None]:
    """∂ℓ/∂z, and its rate ∂²ℓ/∂z² ż where z moves at the ``rate`` ż; outputs last, other dimensions broadcast."""
    if loss == "cross-entropy":
        p = np.exp(z - z.max(axis=-1, keepdims=True))
        p /= p.sum(axis=-1, keepdims=True)
        if rate is None:
            return p - targets, None
        moved = p * rate
        return p - targets, moved - p * moved.sum(axis=-1, keepdims=True)
    if loss == "mse":
        return z - targets, rate
    if loss == "logistic":
        share = np.exp(-np.logaddexp(0.0, targets * z))
        slope, curvature = -targets * share, share * (1.0 - share)
    else:
        gap = 1.0 - targets * z
        open_ = np.where(gap <= 0.0, 0.0, 1.0)  # written so that NaN passes
        slope, curvature = (-targets * open_, 0.0) if loss == "hinge" else (-targets * open_ * gap, targets**2 * open_)
    return slope, None if rate is None else curvature * rate
