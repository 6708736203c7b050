"""A person's file with a function that makes a model: run it, and say in one line what is wrong with it."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spinnet.errors import InputError, nearest_name
from spinnet.landscapes.torch_package import first_line, import_torch

#: What a dict that the function returns may hold beside the three parts.
OPTIONS = ("test_data", "weight_decay", "reduction", "batch_statistics", "learning_rate", "batch", "momentum", "steps",
           "seeds", "seed", "dtype", "device", "points", "images", "band_steps")  # fmt: skip
_PARTS = ("module", "loss", "data")
_FORMS = "return module, loss, data, or a dict with these three names"


@dataclass(frozen=True)
class Model:
    """What a person's function made.

    ``make_module()`` calls the function again and returns its module: a new initialisation.
    """

    path: Path
    function: str
    module: Any
    loss: Any
    data: Any
    options: Mapping[str, Any]
    make_module: Callable[[], Any]
    source_sha256: str

    @property
    def name(self) -> str:
        """FILE:FUNCTION, as it was asked for."""
        return f"{self.path}:{self.function}"


def load_model(target: str) -> Model:
    """Run ``FILE.py:FUNCTION`` (``make`` where no function is named) and call the function.

    Parameters
    ----------
    target
        The function takes no argument, and returns ``(module, loss, data)`` or a dict with these names and any of
        :data:`OPTIONS`. Its first call is made under seed 0 of PyTorch's generator.

    Raises
    ------
    InputError
        One line: no such file or function, an error inside (with the line of the file), another kind of return value.
    """
    torch = import_torch()
    path, function = _split(target)
    make = _function(path, function)
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(0)
        made = _parts(path, function, _call(path, make))

    def again() -> Any:
        return _parts(path, function, _call(path, make))["module"]

    options = {name: made[name] for name in OPTIONS if made.get(name) is not None}
    source = hashlib.sha256(path.read_bytes()).hexdigest()
    return Model(path, function, *(made[name] for name in _PARTS), options, again, source)


def _split(target: str) -> tuple[Path, str]:
    name, colon, function = target.rpartition(":")
    if not colon or "/" in function or function.endswith(".py"):
        name, function = target, "make"
    path = Path(name)
    if path.is_dir() or not path.exists():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise InputError(f"{path} {what}: give a Python file and a function in it, as mymodel.py:make")
    if path.suffix != ".py":
        raise InputError(f"{path} is no Python file: give one with the ending .py and a function, as mymodel.py:make")
    return path, function


def _function(path: Path, name: str) -> Callable[[], Any]:
    spec = importlib.util.spec_from_file_location(f"spinnet_model_{path.stem}", path)
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded  # classes of the file find their module
    folder = str(path.resolve().parent)
    sys.path.insert(0, folder)  # the file may import what stands beside it
    writes, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(loaded)
    except (Exception, SystemExit) as error:  # whatever a person's own file raises
        raise _inside(path, error) from None
    finally:
        sys.path.remove(folder)
        sys.dont_write_bytecode = writes
    found = getattr(loaded, name, None)
    if not callable(found):
        own = [key for key, value in vars(loaded).items()
               if inspect.isfunction(value) and value.__module__ == spec.name and not key.startswith("_")]  # fmt: skip
        have = f"it has {', '.join(own)}" if own else "it has none"
        raise InputError(f"{path} has no function {name!r}{nearest_name(name, own)}; {have}")
    return found


def _call(path: Path, make: Callable[[], Any]) -> Any:
    try:
        return make()
    except (Exception, SystemExit) as error:
        raise _inside(path, error) from None


def _inside(path: Path, error: Exception) -> InputError:
    """The line for an error inside a person's file: where, and what."""
    here = path.resolve()
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).resolve() == here:
        return InputError(f"{path}, line {error.lineno}: {error.msg}")
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).resolve() == here]
    where = f", line {own[-1].lineno}" if own else ""
    return InputError(f"{path}{where}: {type(error).__name__}: {first_line(error)}")


def _parts(path: Path, function: str, made: Any) -> dict[str, Any]:
    where = f"{path}:{function}"
    if isinstance(made, tuple | list):
        if len(made) != 3:
            raise InputError(f"{where} returns {len(made)} things: {_FORMS}")
        return dict(zip(_PARTS, made, strict=True))
    if not isinstance(made, Mapping):
        raise InputError(f"{where} returns a {type(made).__name__}: {_FORMS}")
    for name in made:
        if name not in (*_PARTS, *OPTIONS):
            near = nearest_name(str(name), (*_PARTS, *OPTIONS))
            raise InputError(f"{where} returns an unknown {name!r}{near}; there are {', '.join((*_PARTS, *OPTIONS))}")
    missing = [name for name in _PARTS if name not in made]
    if missing:
        raise InputError(f"{where} returns a dict without {', '.join(missing)}: {_FORMS}")
    return dict(made)
