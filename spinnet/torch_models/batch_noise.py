"""The noise of whole minibatches, for models in which a pattern has no gradient of its own."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import whole_number
from spinnet.landscapes.base import SumOfTerms
from spinnet.probes.base import TrajectoryProbe
from spinnet.records import Variable, Variables


class BatchNoiseProbe(TrajectoryProbe):
    """B·tr Cov(g_B) with g_B the mean gradient of a random minibatch of B patterns, by drawing minibatches.

    With batch normalisation a pattern's loss depends on the others of its minibatch, so that the covariance C of single
    patterns is not defined; that of minibatches is, and a step of SGD moves by η²(|E g_B|² + tr Cov g_B) all the
    same. Where patterns are independent B·tr Cov(g_B) = tr C, the number of
    :class:`~spinnet.probes.noise_trace.NoiseTraceProbe`.

    Parameters
    ----------
    batch
        B, drawn with replacement as SGD does.
    batches
        Minibatches drawn for each replica, the same at every time. Relative error of a trace, one direction
        dominating: √(2/(batches − 1)).
    """

    requires = (SumOfTerms,)

    def __init__(self, batch: int, batches: int = 32):
        self.batch, self.batches = whole_number("batch", batch, 1), whole_number("batches", batches, 2)

    def measure(self, landscape: SumOfTerms, x: np.ndarray) -> Variables:
        found, draws = np.full((2, len(x)), np.nan), np.random.default_rng(self.batches)
        for a, row in enumerate(x):
            terms = draws.integers(0, landscape.n_terms, (self.batches, self.batch))
            if not np.isfinite(row).all():
                continue
            with np.errstate(all="ignore"):
                gradients = landscape.gradient_batch(np.repeat(row[None], self.batches, axis=0), terms) / self.batch
                found[0, a] = self.batch * gradients.var(axis=0, ddof=1).sum()
                mean = gradients.mean(axis=0)
                found[1, a] = mean @ mean - found[0, a] / (self.batch * self.batches)
        told = f"from {self.batches} minibatches of {self.batch}"
        return {
            "noise_trace": Variable(found[0], ("replica",), "energy^2", "trace of the covariance of minibatch "
                                    f"gradients, times their size; {told}"),
            "gradient_square": Variable(found[1], ("replica",), "energy^2", f"|mean minibatch gradient|^2, {told}"),
        }  # fmt: skip
