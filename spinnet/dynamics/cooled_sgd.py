"""SGD whose learning rate falls in a given number of steps: how deep a network gets depends on how slowly it does."""

from __future__ import annotations

from spinnet.configurable import real_number, whole_number
from spinnet.dynamics.gradient_descent import check_momentum
from spinnet.dynamics.sgd import SGD
from spinnet.errors import InputError
from spinnet.landscapes.base import Landscape


class CooledSGD(SGD):
    """:class:`~spinnet.dynamics.sgd.SGD` whose rate falls on a line from ``learning_rate`` to ``final_rate``.

    The temperature of the noise of a batch is proportional to the rate, so that this is to SGD what
    :class:`~spinnet.dynamics.cooling.Cooling` is to Langevin dynamics; but the rate is the unit of time as well: in
    units of dx/dt = −∇L the cooling takes duration·(η₀ + η₁)/2, and the line in steps is steeper towards its end. The
    clock runs from 0 to 1 over the cooling, whatever the duration, and the rate stays at its last value afterwards.

    Parameters
    ----------
    learning_rate, final_rate
        η₀ ≥ η₁ ≥ 0, along the gradient of the mean loss. Equal ones hold the rate.
    duration
        Steps of the cooling.
    batch, momentum, clip
        As of SGD.
    levels
        The line is a staircase of this many steps of equal length, each at the rate in its middle.
    """

    def __init__(
        self,
        learning_rate: float,
        duration: int,
        batch: int,
        final_rate: float = 0.0,
        momentum: float = 0.0,
        levels: int = 100,
        clip: float = 0.0,
    ):
        given = self.validate(learning_rate, duration, batch, final_rate, momentum, levels, clip)
        self.learning_rate, self.duration, self.batch = given["learning_rate"], given["duration"], given["batch"]
        self.final_rate, self.momentum, self.levels = given["final_rate"], given["momentum"], given["levels"]
        self.clip = given["clip"]

    @classmethod
    def validate(cls, learning_rate, duration, batch, final_rate, momentum, levels, clip):
        given = {
            "learning_rate": real_number("learning_rate", learning_rate, above=0.0),
            "duration": whole_number("duration", duration, 1),
            "batch": whole_number("batch", batch, 1),
            "final_rate": real_number("final_rate", final_rate, 0.0),
            "momentum": check_momentum(momentum),
            "levels": whole_number("levels", levels, 1),
            "clip": real_number("clip", clip, 0.0),
        }
        if given["final_rate"] > given["learning_rate"]:
            raise InputError(
                f"final_rate = {given['final_rate']:g} lies above learning_rate = {given['learning_rate']:g}: cooling "
                "goes down, exchange them"
            )
        return given

    @property
    def step_length(self) -> float:
        return 1.0 / self.duration

    @property
    def time_unit(self) -> str:
        return "share of the cooling"

    def flow_time(self, landscape: Landscape) -> float:
        """Of the whole cooling."""
        mean_rate = 0.5 * (self.learning_rate + self.final_rate)
        return self.duration * mean_rate / (1.0 - self.momentum) / landscape.units.n_units

    def _rate(self, step: int) -> tuple[float, int]:
        level = min(step * self.levels // self.duration, self.levels)
        until = -(-(level + 1) * self.duration // self.levels) if level < self.levels else 2**62
        share = min((level + 0.5) / self.levels, 1.0)
        return self.learning_rate + (self.final_rate - self.learning_rate) * share, until
