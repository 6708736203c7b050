"""Bouchaud's trap model: jumps between independent traps with a power law of holding times."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.randomness import seed_sequence

#: Jumps of one replica that are worth waiting for: more means that the index or the times were not meant.
_LARGEST_WORK = 1e11


class TrapModel:
    """Traps of depth E ~ Exp(1) left at rate e^{−E/T}; each jump leads to a new trap.

    Holding times have means τ = e^{E/T} ≥ 1 with density x τ^{−1−x}, x = T/T_c = T. For x < 1 the mean of τ is infinite
    and the model ages: the probability of no jump in (t_w, t_w + t) tends to H_x(t/t_w)
    (:func:`spinnet.theory.trap_model.ageing_function`; at finite times ``no_jump_probability``).

    There is no space to walk in, so that this is a process and not a landscape; for a walk between quenched levels take
    a :class:`~spinnet.landscapes.random_energy.RandomEnergyModel`.

    Parameters
    ----------
    x : float
        T/T_c, above 0.
    seed, sample : int
        The noise of the replicas.

    References
    ----------
    Bouchaud, J. Physique I 2, 1705 (1992).
    """

    kernels = ("spinnet.kernels.random_energy_dynamics",)

    def __init__(self, x: float, seed: int = 0, sample: int = 0):
        self.x = real_number("x", x, above=0.0)
        self.seed = whole_number("seed", seed)
        self.sample = whole_number("sample", sample)

    def jumps(self, times: ArrayLike, replicas: int) -> np.ndarray:
        """Number of jumps until each time: int64, shape ``(replicas, times)``.

        Every replica starts in a random trap at time 0. Replica a does not depend on how many there are.

        Raises
        ------
        InputError
            Unless times are finite, not negative and rising.
        """
        from spinnet.kernels.random_energy_dynamics import visit_traps

        replicas = whole_number("replicas", replicas, minimum=1)
        times = np.ascontiguousarray(times, dtype=np.float64)
        if times.ndim != 1 or not np.all(np.isfinite(times)) or np.any(times < 0) or np.any(np.diff(times) < 0):
            raise InputError(f"times = {times}: give finite times that are not negative, in rising order")
        expected = replicas * float(times[-1]) ** min(self.x, 1.0) if len(times) else 0.0
        if expected > _LARGEST_WORK:
            raise InputError(f"times up to {times[-1]:g} at x = {self.x:g} mean about {expected:.0e} jumps: take less")
        found = np.empty((replicas, len(times)), dtype=np.int64)
        noise = np.random.Philox(seed_sequence(self.seed, "traps", self.sample))
        visit_traps(noise.random_raw(replicas).astype(np.uint64), self.x, times, found)
        return found

    def no_jump(self, waiting_time: float, ratios: ArrayLike, replicas: int) -> tuple[np.ndarray, np.ndarray]:
        """Estimate Π(t_w + t, t_w) at t = ratio·t_w: values and standard errors, shape ``(ratios,)``."""
        waiting_time = real_number("waiting_time", waiting_time, minimum=0.0)
        ratios = np.atleast_1d(np.asarray(ratios, dtype=np.float64))
        order = np.argsort(ratios, kind="stable")
        times = np.append(waiting_time, waiting_time * (1.0 + ratios[order]))
        jumps = self.jumps(times, replicas)
        mean = np.empty(len(ratios))
        mean[order] = (jumps[:, 1:] == jumps[:, :1]).mean(axis=0)
        return mean, np.sqrt(mean * (1.0 - mean) / replicas)
