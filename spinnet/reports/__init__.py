"""What a study says of its results: collected arrays and theory in, tables, findings and curves out.

A campaign file asks for a report with a table ``[report.NAME]``; ``spinnet run`` writes ``reports/NAME.h5`` and draws
it. :func:`load` finds a report by its kind; the modules are imported at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinnet.registry import find

if TYPE_CHECKING:
    from spinnet.reports.base import Report

#: Where each report lives: kind -> "module:class".
REPORTS = {
    "ageing": "spinnet.reports.ageing:AgeingReport",
    "barriers": "spinnet.reports.barriers:BarriersReport",
    "classification": "spinnet.reports.classification:ClassificationReport",
    "complexity": "spinnet.reports.complexity:ComplexityReport",
    "cooling": "spinnet.reports.cooling:CoolingReport",
    "coupling_kinds": "spinnet.reports.coupling_kinds:CouplingKindsReport",
    "data_correlations": "spinnet.reports.data_correlations:DataCorrelationsReport",
    "equilibrium": "spinnet.reports.equilibrium:EquilibriumReport",
    "error_signal": "spinnet.reports.error_signal:ErrorSignalReport",
    "folding": "spinnet.reports.folding:FoldingReport",
    "freezing": "spinnet.reports.freezing:FreezingReport",
    "franz_parisi": "spinnet.reports.franz_parisi:FranzParisiReport",
    "heterogeneity": "spinnet.reports.heterogeneity:HeterogeneityReport",
    "funnel": "spinnet.reports.funnel:FunnelReport",
    "hessian": "spinnet.reports.hessian:HessianReport",
    "hessian_spectra": "spinnet.reports.hessian_spectra:HessianSpectraReport",
    "hessian_structure": "spinnet.reports.hessian_structure:HessianStructureReport",
    "index_energy": "spinnet.reports.index_energy:IndexEnergyReport",
    "initial_line": "spinnet.reports.initial_line:InitialLineReport",
    "level_concentration": "spinnet.reports.level_concentration:LevelConcentrationReport",
    "level_ageing": "spinnet.reports.level_ageing:LevelAgeingReport",
    "jamming": "spinnet.reports.jamming:JammingReport",
    "network_index_energy": "spinnet.reports.network_index_energy:NetworkIndexEnergyReport",
    "network_cooling": "spinnet.reports.network_cooling:NetworkCoolingReport",
    "network_ageing": "spinnet.reports.network_ageing:NetworkAgeingReport",
    "minima": "spinnet.reports.minima:MinimaReport",
    "memory_retrieval": "spinnet.reports.memory_retrieval:MemoryRetrievalReport",
    "perceptron_learning": "spinnet.reports.perceptron_learning:PerceptronLearningReport",
    "phase_diagram": "spinnet.reports.phase_diagram:PhaseDiagramReport",
    "planted_recovery": "spinnet.reports.planted_recovery:PlantedRecoveryReport",
    "relaxation": "spinnet.reports.relaxation:RelaxationReport",
    "relaxation_exponent": "spinnet.reports.relaxation_exponent:RelaxationExponentReport",
    "sgd_temperature": "spinnet.reports.sgd_temperature:SgdTemperatureReport",
    "signal_recovery": "spinnet.reports.signal_recovery:SignalRecoveryReport",
    "slices": "spinnet.reports.slices:SlicesReport",
    "slowing_down": "spinnet.reports.slowing_down:SlowingDownReport",
    "well_masses": "spinnet.reports.well_masses:WellMassesReport",
    "weight_spectra": "spinnet.reports.weight_spectra:WeightSpectraReport",
    "zero_modes": "spinnet.reports.zero_modes:ZeroModesReport",
}

__all__ = ["REPORTS", "load"]


def load(kind: str) -> type[Report]:
    """The class of a report.

    Raises
    ------
    InputError
        For an unknown kind, with the nearest known one.
    """
    return find("report", kind, REPORTS)
