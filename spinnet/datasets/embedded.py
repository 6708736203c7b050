"""The data that ships with the package, and toy sets of a few patterns."""

from __future__ import annotations

from importlib import resources
from typing import Any

import numpy as np

from spinnet.configurable import one_of, real_number
from spinnet.datasets.dataset import hash_arrays
from spinnet.datasets.source import Raw, Size, Source
from spinnet.errors import ResultFileError

DIGITS_SHA256 = "0bebb2e472a72f0cf68ad8646cc9ca8ba9fc41403d849a162a8f039dc5392a53"


def _read_digits(options: dict[str, Any]) -> Raw:
    with resources.files("spinnet.datasets").joinpath("digits.npz").open("rb") as stream:
        with np.load(stream, allow_pickle=False) as archive:
            images, labels = archive["images"], archive["labels"]
    found = hash_arrays(images, labels)
    if found != DIGITS_SHA256:
        raise ResultFileError(
            f"the embedded digits have SHA-256 {found[:16]}…, expected {DIGITS_SHA256[:16]}…: reinstall spinnet"
        )
    return Raw(
        inputs=images.reshape(len(images), -1),
        labels=labels,
        n_classes=10,
        source="Optical Recognition of Handwritten Digits (test part), E. Alpaydin and C. Kaynak 1998, UCI Machine "
        "Learning Repository, doi:10.24432/C50P49",
        licence="CC BY 4.0",
        sha256=found,
    )


def _check_xor(options: dict[str, Any]) -> dict[str, Any]:
    return {"low": one_of("low", float(real_number("low", options["low"])), (-1.0, 0.0))}


def _read_xor(options: dict[str, Any]) -> Raw:
    low = options["low"]
    inputs = np.array([[low, low], [low, 1.0], [1.0, low], [1.0, 1.0]])
    return Raw(inputs=inputs, labels=np.array([0, 1, 1, 0]), n_classes=2, source="exclusive or", licence="none needed")


digits = Source(
    read=_read_digits, size=lambda options: Size(1797, 0, 64, 10), content_hash=lambda options: DIGITS_SHA256
)
xor = Source(
    read=_read_xor, size=lambda options: Size(4, 0, 2, 2), own={"low": -1.0}, check=_check_xor,
    common={"n_test": 0, "standardise": "none"},
)
