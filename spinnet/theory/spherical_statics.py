"""Equilibrium of spherical glasses at any temperature, and everything known about a model in one dictionary.

phi = lim E ln Z / N with Z an average over the uniform probability on the sphere; the free energy per spin is -T phi.
Energies are per spin, temperatures in units of the couplings; f(1) = 1/2 for a pure model of unit amplitude.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spinnet.errors import InputError, SpinnetError
from spinnet.theory import kac_rice
from spinnet.theory.covariance import Covariance
from spinnet.theory.spherical_ageing import ageing_state, algorithmic_energy, threshold_energy
from spinnet.theory.spherical_full_rsb import (
    FullBreakingState,
    NotFullBreakingError,
    full_ground_energy,
    full_state,
    full_then_step_state,
)
from spinnet.theory.spherical_one_step import (
    NotOneStepError,
    OneStepState,
    inverse_root_curvature,
    one_step_ground,
    one_step_specific_heat,
    one_step_state,
)
from spinnet.theory.spherical_transitions import (
    check_temperature,
    dynamic_transition,
    equilibrium_complexity,
    following_temperature,
    state_overlap,
    static_transition,
)

LEVELS = 5
# temperatures, as fractions of T_s, at which a model outside the convexity theorem is tested for a one-step phase
_TESTED_FRACTIONS = np.linspace(0.05, 0.98, 14)


class NoSolutionError(InputError):
    """The equilibrium phase of the model is of a kind that is not solved here."""


@dataclass(frozen=True)
class EquilibriumState:
    """Equilibrium at one temperature.

    Attributes
    ----------
    phase : str
        ``"replica-symmetric"``, ``"1rsb"``, ``"full-rsb"`` or ``"full-rsb-and-step"``.
    overlap : float
        Largest overlap in P(q): zero in the high-temperature phase, and q_EA for pure p = 2, whose two states have
        mutual overlap -q_EA.
    break_point : float
        x just below the largest overlap: the weight of smaller overlaps. One in the high-temperature phase.
    energy_density, log_partition : float
        e and phi.
    """

    temperature: float
    phase: str
    overlap: float
    break_point: float
    energy_density: float
    log_partition: float

    @property
    def free_energy(self) -> float:
        """-T phi, or e at T = 0."""
        return self.energy_density if self.temperature == 0.0 else -self.temperature * self.log_partition


def ground_state_energy(covariance: Covariance) -> float:
    """Return the ground-state energy density, N -> infinity.

    Raises
    ------
    NoSolutionError
        If the overlaps at T = 0 are neither one-step nor continuous from zero (with or without a step).
    """
    return _ground(covariance)[0]


@lru_cache(maxsize=128)
def _ground(covariance: Covariance) -> tuple[float, str]:
    if covariance.degrees == (2,):
        return one_step_ground(covariance).energy_density, "replica-symmetric"
    if inverse_root_curvature(covariance)[1]:
        return full_ground_energy(covariance), "full-rsb"
    try:
        return one_step_ground(covariance).energy_density, "1rsb"
    except NotOneStepError as refusal:
        reason = str(refusal)
    try:
        return full_ground_energy(covariance), "full-rsb-and-step"
    except NotFullBreakingError:
        raise NoSolutionError(reason) from None


def equilibrium_state(covariance: Covariance, temperature: float) -> EquilibriumState:
    """Return the equilibrium state at T >= 0.

    Each candidate phase is accepted only if it satisfies the optimality condition of the (convex) Parisi functional.

    Raises
    ------
    NoSolutionError
        If none does: the phase has two or more steps, for instance.
    """
    temperature = check_temperature(temperature)
    if temperature == 0.0:
        energy, phase = _ground(covariance)
        return EquilibriumState(0.0, phase, 1.0, 0.0, energy, math.inf)
    static = static_transition(covariance)
    # an overlap of 1e-8 at a continuous transition is set to zero: its energy is of second order
    if temperature >= static.temperature * (1.0 - (1e-8 if static.is_continuous else 0.0)):
        f = covariance(1.0)
        return EquilibriumState(
            temperature, "replica-symmetric", 0.0, 1.0, -f / temperature, 0.5 * f / temperature**2
        )
    state, phase = _broken_state(covariance, temperature)
    return EquilibriumState(
        temperature, phase, state.overlap, state.break_point, state.energy_density, state.log_partition
    )


def _broken_state(covariance: Covariance, temperature: float) -> tuple[OneStepState | FullBreakingState, str]:
    if covariance.degrees == (2,):
        return one_step_state(covariance, temperature), "replica-symmetric"
    # the continuous phase first: where its steps are tiny the one-step solution is optimal within rounding
    candidates = ((full_state, "full-rsb"), (one_step_state, "1rsb"), (full_then_step_state, "full-rsb-and-step"))
    reason = ""
    for solve, phase in candidates:
        try:
            return solve(covariance, temperature), phase
        except NotOneStepError as refusal:
            reason = str(refusal)
        except NotFullBreakingError:
            continue
    raise NoSolutionError(reason)


def energy_density(covariance: Covariance, temperature: float) -> float:
    """Return the equilibrium energy density e(T); -f(1)/T above T_s."""
    return equilibrium_state(covariance, temperature).energy_density


def specific_heat(covariance: Covariance, temperature: float) -> float:
    """Return de/dT per spin at T > 0: f(1)/T^2 above T_s, the slope of the solved branch below (error about 1e-9)."""
    temperature = check_temperature(temperature)
    if temperature == 0.0:
        raise InputError("temperature is 0; the specific heat needs a positive temperature")
    if equilibrium_state(covariance, temperature).overlap == 0.0:
        return covariance(1.0) / temperature**2
    try:
        return one_step_specific_heat(covariance, one_step_state(covariance, temperature))
    except NotOneStepError:
        pass
    # the slope at T of the quartic through five points, all of them below the transition
    step = 2e-3 * temperature
    centre = min(temperature, static_transition(covariance).temperature - 2.001 * step)
    offsets = centre + step * np.arange(-2, 3)
    values = [energy_density(covariance, float(t)) for t in offsets]
    return float(np.polynomial.Polynomial.fit(offsets, values, 4).deriv()(temperature))


@lru_cache(maxsize=128)
def phase_structure(covariance: Covariance) -> str:
    """Return the name of the model's low-temperature structure.

    Returns
    -------
    str
        ``"rs-p2"``: pure p = 2, two states, no breaking.
        ``"1rsb-discontinuous"``, ``"1rsb-continuous"``: one step at all T < T_s, with overlap q_s > 0 or zero at T_s.
        ``"continuous-full-rsb"``: full breaking directly below T_s = a_2 (other phases may follow on cooling).
        ``"discontinuous-beyond-1rsb"``, ``"continuous-beyond-1rsb"``: not one-step in a part of T < T_s.

    Notes
    -----
    A convex f''^(-1/2) proves one step at every temperature. Otherwise the one-step solution is tested against the
    optimality condition at T = 0 and at 14 temperatures; this part is numerical.
    """
    if covariance.degrees == (2,):
        return "rs-p2"
    transition = static_transition(covariance)
    kind = "continuous" if transition.is_continuous else "discontinuous"
    if inverse_root_curvature(covariance)[0]:
        return f"1rsb-{kind}"
    if transition.is_continuous:
        second, third, fourth = (covariance.derivative(0.0, k) for k in (2, 3, 4))
        # sign of the curvature of f''^(-1/2) at q = 0; the first non-zero derivative decides when f''' = f'''' = 0
        if 3.0 * third**2 < 2.0 * second * fourth or (third == 0.0 and fourth == 0.0):
            return "continuous-full-rsb"
    try:
        one_step_ground(covariance)
        for fraction in _TESTED_FRACTIONS:
            one_step_state(covariance, float(fraction) * transition.temperature)
    except NotOneStepError:
        return f"{kind}-beyond-1rsb"
    return f"1rsb-{kind}"


class _Collected(dict):
    """A dictionary of floats in which a refused value becomes None, with its reason kept beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.reasons: dict[str, str] = {}

    def add(self, key: str, value: Callable[[], object]) -> None:
        try:
            self[key] = value()
        except SpinnetError as refusal:
            self[key] = None
            self.reasons[key] = str(refusal)

    def leave_out(self, keys: tuple[str, ...], reason: str) -> None:
        for key in keys:
            self[key] = None
            self.reasons[key] = reason


