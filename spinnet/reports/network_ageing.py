r"""Whether a network that is trained by SGD ages: mean-square displacements at several ages, beside a glass and nulls.

:math:`\Delta(t_w+t, t_w) = |w(t_w+t) - w(t_w)|^2/W`. Two things look like ageing and are none: noise that dies with
the loss, which the clock :math:`\int \eta^2\,\mathrm{tr}\,C/(B W)\,dt` of free diffusion takes out, and drift, which
Yaida's relation shows. Beside each arm stand free diffusion on that clock and the harmonic modes of its own final
Hessian with its own final noise.

References: Baity-Jesi et al., arXiv:1803.06969; Kerr Winter and Janssen, arXiv:2405.13098; Yaida, arXiv:1810.00004.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from spinnet.configurable import real_number
from spinnet.errors import InputError, nearest_name
from spinnet.reports.base import Content, Report, require_probe
from spinnet.reports.network_motion import Motion, NetworkMotion
from spinnet.reports.results import StudyResults
from spinnet.reports.verdicts import DECISIVE, normal_z

_PROBES = ("energy", "two_time", "noise_trace", "stationarity")


class NetworkAgeingReport(Report):
    """Displacements, their local exponents, collapse on the clock of the noise, and stationarity, arm by arm.

    Parameters
    ----------
    narrow, wide
        Arms of few and of many weights, of which the claim is: a sub-diffusive plateau, and none.
    others
        More arms of networks.
    glass
        An arm of a glass under Langevin dynamics, measured with two_time; empty for none.
    span
        Factor of t over which a local exponent is fitted.
    """

    arm_parameters: ClassVar[tuple[str, ...]] = ()

    def __init__(self, narrow: str, wide: str, others: Sequence[str] = (), glass: str = "", span: float = 10.0):
        given = self.validate(narrow=narrow, wide=wide, others=others, glass=glass, span=span)
        self.narrow, self.wide, self.others = given["narrow"], given["wide"], tuple(given["others"])
        self.glass, self.span = given["glass"], given["span"]

    @classmethod
    def validate(cls, **given: Any) -> dict[str, Any]:
        if not isinstance(given["others"], list | tuple) or not all(isinstance(one, str) for one in given["others"]):
            raise InputError(f"others = {given['others']!r}: give a list of names of arms")
        given["others"] = list(given["others"])
        given["span"] = real_number("span", given["span"], above=1.0)
        return given

    @classmethod
    def check(cls, settings: Mapping[str, Any], arms: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        networks = [settings["narrow"], settings["wide"], *settings["others"]]
        for name in [*networks, *([settings["glass"]] if settings["glass"] else [])]:
            if name not in arms:
                raise InputError(
                    f"network_ageing: there is no arm {name!r}{nearest_name(str(name), arms)}; there are "
                    f"{', '.join(arms)}"
                )
        for name in networks:
            for physics in arms[name]:
                _check_network(name, physics)
        for physics in arms[settings["glass"]] if settings["glass"] else ():
            if "two_time" not in physics["probes"]:
                raise InputError(f"arm {settings['glass']} is measured without two_time: add [probes.two_time]")

    def build(self, results: StudyResults, tell: Callable[[str], None]) -> Content:
        """See :class:`NetworkAgeingReport`. Cost: none to speak of."""
        content = Content()
        found: dict[str, list[NetworkMotion]] = {}
        for name in (self.narrow, self.wide, *self.others):
            found[name] = [NetworkMotion(name, point, self.span) for point in results.points(name)]
            for one in found[name]:
                one.store(content)
                content.rows += one.rows()
                content.findings += one.findings()
        content.findings += [_claim(few, many) for few in found[self.narrow] for many in found[self.wide]]
        if self.glass:
            for point in results.points(self.glass):
                glass = Motion(self.glass, point, self.span)
                glass.store(content)
                content.rows += glass.rows()
                content.findings += glass.findings()
        return content


def _check_network(arm: str, physics: Mapping[str, Any]) -> None:
    if physics["dynamics"]["kind"] != "SGD":
        raise InputError(f"arm {arm} has the dynamics {physics['dynamics']['kind']}; network_ageing is for SGD")
    if physics["dynamics"].get("drops"):
        raise InputError(f"arm {arm}: network_ageing needs a constant learning rate; leave drops out")
    for probe in _PROBES:
        require_probe(arm, physics, probe)


def _claim(few: NetworkMotion, many: NetworkMotion) -> str:
    """The claim of the literature, at the greatest age that both have: caged when narrow, not when wide."""
    start = "narrow nets are caged and wide ones are not (Baity-Jesi et al.; Kerr Winter and Janssen): "
    pairs = [(one, other) for one in few.judged if one.exponents is not None
             for other in [many.at(one.age)] if other is not None]  # fmt: skip
    if not pairs:
        return f"{start}not tested, there is no age at which exponents of both are known"
    first, second = pairs[-1]
    one, other = first.exponents, second.exponents
    apart, error = other.lowest - one.lowest, math.hypot(one.lowest_error, other.lowest_error)
    z = float(normal_z(apart, error, min(one.n_units, other.n_units)))
    numbers = (f"lowest exponents on the clock of the noise at t_w = {first.age:.6g} are {one.lowest:.2f} ± "
               f"{one.lowest_error:.2f} and {other.lowest:.2f} ± {other.lowest_error:.2f} (difference z = {z:.1f})")
    if first.verdict() == "plateau" and second.verdict() == "never":
        return f"{start}holds, {numbers}, all known ones of the wide net above {other.bound:.2f}"
    if first.verdict() == "plateau" and z > DECISIVE:
        return f"{start}holds for the narrow one, and the wide one is closer to diffusion: {numbers}"
    return f"{start}NOT seen here: {numbers}; {first.verdict()} and {second.verdict()}"
