"""How the couplings of a spherical glass can be stored: names to classes, what each takes, and what fits in memory."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from spinnet.configurable import one_of
from spinnet.errors import InputError

#: Where each kind lives ("module:class"), and the options it has beside n, degree, amplitude, disorder and dtype.
_KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "dense": ("spinnet.landscapes.couplings:DenseCouplings", ("strict",)),
    "binary": ("spinnet.landscapes.binary_couplings:BinaryCouplings", ("strict",)),
    "hashed": ("spinnet.landscapes.hashed_couplings:HashedCouplings", ("strict",)),
    "diluted": (
        "spinnet.landscapes.diluted_couplings:DilutedCouplings",
        ("connectivity", "terms_per_spin", "weights", "force"),
    ),
}
KINDS = tuple(_KINDS)
#: Kinds whose disorder is Gaussian with the covariance N f(q) at every N (unless strict).
EXACT = ("dense", "hashed")
#: All options of all kinds, and the values at which they are not used.
OPTIONS: dict[str, Any] = {
    "strict": False,
    "connectivity": None,
    "terms_per_spin": None,
    "weights": "binary",
    "force": False,
}


def load_kind(kind: str) -> type:
    """The class of a kind of couplings; its module and kernels are imported at first use."""
    module, _, name = _KINDS[kind][0].partition(":")
    return getattr(importlib.import_module(module), name)


def options_of(kind: str) -> tuple[str, ...]:
    """Names of the options that couplings of this kind take."""
    return _KINDS[kind][1]


def check_kind(kind: Any) -> str:
    """A known name, or an InputError with the nearest one."""
    return one_of("couplings", kind, KINDS)


def check_options(kind: str, given: Mapping[str, Any], n: int, degrees: tuple[int, ...]) -> dict[str, Any]:
    """All options in the one form that equal physics has; those that other kinds have are refused where used.

    A kind may check its own options: ``check(n, degree, **options)`` returns them.
    """
    options = {name: given.get(name, usual) for name, usual in OPTIONS.items()}
    for name, value in options.items():
        if name not in options_of(kind) and value != OPTIONS[name]:
            owners = ", ".join(repr(other) for other in KINDS if name in options_of(other))
            raise InputError(f"{name} = {value!r} does not go with couplings = {kind!r}: an option of {owners}")
    found = load_kind(kind)
    strict = options["strict"]
    if not isinstance(strict, bool):
        raise InputError(f"strict = {strict!r}: give true or false")
    for p in degrees:
        if p not in found.degrees:
            has = ", ".join(map(str, found.degrees))
            raise InputError(f"covariance has the degree {p}: couplings = {kind!r} are for the degrees {has}")
        if strict and n < p:
            raise InputError(f"strict = True with n = {n}: there are no {p} different spins to couple")
        if hasattr(found, "check"):
            options |= found.check(n, p, **{name: options[name] for name in options_of(kind)})
    return options


def memory_bytes(kind: str, n: int, degrees: tuple[int, ...], dtype: str, options: Mapping[str, Any]) -> int:
    """Bytes of all couplings; nothing is allocated."""
    found = load_kind(kind)
    return sum(found.n_bytes(n, p, dtype, **options) for p in degrees)


def refuse_oversize(
    kind: str, n: int, degrees: tuple[int, ...], dtype: str, options: Mapping[str, Any], available: int | None
) -> None:
    """Raise if couplings need more than ``available`` bytes, naming the sizes and the kinds that would fit."""

    def needed(size: int, number: str) -> int:
        return memory_bytes(kind, size, degrees, number, options)

    if available is None or needed(n, dtype) <= available:
        return

    def largest(number: str) -> int:
        low, high = 0, n
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if needed(middle, number) <= available else (low, middle)
        return low

    fits = f"n up to {largest(dtype)} fits"
    if needed(n, "float32") < needed(n, "float64"):
        fits += f" in {dtype}"
        if dtype == "float64":
            fits += f", up to {largest('float32')} in float32"
    others = _kinds_that_fit(kind, n, degrees, dtype, available)
    if others:
        fits += f"; n = {n} fits with {' or '.join(others)}"
    names = " and ".join(f"p = {p}" for p in degrees)
    raise InputError(
        f"n = {n}: {kind} couplings of {names} need {_gib(needed(n, dtype))}, "
        f"{_gib(available)} of memory are available; {fits}"
    )


def _kinds_that_fit(kind: str, n: int, degrees: tuple[int, ...], dtype: str, available: int) -> list[str]:
    """The other kinds that would do at this size, with what they need."""
    found = []
    for other in KINDS:
        if other == kind:
            continue
        try:
            options = check_options(other, {}, n, degrees)
        except InputError:
            continue
        size = memory_bytes(other, n, degrees, dtype, {name: options[name] for name in options_of(other)})
        if size <= available:
            found.append(f"couplings = {other!r} ({_gib(size) if size >= 2**24 else 'next to nothing'})")
    return found


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"
