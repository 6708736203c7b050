"""The Hessian along a run: the whole spectrum at each measuring time, its outliers, and what their directions are."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.estimators.spectra import ZERO_TOLERANCE, count_signs, mean_spacing_ratio
from spinnet.estimators.subspaces import orthonormal_rows, random_subspace_overlap, subspace_overlap
from spinnet.landscapes.base import Differentiable
from spinnet.landscapes.network_data import PatternNetwork
from spinnet.probes.base import TrajectoryProbe
from spinnet.records import Variable, Variables

_CLASS_SPACES = {
    "logits": "class means of the gradient of the right logit",
    "losses": "class means of the gradient of the loss",
    "clusters": "means of the gradient of every logit over every class",
}


class HessianCourseProbe(TrajectoryProbe):
    """Spectrum of the Riemannian Hessian at every measuring time; on a network, what the outliers point at.

    With C = ``top`` outliers (the largest eigenvalues): ``hessian_gradient_share`` is the share of |g|² in their
    eigenspace. On a network with classes the overlap of that eigenspace with three spaces is measured, as
    tr(PQ)/min(rank P, rank Q) beside its mean and standard deviation for a random eigenspace: the C class means of
    the gradient of the right logit, the class means of the gradient of the loss, and the C² means of the gradient of
    each logit over the patterns of each class.

    Parameters
    ----------
    top
        Number C of eigenvalues that count as outliers; at least 1. A network's own number is that of its classes.
    zero_tolerance
        As of ``hessian_spectrum``.
    dense_limit
        Largest number of degrees of freedom that is accepted; O(n³) time at each measuring time.

    Raises
    ------
    InputError
        Above ``dense_limit``, or with ``top`` not below the number of modes.
    """

    requires = (Differentiable,)

    def __init__(self, top: int = 10, zero_tolerance: float = ZERO_TOLERANCE, dense_limit: int = 3000):
        given = self.validate(top=top, zero_tolerance=zero_tolerance, dense_limit=dense_limit)
        self.top, self.zero_tolerance = given["top"], given["zero_tolerance"]
        self.dense_limit = given["dense_limit"]

    @classmethod
    def validate(cls, top, zero_tolerance, dense_limit):
        zero_tolerance = real_number("zero_tolerance", zero_tolerance, 0.0)
        if zero_tolerance >= 1.0:
            raise InputError(f"zero_tolerance = {zero_tolerance:g}: give a share of the largest eigenvalue below 1")
        return {
            "top": whole_number("top", top, 1),
            "zero_tolerance": zero_tolerance,
            "dense_limit": whole_number("dense_limit", dense_limit, 2),
        }

    def measure(self, landscape: Differentiable, x: np.ndarray) -> Variables:
        x = landscape.check(x)
        n, dimension = landscape.space.n, landscape.space.dimension
        if n > self.dense_limit:
            raise InputError(
                f"hessian_course needs the dense Hessian of {n} degrees of freedom at every time: take a smaller "
                f"landscape or raise dense_limit = {self.dense_limit}"
            )
        if self.top >= dimension:
            raise InputError(f"hessian_course: top = {self.top} outliers among {dimension} modes: give fewer")
        values = np.full((len(x), dimension), np.nan)
        counts = np.full((2, len(x)), -1, dtype=np.int64)
        numbers = {name: np.full(len(x), np.nan) for name in ("hessian_spacing_ratio", "hessian_gradient_share")}
        classes = _has_classes(landscape)
        spaces = {name: np.full((3, len(x)), np.nan) for name in (_CLASS_SPACES if classes else ())}
        for a in range(len(x)):
            if not np.isfinite(x[a]).all():
                continue
            with np.errstate(all="ignore"):
                gradient = landscape.gradient(x[a : a + 1])[0]
                hessian = np.array(landscape.hessian(x[a]), dtype=np.float64)
                matrix = landscape.space.tangent_hessian(x[a], gradient, hessian)
            if not np.isfinite(matrix).all():
                continue
            values[a], vectors = np.linalg.eigh(matrix)
            negative, zero, _ = count_signs(values[a], self.zero_tolerance)
            counts[:, a] = negative, zero
            numbers["hessian_spacing_ratio"][a] = mean_spacing_ratio(values[a], 0.8, self.zero_tolerance)
            leading = np.array([landscape.space.from_tangent(x[a], v) for v in vectors[:, -self.top :].T])
            slope = landscape.space.riemannian_gradient(x[a : a + 1], gradient[None])[0]
            if slope @ slope > 0.0:
                numbers["hessian_gradient_share"][a] = ((leading @ slope) ** 2).sum() / (slope @ slope)
            for name, rows in (class_gradients(landscape, x[a]) if classes else {}).items():
                basis = orthonormal_rows(rows)
                chance = random_subspace_overlap(len(basis), self.top, n)
                spaces[name][:, a] = subspace_overlap(basis, leading), *chance
        return self._variables(values, counts, numbers, spaces)

    def _variables(self, values, counts, numbers, spaces) -> Variables:
        replica, stated = ("replica",), {"top": self.top, "zero_tolerance": self.zero_tolerance}
        found = {
            "hessian_eigenvalue": Variable(
                values, ("replica", "mode"), "energy", "eigenvalues of the Riemannian Hessian, ascending", stated
            ),
            "hessian_index": Variable(counts[0], replica, "1", "number of negative eigenvalues; -1 if lost", stated),
            "hessian_zero_modes": Variable(counts[1], replica, "1", "number of zero eigenvalues; -1 if lost", stated),
            "hessian_spacing_ratio": Variable(
                numbers["hessian_spacing_ratio"], replica, "1", "mean spacing ratio of the middle of the spectrum"
            ),
            "hessian_gradient_share": Variable(
                numbers["hessian_gradient_share"], replica, "1", "share of |g|^2 in the space of the outliers", stated
            ),
        }
        for name, (overlap, mean, deviation) in spaces.items():
            words = _CLASS_SPACES[name]
            found |= {
                f"outlier_{name}": Variable(overlap, replica, "1", f"overlap of the outliers' space with the {words}"),
                f"outlier_{name}_chance": Variable(mean, replica, "1", "its mean for a random space"),
                f"outlier_{name}_spread": Variable(deviation, replica, "1", "its standard deviation for random spaces"),
            }
        return found


def _has_classes(landscape: Differentiable) -> bool:
    return isinstance(landscape, PatternNetwork) and landscape.data.labels is not None and landscape.n_outputs > 1


def class_gradients(network: PatternNetwork, x: np.ndarray) -> dict[str, np.ndarray]:
    """Spaces of class means at the weights ``x`` (n,), as rows: "logits" (C, n), "losses" (C, n), "clusters" (C², n).

    Weight decay is left out. The gradient of the loss is that of cross-entropy, Σ_k (p_k − t_k) ∂z_k/∂w, for every
    loss of the network: the part of a logit's gradient that changes what the softmax answers.
    """
    labels, classes = network.data.labels, network.n_outputs
    logits = network.logits(x[None])[0]
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    own, losses, clusters = [], [], []
    for c in range(classes):
        members = np.flatnonzero(labels == c)
        if not len(members):
            continue
        jacobian = network.jacobian(x, members).reshape(len(members), classes, -1)
        means = jacobian.mean(axis=0)
        error = shares[members] - (np.arange(classes) == c)
        own.append(means[c])
        losses.append(np.einsum("nk,nkw->w", error, jacobian) / len(members))
        clusters.append(means)
    return {"logits": np.array(own), "losses": np.array(losses), "clusters": np.concatenate(clusters)}
