"""How often the whole comparison finds a difference between two sets of glasses with disorder of their own.

Random splits of one set of units hold the level by construction, whatever the units are. Here every unit on either
side has its own couplings and its own start, so that a wrong choice of the unit shows.
"""

import numpy as np
import pytest

from spinnet.comparison.points import PointData
from spinnet.comparison.statistics import STATISTICS
from spinnet.comparison.table import TESTED, compare_points
from spinnet.simulation import simulate

pytestmark = pytest.mark.slow

LEVEL, COMPARISONS = 0.05, 60
#: With fourteen statistics, fewer labellings than 280 could never reject after Holm's correction.
PERMUTATIONS = 999
PHYSICS = {
    "landscape": {"kind": "SphericalGlass", "covariance": {"3": 1.0}, "n": 16},
    "dynamics": {"kind": "GradientFlow", "tolerance": 1e-3},
    "schedule": {"kind": "log", "first": 0.1, "per_decade": 6},
    "probes": {"energy": {}, "gradient_norm": {}, "hessian_spectrum": {}},
    "seed": 7,
}
ARRAYS = ("trajectory/energy_density", "trajectory/gradient_norm", "spectrum/eigenvalue", "spectrum/spacing_ratio")


def glass(first, samples, replicas, unit):
    """Samples ``first``, ``first + 1``, ... of the spherical p = 3 glass, n = 16."""
    runs = [simulate(PHYSICS | {"sample": first + k, "replicas": replicas}, 20.0).variables for k in range(samples)]
    arrays = {name: np.array([run[name].data for run in runs]) for name in ARRAYS}
    arrays["trajectory/time"] = runs[0]["trajectory/time"].data
    attributes = {"independent_unit": unit, "n_dof": 16, "n_units": 16, "unit": "spin"}
    return PointData("glass", f"{first}", arrays, attributes)


def rejections(samples, replicas, unit):
    """Unadjusted rejections of each tested statistic, and whether Holm rejects any, in each comparison."""
    single, family = [], []
    for k in range(COMPARISONS):
        sides = [glass((2 * k + side) * samples, samples, replicas, unit) for side in (0, 1)]
        rows = [row for row in compare_points(*sides, STATISTICS, PERMUTATIONS, seed=k) if row.status == TESTED]
        single.append([row.p_value <= LEVEL for row in rows])
        family.append(any(row.p_adjusted <= LEVEL for row in rows))
    single, family = np.array(single), np.array(family)
    # Statistics of one comparison depend on each other: the error is that over comparisons.
    share = single.mean(axis=1)
    error = share.std(ddof=1) / np.sqrt(COMPARISONS)
    print(f"\n{unit}: rejected {share.mean():.4f} +- {error:.4f} of {single.size}; Holm in {family.sum()}")
    return share.mean(), error, family.mean()


def z_of_family(rate):
    return (rate - LEVEL) / np.sqrt(LEVEL * (1 - LEVEL) / COMPARISONS)


def test_glass_against_glass_of_other_disorder_is_rejected_at_the_level():
    rate, error, family = rejections(20, 2, "sample")
    assert abs(rate - LEVEL) < 4 * error
    assert z_of_family(family) < 4


def test_replicas_taken_for_units_reject_glass_against_glass():
    rate, error, family = rejections(3, 8, "replica")
    assert rate - LEVEL > 4 * error
    assert z_of_family(family) > 4
