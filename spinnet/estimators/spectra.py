"""Numbers read off the eigenvalues of one matrix: signs, zero modes, spacing ratios.

An eigenvalue counts as zero when its modulus is at most ``zero_tolerance`` times the largest modulus: LAPACK finds
eigenvalues to about n·2⁻⁵³ of the largest, so 1e-9 lies far above rounding. It is a resolution and not a physical
scale: the levels of a trained network run down continuously, and some that are not exactly zero may lie below it. The
number of zero modes is a number to within the tolerance, at least that of the exact zeros.
"""

from __future__ import annotations

import numpy as np

from spinnet.errors import InputError

ZERO_TOLERANCE = 1e-9

#: Mean spacing ratio of large GOE matrices and of independent levels (2 ln 2 − 1): Atas, Bogomolny, Giraud & Roux,
#: Phys. Rev. Lett. 110, 084101 (2013), table I.
GOE_SPACING_RATIO = 0.5307
POISSON_SPACING_RATIO = 2.0 * np.log(2.0) - 1.0


def zero_threshold(eigenvalues: np.ndarray, zero_tolerance: float = ZERO_TOLERANCE) -> float:
    """The modulus up to which an eigenvalue counts as zero: ``zero_tolerance``·max|λ|."""
    return zero_tolerance * float(np.abs(eigenvalues).max(initial=0.0))


def count_signs(eigenvalues: np.ndarray, zero_tolerance: float = ZERO_TOLERANCE) -> tuple[int, int, int]:
    """Numbers of negative, zero and positive eigenvalues; the first is the index of a critical point."""
    threshold = zero_threshold(eigenvalues, zero_tolerance)
    negative = int((eigenvalues < -threshold).sum())
    positive = int((eigenvalues > threshold).sum())
    return negative, len(eigenvalues) - negative - positive, positive


def nonzero_modes(eigenvalues: np.ndarray, zero_tolerance: float = ZERO_TOLERANCE) -> np.ndarray:
    """The eigenvalues that do not count as zero, ascending."""
    values = np.sort(np.asarray(eigenvalues, dtype=np.float64))
    return values[np.abs(values) > zero_threshold(values, zero_tolerance)]


def spacing_ratios(
    eigenvalues: np.ndarray, central: float = 1.0, zero_tolerance: float = ZERO_TOLERANCE
) -> np.ndarray:
    """r̃_k = min(s_k, s_{k+1})/max(s_k, s_{k+1}) of neighbouring spacings s_k = λ_{k+1} − λ_k, without unfolding.

    Parameters
    ----------
    eigenvalues
        Of one matrix, in any order; zero modes are removed first, because a degenerate level has no spacing.
    central
        Share of the remaining levels that is used, the same number being left out at both ends: 0.8 keeps the
        middle 80 %. The mean over GOE matrices depends little on it; outliers and edges of real spectra do.
    zero_tolerance
        Relative to the largest modulus.

    Returns
    -------
    ndarray, shape (levels − 2,)
        Ratios in [0, 1]; empty for fewer than three levels. Pairs of spacings that are both below the rounding of
        the levels (degenerate triples) are left out.

    References
    ----------
    Oganesyan & Huse, Phys. Rev. B 75, 155111 (2007).
    """
    if not 0.0 < central <= 1.0:
        raise InputError(f"central = {central!r}: give the share of levels to use, in (0, 1]")
    levels = nonzero_modes(eigenvalues, zero_tolerance)
    cut = int(np.floor(0.5 * (1.0 - central) * len(levels) + 1e-9))
    levels = levels[cut : len(levels) - cut]
    if len(levels) < 3:
        return np.empty(0)
    spacings = np.diff(levels)
    small, large = np.minimum(spacings[:-1], spacings[1:]), np.maximum(spacings[:-1], spacings[1:])
    resolved = large > 4.0 * np.finfo(np.float64).eps * np.abs(levels).max()
    return small[resolved] / large[resolved]


def mean_spacing_ratio(
    eigenvalues: np.ndarray, central: float = 0.8, zero_tolerance: float = ZERO_TOLERANCE
) -> float:
    """Mean of :func:`spacing_ratios`; NaN where there is none. One matrix is one independent value of it."""
    ratios = spacing_ratios(eigenvalues, central, zero_tolerance)
    return float(ratios.mean()) if len(ratios) else np.nan
