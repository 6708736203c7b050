"""The p-spin glass on the hypercube with a hidden signal: inference of ±1 from a noisy tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from spinnet.configurable import real_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Signal
from spinnet.landscapes.ising_pspin import PSpinIsing
from spinnet.landscapes.packed_patterns import spins_at
from spinnet.randomness import stream


class PlantedGlass(PSpinIsing, Signal):
    """Ising p-spin glass with a signal, H(σ) = H₀(σ) − N β₀ f(m), f(m) = m^p/2, m = s·σ/N, σ ∈ {±1}^N.

    H₀ is :class:`PSpinIsing` of the same seed and sample, whose covariance is exactly N f(q) at every N; the signal s
    is uniform and belongs to the disorder. At the temperature 1/β₀ the glass is the posterior of an observer who knows
    how s was hidden (the Nishimori line). There the signal is itself an equilibrium configuration, so that exactly, at
    every N,

        E⟨H⟩ = −N β₀ f(1),   E⟨m⟩ = E⟨q₁₂⟩,

    and a reversible dynamics that starts at s stays in equilibrium: E H(t) = −N β₀ f(1) at all times, and two such runs
    have E q₁₂(t) = E m(2t). The signal has the state around it from β₀ = 1/T_d on, and can be found from β₀ = 1/T_s on,
    by exhaustive search; no known local algorithm does for p ≥ 3.

    The spiked glass on the sphere is :class:`SphericalGlass` with ``planted``: it has gradients and other dynamics, and
    therefore another class.

    Parameters
    ----------
    n : int
        Number N of spins, up to 4096.
    p : int
        Degree, from 1 to 64.
    snr : float
        Signal-to-noise ratio β₀ ≥ 0.
    start_at : {"random", "planted"} or float
        Where configurations begin: anywhere, at the signal, or at the attainable overlap nearest to this number.
    seed, sample : int
        The disorder.

    Raises
    ------
    InputError
        For values that are not allowed, and for couplings that do not fit in the available memory.

    References
    ----------
    Nishimori, Prog. Theor. Phys. 66, 1169 (1981); Krzakala and Zdeborová, J. Chem. Phys. 134, 034512 (2011). Overlap of
    the state around the signal: :func:`spinnet.theory.ising_pspin.state_overlap` at the temperature 1/β₀.
    """

    revision = 1

    def __init__(
        self, n: int, p: int = 3, snr: float = 2.0, start_at: str | float = "random", seed: int = 0, sample: int = 0
    ):
        checked = self.validate(n=n, p=p, snr=snr, start_at=start_at, seed=seed, sample=sample)
        super().__init__(n=checked["n"], p=checked["p"], seed=checked["seed"], sample=checked["sample"])
        self.snr: float = checked["snr"]
        self.start_at: str | float = checked["start_at"]
        bits = stream(self.seed, "Ising signal", self.n, self.p, self.sample).integers(0, 2, self.n, dtype=np.int8)
        self._signal = 1 - 2 * bits
        self._signal.flags.writeable = False

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check values without allocating; see :class:`spinnet.configurable.Configurable`."""
        checked = PSpinIsing.validate(**{name: parameters[name] for name in parameters if name not in _OWN})
        start = parameters.get("start_at", "random")
        if start not in ("random", "planted"):
            start = real_number("start_at", start, -1.0) if not isinstance(start, str) else start
            if isinstance(start, str) or start > 1.0:
                raise InputError(f"start_at = {start!r}: give 'random', 'planted' or an overlap from -1 to 1")
        return {**checked, "snr": real_number("snr", parameters.get("snr", 2.0), 0.0), "start_at": start}

    @property
    def signal(self) -> np.ndarray:
        """The hidden configuration, ±1, int8, shape ``(n,)``."""
        return self._signal

    def start(self, replicas: int, rng: np.random.Generator) -> np.ndarray:
        """Configurations at ``start_at``, ``(replicas, n)``."""
        if self.start_at == "random":
            return super().start(replicas, rng)
        return spins_at(self._signal, 1.0 if self.start_at == "planted" else self.start_at, replicas, rng)

    def _signal_energy(self, overlap: np.ndarray) -> np.ndarray:
        """−N β₀ f(m) of whole numbers N m."""
        return -0.5 * self.n * self.snr * (overlap / self.n) ** self.p

    def energy(self, x: np.ndarray) -> np.ndarray:
        """H of each row of ±1, shape ``(replicas,)``."""
        x = self.check(x)
        return super().energy(x) + self._signal_energy(x.astype(np.int64) @ self._signal)

    def delta_energy(self, x: np.ndarray, site: np.ndarray) -> np.ndarray:
        """H(x with ``site`` flipped) − H(x), shape ``(replicas,)``."""
        x = self.check(x)
        site = np.array(self._check_site(site, len(x)), dtype=np.int64)
        before = x.astype(np.int64) @ self._signal
        after = before - 2 * x[np.arange(len(x)), site].astype(np.int64) * self._signal[site]
        return super().delta_energy(x, site) + (self._signal_energy(after) - self._signal_energy(before))

    def all_levels(self) -> np.ndarray:
        """Energies of the levels 0 … 2^N − 1, N ≤ 28."""
        values = super().all_levels()
        away = np.bitwise_count(np.arange(len(values), dtype=np.uint64) ^ self.index_of(self._signal[None])[0])
        values += self._signal_energy(self.n - 2 * np.arange(self.n + 1))[away]
        return values


_OWN = ("snr", "start_at")
