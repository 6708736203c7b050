"""What moves configurations on a landscape: flows, descents and stochastic dynamics.

``from spinnet.dynamics import GradientFlow, SGD``; :func:`load` finds a class by the name a campaign file gives it.
The modules are imported at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinnet.registry import find

if TYPE_CHECKING:
    from spinnet.dynamics.base import Dynamics
    from spinnet.dynamics.constrained_tempering import ConstrainedTempering
    from spinnet.dynamics.cooled_sgd import CooledSGD
    from spinnet.dynamics.cooling import Cooling
    from spinnet.dynamics.critical_point_census import CriticalPointCensus
    from spinnet.dynamics.first_passage import FirstPassage
    from spinnet.dynamics.geodesic_metropolis import GeodesicMetropolis
    from spinnet.dynamics.gradient_descent import GradientDescent
    from spinnet.dynamics.gradient_flow import GradientFlow
    from spinnet.dynamics.hit_and_run import HitAndRun
    from spinnet.dynamics.langevin import Langevin
    from spinnet.dynamics.levenberg_marquardt import LevenbergMarquardt
    from spinnet.dynamics.overlap_walk import OverlapWalk
    from spinnet.dynamics.paired_langevin import PairedLangevin
    from spinnet.dynamics.parallel_tempering import ParallelTempering
    from spinnet.dynamics.rejection_free import RejectionFree
    from spinnet.dynamics.rmsprop import RMSProp
    from spinnet.dynamics.saddle_search import SaddleSearch
    from spinnet.dynamics.sgd import SGD
    from spinnet.dynamics.spin_flips import SpinFlips
    from spinnet.dynamics.still import Still
    from spinnet.dynamics.sweeps import Sweeps
    from spinnet.dynamics.wang_landau import WangLandau

#: Where each dynamics lives: name -> "module:class".
DYNAMICS = {
    "ConstrainedTempering": "spinnet.dynamics.constrained_tempering:ConstrainedTempering",
    "CooledSGD": "spinnet.dynamics.cooled_sgd:CooledSGD",
    "Cooling": "spinnet.dynamics.cooling:Cooling",
    "CriticalPointCensus": "spinnet.dynamics.critical_point_census:CriticalPointCensus",
    "FirstPassage": "spinnet.dynamics.first_passage:FirstPassage",
    "GeodesicMetropolis": "spinnet.dynamics.geodesic_metropolis:GeodesicMetropolis",
    "GradientDescent": "spinnet.dynamics.gradient_descent:GradientDescent",
    "GradientFlow": "spinnet.dynamics.gradient_flow:GradientFlow",
    "HitAndRun": "spinnet.dynamics.hit_and_run:HitAndRun",
    "Langevin": "spinnet.dynamics.langevin:Langevin",
    "LevenbergMarquardt": "spinnet.dynamics.levenberg_marquardt:LevenbergMarquardt",
    "OverlapWalk": "spinnet.dynamics.overlap_walk:OverlapWalk",
    "PairedLangevin": "spinnet.dynamics.paired_langevin:PairedLangevin",
    "ParallelTempering": "spinnet.dynamics.parallel_tempering:ParallelTempering",
    "RMSProp": "spinnet.dynamics.rmsprop:RMSProp",
    "SGD": "spinnet.dynamics.sgd:SGD",
    "SaddleSearch": "spinnet.dynamics.saddle_search:SaddleSearch",
    "RejectionFree": "spinnet.dynamics.rejection_free:RejectionFree",
    "SpinFlips": "spinnet.dynamics.spin_flips:SpinFlips",
    "Still": "spinnet.dynamics.still:Still",
    "Sweeps": "spinnet.dynamics.sweeps:Sweeps",
    "WangLandau": "spinnet.dynamics.wang_landau:WangLandau",
}

__all__ = [
    "DYNAMICS",
    "SGD",
    "ConstrainedTempering",
    "CooledSGD",
    "Cooling",
    "CriticalPointCensus",
    "FirstPassage",
    "GeodesicMetropolis",
    "GradientDescent",
    "GradientFlow",
    "HitAndRun",
    "Langevin",
    "LevenbergMarquardt",
    "OverlapWalk",
    "PairedLangevin",
    "ParallelTempering",
    "RMSProp",
    "RejectionFree",
    "SaddleSearch",
    "SpinFlips",
    "Still",
    "Sweeps",
    "WangLandau",
    "load",
]


def load(name: str) -> type[Dynamics]:
    """The class of a dynamics.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one.
    """
    return find("dynamics", name, DYNAMICS)


def __getattr__(name: str):
    if name in DYNAMICS:
        return load(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
