"""What a data set is: frozen arrays, where they come from and what was done to them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from spinnet.errors import InputError


def hash_arrays(*arrays: np.ndarray | None) -> str:
    """SHA-256 over dtype (little-endian), shape and bytes of each array, as 64 hex digits."""
    digest = hashlib.sha256()
    for array in arrays:
        if array is None:
            digest.update(b"none\0")
            continue
        array = np.ascontiguousarray(array)
        array = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{array.dtype.str}{array.shape}\0".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training and test patterns, as a network sees them.

    Give ``labels`` (classification: whole numbers 0 … n_classes − 1) or ``targets`` (regression: real rows), not
    both. Arrays are copied into read-only float64 or int64 blocks. Two data sets are the same object or differ.

    Parameters
    ----------
    name
        What it is called in results.
    inputs
        Training inputs, shape ``(P, d)``.
    labels, targets
        Training classes ``(P,)``, or training targets ``(P, c)``.
    test_inputs, test_labels, test_targets
        The same for the test part; left out, there is no test part.
    n_classes
        Number of classes; 0 for regression. Left out, one more than the largest label.
    source, licence
        In words, for result files.
    sha256
        Hash of the content as it came from its source, before any processing. Left out, the hash of the arrays here.
    options
        The complete table with which :func:`spinnet.datasets.load` made it; empty for a data set made by hand.
    dropped_inputs
        Indices of the inputs of the source that were constant over the training part and left out.
    constant_inputs
        Indices of inputs (columns of ``inputs``) that are constant over the training part and were kept. Each of
        them makes flat directions in weight space.

    Raises
    ------
    InputError
        Shapes that do not agree, labels that are no whole numbers from 0, values that are not finite, no pattern.
    """

    name: str
    inputs: np.ndarray
    labels: np.ndarray | None = None
    targets: np.ndarray | None = None
    test_inputs: np.ndarray | None = None
    test_labels: np.ndarray | None = None
    test_targets: np.ndarray | None = None
    n_classes: int | None = None
    source: str = "given by the caller"
    licence: str = "unknown"
    sha256: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    dropped_inputs: tuple[int, ...] = ()
    constant_inputs: tuple[int, ...] = field(init=False, default=())

    def __post_init__(self):
        where = f"data set {self.name!r}"
        if (self.labels is None) == (self.targets is None):
            raise InputError(f"{where}: give either labels (classes) or targets (real values)")
        inputs = _real_block(f"{where}: inputs", self.inputs)
        if inputs.shape[0] == 0 or inputs.shape[1] == 0:
            raise InputError(f"{where} is empty: inputs have shape {inputs.shape}")
        answers = {}
        for part, part_inputs in (("", inputs), ("test_", self.test_inputs)):
            labels, targets = getattr(self, part + "labels"), getattr(self, part + "targets")
            if part and part_inputs is None:
                if labels is not None or targets is not None:
                    raise InputError(f"{where}: test answers are given without test_inputs")
                continue
            if part:
                part_inputs = _real_block(f"{where}: test_inputs", part_inputs)
                if part_inputs.shape[1] != inputs.shape[1]:
                    raise InputError(
                        f"{where}: test inputs have {part_inputs.shape[1]} features, training inputs {inputs.shape[1]}"
                    )
                answers["test_inputs"] = part_inputs
            wanted = "labels" if self.labels is not None else "targets"
            given = labels if wanted == "labels" else targets
            if given is None:
                raise InputError(f"{where}: {part}{wanted} are missing")
            block = (_labels if wanted == "labels" else _real_block)(f"{where}: {part}{wanted}", given)
            if len(block) != len(part_inputs):
                raise InputError(f"{where}: {len(part_inputs)} {part}inputs but {len(block)} {part}{wanted}")
            answers[part + wanted] = block
        if "test_targets" in answers and answers["test_targets"].shape[1] != answers["targets"].shape[1]:
            raise InputError(f"{where}: training and test targets have different widths")
        found = max((int(answers[key].max(initial=-1)) for key in ("labels", "test_labels") if key in answers),
                    default=-1) + 1
        n_classes = found if self.n_classes is None else int(self.n_classes)
        if n_classes < found or (found and n_classes < 2):
            raise InputError(f"{where}: labels run to {found - 1}, but n_classes = {n_classes}")
        answers["inputs"] = inputs
        for key, block in answers.items():
            block.flags.writeable = False
            object.__setattr__(self, key, block)
        object.__setattr__(self, "n_classes", n_classes)
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        still = np.flatnonzero(np.ptp(inputs, axis=0) == 0.0)
        object.__setattr__(self, "constant_inputs", tuple(int(i) for i in still))
        if not self.sha256:
            parts = ("inputs", "labels", "targets", "test_inputs", "test_labels", "test_targets")
            object.__setattr__(self, "sha256", hash_arrays(*(answers.get(key) for key in parts)))

    @property
    def n_patterns(self) -> int:
        """Number of training patterns P."""
        return len(self.inputs)

    @property
    def n_inputs(self) -> int:
        """Number of inputs d of a pattern."""
        return self.inputs.shape[1]

    @property
    def n_test(self) -> int:
        """Number of test patterns."""
        return 0 if self.test_inputs is None else len(self.test_inputs)


def _real_block(what: str, given: np.ndarray) -> np.ndarray:
    try:
        block = np.array(given, dtype=np.float64, order="C")
    except (TypeError, ValueError):
        raise InputError(f"{what} are not numbers") from None
    if block.ndim != 2:
        raise InputError(f"{what} have shape {block.shape}: expected two dimensions, (patterns, features)")
    if not np.isfinite(block).all():
        raise InputError(f"{what} hold values that are not finite: remove or replace them")
    return block


def _labels(what: str, given: np.ndarray) -> np.ndarray:
    given = np.asarray(given)
    if given.ndim != 1 or given.dtype.kind not in "iub":
        raise InputError(f"{what} must be whole numbers in one dimension, not {given.dtype} of shape {given.shape}")
    if given.size and given.min() < 0:
        raise InputError(f"{what} start at {given.min()}: number the classes from 0")
    return np.array(given, dtype=np.int64)
