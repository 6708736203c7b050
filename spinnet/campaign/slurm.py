"""A campaign as a Slurm job array with a dependent job that collects.

Every array element is ``python -m spinnet.campaign.element``: a pool of workers on the cores of the element, which runs
its share of the missing tasks, checkpoints them before the wall-time limit and goes back into the queue. Nothing but
files is shared, and a task is done when its shard is there: whatever is cancelled, killed or requeued,
``spinnet submit`` again computes what is missing and nothing else.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spinnet.campaign.journal import read_journals
from spinnet.campaign.layout import Layout
from spinnet.campaign.plan import make_plan, refuse_changed_physics
from spinnet.campaign.slurm_profile import SlurmProfile
from spinnet.campaign.study import Study, Task
from spinnet.campaign.task import DONE
from spinnet.errors import InputError, ResultFileError
from spinnet.results import read_header
from spinnet.results.storage import remove_leftovers, write_text
from spinnet.source import source_hash

#: Arrays of more elements are refused by many sites (MaxArraySize is 1001 unless raised).
MOST_ELEMENTS = 1000
#: Elements of a first submission, when nothing tells how long a task takes.
FIRST_ELEMENTS = 100
_BASE_MEMORY = 600 * 2**20  # an interpreter with numba


@dataclass(frozen=True)
class Submission:
    """A job array as it is, or would be, submitted."""

    number: int
    folder: Path
    groups: list[list[str]]
    array_script: str
    collect_script: str
    finished: int
    lines: list[str] = field(default_factory=list)
    array_job: str = ""
    collect_job: str = ""


def prepare_submission(
    study: Study,
    out: str | os.PathLike,
    profile: SlurmProfile,
    tasks_per_element: int | None = None,
    *,
    dry_run: bool = False,
    simulation: str = "spinnet.simulation",
) -> Submission:
    """Plan what is missing of a study and write the scripts of an array that computes it.

    Parameters
    ----------
    tasks_per_element
        None: so many that an element runs for ``profile.minutes``, if finished tasks tell how long one takes.
    dry_run
        Write nothing.

    Raises
    ------
    InputError
        As :func:`spinnet.campaign.run.run_study`, and if an array of this campaign is still in the queue.
    """
    layout = Layout(out)
    old = layout.refuse_foreign(study.name)
    if old is not None:
        refuse_changed_physics(layout, old, study)
        if not dry_run and (active := active_jobs(layout)):
            raise InputError(
                f"job {', '.join(active)} of this campaign is still in the queue: wait for it (spinnet status {out}), "
                f"or cancel it with scancel {' '.join(active)}"
            )
    if dry_run:
        missing, finished, lines = _glance(layout, study)
    else:
        layout.check_writable()
        layout.prepare(study)
        remove_leftovers(layout.root)
        plan = make_plan(layout, study)
        if plan.study != study:
            layout.prepare(plan.study)
        missing, finished, lines = plan.missing, len(plan.finished), plan.lines
    missing = missing[::-1]  # people list sizes in increasing order: the longest first
    count, why = _elements(layout, missing, profile, tasks_per_element)
    # Strided shares are alike, where consecutive ones would hold all the large systems in one.
    groups = [[task.id for task in missing[k::count]] for k in range(count)]
    number = 1 + max((_number(path) for path in layout.submissions.glob("*.json")), default=0)
    folder = layout.submissions
    root = layout.root.resolve()
    memory = profile.memory or _stated_memory(missing, profile.cpus)
    array = _array_script(study, profile, root, number, len(groups), memory)
    collect = _collect_script(study, profile, root)
    if why and missing:
        lines = [*lines, why]
    submission = Submission(number, folder, groups, array, collect, finished, lines)
    if not dry_run and missing:
        folder.mkdir(exist_ok=True)
        record = {"source": source_hash(), "simulation": simulation, "groups": groups, "walltime": profile.seconds,
                  "signal_seconds": profile.signal_seconds}  # fmt: skip
        write_text(folder / f"{number}.json", json.dumps(record))
        write_text(folder / f"{number}.array.sh", array)
        write_text(folder / f"{number}.collect.sh", collect)
    return submission


def submit(submission: Submission) -> Submission:
    """Hand the array and the dependent collect job to Slurm.

    Raises
    ------
    InputError
        If there is no Slurm here, or it refuses: with its own words.
    """
    array = _sbatch(submission.folder / f"{submission.number}.array.sh")
    # Written before the second job is asked for: if that is refused, the array is in the queue all the same.
    jobs = submission.folder / f"{submission.number}.jobs"
    write_text(jobs, json.dumps({"array": array}))
    # afterany: one failed element must not keep the rest from being collected; gaps are named there.
    collect = _sbatch(submission.folder / f"{submission.number}.collect.sh", f"--dependency=afterany:{array}")
    write_text(jobs, json.dumps({"array": array, "collect": collect}))
    return Submission(**{**submission.__dict__, "array_job": array, "collect_job": collect})


def active_jobs(layout: Layout) -> list[str]:
    """Jobs of earlier submissions that are still queued or running; none where nothing was submitted.

    Raises
    ------
    InputError
        If Slurm does not answer: a second array on top of one that runs would compute everything twice.
    """
    known = []
    for path in sorted(layout.submissions.glob("*.jobs")):
        try:
            known += [str(job) for job in json.loads(path.read_text(encoding="utf-8")).values()]
        except (OSError, ValueError):
            continue
    active = []
    for job in known:
        try:
            asked = subprocess.run(["squeue", "-h", "-o", "%i", "-j", job], capture_output=True, text=True, timeout=60)
        except FileNotFoundError:
            raise _unanswered(layout, "there is no squeue on this machine") from None
        except subprocess.TimeoutExpired:
            raise _unanswered(layout, "squeue did not answer within a minute") from None
        if asked.returncode == 0:
            active += [job] if asked.stdout.strip() else []
        elif "invalid job id" not in asked.stderr.lower():  # that is what Slurm says of one it has forgotten
            raise _unanswered(layout, " ".join(asked.stderr.split()))
    return active


def _unanswered(layout: Layout, why: str) -> InputError:
    return InputError(
        f"whether an array of this campaign is still in the queue cannot be told ({why}): try again, or remove "
        f"{layout.submissions}/*.jobs if you know that none is"
    )


def _sbatch(script: Path, *options: str) -> str:
    command = ["sbatch", "--parsable", *options, str(script)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except FileNotFoundError:
        raise InputError(
            "there is no sbatch on this machine: submit from a login node of the cluster, "
            f"or look at the scripts with --dry-run ({script} is written)"
        ) from None
    except subprocess.TimeoutExpired:
        raise InputError("sbatch did not answer within two minutes: see squeue before you submit again") from None
    if done.returncode != 0:
        raise InputError(f"Slurm refuses {script}: {' '.join(done.stderr.split())}")
    return done.stdout.strip().split(";")[0]


def _glance(layout: Layout, study: Study) -> tuple[list[Task], int, list[str]]:
    """What is missing by the lengths that the shards state: a dry run moves no damaged file."""
    present = layout.shard_identities()
    tasks = study.tasks()
    missing = [task for task in tasks if task.id not in present or _reached(layout, task) < task.last]
    return missing, len(tasks) - len(missing), []


def _reached(layout: Layout, task: Task) -> float:
    try:
        return float(read_header(layout.shard(task.id))["last"])
    except (ResultFileError, KeyError, TypeError, ValueError):
        return -1.0


def _elements(layout: Layout, missing: Sequence[Task], profile: SlurmProfile, wanted: int | None) -> tuple[int, str]:
    """How many elements share the missing tasks, and why."""
    if not missing:
        return 0, ""
    if wanted is not None:
        return min(math.ceil(len(missing) / wanted), MOST_ELEMENTS), ""
    seconds = _seconds_of_tasks(layout, missing)
    if seconds is None:
        count = min(FIRST_ELEMENTS, math.ceil(len(missing) / profile.cpus))
        return count, (
            f"no finished task tells how long one takes: {count} elements; a short `spinnet run` on one node, or "
            "--tasks-per-element, makes better shares"
        )
    count = math.ceil(seconds / (60.0 * profile.minutes * profile.cpus))
    count = max(1, min(count, MOST_ELEMENTS, math.ceil(len(missing) / profile.cpus)))
    return count, f"finished tasks say {seconds / 3600:.2g} core hours in all: {count} elements"


def _seconds_of_tasks(layout: Layout, missing: Sequence[Task]) -> float | None:
    """Core seconds of the missing tasks by the finished ones of the same point; None unless every point has some."""
    taken = {}
    for _, events in read_journals(layout.journals):
        taken |= {event["task"]: float(event.get("seconds", 0.0)) for event in events if event["event"] == DONE}
    if not taken:
        return None
    by_point: dict[tuple[str, str], list[float]] = {}
    for task in layout.read_study().tasks():
        if task.id in taken:
            by_point.setdefault((task.arm, task.point), []).append(taken[task.id])
    total = 0.0
    for task in missing:
        known = by_point.get((task.arm, task.point))
        if not known:
            return None
        total += statistics.median(known)
    return total


def _stated_memory(missing: Sequence[Task], cpus: int) -> str:
    """Enough for the largest task on every core at once."""
    from spinnet.simulation import memory_bytes

    largest = 0
    for physics in {(task.arm, task.point): task.physics for task in missing}.values():
        try:
            largest = max(largest, int(memory_bytes(physics)))
        except (KeyError, ImportError, InputError):  # a simulation of another kind states nothing
            continue
    return f"{math.ceil((cpus + 1) * _BASE_MEMORY / 2**20 + cpus * 1.2 * largest / 2**20)}M"


def _output(root: Path, name: str) -> str:
    """Where a log goes; Slurm expands "%", and takes a blank for the end unless it is quoted."""
    folder = str(root / "slurm").replace("%", "%%")
    return f'--output="{folder}/{name}"' if " " in folder else f"--output={folder}/{name}"


def _header(profile: SlurmProfile, options: Sequence[str]) -> list[str]:
    named = [f"--{name}={value}" for name in ("account", "partition", "qos") if (value := getattr(profile, name))]
    return ["#!/bin/bash", *(f"#SBATCH {option}" for option in (*options, *named, *profile.options))]


def _body(profile: SlurmProfile, command: Sequence[str]) -> list[str]:
    # `exec`: the signal before the wall-time limit reaches the batch process only.
    return [*profile.setup, "export PYTHONSAFEPATH=1", f"exec {shlex.join([profile.python, *command])}", ""]


def _array_script(study: Study, profile: SlurmProfile, root: Path, number: int, elements: int, memory: str) -> str:
    together = f"%{profile.concurrent}" if profile.concurrent else ""
    options = [
        f"--job-name=spinnet-{study.name}",
        f"--array=0-{max(elements - 1, 0)}{together}",
        "--ntasks=1",
        f"--cpus-per-task={profile.cpus}",
        f"--mem={memory}",
        f"--time={profile.time}",
        f"--signal=B:USR1@{profile.signal_seconds}",
        "--requeue",
        "--open-mode=append",
        _output(root, f"{number}-%a.log"),
    ]
    lines = [*_header(profile, options), *_body(profile, ["-m", "spinnet.campaign.element", str(root), str(number)])]
    return "\n".join(lines)


def _collect_script(study: Study, profile: SlurmProfile, root: Path) -> str:
    options = [
        f"--job-name=collect-{study.name}",
        "--ntasks=1",
        "--cpus-per-task=1",
        "--mem=4G" if not profile.memory else f"--mem={profile.memory}",
        f"--time={profile.time}",
        "--open-mode=append",
        _output(root, "collect.log"),
    ]
    command = ["-m", "spinnet", "collect", str(root), "--figures"]
    return "\n".join([*_header(profile, options), *_body(profile, command)])


def _number(path: Path) -> int:
    return int(path.stem) if path.stem.isdigit() else 0


def read_record(layout: Layout, number: int) -> dict[str, Any]:
    """What :func:`prepare_submission` wrote for the elements.

    Raises
    ------
    InputError
        If it is not there.
    """
    path = layout.submissions / f"{number}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}): submit the study again") from None

