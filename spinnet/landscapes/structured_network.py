"""A network with structure: normalisation, dropout, skip connections, fractal blocks, polynomials, local windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from spinnet import datasets
from spinnet.configurable import whole_number
from spinnet.datasets import Dataset
from spinnet.errors import InputError
from spinnet.landscapes.moving import Array, Moving
from spinnet.landscapes.network_data import check_data
from spinnet.landscapes.network_layers import BackPropagating, ErrorSignals, Layer
from spinnet.landscapes.network_losses import loss_slopes, losses_of
from spinnet.landscapes.network_pieces import Connection, Patterns
from spinnet.landscapes.network_structure import build_network, check_structure, count_activities, name_connections
from spinnet.landscapes.network_symmetries import Symmetric
from spinnet.landscapes.unit_exchanges import ExchangeSymmetry
from spinnet.landscapes.unit_search import Search
from spinnet.spaces import Euclidean

#: Bytes of activities of the replicas that run together; a replica's numbers do not depend on it.
_BLOCK_BYTES = 2**24


class StructuredNetwork(BackPropagating, Symmetric):
    """A layered network on a fixed set of P patterns, with the switches that a :class:`DenseNetwork` does not have.

    Each hidden layer is a connection (dense, or through local windows), a normalisation, an activation φ and a
    dropout mask, those of them that are switched on, in this order; a dense layer to the outputs comes last. Energy,
    losses, targets and weight decay are those of :class:`~spinnet.landscapes.DenseNetwork`, and with every switch at
    its default so is the function, to rounding; that one is two to four times faster, and in dense Hessians more.

    A landscape is a function of the weights alone. So batch normalisation takes mean and variance over the whole
    training set, whatever minibatch asks (its gradient is then ∇Σ_{μ in batch} ℓ_μ of the function with these
    statistics: a pass over all patterns for every step), and every mask is drawn once, from ``mask_seed``. Outputs for
    inputs outside the training set are made with the training set's statistics and without dropout.

    Parameters
    ----------
    data, data_options, data_sha256, data_files, loss, weight_decay, sigma_w, sigma_b
        As those of :class:`~spinnet.landscapes.DenseNetwork`; weight decay acts on every parameter.
    hidden
        Widths of the hidden layers; with local connections the numbers of channels at each window.
    activation
        ``"tanh"``, ``"relu"``, ``"erf"``, ``"linear"``, ``"square"``, ``"cubic"``, or the coefficients c_0, c_1, … of a
        polynomial φ(z) = Σ_k c_k z^k.
    normalisation
        ``"none"``; ``"batch"`` (over patterns) or ``"layer"`` (over the units of a layer), before φ, each unit with a
        learnt scale and shift that begin at 1 and 0.
    dropout
        Share of hidden activities, drawn for each training pattern and unit, that are zero; the others are divided by
        1 − dropout.
    skip
        Add its input to the output of every hidden layer (or fractal block) that has the width of the one below.
    fractal
        C: every hidden layer becomes a fractal block of C columns; 1 leaves a layer.
    drop_path
        Share of the inputs of the joins of fractal blocks that are left out, one at least being kept.
    connections
        ``"dense"``; ``"local"``: a unit sees one window of the layer below, each window with weights of its own;
        ``"shared"``: the same weights for all windows, a convolution.
    window, stride
        Positions along each dimension of ``grid`` that a window covers, and between one window and the next.
    grid
        How the inputs lie: [length], or [rows, columns] of an image. Default: in one line.
    mask_seed
        Seed of the dropout masks and dropped paths.

    Raises
    ------
    InputError
        A value that is not allowed, switches that exclude each other, or data that do not fit.

    Notes
    -----
    NumPy and BLAS, for a block of replicas at once; Hessian–vector products by the same code on arrays that move
    (:mod:`spinnet.landscapes.moving`). References stand with each piece in :mod:`spinnet.landscapes.network_pieces`,
    :mod:`~spinnet.landscapes.network_fractal` and :mod:`~spinnet.landscapes.network_local`.
    """

    def __init__(
        self,
        data: str | Dataset = "digits",
        hidden: int | tuple[int, ...] = (30,),
        activation: str | Sequence[float] = "tanh",
        loss: str = "cross-entropy",
        normalisation: str = "none",
        dropout: float = 0.0,
        skip: bool = False,
        fractal: int = 1,
        drop_path: float = 0.0,
        connections: str = "dense",
        window: int = 2,
        stride: int = 2,
        grid: Sequence[int] | None = None,
        mask_seed: int = 0,
        data_options: Mapping[str, Any] | None = None,
        weight_decay: float = 0.0,
        sigma_w: float = 1.0,
        sigma_b: float = 0.0,
        data_sha256: str | None = None,
        data_files: Mapping[str, str] | None = None,
    ):
        table = check_structure(
            hidden=hidden, activation=activation, loss=loss, normalisation=normalisation, dropout=dropout, skip=skip,
            fractal=fractal, drop_path=drop_path, connections=connections, window=window, stride=stride, grid=grid,
            mask_seed=mask_seed, weight_decay=weight_decay, sigma_w=sigma_w, sigma_b=sigma_b,
        )  # fmt: skip
        for name, value in table.items():
            setattr(self, name, value)
        self._take_data(data, data_options, data_sha256, data_files)
        self._network, self._blocks = build_network(
            table, self.data.n_inputs, self._targets.shape[1], self.data.n_patterns
        )
        self._connections: tuple[Connection, ...] = tuple(self._network.connections())
        self._space = Euclidean(sum(self._blocks))
        self._everything = np.arange(self.data.n_patterns)[None]
        self._activities = count_activities(table, self._network, self.data.n_inputs)

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check a table of parameters without loading data; the content hash of the data set is filled in.

        Refused is also a structure that does not fit the number of inputs, where that is known unread.
        """
        named = check_data(*(parameters.pop(key) for key in cls.data_parameters))
        table = check_structure(**parameters)
        inputs = datasets.known_inputs(named["data"], {**named["data_options"], **named["data_files"]})
        if inputs is not None:
            build_network(_without_masks(table), inputs, 1, 1)
        return {**named, **table}

    @classmethod
    def task_memory_bytes(cls, table: Mapping[str, Any], replicas: int) -> int:
        """Data, replicas, activities and a dense Hessian up to n = 5000; no data set is loaded."""
        options = {**table["data_options"], **table["data_files"]}
        size, loading = datasets.memory_size(table["data"], datasets.resolve_options(table["data"], options))
        try:
            network, blocks = build_network(_without_masks(table), size.inputs, size.outputs, 1)
        except InputError:
            return loading  # the data leave inputs out, or refuse_oversize will say what is wrong
        widths = count_activities(table, network, size.inputs)
        n, masks = sum(blocks), size.patterns * widths if table["dropout"] else 0
        together = max(_BLOCK_BYTES // 8, widths * size.patterns)
        outputs = replicas * 4 * size.outputs * max(size.patterns, size.test_patterns)
        hessian = 4 * n * n if n <= 5000 else 0
        return loading + 8 * (size.patterns * (size.inputs + size.outputs) + masks + 10 * replicas * n
                              + 8 * together + outputs + hessian)  # fmt: skip

    @classmethod
    def refuse_oversize(cls, table: Mapping[str, Any]) -> None:
        """Refuse a structure that does not fit data whose number of inputs only reading tells."""
        cls.load_data(table)
        cls(**{name: table[name] for name in cls.parameters()})

    @property
    def space(self) -> Euclidean:
        """Flat space of all parameters."""
        return self._space

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the network."""
        return self._network.width

    @property
    def blocks(self) -> tuple[int, ...]:
        """Numbers of weights, of biases and, with normalisation, of scales and shifts, layer after layer."""
        return self._blocks

    @cached_property
    def symmetry(self) -> ExchangeSymmetry:
        """Exchanges of units through everything that they are part of, with signs, scales and shifts where they hold.

        Units of layers that are added to one another (skip connections, joins) are exchanged together, and not at all
        where the inputs are among them; units with masks only if their masks are equal; channels of shared windows
        at all places at once, those of unshared windows within one window.
        """
        search = Search(name_connections(self._network))
        outputs = self._network.exchange(search, search.inputs(self.data.n_inputs))
        outputs.fixed = True
        if self.loss == "cross-entropy":
            search.shifts.append(np.concatenate(outputs.inward, axis=1))
        return search.symmetry(self.space.n, decays=self.weight_decay > 0.0)

    def layers(self, x: np.ndarray) -> list[Layer]:
        """Weights, biases, scales and shifts of each layer, by name: "layer1", …; in fractal blocks "layer1.1", …"""
        x = np.asarray(x)
        if x.shape[-1:] != (self.space.n,):
            raise InputError(f"weights of shape {x.shape}: the last dimension must be {self.space.n}")
        found = []
        for connection, name in name_connections(self._network).items():
            w, b = x[..., connection.weights.part], x[..., connection.biases.part]
            both = () if connection.normalised_by is None else connection.normalised_by.parameters
            found.append(Layer(
                name, w.reshape(*x.shape[:-1], -1, connection.weights.shape[-1]), b, *(x[..., p.part] for p in both)
            ))  # fmt: skip
        return found

    def error_signals(self, x: np.ndarray) -> ErrorSignals:
        """∂E/∂z of every connection, without weight decay, and what the last one sees."""
        x, heard = self.check(x), {}
        inputs, patterns = self.data.inputs[None], Patterns(self._everything, self.n_terms, heard)
        outputs, kept = self._network.forward(x, inputs, patterns)
        slope = loss_slopes(outputs, self._targets[None], self.loss)[0]
        self._network.backward(x, kept, slope, np.empty_like(x))
        return ErrorSignals([heard[one][0] for one in self._connections], heard[self._connections[-1]][1])

    def last_hidden_units(self) -> np.ndarray | None:
        """Coordinates into and out of each unit, ``(units, m)``; of a fractal block those of its deepest column."""
        *_, last, out = (None, *self._connections)
        if last is None or self.connections == "shared":
            return None
        both = () if last.normalised_by is None else last.normalised_by.parameters
        parts = [last.weights, last.biases, *both]
        into = [part.places.reshape(last.width, -1) for part in parts]
        return np.concatenate([*into, out.weights.places.T], axis=1)

    def start(self, replicas: int, rng: np.random.Generator) -> np.ndarray:
        """Weights at initialisation, ``(replicas, n)``; replica a does not depend on how many there are."""
        x = rng.standard_normal((whole_number("replicas", replicas, 1), self.space.n))
        self._network.start(x, self.sigma_w, self.sigma_b)
        return x

    def energy(self, x: np.ndarray) -> np.ndarray:
        """E = Σ_μ [ℓ_μ + (λ/2)|w|²], shape ``(replicas,)``."""
        return self.energy_terms(x).sum(axis=1)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """∇E, shape ``(replicas, n)``."""
        return self._sum_gradient(self.check(x), self._everything)

    def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """∇²E(x) v, shape ``(replicas, n)``. At a kink (ReLU, hinge) the second derivative counts as zero."""
        x, v = self.check(x), self.check(v)
        if len(x) != len(v):
            raise InputError(f"hvp: {len(x)} configurations and {len(v)} directions")
        return self._products(x, v)

    def hvp_block(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """∇²E(x) times each row of ``v`` (directions, n) at one configuration ``x`` (n,), run once for many."""
        x, v = self.check(np.atleast_2d(x)), self.check(v)
        if len(x) != 1:
            raise InputError(f"hvp_block takes one configuration, not {len(x)}")
        return self._products(x, v)

    def energy_terms(self, x: np.ndarray) -> np.ndarray:
        """ℓ_μ + (λ/2)|w|² for each pattern, shape ``(replicas, P)``; their sum is the energy."""
        x = self.check(x)
        terms = losses_of(self.logits(x), self._targets, self.loss)
        return terms + 0.5 * self.weight_decay * np.einsum("ri,ri->r", x, x)[:, None]

    def gradient_batch(self, x: np.ndarray, terms: np.ndarray) -> np.ndarray:
        """Σ_{μ in batch} ∇[ℓ_μ + (λ/2)|w|²], shape ``(replicas, n)``; ``terms`` is int64, ``(replicas, batch)``."""
        x = self.check(x)
        return self._sum_gradient(x, self._check_terms(terms, (len(x), None)))

    def gradient_terms(self, x: np.ndarray, terms: np.ndarray | None = None) -> np.ndarray:
        """∇[ℓ_μ + (λ/2)|w|²] of single patterns, ``(replicas, P, n)``; of the patterns ``terms`` (count,) if given."""
        if self._network.couples_patterns:
            return super().gradient_terms(x, terms)
        x, terms = self.check(x), self._chosen(terms)
        found = np.zeros((len(x), len(terms), self.space.n))
        for row, gradients in zip(x, found, strict=True):
            # Each pattern as a replica of its own: the rows of the gradient are those of the patterns.
            for part, _ in self._shares(len(terms), 1):
                self._put_gradient(row[None], terms[part, None], gradients[part])
        return found + self.weight_decay * x[:, None]

    def jacobian(self, x: np.ndarray, terms: np.ndarray | None = None) -> np.ndarray:
        """Derivatives of the outputs by the weights at one configuration ``x`` (n,), shape ``(P · outputs, n)``.

        Row μ·outputs + c is ∂z_c(ξ^μ)/∂w; with ``terms`` (count,) only of these patterns, in their order.
        """
        x, terms = self.check(np.atleast_2d(x)), self._chosen(terms)
        if len(x) != 1:
            raise InputError(f"jacobian takes one configuration, not {len(x)}")
        coupled = self._network.couples_patterns
        found = np.zeros((len(terms), self.n_outputs, self.space.n))
        for part, _ in self._shares(len(terms), self.n_terms if coupled else 1):
            own = terms[part]
            outputs, kept = self._forward(x, self._everything if coupled else own[:, None])
            for c in range(self.n_outputs):
                d = np.zeros((len(own), *outputs.shape[1:]))
                d[np.arange(len(own)), own if coupled else 0, c] = 1.0
                self._network.backward(x, kept, d, found[part, c])
        return found.reshape(-1, self.space.n)

    def logits(self, x: np.ndarray, inputs: np.ndarray | None = None) -> np.ndarray:
        """Outputs, shape ``(replicas, patterns, outputs)``, for ``inputs`` (patterns, d) or the training part."""
        x = self.check(x)
        rows, terms = self.data.inputs, self._everything[0]
        if inputs is not None:
            inputs = np.asarray(inputs, dtype=np.float64)
            if inputs.ndim != 2 or inputs.shape[1] != self.data.n_inputs:
                raise InputError(f"inputs of shape {inputs.shape}: expected (patterns, {self.data.n_inputs})")
            if self._network.couples_patterns:  # new inputs come behind the training set, which makes the statistics
                rows = np.concatenate([rows, inputs])
            else:
                rows, terms = inputs, terms[:0]
        logits = np.empty((len(x), len(rows), self.n_outputs))
        for part, some in self._shares(len(x), len(rows)):
            patterns = Patterns(terms[None, some], self.n_terms)
            logits[part, some] = self._network.forward(x[part], rows[None, some], patterns)[0]
        return logits if inputs is None else logits[:, len(rows) - len(inputs) :]

    def _first_logits(self, x: np.ndarray, patterns: int) -> np.ndarray:
        return self.logits(x)[:, :patterns]  # with their masks

    def _shares(self, replicas: int, patterns: int) -> Iterator[tuple[slice, slice]]:
        """Replicas and patterns that run together, so that their activities fit into memory kept small.

        How the patterns are shared out depends on nothing but their number: the bits of a replica are its own.
        """
        most = max(1, _BLOCK_BYTES // (8 * self._activities))
        tile = max(1, patterns if self._network.couples_patterns else min(patterns, most))
        together = max(1, most // tile)
        for first in range(0, replicas, together):
            for start in range(0, patterns, tile):
                yield slice(first, first + together), slice(start, start + tile)

    def _forward(self, x: Array, terms: np.ndarray) -> tuple[Array, Any]:
        inputs = self.data.inputs[None] if terms is self._everything else self.data.inputs[terms]
        return self._network.forward(x, inputs, Patterns(terms, self.n_terms))

    def _chosen_terms(self, terms: np.ndarray, part: slice, some: slice) -> np.ndarray:
        if self._network.couples_patterns:
            return terms if terms is self._everything else terms[part]
        return (terms if terms is self._everything else terms[part])[:, some]

    def _sum_gradient(self, x: np.ndarray, terms: np.ndarray) -> np.ndarray:
        gradient = np.zeros_like(x)
        rows = self.n_terms if self._network.couples_patterns else terms.shape[1]
        for part, some in self._shares(len(x), rows):
            found = np.zeros_like(x[part])
            self._put_gradient(x[part], self._chosen_terms(terms, part, some), found)
            gradient[part] += found
        return gradient + (self.weight_decay * terms.shape[1]) * x

    def _products(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Products of the rows of ``v`` with the Hessians at the rows of ``x``, or at the only one."""
        product = np.zeros_like(v)
        for part, some in self._shares(len(v), self.n_terms):
            here = x if len(x) == 1 else x[part]
            found = Moving(np.zeros_like(here), np.zeros_like(v[part]))
            self._put_gradient(Moving(here, v[part]), self._chosen_terms(self._everything, part, some), found)
            product[part] += found.rate
        return product + (self.weight_decay * self.n_terms) * v

    def _put_gradient(self, x: Array, terms: np.ndarray, gradient: Array) -> None:
        """Write ∇Σ ℓ over the ``terms`` (rows or 1, batch) into the rows of ``gradient``."""
        coupled = self._network.couples_patterns
        rows = self._everything if coupled else terms
        outputs, kept = self._forward(x, rows)
        moving = isinstance(outputs, Moving)
        value, rate = (outputs.value, outputs.rate) if moving else (outputs, None)
        slope, moved = loss_slopes(value, self._targets[rows], self.loss, rate)
        d = Moving(slope, moved) if moving else slope
        if coupled and terms is not self._everything:
            # All patterns make the statistics, those of the batch the gradient, as often as they are in it.
            counts = np.zeros((len(terms), self.n_terms, 1))
            np.add.at(counts, (np.arange(len(terms))[:, None], terms, 0), 1.0)
            d = d * counts
        self._network.backward(x, kept, d, gradient)

    def _chosen(self, terms: np.ndarray | None) -> np.ndarray:
        return self._everything[0] if terms is None else self._check_terms(terms, (None,))


def _without_masks(table: Mapping[str, Any]) -> dict[str, Any]:
    """The table of the same structure whose building draws no dropout masks, which are as large as the activities."""
    return {**table, "dropout": 0.0}
