"""How kernels are compiled: every numba flag of the package is set here.

Two decorators:

``@kernel("void(f4[:,::1], f8[::1])", ...)``
    an entry point, called from Python only. It carries explicit signatures (two processes that compile different
    signatures of one cached function into a cold cache can read each other's code), is compiled at its first call
    and never at import, releases the GIL, and is kept on disk.
``@inner``
    a building block called from kernels: compiled into its callers, never cached by itself.

The disk cache lives in a folder named after the numba and Python versions, the CPU and the bytes of the kernel's module
and of every module it draws on, because numba's own key does not see an edit in a function called from another file.
Signatures of one kernel are compiled one by one, when first met, each under a cache entry of its own.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import os
import platform
import sys
import tempfile
import threading
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numba.core.sigutils
import numba.np.numpy_support
import numpy
from numba.core import config as _numba_config

# Reassociation lets sums run in vector lanes; contraction allows fused multiply-add. NaN and infinity keep their
# meaning ("nnan" and "ninf" are left out), so that a diverged network stays visible.
_FASTMATH = {"reassoc", "contract", "nsz", "arcp"}
_INNER_FLAGS = {"nogil": True, "fastmath": _FASTMATH, "error_model": "numpy"}
_KERNEL_FLAGS = {**_INNER_FLAGS, "cache": True}

_compile_lock = threading.RLock()
_registry: dict[str, list[Kernel]] = {}


@functools.cache
def _tell_who_waits() -> None:
    """Once, and only on a terminal: a campaign tells it in its own way."""
    if sys.stderr is not None and sys.stderr.isatty():
        print("spinnet: compiling kernels, first run only", file=sys.stderr)


def _module_files(path: Path, found: dict[Path, bytes]) -> dict[Path, bytes]:
    """The file of a kernel module and, transitively, of the kernel modules it imports, with their bytes."""
    if path not in found:
        found[path] = path.read_bytes()
        for node in ast.walk(ast.parse(found[path])):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("spinnet.kernels"):
                names = [node.module.rpartition(".")[2], *(alias.name for alias in node.names)]
                for name in names:
                    imported = path.parent / f"{name}.py"
                    if imported.exists():
                        _module_files(imported, found)
    return found


@functools.cache
def _module_hash(path: Path) -> str:
    """SHA-256 over all that can change the compiled code of a module, as 16 hex digits."""
    digest = hashlib.sha256()
    for file, content in sorted(_module_files(path, {Path(__file__).resolve(): Path(__file__).read_bytes()}).items()):
        digest.update(file.name.encode() + b"\0" + content + b"\0")
    return digest.hexdigest()[:16]


@functools.cache
def cache_directory(module_file: str) -> Path:
    """The folder of a module's compiled kernels for this numba, Python, CPU and source; made if it can be.

    ``SPINNET_CACHE_DIR`` overrides the place (default: the user's cache folder, else the temporary folder).
    """
    from llvmlite import binding

    cpu = os.environ.get("NUMBA_CPU_NAME") or binding.get_host_cpu_name()
    key = f"numba{numba.__version__}-py{sys.version_info.major}{sys.version_info.minor}"
    source = Path(module_file).resolve()
    key += f"-{platform.machine()}-{cpu}/{source.stem}-{_module_hash(source)}"
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
    """A function that is compiled for one of its declared signatures when that is first met.

    Signatures differ in the dtype of one array argument (couplings in single or double precision, say): that
    argument selects the compiled variant.
    """

    def __init__(self, function: Callable, signatures: tuple[str, ...]):
        self.py_func = function
        self.signatures = signatures
        self._compiled: dict[Any, Callable] = {}
        self._selector: tuple[int, dict[Any, str]] | None = None
        functools.update_wrapper(self, function)
        _registry.setdefault(function.__module__, []).append(self)

    @property
    def compiled(self) -> bool:
        """Whether any signature has been compiled or loaded by this process."""
        return bool(self._compiled)

    def _select(self) -> tuple[int, dict[Any, str]]:
        """Position of the argument that tells the signatures apart, and the signature for each of its dtypes."""
        if self._selector is None:
            arguments = [numba.core.sigutils.normalize_signature(signature)[0] for signature in self.signatures]
            for position, kinds in enumerate(zip(*arguments, strict=True)):
                dtypes = [getattr(kind, "dtype", None) for kind in kinds]
                if None not in dtypes and len(set(dtypes)) == len(self.signatures):
                    keys = map(numba.np.numpy_support.as_dtype, dtypes)
                    self._selector = position, dict(zip(keys, self.signatures, strict=True))
                    break
            else:
                raise TypeError(f"{self.__name__}: no array argument has a different dtype in each signature")
        return self._selector

    def compile(self, dtype: Any = None) -> None:
        """Compile, or load from disk, the variant of that dtype (None: all of them)."""
        if len(self.signatures) == 1:
            self._variant(None, self.signatures[0])
        else:
            for key, signature in self._select()[1].items():
                if dtype is None or key == dtype:
                    self._variant(key, signature)

    def _variant(self, key: Any, signature: str) -> Callable:
        with _compile_lock:
            if key not in self._compiled:
                folder = cache_directory(self.py_func.__code__.co_filename)
                if not any(folder.rglob("*.nbi")):
                    _tell_who_waits()
                function = self.py_func
                if key is not None:  # a name of its own gives each variant its own file in the cache
                    function = types.FunctionType(
                        function.__code__, function.__globals__, function.__name__, function.__defaults__
                    )
                    function.__qualname__ = f"{self.py_func.__qualname__}_{key}"
                    function.__module__ = self.py_func.__module__
                # numba reads CACHE_DIR when a cached function is made; the user's own setting is put back.
                previous = _numba_config.CACHE_DIR
                _numba_config.CACHE_DIR = str(folder)
                try:
                    self._compiled[key] = numba.njit(signature, **_KERNEL_FLAGS)(function)
                finally:
                    _numba_config.CACHE_DIR = previous
            return self._compiled[key]

    def __call__(self, *args):
        key, signature = None, self.signatures[0]
        if len(self.signatures) > 1:
            position, by_dtype = self._selector or self._select()
            key = args[position].dtype
            signature = by_dtype.get(key)
            if signature is None:
                raise TypeError(f"{self.__name__} is not declared for arrays of {key}")
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = self._variant(key, signature)
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
    """Compile the kernels of the named modules: what a driver does before it starts workers.

    A name may carry a dtype, "spinnet.kernels.spherical_glass:float32": of kernels with several variants only that
    one is compiled.
    """
    import importlib

    for entry in modules:
        name, _, dtype = entry.partition(":")
        importlib.import_module(name)
        for found in _registry.get(name, []):
            found.compile(numpy.dtype(dtype) if dtype else None)
