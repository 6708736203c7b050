"""Result files that make themselves again: the physics is in them, and the bits must come out the same."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from spinnet.campaign.collect import collect_study
from spinnet.campaign.layout import Layout
from spinnet.campaign.progress import Progress
from spinnet.campaign.run import run_study
from spinnet.campaign.study import Arm, Point, Study, Task
from spinnet.campaign.task import DONE, run_task
from spinnet.errors import EXIT_DONE, InputError, ResultFileError, SpinnetError
from spinnet.results import read_header, read_task, verify
from spinnet.results.schema import CHECKPOINT, COLLECTED, COMPARISON, EXPORT, MODEL, REPORT, TASK
from spinnet.results.storage import storage_error


@dataclass(frozen=True)
class Rerun:
    """A file and its second making. ``differences`` is empty where all bits are the same."""

    first: Path
    second: Path
    digests: tuple[str, str]
    differences: list[str] = field(default_factory=list)
    exit_code: int = EXIT_DONE

    @property
    def same(self) -> bool:
        """Whether the digests over everything outside /provenance agree."""
        return self.digests[0] == self.digests[1]


def rerun(
    path: str | os.PathLike,
    out: str | os.PathLike | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> Rerun:
    """Compute the content of a task's result or of a collected file again, in a new place.

    Parameters
    ----------
    out
        Folder for the second making; by default one ending in ``-rerun``: beside the campaign, for a task's file here.

    Raises
    ------
    InputError
        For a file that is derived from others, or a folder that is taken.
    ResultFileError
        For a file that cannot be read.
    """
    path = Path(path)
    header = read_header(path)
    if header["schema"] == COLLECTED:
        return _rerun_collected(path, header, _folder(path, out), jobs, progress)
    if header["schema"] == TASK:
        return _rerun_task(path, _folder(path, out))
    remedies = {
        CHECKPOINT: "a checkpoint is continued by spinnet run",
        COMPARISON: "a comparison is made again by spinnet compare",
        REPORT: "a report is made again by spinnet report",
        MODEL: "a model is measured again by the command that spinnet info tells",
        EXPORT: "an export is made again by spinnet export",
    }
    raise InputError(f"{path} is no result of a task or a study: {remedies[header['schema']]}")


def _folder(path: Path, out: str | os.PathLike | None) -> Path:
    if out is not None:
        return Path(out)
    parent = path.resolve().parent
    # A task's file lies among the shards of a campaign, where nothing else belongs.
    return parent.with_name(f"{parent.name}-rerun") if path.name == "collected.h5" else Path(f"{path.stem}-rerun")


def study_of(path: str | os.PathLike, header: dict[str, Any] | None = None) -> Study:
    """The study that a collected file tells, without its comparison, reports and text.

    Raises
    ------
    ResultFileError
        If it does not tell one.
    """
    header = header or verify(path, COLLECTED)
    try:
        table = json.loads(header["configuration"])
        arms = {
            name: Arm(name, arm["title"], float(arm["last"]), tuple(Point(**point) for point in arm["points"]))
            for name, arm in table["arms"].items()
        }
        return Study(table["name"], str(header.get("title", table["name"])), arms)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ResultFileError(f"{path}: its configuration is damaged ({error!r}): run the study again") from None


def _rerun_collected(path: Path, header: dict[str, Any], folder: Path, jobs, progress) -> Rerun:
    study = study_of(path, header)
    outcome = run_study(study, folder, jobs=jobs, progress=progress)
    if outcome.exit_code != EXIT_DONE:
        return Rerun(path, folder, (str(header["digest"]), ""), outcome.lines, outcome.exit_code)
    second = collect_study(folder).path
    digests = (str(header["digest"]), str(verify(second, COLLECTED)["digest"]))
    differences = [] if digests[0] == digests[1] else _collected_differences(path, second)
    return Rerun(path, second, digests, differences)


def _rerun_task(path: Path, folder: Path) -> Rerun:
    from spinnet.simulation import simulate

    first = read_task(path)
    layout = Layout(folder)
    if layout.root.exists() and any(layout.root.iterdir()):
        raise InputError(f"{folder} exists and is not empty: give another folder with -o")
    physics = first.configuration
    task = Task(first.task, "task", path.stem, int(physics.get("sample", 0)), physics, first.last)
    layout.check_writable()
    try:
        for place in (layout.shard(task.id).parent, layout.checkpoints, layout.logs, layout.failures):
            place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise storage_error(folder, error) from error
    outcome = run_task(layout, task, simulate, lambda: False, lambda fraction: None)
    if outcome.status != DONE:
        raise SpinnetError(f"{path} could not be computed again: {outcome.line}")
    second = read_task(layout.shard(task.id))
    differences = []
    if second.digest != first.digest:
        differences = _differences(first.variables, second.variables) or ["the state or attributes differ"]
    return Rerun(path, second.path, (first.digest, second.digest), differences)


def _differences(first, second) -> list[str]:
    found = []
    for name in sorted(set(first) | set(second)):
        if name not in first or name not in second:
            found.append(f"{name} is in one of the files only")
        else:
            found += _difference(name, first[name].data, second[name].data)
    return found


def _difference(name: str, a, b) -> list[str]:
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return [f"{name}: {a.dtype} {a.shape} against {b.dtype} {b.shape}"]
    if a.tobytes() == b.tobytes() or a.dtype.kind not in "fiu":
        return [] if a.dtype.kind in "fiu" or (a == b).all() else [f"{name} differs"]
    a, b = a.astype(float), b.astype(float)
    gap, largest = (np.nanmax(np.abs(values), initial=0.0) for values in (a - b, a))
    return [f"{name}: largest difference {gap:.3g}, of values up to {largest:.3g}"]


def _collected_differences(first: Path, second: Path) -> list[str]:
    from spinnet.results import Collected

    left, right = Collected(first), Collected(second)
    found = []
    for arm in left.arms:
        for point in left.points(arm):
            if arm not in right.arms or point not in right.points(arm):
                found.append(f"{arm}/{point} is missing")
                continue
            names = set(left.names(arm, point)) & set(right.names(arm, point))
            for name in sorted(names):
                a, b = left.read(arm, point, name).data, right.read(arm, point, name).data
                found += _difference(f"{arm}/{point}/{name}", a, b)
    return found or ["attributes, gaps or names"]
