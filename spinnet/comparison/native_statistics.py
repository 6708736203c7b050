r"""Numbers of a native state that do not depend on scale: what landscapes are classed by.

For an energy with the covariance :math:`N f(q)` of a sphere, :math:`f \propto q^p`, everything follows from the degree:
the mean profile around a minimum is :math:`e(q) = e^* q^p`, the roughness far from it :math:`\sqrt{f(1)/N}`, and with
:math:`F = |e^*| p q^{p-1}\sqrt{1-q^2}` the force along the way home and :math:`G^2 = \tfrac p2(1 - q^{2p-2})` the
variance per spin of the force across it for f(1) = ½, given that it vanishes at the minimum, the cosine is
:math:`F/\sqrt{F^2 + G^2}` up to 1/N.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError
from spinnet.estimators.funnel import funnel_shape

#: The statistics, in the order of the columns, and how each is told.
STATISTICS = {
    "degree": "degree k of the profile",
    "frustration": "depth over roughness Λ",
    "alignment": "cosine of the force with the way home at q = 1/2",
    "return": "overlap after descent from q = 1/2",
}
#: The overlap at which the force is looked at, and from which descents start.
HALF = 0.5
#: Depth over roughness above which there is a native state: a random configuration is as deep once in 30 000.
NATIVE = 4.0


def native_statistics(
    overlap: ArrayLike, energy: ArrayLike, roughness: ArrayLike, cosine: ArrayLike, reached: ArrayLike, n_dof: int
) -> dict[str, NDArray]:
    r"""Statistics (units,) of profiles ``energy``, ``roughness``, ``cosine`` (units, overlaps).

    * degree: k of :math:`[e(q) - e(0)]/[e(1) - e(0)] = q^k` at the overlap where it is ½;
    * frustration: :math:`\Lambda = [e(0) - e(1)]/(\sigma\sqrt{n})`, σ the standard deviation over directions of the
      energy at |q| < 0.15 and n the degrees of freedom (in place of 2 S₀, which a sphere does not have);
    * alignment: the cosine at q = ½;
    * return: ``reached`` (units,), the mean overlap with the native minimum after descents from q = ½.

    All are NaN where there is no native state: a depth below :data:`NATIVE` roughnesses, the ratio being given as
    "native".
    """
    shape = funnel_shape(overlap, energy, roughness)
    q, c = np.asarray(overlap, dtype=np.float64), np.asarray(cosine, dtype=np.float64)
    order = np.argsort(q)
    if not q.min() <= HALF <= q.max() or c.shape[1:] != q.shape:
        raise InputError(f"overlaps from {q.min():g} to {q.max():g}: alignment is read at q = {HALF:g}")
    with np.errstate(invalid="ignore", divide="ignore"):
        native = shape.depth / shape.roughness
        found = {
            "degree": np.log(0.5) / np.log(shape.half_overlap),
            "frustration": native / np.sqrt(n_dof),
            "alignment": np.array([np.interp(HALF, q[order], row[order]) for row in c]),
            "return": np.array(reached, dtype=np.float64),
        }
        lost = ~(native > NATIVE)
    for values in found.values():
        values[lost] = np.nan
    return {"native": native, **found}


def columns(statistics: dict[str, NDArray]) -> NDArray:
    """The statistics as they are classed, (units, 4): ln k, ln Λ, artanh of the cosine, and the overlap returned to.

    Nearly Gaussian with a width that does not depend on the value. Values without a finite transform (no roughness at
    all) are not finite here either.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.stack([
            np.log(statistics["degree"]), np.log(statistics["frustration"]), np.arctanh(statistics["alignment"]),
            statistics["return"],
        ], axis=1)  # fmt: skip
