"""Any PyTorch model as a landscape over its weights: E(w) = Σ_μ ℓ(f_w(ξ^μ), y^μ) + (weight decay)."""

from __future__ import annotations

import copy
import hashlib
import warnings
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from spinnet.configurable import one_of, real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import SumOfTerms, Units
from spinnet.landscapes.network_layers import Layer, Layered
from spinnet.landscapes.network_symmetries import Symmetric
from spinnet.landscapes.torch_checks import check_dense, check_loss, check_moves, check_test_part
from spinnet.landscapes.torch_data import patterns_of
from spinnet.landscapes.torch_model import TorchModel
from spinnet.landscapes.torch_package import import_torch, torch_device, torch_dtype
from spinnet.landscapes.torch_parameters import has_batch_norm, layout_of, prepare, prepare_loss, unwrapped, values_of
from spinnet.landscapes.torch_symmetry import candidate_groups, find_symmetry
from spinnet.landscapes.torch_transforms import Transforms
from spinnet.landscapes.unit_exchanges import ExchangeSymmetry, UnitGroup
from spinnet.spaces import Euclidean


class TorchLandscape(SumOfTerms, Layered, Symmetric):
    """A ``torch.nn.Module`` with a loss on a fixed set of P patterns.

    The energy is extensive in the patterns, as that of :class:`~spinnet.landscapes.dense_network.DenseNetwork`,

        E(w) = Σ_μ [ ℓ(f_w(ξ^μ), y^μ) + (λ/2) |w|² ],      ``energy_density`` = E/P,

    with λ = ``weight_decay``. A loss that averages over patterns ("mean") is multiplied by P, one that adds them up
    ("sum") is taken as it is: E/P is the mean loss (plus λ|w|²/2) in both cases.

    Configurations are flat and float64: the parameters that require a gradient, one after the other in the order of
    ``module.named_parameters()``, each in C order; :attr:`layout` says where, by name and by layer. The module that
    was given is never changed.

    Batch normalisation takes the statistics of all P patterns at the configuration in hand, so that they are right
    everywhere on a path between two; running averages are neither used nor written. Terms then depend on one another,
    and the exact gradient of a minibatch costs as much as that of all patterns. Test patterns are normalised by their
    own statistics.

    Parameters
    ----------
    module
        The model, called as ``module(inputs)``. Its parameters are the point of :meth:`at_module`.
    loss
        ``loss(outputs, targets)``, a scalar tensor; a mean or a sum over patterns.
    data
        (inputs, targets) as tensors or arrays, a data set of :mod:`spinnet.datasets`, a torch ``Dataset``, or a
        ``DataLoader`` that does not shuffle; read once.
    test_data
        The same for patterns that are not trained on.
    weight_decay
        λ ≥ 0.
    reduction
        "mean" or "sum" over patterns; "auto" finds out which, from the losses of single patterns.
    initial
        What :meth:`start` draws: a function of no argument that makes the module anew (called under
        ``torch.manual_seed``), "reset" (``reset_parameters`` of every submodule that has it), or "module" (always the
        parameters of ``module``).
    batch_statistics
        With batch normalisation: "all", or "minibatch" for :meth:`gradient_batch` to normalise a minibatch by itself,
        as training usually does: cheaper, but E is then no sum of what minibatches see, and single patterns have no
        gradient of their own.
    dtype
        "float64" or "float32", of all arithmetic inside the model.
    device
        As PyTorch names it.
    memory_bytes
        About how much memory activations may take; more is cut into pieces. The bits depend on it.

    Raises
    ------
    InputError
        In one line: PyTorch missing, a device that is not there, data that change between two passes, a model that
        cannot be evaluated, that gives two values at one point (dropout), whose loss is no number, or is neither mean
        nor sum over patterns, that changes its buffers, or that cannot be differentiated twice.

    Notes
    -----
    Replicas go through ``torch.func.vmap`` together. A module that it cannot take is evaluated replica by replica;
    this is said once, by a warning, and in :attr:`batched`. Hessian–vector products are forward over reverse
    (Pearlmutter 1994, Neural Computation 6, 147) where all operations have a forward derivative, else reverse over
    reverse.
    Two calls give the same bits on one machine with one number of PyTorch threads.
    """

    independent_unit: ClassVar[str] = "replica"
    execution_parameters = ("threads", "device", "memory_bytes")

    def __init__(
        self,
        module: Any,
        loss: Callable[[Any, Any], Any],
        data: Any,
        test_data: Any = None,
        weight_decay: float = 0.0,
        reduction: str = "auto",
        initial: str | Callable[[], Any] = "reset",
        batch_statistics: str = "all",
        dtype: str = "float64",
        device: str = "cpu",
        memory_bytes: int = 2**28,
    ):
        torch = self._torch = import_torch()
        self.dtype = one_of("dtype", dtype, ("float64", "float32"))
        self.weight_decay = real_number("weight_decay", weight_decay, 0.0)
        one_of("reduction", reduction, ("auto", "mean", "sum"))
        if not callable(initial):
            one_of("initial", initial, ("reset", "module"))
        check_loss(loss)
        self._memory = whole_number("memory_bytes", memory_bytes, 1)
        self._dtype, self._device = torch_dtype(torch, self.dtype), torch_device(torch, device)
        self.device = str(self._device)
        patterns = self._on_device(patterns_of(torch, data))
        self._test = None if test_data is None else self._on_device(patterns_of(torch, test_data, "test_data"))
        self._given = unwrapped(torch, module)
        prepared = prepare(torch, self._given, patterns[0], self._dtype, self._device)
        self._loss = own_loss = prepare_loss(torch, loss, self._dtype, self._device)
        self.layout = layout_of(prepared)
        self._space = Euclidean(self.layout.n)
        self._own = values_of(prepared, self.layout)
        self._initial = initial
        self._joint = has_batch_norm(torch, prepared)
        self.batch_statistics = one_of("batch_statistics", batch_statistics, ("all", "minibatch"))
        self._whole_statistics = self._joint and batch_statistics == "all"
        own = self._tensor(self._own)
        self._model = TorchModel(torch, prepared, own_loss, self.layout, patterns, own, self.weight_decay, reduction,
                                 self._joint, self._whole_statistics, self._memory)  # fmt: skip
        self.reduction = self._model.reduction
        if self._test is not None:
            check_test_part(lambda: self._model.losses(own, *self._test), *self._test)
        self._transforms = Transforms(torch, self._model.total, self._model.part, own, *(p[:4] for p in patterns))
        check_moves(self._transforms.slopes)
        if not self._transforms.batched:
            warnings.warn(
                f"this model cannot be evaluated for several replicas at once ({self._transforms.reason}): it is done "
                "one by one, which is slower",
                stacklevel=2,
            )

    # --- facts ------------------------------------------------------------------------------------------------------

    @property
    def space(self) -> Euclidean:
        """Flat space of all parameters that move."""
        return self._space

    @property
    def units(self) -> Units:
        """Per pattern: the energy density is the mean loss (plus λ|w|²/2)."""
        return Units(self.n_terms, "pattern")

    @property
    def n_terms(self) -> int:
        """Number of training patterns P."""
        return self._model.count

    @property
    def batched(self) -> bool:
        """Whether replicas are evaluated together."""
        return self._transforms.batched

    @property
    def has_batch_norm(self) -> bool:
        """Whether terms depend on one another through batch normalisation."""
        return self._joint

    @property
    def fingerprint(self) -> str:
        """SHA-256 of data, names and shapes of parameters, the module's own parameters, weight decay and dtype."""
        digest = hashlib.sha256(repr((self.layout.names, self.layout.shapes, self.weight_decay, self.dtype,
                                      self.reduction)).encode())  # fmt: skip
        for part in (self._own, *self._patterns, *(self._test or ())):
            array = part if isinstance(part, np.ndarray) else part.cpu().numpy()
            digest.update(f"{array.dtype}{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def unpack(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Views of each parameter by its name, shape ``(…, *shape)``, for x ``(…, n)``."""
        return self.layout.unpack(x)

    def at_module(self) -> np.ndarray:
        """The configuration in which the module was given, shape ``(n,)``."""
        return self._own.copy()

    def module_at(self, x: np.ndarray) -> Any:
        """A copy of the module that was given, with the parameters of one configuration ``x`` (n,)."""
        module = copy.deepcopy(self._given)
        values = self.layout.unpack(self.check(np.atleast_2d(x))[0])
        with self._torch.no_grad():
            for name, parameter in module.named_parameters():
                if name in values:
                    parameter.copy_(self._torch.tensor(values[name]))
        return module

    @cached_property
    def symmetry(self) -> ExchangeSymmetry:
        """Exchanges and turns of hidden units (channels) that leave the energy alone; found by trying."""
        return find_symmetry(self)

    def candidate_groups(self) -> Iterator[UnitGroup]:
        """Units that could be exchanged if the layers feed one another in their order."""
        return candidate_groups(self._torch, self._model.module, self.layout)

    def layers(self, x: np.ndarray) -> list[Layer]:
        """Submodules with a matrix or filters of weights, by name: a row is one filter."""
        return self.layout.filters(x)

    def start(self, replicas: int, rng: np.random.Generator) -> np.ndarray:
        """Weights at initialisation, ``(replicas, n)``; replica a does not depend on how many there are.

        PyTorch's own generator is left as it was.

        Raises
        ------
        InputError
            Where two seeds give the same weights, because the maker sets a seed of its own.
        """
        torch = self._torch
        seeds = rng.integers(0, 2**63 - 1, size=whole_number("replicas", replicas, 1))
        if self._initial == "module":
            return np.repeat(self._own[None], replicas, axis=0)
        rows = []
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            for seed in seeds:
                torch.manual_seed(int(seed))
                rows.append(self._initialised())
        if len(rows) > 1 and (rows[0] == rows[1]).all():
            raise InputError(
                "the start of two replicas is the same: the function that makes the module sets a seed of its own, or "
                "no part of the module has reset_parameters; take torch.manual_seed out of it, or give initial="
            )
        return np.array(rows)

    def _initialised(self) -> np.ndarray:
        made = self._initial() if callable(self._initial) else copy.deepcopy(self._given)
        if not callable(self._initial):  # in the module's own precision, as PyTorch would
            for part in made.modules():
                if callable(getattr(part, "reset_parameters", None)):
                    part.reset_parameters()
        made = prepare(self._torch, unwrapped(self._torch, made), self._model.inputs, self._dtype, self._device)
        return values_of(made, self.layout, "the module made anew")

    def with_targets(self, targets: Any) -> TorchLandscape:
        """The same model on the same inputs with other targets, such as shuffled ones."""
        options = {"test_data": self._test, "weight_decay": self.weight_decay, "reduction": self.reduction,
                   "initial": self._initial, "batch_statistics": self.batch_statistics, "dtype": self.dtype,
                   "device": self.device, "memory_bytes": self._memory}  # fmt: skip
        return TorchLandscape(self._given, self._loss, (self._model.inputs.cpu(), targets), **options)

    def with_shuffled_targets(self, rng: np.random.Generator) -> TorchLandscape:
        """The null model of learning: targets permuted among the patterns."""
        return self.with_targets(self._model.targets.cpu()[self._torch.from_numpy(rng.permutation(self.n_terms))])

    # --- energy and derivatives -------------------------------------------------------------------------------------

    def energy(self, x: np.ndarray) -> np.ndarray:
        """E = Σ_μ [ℓ_μ + (λ/2)|w|²], shape ``(replicas,)``."""
        return self._summed(self._transforms.energy, self.check(x))

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """∇E, shape ``(replicas, n)``."""
        return self._summed(self._transforms.gradient, self.check(x))

    def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """∇²E(x) v, shape ``(replicas, n)``."""
        x, v = self.check(x), self.check(v)
        if len(x) != len(v):
            raise InputError(f"hvp: {len(x)} configurations and {len(v)} directions")
        if len(x) > 1 and (x == x[0]).all():
            return self.hvp_block(x[0], v)
        return self._summed(self._transforms.hvp, x, v)

    def hvp_block(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """∇²E(x) v for one configuration ``x`` (n,) and many directions ``v`` (directions, n)."""
        x, v = self.check(np.atleast_2d(x))[0], self.check(v)
        here, product = self._tensor(x), np.empty_like(v)
        for rows in self._rows(len(v), self._model.piece):
            directions = self._tensor(v[rows])
            products = (self._transforms.products(here, directions, *patterns) for patterns in self._model.pieces())
            product[rows] = sum(self._array(one) for one in products)
        return product

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """Dense Hessian ∇²E at one configuration ``x`` (n,): shape ``(n, n)``, exactly symmetric.

        n Hessian–vector products, as many directions together as memory allows.

        Raises
        ------
        InputError
            Where the matrix does not fit into memory.
        """
        check_dense(self.layout.n)
        x = self.check(np.atleast_2d(x))
        if len(x) != 1:
            raise InputError(f"hessian takes one configuration, not {len(x)}")
        n = self.layout.n
        matrix = np.empty((n, n))
        for first in range(0, n, 256):
            directions = np.zeros((min(256, n - first), n))
            directions[np.arange(len(directions)), np.arange(first, first + len(directions))] = 1.0
            matrix[first : first + len(directions)] = self.hvp_block(x[0], directions)
        return 0.5 * (matrix + matrix.T)

    def energy_terms(self, x: np.ndarray) -> np.ndarray:
        """ℓ_μ + (λ/2)|w|² for each pattern, shape ``(replicas, P)``; their sum is the energy."""
        x = self.check(x)
        decay = 0.5 * self.weight_decay * np.einsum("ri,ri->r", x, x)[:, None]
        return self._losses(x, self._patterns) + decay

    def gradient_batch(self, x: np.ndarray, terms: np.ndarray) -> np.ndarray:
        """Σ_{μ in batch} ∇[ℓ_μ + (λ/2)|w|²], shape ``(replicas, n)``; ``terms`` is int64, ``(replicas, batch)``."""
        x, terms = self.check(x), np.asarray(terms)
        if terms.dtype.kind not in "iu" or terms.ndim != 2 or len(terms) != len(x) or terms.shape[1] == 0:
            raise InputError(
                f"terms of dtype {terms.dtype} and shape {terms.shape}: expected indices of shape ({len(x)}, batch)"
            )
        if terms.min() < 0 or terms.max() >= self.n_terms:
            raise InputError(f"terms run from {terms.min()} to {terms.max()}: patterns are 0 to {self.n_terms - 1}")
        gradient = np.empty_like(x)
        one_place = len(x) > 1 and (x == x[0]).all()  # gradients of many terms at one configuration
        for rows in self._rows(len(x), self.n_terms if self._whole_statistics else terms.shape[1]):
            chosen = self._torch.from_numpy(np.array(terms[rows], dtype=np.int64)).to(self._device)
            here = self._tensor(x[0] if one_place else x[rows])
            gradient[rows] = self._array(self._transforms.gradient_batch(here, chosen))
        return gradient

    def outputs(self, x: np.ndarray, inputs: Any = None) -> np.ndarray:
        """What the model answers, shape ``(replicas, patterns, …)``, for ``inputs`` or the training part."""
        given = self._model.inputs if inputs is None else self._on_device((self._torch.as_tensor(inputs),))[0]
        x = self.check(x)
        with self._torch.no_grad():
            return np.stack([self._array(self._model.answer(self._tensor(row), given)) for row in x])

    def train_loss(self, x: np.ndarray) -> np.ndarray:
        """Mean loss over the training part, without weight decay, shape ``(replicas,)``."""
        return self._losses(self.check(x), self._patterns).mean(axis=1)

    def test_loss(self, x: np.ndarray) -> np.ndarray:
        """Mean loss over the test part, without weight decay, shape ``(replicas,)``."""
        return self._losses(self.check(x), self._test_part()).mean(axis=1)

    def train_accuracy(self, x: np.ndarray) -> np.ndarray:
        """Share of training patterns whose largest output is the right class, shape ``(replicas,)``."""
        return self._accuracy(x, self._patterns)

    def test_accuracy(self, x: np.ndarray) -> np.ndarray:
        """Share of test patterns whose largest output is the right class, shape ``(replicas,)``."""
        return self._accuracy(x, self._test_part())

    # --- inside -----------------------------------------------------------------------------------------------------

    @property
    def _patterns(self) -> tuple[Any, Any]:
        return self._model.inputs, self._model.targets

    def _rows(self, count: int, patterns: int) -> Iterator[slice]:
        """``count`` replicas or directions, in as many pieces as memory asks for, or together where it makes none."""
        return self._model.rows(count, patterns) if self.batched else iter([slice(0, count)])

    def _on_device(self, parts: tuple) -> tuple:
        return tuple(p.to(self._device, self._dtype if p.is_floating_point() else None) for p in parts)

    def _tensor(self, x: np.ndarray) -> Any:
        return self._torch.tensor(np.asarray(x), dtype=self._dtype, device=self._device)

    def _array(self, tensor: Any) -> np.ndarray:
        return tensor.detach().cpu().numpy().astype(np.float64)

    def _summed(self, function: Callable, *blocks: np.ndarray) -> np.ndarray:
        parts = []
        for rows in self._rows(len(blocks[0]), self._model.piece):
            given = [self._tensor(block[rows]) for block in blocks]
            parts.append(sum(self._array(function(*given, *patterns)) for patterns in self._model.pieces()))
        return np.concatenate(parts)

    def _losses(self, x: np.ndarray, patterns: tuple) -> np.ndarray:
        """ℓ of each pattern, shape ``(replicas, patterns)``, one replica after the other."""
        return np.stack([self._array(self._model.losses(self._tensor(row), *patterns)) for row in x])

    def _test_part(self) -> tuple:
        if self._test is None:
            raise InputError("this landscape has no test patterns: give test_data=(inputs, targets)")
        return self._test

    def _accuracy(self, x: np.ndarray, patterns: tuple) -> np.ndarray:
        inputs, targets = patterns
        answers = self.outputs(x, inputs)
        if targets.ndim != 1 or targets.is_floating_point() or answers.ndim != 3:
            raise InputError("this model has no classes: there is no accuracy")
        return (answers.argmax(axis=-1) == targets.cpu().numpy()).mean(axis=1)
