"""The noise of minibatches where a run has ended: its covariance, beside the Hessian, and how Gaussian it is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spinnet.configurable import whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import SumOfTerms
from spinnet.probes.base import EndpointProbe
from spinnet.probes.pattern_gradients import pattern_gradients
from spinnet.records import Variable, Variables

#: Directions along which the noise of batches is sampled.
DIRECTIONS = ("leading", "random", "peaked")
_BLOCKS = 20  # of draws, from which the error of a sampled kurtosis comes
#: The patterns that carry a fourth moment must be drawn so often: else their absence looks like a small error.
_FEWEST_SEEN = 200


class GradientNoiseProbe(EndpointProbe):
    """Covariance C of the gradients of single patterns: trace, eigenvalues, alignment with the Hessian, kurtosis.

    With L = E/P, C = (1/P) Σ g_μ g_μᵀ − ∇L∇Lᵀ and H = ∇²L (weight decay included in H, of which C knows nothing):

    - ``noise/trace``, ``noise/eigenvalue`` (the largest ``modes``), ``noise/participation`` (tr C)²/tr C²;
    - ``noise/alignment`` tr(CH)/(|C||H|) in Frobenius norms, and ``noise/scale`` s² = tr(CH)/tr H², the least squares
      of C ≈ s²H, of which the alignment squared is the share explained;
    - ``noise/eigenspace_overlap`` |U_CᵀU_H|²/k of the k leading eigenvectors of both; k/n for random spaces;
    - ``noise/curvature`` (all eigenvalues of H, increasing) and ``noise/along_modes`` v_iᵀCv_i;
    - ``noise/kurtosis`` κ₁, the excess kurtosis of one pattern's gradient along the leading eigenvector of C, a random
      direction, and the coordinate with the largest one; ``noise/batch_kurtosis`` that of sampled batches, κ₁/B for
      draws with replacement, with its error over blocks of draws; NaN where the patterns that make it are drawn too
      rarely.

    Parameters
    ----------
    modes
        Eigenvalues of C that are kept.
    space
        k, the dimension of the eigenspaces that are compared.
    batches
        Batch sizes at which the noise is sampled; empty for none.
    draws
        Batches drawn of each size.
    dense_limit
        Largest n for which the dense Hessian is made; above it all that needs H is NaN or left out.

    Notes
    -----
    Eigenvalues come from the smaller of GᵀG/P and GGᵀ/P, G the centred gradients (P, n): O(P n min(P, n)), 16 P n
    bytes. Reference for the relation to H: Zhu et al., arXiv:1803.00195; for the kurtosis: sums of independent draws.
    """

    requires = (SumOfTerms,)
    needs_hvp = True

    def __init__(
        self,
        modes: int = 20,
        space: int = 10,
        batches: tuple[int, ...] = (1, 4, 16, 64),
        draws: int = 20_000,
        dense_limit: int = 2000,
    ):
        given = self.validate(modes=modes, space=space, batches=batches, draws=draws, dense_limit=dense_limit)
        self.modes, self.space, self.batches = given["modes"], given["space"], tuple(given["batches"])
        self.draws, self.dense_limit = given["draws"], given["dense_limit"]

    @classmethod
    def validate(cls, modes, space, batches, draws, dense_limit):
        if not isinstance(batches, list | tuple | np.ndarray):
            raise InputError(f"batches = {batches!r}: give a list of batch sizes, such as [1, 16]")
        return {
            "modes": whole_number("modes", modes, 1),
            "space": whole_number("space", space, 1),
            "batches": [whole_number("batches", batch, 1) for batch in batches],
            "draws": whole_number("draws", draws, 2 * _BLOCKS),
            "dense_limit": whole_number("dense_limit", dense_limit, 0),
        }

    def measure(self, landscape: SumOfTerms, x: np.ndarray, rng: np.random.Generator) -> Variables:
        x = landscape.check(x)
        rows = [self._measure_one(landscape, row, rng) for row in x]
        return {f"noise/{name}": _joined([row[name] for row in rows]) for name in rows[0]} | {
            "noise/batch": Variable(np.array(self.batches, dtype=np.int64), ("batch",), "1", "batch sizes"),
        }

    def _measure_one(self, landscape: SumOfTerms, row: np.ndarray, rng: np.random.Generator) -> Variables:
        n, dense = len(row), len(row) <= self.dense_limit
        count, space = min(self.modes, n, landscape.n_terms), min(self.space, n, landscape.n_terms)
        sizes = {"eigenvalue": count, "kurtosis": len(DIRECTIONS)}
        sizes |= {"curvature": n, "along_modes": n} if dense else {}
        found: dict[str, np.ndarray | float] = {name: np.full(size, np.nan) for name, size in sizes.items()}
        for name in ("batch_kurtosis", "batch_kurtosis_error"):
            found[name] = np.full((len(DIRECTIONS), len(self.batches)), np.nan)
        for name in ("trace", "gradient_square", "participation", "alignment", "scale", "eigenspace_overlap"):
            found[name] = np.nan
        if np.isfinite(row).all():
            gradients = pattern_gradients(landscape, row)
            mean = gradients.mean(axis=0)
            centred = gradients - mean
            spectrum = noise_spectrum(centred)
            found["gradient_square"] = mean @ mean
            found["trace"] = np.einsum("pi,pi->", centred, centred) / len(centred)
            if found["trace"] > 0:
                found["eigenvalue"] = spectrum.values[:count]
                found["participation"] = found["trace"] ** 2 / (spectrum.values**2).sum()
                if dense:
                    found |= self._beside_hessian(landscape, row, centred, spectrum, space)
                found |= self._kurtosis(centred, spectrum.vectors[0], rng)
        return {name: Variable(np.array(values), _DIMS.get(name, ()), *_TOLD[name]) for name, values in found.items()}

    def _beside_hessian(self, landscape, row, centred, spectrum: Spectrum, space: int) -> dict[str, np.ndarray | float]:
        hessian = landscape.hessian(row) / landscape.n_terms
        curvature, directions = np.linalg.eigh(hessian)
        along = ((centred @ directions) ** 2).mean(axis=0)
        joint = float(along @ curvature)  # tr(CH)
        size = np.sqrt((spectrum.values**2).sum() * (curvature**2).sum())
        # The leading eigenvectors of H by absolute value: C is positive, H may not be.
        leading = directions[:, np.argsort(-np.abs(curvature))[:space]]
        shared = spectrum.vectors[:space] @ leading
        return {
            "curvature": curvature, "along_modes": along,
            "alignment": joint / size if size > 0 else np.nan,
            "scale": joint / (curvature**2).sum() if size > 0 else np.nan,
            "eigenspace_overlap": float((shared**2).sum() / space),
        }  # fmt: skip

    def _kurtosis(self, centred, leading, rng: np.random.Generator) -> dict[str, np.ndarray]:
        second, fourth = (centred**2).mean(axis=0), (centred**4).mean(axis=0)
        alive = second > 1e-12 * second.max()
        peaked = int(np.argmax(np.where(alive, fourth / np.where(alive, second, 1.0) ** 2, 0.0)))
        random = rng.standard_normal(centred.shape[1])
        along = np.stack([centred @ leading, centred @ random / np.linalg.norm(random), centred[:, peaked]])
        sampled = np.full((2, len(along), len(self.batches)), np.nan)
        for k, batch in enumerate(self.batches):
            # One block at a time: the numbers of a large batch do not fit in memory together.
            draws = self.draws // _BLOCKS
            means = np.concatenate([
                along[:, rng.integers(0, len(centred), (draws, batch))].mean(axis=2) for _ in range(_BLOCKS)
            ], axis=1)  # fmt: skip
            sampled[:, :, k] = _with_error(means)
            sampled[:, _carriers(along) * self.draws * batch < _FEWEST_SEEN * len(centred), k] = np.nan
        return {"kurtosis": np.array([excess_kurtosis(one) for one in along]), "batch_kurtosis": sampled[0],
                "batch_kurtosis_error": sampled[1]}  # fmt: skip


class Spectrum(NamedTuple):
    """Eigenvalues of C, decreasing, and its eigenvectors as rows; zero ones beyond the rank are left out."""

    values: np.ndarray
    vectors: np.ndarray


def noise_spectrum(centred: np.ndarray) -> Spectrum:
    """Eigenvalues and eigenvectors of centredᵀ·centred/P for ``centred`` (P, n), from the smaller Gram matrix."""
    patterns, n = centred.shape
    if n <= patterns:
        values, vectors = np.linalg.eigh(centred.T @ centred / patterns)
        return Spectrum(np.maximum(values[::-1], 0.0), vectors[:, ::-1].T)
    values, combinations = np.linalg.eigh(centred @ centred.T / patterns)
    values = np.maximum(values[::-1], 0.0)
    vectors = combinations[:, ::-1].T @ centred
    lengths = np.linalg.norm(vectors, axis=1)
    return Spectrum(values, vectors / np.where(lengths > 0, lengths, 1.0)[:, None])


def excess_kurtosis(values: np.ndarray) -> float:
    """⟨δ⁴⟩/⟨δ²⟩² − 3 of the values as they are, without a correction for their number; NaN where they are equal."""
    apart = values - values.mean()
    second = (apart**2).mean()
    return float((apart**4).mean() / second**2 - 3.0) if second > 0 else np.nan


def _carriers(along: np.ndarray) -> np.ndarray:
    """How many patterns carry the fourth moment of each row: (Σδ⁴)²/Σδ⁸; 1 where one pattern is all of it."""
    fourth = along**4
    return fourth.sum(axis=1) ** 2 / np.maximum((fourth**2).sum(axis=1), np.finfo(float).tiny)


def _with_error(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Excess kurtosis of each row and its jackknife error over blocks.

    The true mean is zero: moments about it have no bias from their number but that of the ratio, which the jackknife
    takes off.
    """
    blocks = means.reshape(len(means), _BLOCKS, -1)
    second, fourth = (blocks**2).mean(axis=2), (blocks**4).mean(axis=2)
    whole = fourth.mean(axis=1) / second.mean(axis=1) ** 2 - 3.0
    left = [(np.delete(fourth, b, 1).mean(axis=1) / np.delete(second, b, 1).mean(axis=1) ** 2 - 3.0)
            for b in range(_BLOCKS)]  # fmt: skip
    left = np.array(left)
    error = np.sqrt((_BLOCKS - 1) / _BLOCKS * ((left - left.mean(axis=0)) ** 2).sum(axis=0))
    return _BLOCKS * whole - (_BLOCKS - 1) * left.mean(axis=0), error


