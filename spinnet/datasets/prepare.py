"""From raw patterns to what a network sees: classes, split, labels, standardisation, projection; in this order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from spinnet.configurable import one_of, real_number, whole_number
from spinnet.datasets.dataset import Dataset, hash_arrays
from spinnet.datasets.source import Raw
from spinnet.errors import InputError
from spinnet.randomness import stream

#: The options that every source takes, with their defaults; spinnet.datasets.load documents them.
COMMON = {
    "n_train": None,
    "n_test": None,
    "split_seed": 0,
    "classes": None,
    "parity": False,
    "standardise": "global",
    "drop_constant": False,
    "pca": None,
    "shuffle_labels": False,
    "label_noise": 0.0,
    "label_seed": 0,
}


def check_common(options: dict[str, Any]) -> dict[str, Any]:
    """The complete table of common options, checked."""
    checked = dict(options)
    for name, minimum in (("n_train", 1), ("n_test", 0), ("pca", 1)):
        if options[name] is not None:
            checked[name] = whole_number(name, options[name], minimum)
    for name in ("split_seed", "label_seed"):
        checked[name] = whole_number(name, options[name])
    for name in ("parity", "drop_constant", "shuffle_labels"):
        # 1 equals True: written as bool, it is the same text in a table.
        checked[name] = bool(one_of(name, options[name], (True, False)))
    checked["standardise"] = one_of("standardise", options["standardise"], ("global", "per-feature", "none"))
    checked["label_noise"] = real_number("label_noise", options["label_noise"], 0.0)
    if checked["label_noise"] > 1:
        raise InputError(f"label_noise = {checked['label_noise']:g}: give the fraction of labels to replace, 0 to 1")
    if options["classes"] is not None:
        given = options["classes"]
        if not isinstance(given, list | tuple) or len(given) < 2:
            raise InputError(f"classes = {given!r}: give a list of at least two classes to keep, for example [0, 1]")
        checked["classes"] = [whole_number("classes", c) for c in given]
        if len(set(given)) < len(given):
            raise InputError(f"classes = {given!r}: a class is named twice")
    return checked


def prepare(name: str, raw: Raw, options: dict[str, Any]) -> Dataset:
    """The data set that ``options`` (complete) make of ``raw``."""
    sha256 = raw.sha256 or hash_arrays(
        raw.inputs, raw.labels, raw.targets, raw.test_inputs, raw.test_labels, raw.test_targets
    )
    raw = _choose_classes(name, raw, options)
    raw = _split(name, raw, options)
    raw = _spoil_labels(name, raw, options)
    train = np.asarray(raw.inputs, dtype=np.float64)
    test = None if raw.test_inputs is None else np.asarray(raw.test_inputs, dtype=np.float64)
    dropped: tuple[int, ...] = ()
    if options["drop_constant"]:
        alive = np.ptp(train, axis=0) > 0
        if not alive.any():
            raise InputError(f"data set {name!r}: every input is constant over the {len(train)} training patterns")
        dropped = tuple(int(i) for i in np.flatnonzero(~alive))
        train, test = train[:, alive], None if test is None else test[:, alive]
    train, test = _standardise(train, test, options["standardise"])
    if options["pca"] is not None:
        train, test = _project(name, train, test, options["pca"])
        train, test = _standardise(train, test, options["standardise"])
    return Dataset(
        name=name, inputs=train, labels=raw.labels, targets=raw.targets, test_inputs=test,
        test_labels=raw.test_labels, test_targets=raw.test_targets, n_classes=raw.n_classes, source=raw.source,
        licence=raw.licence, sha256=sha256, options=options, dropped_inputs=dropped,
    )  # fmt: skip


def _choose_classes(name: str, raw: Raw, options: dict[str, Any]) -> Raw:
    if options["classes"] is None and not options["parity"]:
        return raw
    if raw.labels is None:
        raise InputError(f"data set {name!r} has real targets: classes and parity are for labels")
    parts = {}
    n_classes = raw.n_classes
    for part in ("", "test_"):
        inputs, labels = getattr(raw, part + "inputs"), getattr(raw, part + "labels")
        if inputs is None:
            continue
        labels = np.asarray(labels, dtype=np.int64)
        if options["classes"] is not None:
            if max(options["classes"]) >= raw.n_classes:
                raise InputError(f"classes = {options['classes']}: {name!r} has the classes 0 to {raw.n_classes - 1}")
            kept = np.isin(labels, options["classes"])
            inputs, labels = inputs[kept], labels[kept]
        if options["parity"]:
            labels, n_classes = labels % 2, 2
        elif options["classes"] is not None:
            new = np.zeros(raw.n_classes, dtype=np.int64)
            new[options["classes"]] = np.arange(len(options["classes"]))
            labels, n_classes = new[labels], len(options["classes"])
        parts |= {part + "inputs": inputs, part + "labels": labels}
    return replace(raw, n_classes=n_classes, **parts)


def _split(name: str, raw: Raw, options: dict[str, Any]) -> Raw:
    """Take the asked numbers of patterns. Training sets of one split seed are nested: the larger holds the smaller."""
    total = len(raw.inputs)
    n_train, n_test = options["n_train"], options["n_test"]
    own_test = raw.test_inputs is not None
    if n_test is None:
        n_test = len(raw.test_inputs) if own_test else (total // 4 if n_train is None else min(total // 4,
                                                                                              total - n_train))
    if n_train is None:
        n_train = total if own_test else total - n_test
    room = f"{total} training and {len(raw.test_inputs)} test patterns" if own_test else f"{total} patterns"
    too_many = n_train > total or n_test > (len(raw.test_inputs) if own_test else total - n_train)
    if n_train < 1 or too_many:
        asked = f"n_train = {n_train}" + (f", n_test = {n_test}" if options["n_test"] is not None else "")
        raise InputError(f"{asked}: data set {name!r} holds {room}")
    rng = stream(options["split_seed"], "data set split")
    order = rng.permutation(total)
    train = order[:n_train]
    parts = {key: getattr(raw, key)[train] for key in ("inputs", "labels", "targets") if getattr(raw, key) is not None}
    if own_test:
        held, origin = rng.permutation(len(raw.test_inputs))[:n_test], "test_"
    else:
        held, origin = order[total - n_test :], ""
    for key in ("inputs", "labels", "targets"):
        values = getattr(raw, origin + key)
        parts["test_" + key] = None if values is None or n_test == 0 else values[held]
    return replace(raw, **parts)


def _spoil_labels(name: str, raw: Raw, options: dict[str, Any]) -> Raw:
    """Shuffled labels (the null: class frequencies stay, the rule goes) and label noise (training part only)."""
    parts: dict[str, np.ndarray] = {}
    if options["shuffle_labels"]:
        rng = stream(options["label_seed"], "shuffled labels")
        for key in ("labels", "targets", "test_labels", "test_targets"):
            if getattr(raw, key) is not None:
                parts[key] = rng.permutation(getattr(raw, key))
    if options["label_noise"] > 0:
        if raw.labels is None:
            raise InputError(f"data set {name!r} has real targets: label_noise is for labels")
        rng = stream(options["label_seed"], "label noise")
        labels = np.array(parts.get("labels", raw.labels), dtype=np.int64)
        wrong = rng.permutation(len(labels))[: round(options["label_noise"] * len(labels))]
        # Another class, each of the others being equally likely.
        labels[wrong] = (labels[wrong] + rng.integers(1, raw.n_classes, size=len(wrong))) % raw.n_classes
        parts["labels"] = labels
    return replace(raw, **parts)


def _standardise(
    train: np.ndarray, test: np.ndarray | None, how: str
) -> tuple[np.ndarray, np.ndarray | None]:
    """Subtract the mean and divide by the standard deviation of the training part, of all inputs or of each."""
    if how == "none":
        return train, test
    axis = None if how == "global" else 0
    mean, deviation = train.mean(axis=axis), train.std(axis=axis)
    # A constant input becomes zero everywhere, instead of a division by zero.
    deviation = np.where(deviation > 0, deviation, 1.0)
    return (train - mean) / deviation, None if test is None else (test - mean) / deviation


def _project(
    name: str, train: np.ndarray, test: np.ndarray | None, components: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Coordinates along the leading principal axes of the training part."""
    if components > train.shape[1]:
        raise InputError(f"pca = {components}: data set {name!r} has {train.shape[1]} inputs")
    mean = train.mean(axis=0)
    _, axes = np.linalg.eigh((train - mean).T @ (train - mean))
    axes = axes[:, ::-1][:, :components]
    # The sign of an axis is arbitrary: its largest entry is made positive.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(components)])
    return (train - mean) @ axes, None if test is None else (test - mean) @ axes
