"""Synthetic data: a random teacher answers Gaussian inputs, or chance does.

Inputs are independent standard normal numbers, shape ``(n_patterns, n_inputs)``; ``n_test_patterns`` more make the test
part. ``seed`` draws teacher and patterns; pattern μ does not depend on how many there are.

``"teacher-perceptron"``
    y = w·x/√d + noise·ξ with w a standard normal vector.
``"teacher-mlp"``
    y = v·φ(W x/√d)/√h + noise·ξ with W (hidden × d) and v standard normal and φ = ``activation`` (tanh, relu, erf).
``"random"``
    Classes drawn uniformly from ``n_labels``: nothing can be learnt.

With ``task = "classification"`` the answer of a teacher is its sign (classes 0 and 1), with ``"regression"`` y itself.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from spinnet.configurable import one_of, real_number, whole_number
from spinnet.datasets.source import Raw, Size, Source
from spinnet.randomness import stream

_GAUSSIAN = {"n_inputs": 20, "n_patterns": 200, "n_test_patterns": 200, "seed": 0}
_TEACHER = {**_GAUSSIAN, "task": "classification", "noise": 0.0}


def _check(options: dict[str, Any]) -> dict[str, Any]:
    minimum = {"n_inputs": 1, "n_patterns": 1, "n_test_patterns": 0, "seed": 0, "hidden": 1, "n_labels": 2}
    checked = {key: whole_number(key, options[key], minimum[key]) for key in options if key in minimum}
    if "task" in options:
        checked["task"] = one_of("task", options["task"], ("classification", "regression"))
        checked["noise"] = real_number("noise", options["noise"], 0.0)
    if "activation" in options:
        checked["activation"] = one_of("activation", options["activation"], ("tanh", "relu", "erf"))
    return checked


def _inputs(options: dict[str, Any], part: str) -> np.ndarray:
    count = options["n_patterns"] if part == "train" else options["n_test_patterns"]
    return stream(options["seed"], "teacher inputs", part).standard_normal((count, options["n_inputs"]))


def _answer(options: dict[str, Any], outputs: dict[str, np.ndarray], source: str) -> Raw:
    answers: dict[str, Any] = {"n_classes": 2 if options["task"] == "classification" else 0}
    for part, prefix in (("train", ""), ("test", "test_")):
        if part == "test" and options["n_test_patterns"] == 0:
            continue
        noise = stream(options["seed"], "teacher noise", part).standard_normal(len(outputs[part]))
        y = outputs[part] + options["noise"] * noise
        answers[prefix + "inputs"] = _inputs(options, part)
        if options["task"] == "classification":
            answers[prefix + "labels"] = (y > 0).astype(np.int64)
        else:
            answers[prefix + "targets"] = y[:, None]
    return Raw(**answers, source=source, licence="none needed")


def _read_perceptron(options: dict[str, Any]) -> Raw:
    d = options["n_inputs"]
    w = stream(options["seed"], "teacher weights").standard_normal(d)
    return _answer(options, {part: _inputs(options, part) @ w / math.sqrt(d) for part in ("train", "test")},
                   f"random perceptron of {d} inputs")  # fmt: skip


def _read_mlp(options: dict[str, Any]) -> Raw:
    from scipy.special import erf

    d, h = options["n_inputs"], options["hidden"]
    rng = stream(options["seed"], "teacher weights")
    first, second = rng.standard_normal((h, d)), rng.standard_normal(h)
    phi = {"tanh": np.tanh, "erf": erf, "relu": lambda z: np.maximum(z, 0.0)}[options["activation"]]
    outputs = {part: phi(_inputs(options, part) @ first.T / math.sqrt(d)) @ second / math.sqrt(h)
               for part in ("train", "test")}  # fmt: skip
    return _answer(options, outputs, f"random {d}-{h}-1 {options['activation']} network")


def _read_random(options: dict[str, Any]) -> Raw:
    answers: dict[str, Any] = {"n_classes": options["n_labels"]}
    for part, prefix in (("train", ""), ("test", "test_")):
        inputs = _inputs(options, part)
        if len(inputs):
            answers[prefix + "inputs"] = inputs
            rng = stream(options["seed"], "random labels", part)
            answers[prefix + "labels"] = rng.integers(0, options["n_labels"], size=len(inputs))
    return Raw(**answers, source="Gaussian inputs, random labels", licence="none needed")


def _size(options: dict[str, Any]) -> Size:
    outputs = options["n_labels"] if "n_labels" in options else 2 if options["task"] == "classification" else 1
    return Size(options["n_patterns"], options["n_test_patterns"], options["n_inputs"], outputs)


perceptron = Source(
    read=_read_perceptron, size=_size, own=_TEACHER, check=_check, common={"standardise": "none"}
)
mlp = Source(
    read=_read_mlp, size=_size, own={**_TEACHER, "hidden": 4, "activation": "tanh"}, check=_check,
    common={"standardise": "none"},
)  # fmt: skip
random_labels = Source(
    read=_read_random, size=_size, own={**_GAUSSIAN, "n_labels": 2}, check=_check, common={"standardise": "none"}
)
