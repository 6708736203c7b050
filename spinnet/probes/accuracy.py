"""Accuracy of a network on the way: training and test part."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import whole_number
from spinnet.landscapes.network_data import PatternNetwork
from spinnet.probes.base import TrajectoryProbe, on_finite_rows
from spinnet.records import Variable, Variables


class AccuracyProbe(TrajectoryProbe):
    """Share of patterns that are classified correctly, of the first training patterns and of the test part; and |w|.

    Parameters
    ----------
    patterns
        Training patterns that are looked at, the first ones; all where there are fewer.
    """

    requires = (PatternNetwork,)

    def __init__(self, patterns: int = 2000):
        self.patterns = self.validate(patterns=patterns)["patterns"]

    @classmethod
    def validate(cls, patterns):
        return {"patterns": whole_number("patterns", patterns, 1)}

    def measure(self, landscape: PatternNetwork, x: np.ndarray) -> Variables:
        def train(rows: np.ndarray) -> np.ndarray:
            return landscape.train_accuracy(rows, self.patterns)

        accuracy, test, length = on_finite_rows(
            landscape, x, train, landscape.test_accuracy, lambda rows: np.linalg.norm(rows, axis=1)
        )
        told = "share of {} patterns that are classified correctly"
        return {
            "train_accuracy": Variable(accuracy, ("replica",), "1", told.format("training")),
            "test_accuracy": Variable(test, ("replica",), "1", told.format("test")),
            "weight_norm": Variable(length, ("replica",), "1", "Euclidean norm of all weights and biases"),
        }
