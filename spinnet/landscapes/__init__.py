"""Energy landscapes: deterministic functions over a space, with declared capabilities.

``from spinnet.landscapes import SphericalGlass, DenseNetwork``; the modules load at first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spinnet.registry import find

if TYPE_CHECKING:
    from spinnet.landscapes.base import Landscape
    from spinnet.landscapes.data_correlated import DataCorrelatedREM
    from spinnet.landscapes.dense_network import DenseNetwork
    from spinnet.landscapes.folding_rem import FoldingREM
    from spinnet.landscapes.generalized_rem import ContinuousREM, GeneralizedREM
    from spinnet.landscapes.hopfield import HopfieldModel
    from spinnet.landscapes.ising_pspin import PSpinIsing
    from spinnet.landscapes.linear_regression import LinearRegression
    from spinnet.landscapes.log_correlated import LogCorrelatedREM
    from spinnet.landscapes.native_network import NativeNetwork
    from spinnet.landscapes.perceptron import TeacherStudentPerceptron
    from spinnet.landscapes.planted_glass import PlantedGlass
    from spinnet.landscapes.random_energy import RandomEnergyModel
    from spinnet.landscapes.spherical_glass import SphericalGlass
    from spinnet.landscapes.structured_network import StructuredNetwork
    from spinnet.landscapes.torch_landscape import TorchLandscape as TorchLandscape
    from spinnet.landscapes.two_wells import TwoWells


LANDSCAPES = {
    "SphericalGlass": "spinnet.landscapes.spherical_glass",
    "DenseNetwork": "spinnet.landscapes.dense_network",
    "ContinuousREM": "spinnet.landscapes.generalized_rem",
    "DataCorrelatedREM": "spinnet.landscapes.data_correlated",
    "FoldingREM": "spinnet.landscapes.folding_rem",
    "GeneralizedREM": "spinnet.landscapes.generalized_rem",
    "HopfieldModel": "spinnet.landscapes.hopfield",
    "LinearRegression": "spinnet.landscapes.linear_regression",
    "LogCorrelatedREM": "spinnet.landscapes.log_correlated",
    "NativeNetwork": "spinnet.landscapes.native_network",
    "PSpinIsing": "spinnet.landscapes.ising_pspin",
    "PlantedGlass": "spinnet.landscapes.planted_glass",
    "RandomEnergyModel": "spinnet.landscapes.random_energy",
    "StructuredNetwork": "spinnet.landscapes.structured_network",
    "TeacherStudentPerceptron": "spinnet.landscapes.perceptron",
    "TwoWells": "spinnet.landscapes.two_wells",
}

#: Made of a person's own objects and not of a table: no campaign names them, and they need optional packages.
MADE_OF_OBJECTS = {"TorchLandscape": "spinnet.landscapes.torch_landscape"}

__all__ = [
    "ContinuousREM",
    "DataCorrelatedREM",
    "DenseNetwork",
    "FoldingREM",
    "GeneralizedREM",
    "HopfieldModel",
    "LinearRegression",
    "LogCorrelatedREM",
    "NativeNetwork",
    "PSpinIsing",
    "PlantedGlass",
    "RandomEnergyModel",
    "SphericalGlass",
    "StructuredNetwork",
    "TeacherStudentPerceptron",
    "TwoWells",
]


def load(name: str) -> type[Landscape]:
    """The class of a landscape.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one.
    """
    return find("landscape", name, LANDSCAPES)


def __getattr__(name: str):
    if name in LANDSCAPES:
        return load(name)
    if name in MADE_OF_OBJECTS:
        from spinnet.landscapes.torch_package import import_torch

        import_torch()  # say at once what is missing
        return find("landscape", name, MADE_OF_OBJECTS)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
