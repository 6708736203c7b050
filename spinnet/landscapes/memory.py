"""How much memory a process may still take: asked before couplings are allocated."""

from __future__ import annotations

import os
from pathlib import Path


def available_memory() -> int | None:
    """Bytes, the least of what the machine has and what a batch system allows; None where nothing tells."""
    found = [amount for amount in (_machine_memory(), _control_group_memory()) if amount is not None]
    return min(found, default=None)


def _machine_memory() -> int | None:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for row in file:
                if row.startswith("MemAvailable:"):
                    return int(row.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _control_group_memory() -> int | None:
    """What is left below the tightest limit on this process's control group and those around it (Linux, version 2)."""
    root = Path("/sys/fs/cgroup")
    try:
        own = Path("/proc/self/cgroup").read_text(encoding="ascii").rpartition("::")[2].strip().lstrip("/")
    except OSError:
        return None
    left = []
    folder = root / own
    for group in (folder, *folder.parents):
        if root not in (group, *group.parents):
            break
        try:
            limit = (group / "memory.max").read_text(encoding="ascii").strip()
            used = int((group / "memory.current").read_text(encoding="ascii"))
            # What files hold in memory can be given back.
            statistics = dict(line.split() for line in (group / "memory.stat").read_text(encoding="ascii").splitlines())
            if limit != "max":
                left.append(max(0, int(limit) - used + int(statistics.get("inactive_file", 0))))
        except (OSError, ValueError):
            continue
    return min(left, default=None)
