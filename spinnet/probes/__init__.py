"""What is measured on a configuration, a trajectory or a landscape.

:func:`load` finds a probe by the name a campaign file gives it; the modules are imported at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinnet.registry import find

if TYPE_CHECKING:
    from spinnet.probes.base import Probe

#: Where each probe lives: name -> "module:class".
PROBES = {
    "accuracy": "spinnet.probes.accuracy:AccuracyProbe",
    "aligned_overlap": "spinnet.probes.aligned_overlap:AlignedOverlapProbe",
    "barriers": "spinnet.probes.barriers:BarriersProbe",
    "basin_of_attraction": "spinnet.probes.basin_of_attraction:BasinProbe",
    "data_covariance": "spinnet.probes.data_covariance:DataCovarianceProbe",
    "condensation": "spinnet.probes.condensation:CondensationProbe",
    "density_of_states": "spinnet.probes.density_of_states:DensityOfStatesProbe",
    "energy": "spinnet.probes.energy:EnergyProbe",
    "error_signal": "spinnet.probes.error_signal:ErrorSignalProbe",
    "final": "spinnet.probes.final:FinalProbe",
    "hessian_course": "spinnet.probes.hessian_course:HessianCourseProbe",
    "funnel_profile": "spinnet.probes.funnel_profile:FunnelProfileProbe",
    "gradient_noise": "spinnet.probes.gradient_noise:GradientNoiseProbe",
    "funnel": "spinnet.probes.funnel:FunnelProbe",
    "gradient_norm": "spinnet.probes.gradient_norm:GradientNormProbe",
    "hessian_spectrum": "spinnet.probes.hessian_spectrum:HessianSpectrumProbe",
    "hessian_structure": "spinnet.probes.hessian_structure:HessianStructureProbe",
    "initial_line": "spinnet.probes.initial_line:InitialLineProbe",
    "inherent_structure": "spinnet.probes.inherent_structure:InherentStructureProbe",
    "lanczos": "spinnet.probes.lanczos:LanczosProbe",
    "jacobian_rank": "spinnet.probes.jacobian_rank:JacobianRankProbe",
    "level": "spinnet.probes.level:LevelProbe",
    "noise_trace": "spinnet.probes.noise_trace:NoiseTraceProbe",
    "native_passage": "spinnet.probes.native_passage:NativePassageProbe",
    "native_levels": "spinnet.probes.native_levels:NativeLevelsProbe",
    "replica_overlap": "spinnet.probes.replica_overlap:ReplicaOverlapProbe",
    "stationarity": "spinnet.probes.stationarity:StationarityProbe",
    "two_time": "spinnet.probes.two_time:TwoTimeProbe",
    "minima": "spinnet.probes.minima:MinimaProbe",
    "random_slice": "spinnet.probes.random_slice:RandomSliceProbe",
    "signal_overlap": "spinnet.probes.signal_overlap:SignalOverlapProbe",
    "thermodynamics": "spinnet.probes.thermodynamics:ThermodynamicsProbe",
    "well_share": "spinnet.probes.well_share:WellShareProbe",
    "weight_spectra": "spinnet.probes.weight_spectra:WeightSpectraProbe",
}

__all__ = ["PROBES", "load"]


def load(name: str) -> type[Probe]:
    """The class of a probe.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one.
    """
    hint = ""
    if name == "spacing_ratio":
        hint = " (the spacing ratio is measured by 'hessian_spectrum', from the same eigenvalues)"
    return find("probe", name, PROBES, hint)
