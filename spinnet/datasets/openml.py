"""MNIST, Fashion-MNIST and CIFAR-10 from OpenML, through scikit-learn's own client and cache.

Each is named by its OpenML number, which stands for one version that never changes; scikit-learn checks the checksum of
what it downloads and keeps it (``SCIKIT_LEARN_DATA`` says where), so that a second run needs no network.
"""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np

from spinnet.datasets.source import Raw, Size, Source
from spinnet.errors import InputError


def _fetch(number: int) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import fetch_openml

    with warnings.catch_warnings():
        # A failed attempt is reported once, by the error that follows.
        warnings.simplefilter("ignore")
        bunch = fetch_openml(data_id=number, as_frame=False, parser="liac-arff", n_retries=1, delay=0.5)
    return bunch.data, bunch.target


def _read(options: dict[str, Any], *, name: str, number: int, n_train: int, files: str, licence: str) -> Raw:
    remedy = f"or use local files: {files}"
    try:
        inputs, answers = _fetch(number)
    except ImportError:
        raise InputError(
            f"data set {name!r} is downloaded with scikit-learn, which is not installed: "
            f"pip install 'spinnet[datasets]', {remedy}"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(
            f"data set {name!r} (OpenML number {number}) cannot be downloaded "
            f"({type(error).__name__}: {' '.join(str(error).split())[:100]}): check the network, {remedy}"
        ) from None
    inputs = np.asarray(inputs)
    labels = np.asarray(answers).astype(np.int64)
    if not np.array_equal(inputs, inputs.astype(np.uint8)):
        raise InputError(f"data set {name!r}: OpenML number {number} no longer holds 8-bit images")
    inputs = inputs.astype(np.uint8)
    return Raw(
        inputs=inputs[:n_train], labels=labels[:n_train], test_inputs=inputs[n_train:], test_labels=labels[n_train:],
        n_classes=10, source=f"OpenML data set {number}", licence=licence,
    )  # fmt: skip


_IDX = "data = 'idx' with train_images, train_labels, test_images, test_labels"
_NPZ = "data = 'npz' with file (x_train, y_train, x_test, y_test)"

mnist = Source(
    read=functools.partial(
        _read,
        name="mnist",
        number=554,
        n_train=60000,
        files=_IDX,
        licence="Y. LeCun, C. Cortes, C. Burges; see the source",
    ),
    size=lambda options: Size(60000, 10000, 784, 10),
)
fashion_mnist = Source(
    read=functools.partial(
        _read, name="fashion-mnist", number=40996, n_train=60000, files=_IDX, licence="MIT (Zalando Research)"
    ),
    size=lambda options: Size(60000, 10000, 784, 10),
)
cifar_10 = Source(
    read=functools.partial(
        _read,
        name="cifar-10",
        number=40927,
        n_train=50000,
        files=_NPZ,
        licence="A. Krizhevsky 2009; see the source",
    ),
    size=lambda options: Size(50000, 10000, 3072, 10),
)
