"""Digits, shifted and with noise, many copies of each: a training set that is never exhausted in practice."""

from __future__ import annotations

from typing import Any

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.datasets.embedded import DIGITS_SHA256, digits
from spinnet.datasets.source import Raw, Size, Source
from spinnet.errors import InputError
from spinnet.randomness import stream

_SIDE = 8
_TOTAL = 1797
_OWN = {"copies": 20, "shift": 1, "noise": 0.3, "held_out": 450, "augment_seed": 0}


def _check(options: dict[str, Any]) -> dict[str, Any]:
    checked = {
        "copies": whole_number("copies", options["copies"], 1),
        "shift": whole_number("shift", options["shift"]),
        "noise": real_number("noise", options["noise"], 0.0),
        "held_out": whole_number("held_out", options["held_out"], 1),
        "augment_seed": whole_number("augment_seed", options["augment_seed"]),
    }
    if checked["shift"] >= _SIDE:
        raise InputError(f"shift = {checked['shift']}: images are {_SIDE} pixels wide, shift by fewer")
    if checked["held_out"] >= _TOTAL:
        raise InputError(f"held_out = {checked['held_out']}: there are {_TOTAL} images, leave some to train on")
    return checked


def _read(options: dict[str, Any]) -> Raw:
    """Training images: ``copies`` of each image that is not held out; the test part is clean."""
    raw = digits.read({})
    rng = stream(options["augment_seed"], "augmented digits")
    order = rng.permutation(_TOTAL)
    kept, held = order[options["held_out"] :], order[: options["held_out"]]
    which = np.tile(kept, options["copies"])
    images = np.asarray(raw.inputs, dtype=np.float64)[which].reshape(-1, _SIDE, _SIDE)
    reach = options["shift"]
    padded = np.pad(images, ((0, 0), (reach, reach), (reach, reach)))
    down, right = rng.integers(0, 2 * reach + 1, size=(2, len(which)))
    rows = down[:, None, None] + np.arange(_SIDE)[None, :, None]
    columns = right[:, None, None] + np.arange(_SIDE)[None, None, :]
    moved = padded[np.arange(len(which))[:, None, None], rows, columns].reshape(len(which), -1)
    # The unit of the noise is that of the inputs after they are standardised.
    moved += options["noise"] * moved.std() * rng.standard_normal(moved.shape)
    labels = np.asarray(raw.labels)
    return Raw(
        inputs=moved, labels=labels[which], test_inputs=np.asarray(raw.inputs, dtype=np.float64)[held],
        test_labels=labels[held], n_classes=raw.n_classes, source=raw.source, licence=raw.licence, sha256=raw.sha256,
    )  # fmt: skip


def _size(options: dict[str, Any]) -> Size:
    return Size(options["copies"] * (_TOTAL - options["held_out"]), options["held_out"], _SIDE**2, 10)


augmented = Source(read=_read, size=_size, own=_OWN, check=_check, content_hash=lambda options: DIGITS_SHA256)
