"""How kernels are compiled: every numba flag of the package is set here.

Two decorators:

``@kernel("void(f4[:,::1], f8[::1])", ...)``
    an entry point, called from Python only. It carries explicit signatures (two processes that compile different
    signatures of one cached function into a cold cache can read each other's code), is compiled at its first call
    and never at import, releases the GIL, and is kept on disk.
``@inner``
    a building block called from kernels: compiled into its callers, never cached by itself.

The disk cache lives in a folder named after the numba and Python versions, the CPU and the bytes of the package's
source, because numba's own key does not see an edit in a function called from another file.
"""

from __future__ import annotations

import functools
import hashlib
import os
import platform
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numba
from numba.core import config as _numba_config

# Reassociation lets sums run in vector lanes; contraction allows fused multiply-add. NaN and infinity keep their
# meaning ("nnan" and "ninf" are left out), so that a diverged network stays visible.
_FASTMATH = {"reassoc", "contract", "nsz", "arcp"}
_INNER_FLAGS = {"nogil": True, "fastmath": _FASTMATH, "error_model": "numpy"}
_KERNEL_FLAGS = {**_INNER_FLAGS, "cache": True}

_compile_lock = threading.RLock()
_announce: Callable[[str], None] | None = None
_registry: dict[str, list[Kernel]] = {}


def announce_compilation(callback: Callable[[str], None] | None) -> None:
    """Set the function that tells a person who waits that kernels are being compiled (None: silent)."""
    global _announce
    _announce = callback


@functools.cache
def source_hash() -> str:
    """SHA-256 over the names and bytes of all Python files of the package, as 16 hex digits."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@functools.cache
def _kernel_source_hash() -> str:
    """The same over the kernels folder alone: only these files can change compiled code."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).resolve().parent.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@functools.cache
def cache_directory() -> Path:
    """The folder of compiled kernels for this numba, Python, CPU and source; made if it can be.

    ``SPINNET_CACHE_DIR`` overrides the place (default: the user's cache folder, else the temporary folder).
    """
    from llvmlite import binding

    cpu = os.environ.get("NUMBA_CPU_NAME") or binding.get_host_cpu_name()
    key = f"numba{numba.__version__}-py{sys.version_info.major}{sys.version_info.minor}"
    key += f"-{platform.machine()}-{cpu}-{_kernel_source_hash()}"
    places = []
    if "SPINNET_CACHE_DIR" in os.environ:
        places.append(Path(os.environ["SPINNET_CACHE_DIR"]))
    else:
        places.append(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spinnet")
    places.append(Path(tempfile.gettempdir()) / f"spinnet-{os.getuid() if hasattr(os, 'getuid') else 'cache'}")
    for place in places:
        folder = place / key
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix="spinnet-"))


class Kernel:
    """A function that is compiled for its declared signatures at the first call."""

    def __init__(self, function: Callable, signatures: tuple[str, ...]):
        self.py_func = function
        self.signatures = signatures
        self._compiled: Callable | None = None
        functools.update_wrapper(self, function)
        _registry.setdefault(function.__module__, []).append(self)

    def compile(self) -> Callable:
        """Compile (or load from disk) and return the dispatcher."""
        with _compile_lock:
            if self._compiled is None:
                if _announce is not None:
                    _announce(self.py_func.__name__)
                # numba reads CACHE_DIR when a cached function is made; the user's own setting is put back.
                previous = _numba_config.CACHE_DIR
                _numba_config.CACHE_DIR = str(cache_directory())
                try:
                    self._compiled = numba.njit(list(self.signatures), **_KERNEL_FLAGS)(self.py_func)
                finally:
                    _numba_config.CACHE_DIR = previous
        return self._compiled

    def __call__(self, *args):
        compiled = self._compiled
        if compiled is None:
            compiled = self.compile()
        return compiled(*args)


def kernel(*signatures: str) -> Callable[[Callable], Kernel]:
    """Declare an entry kernel with its numba signatures, for example ``"f8(f8[::1])"``."""
    if not signatures:
        raise TypeError("a kernel declares at least one signature")
    return lambda function: Kernel(function, signatures)


def inner(function: Callable) -> Callable:
    """Declare a building block: compiled into the kernels that call it."""
    return numba.njit(**_INNER_FLAGS)(function)


def compile_modules(*modules: str) -> None:
    """Compile all kernels of the named modules, in order: what a driver does before it starts workers."""
    import importlib

    for name in modules:
        importlib.import_module(name)
        for entry in _registry.get(name, []):
            entry.compile()
