"""Weights that were trained elsewhere: state dicts and NumPy archives as configurations of a landscape.

Nothing is unpickled but tensors: a checkpoint may come from anyone.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spinnet.errors import InputError
from spinnet.landscapes.torch_landscape import TorchLandscape
from spinnet.landscapes.torch_package import first_line, import_torch

ENDINGS = (".pt", ".pth", ".ckpt", ".npz")
_HOLDERS = ("state_dict", "model_state_dict", "model", "net")  # keys under which training scripts keep the weights


@dataclass(frozen=True)
class Checkpoints:
    """A trajectory of checkpoints: what the probes of :mod:`spinnet.probes` measure time by time.

    Attributes
    ----------
    steps : ndarray (time,)
        Numbers in the names of the files, increasing.
    x : ndarray (time, n)
        Configurations.
    paths : tuple of Path
    """

    steps: np.ndarray
    x: np.ndarray
    paths: tuple[Path, ...]


def load_configuration(landscape: TorchLandscape, path: str | Path) -> np.ndarray:
    """The configuration ``(n,)`` that a file holds.

    Parameters
    ----------
    path
        ``.pt``, ``.pth`` or ``.ckpt``: what ``torch.save(model.state_dict(), path)`` writes, or a dict with that under
        "state_dict", "model_state_dict", "model" or "net"; ``.npz``: one array per parameter name. What a wrapper put
        before all names ("module.", "_orig_mod.", "model.") is taken off.

    Raises
    ------
    InputError
        For a file that is missing, damaged, of another kind or of another model.
    """
    path = Path(path)
    if path.suffix not in ENDINGS:
        raise InputError(f"checkpoint {path}: the ending {path.suffix!r} is not known; there are {', '.join(ENDINGS)}")
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}")
    found = _read_archive(path) if path.suffix == ".npz" else _read_state_dict(path)
    x = landscape.layout.pack(_bare(found, landscape.layout.names), f"checkpoint {path}")
    if not np.isfinite(x).all():
        raise InputError(f"checkpoint {path} holds weights that are not finite: that run had diverged")
    return x


def load_trajectory(landscape: TorchLandscape, where: str | Path) -> Checkpoints:
    """Configurations along a run, from a folder or a pattern such as ``"run/step_*.pt"``.

    The last number in the name of each file is its step.

    Raises
    ------
    InputError
        Where there is no checkpoint, a name has no number, two have the same one, or a file cannot be used.
    """
    folder = Path(where)
    names = sorted(folder.iterdir()) if folder.is_dir() else map(Path, sorted(glob.glob(str(where))))
    paths = [path for path in names if path.suffix in ENDINGS]
    if not paths:
        raise InputError(f"there are no checkpoints ({', '.join(ENDINGS)}) in {where}: give a folder or a pattern")
    steps: dict[int, Path] = {}
    for path in paths:
        numbers = re.findall(r"\d+", path.stem)
        if not numbers:
            raise InputError(f"checkpoint {path} has no number in its name: name it after its step, as step_1000.pt")
        if int(numbers[-1]) in steps:
            raise InputError(f"checkpoints {steps[int(numbers[-1])]} and {path} have the same step: give one of them")
        steps[int(numbers[-1])] = path
    order = sorted(steps)
    x = np.array([load_configuration(landscape, steps[step]) for step in order])
    return Checkpoints(np.array(order, dtype=np.int64), x, tuple(steps[step] for step in order))


def _read_state_dict(path: Path) -> Mapping[str, Any]:
    torch = import_torch()
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling raises nearly anything
        more = "weights_only" in str(error) or "Unsupported" in str(error) or "GLOBAL" in str(error)
        why = "it holds more than tensors" if more else first_line(error) or type(error).__name__
        raise InputError(f"checkpoint {path} cannot be read ({why}): save model.state_dict()") from None
    for key in _HOLDERS:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping):
        raise InputError(f"checkpoint {path} holds a {type(found).__name__}, not a state dict: save model.state_dict()")
    return {str(name): value.double().numpy() for name, value in found.items()
            if torch.is_tensor(value) and not value.is_complex()}  # fmt: skip


def _read_archive(path: Path) -> Mapping[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception as error:  # damaged archives raise nearly anything
        raise InputError(f"checkpoint {path} cannot be read: {first_line(error)}") from None


def _bare(found: Mapping[str, Any], names: tuple[str, ...]) -> Mapping[str, Any]:
    """Names without what wrappers of the model put before all of them."""
    if any(name in found for name in names):
        return found
    for prefix in {key.removesuffix(names[0]) for key in found if key.endswith(f".{names[0]}")}:
        if all(prefix + name in found for name in names):
            return {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}
    return found
