"""The files that are shipped to be run or copied: campaigns, and models for ``spinnet probe``.

They are found in a wheel and in an editable install alike.
"""

from __future__ import annotations

import importlib.resources
import tomllib
from dataclasses import dataclass
from pathlib import Path

from spinnet.errors import InputError, StorageError, nearest_name


@dataclass(frozen=True)
class Example:
    """A shipped study: its name, its title and where its file is."""

    name: str
    title: str
    path: Path


def shipped() -> list[Example]:
    """All shipped studies, by name."""
    package = importlib.resources.files("spinnet")
    folder = package / "sims"
    if not folder.is_dir():  # an editable install runs from the checkout, where sims/ stands beside the package
        folder = Path(str(package)).parent / "sims"
    found = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".toml"):
            title = tomllib.loads(entry.read_text(encoding="utf-8")).get("study", {}).get("title", "")
            found.append(Example(entry.name.removesuffix(".toml"), title, Path(str(entry))))
    return found


def shipped_models() -> list[Example]:
    """The shipped model files, which ``spinnet probe torch`` measures, by name."""
    path = Path(str(importlib.resources.files("spinnet") / "torch_models" / "digits_convnet.py"))
    title = path.read_text(encoding="utf-8").split(":")[0].strip('"')
    return [Example(path.stem, f"{title} (a PyTorch model: spinnet probe torch)", path)]


def find(name: str, models: bool = False) -> Example:
    """The shipped study, or with ``models`` also the shipped model, of that name."""
    examples = {study.name: study for study in (*shipped(), *(shipped_models() if models else ()))}
    if name not in examples:
        kind, near = ("example" if models else "study"), nearest_name(name, examples)
        raise InputError(f"there is no shipped {kind} {name!r}{near}; there are {', '.join(examples)}")
    return examples[name]


def locate(target: str) -> Path:
    """The campaign file that a person means: a path, or the name of a shipped study."""
    path = Path(target)
    if path.is_file():
        return path
    if path.is_dir():
        raise InputError(f"{target} is a folder: give a campaign file (.toml) or the name of a shipped study")
    if path.suffix == ".toml" or "/" in target:
        raise InputError(f"there is no file {target}: give a campaign file, or a name from 'spinnet example list'")
    return find(target).path


def copy_example(name: str, target: Path) -> Path:
    """Copy a shipped study or model to a folder or a new file; an existing file is never overwritten."""
    source = find(name, models=True).path
    destination = target / source.name if target.is_dir() else target
    if destination.exists():
        raise InputError(f"{destination} exists and is not overwritten: give another name")
    try:
        destination.write_bytes(source.read_bytes())
    except OSError as error:
        raise StorageError(f"cannot write {destination}: {error.strerror}; choose a folder you may write to") from None
    return destination
