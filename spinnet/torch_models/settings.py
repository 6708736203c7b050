"""What is measured, and how the model is trained for it: defaults, the person's own wishes, checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from spinnet.configurable import one_of, real_number, whole_number
from spinnet.errors import InputError, nearest_name

#: Probes by the names that the command line knows.
PROBES = ("hessian", "ageing", "barriers", "overlaps", "energies")
_BATCH = 32  # patterns per step where none are asked for
DENSE_LIMIT = 5000  # parameters up to which the Hessian is a matrix


@dataclass(frozen=True)
class Settings:
    """One resolved table.

    ``learning_rate``, ``batch``, ``momentum`` and ``steps`` are those of
    :class:`~spinnet.dynamics.sgd.SGD`; a ``batch`` of None becomes 32 patterns, or
    all where there are fewer; ``points`` lie on each straight line between two seeds, ``images`` in each elastic band,
    which is relaxed for at most ``band_steps``.
    """

    probes: tuple[str, ...] = PROBES
    seeds: int = 5
    steps: int = 4000
    learning_rate: float = 0.1
    batch: int | None = None
    momentum: float = 0.0
    seed: int = 1
    dtype: str = "float64"
    device: str = "cpu"
    points: int = 25
    images: int = 9
    band_steps: int = 150
    checkpoints: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON types."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def with_changes(self, **changes: Any) -> Settings:
        """The same with some values changed."""
        return Settings(**{**asdict(self), **changes})

    def batch_of(self, patterns: int) -> int:
        """Patterns per step out of so many.

        Raises
        ------
        InputError
            Where more than all of them were asked for.
        """
        if self.batch is None:
            return min(_BATCH, patterns)
        if self.batch > patterns:
            raise InputError(f"batch = {self.batch}: the data have {patterns} patterns; give a number from 1 to "
                             f"{patterns}, or leave batch out")  # fmt: skip
        return self.batch

    @property
    def waiting_times(self) -> tuple[float, ...]:
        """Four waiting times, the last a quarter of the run."""
        return tuple(sorted({float(max(1, round(self.steps / 4**k))) for k in range(1, 5)}))


def resolve(options: Mapping[str, Any], asked: Mapping[str, Any]) -> Settings:
    """Settings from what the model's function returned and, before it, what was asked for; None asks for nothing.

    Raises
    ------
    InputError
        Naming the value that is not allowed.
    """
    known = Settings.__dataclass_fields__
    given = {name: value for name, value in options.items() if name in known}
    given |= {name: value for name, value in asked.items() if value is not None}
    settings = Settings(**given)
    return Settings(
        probes=parse_probes(settings.probes),
        seeds=whole_number("seeds", settings.seeds, 1),
        steps=whole_number("steps", settings.steps, 1),
        learning_rate=real_number("learning_rate", settings.learning_rate, above=0.0),
        batch=None if settings.batch is None else whole_number("batch", settings.batch, 1),
        momentum=_momentum(settings.momentum),
        seed=whole_number("seed", settings.seed, 0),
        dtype=one_of("dtype", str(settings.dtype).removeprefix("torch."), ("float64", "float32")),
        device=str(settings.device),
        points=whole_number("points", settings.points, 3),
        images=whole_number("images", settings.images, 3),
        band_steps=whole_number("band_steps", settings.band_steps, 0),
        checkpoints=tuple(map(str, settings.checkpoints)),
    )


def parse_probes(given: str | Sequence[str]) -> tuple[str, ...]:
    """Names of probes, from text with commas or a list, in the order of :data:`PROBES`.

    Raises
    ------
    InputError
        For an unknown name, with the nearest one, or none.
    """
    names = [name.strip() for name in given.split(",")] if isinstance(given, str) else list(given)
    names = [name for name in names if name]
    for name in names:
        if name not in PROBES:
            raise InputError(f"probe {name!r} is not known{nearest_name(name, PROBES)}; there are {', '.join(PROBES)}")
    if not names:
        raise InputError(f"no probe was asked for; there are {', '.join(PROBES)}")
    return tuple(name for name in PROBES if name in names)


def _momentum(value: Any) -> float:
    value = real_number("momentum", value, 0.0)
    if value >= 1.0:
        raise InputError(f"momentum = {value:g}: give a number in [0, 1)")
    return value
