"""Densities of states by walks beside those counted level by level, and free energies by walks beside theory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from spinnet.estimators.density_of_states import half_temperature
from spinnet.estimators.resampling import mean_and_error
from spinnet.reports.base import Content
from spinnet.reports.folding_kinetics import EMPTY_ROW
from spinnet.reports.results import PointResults
from spinnet.theory.folding import FunnelProfile

#: Relative error of a folding temperature that is called agreement.
CLOSE = 0.01
#: Shells of more than e^7 states are compared with the mean over random energies.
_MANY = 7.0


def add_sampling(content: Content, points: list[PointResults]) -> list[str]:
    """Add arrays under "sampled/number"; return findings."""
    findings = []
    for number, point in enumerate(points):
        samples = _samples(point)
        found = [_sample(point, a, b) for a, b in samples]
        good = [one for one in found if one["converged"]]
        for one in (good or found)[:1]:
            group = f"sampled/{number}"
            content.describe(group, n=int(point.physics["landscape"]["n"]), label=point.label,
                             converged=int(one["converged"]))  # fmt: skip
            for name in ("energy", "log_density", "log_density_error", "exact_log_density", "overlap",
                         "exact_overlap"):  # fmt: skip
                content.add(f"{group}/{name}", one[name], ("bin",), "energy" if name == "energy" else "1")
        for one in found:
            content.rows.append({
                **EMPTY_ROW, "part": "sampled", "point": point.label, "samples": 1, "folding_temperature": one["half"],
                "folding_error": one["half_error"], "theory": one["exact_half"], "rms_log_density": one["rms"],
            })  # fmt: skip
        findings.append(_told(point, found, good))
    return findings


def _samples(point: PointResults) -> list[tuple[int, int]]:
    walks, counted = point.sample_numbers("dynamics"), point.sample_numbers("density_of_states")
    _, a, b = np.intersect1d(walks, counted, return_indices=True)
    return list(zip(a.tolist(), b.tolist(), strict=True))


def _sample(point: PointResults, walk: int, count: int) -> dict[str, Any]:
    """One sample: walkers are the independent units of what a walk estimates on it."""
    read = {name: point.read(f"dynamics/{name}")[walk] for name in
            ("log_density", "energy_in_bin", "overlap_in_bin", "converged", "bin_energy")}  # fmt: skip
    exact = {name: point.read(f"density_of_states/{name}")[count, 0] for name in
             ("log_density", "energy_in_bin", "overlap_in_bin")}  # fmt: skip
    met = np.isfinite(exact["log_density"])
    same = bool((np.isfinite(read["log_density"]) == met).all())
    converged = bool(read["converged"].all()) and same
    with np.errstate(invalid="ignore"):
        mean = read["log_density"].mean(axis=0)
        walkers = len(read["log_density"])
        finite = np.isfinite(read["log_density"]).all(axis=0)
        safe = np.where(finite, read["log_density"], 0.0)
        error = np.where(finite, safe.std(axis=0, ddof=1) / np.sqrt(walkers), np.nan) if walkers > 1 else 0.0 * mean
    off = mean[met & finite] - exact["log_density"][met & finite]
    halves = np.full(walkers, np.nan)
    if converged:
        for a in range(walkers):
            halves[a] = half_temperature(
                read["log_density"][a], read["energy_in_bin"][a], read["overlap_in_bin"][a]
            )
    told = bool(np.isfinite(halves).all())
    spread = float(halves.std(ddof=1) / np.sqrt(walkers)) if told and walkers > 1 else None
    overlap = np.where(met & finite, read["overlap_in_bin"].mean(axis=0), np.nan)
    return {
        "converged": converged, "same": same, "rms": float(np.sqrt((off**2).mean())), "energy": read["bin_energy"][0],
        "log_density": np.where(np.isfinite(mean), mean, np.nan), "log_density_error": error,
        "exact_log_density": np.where(met, exact["log_density"], np.nan), "overlap": overlap,
        "exact_overlap": np.where(met, exact["overlap_in_bin"], np.nan),
        "half": float(halves.mean()) if told else None, "half_error": spread, "exact_half": _exact_half(point, count),
    }  # fmt: skip


def _exact_half(point: PointResults, count: int) -> float | None:
    """⟨Q⟩ = 1/2 of the levels themselves where the probe ``funnel`` measured it."""
    if not point.has("funnel/half_overlap_temperature"):
        return None
    return float(point.read("funnel/half_overlap_temperature")[count, 0])


def _told(point: PointResults, found: list[dict[str, Any]], good: list[dict[str, Any]]) -> str:
    n = int(point.physics["landscape"]["n"])
    head = f"Wang–Landau walks, N = {n}: {len(good)} of {len(found)} samples converged"
    if not good:
        return f"{head}; nothing is reported of densities that have not"
    rms = max(one["rms"] for one in good)
    pairs = [(one["half"], one["exact_half"], one["half_error"]) for one in good if one["half"] and one["exact_half"]]
    line = f"{head}; the rms error of ln g over all bins is at most {rms:.3f}"
    if pairs:
        errors = [abs(a / b - 1.0) for a, b, _ in pairs]
        scores = [abs(a - b) / error for a, b, error in pairs if error]
        told = f"at most {max(scores):.1f} of its own errors over walkers" if scores else "its error is not known"
        verb = "within" if max(errors) < CLOSE else "NOT within"
        line += (
            f"; T with ⟨Q⟩ = 1/2 is {verb} {100 * CLOSE:g} % of the exact one in all of them (largest difference "
            f"{100 * max(errors):.2f} %; {told})"
        )
    return line


def add_walks(content: Content, points: list[PointResults]) -> list[str]:
    """Free energies F(Q, T) beside those of random energies, under "walked/number"; returns findings."""
    findings = []
    for number, point in enumerate(points):
        landscape, temperature = point.physics["landscape"], float(point.physics["dynamics"]["temperature"])
        n = int(landscape["n"])
        log_z, good = point.read("dynamics/log_partition"), point.read("dynamics/converged").all(axis=1)
        overlap = point.read("dynamics/overlaps")[0, 0]
        profile = random_energy_profile(landscape, overlap)
        expected = profile.free_energy(temperature) / temperature
        group = f"walked/{number}"
        content.describe(group, n=n, temperature=temperature, samples=int(good.sum()))
        content.add(f"{group}/overlap", overlap, ("shell",))
        content.add(f"{group}/theory", expected, ("shell",), "1", "F(Q, T)/T of random energies")
        head = f"walks along Q, N = {n}, T = {temperature:g}: {int(good.sum())} of {len(good)} samples converged"
        if not good.any():
            findings.append(f"{head}; nothing is reported of free energies that have not")
            continue
        mean, error = mean_and_error(-log_z[good].mean(axis=1))
        content.add(f"{group}/free_energy", mean, ("shell",), "1", "F(Q, T)/T")
        content.add(f"{group}/free_energy_error", error, ("shell",))
        many = profile.entropy > _MANY
        if not many.any():
            findings.append(f"{head}; no shell has more than e^{_MANY:g} states to be compared with random energies")
            continue
        worst = int(np.argmax(np.where(many, np.abs(mean - expected), 0.0)))
        spread = float(log_z[good][:, :, many].std(axis=1, ddof=1).max()) if log_z.shape[1] > 1 else math.nan
        rise = expected[many].max() - expected[many].min()
        findings.append(
            f"{head}; in shells of more than e^{_MANY:g} states F/T differs from that of random energies by at most "
            f"{abs(mean[worst] - expected[worst]):.3f} ± {error[worst]:.3f} (Q = {overlap[worst]:.2f}), where it "
            f"varies by {rise:.1f}; walkers of one sample differ by up to {spread:.3f}"
        )
    return findings


def random_energy_profile(landscape: dict[str, Any], overlap: np.ndarray) -> FunnelProfile:
    """Mean, roughness and entropy of the shells of a FoldingREM."""
    n, towards = int(landscape["n"]), np.maximum(overlap, 0.0)
    gap = float(landscape["stability"]) * n * math.sqrt(math.log(2.0))
    depth = gap * towards ** float(landscape["power"]) if landscape["funnel"] == "power" else np.zeros(n + 1)
    rough = np.sqrt(0.5 * n * (1.0 - float(landscape["softening"]) * towards))
    depth[0], rough[0] = gap, 0.0
    return FunnelProfile(overlap, depth, rough, np.array([math.log(math.comb(n, k)) for k in range(n + 1)]))
