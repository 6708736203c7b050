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

LEVEL, UNITS, COMPARISONS, REPLICAS = 0.05, 20, 60, 4
PHYSICS = {
    "landscape": {"kind": "SphericalGlass", "covariance": {"3": 1.0}, "n": 16},
    "dynamics": {"kind": "GradientFlow", "tolerance": 1e-3},
    "schedule": {"kind": "log", "first": 0.1, "per_decade": 6},
    "probes": {"energy": {}, "gradient_norm": {}, "hessian_spectrum": {}},
    "replicas": REPLICAS,
    "seed": 7,
}
ARRAYS = ("trajectory/energy_density", "trajectory/gradient_norm", "spectrum/eigenvalue", "spectrum/spacing_ratio")


@pytest.fixture(scope="module")
def glasses():
    """Arrays (sample, replica, ...) of independent samples of p = 3, n = 16."""
    runs = [simulate(PHYSICS | {"sample": k}, 20.0).variables for k in range(2 * UNITS * COMPARISONS)]
    arrays = {name: np.array([run[name].data for run in runs]) for name in ARRAYS}
    return arrays | {"trajectory/time": runs[0]["trajectory/time"].data}


def point(glasses, start, samples, replicas, unit):
    arrays = {name: glasses[name][start : start + samples, :replicas] for name in ARRAYS}
    attributes = {"independent_unit": unit, "n_dof": 16, "n_units": 16, "unit": "spin"}
    return PointData("glass", f"{start}", arrays | {"trajectory/time": glasses["trajectory/time"]}, attributes)


def rejections(glasses, samples, replicas, unit):
    """Unadjusted rejections of each tested statistic, and whether Holm rejects any, in each comparison."""
    single, family = [], []
    for k in range(COMPARISONS):
        sides = [point(glasses, (2 * k + side) * UNITS, samples, replicas, unit) for side in (0, 1)]
        rows = [row for row in compare_points(*sides, STATISTICS, 199, seed=k) if row.status == TESTED]
        single.append([row.p_value <= LEVEL for row in rows])
        family.append(any(row.p_adjusted <= LEVEL for row in rows))
    return np.array(single), np.array(family)


def test_glass_against_glass_of_other_disorder_is_rejected_at_the_level(glasses):
    single, family = rejections(glasses, UNITS, 2, "sample")
    assert single.shape[1] >= 12
    # Statistics of one comparison depend on each other: the error is that over comparisons.
    share = single.mean(axis=1)
    error = share.std(ddof=1) / np.sqrt(COMPARISONS)
    print(f"\nrejected at {LEVEL}: {share.mean():.4f} +- {error:.4f}; by Holm: {family.mean():.4f}")
    assert abs(share.mean() - LEVEL) < 4 * error
    assert (family.mean() - LEVEL) / np.sqrt(LEVEL * (1 - LEVEL) / COMPARISONS) < 4


def test_replicas_taken_for_units_reject_glass_against_glass(glasses):
    _, family = rejections(glasses, 6, REPLICAS, "replica")
    print(f"\nreplicas as units, by Holm: {family.mean():.4f}")
    assert (family.mean() - LEVEL) / np.sqrt(LEVEL * (1 - LEVEL) / COMPARISONS) > 4
