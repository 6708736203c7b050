r"""Finite-size scaling: extrapolation to infinite size and exponents of power laws, with errors and chi-squared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError, NotConvergedError


@dataclass(frozen=True)
class LinearFit:
    """Weighted least squares of y = sum_k c_k B_k(x).

    Attributes
    ----------
    coefficients : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
        Of the coefficients, from the given errors (it is not rescaled by chi-squared).
    chi_squared : float
        Sum of squared residuals in units of the given errors.
    degrees_of_freedom : int
        Points minus coefficients.
    p_value : float
        Probability of a chi-squared at least as large if the form is right; NaN without degrees of freedom.
    """

    coefficients: NDArray
    covariance: NDArray
    chi_squared: float
    degrees_of_freedom: int
    p_value: float

    @property
    def errors(self) -> NDArray:
        """Standard errors of the coefficients."""
        return np.sqrt(np.diag(self.covariance))


@dataclass(frozen=True)
class Extrapolation:
    r"""Fit of :math:`y(N) = a + b N^{-\omega}`: ``limit`` is a, ``amplitude`` b, ``exponent`` omega.

    ``exponent_error`` is 0 where the exponent was given. ``p_value`` small means that the form does not hold at
    these sizes: leave out the smallest ones.
    """

    limit: float
    limit_error: float
    amplitude: float
    amplitude_error: float
    exponent: float
    exponent_error: float
    chi_squared: float
    degrees_of_freedom: int
    p_value: float

    def __call__(self, sizes: ArrayLike) -> NDArray:
        """The fitted curve at ``sizes``."""
        return self.limit + self.amplitude * np.asarray(sizes, dtype=np.float64) ** -self.exponent


@dataclass(frozen=True)
class PowerLaw:
    r"""Fit of :math:`y = A x^{\alpha}` on a log-log scale: ``exponent`` is alpha, ``log_prefactor`` ln A."""

    exponent: float
    exponent_error: float
    log_prefactor: float
    log_prefactor_error: float
    chi_squared: float
    degrees_of_freedom: int
    p_value: float

    def __call__(self, x: ArrayLike) -> NDArray:
        """The fitted curve at ``x``."""
        return np.exp(self.log_prefactor) * np.asarray(x, dtype=np.float64) ** self.exponent


def weighted_least_squares(basis: ArrayLike, y: ArrayLike, y_errors: ArrayLike) -> LinearFit:
    r"""Minimise :math:`\chi^2 = \sum_i (y_i - \sum_k B_{ik} c_k)^2 / s_i^2`.

    Parameters
    ----------
    basis : array_like, shape (n, k)
        One column per coefficient.
    y, y_errors : array_like, shape (n,)
        Values and their independent standard errors, > 0.

    Raises
    ------
    InputError
        For fewer points than coefficients, shapes that do not match, errors that are not positive, or columns that
        are not independent.
    """
    basis, y, y_errors = (np.asarray(a, dtype=np.float64) for a in (basis, y, y_errors))
    if basis.ndim != 2 or y.shape != (len(basis),) or y_errors.shape != y.shape:
        raise InputError(f"a fit was given shapes {basis.shape}, {y.shape}, {y_errors.shape}: need (n, k), (n,), (n,)")
    n, k = basis.shape
    if n < k:
        raise InputError(f"a fit of {k} coefficients was given {n} points; give at least {k}")
    if not (np.isfinite(basis).all() and np.isfinite(y).all()):
        raise InputError("a fit was given values that are not finite; leave those points out")
    if not (np.isfinite(y_errors).all() and (y_errors > 0).all()):
        raise InputError("a fit was given errors that are not positive; every point needs its standard error")
    weighted = basis / y_errors[:, None]
    # Columns of one size keep the condition number about the geometry of the fit, not about units.
    scale = np.linalg.norm(weighted, axis=0)
    if (scale == 0).any():
        raise InputError("a fit was given a column of zeros; leave that coefficient out")
    u, s, vt = np.linalg.svd(weighted / scale, full_matrices=False)
    if s[-1] < 1e-12 * s[0]:
        raise InputError("the points cannot tell the coefficients of the fit apart; give more different sizes")
    coefficients = (vt.T @ ((u.T @ (y / y_errors)) / s)) / scale
    covariance = (vt.T / s**2) @ vt / np.outer(scale, scale)
    chi_squared = float((((y - basis @ coefficients) / y_errors) ** 2).sum())
    return LinearFit(coefficients, covariance, chi_squared, n - k, chi_squared_p_value(chi_squared, n - k))


def chi_squared_p_value(chi_squared: float, degrees_of_freedom: int) -> float:
    """Probability that chi-squared is at least this large; NaN without degrees of freedom."""
    if degrees_of_freedom < 1:
        return float("nan")
    from scipy.special import gammaincc

    return float(gammaincc(degrees_of_freedom / 2, chi_squared / 2))


def extrapolate(
    sizes: ArrayLike, values: ArrayLike, errors: ArrayLike, exponent: float | None = 1.0
) -> Extrapolation:
    r"""Extrapolate :math:`y(N) = a + b N^{-\omega}` to infinite N.

    Parameters
    ----------
    sizes : array_like, shape (n,)
        N > 0.
    values, errors : array_like, shape (n,)
        Means over independent units and their standard errors, of independent simulations at each size.
    exponent : float or None
        omega > 0 from theory (two or more sizes); None fits it as well (four or more sizes), and the error of the
        limit then includes that of omega.

    Raises
    ------
    InputError
        For too few sizes, or values that are not allowed.
    NotConvergedError
        If the data do not determine a free exponent between 0.05 and 5.
    """
    sizes, values, errors = (np.asarray(a, dtype=np.float64) for a in (sizes, values, errors))
    if sizes.ndim != 1 or not (np.isfinite(sizes).all() and (sizes > 0).all()):
        raise InputError("sizes of an extrapolation are positive numbers in one row")
    different = len(np.unique(sizes))
    needed = 2 if exponent is not None else 4
    if different < needed:
        raise InputError(f"an extrapolation was given {different} different sizes and needs at least {needed}")
    if exponent is not None:
        if not exponent > 0:
            raise InputError(f"exponent = {exponent!r}: N^-exponent must vanish at infinite size, give a number > 0")
        fit = weighted_least_squares(np.column_stack([np.ones_like(sizes), sizes**-exponent]), values, errors)
        (a, b), (a_error, b_error) = fit.coefficients, fit.errors
        return Extrapolation(
            float(a), float(a_error), float(b), float(b_error), float(exponent), 0.0,
            fit.chi_squared, fit.degrees_of_freedom, fit.p_value,
        )  # fmt: skip
    return _extrapolate_free(sizes, values, errors)


def _extrapolate_free(sizes: NDArray, values: NDArray, errors: NDArray) -> Extrapolation:
    # a and b are linear: what is left is a search in one variable, first on a grid because it may have two minima.
    from scipy.optimize import minimize_scalar

    def chi_squared(omega: float) -> float:
        basis = np.column_stack([np.ones_like(sizes), sizes**-omega])
        return weighted_least_squares(basis, values, errors).chi_squared

    grid = np.geomspace(0.05, 5.0, 60)
    trace = [chi_squared(omega) for omega in grid]
    best = int(np.argmin(trace))
    if best in (0, len(grid) - 1):
        raise NotConvergedError(
            f"the exponent of the finite-size correction runs to {grid[best]:g}, the end of the range searched: "
            "give it from theory, or add sizes"
        )
    found = minimize_scalar(chi_squared, bounds=(grid[best - 1], grid[best + 1]), method="bounded",
                            options={"xatol": 1e-10})  # fmt: skip
    omega = float(found.x)
    powers = sizes**-omega
    fit = weighted_least_squares(np.column_stack([np.ones_like(sizes), powers]), values, errors)
    a, b = fit.coefficients
    jacobian = np.column_stack([np.ones_like(sizes), powers, -b * np.log(sizes) * powers]) / errors[:, None]
    scale = np.linalg.norm(jacobian, axis=0)
    singular = (scale == 0).any() or np.linalg.cond(jacobian / np.where(scale > 0, scale, 1.0)) > 1e10
    if not singular:
        covariance = np.linalg.inv((jacobian / scale).T @ (jacobian / scale)) / np.outer(scale, scale)
        a_error, b_error, omega_error = np.sqrt(np.diag(covariance))
    if singular or omega_error > omega:
        raise NotConvergedError(
            "the finite-size correction is too small for these errors to give its exponent: give it from theory"
        )
    freedom = len(sizes) - 3
    return Extrapolation(
        float(a), float(a_error), float(b), float(b_error), omega, float(omega_error),
        fit.chi_squared, freedom, chi_squared_p_value(fit.chi_squared, freedom),
    )  # fmt: skip


def fit_power_law(x: ArrayLike, y: ArrayLike, y_errors: ArrayLike) -> PowerLaw:
    r"""Fit :math:`y = A x^{\alpha}` by weighted least squares of ln y on ln x, with the error of ln y = error/y.

    Raises
    ------
    InputError
        For fewer than three points, values that are not positive (a logarithm of them does not exist), or relative
        errors above 0.5 (a logarithm of them is not Gaussian).
    """
    x, y, y_errors = (np.asarray(a, dtype=np.float64) for a in (x, y, y_errors))
    if x.ndim != 1 or x.shape != y.shape or y.shape != y_errors.shape or len(x) < 3:
        raise InputError(f"a power law was given shapes {x.shape}, {y.shape}, {y_errors.shape}: need three points")
    if not ((x > 0).all() and (y > 0).all()):
        raise InputError("a power law was given values that are not positive; subtract the limit with care, or cut")
    relative = y_errors / y
    if (relative > 0.5).any():
        raise InputError("a power law was given points with relative errors above 0.5; leave them out or average more")
    fit = weighted_least_squares(np.column_stack([np.ones_like(x), np.log(x)]), np.log(y), relative)
    (prefactor, exponent), (prefactor_error, exponent_error) = fit.coefficients, fit.errors
    return PowerLaw(
        float(exponent), float(exponent_error), float(prefactor), float(prefactor_error),
        fit.chi_squared, fit.degrees_of_freedom, fit.p_value,
    )  # fmt: skip


def local_exponents(x: ArrayLike, y: ArrayLike, y_errors: ArrayLike) -> tuple[NDArray, NDArray, NDArray]:
    r"""Exponents between neighbouring points, :math:`\ln(y_{i+1}/y_i) / \ln(x_{i+1}/x_i)`.

    Returns
    -------
    x_between, exponent, error : ndarray, shape (n - 1,)
        Geometric means of neighbouring x, the exponents, and their errors for independent points.

    Raises
    ------
    InputError
        For values that are not positive or x that does not increase.
    """
    x, y, y_errors = (np.asarray(a, dtype=np.float64) for a in (x, y, y_errors))
    if not ((x > 0).all() and (y > 0).all() and (np.diff(x) > 0).all()):
        raise InputError("local exponents need positive values at increasing x")
    step = np.diff(np.log(x))
    relative = (y_errors / y) ** 2
    return np.sqrt(x[1:] * x[:-1]), np.diff(np.log(y)) / step, np.sqrt(relative[1:] + relative[:-1]) / step
