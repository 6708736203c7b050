r"""The model of a step in the energy of a quadratic hinge: outputs linear in the step, every kink in its place.

Near weights x a hinge's residuals are max(0, ρ − Ds) to first order in the step s, with the gaps ρ = 1 − tz, negative
where a pattern is satisfied, and D = t ∂z/∂w. What is left of the Hessian, B = −Σ r t ∇²z over the unsatisfied, bends
the outputs:

.. math:: φ(s) = ½ Σ_μ \max(0, ρ_μ − (Ds)_μ)² + ½ sᵀBs + ½ λ|s|².

A step that passes over kinks satisfies some patterns and breaks others. A quadratic model with the patterns that are
unsatisfied at x knows nothing of these, and near jamming, where breaking is what limits a step, all steps that hold to
it are short.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

#: Patterns satisfied by more than this are left out of the model.
_WITHIN = 3.0
_PASSES = 12  # linear systems at most for one damping
_ENOUGH = 0.05  # of the gradient at s = 0 that may be left


class HingeModel:
    """φ at weights ``x`` of a network with gaps ρ = 1 − tz; made afresh for every point.

    Parameters
    ----------
    gaps
        ρ ``(R,)`` of the constraints that take part: all with ρ > 0, and those that are satisfied by little.
    slopes
        D ``(R, n)``.
    hessian
        D_Aᵀ D_A + B ``(n, n)``, A being the rows with ρ > 0: the Hessian of the energy.

    Notes
    -----
    Each linear system costs a Cholesky factor, n³/3, and the rows that changed sides, 2 n² for each.
    """

    def __init__(self, gaps: np.ndarray, slopes: np.ndarray, hessian: np.ndarray):
        self.gaps, self.slopes, self.hessian = gaps, slopes, hessian
        self.open = gaps > 0.0
        self._own = slopes[self.open]
        self.gradient = -(self._own.T @ gaps[self.open])

    @property
    def flatness(self) -> float:
        """|Jᵀr|/(|J||r|) at s = 0, |J| the Frobenius norm."""
        return float(
            np.linalg.norm(self.gradient) / (np.linalg.norm(self._own) * np.linalg.norm(self.gaps[self.open]))
        )

    def bend(self, s: np.ndarray) -> np.ndarray:
        """B s."""
        return self.hessian @ s - self._own.T @ (self._own @ s)

    def value(self, s: np.ndarray) -> float:
        """φ(s) without damping."""
        left = np.maximum(0.0, self.gaps - self.slopes @ s)
        return 0.5 * float(left @ left + s @ self.bend(s))

    def step(self, damping: float) -> tuple[np.ndarray, float]:
        """The minimiser of φ with λ = ``damping``, and the fall of φ without it; no step where H + λ is indefinite.

        Newton's method: the system of the patterns that are open, a minimisation along its solution over all kinks,
        and again, until no pattern changes sides.
        """
        from scipy.linalg import lapack

        n = len(self.gradient)
        s, bend, gaps, open_ = np.zeros(n), np.zeros(n), self.gaps, self.open
        gradient, matrix = self.gradient, self.hessian.copy()
        enough = _ENOUGH * np.linalg.norm(gradient)
        for _ in range(_PASSES):
            damped = matrix.copy()
            damped[np.diag_indices(n)] += damping
            factor, refused = lapack.dpotrf(damped.T, lower=1, overwrite_a=1, clean=0)
            if refused:
                break
            along = lapack.dpotrs(factor, -gradient, lower=1)[0]
            moved, bent = self.slopes @ along, self.bend(along)
            linear, square = along @ (bend + damping * s), along @ (bent + damping * along)
            length = least_along(gaps, moved, float(linear), float(square))
            s, bend, gaps = s + length * along, bend + length * bent, gaps - length * moved
            before, open_ = open_, gaps > 0.0
            entered, left = self.slopes[open_ & ~before], self.slopes[before & ~open_]
            gradient = bend + damping * s - self.slopes[open_].T @ gaps[open_]
            if np.linalg.norm(gradient) <= enough or not (len(entered) or len(left)):
                break
            matrix += entered.T @ entered
            matrix -= left.T @ left
        unsatisfied = gaps[gaps > 0.0]
        started = self.gaps[self.open]
        return s, 0.5 * float(started @ started - unsatisfied @ unsatisfied - s @ bend)


def hinge_model(
    slopes_of: Callable[[np.ndarray], np.ndarray], hessian_of: Callable[[np.ndarray], np.ndarray],
    outputs: np.ndarray, targets: np.ndarray,
) -> HingeModel:  # fmt: skip
    """The model from outputs and targets ``(P, C)``, and from the derivatives of the patterns that are asked for.

    ``slopes_of(patterns)`` gives ∂z/∂w ``(count · C, n)``, ``hessian_of(patterns)`` the Hessian of their energy.
    """
    gaps = 1.0 - targets * outputs
    near = np.flatnonzero((gaps > -_WITHIN).any(axis=1))
    rows, signs = gaps[near].ravel(), targets[near].ravel()
    slopes, kept = slopes_of(near), rows > -_WITHIN
    slopes *= signs[:, None]
    if not kept.all():
        rows, slopes = rows[kept], slopes[kept]
    return HingeModel(rows, slopes, hessian_of(np.flatnonzero((gaps > 0.0).any(axis=1))))


def least_along(gaps: np.ndarray, moved: np.ndarray, linear: float, square: float) -> float:
    """The first minimum at a ≥ 0 of ½ Σ max(0, gaps − a·moved)² + linear·a + ½ square·a².

    The derivative is piecewise linear: sorted kinks, running sums, and the first piece on which it reaches zero. Where
    it never does, the end of the last piece (0 without kinks): only with ``square`` < 0.
    """
    open_ = (gaps > 0.0) | ((gaps == 0.0) & (moved < 0.0))
    ahead = np.flatnonzero((moved != 0.0) & (gaps * moved > 0.0))
    kinks = gaps[ahead] / moved[ahead]
    order = np.argsort(kinks, kind="stable")
    ahead, kinks = ahead[order], kinks[order]
    change = np.where(open_[ahead], -1.0, 1.0)  # an open pattern closes at its kink, and the other way round
    offset = linear - float(moved[open_] @ gaps[open_]) - np.concatenate(
        [[0.0], np.cumsum(change * moved[ahead] * gaps[ahead])])  # fmt: skip
    slope = square + float(moved[open_] @ moved[open_]) + np.concatenate([[0.0], np.cumsum(change * moved[ahead] ** 2)])
    reached = np.flatnonzero(offset[:-1] + slope[:-1] * kinks >= 0.0)
    piece = reached[0] if len(reached) else len(kinks)
    if slope[piece] > 0.0:
        return max(0.0, float(-offset[piece] / slope[piece]))
    return float(kinks[-1]) if len(kinks) else 0.0