def summary(covariance: Covariance, temperature: float | None = None) -> dict:
    """Return everything known in closed form about a spherical glass, as plain floats, text and lists.

    Parameters
    ----------
    covariance : Covariance
    temperature : float, optional
        T >= 0; adds the values at this temperature.

    Returns
    -------
    dict
        ``covariance``, ``phase_structure``, ``dynamic_temperature`` and ``dynamic_overlap`` (T_d, q_d),
        ``static_temperature`` and ``static_overlap`` (T_s, q_s), ``ground_state_energy``, ``ground_state_phase``,
        ``threshold_energy``, ``complexity_at_threshold``, ``marginal_energy`` (where the most numerous marginal points
        sit), ``algorithmic_energy``, ``max_complexity``, ``following_temperature`` (T_SF), ``level_energies``
        (E_0 ... E_4). With a temperature also ``temperature``, ``phase``, ``energy_density``, ``free_energy``,
        ``log_partition``, ``overlap``, ``break_point``, ``specific_heat``, ``planted_overlap`` (self-overlap of the
        state around a planted configuration, below T_d; between T_s and T_d that of all equilibrium states),
        ``equilibrium_complexity``, ``ageing_overlap``, ``ageing_ratio``
        and ``ageing_energy``. A value that does not exist, or is not known for this model, is None, and ``reasons``
        maps its key to one line.

    Notes
    -----
    A value of energy is per spin. ``log_partition`` is infinite at T = 0 and given as None.
    """
    covariance = Covariance(covariance)
    out = _Collected()
    structure = phase_structure(covariance)
    dynamic, static = dynamic_transition(covariance), static_transition(covariance)
    out["covariance"] = {str(p): a for p, a in covariance.terms}
    out["phase_structure"] = structure
    out["dynamic_temperature"], out["dynamic_overlap"] = dynamic.temperature, dynamic.overlap
    out["static_temperature"], out["static_overlap"] = static.temperature, static.overlap
    out.add("ground_state_energy", lambda: _ground(covariance)[0])
    out.add("ground_state_phase", lambda: _ground(covariance)[1])
    _add_landscape(out, covariance, structure)
    out["algorithmic_energy"] = algorithmic_energy(covariance)
    out["max_complexity"] = kac_rice.max_complexity(covariance)
    out["following_temperature"] = following_temperature(covariance)
    if out["following_temperature"] is None:
        out.reasons["following_temperature"] = (
            "no temperature between T_s and T_d separates states that can be followed to T = 0 from those that cannot"
        )
    if temperature is not None:
        _add_temperature(out, covariance, check_temperature(temperature))
    return {**out, "reasons": out.reasons}


