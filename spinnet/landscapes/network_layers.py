"""What networks of layers offer beside an energy: their weights by layer, and the error signals of their units."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, NamedTuple

import numpy as np

from spinnet.landscapes.base import Landscape
from spinnet.landscapes.network_data import PatternNetwork


class Layer(NamedTuple):
    """The parameters of one layer as views of configurations ``(…, n)``."""

    name: str
    #: ``(…, rows, columns)``: a row holds what comes into one unit, or into one channel of a convolution.
    weights: np.ndarray
    #: ``(…, rows)``, or None.
    biases: np.ndarray | None
    #: Of a normalisation behind it, ``(…, units)``, or None.
    scales: np.ndarray | None = None
    shifts: np.ndarray | None = None


class Layered(Landscape):
    """Capability: coordinates that are the weights and biases of layers, with a name for each."""

    #: For messages: landscapes that are one.
    met_by: ClassVar[str] = "DenseNetwork, StructuredNetwork, TorchLandscape"

    @abstractmethod
    def layers(self, x: np.ndarray) -> list[Layer]:
        """The layers in the order of their weights, the outputs last; writing into them changes ``x`` (…, n)."""


class ErrorSignals(NamedTuple):
    """Of one block of configurations."""

    #: δ^l = ∂E/∂z^l without weight decay, z^l what layer l sums, ``(replicas, patterns, units)`` for each layer.
    errors: list[np.ndarray]
    #: What the last layer sees, ``(replicas, patterns, units)``.
    activity: np.ndarray


class BackPropagating(PatternNetwork, Layered):
    """Capability: error signals of the units on the training patterns."""

    #: For messages: landscapes that are one.
    met_by: ClassVar[str] = "DenseNetwork, StructuredNetwork"

    #: :meth:`start` draws weights of variance sigma_w²/columns and biases of variance sigma_b².
    sigma_w: float
    sigma_b: float

    @abstractmethod
    def error_signals(self, x: np.ndarray) -> ErrorSignals:
        """The error signals of all layers, and the activity of the last hidden one."""

    @abstractmethod
    def last_hidden_units(self) -> np.ndarray | None:
        """Coordinates of all weights into and out of each unit of the last hidden layer, ``(units, m)``.

        None without a hidden layer, and where units share their weights.
        """
