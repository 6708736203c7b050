"""Where and how a result was made. Outside the digest: two machines that compute the same bits still differ here."""

from __future__ import annotations

import datetime
import functools
import importlib.metadata
import json
import os
import platform
import socket
import sys
from collections.abc import Mapping
from typing import Any

from spinnet._version import __version__

_PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "h5py")
_THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def gather(seconds: Mapping[str, float] | None = None, **extra: Any) -> dict[str, Any]:
    """Attributes of ``/provenance``: versions, commit, host, CPU, threads, time per phase, peak memory.

    Parameters
    ----------
    seconds
        Wall time by phase.
    extra
        More attributes, such as seeds.
    """
    times = os.times()
    return {
        **_machine(),
        "written": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "threads": json.dumps({name: os.environ.get(name, "unset") for name in _THREAD_VARIABLES}),
        "seconds": json.dumps({name: round(float(value), 6) for name, value in (seconds or {}).items()}),
        "cpu_seconds_of_process": round(times.user + times.system, 3),
        "peak_memory_bytes": peak_memory(),
        **extra,
    }


@functools.cache
def _machine() -> dict[str, Any]:
    versions = {name: _version(name) for name in _PACKAGES}
    return {
        "spinnet": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        "packages": json.dumps(versions),
        "system": platform.platform(),
        "host": socket.gethostname(),
        "cpu": cpu_model(),
        "cores": os.cpu_count() or 0,
    }


def commit() -> str:
    """The commit baked in when the package was built, else "unknown"; never the state of the working directory."""
    try:
        from spinnet._commit import COMMIT  # written by the build
    except ImportError:
        return "unknown"
    return str(COMMIT)


def cpu_model() -> str:
    """The name of the processor: bitwise claims hold for one type of it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def peak_memory() -> int:
    """Largest resident memory of this process so far, in bytes (0 where the system does not tell)."""
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
