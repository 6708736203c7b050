"""The ``[compare]`` table of a campaign file."""

from __future__ import annotations

from typing import Any

from spinnet.configurable import Configurable, real_number, whole_number
from spinnet.errors import InputError, nearest_name

PAIRS = ("largest", "all")


class CompareSettings(Configurable):
    """How results are compared; no part of the physics, so changing it only compares anew.

    Parameters
    ----------
    left, right
        Names of arms; empty takes the first two of the study.
    pairs
        ``"largest"``: the point with most degrees of freedom of each arm; ``"all"``: each point of the left with each
        of the right arm; or a list of [left point, right point].
    statistics
        Names of the statistics to test; empty takes all.
    permutations
        Labellings of a permutation test; the smallest p-value is 1/(permutations + 1).
    level
        Level of the test, for the split-half check and the figures.
    splits
        Random halves of the left units for the split-half check; 0 leaves it out.
    fewest_units
        A side with fewer independent units is refused; at least 20 is honest, fewer is for trials.
    seed
        Of the permutations and splits.
    """

    def __init__(
        self,
        left: str = "",
        right: str = "",
        pairs: str | list = "largest",
        statistics: list | tuple = (),
        permutations: int = 9999,
        level: float = 0.05,
        splits: int = 300,
        fewest_units: int = 20,
        seed: int = 1,
    ):
        for name, value in self.validate(
            left=left, right=right, pairs=pairs, statistics=statistics, permutations=permutations, level=level,
            splits=splits, fewest_units=fewest_units, seed=seed,
        ).items():  # fmt: skip
            setattr(self, name, value)

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        for name in ("left", "right"):
            if not isinstance(given[name], str):
                raise InputError(f"{name} = {given[name]!r}: give the name of an arm in quotes")
        given["pairs"] = _pairs(given["pairs"])
        given["statistics"] = _statistics(given["statistics"])
        given["permutations"] = whole_number("permutations", given["permutations"], 19)
        given["level"] = real_number("level", given["level"], above=0.0)
        if given["level"] >= 1.0:
            raise InputError(f"level = {given['level']:g}: give a probability below 1, such as 0.05")
        if (given["permutations"] + 1) * given["level"] < 1.0:
            raise InputError(
                f"permutations = {given['permutations']}: the smallest p-value lies above level = {given['level']:g}, "
                "so nothing could ever be rejected; give more"
            )
        given["splits"] = whole_number("splits", given["splits"])
        if 0 < given["splits"] < 20:
            raise InputError(f"splits = {given['splits']}: give at least 20, or 0 to leave the split-half check out")
        given["fewest_units"] = whole_number("fewest_units", given["fewest_units"], 5)
        given["seed"] = whole_number("seed", given["seed"])
        return given


def _pairs(value: Any) -> str | list[list[str]]:
    if isinstance(value, str):
        if value not in PAIRS:
            raise InputError(
                f"pairs = {value!r}: give {' or '.join(map(repr, PAIRS))}{nearest_name(value, PAIRS)}, "
                'or a list such as [["n=64", "hidden=8"]]'
            )
        return value
    good = isinstance(value, list | tuple) and all(
        isinstance(pair, list | tuple) and len(pair) == 2 and all(isinstance(point, str) for point in pair)
        for pair in value
    )
    if not good or not value:
        raise InputError(f'pairs = {value!r}: give "largest", "all" or a list such as [["n=64", "hidden=8"]]')
    return [list(pair) for pair in value]


def _statistics(value: Any) -> list[str]:
    from spinnet.comparison.statistics import select_statistics

    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise InputError(f"statistics = {value!r}: give a list of names")
    select_statistics(list(value))
    return list(value)
