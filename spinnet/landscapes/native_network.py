"""A trained network as the native state of a landscape: weights on the spheres of its layers."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import canonical, one_of, real_number, whole_number
from spinnet.datasets import Dataset
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Signal, Units
from spinnet.landscapes.dense_network import DenseNetwork
from spinnet.randomness import stream
from spinnet.spaces import Blocks, Euclidean, SphereProduct

STARTS = ("native", "random")

_NETWORK = ("data", "hidden", "activation", "loss", "data_options", "weight_decay", "sigma_w", "sigma_b",
            "data_sha256", "data_files")  # fmt: skip
_SLOW_SHARE, _SLOW_FACTOR = 0.25, 0.1  # the last part of training, at a smaller rate


class NativeNetwork(Differentiable, Signal):
    """The loss of a network whose layers keep the size that training gave them; the trained weights are the signal.

    A network is trained from (seed, sample): SGD on mean loss + λ|w|²/2, then descent on its spheres to a minimum
    there. The weights and the biases of each layer are blocks of coordinates u of their own, with

        w_b = (|w*_b|/√D_b) u_b,   |u_b|² = D_b,   E(u) = Σ_μ ℓ_μ(w(u)),

    w* the trained weights. The energy is the loss without weight decay, which is a constant on the spheres. The native
    state u* (:attr:`signal`) is where training ended, and q = u·u*/Σ D_b the overlap with it. Rescalings of whole
    layers that leave the function alone (a W¹, a b¹, W²/a for ReLU) change |w*_b| but neither u* nor E(u).

    Blocks that are zero (biases that were never trained) or hold a single number stay as they are.

    Parameters
    ----------
    data, hidden, activation, loss, data_options, weight_decay, sigma_w, sigma_b, data_sha256, data_files
        As of :class:`~spinnet.landscapes.DenseNetwork`; ``weight_decay`` acts while training, and decides the size of
        the layers.
    learning_rate, batch, training_steps
        Of SGD; the last quarter of the steps goes at a tenth of the rate. 0 steps: the network is not trained.
    settle
        Most iterations of the descent (L-BFGS) that follows; 0: the end of SGD is the native state, minimum or not.
    n_train, label_noise
        Training patterns and share of wrong labels: as in ``data_options``, here so that they can be axes of an
        ensemble. None leaves them to ``data_options``.
    spheres
        False: the layers are free to change their size. The space is flat, in the same coordinates u, the energy is
        Σ_μ ℓ_μ + P (λ_h/2)|w|², and the overlap is the cosine; for asking what becomes of a trained network that is
        held at a temperature with a regularisation.
    held_weight_decay
        λ_h of a free network; None: the ``weight_decay`` of its training.
    fresh_data
        Each sample has a split, a shuffle and a noise of labels of its own (``split_seed`` and ``label_seed`` go up
        with the sample), so that errors over samples are over data too.
    start_at
        Where configurations begin: "native", "random" (uniform on the spheres), or an overlap with the native state
        in every block.
    seed, sample
        Of the training: start and batches.

    Raises
    ------
    InputError
        For values that are not allowed, and where no block is left to move.

    Notes
    -----
    Every task trains its network again: about ``training_steps``·batch/P + 2·``settle`` gradients.
    """

    independent_unit: ClassVar[str] = "sample"
    kernels: ClassVar[tuple[str, ...]] = DenseNetwork.kernels
    hvp_kernels: ClassVar[tuple[str, ...]] = DenseNetwork.hvp_kernels
    data_parameters: ClassVar[tuple[str, ...]] = DenseNetwork.data_parameters

    def __init__(
        self,
        data: str = "digits",
        hidden: int | tuple[int, ...] = (10,),
        activation: str = "tanh",
        loss: str = "cross-entropy",
        data_options: Mapping[str, Any] | None = None,
        weight_decay: float = 1e-3,
        sigma_w: float = 1.0,
        sigma_b: float = 0.0,
        data_sha256: str | None = None,
        data_files: Mapping[str, str] | None = None,
        learning_rate: float = 0.1,
        batch: int = 20,
        training_steps: int = 3000,
        settle: int = 2000,
        n_train: int | None = None,
        label_noise: float | None = None,
        spheres: bool = True,
        held_weight_decay: float | None = None,
        fresh_data: bool = True,
        start_at: str | float = "native",
        seed: int = 0,
        sample: int = 0,
    ):
        network = dict(zip(_NETWORK, (data, hidden, activation, loss, data_options, weight_decay, sigma_w, sigma_b,
                                      data_sha256, data_files), strict=True))  # fmt: skip
        own = _check_own(learning_rate, batch, training_steps, settle, n_train, label_noise, spheres,
                         held_weight_decay, fresh_data, start_at)  # fmt: skip
        self.learning_rate, self.batch = own["learning_rate"], own["batch"]
        self.training_steps, self.settle = own["training_steps"], own["settle"]
        self.n_train, self.label_noise = own["n_train"], own["label_noise"]
        self.spheres, self.held_weight_decay = own["spheres"], own["held_weight_decay"]
        self.fresh_data, self.start_at = own["fresh_data"], own["start_at"]
        self.seed, self.sample = whole_number("seed", seed), whole_number("sample", sample)
        table = DenseNetwork.resolve(network)
        options = {**table["data_options"], **_chosen(own)}
        if own["fresh_data"]:
            for name in ("split_seed", "label_seed"):
                options[name] = options[name] + self.sample
        table = DenseNetwork.resolve({**table, "data_options": options})
        self.hidden, self.activation, self.loss = tuple(table["hidden"]), table["activation"], table["loss"]
        self.weight_decay, self.sigma_w, self.sigma_b = (table[name] for name in ("weight_decay", "sigma_w", "sigma_b"))
        training = tuple(own[name] for name in ("learning_rate", "batch", "training_steps", "settle"))
        self.network, self.native_weights = _trained(
            json.dumps(table, sort_keys=True), *training, self.seed, self.sample
        )
        self._place()

    def _place(self) -> None:
        blocks, native = Blocks(self.network.blocks), self.native_weights[None]
        lengths = blocks.lengths(native)
        moves = (lengths > 0) & (np.array(blocks.sizes) > 1)
        if not moves.any():
            raise InputError("every layer of the network has one weight or none that is not zero: nothing can move")
        self._moving = np.flatnonzero(blocks.spread(moves)[0])
        self._product = SphereProduct(tuple(int(size) for size in np.array(blocks.sizes)[moves[0]]))
        self._space = self._product if self.spheres else Euclidean(self._product.n)
        held = self.weight_decay if self.held_weight_decay is None else self.held_weight_decay
        self._decay = 0.0 if self.spheres else held * self.network.n_terms
        self._scale = blocks.spread(lengths / np.sqrt(blocks.sizes))[0][self._moving]
        self._native = self._product.retract(native[:, self._moving] / self._scale)[0]
        self._native.flags.writeable = False

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check a table of parameters without loading data or training."""
        network = DenseNetwork.validate(**{name: parameters.pop(name) for name in _NETWORK})
        given = network["data_options"]
        for name, usual in (("n_train", None), ("label_noise", 0)):
            if parameters[name] is not None and given.get(name, usual) != usual:
                raise InputError(f"{name} is given twice, here and in data_options: keep one of the two")
        task = {name: whole_number(name, parameters.pop(name, 0)) for name in ("seed", "sample")}
        return {**network, **_check_own(**parameters), **task}

    @classmethod
    def task_memory_bytes(cls, table: Mapping[str, Any], replicas: int) -> int:
        """As the network's."""
        return DenseNetwork.task_memory_bytes(_with_chosen(table), replicas)

    @classmethod
    def terms_of(cls, table: Mapping[str, Any]) -> int | None:
        """As the network's."""
        return DenseNetwork.terms_of(_with_chosen(table))

    @classmethod
    def load_data(cls, table: Mapping[str, Any]) -> None:
        """Load the data set that a resolved table names."""
        DenseNetwork.load_data(_with_chosen(table))

    @property
    def data(self) -> Dataset:
        """The patterns of this sample."""
        return self.network.data

    @property
    def space(self) -> SphereProduct | Euclidean:
        """A sphere per block of weights that moves; flat where the network is free."""
        return self._space

    @property
    def blocks(self) -> tuple[int, ...]:
        """Sizes of the blocks that move."""
        return self._product.sizes

    @property
    def units(self) -> Units:
        """Per pattern: the energy density is the mean loss, with λ_h|w|²/2 where the network is free."""
        return self.network.units

    @property
    def signal(self) -> np.ndarray:
        """The native state u*, ``(n,)``."""
        return self._native

    def weights(self, u: np.ndarray) -> np.ndarray:
        """The network's weights ``(replicas, n_weights)`` at coordinates ``u`` (replicas, n)."""
        u = self.check(u)
        x = np.tile(self.native_weights, (len(u), 1))
        x[:, self._moving] = u * self._scale
        return x

    def start(self, replicas: int, rng: np.random.Generator) -> np.ndarray:
        """Configurations at ``start_at``, ``(replicas, n)``."""
        u = self._product.sample(replicas, rng)
        if self.start_at == "random":
            return u
        overlap = 1.0 if self.start_at == "native" else self.start_at
        return self._product.blocks.rotate(np.tile(self._native, (replicas, 1)), u, overlap)

    def energy(self, x: np.ndarray) -> np.ndarray:
        """Σ_μ ℓ_μ, and P (λ_h/2)|w|² where the network is free, shape ``(replicas,)``."""
        weights = self.weights(x)
        return self.network.energy(weights) + self._penalty(weights)

    def _penalty(self, weights: np.ndarray) -> np.ndarray:
        return 0.5 * self._decay * np.einsum("ri,ri->r", weights, weights) if self._decay else np.zeros(len(weights))

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """∂E/∂u, ``(replicas, n)``."""
        return self.energy_and_gradient(x)[1]

    def energy_and_gradient(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both from one pass."""
        weights = self.weights(x)
        energy, gradient = self.network.energy_and_gradient(weights)
        if self._decay:
            energy, gradient = energy + self._penalty(weights), gradient + self._decay * weights
        return energy, gradient[:, self._moving] * self._scale

    def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """∂²E/∂u² v, ``(replicas, n)``."""
        weights, v = self.weights(x), self.check(v)
        if len(v) != len(weights):
            raise InputError(f"hvp: {len(weights)} configurations and {len(v)} directions")
        direction = np.zeros_like(weights)
        direction[:, self._moving] = v * self._scale
        product = self.network.hvp(weights, direction)
        if self._decay:
            product = product + self._decay * direction
        return product[:, self._moving] * self._scale

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Dense ∂²E/∂u² at one configuration ``x`` (n,): shape ``(n, n)``."""
        matrix = self.network.hessian(self.weights(np.atleast_2d(x)))[np.ix_(self._moving, self._moving)]
        matrix = matrix * np.outer(self._scale, self._scale)
        if self._decay:
            matrix[np.diag_indices_from(matrix)] += self._decay * self._scale**2
        return matrix

    def train_loss(self, x: np.ndarray) -> np.ndarray:
        """Mean loss over the training part, shape ``(replicas,)``."""
        return self.network.train_loss(self.weights(x))

    def test_loss(self, x: np.ndarray) -> np.ndarray:
        """Mean loss over the test part, shape ``(replicas,)``."""
        return self.network.test_loss(self.weights(x))

    def train_accuracy(self, x: np.ndarray) -> np.ndarray:
        """Share of the training patterns whose class is right, shape ``(replicas,)``."""
        return self.network.train_accuracy(self.weights(x))

    def test_accuracy(self, x: np.ndarray) -> np.ndarray:
        """Share of the test patterns whose class is right, shape ``(replicas,)``."""
        return self.network.test_accuracy(self.weights(x))


def _chosen(own: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the data that are parameters of the landscape, where they are given."""
    return {name: own[name] for name in ("n_train", "label_noise") if own[name] is not None}


def _with_chosen(table: Mapping[str, Any]) -> dict[str, Any]:
    return {**table, "data_options": {**table["data_options"], **_chosen(table)}}


def _check_own(
    learning_rate, batch, training_steps, settle, n_train, label_noise, spheres, held_weight_decay, fresh_data, start_at
) -> dict[str, Any]:
    spheres = bool(one_of("spheres", spheres, (True, False)))
    if spheres and held_weight_decay is not None:
        raise InputError(f"held_weight_decay = {held_weight_decay!r} is for free networks: set spheres = false")
    if isinstance(start_at, str):
        one_of("start_at", start_at, STARTS)
    elif real_number("start_at", start_at, -1.0) > 1.0:
        raise InputError(f"start_at = {start_at!r}: give 'native', 'random' or an overlap from -1 to 1")
    return {
        "learning_rate": real_number("learning_rate", learning_rate, above=0.0),
        "batch": whole_number("batch", batch, 1),
        "training_steps": whole_number("training_steps", training_steps),
        "settle": whole_number("settle", settle),
        "n_train": None if n_train is None else whole_number("n_train", n_train, 1),
        "label_noise": None if label_noise is None else real_number("label_noise", label_noise, 0.0),
        "spheres": spheres,
        "held_weight_decay": (
            None if held_weight_decay is None else real_number("held_weight_decay", held_weight_decay, 0.0)
        ),
        "fresh_data": bool(one_of("fresh_data", fresh_data, (True, False))),
        "start_at": start_at if isinstance(start_at, str) else canonical(float(start_at)),
    }


@functools.lru_cache(maxsize=4)
def _trained(
    text: str, learning_rate: float, batch: int, steps: int, settle: int, seed: int, sample: int
) -> tuple[DenseNetwork, np.ndarray]:
    """The network without weight decay, and its weights after training; tasks on one network share the work."""
    table = json.loads(text)
    learner = DenseNetwork(**table)
    rng = stream(seed, "native network", learner.space.n, sample)
    x = learner.start(1, rng)
    velocity = np.zeros_like(x)
    for rate, count in ((learning_rate, steps - round(_SLOW_SHARE * steps)),
                        (learning_rate * _SLOW_FACTOR, round(_SLOW_SHARE * steps))):  # fmt: skip
        if count:
            terms = rng.integers(0, learner.n_terms, (count, 1, batch))
            x, velocity = learner.minibatch_steps(x, velocity, terms, rate, 0.0)
    if not np.isfinite(x).all():
        raise InputError(
            f"training diverged with learning_rate = {learning_rate:g}, batch = {batch}: give a smaller learning rate"
        )
    network = DenseNetwork(**{**table, "weight_decay": 0.0})
    native = _settled(network, x[0], settle)
    native.flags.writeable = False
    return network, native


def _settled(network: DenseNetwork, x: np.ndarray, iterations: int) -> np.ndarray:
    """The minimum of the loss below ``x`` at the lengths |x_b| of all blocks: L-BFGS on E(z_b |x_b|/|z_b|)."""
    from scipy.optimize import minimize

    if iterations == 0:
        return np.array(x)
    blocks = Blocks(network.blocks)
    lengths = blocks.lengths(x[None])

    def placed(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size = blocks.lengths(z[None])
        ratio = blocks.spread(np.where(size > 0, lengths / np.where(size > 0, size, 1.0), 0.0))
        return ratio * z[None], ratio

    def value(z: np.ndarray) -> tuple[float, np.ndarray]:
        at, ratio = placed(z)
        energy, gradient = network.energy_and_gradient(at)
        return float(energy[0]) / network.n_terms, (ratio * blocks.tangent(at, gradient))[0] / network.n_terms

    found = minimize(value, x, jac=True, method="L-BFGS-B",
                     options={"maxiter": iterations, "maxfun": 2 * iterations, "ftol": 0.0, "gtol": 1e-10})  # fmt: skip
    return placed(found.x)[0][0]
