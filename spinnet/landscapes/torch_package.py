"""PyTorch, where it is installed: imported here and nowhere else, and never by the core."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from spinnet.errors import InputError


def import_torch() -> ModuleType:
    """The module torch.

    Raises
    ------
    InputError
        Where it is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch deprecates parts of itself that it imports
        try:
            importlib.import_module("torch.func")
            importlib.import_module("torch.nn.attention")
            return importlib.import_module("torch")
        except ImportError:
            raise InputError(
                "PyTorch is not installed, which landscapes of torch modules need: pip install 'spinnet[torch]'"
            ) from None


def torch_dtype(torch: ModuleType, name: str):
    """The dtype of a name that :class:`~spinnet.landscapes.torch_landscape.TorchLandscape` allows."""
    return {"float64": torch.float64, "float32": torch.float32}[name]


def torch_device(torch: ModuleType, name: str):
    """A device that this machine has.

    Raises
    ------
    InputError
        For a name that PyTorch does not know, or a device that is not there.
    """
    try:
        device = torch.device(name)
    except (RuntimeError, TypeError, ValueError):
        raise InputError(f"device = {name!r}: give 'cpu', 'cuda' or 'cuda:0', as PyTorch names devices") from None
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise InputError(
                f"device = {name!r} was asked for, but PyTorch finds no CUDA device here: use device = 'cpu', or a "
                "machine and a build of PyTorch with CUDA"
            )
        if device.index is not None and device.index >= torch.cuda.device_count():
            raise InputError(f"device = {name!r}: this machine has {torch.cuda.device_count()} CUDA devices")
    elif device.type == "meta":
        raise InputError("device = 'meta' holds no numbers: use device = 'cpu'")
    elif device.type != "cpu":
        try:
            torch.zeros(1, device=device)
        except Exception:  # each backend has errors of its own
            raise InputError(f"device = {name!r} is not available here: use device = 'cpu'") from None
    return device


@contextmanager
def differentiable_attention(torch: ModuleType) -> Iterator[None]:
    """Attention by plain matrix products inside: the fused ways of PyTorch have no second derivative."""
    backends = torch.backends.mha
    fused = backends.get_fastpath_enabled()
    backends.set_fastpath_enabled(False)
    try:
        with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
            yield
    finally:
        backends.set_fastpath_enabled(fused)


def first_line(error: BaseException) -> str:
    """What an error of PyTorch or of a person's code says, in one line of at most 160 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:160]
