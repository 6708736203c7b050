"""Whether a final energy falls with the time that a cooling takes: one rule for glasses and networks.

Slopes per factor of ten of the duration are taken unit by unit, because all durations share their disorder and start.
"Falls" needs the slope of the slower half of the durations to be decisively below 0 (that of all durations may be owed
to the fast ones alone); the null is a slope of 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinnet.estimators.resampling import FEWEST_UNITS, mean_and_error
from spinnet.reports.verdicts import DECISIVE, normal_z


@dataclass(frozen=True)
class DurationTrend:
    """Slopes per factor of ten: over all durations, over the slower half, and the latter less the former."""

    slope: tuple[float, float]
    late: tuple[float, float]
    bend: tuple[float, float]
    first: float
    middle: float
    last: float
    n_units: int

    @property
    def z(self) -> float:
        """Of the slower half."""
        return float(normal_z(*self.late, self.n_units))

    def sentence(self, what: str) -> str:
        """Say how ``what`` depends on the duration."""
        whole = float(normal_z(*self.slope, self.n_units))
        told = "is not tested: errors are missing" if np.isnan(self.z) else (
            "falls up to the slowest cooling" if self.z < -DECISIVE
            else "RISES with the duration" if self.z > DECISIVE
            else "falls, but over the slower half not certainly" if whole < -DECISIVE
            else "shows no certain change"
        )  # fmt: skip
        bend = float(normal_z(*self.bend, self.n_units))
        bent = "the slope lessens" if bend > DECISIVE else "the slope grows" if bend < -DECISIVE else "no bend is seen"
        return (
            f"{what} {told}: {self.late[0]:.4f} ± {self.late[1]:.4f} per factor of ten between {self.middle:g} and "
            f"{self.last:g} (z = {self.z:.1f}), {self.slope[0]:.4f} ± {self.slope[1]:.4f} from {self.first:g} on; "
            f"{bent} (late less mean slope {self.bend[0]:.4f} ± {self.bend[1]:.4f})"
        )


def duration_trend(durations: NDArray, energies: NDArray) -> DurationTrend | str:
    """The trend of energies (unit, duration) of units that all durations have, or why there is none."""
    if len(energies) < FEWEST_UNITS:
        return f"{len(energies)} units are common to all durations: a slope needs {FEWEST_UNITS}"
    x = np.log10(durations)
    slopes = energies @ (x - x.mean()) / ((x - x.mean()) ** 2).sum()
    half = len(x) // 2
    late = (energies[:, -1] - energies[:, half]) / (x[-1] - x[half])
    means = [tuple(map(float, mean_and_error(one))) for one in (slopes, late, late - slopes)]
    return DurationTrend(*means, float(durations[0]), float(durations[half]), float(durations[-1]), len(energies))
