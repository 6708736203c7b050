"""The error signal of a network along training: attenuation, dilution, opposition, moving target, specialisation."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import real_number
from spinnet.estimators.error_signal import (
    activity_rank,
    class_share,
    opposition,
    participation,
    unit_correlation,
)
from spinnet.landscapes.dense_network import DenseNetwork
from spinnet.landscapes.network_jacobian import activation_derivatives
from spinnet.landscapes.network_losses import loss_slopes, targets_of
from spinnet.probes.base import TrajectoryProbe
from spinnet.records import Variable, Variables

_WORDS = {
    "opposed": "mean over weights of 1 - |sum of single gradients| over sum of their moduli",
    "opposed_chance": "the same with random signs of the single gradients",
    "negative_pairs": "share of pairs of single gradients with a negative product",
    "signal_to_noise": "squared mean over mean square of single gradients",
    "moving_target": "change of a unit's error signal by the other units' steps, over that by all",
    "class_share": "share of the variance of last hidden units that lies between classes",
    "unit_correlation": "mean modulus of the correlation of two last hidden units",
    "activity_rank": "participation ratio of the covariance of last hidden units over their number",
}


class ErrorSignalProbe(TrajectoryProbe):
    """What back-propagation hands down, and what hidden units make of it.

    With δ^l = ∂ℓ/∂z^l for each pattern, L layers, and gradients of the mean loss:

    ``error_rms``, ``weight_gradient_rms``, ``error_participation`` (layer)
        Root mean squares of δ^l over patterns and units, and of ∂(E/P)/∂W^l over its elements; (Σ|δ|)²/(nΣδ²).
    ``opposed``, ``opposed_chance``, ``negative_pairs``, ``signal_to_noise``
        See :class:`spinnet.estimators.error_signal.Opposition`.
    ``moving_target``
        In the last hidden layer, after one step of gradient descent: |δ_j(all) − δ_j(own)|/|δ_j(all) − δ_j(before)|
        over patterns, averaged over units j, where "own" moves only the weights into and out of unit j. 0: a unit's
        target stands still while the others learn; 1 and more: the others decide.
    ``class_share``, ``unit_correlation``, ``activity_rank``
        Specialisation of the last hidden layer.

    Parameters
    ----------
    rate
        Learning rate of the step in which the moving target is measured.
    """

    requires = (DenseNetwork,)

    def __init__(self, rate: float = 0.1):
        self.rate = self.validate(rate=rate)["rate"]

    @classmethod
    def validate(cls, rate):
        return {"rate": real_number("rate", rate, above=0.0)}

    def measure(self, landscape: DenseNetwork, x: np.ndarray) -> Variables:
        x = landscape.check(x)
        layers = len(landscape.widths) - 1
        by_layer = {name: np.full((len(x), layers), np.nan) for name in
                    ("error_rms", "weight_gradient_rms", "error_participation")}  # fmt: skip
        numbers = {name: np.full(len(x), np.nan) for name in _WORDS}
        for a in np.flatnonzero(np.isfinite(x).all(axis=1)):
            weights = landscape.unpack(x[a])
            errors, activity = error_signals(landscape, weights)
            step = landscape.gradient(x[a : a + 1])[0] / landscape.n_terms
            for l, (error, (slope, _)) in enumerate(zip(errors, landscape.unpack(step), strict=True)):
                by_layer["error_rms"][a, l] = np.sqrt((error**2).mean())
                by_layer["weight_gradient_rms"][a, l] = np.sqrt((slope**2).mean())
                by_layer["error_participation"][a, l] = participation(error)
            found = opposition(landscape.gradient_terms(x[a : a + 1])[0], np.random.default_rng(0))
            for name, value in found._asdict().items():
                numbers[name][a] = value
            if layers > 1:
                numbers["moving_target"][a] = self._moving_target(landscape, x[a], step)
                if landscape.data.labels is not None:
                    numbers["class_share"][a] = class_share(activity, landscape.data.labels)
                numbers["unit_correlation"][a] = unit_correlation(activity)
                numbers["activity_rank"][a] = activity_rank(activity)
        stated = {"rate": self.rate}
        variables: Variables = {
            name: Variable(values, ("replica", "layer"), "1", name.replace("_", " ") + " of each layer")
            for name, values in by_layer.items()
        }
        return variables | {
            name: Variable(values, ("replica",), "1", _WORDS[name], stated) for name, values in numbers.items()
        }

    def _moving_target(self, network: DenseNetwork, x: np.ndarray, step: np.ndarray) -> float:
        before = error_signals(network, network.unpack(x))[0][-2]
        moved = x - self.rate * step
        after = error_signals(network, network.unpack(moved))[0][-2]
        shares = []
        for j in range(before.shape[1]):
            own = x.copy()
            into, out = network.unpack(own)[-2:]
            into_moved, out_moved = network.unpack(moved)[-2:]
            into[0][j], into[1][j] = into_moved[0][j], into_moved[1][j]
            out[0][:, j] = out_moved[0][:, j]
            alone = error_signals(network, network.unpack(own))[0][-2][:, j]
            change = np.linalg.norm(after[:, j] - before[:, j])
            if change > 0.0:
                shares.append(np.linalg.norm(after[:, j] - alone) / change)
        return float(np.mean(shares)) if shares else np.nan


def error_signals(network: DenseNetwork, layers) -> tuple[list[np.ndarray], np.ndarray]:
    """δ^l (patterns, n_l) of every layer, and the activity (patterns, n) of the last hidden one."""
    a, slopes = network.data.inputs, []
    for number, (w, b) in enumerate(layers):
        z = a @ w.T + b
        if number < len(layers) - 1:
            a, slope, _ = activation_derivatives(network.activation, z)
            slopes.append(slope)
    errors = [loss_slopes(z, targets_of(network.data, network.loss)[0], network.loss)[0]]
    for (w, _), slope in zip(layers[:0:-1], slopes[::-1], strict=True):
        errors.append(slope * (errors[-1] @ w))
    return errors[::-1], a
