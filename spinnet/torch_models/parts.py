"""The pieces of work of a measurement: each a function of a landscape and configurations that returns variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from spinnet import randomness
from spinnet.dynamics.sgd import SGD
from spinnet.landscapes.torch_checkpoints import Checkpoints
from spinnet.landscapes.torch_landscape import TorchLandscape
from spinnet.probes.energy import EnergyProbe
from spinnet.probes.final import FinalProbe
from spinnet.probes.gradient_norm import GradientNormProbe
from spinnet.probes.hessian_spectrum import HessianSpectrumProbe
from spinnet.probes.lanczos import LanczosProbe
from spinnet.probes.noise_trace import NoiseTraceProbe
from spinnet.probes.paths import energies_along, minimum_energy_path, path_barrier
from spinnet.probes.two_time import TwoTimeProbe
from spinnet.records import Variable, Variables
from spinnet.schedules import LogSchedule
from spinnet.torch_models.batch_noise import BatchNoiseProbe
from spinnet.torch_models.settings import DENSE_LIMIT, Settings
from spinnet.trajectory import Trajectory


class _ToTheEnd(LogSchedule):
    """Logarithmic times, and the last one."""

    def times(self) -> np.ndarray:
        return np.union1d(super().times(), [self.last])


_PER_DECADE = 6  # measuring times and delays
#: Steps and probe vectors of a quadrature; products of some seconds each make the most of the time of a large model.
LANCZOS = (80, 4)
_TOLERANCE = 1e-3  # of elastic bands, |∇H|/√P


def trajectory(landscape: TorchLandscape, settings: Settings, replicas: int) -> Trajectory:
    """The run of all seeds together, before its first step."""
    batch = settings.batch_of(landscape.n_terms)
    probes: dict[str, Any] = {"energy": EnergyProbe(), "gradient_norm": GradientNormProbe()}
    if "ageing" in settings.probes:
        probes["two_time"] = TwoTimeProbe(settings.waiting_times, first=1.0, per_decade=_PER_DECADE)
        probes["noise_trace"] = BatchNoiseProbe(batch) if landscape.has_batch_norm else NoiseTraceProbe()
    dynamics = SGD(settings.learning_rate, batch, settings.momentum)
    schedule = _ToTheEnd(1.0, float(settings.steps), _PER_DECADE)
    return Trajectory(landscape, dynamics, probes, schedule, replicas)


def train(
    landscape: TorchLandscape, settings: Settings, arm: str, start: np.ndarray, state: Mapping[str, np.ndarray] | None,
    should_stop: Callable[[], bool], tell: Callable[[float], None],
) -> tuple[Variables | None, dict[str, np.ndarray]]:  # fmt: skip
    """Train all seeds; variables (None when stopped) and the state from which a later call goes on."""
    run = trajectory(landscape, settings, len(start))
    if state:
        run.resume(state)
    else:
        keys = randomness.counter_keys(settings.seed, len(start), "noise", arm)
        run.begin(run.dynamics.init(landscape, start, keys))
    if not run.follow(should_stop, tell):
        return None, run.arrays()
    end = run.final
    found = run.variables(run.dynamics.time_unit)
    found["endpoint/configuration"] = Variable(end, ("replica", "coordinate"), "1", "weights at the last time")
    with np.errstate(all="ignore"):  # also where the weights are finite and the loss is not
        lost = ~(np.isfinite(end).all(axis=1) & np.isfinite(found["trajectory/energy"].data[:, -1]))
    found["endpoint/diverged"] = Variable(
        lost.astype(np.int8), ("replica",), "1", "1 for a run whose weights or loss are no numbers; it is kept, as NaN"
    )
    return found, {}


def final(landscape: TorchLandscape, x: np.ndarray, rng: np.random.Generator) -> Variables:
    """Loss, accuracy and gradient at configurations ``x`` (replicas, n)."""
    return {f"endpoint/{name}": variable for name, variable in FinalProbe().measure(landscape, x, rng).items()}


def hessian(landscape: TorchLandscape, x: np.ndarray, rng: np.random.Generator) -> Variables:
    """The spectrum of the Hessian at one configuration ``x`` (1, n): dense, or Lanczos above ``DENSE_LIMIT``."""
    # In single precision LAPACK's own rounding is not what limits an eigenvalue.
    zero = 1e-9 if landscape.dtype == "float64" else 1e-5
    if landscape.n_dof <= DENSE_LIMIT:
        return HessianSpectrumProbe(zero_tolerance=zero, dense_limit=DENSE_LIMIT).measure(landscape, x, rng)
    steps, vectors = LANCZOS
    found = LanczosProbe(steps, vectors, tolerance=max(1e-6, zero)).measure(landscape, x, rng)
    return {name.replace("lanczos/", "spectrum/"): variable for name, variable in found.items()}


def lines(landscape: TorchLandscape, x: np.ndarray, points: int) -> Variables:
    """Energy densities and barriers on straight lines between all pairs of seeds."""
    first, second = pairs_of(len(x))
    energies = np.full((len(first), points), np.nan)
    sound = np.isfinite(x[first]).all(axis=1) & np.isfinite(x[second]).all(axis=1)
    if sound.any():
        energies[sound] = energies_along(landscape, x[first[sound]], x[second[sound]], points)
    barrier = path_barrier(energies)
    aligned: Variables = {}
    if landscape.symmetry.groups:
        nearer = np.full_like(energies, np.nan)
        if sound.any():
            ends = landscape.align(x[second[sound]], x[first[sound]])
            nearer[sound] = energies_along(landscape, x[first[sound]], ends, points)
        height = path_barrier(nearer).height
        aligned = {
            "barriers/aligned_energy_density": Variable(
                nearer, ("pair", "share"), "energy", "along the line, hidden units of the second seed exchanged"
            ),
            "barriers/aligned_height": Variable(height, ("pair",), "energy", "above the higher end, then"),
        }
    return {
        **_pair_variables("barriers", first, second), **aligned,
        "barriers/share": Variable(np.linspace(0.0, 1.0, points), ("share",), "1", "share of the way"),
        "barriers/energy_density": Variable(energies, ("pair", "share"), "energy", "along the straight line"),
        "barriers/height": Variable(barrier.height, ("pair",), "energy", "above the higher end, per pattern"),
        "barriers/excess": Variable(
            barrier.excess, ("pair",), "energy", "above the line between the energies of the ends, per pattern"
        ),
    }


def band(landscape: TorchLandscape, x: np.ndarray, ends: tuple[int, int], settings: Settings) -> Variables:
    """A nudged elastic band between two seeds."""
    a, b = ends
    band_variables = {
        "band/first": np.array([a]), "band/second": np.array([b]),
        "band/energy_density": np.full((1, settings.images), np.nan),
        **{f"band/{name}": np.full(1, np.nan) for name in ("barrier", "upper_bound", "force", "gradient_norm")},
        "band/converged": np.zeros(1, np.int8),
    }  # fmt: skip
    if np.isfinite(x[[a, b]]).all() and np.isfinite(landscape.energy(x[[a, b]])).all():
        found = minimum_energy_path(
            landscape, x[a], x[b], settings.images, tolerance=_TOLERANCE, most_steps=settings.band_steps
        )
        band_variables |= {
            "band/energy_density": found.energies, "band/barrier": found.barrier,
            "band/upper_bound": found.upper_bound, "band/force": found.force,
            "band/gradient_norm": found.gradient_norm, "band/converged": found.converged.astype(np.int8),
        }  # fmt: skip
    told = {
        "band/first": "number of a seed", "band/second": "number of another",
        "band/energy_density": "of the images, from end to end", "band/barrier": "of the highest image above the "
        "higher end", "band/upper_bound": "of the polygon through the images: no path needs more",
        "band/force": "largest force across the band, over root P", "band/gradient_norm": "gradient at the highest "
        "image, over root P", "band/converged": f"1 where both are at most {_TOLERANCE:g}",
    }  # fmt: skip
    return {
        name: Variable(
            values, ("pair", "image")[: values.ndim], "energy" if values.dtype.kind == "f" else "1", told[name]
        )
        for name, values in band_variables.items()
    }


def overlaps(landscape: TorchLandscape, x: np.ndarray) -> Variables:
    """Of all pairs of seeds: cosine in weight space, and the correlation of what they answer."""
    first, second = pairs_of(len(x))
    with np.errstate(all="ignore"):
        weights = landscape.space.overlap(x[first], x[second])
        answers = np.array(landscape.outputs(np.nan_to_num(x)), dtype=np.float64)
        answers = answers.reshape(len(x), answers.shape[1], -1)
        answers -= answers.mean(axis=1, keepdims=True)
        flat = answers.reshape(len(x), -1)
        flat[~np.isfinite(x).all(axis=1)] = np.nan
        size = np.sqrt(np.einsum("ri,ri->r", flat, flat))
        alike = np.einsum("pi,pi->p", flat[first], flat[second]) / (size[first] * size[second])
    aligned: Variables = {}
    if landscape.symmetry.groups:
        with np.errstate(all="ignore"):
            nearer = landscape.space.overlap(x[first], landscape.align(x[second], x[first]))
        told = "the same after exchanges of the second seed's hidden units"
        aligned["overlaps/weights_aligned"] = Variable(nearer, ("pair",), "1", told)
    return {
        **_pair_variables("overlaps", first, second), **aligned,
        "overlaps/weights": Variable(weights, ("pair",), "1", "cosine of the angle between two seeds' weights"),
        "overlaps/answers": Variable(
            alike, ("pair",), "1", "correlation of two seeds' outputs over patterns, less each output's mean"
        ),
    }


def along_checkpoints(landscape: TorchLandscape, runs: list[Checkpoints], settings: Settings) -> Variables:
    """Energies and two-time displacements of trajectories of checkpoints with common steps."""
    steps = runs[0].steps.astype(np.float64)
    x = np.stack([run.x for run in runs])
    found: Variables = {"trajectory/time": Variable(steps, ("time",), "steps", "numbers in the checkpoints' names")}
    for probe in (EnergyProbe(), GradientNormProbe()):
        measured = [probe.measure(landscape, block) for block in np.swapaxes(x, 0, 1)]
        for name, first in measured[0].items():
            data = np.stack([block[name].data for block in measured], axis=1)
            found[f"trajectory/{name}"] = Variable(data, ("replica", "time"), first.units, first.description)
    found["endpoint/configuration"] = Variable(x[:, -1], ("replica", "coordinate"), "1", "last checkpoint")
    found["endpoint/diverged"] = Variable(np.zeros(len(x), np.int8), ("replica",), "1", "checkpoints are finite")
    if "ageing" in settings.probes and len(steps) > 2:
        found |= _two_time(x, steps)
    return found


def _two_time(x: np.ndarray, steps: np.ndarray) -> Variables:
    """Δ from about six waiting times, evenly spread over the checkpoints, to all later ones."""
    chosen = np.unique(np.linspace(0, len(steps) - 2, min(6, len(steps) - 1)).round().astype(int))
    delays = np.unique([later - steps[w] for w in chosen for later in steps[w:]])
    moved = np.full((len(x), len(chosen), len(delays)), np.nan)
    for row, w in enumerate(chosen):
        at = np.searchsorted(delays, steps[w:] - steps[w])
        moved[:, row, at] = ((x[:, w:] - x[:, w : w + 1]) ** 2).mean(axis=2)
    return {
        "two_time/waiting_time": Variable(steps[chosen], ("waiting_time",), "1", "steps of checkpoints"),
        "two_time/delay": Variable(delays, ("delay",), "1", "steps since the waiting time"),
        "two_time/displacement": Variable(
            moved, ("replica", "waiting_time", "delay"), "1", "|x(t_w + t) - x(t_w)|^2/n; NaN without a checkpoint"
        ),
    }


def pairs_of(count: int) -> tuple[np.ndarray, np.ndarray]:
    """First and second members of all pairs."""
    pairs = np.array(list(combinations(range(count), 2)), dtype=np.int64).reshape(-1, 2)
    return pairs[:, 0], pairs[:, 1]


def _pair_variables(group: str, first: np.ndarray, second: np.ndarray) -> Variables:
    return {
        f"{group}/first": Variable(first, ("pair",), "1", "number of a seed"),
        f"{group}/second": Variable(second, ("pair",), "1", "number of another seed"),
    }