_DIMS = {
    "eigenvalue": ("noise_mode",),
    "curvature": ("mode",),
    "along_modes": ("mode",),
    "kurtosis": ("direction",),
    "batch_kurtosis": ("direction", "batch"),
    "batch_kurtosis_error": ("direction", "batch"),
}
_TOLD = {
    "trace": ("energy^2", "trace of the covariance C of the gradients of single patterns"),
    "gradient_square": ("energy^2", "|gradient of the mean loss|^2"),
    "participation": ("1", "(tr C)^2/tr C^2: the number of directions of the noise"),
    "eigenvalue": ("energy^2", "largest eigenvalues of C, decreasing"),
    "alignment": ("1", "tr(CH)/(|C||H|) with the Hessian H of the mean loss"),
    "scale": ("energy", "tr(CH)/tr(H^2): s^2 of C = s^2 H by least squares"),
    "eigenspace_overlap": ("1", "overlap of the leading eigenspaces of C and H, 1 for the same"),
    "curvature": ("energy", "eigenvalues of the Hessian of the mean loss, increasing"),
    "along_modes": ("energy^2", "C along each eigenvector of the Hessian"),
    "kurtosis": ("1", "excess kurtosis of one pattern along the leading, a random and the most peaked direction"),
    "batch_kurtosis": ("1", "excess kurtosis of the mean over sampled batches"),
    "batch_kurtosis_error": ("1", "its error over blocks of draws"),
}


def _joined(parts: list[Variable]) -> Variable:
    first = parts[0]
    data = np.stack([part.data for part in parts])
    return Variable(data, ("replica", *first.dims), first.units, first.description)
