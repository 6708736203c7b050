"""Langevin dynamics whose temperature falls in a given time: how deep a system gets depends on how slowly it cools."""

from __future__ import annotations

from spinnet.configurable import real_number
from spinnet.dynamics.langevin import Langevin
from spinnet.errors import InputError
from spinnet.landscapes.base import Landscape


class Cooling(Langevin):
    """:class:`~spinnet.dynamics.langevin.Langevin` dynamics with T(t) = T₀ + (T₁ − T₀)·t/duration, then T₁.

    Its clock runs from 0 to 1 over the cooling, whatever the duration, so that runs of all rates are measured at the
    same temperatures: at ``last = 1`` all have just arrived. Steps are those of Langevin dynamics, at the temperature
    in their middle; their length is ``duration`` over the whole number of them next to duration/step.

    Parameters
    ----------
    temperature
        T₀ ≥ T₁, per extensive energy.
    duration
        Time of the cooling, in units of dx/dt = −∇H; the rate is (T₀ − T₁)/duration.
    final_temperature
        T₁ ≥ 0.
    step
        Time of one Langevin step, at most ``duration``.
    """

    def __init__(self, temperature: float, duration: float, final_temperature: float = 0.0, step: float = 0.01):
        given = self.validate(temperature, duration, final_temperature, step)
        self.temperature, self.duration = given["temperature"], given["duration"]
        self.final_temperature = given["final_temperature"]
        self._steps = max(1, round(self.duration / given["step"]))
        self.step = self.duration / self._steps

    @classmethod
    def validate(cls, temperature, duration, final_temperature, step):
        given = {
            "temperature": real_number("temperature", temperature, 0.0),
            "duration": real_number("duration", duration, above=0.0),
            "final_temperature": real_number("final_temperature", final_temperature, 0.0),
            "step": real_number("step", step, above=0.0),
        }
        if given["final_temperature"] > given["temperature"]:
            raise InputError(
                f"final_temperature = {given['final_temperature']:g} lies above temperature = "
                f"{given['temperature']:g}: cooling goes down, exchange them"
            )
        if given["step"] > given["duration"]:
            raise InputError(f"step = {given['step']:g} is longer than the duration {given['duration']:g}")
        return given

    @property
    def step_length(self) -> float:
        return 1.0 / self._steps

    @property
    def time_unit(self) -> str:
        return "share of the cooling"

    def flow_time(self, landscape: Landscape) -> float:
        return self.duration

    def temperature_at(self, s: int) -> float:
        share = min((s + 0.5) / self._steps, 1.0)
        return self.temperature + (self.final_temperature - self.temperature) * share
