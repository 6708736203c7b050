"""Moves that keep exp(−H/T): isotropic Metropolis steps along geodesics, and leapfrog trajectories.

A move takes the whole block of replicas, each with its own temperature and step, and makes one pass over the landscape
per evaluation. The noise of move number m of a replica is values m·stride … of the counter-based stream of its key:
n normal numbers, then a uniform one for the decision, then a spare uniform one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spinnet.kernels.counter_noise import fill_normal, fill_uniform
from spinnet.landscapes.base import Energy, Landscape
from spinnet.spaces import Sphere, SphereProduct

#: Acceptance that the step is tuned to: the optimum of random walks in many dimensions is 0.234, and flat to the right;
#: that of leapfrog trajectories 0.65, and flat to the right (Roberts, Gelman & Gilks 1997; Beskos et al. 2013).
TARGET_WALK, TARGET_LEAPFROG = 0.3, 0.75

_LONGEST_ANGLE, _LONGEST = 3.0, 1e6  # of a step on the sphere, where longer ones only turn in circles, and elsewhere
_FIRST_GAIN, _GAIN_DECAY = 1.0, 0.6


class Walkers(NamedTuple):
    """Where the replicas are: what a move takes and gives back."""

    x: np.ndarray  # (replicas, n)
    energy: np.ndarray  # (replicas,)
    gradient: np.ndarray  # (replicas, n): Euclidean gradient where trajectories are used, else zero


class Decision(NamedTuple):
    """What became of a proposal."""

    probability: np.ndarray  # (replicas,): of accepting it
    accepted: np.ndarray  # (replicas,): bool


def stride(n: int) -> int:
    """Random numbers set aside for one move."""
    return n + n % 2 + 2


def move_noise(keys: np.ndarray, move: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Normals ``(replicas, n)`` and two uniforms ``(replicas,)`` of move number ``move``."""
    normal, uniform = np.empty((len(keys), n)), np.empty((len(keys), 2))
    fill_normal(keys, move * stride(n), normal)
    fill_uniform(keys, (move + 1) * stride(n) - 2, uniform)
    return normal, uniform[:, 0], uniform[:, 1]


def place_walkers(landscape: Energy, x: np.ndarray, with_gradient: bool) -> Walkers:
    """Energies, and gradients if wanted, at the retracted ``x``."""
    x = np.array(landscape.space.retract(landscape.check(x)))
    with np.errstate(all="ignore"):
        if with_gradient:
            return Walkers(x, *landscape.energy_and_gradient(x))
        return Walkers(x, landscape.energy(x), np.zeros_like(x))


