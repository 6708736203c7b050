"""Error signals of a network: how they fade, thin out, contradict one another, and chase a moving target."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.landscapes.dense_network import DenseNetwork
from spinnet.landscapes.network_jacobian import forward_activity
from spinnet.probes.base import EndpointProbe
from spinnet.records import Variable, Variables


class ErrorSignalProbe(EndpointProbe):
    """Numbers for what is said of learning by back-propagation; all of them of single patterns' losses ℓ_μ.

    With δ^l = ∂ℓ/∂z^l, the error signal of layer l (of L), and g_μ = ∇ℓ_μ:

    - attenuation: root mean squares over patterns of ∂ℓ/∂W^l (``signal/weight_rms``) and of δ^l (``signal/rms``), and
      ``signal/participation`` (Σ_i|δ_i|)²/(n Σ_i δ_i²) of hidden layers, 2/π for Gaussian signals;
    - opposite gradients: ``signal/opposite`` 1 − |Σ_μ g_μi|/Σ_μ|g_μi| averaged over weights, beside the same with a
      random sign for each pattern (``signal/opposite_null``); ``signal/opposite_pairs``, the share of pairs of patterns
      with g·g' < 0; ``signal/alignment`` |mean g|²/mean|g|², 1/patterns for random signs;
    - moving target: ``signal/moving_target`` of each hidden layer, ‖δ_j(all) − δ_j(own)‖/‖δ_j(all) − δ_j(before)‖ over
      patterns, a mean over units j, where a step of gradient descent was made in all weights, or in those that enter
      unit j only: above 1 the others move the error signal further than the whole step does;
    - specialisation: ``signal/selectivity``, the share of the variance of an activation that lies between classes,
      beside (classes − 1)/(patterns − 1) for labels without meaning; ``signal/correlation``, mean |correlation| of two
      units; ``signal/activity_participation`` (tr K)²/tr K² of the covariance K of the activations;
    - symmetry: ``signal/clone_spread``, the largest difference between two units of the first hidden layer that were
      made equal and trained for ``clone_steps`` on all patterns, over the largest weight.

    Parameters
    ----------
    patterns
        As many of the first training patterns.
    units
        Units per layer whose targets are followed.
    rate
        Learning rate of the steps, along the gradient of the mean loss.
    clone_steps
        Steps of the two equal units; 0 leaves this out.
    """

    requires = (DenseNetwork,)

    def __init__(self, patterns: int = 200, units: int = 8, rate: float = 0.05, clone_steps: int = 50):
        given = self.validate(patterns=patterns, units=units, rate=rate, clone_steps=clone_steps)
        self.patterns, self.units = given["patterns"], given["units"]
        self.rate, self.clone_steps = given["rate"], given["clone_steps"]

    @classmethod
    def validate(cls, patterns, units, rate, clone_steps):
        return {
            "patterns": whole_number("patterns", patterns, 2),
            "units": whole_number("units", units, 1),
            "rate": real_number("rate", rate, above=0.0),
            "clone_steps": whole_number("clone_steps", clone_steps, 0),
        }

    def measure(self, landscape: DenseNetwork, x: np.ndarray, rng: np.random.Generator) -> Variables:
        x = landscape.check(x)
        terms = np.arange(min(self.patterns, landscape.n_terms))
        rows = []
        for row in x:
            lost = not np.isfinite(row).all()
            found = self._measure_one(landscape, np.zeros_like(row) if lost else row, terms, rng)
            rows.append({name: np.full(np.shape(value), np.nan) if lost else value for name, value in found.items()})
        variables = {
            f"signal/{name}": Variable(np.array([row[name] for row in rows], dtype=np.float64),
                                       ("replica", *_DIMS.get(name, ())), "1", _TOLD[name]) for name in rows[0]
        }  # fmt: skip
        inputs = landscape.data.inputs[terms]
        for name, values, told in (("input_square", (inputs**2).mean(axis=1), "mean square input of each pattern"),
                                   ("width", np.array(landscape.widths), "inputs, units of each layer")):  # fmt: skip
            variables[f"signal/{name}"] = Variable(values, (name,), "1", told)
        return variables

    def _measure_one(self, landscape: DenseNetwork, row, terms, rng) -> dict[str, np.ndarray | float]:
        gradients = _gradients(landscape, row, terms)
        layers = landscape.unpack(gradients)
        found: dict[str, np.ndarray | float] = {
            "weight_rms": np.array([np.sqrt((w**2).mean()) for w, _ in layers]),
            "rms": np.array([np.sqrt((d**2).mean()) for _, d in layers]),
            "participation": np.array([_participation(d) for _, d in layers[:-1]]),
        }
        found |= _opposition(gradients, rng)
        found["moving_target"] = self._moving_target(landscape, row, terms, layers)
        found |= _activities(landscape, row, terms)
        found["clone_spread"] = self._clone_spread(landscape, row)
        return found

    def _moving_target(self, landscape: DenseNetwork, row, terms, before) -> np.ndarray:
        step = -self.rate / landscape.n_terms * landscape.gradient(row[None])[0]
        after = landscape.unpack(_gradients(landscape, row + step, terms))
        shares = np.full(len(before) - 1, np.nan)
        for l in range(len(shares)):
            units, width = [], before[l][1].shape[1]
            for j in range(min(self.units, width)):
                own = row.copy()
                for part, moved in zip(landscape.unpack(own)[l], landscape.unpack(step)[l], strict=True):
                    part[j] += moved[j]
                alone = landscape.unpack(_gradients(landscape, own, terms))[l][1][:, j]
                whole = np.linalg.norm(after[l][1][:, j] - before[l][1][:, j])
                if whole > 0:
                    units.append(np.linalg.norm(after[l][1][:, j] - alone) / whole)
            shares[l] = np.mean(units) if units else np.nan
        return shares

    def _clone_spread(self, landscape: DenseNetwork, row) -> float:
        """Two equal units after some steps of gradient descent of a copy; NaN where there are no two, or no steps."""
        if not landscape.hidden or landscape.hidden[0] < 2 or not self.clone_steps:
            return np.nan
        x = row.copy()
        (w, b), (out, _) = landscape.unpack(x)[:2]
        w[1], b[1], out[:, 1] = w[0], b[0], out[:, 0]
        for _ in range(self.clone_steps):
            x = x - self.rate / landscape.n_terms * landscape.gradient(x[None])[0]
        (w, b), (out, _) = landscape.unpack(x)[:2]
        apart = max(np.abs(w[1] - w[0]).max(), abs(b[1] - b[0]), np.abs(out[:, 1] - out[:, 0]).max())
        return float(apart / np.abs(x).max())


def _gradients(landscape: DenseNetwork, row: np.ndarray, terms: np.ndarray) -> np.ndarray:
    """∇ℓ_μ without weight decay, (patterns, n); its parts for biases are the error signals."""
    return landscape.gradient_terms(row[None], terms)[0] - landscape.weight_decay * row


def _participation(signals: np.ndarray) -> float:
    """Mean over patterns of (Σ|δ|)²/(n Σδ²), patterns without a signal left out."""
    square = (signals**2).sum(axis=1)
    alive = square > 0
    share = np.abs(signals[alive]).sum(axis=1) ** 2 / (signals.shape[1] * square[alive])
    return float(share.mean()) if alive.any() else np.nan


def _opposition(gradients: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    absolute = np.abs(gradients).sum(axis=0)
    alive = absolute > 0
    signs = rng.choice([-1.0, 1.0], len(gradients))
    square = np.einsum("pi,pi->p", gradients, gradients)
    products = gradients @ gradients.T
    pairs = np.triu_indices(len(gradients), 1)
    mean = gradients.mean(axis=0)
    return {
        "opposite": float(1.0 - (np.abs(gradients.sum(axis=0))[alive] / absolute[alive]).mean()),
        "opposite_null": float(1.0 - (np.abs(signs @ gradients)[alive] / absolute[alive]).mean()),
        "opposite_pairs": float((products[pairs] < 0).mean()),
        "alignment": float(mean @ mean / square.mean()) if square.any() else np.nan,
    }


def _activities(landscape: DenseNetwork, row: np.ndarray, terms: np.ndarray) -> dict[str, np.ndarray]:
    """Specialisation of the units of each hidden layer."""
    activity = forward_activity(landscape.unpack(row), landscape.data.inputs[terms], landscape.activation)
    labels = landscape.data.labels
    found = np.full((3, len(activity.inputs) - 1), np.nan)
    for l, a in enumerate(activity.inputs[1:]):
        centred = a - a.mean(axis=0)
        variance = (centred**2).mean(axis=0)
        alive = variance > 0
        if labels is not None and alive.any():
            between = np.zeros(a.shape[1])
            for label in np.unique(labels[terms]):
                own = labels[terms] == label
                between += own.mean() * centred[own].mean(axis=0) ** 2
            found[0, l] = (between[alive] / variance[alive]).mean()
        if alive.sum() > 1:
            scaled = centred[:, alive] / np.sqrt(variance[alive])
            correlation = np.abs(scaled.T @ scaled / len(scaled))
            found[1, l] = correlation[np.triu_indices(len(correlation), 1)].mean()
        covariance = centred.T @ centred
        square = (covariance**2).sum()
        found[2, l] = np.trace(covariance) ** 2 / square if square > 0 else np.nan
    return dict(zip(("selectivity", "correlation", "activity_participation"), found, strict=True))


_DIMS = {"weight_rms": ("layer",), "rms": ("layer",)} | {
    name: ("hidden_layer",)
    for name in ("participation", "moving_target", "selectivity", "correlation", "activity_participation")
}
_TOLD = {
    "weight_rms": "root mean square of the derivatives by the weights of a layer, over weights and patterns",
    "rms": "root mean square of the error signals of a layer, over units and patterns",
    "participation": "(sum |d|)^2/(n sum d^2) of the error signals of a hidden layer",
    "opposite": "1 - |sum of gradients|/sum of |gradients| over patterns, a mean over weights",
    "opposite_null": "the same with random signs of the patterns",
    "opposite_pairs": "share of pairs of patterns with opposite gradients",
    "alignment": "|mean gradient|^2/mean |gradient|^2 over patterns",
    "moving_target": "share of the change of an error signal that other units' steps make",
    "selectivity": "share of the variance of activations that lies between classes",
    "correlation": "mean |correlation| of two units",
    "activity_participation": "number of directions of the activations of a layer",
    "clone_spread": "largest difference of two units that were made equal, after training, over the largest weight",
}
