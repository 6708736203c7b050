"""A measurement of one model in parts: what was done survives an interruption, and a resumed one has the same bits."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spinnet import randomness
from spinnet._version import __version__
from spinnet.errors import InputError
from spinnet.landscapes.spherical_glass import SphericalGlass
from spinnet.landscapes.torch_checkpoints import Checkpoints, load_trajectory
from spinnet.landscapes.torch_landscape import TorchLandscape
from spinnet.landscapes.torch_package import first_line, import_torch
from spinnet.records import Variable, Variables
from spinnet.torch_models import glass, parts
from spinnet.torch_models.model_file import Model
from spinnet.torch_models.settings import DENSE_LIMIT, Settings

#: The measured networks, then the null models: before training, and trained on targets shuffled among the patterns.
ARMS = ("trained", "untrained", "shuffled")
#: Beside the arms of the network: a spherical glass.
GLASS = "glass"
_NULL_BANDS = 2  # elastic bands of each null model, where the trained networks have one for each seed
_SMALL = 100_000  # parameters up to which a second thread only waits for the first


@dataclass(frozen=True)
class Part:
    """A piece of work with a name; ``seconds`` is a guess for the progress bar."""

    name: str
    arm: str
    seconds: float
    words: str


class Measurement:
    """All parts of what was asked for, and what has been found so far.

    Parameters
    ----------
    model, settings
        As :func:`~spinnet.torch_models.model_file.load_model` and :func:`~spinnet.torch_models.settings.resolve` give.
        The seeds of ``settings`` are replaced by the number of trajectories where checkpoints are given.

    Raises
    ------
    InputError
        As :class:`~spinnet.landscapes.torch_landscape.TorchLandscape` and
        :func:`~spinnet.landscapes.torch_checkpoints.load_trajectory`.
    """

    def __init__(self, model: Model, settings: Settings):
        options = {name: value for name, value in model.options.items()
                   if name in ("test_data", "weight_decay", "reduction")}  # fmt: skip
        self.model = model
        self.landscape = TorchLandscape(
            model.module, model.loss, model.data, **options, initial=model.make_module, dtype=settings.dtype,
            device=settings.device, batch_statistics=model.options.get("batch_statistics", "minibatch"),
        )  # fmt: skip
        self.runs = [load_trajectory(self.landscape, where) for where in settings.checkpoints]
        if self.runs:
            _same_steps(self.runs)
            settings = settings.with_changes(seeds=len(self.runs), steps=max(1, int(self.runs[0].steps[-1])))
        self.settings = settings = settings.with_changes(batch=settings.batch_of(self.landscape.n_terms))
        if settings.seeds == 1 and set(settings.probes) <= {"barriers", "overlaps"}:
            raise InputError(f"{' and '.join(settings.probes)} are measured between seeds: give 2 seeds or more")
        self._shuffled: TorchLandscape | None = None
        self._glass: SphericalGlass | None = None
        self._plan: list[Part] | None = None
        self.start = self.landscape.start(settings.seeds, randomness.stream(settings.seed, "start"))
        self._check_steps()
        self.done: dict[str, Variables] = {}
        self._state: dict[str, np.ndarray] = {}  # of the run that was interrupted
        self._unfinished = ""
        self.seconds: dict[str, float] = {}

    @property
    def arms(self) -> tuple[str, ...]:
        """Checkpoints made elsewhere have no twin that was trained on shuffled targets."""
        return ARMS[:2] if self.runs else ARMS

    @property
    def identity(self) -> dict[str, Any]:
        """What determines every bit: JSON types."""
        torch, digest = import_torch(), hashlib.sha256()
        for run in self.runs:
            digest.update(run.steps.tobytes() + run.x.tobytes())
        return {
            "spinnet": __version__, "model": self.model.function, "source_sha256": self.model.source_sha256,
            "landscape_sha256": self.landscape.fingerprint, "checkpoints_sha256": digest.hexdigest(),
            "batch_statistics": self.landscape.batch_statistics, "torch": torch.__version__,
            "threads": torch.get_num_threads(),
            "settings": {name: value for name, value in self.settings.as_dict().items() if name != "checkpoints"},
        }  # fmt: skip

    def _check_steps(self) -> None:
        """Refuse, before anything is trained, what the model cannot take; find parameters that never act."""
        landscape, batch = self.landscape, self.settings.batch
        if not self.runs:
            try:
                landscape.gradient_batch(self.start[:1], np.arange(batch)[None])
            except InputError:
                raise
            except Exception as error:  # anything that a person's own model raises
                raise InputError(f"batch = {batch}: module cannot take a minibatch of this size: {first_line(error)}"
                                 ) from None  # fmt: skip
        with np.errstate(all="ignore"):
            still = (landscape.gradient(self.start[:2]) == 0.0).all(axis=0)
        #: Names of parameters whose gradient is exactly zero at the start.
        self.idle = [name for name, where in landscape.layout.slices.items() if still[where].all()]

    # --- doing it ---------------------------------------------------------------------------------------------------

    def run(self, should_stop: Callable[[], bool], report: Callable[[float, str], None]) -> bool:
        """Do what is missing; False when asked to stop: a later call goes on.

        Parameters
        ----------
        report
            Called with the share of the work that is done, and what is being done.
        """
        plan = self.plan()
        total = sum(part.seconds for part in plan)
        before = sum(part.seconds for part in plan if part.name in self.done)
        for part in plan:
            if part.name in self.done:
                continue

            def tell(share: float, part=part, before=before) -> None:
                report((before + share * part.seconds) / total, part.words)

            if not (self._unfinished and part.name == f"{self._unfinished}/run"):  # else it goes on from further
                tell(0.0)
            began = time.perf_counter()
            found = self._do(part, should_stop, tell)
            self.seconds[part.name] = self.seconds.get(part.name, 0.0) + time.perf_counter() - began
            if found is None:
                return False
            self.done[part.name] = found
            before += part.seconds
            if len(self.done) < len(plan) and should_stop():
                return False
        report(1.0, "done")
        return True

    def plan(self) -> list[Part]:
        """The parts in their order, with guesses of their length from one timed call of each kind."""
        if self._plan is None:
            self._plan = self._planned()
        return self._plan

    def _planned(self) -> list[Part]:
        settings, seeds = self.settings, self.settings.seeds
        step, gradient, product = self._time_one_of_each()
        n, wanted, plan = self.landscape.n_dof, settings.probes, []
        products = n if n <= DENSE_LIMIT else parts.LANCZOS[0] * parts.LANCZOS[1]
        looks = 6 * (1 + np.log10(settings.steps)) * gradient * (8 if "ageing" in wanted else 2)
        for arm in self.arms:
            trains = arm != "untrained" and not self.runs
            seconds = settings.steps * step + looks if trains else seeds * gradient
            words = "untrained networks" if arm == "untrained" else f"training, {arm if arm == 'trained' else 'null'}"
            plan.append(Part(f"{arm}/run", arm, seconds, words))
        if set(wanted) != {"energies"}:
            plan.append(Part(f"{GLASS}/run", GLASS, 1e-5 * glass.spins(n) ** 3, "glass"))
        if "hessian" in wanted:
            for arm in self.arms:
                plan += [Part(f"{arm}/hessian/{a}", arm, products * product, f"Hessians, {arm}") for a in range(seeds)]
            plan.append(Part(f"{GLASS}/hessian", GLASS, 0.1, "Hessians, glass"))
        if "barriers" in wanted and seeds > 1:
            pairs = seeds * (seeds - 1) // 2
            for arm in self.arms:
                plan.append(Part(f"{arm}/lines", arm, 0.3 * pairs * settings.points * gradient / seeds, "barriers"))
            plan.append(Part(f"{GLASS}/lines", GLASS, 0.1, "barriers, glass"))
            work = 1.3 * settings.band_steps * (settings.images - 2) * gradient / seeds
            for arm in self.arms:
                most = seeds if seeds > 2 else 1
                for a in range(most if arm == "trained" else min(most, _NULL_BANDS)):
                    plan.append(Part(f"{arm}/band/{a}", arm, work, f"elastic bands, {arm}"))
        if "overlaps" in wanted and seeds > 1:
            plan += [Part(f"{arm}/overlaps", arm, gradient, "overlaps") for arm in (*self.arms, GLASS)]
        return plan

    def _time_one_of_each(self) -> tuple[float, float, float]:
        """Seconds of an SGD step and of a gradient of all seeds, and of a Hessian–vector product among many."""
        x, landscape = self.start, self.landscape
        batch = self.settings.batch
        terms, directions = np.zeros((len(x), batch), np.int64) + np.arange(batch), np.eye(16, x.shape[1])
        kinds = (lambda: landscape.gradient_batch(x, terms), lambda: landscape.gradient(x),
                 lambda: landscape.hvp_block(x[0], directions))  # fmt: skip
        spent = []
        for call in kinds:
            call()
            began = time.perf_counter()
            call()
            spent.append(time.perf_counter() - began)
        return spent[0], spent[1], spent[2] / len(directions)

    def _do(self, part: Part, should_stop: Callable[[], bool], tell: Callable[[float], None]) -> Variables | None:
        arm, _, what = part.name.partition("/")
        what, _, number = what.partition("/")
        rng = randomness.stream(self.settings.seed, "probe", part.name)
        if arm == GLASS:
            return self._do_glass(what, rng, should_stop, tell)
        landscape = self._landscape(arm)
        if what == "run":
            return self._run(arm, landscape, rng, should_stop, tell)
        x = self.configurations(arm)
        if what == "hessian":
            return parts.hessian(landscape, x[int(number) : int(number) + 1], rng)
        if what == "lines":
            return parts.lines(landscape, x, self.settings.points)
        if what == "band":
            return parts.band(landscape, x, (int(number), (int(number) + 1) % len(x)), self.settings)
        return parts.overlaps(landscape, x)

    def _do_glass(self, what, rng, should_stop, tell) -> Variables | None:
        if self._glass is None:
            self._glass = glass.matched_glass(self.landscape.n_dof, self.settings.seed)
        if what == "run":
            return glass.run(self._glass, self.settings, should_stop, tell)
        x = self.configurations(GLASS)
        if what == "hessian":
            return glass.hessian(self._glass, x, rng)
        if what == "lines":
            return glass.lines(self._glass, x, self.settings.points, parts.pairs_of(len(x)))
        return glass.overlaps(self._glass, x, parts.pairs_of(len(x)))

    def _run(self, arm, landscape, rng, should_stop, tell) -> Variables | None:
        if arm == "untrained":
            found: Variables = {
                "endpoint/configuration": Variable(self.start, ("replica", "coordinate"), "1", "initial weights")
            }
        elif self.runs:
            found = parts.along_checkpoints(landscape, self.runs, self.settings)
        else:
            state = self._state if self._unfinished == arm else None
            found, self._state = parts.train(landscape, self.settings, arm, self.start, state, should_stop, tell)
            self._unfinished = arm if found is None else ""
            if found is None:
                return None
        return found | parts.final(landscape, np.asarray(found["endpoint/configuration"].data), rng)

    def configurations(self, arm: str) -> np.ndarray:
        """Where the seeds of an arm stand, shape (replicas, n)."""
        return np.asarray(self.done[f"{arm}/run"]["endpoint/configuration"].data)

    def _landscape(self, arm: str) -> TorchLandscape:
        if arm != "shuffled":
            return self.landscape
        if self._shuffled is None:
            self._shuffled = self.landscape.with_shuffled_targets(randomness.stream(self.settings.seed, "shuffle"))
        return self._shuffled

    # --- what there is ----------------------------------------------------------------------------------------------

    def variables(self) -> Variables:
        """Everything found, "arm/group/name"; pieces of one variable joined along its first dimension."""
        pieces: dict[str, list[Variable]] = {}
        for part, found in self.done.items():
            arm = part.partition("/")[0]
            for name, variable in found.items():
                pieces.setdefault(f"{arm}/{name}", []).append(variable)
        joined = {}
        for name, held in pieces.items():
            first = held[0]
            data = np.concatenate([np.asarray(v.data) for v in held]) if len(held) > 1 else first.data
            joined[name] = Variable(data, first.dims, first.units, first.description, first.attributes)
        return joined

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything needed to go on, as plain arrays."""
        about = {
            "unfinished": self._unfinished,
            "seconds": self.seconds,
            "done": {part: {n: [v.dims, v.units, v.description, v.attributes] for n, v in found.items()}
                     for part, found in self.done.items()},
        }  # fmt: skip
        kept = {"about": np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)}
        for part, found in self.done.items():
            kept |= {f"done/{part}/{name}": np.asarray(variable.data) for name, variable in found.items()}
        return kept | {f"run/{name}": values for name, values in self._state.items()}

    def resume(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what :meth:`arrays` of an earlier, interrupted measurement held."""
        about = json.loads(np.asarray(arrays["about"], dtype=np.uint8).tobytes())
        self._unfinished, self.seconds = about["unfinished"], about["seconds"]
        for part, found in about["done"].items():
            self.done[part] = {
                name: Variable(np.array(arrays[f"done/{part}/{name}"]), tuple(dims), units, description, attributes)
                for name, (dims, units, description, attributes) in found.items()
            }
        self._state = {name.removeprefix("run/"): np.array(values) for name, values in arrays.items()
                       if name.startswith("run/")}  # fmt: skip


def prepared(model: Model, settings: Settings, threads: int | None = None) -> Measurement:
    """A measurement with that many threads of PyTorch; None: one, or all cores for a large model.

    Raises
    ------
    InputError
        As :class:`Measurement`.
    """
    torch = import_torch()
    torch.set_num_threads(threads or 1)
    measurement = Measurement(model, settings)
    if threads is None and measurement.landscape.n_dof > _SMALL:
        torch.set_num_threads(os.cpu_count() or 1)
    return measurement


def _same_steps(runs: list[Checkpoints]) -> None:
    for run in runs[1:]:
        if run.steps.shape != runs[0].steps.shape or (run.steps != runs[0].steps).any():
            raise InputError(
                f"checkpoints of {run.paths[0].parent} and {runs[0].paths[0].parent} have other steps: trajectories "
                "that are averaged need the same ones"
            )