def travel(space, x: np.ndarray, v: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Follow the geodesic from ``x`` with tangent velocity ``v`` for ``time`` (replicas,): new position and velocity.

    On the sphere |x|² = n: x cos ωt + (√n/|v|) v sin ωt with ω = |v|/√n, and the velocity turned with it.
    """
    if isinstance(space, SphereProduct):
        return space.travel(x, v, time)
    if not isinstance(space, Sphere):
        return x + time[:, None] * v, v
    radius = np.sqrt(space.n)
    speed = np.sqrt(np.einsum("ri,ri->r", v, v))
    angle = (speed * time / radius)[:, None]
    unit = v / np.where(speed > 0, speed, 1.0)[:, None]
    moved = space.retract(np.cos(angle) * x + (radius * np.sin(angle)) * unit)
    turned = speed[:, None] * (np.cos(angle) * unit - np.sin(angle) * x / radius)
    return moved, space.project(moved, turned)


def walk(landscape: Energy, at: Walkers, temperature, step, normal, uniform) -> tuple[Walkers, Decision]:
    """One Metropolis step: x′ = the end of the geodesic that leaves x along ``step``·Pξ, ξ standard normal.

    The law of x′ depends on the angle between x and x′ alone, so the proposal is symmetric with respect to the uniform
    measure, and min(1, exp(−ΔH/T)) keeps exp(−H/T). ``step`` is about the angle of a proposal in radians on the sphere,
    the displacement of each coordinate on flat space.
    """
    with np.errstate(all="ignore"):
        moved, _ = travel(landscape.space, at.x, landscape.space.project(at.x, normal), step)
        there = Walkers(moved, landscape.energy(moved), at.gradient)
        return _decide(at, there, (there.energy - at.energy) / temperature, uniform)


def leapfrog(landscape, at: Walkers, temperature, step, normal, uniform, steps: int) -> tuple[Walkers, Decision]:
    """A trajectory of ``steps`` kick–geodesic–kick steps of time ``step`` from a thermal velocity √T·Pξ.

    Reversible and volume preserving, so min(1, exp(−Δ(H + |v|²/2)/T)) keeps exp(−H/T) for every step.

    References
    ----------
    Duane, Kennedy, Pendleton & Roweth, Phys. Lett. B 195, 216 (1987); geodesic form: Byrne & Girolami, Scand. J.
    Stat. 40, 825 (2013).
    """
    space = landscape.space
    with np.errstate(all="ignore"):
        x, gradient = at.x, at.gradient
        v = space.project(x, np.sqrt(temperature)[:, None] * normal)
        before = at.energy + 0.5 * np.einsum("ri,ri->r", v, v)
        for _ in range(steps):
            v = v - (0.5 * step)[:, None] * space.riemannian_gradient(x, gradient)
            x, v = travel(space, x, v, step)
            energy, gradient = landscape.energy_and_gradient(x)
            v = v - (0.5 * step)[:, None] * space.riemannian_gradient(x, gradient)
        after = energy + 0.5 * np.einsum("ri,ri->r", v, v)
        return _decide(at, Walkers(x, energy, gradient), (after - before) / temperature, uniform)


def make_move(landscape, at: Walkers, temperature, step, keys, move: int, leapfrog_steps: int):
    """Move number ``move`` of the block: a walk for ``leapfrog_steps`` = 0, else a trajectory of so many steps.

    Returns
    -------
    Walkers, Decision, ndarray
        The last are the spare uniform numbers of the move.
    """
    normal, uniform, spare = move_noise(keys, move, at.x.shape[1])
    if leapfrog_steps:
        at, decision = leapfrog(landscape, at, temperature, step, normal, uniform, leapfrog_steps)
    else:
        at, decision = walk(landscape, at, temperature, step, normal, uniform)
    return at, decision, spare


def first_step(landscape: Landscape, temperature: np.ndarray, leapfrog_steps: int) -> np.ndarray:
    """Where tuning begins."""
    return np.full(len(temperature), 0.1 if leapfrog_steps else 1.0 / np.sqrt(landscape.space.n))


def tuned(space, step: np.ndarray, probability: np.ndarray, move: int, leapfrog_steps: int) -> np.ndarray:
    """The step after move number ``move`` of a warm-up: stochastic approximation towards the wanted acceptance."""
    target = TARGET_LEAPFROG if leapfrog_steps else TARGET_WALK
    gain = _FIRST_GAIN / (1.0 + move) ** _GAIN_DECAY
    longest = _LONGEST_ANGLE if isinstance(space, Sphere | SphereProduct) else _LONGEST
    return np.minimum(step * np.exp(gain * (probability - target)), longest)


def _decide(at: Walkers, there: Walkers, cost: np.ndarray, uniform: np.ndarray) -> tuple[Walkers, Decision]:
    """Accept with probability min(1, exp(−cost)); where the cost is not a number the proposal is refused."""
    probability = np.nan_to_num(np.exp(np.minimum(-cost, 0.0)), nan=0.0)
    accepted = uniform <= probability
    take = accepted[:, None]
    return Walkers(
        np.where(take, there.x, at.x),
        np.where(accepted, there.energy, at.energy),
        np.where(take, there.gradient, at.gradient),
    ), Decision(probability, accepted)
