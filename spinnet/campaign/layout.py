"""Where the files of a campaign lie.

``study.json``
    the resolved study: everything after ``run`` needs only this folder.
``shards/ab/<id>.h5``
    results, one file per task; a task is done when its shard is here and long enough.
``ckpt/<id>.h5``
    checkpoints of tasks that were stopped.
``failed/<id>.txt``, ``logs/<id>.log``, ``damaged/``, ``journal/``
    errors with their traceback, what happened to a task, files that could not be trusted, and one append-only list of
    events per worker process.
``slurm/``
    scripts, shares of tasks and logs of job arrays.
``collected.h5``, ``comparison.h5``, ``reports/NAME.h5``, ``figures/``
    derived from the shards and the study; they can always be made again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from spinnet.campaign.study import Study
from spinnet.errors import InputError, StorageError
from spinnet.results.storage import storage_error, write_text

_HARMLESS = {"lost+found"}


class Layout:
    """The folder of one campaign."""

    def __init__(self, root: str | os.PathLike):
        self.root = Path(root)
        self.study = self.root / "study.json"
        self.collected = self.root / "collected.h5"
        self.shards = self.root / "shards"
        self.checkpoints = self.root / "ckpt"
        self.failures = self.root / "failed"
        self.logs = self.root / "logs"
        self.damaged = self.root / "damaged"
        self.journals = self.root / "journal"

    def shard(self, task: str) -> Path:
        """The result of a task."""
        return self.shards / task[:2] / f"{task}.h5"

    def checkpoint(self, task: str) -> Path:
        """Where a stopped task goes on from."""
        return self.checkpoints / f"{task}.h5"

    def failure(self, task: str) -> Path:
        """Why a task failed."""
        return self.failures / f"{task}.txt"

    def log(self, task: str) -> Path:
        """What happened to a task."""
        return self.logs / f"{task}.log"

    def report(self, name: str) -> Path:
        """What a report of the study found."""
        return self.root / "reports" / f"{name}.h5"

    @property
    def submissions(self) -> Path:
        """Scripts, shares and logs of job arrays."""
        return self.root / "slurm"

    @property
    def worker_log(self) -> Path:
        """What worker processes print: normally nothing."""
        return self.logs / "workers.log"

    def shard_identities(self) -> set[str]:
        """Tasks that have a shard, from the listing alone."""
        found = set()
        for folder in _entries(self.shards):
            found |= {entry.name[:-3] for entry in _entries(folder.path) if entry.name.endswith(".h5")}
        return {name for name in found if not name.startswith(".")}

    def checkpoint_identities(self) -> set[str]:
        """Tasks that have a checkpoint, from the listing alone."""
        return _stems(self.checkpoints, ".h5")

    def failure_identities(self) -> set[str]:
        """Tasks that failed, from the listing alone."""
        return _stems(self.failures, ".txt")

    def disk_bytes(self) -> int:
        """Bytes of all files."""
        return sum(entry.stat(follow_symlinks=False).st_size for entry in _files(self.root))

    # Before a run --------------------------------------------------------------------------------------------------

    def refuse_foreign(self, name: str) -> Study | None:
        """The study that lies here (None for a new or empty folder); nothing is touched.

        Raises
        ------
        InputError
            For a file, a folder with other content, or the campaign of a study with another name.
        """
        if self.root.exists() and not self.root.is_dir():
            raise InputError(f"{self.root} is a file: give another folder with -o")
        if not self.study.exists():
            strangers = [e.name for e in _entries(self.root) if not e.name.startswith(".") and e.name not in _HARMLESS]
            if strangers:
                raise InputError(
                    f"{self.root} holds other files ({', '.join(sorted(strangers)[:3])}) and no campaign: "
                    "give another folder with -o"
                )
            return None
        try:
            found = self.read_study()
        except json.JSONDecodeError:
            return None  # it is derived: the run writes it again
        if found.name != name:
            raise InputError(
                f"{self.root} holds the study '{found.name}', not '{name}': give another folder with -o"
            )
        return found

    def check_writable(self) -> None:
        """Make the folder if needed and prove that it can be written to.

        Raises
        ------
        InputError
            Naming the folder.
        """
        probe = self.root / f".writable-{os.getpid()}"
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{self.root} cannot be written to ({reason}): give another folder with -o") from None

    def move_aside(self) -> Path | None:
        """Rename the folder to the first free name OUT.1, OUT.2, …; None if there is nothing to move."""
        if not self.root.exists() or not any(_entries(self.root)):
            return None
        number = 1
        while (target := self.root.with_name(f"{self.root.name}.{number}")).exists():
            number += 1
        try:
            self.root.rename(target)
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{self.root} cannot be moved aside ({reason}): move it yourself, or use -o") from None
        return target

    def prepare(self, study: Study) -> None:
        """Write ``study.json`` and make the folders.

        Raises
        ------
        StorageError
            If the disk refuses.
        """
        write_text(self.study, json.dumps(study.as_dict(), indent=1) + "\n")
        for folder in (self.shards, self.checkpoints, self.failures, self.logs, self.journals):
            try:
                folder.mkdir(exist_ok=True)
            except OSError as error:
                raise storage_error(folder, error) from error

    def read_study(self) -> Study:
        """The study of this campaign.

        Raises
        ------
        InputError
            For a folder without a campaign.
        json.JSONDecodeError
            For a damaged ``study.json``.
        """
        try:
            text = self.study.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise InputError(f"{self.root} holds no campaign (no study.json): give the folder of a run") from None
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{self.study} cannot be read ({error}): check its permissions") from None
        return Study.from_dict(json.loads(text), str(self.study))

    def set_aside(self, path: Path) -> Path:
        """Move a file that cannot be trusted into ``damaged/``, never over another one."""
        try:
            self.damaged.mkdir(exist_ok=True)
            target, number = self.damaged / path.name, 1
            while target.exists():
                target = self.damaged / f"{path.stem}.{number}{path.suffix}"
                number += 1
            path.rename(target)
        except OSError as error:
            reason = error.strerror or error
            raise StorageError(f"{path} is damaged and cannot be moved aside ({reason}): move it away") from None
        return target


def open_campaign(root: str | os.PathLike) -> tuple[Layout, Study]:
    """The layout and the study of an existing campaign.

    Raises
    ------
    InputError
        For a folder that holds none, or a damaged one.
    """
    layout = Layout(root)
    if layout.root.is_file():
        raise InputError(f"{root} is a file: give the folder of a campaign")
    try:
        return layout, layout.read_study()
    except json.JSONDecodeError as error:
        raise InputError(f"{layout.study}, line {error.lineno}: damaged ({error.msg}); run the study again") from None


def _entries(folder: str | os.PathLike) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _stems(folder: Path, suffix: str) -> set[str]:
    names = [entry.name for entry in _entries(folder)]
    return {name[: -len(suffix)] for name in names if name.endswith(suffix) and not name.startswith(".")}


def _files(folder: str | os.PathLike) -> Iterator[os.DirEntry]:
    for entry in _entries(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path)
        else:
            yield entry
