"""A dense network as a landscape over its weights: E(w) = Σ_μ ℓ(f_w(ξ^μ), y^μ) + (weight decay)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from spinnet import datasets
from spinnet.configurable import one_of, whole_number
from spinnet.datasets import Dataset
from spinnet.errors import InputError
from spinnet.kernels import dense_network as compiled
from spinnet.kernels.dense_network_curvature import multiply_hessian, plan_directions
from spinnet.landscapes.base import Subspace
from spinnet.landscapes.network_data import check_data, check_layers
from spinnet.landscapes.network_hessian import FirstLayerSpan, layered_hessian
from spinnet.landscapes.network_jacobian import error_signals, output_jacobian, term_gradients
from spinnet.landscapes.network_layers import BackPropagating, ErrorSignals, Layer
from spinnet.landscapes.network_losses import losses_of
from spinnet.landscapes.network_symmetries import Symmetric, UnitSymmetry
from spinnet.spaces import Euclidean

ACTIVATIONS = {"tanh": compiled.TANH, "relu": compiled.RELU, "erf": compiled.ERF, "linear": compiled.LINEAR}
LOSSES = {
    "cross-entropy": compiled.CROSS_ENTROPY,
    "mse": compiled.MSE,
    "hinge": compiled.HINGE,
    "quadratic-hinge": compiled.QUADRATIC_HINGE,
    "logistic": compiled.LOGISTIC,
}

#: Patterns that run through the layers together: small enough that their activations stay in the first-level cache.
_TILE = 32
_LARGEST_BATCH_TILE = 64
#: Directions whose products with one Hessian are made together: what they share is then a few per cent of the time.
_DIRECTIONS_TOGETHER = 32

#: For planning memory: weights up to which a task may make the dense Hessian (the probe's own default), and blocks of
#: replicas that dynamics and measurements hold at a time.
_LARGEST_DENSE_HESSIAN = 5000
_COPIES_OF_A_STATE = 10


class DenseNetwork(BackPropagating, Symmetric):
    """A fully connected network on a fixed set of P patterns.

    Layer l computes z^l = W^l a^{l−1} + b^l, a^l = φ(z^l) with a^0 = ξ; the outputs are z^L, without φ. The energy is
    extensive in the patterns,

        E(w) = Σ_μ [ ℓ(z^L(ξ^μ), y^μ) + (λ/2) |w|² ],      ``energy_density`` = E/P,

    with λ = ``weight_decay`` acting on every weight and bias, so that E/P is the mean loss plus λ|w|²/2, whose gradient
    PyTorch's optimisers call weight decay λ. Energies are in nats for cross-entropy.

    ``"cross-entropy"``
        ℓ = ln Σ_c e^{z_c} − z_y. One output per class.
    ``"mse"``
        ℓ = ½ Σ_c (z_c − t_c)², so that H = JᵀJ at zero loss.
    ``"hinge"``
        ℓ = Σ_c max(0, 1 − t_c z_c).
    ``"quadratic-hinge"``
        ℓ = ½ Σ_c max(0, 1 − t_c z_c)² (Geiger et al. 2019, Phys. Rev. E 100, 012115, with their margin as unit).
    ``"logistic"``
        ℓ = Σ_c ln(1 + e^{−t_c z_c}): cross-entropy of independent yes–no answers; with one output, of two classes.

    Targets t of the last four: a regression set's own rows (mse only); one output and t = −1, +1 for classes 0
    and 1 of a two-class set; otherwise one output per class, with t = 1 for the right class and 0 (mse) or −1 (the
    others) for the others.

    Normalisation, dropout, skip connections, fractal blocks, polynomial φ and local windows are switches of
    :class:`~spinnet.landscapes.StructuredNetwork`.

    Configurations are flat: layer after layer, W row by row (n_out × n_in) and then b; see :meth:`unpack`.

    Parameters
    ----------
    data
        A name that :func:`spinnet.datasets.load` knows, or a :class:`~spinnet.datasets.Dataset`.
    hidden
        Widths of the hidden layers, none to any number; one number is one layer.
    activation
        ``"tanh"``, ``"relu"`` (φ'(0) = 0), ``"erf"`` or ``"linear"``.
    loss
        ``"cross-entropy"``, ``"mse"``, ``"hinge"``, ``"quadratic-hinge"`` or ``"logistic"``.
    data_options
        Options of the named data set; paths of files may be given here or as ``data_files``.
    weight_decay
        λ ≥ 0.
    sigma_w, sigma_b
        :meth:`start` draws W ~ N(0, sigma_w²/n_in) and b ~ N(0, sigma_b²).
    data_sha256
        The content that is expected under the name; another content is refused. ``resolve`` fills it in where the
        content is known without loading; for OpenML's sets it can be stated, and is compared after loading.
    data_files
        Options of the named data set that are paths. ``resolve`` moves them here, out of the physics: files are
        identified by their content, and this table is left out of a task's identity.
    threads
        Replicas are shared among this many threads. Never changes a bit.

    Raises
    ------
    InputError
        A value that is not allowed, or data that cannot be loaded or does not fit the loss.

    Notes
    -----
    Cost of energy and gradient: about 6 P n floating-point operations per replica; of a Hessian–vector product 14 P n.
    The Hessian–vector product is that of Pearlmutter (1994, Neural Computation 6, 147).
    """

    kernels: ClassVar[tuple[str, ...]] = ("spinnet.kernels.dense_network",)
    hvp_kernels: ClassVar[tuple[str, ...]] = ("spinnet.kernels.dense_network_curvature",)

    def __init__(
        self,
        data: str | Dataset = "digits",
        hidden: int | tuple[int, ...] = (30,),
        activation: str = "tanh",
        loss: str = "cross-entropy",
        data_options: Mapping[str, Any] | None = None,
        weight_decay: float = 0.0,
        sigma_w: float = 1.0,
        sigma_b: float = 0.0,
        data_sha256: str | None = None,
        data_files: Mapping[str, str] | None = None,
        threads: int = 1,
    ):
        network = _check_network(
            hidden=hidden, activation=activation, loss=loss, weight_decay=weight_decay, sigma_w=sigma_w, sigma_b=sigma_b
        )
        self.hidden: tuple[int, ...] = tuple(network["hidden"])
        self.activation: str = network["activation"]
        self.loss: str = network["loss"]
        self.weight_decay: float = network["weight_decay"]
        self.sigma_w: float = network["sigma_w"]
        self.sigma_b: float = network["sigma_b"]
        self.threads = whole_number("threads", threads, 1)
        self._take_data(data, data_options, data_sha256, data_files)
        targets = self._targets
        self.widths: tuple[int, ...] = (self.data.n_inputs, *self.hidden, targets.shape[1])
        self._space = Euclidean(sum((i + 1) * o for i, o in zip(self.widths[:-1], self.widths[1:], strict=True)))
        self._kernel_inputs = _with_constant(self.data.inputs)
        self._kernel_targets = np.zeros((len(targets), compiled.padded(targets.shape[1])))
        self._kernel_targets[:, : targets.shape[1]] = targets
        self._everything = np.arange(self.data.n_patterns, dtype=np.int64)[None]
        # The kernels' own copies stay writeable: to numba a read-only array is another type.

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check a table of parameters without loading data; the content hash of the data set is filled in."""
        named = check_data(*(parameters.pop(key) for key in cls.data_parameters))
        return {**named, **_check_network(**parameters)}

    @classmethod
    def task_memory_bytes(cls, table: Mapping[str, Any], replicas: int) -> int:
        """Data, replicas and the dense Hessian, from a resolved table; no data set is loaded.

        The Hessian with what LAPACK needs is counted as 4 n² doubles and 256 MiB of sums over patterns, up to
        n = 5000 weights: beyond that the ``hessian_spectrum`` probe makes none unless its ``dense_limit`` is raised.
        """
        options = {**table["data_options"], **table["data_files"]}
        size, loading = datasets.memory_size(table["data"], datasets.resolve_options(table["data"], options))
        widths = (size.inputs, *table["hidden"], size.outputs)
        n = sum((i + 1) * o for i, o in pairwise(widths))
        kept = size.patterns * (compiled.padded(size.inputs + 1) + 2 * compiled.padded(size.outputs))
        block = replicas * (_COPIES_OF_A_STATE * n + 4 * size.outputs * max(size.patterns, size.test_patterns))
        hessian = 32 * n * n + 2**28 if n <= _LARGEST_DENSE_HESSIAN else 0
        return loading + 8 * (kept + block) + hessian

    @property
    def space(self) -> Euclidean:
        """Flat space of all weights and biases."""
        return self._space

    @property
    def blocks(self) -> tuple[int, ...]:
        """Numbers of weights and of biases, layer after layer."""
        return tuple(size for i, o in pairwise(self.widths) for size in (i * o, o))

    @property
    def n_outputs(self) -> int:
        """Number of outputs of the network."""
        return self.widths[-1]

    @property
    def symmetry(self) -> UnitSymmetry:
        """Exchanges of hidden units, with signs (odd φ), scales (ReLU) and a shift of all outputs (cross-entropy)."""
        free = self.weight_decay == 0.0
        return UnitSymmetry(
            self.widths, signs=self.activation in ("tanh", "erf", "linear"),
            scales=free and self.activation in ("relu", "linear"), shifts=free and self.loss == "cross-entropy",
        )  # fmt: skip

    def start(self, replicas: int, rng: np.random.Generator) -> np.ndarray:
        """Weights at initialisation, ``(replicas, n)``; replica a does not depend on how many there are."""
        x = rng.standard_normal((whole_number("replicas", replicas, 1), self.space.n))
        for row in x:
            for w, b in self.unpack(row):
                w *= self.sigma_w / np.sqrt(w.shape[1])
                b *= self.sigma_b
        return x

    def unpack(self, x: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Views (W, b) of each layer: W of shape ``(…, n_out, n_in)``, b ``(…, n_out)``, for x ``(…, n)``."""
        return self.symmetry.layers(np.asarray(x))

    def layers(self, x: np.ndarray) -> list[Layer]:
        """The layers by name, "layer1", …: those of :meth:`unpack`."""
        return [Layer(f"layer{number}", w, b) for number, (w, b) in enumerate(self.unpack(x), start=1)]

    def error_signals(self, x: np.ndarray) -> ErrorSignals:
        """∂ℓ/∂z^l of every layer and pattern, and the activity of the last hidden layer."""
        found = [error_signals(self.unpack(row), self.data.inputs, self._targets, self.activation, self.loss)
                 for row in self.check(x)]  # fmt: skip
        *errors, activity = map(np.stack, zip(*found, strict=True))
        return ErrorSignals(errors, activity)

    def last_hidden_units(self) -> np.ndarray | None:
        """Coordinates of all weights into and out of each unit, ``(units, n_in + 1 + n_out)``."""
        if not self.hidden:
            return None
        (w, b), (out, _) = self.unpack(np.arange(self.space.n))[-2:]
        return np.concatenate([w, b[:, None], out.T], axis=1)

    def check(self, x: np.ndarray) -> np.ndarray:
        """A C-ordered, writeable float64 block, or an InputError for a wrong shape."""
        return np.require(super().check(x), requirements="W")

    def energy(self, x: np.ndarray) -> np.ndarray:
        """E = Σ_μ [ℓ_μ + (λ/2)|w|²], shape ``(replicas,)``."""
        return self._sum_terms(self.check(x), self._everything, with_gradient=False)[0]

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """∇E, shape ``(replicas, n)``."""
        return self._sum_terms(self.check(x), self._everything, with_gradient=True)[1]

    def energy_and_gradient(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both from one pass."""
        return self._sum_terms(self.check(x), self._everything, with_gradient=True)

    def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """∇²E(x) v, shape ``(replicas, n)``. At a kink (ReLU, hinge) the second derivative counts as zero."""
        x, v = self.check(x), self.check(v)
        if len(x) != len(v):
            raise InputError(f"hvp: {len(x)} configurations and {len(v)} directions")
        return self._multiply_hessian(x, v, 1)

    def hvp_block(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """∇²E(x) times each row of ``v`` (directions, n) at one configuration ``x`` (n,).

        The directions share the configuration's own passes over the patterns; the bits are those of :meth:`hvp`.
        """
        x, v = self.check(np.atleast_2d(x)), self.check(v)
        if len(x) != 1:
            raise InputError(f"hvp_block takes one configuration, not {len(x)}")
        return self._multiply_hessian(x, v, _DIRECTIONS_TOGETHER)

    def _multiply_hessian(self, x: np.ndarray, v: np.ndarray, together: int) -> np.ndarray:
        """Products of the rows of ``v`` with the Hessians at the rows of ``x``, or at the only one."""
        product = np.empty_like(v)
        for first in range(0, len(v), together if len(x) == 1 else len(v)):
            part = slice(first, first + together) if len(x) == 1 else slice(None)
            own = min(together, len(v[part]))
            self._over_replicas(
                len(v[part]), _TILE, multiply_hessian,
                (x, v[part], self._kernel_inputs, self._kernel_targets, self._everything, self.weight_decay,
                 ACTIVATIONS[self.activation], LOSSES[self.loss]), (product[part],),
                lambda widths, tile, own=own: plan_directions(widths, tile, own),
            )  # fmt: skip
        return product

    def hessian(self, x: np.ndarray, terms: np.ndarray | None = None) -> np.ndarray:
        """Dense Hessian ∇²E at one configuration ``x`` (n,): shape ``(n, n)``, exactly symmetric.

        With ``terms`` (count,) the sum runs over these patterns only.

        From sums over patterns of outer products, layer by layer (:mod:`spinnet.landscapes.network_hessian`).
        """
        x = self.check(np.atleast_2d(x))
        if len(x) != 1:
            raise InputError(f"hessian takes one configuration, not {len(x)}")
        chosen = self._choose(terms)
        inputs, targets = self.data.inputs[chosen], self._targets[chosen]
        matrix = layered_hessian(self.unpack(x[0]), inputs, targets, self.activation, self.loss)
        matrix[np.diag_indices_from(matrix)] += self.weight_decay * len(inputs)
        return matrix

    def active_hessian(self, x: np.ndarray) -> tuple[np.ndarray, Subspace | None]:
        """The Hessian on the :class:`~spinnet.landscapes.network_hessian.FirstLayerSpan` of the inputs.

        On the digits, where three pixels never change, each hidden unit has three flat directions. With weight decay
        there are none.
        """
        if self.weight_decay > 0.0:
            return super().active_hessian(x)
        span, layers = self._input_span, self.unpack(self.check(np.atleast_2d(x))[0])
        return layered_hessian(layers, self.data.inputs, self._targets, self.activation, self.loss, span.basis), span

    @cached_property
    def _input_span(self) -> FirstLayerSpan:
        return FirstLayerSpan(self.data.inputs, self.widths[1], self.space.n)

    def energy_terms(self, x: np.ndarray) -> np.ndarray:
        """ℓ_μ + (λ/2)|w|² for each pattern, shape ``(replicas, P)``; their sum is the energy."""
        x = self.check(x)
        terms = losses_of(self.logits(x), self._targets, self.loss)
        return terms + 0.5 * self.weight_decay * np.einsum("ri,ri->r", x, x)[:, None]

    def gradient_batch(self, x: np.ndarray, terms: np.ndarray) -> np.ndarray:
        """Σ_{μ in batch} ∇[ℓ_μ + (λ/2)|w|²], shape ``(replicas, n)``; ``terms`` is int64, ``(replicas, batch)``."""
        x = self.check(x)
        return self._sum_terms(x, self._check_terms(terms, (len(x), None)), with_gradient=True)[1]

    def gradient_terms(self, x: np.ndarray, terms: np.ndarray | None = None) -> np.ndarray:
        """∇[ℓ_μ + (λ/2)|w|²] of single patterns, ``(replicas, P, n)``; of the patterns ``terms`` (count,) if given."""
        x, chosen = self.check(x), self._choose(terms)
        inputs, targets = self.data.inputs[chosen], self._targets[chosen]
        found = np.empty((len(x), len(inputs), self.space.n))
        for row, gradients in zip(x, found, strict=True):
            gradients[...] = term_gradients(self.unpack(row), inputs, targets, self.activation, self.loss)
        if self.weight_decay > 0.0:
            found += self.weight_decay * x[:, None]
        return found

    def jacobian(self, x: np.ndarray, terms: np.ndarray | None = None) -> np.ndarray:
        """Derivatives of the outputs by the weights at one configuration ``x`` (n,), shape ``(P · outputs, n)``.

        Row μ·outputs + c is ∂z^L_c(ξ^μ)/∂w; with ``terms`` (count,) only of these patterns, in their order. 8 bytes
        for each entry: 325 MB for the 2,260 weights and 1,797 patterns of the digits.
        """
        x = self.check(np.atleast_2d(x))
        if len(x) != 1:
            raise InputError(f"jacobian takes one configuration, not {len(x)}")
        found = output_jacobian(self.unpack(x[0]), self.data.inputs[self._choose(terms)], self.activation)
        return found.reshape(-1, self.space.n)

    def minibatch_steps(
        self, x: np.ndarray, velocity: np.ndarray, terms: np.ndarray, learning_rate: float, momentum: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Steps of v ← momentum·v − (learning_rate/batch) Σ_{μ in batch} ∇ℓ_μ; x ← x + v, fused into one kernel.

        ``terms`` is int64 of shape ``(steps, replicas, batch)``. New arrays are returned; the same bits for any
        splitting of the steps and any number of threads.
        """
        x, velocity = np.array(self.check(x)), np.array(self.check(velocity))
        if x.shape != velocity.shape:
            raise InputError(f"minibatch_steps: {len(x)} configurations and {len(velocity)} velocities")
        terms = self._check_terms(terms, (None, len(x), None))
        self._over_replicas(
            len(x), min(terms.shape[2], _LARGEST_BATCH_TILE), compiled.descend,
            (x, velocity, self._kernel_inputs, self._kernel_targets, terms, float(learning_rate), float(momentum),
             self.weight_decay, ACTIVATIONS[self.activation], LOSSES[self.loss]), (),
        )  # fmt: skip
        return x, velocity

    def logits(self, x: np.ndarray, inputs: np.ndarray | None = None) -> np.ndarray:
        """Outputs z^L, shape ``(replicas, patterns, outputs)``, for ``inputs`` (patterns, d) or the training part."""
        x = self.check(x)
        if inputs is None:
            rows = self._kernel_inputs
        else:
            inputs = np.asarray(inputs, dtype=np.float64)
            if inputs.ndim != 2 or inputs.shape[1] != self.widths[0]:
                raise InputError(f"inputs of shape {inputs.shape}: expected (patterns, {self.widths[0]})")
            rows = _with_constant(inputs)
        logits = np.empty((len(x), len(rows), self.n_outputs))
        everything = np.arange(len(rows), dtype=np.int64)[None]
        self._over_replicas(
            len(x), _TILE, compiled.compute_logits, (x, rows, everything, ACTIVATIONS[self.activation]), (logits,)
        )
        return logits

    def _sum_terms(self, x: np.ndarray, terms: np.ndarray, with_gradient: bool) -> tuple[np.ndarray, np.ndarray]:
        energy = np.empty(len(x))
        gradient = np.empty_like(x) if with_gradient else np.empty((1, 1))
        self._over_replicas(
            len(x), min(terms.shape[1], _TILE), compiled.sum_terms,
            (x, self._kernel_inputs, self._kernel_targets, terms, self.weight_decay, ACTIVATIONS[self.activation],
             LOSSES[self.loss], with_gradient), (energy, gradient),
        )  # fmt: skip
        return energy, gradient

    def _over_replicas(
        self, replicas: int, tile: int, function: Callable, given: tuple, outputs: tuple[np.ndarray, ...],
        plan: Callable[[tuple[int, ...], int], tuple[np.ndarray, int]] = compiled.plan,
    ) -> None:  # fmt: skip
        """Call a kernel for contiguous shares of the replicas, one per thread, each with work of its own."""
        table, length = plan(self.widths, tile)
        shares = min(self.threads, replicas)
        edges = [replicas * k // shares for k in range(shares + 1)]

        def run(share: int) -> None:
            work = compiled.workspace(length)
            function(*given, table, tile, edges[share], edges[share + 1], work, *outputs)

        if shares == 1:
            run(0)
        else:
            function.compile()
            with ThreadPoolExecutor(shares) as pool:
                list(pool.map(run, range(shares)))

    def _choose(self, terms: np.ndarray | None) -> slice | np.ndarray:
        return slice(None) if terms is None else self._check_terms(terms, (None,))


def _check_network(*, activation: Any, **given: Any) -> dict[str, Any]:
    return {**check_layers(**given), "activation": one_of("activation", activation, tuple(ACTIVATIONS))}


def _with_constant(inputs: np.ndarray) -> np.ndarray:
    """Rows padded to whole vectors, the constant 1 after the last input."""
    rows = np.zeros((len(inputs), compiled.padded(inputs.shape[1] + 1)))
    rows[:, : inputs.shape[1]] = inputs
    rows[:, inputs.shape[1]] = 1.0
    return rows
