"""The random energy model that data correlate: energies of random networks on real patterns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import one_of, whole_number
from spinnet.datasets import Dataset
from spinnet.errors import InputError
from spinnet.landscapes.base import Units
from spinnet.landscapes.dense_network import DenseNetwork
from spinnet.landscapes.indexed_levels import LARGEST_ADDRESSED, IndexedLevels, check_disorder
from spinnet.landscapes.weight_spheres import WeightSpheres
from spinnet.randomness import counter_keys, stream

_BLOCK = 64
_GOLDEN = 0x9E3779B97F4A7C15


class DataCorrelatedREM(IndexedLevels):
    """2^N levels E_i = Σ_μ ℓ(w_i, ξ^μ): the energies of random weight configurations on the patterns of a data set.

    Weights w_i are uniform on one sphere per layer (:class:`~spinnet.landscapes.weight_spheres.WeightSpheres`), made
    from a hash of (seed, n, i): nothing is stored. The disorder is the data: with ``resample`` each ``sample`` draws
    the P patterns anew from the data set, with replacement, while the weights stay the same; over samples then

        Cov[E_i, E_j] = P · Cov_μ[ℓ(w_i, ξ^μ), ℓ(w_j, ξ^μ)],

    the covariance over the patterns of the set. How this depends on the overlap of w_i and w_j is measured by
    :func:`spinnet.probes.data_covariance.measure_covariance`.

    Parameters
    ----------
    n : int
        2^n levels, n up to 64.
    network : mapping
        Table of a :class:`~spinnet.landscapes.dense_network.DenseNetwork`: data, hidden, activation, loss, …
    resample : bool
        Whether a sample is a resampled data set; otherwise all samples have the patterns as they are.
    seed, sample : int
        Weights are those of the seed, patterns those of (seed, sample); both are others at each n.

    Raises
    ------
    InputError
        For values that are not allowed, or data that cannot be loaded.

    Notes
    -----
    A level costs about 2 P n_weights floating-point operations. The space is the hypercube of the addresses of levels:
    its overlap says nothing about weights (see :meth:`weights`).
    """

    #: 2: the number of levels is part of the keys.
    revision: ClassVar[int] = 2
    kernels: ClassVar[tuple[str, ...]] = (*DenseNetwork.kernels, "spinnet.kernels.counter_noise")
    data_parameters: ClassVar[tuple[str, ...]] = ("network",)

    def __init__(
        self, n: int, network: Mapping[str, Any] | None = None, resample: bool = True, seed: int = 0, sample: int = 0
    ):
        checked = self.validate(n=n, network=network, resample=resample, seed=seed, sample=sample)
        self.n: int = checked["n"]
        self.network: dict[str, Any] = checked["network"]
        self.resample: bool = checked["resample"]
        self.seed: int = checked["seed"]
        self.sample: int = checked["sample"]
        landscape = DenseNetwork(**self.network)
        self.spheres = WeightSpheres(landscape)
        if self.resample:
            rng = stream(self.seed, "resampled patterns", self.n, self.sample)
            rows = rng.integers(0, landscape.n_terms, landscape.n_terms)
            landscape = DenseNetwork(resampled(landscape.data, rows), **_without_data(self.network))
        self.landscape: DenseNetwork = landscape
        # n is part of both keys: sets of levels of two sizes would otherwise begin with the same levels
        self._key = counter_keys(self.seed, 1, "weights of levels", self.n)[0]

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check values without loading data; the network's table is completed."""
        n = whole_number("n", parameters["n"], minimum=1)
        if n > LARGEST_ADDRESSED:
            raise InputError(f"n = {n}: levels are addressed by 64-bit numbers, n up to {LARGEST_ADDRESSED}")
        network = {} if parameters.get("network") is None else parameters["network"]
        if not isinstance(network, Mapping):
            raise InputError(f"network = {network!r}: give the table of a DenseNetwork, like {{hidden = [10]}}")
        resample = one_of("resample", parameters.get("resample", True), (True, False))
        return {
            "n": n, "network": DenseNetwork.resolve(network, "network"), "resample": bool(resample),
            **check_disorder(parameters),
        }  # fmt: skip

    @classmethod
    def task_memory_bytes(cls, table: Mapping[str, Any], replicas: int) -> int:
        """Two copies of the data, and a block of weights."""
        return 2 * DenseNetwork.task_memory_bytes(table["network"], _BLOCK)

    @classmethod
    def load_data(cls, table: Mapping[str, Any]) -> None:
        """Load the data set that the network's table names."""
        DenseNetwork.load_data(table["network"])

    @property
    def units(self) -> Units:
        """Per pattern, as of the network."""
        return self.landscape.units

    def weights(self, index: np.ndarray) -> np.ndarray:
        """Weights w_i of the levels ``index`` (count,): shape ``(count, weights of the network)``."""
        from spinnet.kernels.counter_noise import fill_normal

        index = self._check_index(index).reshape(-1)
        normals = np.empty((len(index), self.spheres.dimension))
        fill_normal(_mixed(index * np.uint64(_GOLDEN) + self._key), 0, normals)
        return self.spheres.place(normals)

    def level(self, index: np.ndarray) -> np.ndarray:
        """Energy of each level, shape as given."""
        flat = self._check_index(index).reshape(-1)
        energy = np.empty(flat.shape)
        for first in range(0, len(flat), _BLOCK):
            energy[first : first + _BLOCK] = self.landscape.energy(self.weights(flat[first : first + _BLOCK]))
        return energy.reshape(np.shape(index))


def resampled(data: Dataset, rows: np.ndarray) -> Dataset:
    """The data set whose training patterns are those rows of another, in that order and as often."""
    return Dataset(
        name=f"{data.name}, resampled",
        inputs=data.inputs[rows],
        labels=None if data.labels is None else data.labels[rows],
        targets=None if data.targets is None else data.targets[rows],
        n_classes=data.n_classes,
        source=data.source,
        licence=data.licence,
    )


def _without_data(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key not in DenseNetwork.data_parameters}


def _mixed(words: np.ndarray) -> np.ndarray:
    """Two rounds of the finaliser of :mod:`spinnet.kernels.counter_noise`, on an array."""
    for _ in range(2):
        words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        words = words ^ (words >> np.uint64(31))
    return words
