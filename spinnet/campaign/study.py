"""A study: what a campaign file means. Arms (landscapes), points (sizes, temperatures), samples, and so tasks.

A task is a resolved physics table; its identity is a hash of it. How long tasks run, how they are compared and where
they are computed is kept beside the physics, so that changing it never changes an identity.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from spinnet.errors import InputError, SpinnetError, nearest_name
from spinnet.results.schema import task_identity

SCHEMA = "spinnet-study"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Task:
    """The smallest thing that runs: one disorder sample at one point, a block of replicas."""

    id: str
    arm: str
    point: str
    sample: int
    physics: dict[str, Any] = field(repr=False)
    last: float

    @property
    def label(self) -> str:
        """For people: "glass n=64 sample 3"."""
        return f"{self.arm} {self.point} sample {self.sample}"


@dataclass(frozen=True)
class Point:
    """One set of varied parameters. ``physics`` lacks only the number of the sample."""

    label: str
    parameters: dict[str, Any]
    physics: dict[str, Any] = field(repr=False)
    samples: int

    @functools.cached_property
    def identities(self) -> tuple[str, ...]:
        """The identity of each sample's task."""
        return tuple(task_identity({**self.physics, "sample": sample}) for sample in range(self.samples))


@dataclass(frozen=True)
class Arm:
    """One landscape with its dynamics, schedule and ensemble."""

    name: str
    title: str
    last: float
    points: tuple[Point, ...]

    def tasks(self) -> Iterator[Task]:
        """All tasks, point by point."""
        for point in self.points:
            for sample, identity in enumerate(point.identities):
                physics = {**point.physics, "sample": sample}
                yield Task(identity, self.name, point.label, sample, physics, self.last)


@dataclass(frozen=True)
class Study:
    """A resolved campaign file."""

    name: str
    title: str
    arms: dict[str, Arm]
    preset: str | None = None
    compare: dict[str, Any] | None = None  # None: the file has no such table
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    execution: dict[str, Any] = field(default_factory=dict)
    text: str = field(default="", repr=False)

    def tasks(self) -> list[Task]:
        """All tasks in the order of the file; one that two arms share is listed once, with the greater length."""
        found: dict[str, Task] = {}
        for arm in self.arms.values():
            for task in arm.tasks():
                first = found.setdefault(task.id, task)
                if first.last < task.last:
                    found[task.id] = replace(first, last=task.last)
        return list(found.values())

    @property
    def wants_comparison(self) -> bool:
        """Whether arms are to be compared: where the file says how, or asks for nothing else."""
        return self.compare is not None or not self.reports

    @property
    def physics(self) -> dict[str, Any]:
        """What is computed, without how long it took, where it ran and how it is compared: JSON types."""
        return {
            "name": self.name,
            "arms": {
                arm.name: {
                    "title": arm.title,
                    "last": arm.last,
                    "points": [
                        {"label": p.label, "parameters": p.parameters, "physics": p.physics, "samples": p.samples}
                        for p in arm.points
                    ],
                }
                for arm in self.arms.values()
            },
        }

    def as_dict(self) -> dict[str, Any]:
        """Everything, in JSON types, as ``study.json`` holds it."""
        return {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            **self.physics,
            "title": self.title,
            "preset": self.preset,
            "compare": self.compare,
            "reports": self.reports,
            "figures": self.figures,
            "execution": self.execution,
            "toml": self.text,
        }

    @classmethod
    def from_dict(cls, table: Mapping[str, Any], source: str = "study.json") -> Study:
        """The study that :meth:`as_dict` wrote.

        Raises
        ------
        InputError
            For a table of another schema, of a later version, or damaged.
        """
        if table.get("schema") != SCHEMA:
            raise InputError(f"{source} does not hold a study of spinnet: give the folder of a campaign")
        if table.get("schema_version") != SCHEMA_VERSION:
            raise InputError(f"{source} was written by another version of spinnet: use that one, or run with --fresh")
        try:
            arms = {
                name: Arm(name, arm["title"], float(arm["last"]), tuple(Point(**point) for point in arm["points"]))
                for name, arm in table["arms"].items()
            }
            return cls(
                name=table["name"],
                title=table["title"],
                arms=arms,
                preset=table["preset"],
                compare=table["compare"],
                reports=table.get("reports", {}),
                figures=table["figures"],
                execution=table["execution"],
                text=table["toml"],
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{source} is damaged ({error!r}): run the campaign file again to rewrite it") from None


def load_study(path: str | os.PathLike, preset: str | None = None) -> Study:
    """Read a campaign file, lay a preset over it, and resolve it completely; nothing is computed or written.

    The presets that were not chosen are checked too.

    Raises
    ------
    InputError
        Naming the file and the line (syntax) or the dotted key (everything else).
    """
    from spinnet.campaign.tables import read_toml

    table, text = read_toml(path)
    return study_from_table(table, preset, source=str(path), text=text)


def study_from_table(
    table: Mapping[str, Any], preset: str | None = None, source: str = "", text: str = ""
) -> Study:
    """The study of a campaign file that has been read already.

    Raises
    ------
    InputError
        As :func:`load_study`.
    """
    from spinnet.campaign.resolve import resolve_study
    from spinnet.campaign.tables import as_table, join, merge

    prefix = f"{source}: " if source else ""
    try:
        presets = as_table(table.get("preset", {}), "preset")
        for name, changes in presets.items():
            as_table(changes, join("preset", name))
        if preset is not None and preset not in presets:
            raise InputError(
                f"there is no preset {preset!r}{nearest_name(preset, presets)}; "
                f"there {'are ' + ', '.join(presets) if presets else 'is none'}"
            )
        base = {key: value for key, value in table.items() if key != "preset"}

        def with_preset(name: str, **options: Any) -> Study:
            try:
                return resolve_study(merge(base, presets[name]), **options)
            except SpinnetError as error:
                if str(error) == _complaint(resolve_study, base):  # the preset is not to blame
                    raise
                raise type(error)(f"{error} (with preset.{name})") from None

        if preset is None:
            chosen = resolve_study(base, text=text)
        else:
            chosen = with_preset(preset, preset=preset, text=text)
        for name in presets:
            if name != preset:
                with_preset(name, first_samples=True)
        return chosen
    except SpinnetError as error:
        raise type(error)(f"{prefix}{error}") from None


def _complaint(resolve, table: Mapping[str, Any]) -> str:
    try:
        resolve(table, first_samples=True)
    except SpinnetError as error:
        return str(error)
    return ""
