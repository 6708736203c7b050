"""How much memory a process may still take: asked before couplings are allocated and before tasks are started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_MEMBERSHIP = Path("/proc/self/cgroup")
_CONTROL_GROUPS = Path("/sys/fs/cgroup")
#: Files of a control group, versions 2 and 1: its limit, what it uses, and which part of that is files in memory.
_FILES = {
    2: ("memory.max", "memory.current", "inactive_file"),
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}


def available_memory() -> int | None:
    """Bytes, the least of what the machine has and what a batch system allows; None where nothing tells."""
    found = [amount for amount in (_machine_memory(), _control_group_memory()) if amount is not None]
    return min(found, default=None)


def whole_memory() -> int | None:
    """Bytes that a process could have if it were alone, the least of machine and batch system; None as above."""
    both = _machine_memory("MemTotal:"), _control_group_memory(used=False)
    return min((amount for amount in both if amount is not None), default=None)


def _machine_memory(entry: str = "MemAvailable:") -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for row in file:
                if row.startswith(entry):
                    return int(row.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _control_group_memory(used: bool = True) -> int | None:
    """The tightest limit on this process's control group and those around it (Linux), less what is ``used``."""
    left = []
    for version, group in _control_groups():
        limit_file, usage_file, reclaimable = _FILES[version]
        try:
            limit = (group / limit_file).read_text(encoding="ascii").strip()
            taken = int((group / usage_file).read_text(encoding="ascii")) if used else 0
            # What files hold in memory can be given back.
            statistics = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
            if limit != "max":
                given_back = int(statistics.get(reclaimable, 0)) if used else 0
                left.append(max(0, int(limit) - taken + given_back))
        except (OSError, ValueError):
            continue
    return min(left, default=None)


def _control_groups() -> Iterator[tuple[int, Path]]:
    """Version and folder of the groups that this process is in, and of all groups around them."""
    try:
        lines = _MEMBERSHIP.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, own = rest.partition(":")
        if controllers == "":
            version, root = 2, _CONTROL_GROUPS
        elif "memory" in controllers.split(","):
            version, root = 1, _CONTROL_GROUPS / "memory"
        else:
            continue
        folder = root / own.strip().lstrip("/")
        for group in (folder, *folder.parents):
            yield version, group
            if group == root:
                break
