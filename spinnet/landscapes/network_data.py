"""What networks on a set of patterns have in common: the data, their losses and the measurements on both parts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from spinnet import datasets
from spinnet.configurable import one_of, real_number, whole_number
from spinnet.datasets import Dataset
from spinnet.errors import InputError
from spinnet.landscapes.base import SumOfTerms, Units
from spinnet.landscapes.network_losses import LOSS_NAMES, losses_of, targets_of


class PatternNetwork(SumOfTerms):
    """A network on a fixed set of patterns: one term of the energy for each.

    A subclass sets ``loss`` and calls :meth:`_take_data` in its constructor, and gives the outputs (:meth:`logits`).
    """

    #: For messages: landscapes that are one.
    met_by: ClassVar[str] = "DenseNetwork, StructuredNetwork"

    independent_unit: ClassVar[str] = "replica"
    data_parameters: ClassVar[tuple[str, ...]] = ("data", "data_options", "data_sha256", "data_files")

    loss: str
    data: Dataset

    def _take_data(
        self,
        data: str | Dataset,
        data_options: Mapping[str, Any] | None,
        data_sha256: str | None,
        data_files: Mapping[str, str] | None,
    ) -> None:
        """Load the data, or take those given, and refuse another content than the one that is expected."""
        if isinstance(data, Dataset):
            if data_options or data_files:
                raise InputError("data_options and data_files belong to a named data set; this one was given as it is")
            self.data, expected = data, data_sha256
        else:
            named = check_data(data, data_options, data_sha256, data_files)
            self.data = datasets.load(named["data"], **named["data_options"], **named["data_files"])
            expected = named["data_sha256"]
        if expected is not None and expected != self.data.sha256:
            raise InputError(
                f"data set {self.data.name!r} has content {self.data.sha256[:16]}…, not {expected[:16]}… as expected"
            )
        self._targets, self._test_targets = targets_of(self.data, self.loss)

    @classmethod
    def load_data(cls, table: Mapping[str, Any]) -> None:
        """Load the data set that a resolved table names; landscapes of this process then find it loaded."""
        datasets.load(table["data"], **table["data_options"], **(table.get("data_files") or {}))

    @classmethod
    def terms_of(cls, table: Mapping[str, Any]) -> int | None:
        """Training patterns, as far as the size of the data set is known unread."""
        try:
            options = datasets.resolve_options(table["data"], {**table["data_options"], **(table["data_files"] or {})})
            return datasets.memory_size(table["data"], options)[0].patterns
        except InputError:  # a file that cannot be read: said where data are asked for
            return None

    @property
    def units(self) -> Units:
        """Per pattern: the energy density is the mean loss (plus λ|w|²/2)."""
        return Units(self.data.n_patterns, "pattern")

    @property
    def n_terms(self) -> int:
        """Number of training patterns P."""
        return self.data.n_patterns

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """Number of outputs of the network."""

    @abstractmethod
    def logits(self, x: np.ndarray, inputs: np.ndarray | None = None) -> np.ndarray:
        """Outputs, shape ``(replicas, patterns, outputs)``, for ``inputs`` (patterns, d) or the training part."""

    @abstractmethod
    def jacobian(self, x: np.ndarray, terms: np.ndarray | None = None) -> np.ndarray:
        """Derivatives of the outputs by the weights at one configuration ``x`` (n,), shape ``(P · outputs, n)``.

        Row μ·outputs + c is ∂z_c(ξ^μ)/∂w; with ``terms`` (count,) only of these patterns, in their order.
        """

    def train_loss(self, x: np.ndarray) -> np.ndarray:
        """Mean loss over the training part, without weight decay, shape ``(replicas,)``."""
        return losses_of(self.logits(x), self._targets, self.loss).mean(axis=1)

    def test_loss(self, x: np.ndarray) -> np.ndarray:
        """Mean loss over the test part, without weight decay, shape ``(replicas,)``."""
        return losses_of(self.logits(x, self._test_inputs()), self._test_targets, self.loss).mean(axis=1)

    def train_accuracy(self, x: np.ndarray, patterns: int | None = None) -> np.ndarray:
        """Fraction of training patterns whose class is right, of the first ``patterns`` or of all, ``(replicas,)``."""
        labels = None if self.data.labels is None else self.data.labels[:patterns]
        return self._accuracy(self._first_logits(x, self.n_terms if patterns is None else patterns), labels)

    def test_accuracy(self, x: np.ndarray) -> np.ndarray:
        """Fraction of test patterns whose class is right, shape ``(replicas,)``."""
        return self._accuracy(self.logits(x, self._test_inputs()), self.data.test_labels)

    def _first_logits(self, x: np.ndarray, patterns: int) -> np.ndarray:
        """Outputs for the first training patterns; where a pattern's output is its own, for no others."""
        return self.logits(x) if patterns >= self.n_terms else self.logits(x, self.data.inputs[:patterns])

    def _test_inputs(self) -> np.ndarray:
        if self.data.test_inputs is None:
            raise InputError(f"data set {self.data.name!r} has no test part: set n_test in data_options")
        return self.data.test_inputs

    def _accuracy(self, logits: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        if labels is None:
            raise InputError(f"data set {self.data.name!r} has real targets: there is no accuracy")
        answers = logits[..., 0] > 0 if self.n_outputs == 1 else logits.argmax(axis=-1)
        return (answers == labels).mean(axis=1)

    def _check_terms(self, terms: np.ndarray, shape: tuple[int | None, ...]) -> np.ndarray:
        if np.asarray(terms).dtype.kind not in "iu":
            raise InputError(f"terms of dtype {np.asarray(terms).dtype}: give the indices of patterns")
        terms = np.require(terms, dtype=np.int64, requirements=["C", "W"])
        agrees = terms.ndim == len(shape) and all(n in (None, m) for n, m in zip(shape, terms.shape, strict=True))
        if not agrees or terms.shape[-1] == 0:
            wanted = ", ".join("any" if n is None else str(n) for n in shape)
            raise InputError(f"terms of shape {terms.shape}: expected ({wanted}) with at least one pattern a batch")
        if terms.size and (terms.min() < 0 or terms.max() >= self.n_terms):
            raise InputError(f"terms run from {terms.min()} to {terms.max()}: patterns are 0 to {self.n_terms - 1}")
        return terms


def check_data(name: Any, options: Any, sha256: Any, files: Any) -> dict[str, Any]:
    """The four parameters that name data, checked, with the content hash filled in where it is known unread.

    A set that was loaded by its name stands for that name.
    """
    if isinstance(name, Dataset):
        if not name.options:
            raise InputError(
                f"data set {name.name!r} was made by hand and has no table: save it with numpy.savez, then name "
                "the file: data = 'npz'"
            )
        name, options = name.name, dict(name.options)
    options, files = {} if options is None else options, {} if files is None else files
    if not isinstance(files, Mapping):
        raise InputError(f"data_files = {files!r}: give a table of paths")
    if isinstance(options, Mapping):
        for key in files:
            if key in options and options[key] is not None:
                raise InputError(f"{key} is given in data_options and in data_files: keep one of the two")
        options = {**options, **files}
    complete = datasets.resolve_options(name, options)
    what, where = datasets.split_files(name, complete)
    for key in files:
        if key not in where:
            raise InputError(f"data_files.{key} is no path of data set {name!r}: move it to data_options")
    found = datasets.content_hash(name, complete)
    if sha256 is not None and found is not None and sha256 != found:
        raise InputError(f"data_sha256: data set {name!r} has content {found[:16]}…, not {str(sha256)[:16]}…")
    return {"data": name, "data_options": what, "data_sha256": found if sha256 is None else sha256, "data_files": where}


def check_layers(
    hidden: Any, loss: Any, weight_decay: Any, sigma_w: Any, sigma_b: Any
) -> dict[str, Any]:
    """What all layered networks are given, checked, in JSON types."""
    widths = hidden.tolist() if isinstance(hidden, np.ndarray) else hidden
    widths = list(widths) if isinstance(widths, list | tuple) else [widths]
    return {
        "hidden": [whole_number("hidden", width, 1) for width in widths],
        "loss": one_of("loss", loss, LOSS_NAMES),
        "weight_decay": real_number("weight_decay", weight_decay, 0.0),
        "sigma_w": real_number("sigma_w", sigma_w, 0.0),
        "sigma_b": real_number("sigma_b", sigma_b, 0.0),
    }
