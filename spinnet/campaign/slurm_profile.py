"""What a site asks of its jobs: account, partition, modules. One small TOML file, written once per cluster."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spinnet.configurable import whole_number
from spinnet.errors import InputError, nearest_name

_TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d{1,2}))?(?::(\d{1,2}))?")
_MEMORY = re.compile(r"\d+[KMGT]?")
_WORDS = ("account", "partition", "qos", "time", "memory", "python")
_NUMBERS = {"cpus": 1, "concurrent": 1, "minutes": 1, "signal_seconds": 10}


@dataclass(frozen=True)
class SlurmProfile:
    """The header of a site's jobs.

    Attributes
    ----------
    account, partition, qos
        Passed on to ``sbatch`` where they are given.
    time
        Wall-time limit of an array element: "minutes", "hours:minutes:seconds" or "days-hours:minutes:seconds".
    cpus
        Cores of an element, each of which runs one task at a time.
    memory
        Of an element, such as "8G"; empty: as much as the tasks state.
    concurrent
        Elements that may run at once; 0: no limit.
    minutes
        How long an element should run, if the tasks' times are known.
    signal_seconds
        So long before the limit tasks are checkpointed and the element goes back into the queue.
    setup
        Lines of shell before the first task, such as "module load python".
    options
        Further options of ``sbatch``, such as "--constraint=zen4".
    python
        The interpreter of the jobs.
    """

    account: str = ""
    partition: str = ""
    qos: str = ""
    time: str = "4:00:00"
    cpus: int = 4
    memory: str = ""
    concurrent: int = 0
    minutes: int = 60
    signal_seconds: int = 180
    setup: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    python: str = sys.executable

    @property
    def seconds(self) -> int:
        """The wall-time limit in seconds."""
        return _seconds(self.time)


def default_path() -> Path:
    """Where a profile is looked for when none is named."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "spinnet" / "slurm.toml"


def load_profile(path: str | os.PathLike | None = None) -> SlurmProfile:
    """The profile in a file; without one that of :func:`default_path`, or plain Slurm.

    Raises
    ------
    InputError
        Naming the file, the key, and what is allowed.
    """
    from spinnet.campaign.tables import read_toml

    if path is None:
        path = default_path()
        if not path.exists():
            return SlurmProfile()
    table, _ = read_toml(path)
    try:
        return profile_from_table(table)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def profile_from_table(table: Mapping[str, Any]) -> SlurmProfile:
    """The checked profile of a table.

    Raises
    ------
    InputError
        For an unknown key or a value that is not allowed.
    """
    known = tuple(SlurmProfile.__dataclass_fields__)
    given: dict[str, Any] = {}
    for key, value in table.items():
        if key not in known:
            near = nearest_name(key, known)
            raise InputError(f"{key} is not known in a profile{near}; allowed are {', '.join(known)}")
        if key in _WORDS:
            given[key] = _word(key, value)
        elif key in _NUMBERS:
            given[key] = whole_number(key, value, 0 if key == "concurrent" else _NUMBERS[key])
        else:
            given[key] = _lines(key, value)
    profile = SlurmProfile(**given)
    if not _TIME.fullmatch(profile.time):
        raise InputError(f'time = {profile.time!r}: give "4:00:00" (hours:minutes:seconds) or "2-12:00:00"')
    if profile.memory and not _MEMORY.fullmatch(profile.memory):
        raise InputError(f'memory = {profile.memory!r}: give a number with K, M, G or T, such as "8G"')
    if profile.signal_seconds * 2 > profile.seconds:
        raise InputError(
            f"signal_seconds = {profile.signal_seconds}: the limit time = {profile.time!r} leaves no time to compute"
        )
    for option in profile.options:
        if not option.startswith("--"):
            raise InputError(f'options holds {option!r}: write options of sbatch in full, such as "--constraint=zen4"')
    return profile


def _word(key: str, value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and key in ("time", "memory"):
        value = str(value)
    if not isinstance(value, str) or "\n" in value:
        raise InputError(f"{key} = {value!r}: give text in quotes, on one line")
    return value


def _lines(key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(line, str) and "\n" not in line for line in value):
        raise InputError(f"{key} = {value!r}: give a list of lines in quotes")
    return tuple(value)


def _seconds(text: str) -> int:
    """Slurm's notation: minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes:seconds."""
    found = _TIME.fullmatch(text)
    if found is None:
        return 0
    days, first, second, third = (int(part) if part else None for part in found.groups())
    if days is not None:
        return 86400 * days + 3600 * first + 60 * (second or 0) + (third or 0)
    if third is not None:
        return 3600 * first + 60 * second + third
    return 60 * first + (second or 0)
