"""Spectra of weight matrices along training: Marchenko–Pastur bulk, spikes, power-law tails, beside their nulls."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import whole_number
from spinnet.errors import InputError
from spinnet.estimators.power_law import FEWEST_IN_TAIL
from spinnet.estimators.resampling import FEWEST_UNITS, mean_and_error
from spinnet.reports.base import Content, Report
from spinnet.reports.results import PointResults, StudyResults
from spinnet.reports.weight_laws import analyse_weights, eigenvalues_of, tail_of
from spinnet.theory.random_matrices import MarchenkoPastur

_ROLES = {"arm": "true labels", "shuffled": "shuffled labels", "untrained": "untrained"}
_REJECTED = 0.1
_BINS = 60
_NUMBERS = ("sigma", "largest_score", "spikes", "distance", "stable_rank")


class WeightSpectraReport(Report):
    """Each layer of each arm: bulk, spikes and stable rank along training, and a power-law fit at the end.

    A power law is fitted where at least 50 eigenvalues are in the tail, and refused elsewhere. The same fit on the
    matrix with shuffled elements is its null: a "power law" that a shuffled matrix has too says nothing. Eigenvalues
    repel one another, while the goodness of fit takes them for independent: its p is too large, if anything. Errors are
    over runs, and unknown (NaN) from fewer than five of them.

    Parameters
    ----------
    arm
        Networks trained on true labels; may be left out where there is only one arm.
    shuffled, untrained
        The same on shuffled labels, and at initialisation; may be left out.
    draws
        Bootstrap samples of the goodness of fit.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ("arm", "shuffled", "untrained")
    probes: ClassVar[tuple[str, ...]] = ("weight_spectra",)
    landscapes: ClassVar[tuple[str, ...]] = ("DenseNetwork", "StructuredNetwork")

    def __init__(self, arm: str = "", shuffled: str = "", untrained: str = "", draws: int = 100):
        given = self.validate(arm=arm, shuffled=shuffled, untrained=untrained, draws=draws)
        self.arm, self.shuffled, self.untrained = arm, shuffled, untrained
        self.draws = given["draws"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        given["draws"] = whole_number("draws", given["draws"], 10)
        return given

    @classmethod
    def check(cls, settings, arms) -> None:
        """Also: one network to an arm, whose layers are the rows."""
        super().check(settings, arms)
        for parameter in cls.arm_parameters:
            name = cls.chosen_arm(settings, parameter, list(arms))
            if name and len(arms[name]) > 1:
                raise InputError(
                    f"arm {name} has {len(arms[name])} points: weight_spectra reads one network, make an arm of each"
                )

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`WeightSpectraReport`. Cost: ``draws`` fits, each O(modes²), of each layer, arm and run."""
        content = Content()
        settings = {name: getattr(self, name) for name in self.arm_parameters}
        table: dict[tuple[str, int], dict[str, Any]] = {}
        for role, words in _ROLES.items():
            arm = self.chosen_arm(settings, role, results.arms)
            if not arm:
                continue
            (point,) = results.points(arm)
            for layer, (rows, columns) in enumerate(_shapes(point), start=1):
                tell(f"weights of layer {layer}, {words}")
                row = self._layer(content, f"{role}/{layer}", words, point, layer, rows, columns)
                content.rows.append({k: v for k, v in row.items() if not k.startswith("_")})
                table[role, layer] = row
        content.findings += _findings(table)
        return content

    def _layer(self, content, group, words, point: PointResults, layer: int, rows: int, columns: int) -> dict[str, Any]:
        times = point.read("trajectory/time")
        own = point.read(f"trajectory/layer{layer}_singular_value")
        own = own.reshape(-1, *own.shape[2:])
        null = point.read(f"trajectory/layer{layer}_shuffled_value")
        null = null.reshape(-1, *null.shape[2:])
        row: dict[str, Any] = {"who": words, "layer": layer, "shape": f"{rows}x{columns}", "runs": len(own)}
        content.describe(group, label=f"{words}, layer {layer}", rows=rows, columns=columns)
        content.add(f"{group}/time", times, ("time",), str(point.attributes["time_unit"]))
        if own.shape[-1] < 10:
            row |= dict.fromkeys((*_NUMBERS, "null_spikes", "alpha", "alpha_error", "tail", "p_value", "null_alpha",
                                  "null_p_value"))  # fmt: skip
            row["_reason"] = f"{own.shape[-1]} singular values are too few for any law"
            return row
        laws = [[analyse_weights(values, rows, columns) for values in run] for run in own]
        nulls = [analyse_weights(run[-1], rows, columns) for run in null]
        for name in _NUMBERS:
            values = np.array([[getattr(law, name) for law in run] for run in laws], dtype=float)
            mean, error = mean_and_error(values)
            if len(values) < FEWEST_UNITS:
                error = np.full_like(error, np.nan)
            content.add(f"{group}/{name}", mean, ("time",))
            content.add(f"{group}/{name}_error", error, ("time",))
            row[name], row[f"{name}_error"] = float(mean[-1]), float(error[-1])
        row["null_spikes"] = float(np.mean([law.spikes for law in nulls]))
        row["null_stable_rank"] = float(np.mean([law.stable_rank for law in nulls]))
        row |= self._tails(own, null, rows, columns)
        _add_spectrum(content, group, eigenvalues_of(own[0, -1], rows, columns), laws[0][-1], rows, columns)
        return row

    def _tails(self, own: np.ndarray, null: np.ndarray, rows: int, columns: int) -> dict[str, Any]:
        """Power-law fits at the last time, averaged over runs; None where the fit is refused."""
        found: dict[str, Any] = {"_reason": ""}
        for name, matrices in (("", own), ("null_", null)):
            fits = []
            for number, run in enumerate(matrices):
                values = eigenvalues_of(run[-1], rows, columns)
                fit, p_value, reason = tail_of(values, self.draws, np.random.default_rng(number))
                if fit is None:
                    found["_reason"] = reason
                else:
                    fits.append((fit.alpha, fit.tail, p_value))
            if fits:
                alpha, tail, p_value = np.array(fits).T
                scatter = float(mean_and_error(alpha)[1]) if len(alpha) >= FEWEST_UNITS else np.nan
                found |= {f"{name}alpha": float(alpha.mean()), f"{name}alpha_error": scatter,
                          f"{name}tail": float(tail.mean()), f"{name}p_value": float(np.median(p_value))}  # fmt: skip
            else:
                found |= dict.fromkeys((f"{name}alpha", f"{name}alpha_error", f"{name}tail", f"{name}p_value"))
        return found


def _shapes(point: PointResults) -> Iterator[tuple[int, int]]:
    """Rows and columns of each layer, as the probe stated them."""
    for layer in itertools.count(1):
        name = f"trajectory/layer{layer}_singular_value"
        if not point.has(name):
            return
        stated = point.stated(name)
        yield int(stated["rows"]), int(stated["columns"])


def _add_spectrum(content: Content, group: str, values: np.ndarray, laws, rows: int, columns: int) -> None:
    edges = np.linspace(0.0, 1.02 * values[-1], _BINS + 1)
    content.add(f"{group}/edges", edges, ("edge",))
    content.add(f"{group}/density", np.histogram(values, edges, density=True)[0], ("bin",))
    ratio = min(rows, columns) / max(rows, columns)
    law = MarchenkoPastur(ratio, laws.sigma**2)
    content.add(f"{group}/marchenko_pastur", np.diff(law.cdf(edges)) / np.diff(edges), ("bin",))
    positive = values[values > 0][::-1]
    content.add(f"{group}/rank_value", positive, ("rank",), "1", "eigenvalues, descending")
    content.describe(group, edge=laws.edges[1], width=laws.width)


def _findings(table: dict[tuple[str, int], dict[str, Any]]) -> list[str]:
    said = []
    for (_role, layer), row in table.items():
        name = f"{row['who']}, layer {layer} ({row['shape']})"
        if row["sigma"] is None:
            said.append(f"{name}: {row['_reason']}")
            continue
        said.append(
            f"{name}: sigma {row['sigma']:.5f}, largest eigenvalue {row['largest_score']:+.1f} Tracy–Widom widths from "
            f"the centre of its law, {_with_error(row, 'spikes', 1)} spikes (shuffled elements "
            f"{row['null_spikes']:.1f}), stable rank {row['stable_rank']:.1f} (shuffled "
            f"{row['null_stable_rank']:.1f}), bulk off its Marchenko–Pastur law by {row['distance']:.4f}; {_tail(row)}"
        )
    for layer in sorted({layer for _, layer in table}):
        pair = [table.get((role, layer)) for role in ("arm", "shuffled")]
        if all(row is not None and row["sigma"] is not None for row in pair):
            true, other = pair
            said.append(
                f"layer {layer}: spikes {_with_error(true, 'spikes', 1)} with true and "
                f"{_with_error(other, 'spikes', 1)} with shuffled labels"
            )
    few = sorted({row["runs"] for row in table.values() if row["runs"] < FEWEST_UNITS})
    if few:
        said.append(f"errors are unknown over {few[0]} runs: {FEWEST_UNITS} are needed")
    return said


def _with_error(row: dict[str, Any], name: str, digits: int) -> str:
    error = row[f"{name}_error"]
    known = "(error unknown)" if np.isnan(error) else f"± {error:.{digits}f}"
    return f"{row[name]:.{digits}f} {known}"


def _tail(row: dict[str, Any]) -> str:
    if row["alpha"] is None:
        return f"power law REFUSED: {row['_reason']}"
    verdict = "rejected" if row["p_value"] < _REJECTED else "not rejected"
    if row["null_alpha"] is None:
        null = "the shuffled matrix has no tail"
    else:
        told = "rejected" if row["null_p_value"] < _REJECTED else "NOT rejected either: it says nothing"
        null = (
            f"the shuffled matrix gives {_with_error(row, 'null_alpha', 2)}, p = "
            f"{row['null_p_value']:.2f}, {told}"
        )
    return (
        f"power law alpha = {_with_error(row, 'alpha', 2)} on {row['tail']:.0f} tail eigenvalues (at "
        f"least {FEWEST_IN_TAIL}), p = {row['p_value']:.2f}, {verdict}{_caution(row['alpha'])}; {null}"
    )


def _caution(alpha: float) -> str:
    """Matrices of heavy-tailed elements with exponents above 2 are fitted far off at sizes of a thousand."""
    return " (exponents above 2 are not those of a heavy-tailed law at this size)" if alpha > 2.0 else ""
