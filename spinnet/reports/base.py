"""What a report is: a function of collected results, checked against the study before anything runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import Configurable
from spinnet.errors import InputError, nearest_name
from spinnet.records import Variable, Variables
from spinnet.reports.results import StudyResults

Row = Mapping[str, str | int | float | None]


@dataclass
class Content:
    """What a report found. ``rows`` is the table that is printed, ``findings`` are statements with numbers."""

    rows: list[Row] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)
    variables: Variables = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, name: str, data: Any, dims: Sequence[str], units: str = "1", description: str = "") -> None:
        """Keep an array as "group/…/name" for the file and for figures."""
        values = np.asarray(data)
        self.variables[name] = Variable(
            values.astype(object) if values.dtype.kind == "U" else values, tuple(dims), units, description
        )

    def describe(self, group: str, **attributes: Any) -> None:
        """Keep attributes (numbers, strings) of a group."""
        self.groups.setdefault(group, {}).update(attributes)


class Report(Configurable, ABC):
    """What every report states.

    A report's parameters are no physics: changing them recomputes the report from what has been collected.
    """

    #: Parameters that name arms; an empty one stands for the only arm, or for one that is not used.
    arm_parameters: ClassVar[tuple[str, ...]] = ("arm",)
    #: Whether an empty one always is an arm that is not used.
    optional_arms: ClassVar[bool] = False
    #: Of each arm: what it must have been measured with, and on (empty: anything).
    probes: ClassVar[tuple[str, ...]] = ()
    landscapes: ClassVar[tuple[str, ...]] = ()
    dynamics: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Refuse, before a run, a study whose results this report could not use.

        Parameters
        ----------
        settings
            The resolved table of the report.
        arms
            Resolved physics of every point of every arm, with the length of the run as "last".

        Raises
        ------
        InputError
            Naming the parameter and what is missing.
        """
        for parameter in cls.arm_parameters:
            name = cls.chosen_arm(settings, parameter, list(arms))
            for physics in arms[name] if name else ():
                cls.check_physics(name, physics)

    @classmethod
    def chosen_arm(cls, settings: Mapping[str, Any], parameter: str, arms: Sequence[str]) -> str:
        """The arm that a parameter names; where it names none, the only arm, or none where arms are optional."""
        name = settings[parameter]
        if not name:
            if cls.optional_arms:
                return ""
            if len(cls.arm_parameters) == 1 and len(arms) > 1:
                raise InputError(f"{parameter} is missing: the study has the arms {', '.join(arms)}; name one")
            return arms[0] if parameter == cls.arm_parameters[0] else ""
        if name not in arms:
            raise InputError(
                f"{parameter} = {name!r}: there is no such arm{nearest_name(str(name), arms)}; there are "
                f"{', '.join(arms)}"
            )
        return name

    @classmethod
    def check_physics(cls, arm: str, physics: Mapping[str, Any]) -> None:
        """Refuse one point; reports with more wishes extend this."""
        for part, allowed in (("landscape", cls.landscapes), ("dynamics", cls.dynamics)):
            kind = physics[part]["kind"]
            if allowed and kind not in allowed:
                raise InputError(f"arm {arm} has the {part} {kind}; this report is for {' or '.join(allowed)}")
        for probe in cls.probes:
            require_probe(arm, physics, probe)

    @abstractmethod
    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """Compute the report; ``tell`` passes a line to a person where something takes long."""


def require_probe(arm: str, physics: Mapping[str, Any], probe: str) -> None:
    """Refuse a point that is not measured with a probe, in an :class:`InputError` that names what to add."""
    if probe not in physics["probes"]:
        table = "probes" if arm == "main" else f"arm.{arm}.probes"  # an only arm is called main, and has no table
        raise InputError(f"arm {arm} is measured without the probe {probe}: add [{table}.{probe}]")
