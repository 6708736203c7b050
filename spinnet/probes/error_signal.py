"""The error signal of a network along training: attenuation, dilution, opposition, moving target, specialisation."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.estimators.error_signal import (
    activity_rank,
    class_share,
    opposition,
    participation,
    unit_correlation,
)
from spinnet.landscapes.network_layers import BackPropagating
from spinnet.probes.base import TrajectoryProbe
from spinnet.records import Variable, Variables

_WORDS = {
    "opposed": "mean over weights of 1 - |sum of single gradients| over sum of their moduli",
    "opposed_chance": "the same with random signs of the single gradients",
    "negative_pairs": "share of pairs of single gradients with a negative product",
    "pair_cosine": "mean cosine of pairs of single gradients",
    "pair_cosine_chance": "its standard deviation with random signs of the single gradients, around 0",
    "signal_to_noise": "squared mean over mean square of single gradients",
    "moving_target": "change of a unit's error signal by the other units' steps, over that by all",
    "class_share": "share of the variance of last hidden units that lies between classes",
    "unit_correlation": "mean modulus of the correlation of two last hidden units",
    "activity_rank": "participation ratio of the covariance of last hidden units over their number",
}


class ErrorSignalProbe(TrajectoryProbe):
    """What back-propagation hands down, and what hidden units make of it.

    With δ^l = ∂E/∂z^l for each pattern, L layers, z^l what layer l sums, and gradients of the mean loss:

    ``error_rms``, ``weight_gradient_rms``, ``error_participation`` (layer)
        Root mean squares of δ^l over patterns and units, and of ∂(E/P)/∂W^l over its elements; (Σ|δ|)²/(nΣδ²).
    ``opposed``, ``opposed_chance``, ``negative_pairs``, ``pair_cosine``, ``pair_cosine_chance``, ``signal_to_noise``
        See :class:`spinnet.estimators.error_signal.Opposition`.
    ``moving_target``
        In the last hidden layer, after one step of gradient descent: |δ_j(all) − δ_j(own)|/|δ_j(all) − δ_j(before)|
        over patterns, averaged over units j, where "own" moves only the weights into and out of unit j. 0: a unit's
        target stands still while the others learn; 1 and more: the others decide. NaN where units share their weights.
    ``class_share``, ``unit_correlation``, ``activity_rank``
        Specialisation of the last hidden layer.

    Parameters
    ----------
    rate
        Learning rate of the step in which the moving target is measured.
    patterns
        Training patterns whose single gradients are compared, the first ones; all where there are fewer. Under batch
        normalisation each costs a pass over all patterns.
    """

    requires = (BackPropagating,)
    revision = 2

    def __init__(self, rate: float = 0.1, patterns: int = 2000):
        given = self.validate(rate=rate, patterns=patterns)
        self.rate, self.patterns = given["rate"], given["patterns"]

    @classmethod
    def validate(cls, rate, patterns):
        return {"rate": real_number("rate", rate, above=0.0), "patterns": whole_number("patterns", patterns, 2)}

    def measure(self, landscape: BackPropagating, x: np.ndarray) -> Variables:
        x = landscape.check(x)
        layers, own = len(landscape.layers(x)), landscape.last_hidden_units()
        by_layer = {name: np.full((len(x), layers), np.nan) for name in
                    ("error_rms", "weight_gradient_rms", "error_participation")}  # fmt: skip
        numbers = {name: np.full(len(x), np.nan) for name in _WORDS}
        for a in np.flatnonzero(np.isfinite(x).all(axis=1)):
            errors, activity = landscape.error_signals(x[a : a + 1])
            activity = activity[0]
            step = landscape.gradient(x[a : a + 1])[0] / landscape.n_terms
            for l, (error, (_, slope, *_)) in enumerate(zip(errors, landscape.layers(step), strict=True)):
                by_layer["error_rms"][a, l] = np.sqrt((error**2).mean())
                by_layer["weight_gradient_rms"][a, l] = np.sqrt((slope**2).mean())
                by_layer["error_participation"][a, l] = participation(error[0])
            single = landscape.gradient_terms(x[a : a + 1], np.arange(min(self.patterns, landscape.n_terms)))[0]
            found = opposition(single, np.random.default_rng(0))
            for name, value in found._asdict().items():
                numbers[name][a] = value
            if layers > 1:
                if own is not None:
                    numbers["moving_target"][a] = self._moving_target(landscape, x[a], step, own)
                if landscape.data.labels is not None:
                    numbers["class_share"][a] = class_share(activity, landscape.data.labels)
                numbers["unit_correlation"][a] = unit_correlation(activity)
                numbers["activity_rank"][a] = activity_rank(activity)
        stated = {"rate": self.rate, "patterns": min(self.patterns, landscape.n_terms)}
        variables: Variables = {
            name: Variable(values, ("replica", "layer"), "1", name.replace("_", " ") + " of each layer")
            for name, values in by_layer.items()
        }
        return variables | {
            name: Variable(values, ("replica",), "1", _WORDS[name], stated) for name, values in numbers.items()
        }

    def _moving_target(self, network: BackPropagating, x: np.ndarray, step: np.ndarray, units: np.ndarray) -> float:
        def signals(row: np.ndarray) -> np.ndarray:
            return network.error_signals(row[None]).errors[-2][0]

        moved = x - self.rate * step
        before, after = signals(x), signals(moved)
        shares = []
        for j, coordinates in enumerate(units):
            own = x.copy()
            own[coordinates] = moved[coordinates]
            change = np.linalg.norm(after[:, j] - before[:, j])
            if change > 0.0:
                shares.append(np.linalg.norm(after[:, j] - signals(own)[:, j]) / change)
        return float(np.mean(shares)) if shares else np.nan
