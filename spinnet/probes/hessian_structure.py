"""How wrong a diagonal Hessian is: mass off the diagonal, interaction ratio, joint against single steps."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.estimators.hessian_structure import (
    diagonal_steps,
    interaction_ratio,
    off_diagonal_mass,
    rotated_mass,
)
from spinnet.landscapes.base import Differentiable
from spinnet.probes.base import EndpointProbe
from spinnet.records import Variable, Variables

_ROWS_BYTES = 2**24  # of configurations moved along one coordinate each, held at once

_DESCRIBED = {
    "off_diagonal_mass": ("1", "1 - sum of squared diagonal elements over sum of all squared elements of the Hessian"),
    "rotated_mass": ("1", "its mean over all orthogonal bases"),
    "interaction_ratio": ("1", "g'Hg over g'diag(H)g, g the tangent gradient"),
    "top_over_diagonal": ("1", "largest eigenvalue over largest diagonal element"),
    "joint_change": ("energy", "energy density change when all coordinates make their diagonal Newton step at once"),
    "single_changes": ("energy", "sum of the energy density changes when each coordinate makes its step alone"),
}


class HessianStructureProbe(EndpointProbe):
    """Off-diagonal mass, interaction ratio, largest eigenvalue over diagonal, joint against single-coordinate steps.

    With H the Riemannian Hessian in an orthonormal basis of the tangent space (the coordinates themselves on flat
    space) and g the gradient:

    ``off_diagonal_mass``
        1 − Σ H_ii²/Σ H_ij², beside ``rotated_mass``, its mean over all orthogonal bases (exact, from tr H and tr H²).
    ``interaction_ratio``
        g'Hg/(g'diag(H)g).
    ``joint_change``, ``single_changes``
        Every coordinate has the step s_i = −g_i/(|H_ii| + ε max|H_jj|). The change of the energy per unit when all
        are made together, and the sum of the changes when each is made alone. Were the coordinates independent, the
        two would be equal.

    Parameters
    ----------
    damping
        ε, which bounds the steps along flat coordinates.
    dense_limit
        Largest number of degrees of freedom that is accepted; 24·n² bytes, O(n³) time, n energies.

    Raises
    ------
    InputError
        Above ``dense_limit``.
    """

    requires = (Differentiable,)

    def __init__(self, damping: float = 1e-3, dense_limit: int = 5000):
        given = self.validate(damping=damping, dense_limit=dense_limit)
        self.damping, self.dense_limit = given["damping"], given["dense_limit"]

    @classmethod
    def validate(cls, damping, dense_limit):
        return {
            "damping": real_number("damping", damping, 0.0),
            "dense_limit": whole_number("dense_limit", dense_limit, 2),
        }

    def measure(self, landscape: Differentiable, x: np.ndarray, rng: np.random.Generator) -> Variables:
        x = landscape.check(x)
        if landscape.space.n > self.dense_limit:
            raise InputError(
                f"hessian_structure needs the dense Hessian of {landscape.space.n} degrees of freedom: take a smaller "
                f"landscape or raise dense_limit = {self.dense_limit}"
            )
        found = {name: np.full(len(x), np.nan) for name in _DESCRIBED}
        for a in range(len(x)):
            if np.isfinite(x[a]).all():
                with np.errstate(all="ignore"):
                    self._measure(landscape, x[a], {name: values[a : a + 1] for name, values in found.items()})
        return {
            f"structure/{name}": Variable(found[name], ("replica",), units, words, {"damping": self.damping})
            for name, (units, words) in _DESCRIBED.items()
        }

    def _measure(self, landscape: Differentiable, x: np.ndarray, out: dict[str, np.ndarray]) -> None:
        space = landscape.space
        embedded = landscape.gradient(x[None])[0]
        matrix = space.tangent_hessian(x, embedded, np.array(landscape.hessian(x), dtype=np.float64))
        if not np.isfinite(matrix).all():
            return
        gradient = space.tangent_basis(x) @ space.riemannian_gradient(x[None], embedded[None])[0]
        diagonal = np.diagonal(matrix)
        squares = float(np.einsum("ij,ij->", matrix, matrix))
        out["off_diagonal_mass"][:] = off_diagonal_mass(matrix)
        out["rotated_mass"][:] = rotated_mass(float(diagonal.sum()), squares, len(matrix))
        out["interaction_ratio"][:] = interaction_ratio(matrix, gradient)
        if diagonal.max() > 0.0:
            out["top_over_diagonal"][:] = np.linalg.eigvalsh(matrix)[-1] / diagonal.max()
        step = diagonal_steps(diagonal, gradient, self.damping)
        joint, single = _changes(landscape, x, step)
        out["joint_change"][:] = joint / landscape.units.n_units
        out["single_changes"][:] = single / landscape.units.n_units


def _changes(landscape: Differentiable, x: np.ndarray, step: np.ndarray) -> tuple[float, float]:
    """Energy change of the whole step, and the sum of those of its coordinates alone."""
    space = landscape.space
    start = float(landscape.energy(x[None])[0])
    together = landscape.energy(space.retract(x[None] + space.from_tangent(x, step)[None]))[0] - start
    basis, alone = space.tangent_basis(x), 0.0
    rows = max(1, _ROWS_BYTES // (8 * len(x)))
    for first in range(0, len(step), rows):
        part = slice(first, first + rows)
        moved = space.retract(x + step[part, None] * basis[part])
        alone += float((landscape.energy(moved) - start).sum())
    return float(together), alone
