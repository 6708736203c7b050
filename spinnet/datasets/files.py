"""Local files: IDX (the format of MNIST, plain or gzipped) and NumPy archives.

``load("idx", train_images=…, train_labels=…, test_images=…, test_labels=…)``: the test files may be left out.

``load("npz", file=…)``: the archive holds ``inputs`` (or ``images``, ``x_train``) and ``labels`` (or ``y_train``,
classes) or ``targets`` (real values), and may hold ``test_inputs`` (``test_images``, ``x_test``) with ``test_labels``
(``y_test``) or ``test_targets``. Inputs of more than two dimensions are flattened per pattern.

What identifies such a data set is the content of its files; a file may move.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from spinnet.datasets.source import Raw, Size, Source
from spinnet.errors import InputError

_IDX_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | Path) -> np.ndarray:
    """The array of an IDX file (a name ending in ``.gz`` is unpacked).

    Raises
    ------
    InputError
        A missing, truncated or foreign file.
    """
    data = _bytes(path)
    if str(path).endswith(".gz"):
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError, zlib.error):
            raise _not_gzip(path) from None
    dtype, shape, header = _idx_header(path, data)
    if shape is None or len(data) - header != dtype.itemsize * int(np.prod(shape, dtype=np.int64)):
        raise InputError(f"{path} is truncated or too long: its header announces shape {shape}")
    return np.frombuffer(data, dtype, offset=header).reshape(shape).astype(dtype.newbyteorder("="))


def _not_gzip(path: str | Path) -> InputError:
    return InputError(f"{path} is not a complete gzip file: download it again")


def _idx_header(path: str | Path, data: bytes) -> tuple[np.dtype, tuple[int, ...] | None, int]:
    """Type, shape (None where the data end before it) and length of the header."""
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _IDX_DTYPES:
        raise InputError(f"{path} is not an IDX file (it starts with {data[:4].hex() or 'nothing'})")
    dimensions = data[3]
    header = 4 + 4 * dimensions
    shape = struct.unpack(f">{dimensions}I", data[4:header]) if len(data) >= header else None
    return np.dtype(_IDX_DTYPES[data[2]]), shape, header


def _idx_shape(path: str | Path) -> tuple[int, ...]:
    """The shape that the header announces; the values are not read."""
    try:
        with (gzip.open if str(path).endswith(".gz") else open)(path, "rb") as stream:
            _, shape, _ = _idx_header(path, stream.read(4 + 4 * 255))
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise _not_gzip(path) from None
    except OSError as error:
        raise InputError(f"cannot read the data file {path}: {error.strerror or error}") from None
    if not shape:
        raise InputError(f"{path} is truncated or too long: its header announces shape {shape}")
    return shape


def _bytes(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the data file {path}: {error.strerror or error}") from None


@functools.lru_cache(maxsize=64)
def _hash_at(path: str, size: int, modified: int) -> str:
    return hashlib.sha256(_bytes(path)).hexdigest()


def _hash_files(*paths: str | None) -> str:
    """SHA-256 over the hashes of the files, so that a file may move but not change."""
    digest = hashlib.sha256()
    for path in paths:
        if path is None:
            digest.update(b"none\0")
            continue
        try:
            status = Path(path).stat()
        except OSError as error:
            raise InputError(f"cannot read the data file {path}: {error.strerror or error}") from None
        digest.update(_hash_at(path, status.st_size, status.st_mtime_ns).encode() + b"\0")
    return digest.hexdigest()


def _check_paths(options: dict[str, Any]) -> dict[str, Any]:
    for name, value in options.items():
        if value is not None and (not isinstance(value, str | Path) or not str(value)):
            raise InputError(f"data_options.{name} = {value!r}: give the path of a file")
    return {name: None if value is None else str(value) for name, value in options.items()}


def _flat(inputs: np.ndarray) -> np.ndarray:
    return inputs.reshape(len(inputs), -1)


_IDX_FILES = ("train_images", "train_labels", "test_images", "test_labels")


def _check_idx(options: dict[str, Any]) -> dict[str, Any]:
    checked = _check_paths(options)
    if (checked["test_images"] is None) != (checked["test_labels"] is None):
        raise InputError("data_options: give both test_images and test_labels, or neither")
    return checked


def _size_idx(options: dict[str, Any]) -> Size:
    shape = _idx_shape(options["train_images"])
    test = _idx_shape(options["test_images"])[0] if options["test_images"] is not None else 0
    paths = [options[key] for key in ("train_labels", "test_labels") if options[key] is not None]
    outputs = max(int(read_idx(path).astype(np.int64).max(initial=-1)) for path in paths) + 1
    return Size(shape[0], test, math.prod(shape[1:]), outputs)


def _read_idx_files(options: dict[str, Any]) -> Raw:
    arrays = {key: None if options[key] is None else read_idx(options[key]) for key in _IDX_FILES}
    for key in ("train_labels", "test_labels"):
        if arrays[key] is not None and (arrays[key].ndim != 1 or arrays[key].dtype.kind not in "iu"):
            raise InputError(f"{options[key]} holds an array of shape {arrays[key].shape}, not a list of classes")
    for images, labels in (("train_images", "train_labels"), ("test_images", "test_labels")):
        if arrays[images] is not None and len(arrays[images]) != len(arrays[labels]):
            raise InputError(
                f"{options[images]} has {len(arrays[images])} patterns, {options[labels]} {len(arrays[labels])} labels"
            )
    answers = [arrays[key].astype(np.int64) for key in ("train_labels", "test_labels") if arrays[key] is not None]
    has_test = arrays["test_images"] is not None
    return Raw(
        inputs=_flat(arrays["train_images"]),
        labels=arrays["train_labels"],
        test_inputs=_flat(arrays["test_images"]) if has_test else None,
        test_labels=arrays["test_labels"],
        n_classes=max(int(labels.max(initial=-1)) for labels in answers) + 1,
        source=f"IDX files {options['train_images']} and others",
        licence="unknown",
        sha256=_hash_files(*(options[key] for key in _IDX_FILES)),
    )


_NPZ_NAMES = {
    "inputs": ("inputs", "images", "x_train"),
    "labels": ("labels", "y_train"),
    "targets": ("targets",),
    "test_inputs": ("test_inputs", "test_images", "x_test"),
    "test_labels": ("test_labels", "y_test"),
    "test_targets": ("test_targets",),
}


def _read_npz(options: dict[str, Any]) -> Raw:
    path = options["file"]
    sha256 = _hash_files(path)
    try:
        with open(path, "rb") as stream:
            archive = np.load(stream, allow_pickle=False)
            if not hasattr(archive, "files"):
                raise InputError(f"{path} is a single NumPy array: save an archive with numpy.savez")
            found = {
                key: archive[next(name for name in allowed if name in archive.files)]
                for key, allowed in _NPZ_NAMES.items()
                if any(name in archive.files for name in allowed)
            }
            held = archive.files
    except InputError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        raise InputError(f"{path} is not a complete NumPy archive of plain arrays (.npz)") from None
    if "inputs" not in found or ("labels" in found) == ("targets" in found):
        raise InputError(
            f"{path} holds {', '.join(held) or 'nothing'}: it needs inputs, and either labels (classes) or targets"
        )
    for key in ("inputs", "test_inputs"):
        if key in found:
            if found[key].ndim < 1:
                raise InputError(f"{path}: {key} is a single number")
            found[key] = _flat(found[key])
    for key in ("labels", "test_labels"):
        if key in found and found[key].ndim == 2 and found[key].shape[1] == 1:
            found[key] = found[key][:, 0]
    for key in ("labels", "test_labels"):
        if key in found and (found[key].ndim != 1 or found[key].dtype.kind not in "iub"):
            raise InputError(f"{path}: {key} must be whole numbers in one dimension; call real values 'targets'")
        if key in found:
            found[key] = found[key].astype(np.int64)
    for part in ("", "test_"):
        for answer in ("labels", "targets"):
            if part + answer in found and len(found[part + answer]) != len(found.get(part + "inputs", ())):
                raise InputError(f"{path}: {part}inputs and {part}{answer} have different lengths")
    answer = "labels" if "labels" in found else "targets"
    if "test_inputs" in found and "test_" + answer not in found:
        raise InputError(f"{path} holds test inputs without test {answer}")
    largest = max((int(found[key].max(initial=-1)) for key in ("labels", "test_labels") if key in found), default=-1)
    return Raw(**found, n_classes=largest + 1, source=f"file {path}", licence="unknown", sha256=sha256)


def _size_npz(options: dict[str, Any]) -> Size:
    """From the headers of the arrays; of labels, which are small, the values."""
    path, shapes, classes = options["file"], {}, 0
    try:
        with zipfile.ZipFile(path) as archive:
            held = {name.removesuffix(".npy") for name in archive.namelist()}
            for key, allowed in _NPZ_NAMES.items():
                name = next((name for name in allowed if name in held), None)
                if name is None:
                    continue
                with archive.open(f"{name}.npy") as stream:
                    if key.endswith("labels"):
                        labels = np.lib.format.read_array(stream)
                        classes = max(classes, int(labels.max()) + 1 if labels.size else 0)
                        continue
                    version = np.lib.format.read_magic(stream)
                    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else (
                        np.lib.format.read_array_header_2_0
                    )
                    shapes[key] = read(stream)[0]
    except OSError as error:
        raise InputError(f"cannot read the data file {path}: {error.strerror or error}") from None
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        raise InputError(f"{path} is not a complete NumPy archive of plain arrays (.npz)") from None
    if not shapes.get("inputs"):
        raise InputError(f"{path} holds {', '.join(sorted(held)) or 'nothing'}: it needs inputs, and an answer to each")
    outputs = math.prod(shapes["targets"][1:]) if "targets" in shapes else classes
    return Size(
        shapes["inputs"][0], shapes.get("test_inputs", (0,))[0], math.prod(shapes["inputs"][1:]), outputs
    )


idx = Source(
    read=_read_idx_files,
    size=_size_idx,
    files=_IDX_FILES,
    own={"train_images": ..., "train_labels": ..., "test_images": None, "test_labels": None},
    check=_check_idx,
    content_hash=lambda options: _hash_files(*(options[key] for key in _IDX_FILES)),
)
npz = Source(
    read=_read_npz,
    size=_size_npz,
    files=("file",),
    own={"file": ...},
    check=_check_paths,
    content_hash=lambda options: _hash_files(options["file"]),
)
