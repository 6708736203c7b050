"""Classes that campaign files name: tables from a name to where the class lives, imported at first use."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from spinnet.errors import InputError, nearest_name


def find(what: str, name: str, homes: Mapping[str, str], hint: str = "") -> type:
    """The class with this name.

    Parameters
    ----------
    what
        What the table holds, as a message calls it: "probe".
    name
        The name that was given.
    homes
        Name -> "module:class", or "module" where the class has the name itself.
    hint
        What to say of an unknown name in place of the nearest known one.

    Raises
    ------
    InputError
        For an unknown name, with the known ones.
    """
    if name not in homes:
        hint = hint or nearest_name(name, homes)
        raise InputError(f"{what} {name!r} is not known{hint}; there are {', '.join(homes)}")
    module, _, attribute = homes[name].partition(":")
    return getattr(importlib.import_module(module), attribute or name)