def _add_landscape(out: _Collected, covariance: Covariance, structure: str) -> None:
    """Add the values of the stationary points, which are claimed for one-step models only."""
    if not (structure.startswith("1rsb") or structure == "rs-p2"):
        out.leave_out(
            ("threshold_energy", "complexity_at_threshold", "marginal_energy", "level_energies"),
            f"covariance {covariance} is {structure}: its threshold and its complexity are not those of the one-step "
            "(annealed) theory",
        )
        return
    out.add("threshold_energy", lambda: threshold_energy(covariance))
    out["complexity_at_threshold"] = kac_rice.complexity_at_threshold(covariance)
    out["marginal_energy"] = kac_rice.marginal_energy(covariance)
    out.add("level_energies", lambda: [kac_rice.level_energy(covariance, k) for k in range(LEVELS)])


def _add_temperature(out: _Collected, covariance: Covariance, temperature: float) -> None:
    out["temperature"] = temperature
    try:
        state = equilibrium_state(covariance, temperature)
    except NoSolutionError as refusal:
        out.leave_out(
            ("phase", "energy_density", "free_energy", "log_partition", "overlap", "break_point", "specific_heat"),
            str(refusal),
        )
    else:
        for key in ("phase", "energy_density", "free_energy", "log_partition", "overlap", "break_point"):
            out[key] = getattr(state, key)
        out.add("specific_heat", lambda: specific_heat(covariance, temperature))
    if temperature == 0.0 and out["log_partition"] is not None:
        out["log_partition"] = None
        out.reasons["log_partition"] = "phi = -free_energy/T is infinite at T = 0"
    out.add("planted_overlap", lambda: state_overlap(covariance, temperature))
    if temperature < out["static_temperature"]:
        out["equilibrium_complexity"] = 0.0
    else:
        out.add("equilibrium_complexity", lambda: equilibrium_complexity(covariance, temperature))
    _add_ageing(out, covariance, temperature)


def _add_ageing(out: _Collected, covariance: Covariance, temperature: float) -> None:
    keys = ("ageing_overlap", "ageing_ratio", "ageing_energy")
    try:
        if temperature == 0.0:
            values = (1.0, 0.0, threshold_energy(covariance))
        else:
            ageing = ageing_state(covariance, temperature)
            values = (ageing.overlap, ageing.ratio, ageing.energy_density)
    except InputError as refusal:
        out.leave_out(keys, str(refusal))
        return
    out.update(zip(keys, values, strict=True))
