"""The digest of a result file: equal digests mean the same bits in everything but ``/provenance``."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from spinnet.errors import ResultFileError
from spinnet.results.schema import PROVENANCE_GROUP

# These hold addresses inside the file; what they mean, which scale belongs to which axis, is hashed by name.
_LINKAGE = frozenset({"DIMENSION_LIST", "REFERENCE_LIST"})
_MAXIMAL_DEPTH = 8
_SLAB_BYTES = 16 * 2**20
# gzip packs at most about 1030 to 1: a data set that claims more than this cannot be real.
_LARGEST_PACKING = 2000
_HARMLESS_BYTES = 64 * 2**20


@dataclass
class Item:
    """One object of a file. ``data`` is None for a group and where data were not kept."""

    attributes: dict[str, Any]
    is_group: bool = False
    dims: tuple[str, ...] = ()
    data: np.ndarray | None = None


def content_digest(file: h5py.File) -> str:
    """SHA-256 over all names, dtypes, shapes, data, attributes and dimension names outside ``/provenance``.

    The root attribute ``digest`` itself is left out. Byte order is normalised to little-endian. Data are streamed:
    memory stays below about 50 MB, the cost is one read of the file.

    Raises
    ------
    ResultFileError
        For content that no spinnet file has: links, objects nested too deeply, impossible sizes.
    """
    return scan(file, keep=False)[0]


def recorded_digest(items: Mapping[str, Item]) -> str:
    """The :func:`content_digest` of a file from what was written into it, without reading it again.

    ``items`` holds every group and dataset outside ``/provenance``, the root as "", with attributes as they were given
    to HDF5 and data. Reading back a file of many small arrays takes longer than writing it.
    """
    sha = hashlib.sha256()
    _hash_attributes(sha, _as_read({name: value for name, value in items[""].attributes.items() if name != "digest"}))
    for path in sorted(items, key=lambda path: path.split("/")):
        item = items[path]
        if not path:
            continue
        if item.is_group:
            _hash_text(sha, "group", path)
        else:
            data = np.asarray(item.data)
            kind = "text" if data.dtype.kind in "OSU" else _portable(data.dtype).str
            _hash_text(sha, "dataset", path, kind, str(data.shape), str(item.dims))
            _hash_array(sha, data)
        _hash_attributes(sha, _as_read(item.attributes))
    return sha.hexdigest()


def _as_read(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes as h5py gives them back: in the order of their names, numbers as NumPy scalars, texts as objects."""
    found = {}
    for name in sorted(attributes):
        value = attributes[name]
        if not isinstance(value, str | bytes):
            value = np.asarray(value)
            value = value.astype(object) if value.dtype.kind in "SU" else value
        found[name] = value
    return found


def scan(
    file: h5py.File, keep: bool = True, without: frozenset[str] = frozenset(), hashed: bool = True
) -> tuple[str, dict[str, Item]]:
    """The digest and, in the same pass, every object by its path ("" is the root); with data if ``keep``.

    Groups in ``without`` are left out of both; the digest then is not that of the file. Without ``hashed`` there is no
    digest: for files whose bytes have been verified already.
    """
    sha = hashlib.sha256() if hashed else _NoHash()
    items = {"": Item(read_attributes(file), is_group=True)}
    _hash_attributes(sha, {name: value for name, value in items[""].attributes.items() if name != "digest"})
    for path, member in _walk(file, "", 0, without | {PROVENANCE_GROUP}):
        item = items[path] = Item(read_attributes(member), is_group=isinstance(member, h5py.Group))
        if item.is_group:
            _hash_text(sha, "group", path)
        else:
            item.dims = dimension_names(member)
            _check_size(file, member)
            item.data = _hash_dataset(sha, path, member, item.dims, keep)
        _hash_attributes(sha, item.attributes)
    return sha.hexdigest(), items


class _NoHash:
    """Takes everything and digests nothing."""

    def update(self, data: Any) -> None:
        """Ignore."""

    def hexdigest(self) -> str:
        """Nothing."""
        return ""


def read_attributes(member: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    """All attributes but the addresses that link dimension scales."""
    return {name: member.attrs[name] for name in sorted(member.attrs) if name not in _LINKAGE}


def _walk(
    group: h5py.Group, prefix: str, depth: int, without: frozenset[str]
) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    if depth > _MAXIMAL_DEPTH:
        raise ResultFileError("objects are nested too deeply for a result file")
    for name in sorted(group):
        path = f"{prefix}{name}"
        if path in without:
            continue
        if group.id.links.get_info(name.encode("utf-8", "surrogateescape")).type != h5py.h5l.TYPE_HARD:
            raise ResultFileError(f"{path} is a link, which no result file of spinnet holds")
        member = group[name]
        if not isinstance(member, h5py.Group | h5py.Dataset):
            raise ResultFileError(f"{path} is neither a group nor a data set")
        yield path, member
        if isinstance(member, h5py.Group):
            yield from _walk(member, f"{path}/", depth + 1, without)


def _check_size(file: h5py.File, dataset: h5py.Dataset) -> None:
    claimed = math.prod(dataset.shape or ()) * dataset.dtype.itemsize
    if claimed > _HARMLESS_BYTES and claimed > _LARGEST_PACKING * file.id.get_filesize():
        raise ResultFileError(f"{dataset.name} claims {claimed:.3g} bytes, more than the file can hold")


def dimension_names(dataset: h5py.Dataset) -> tuple[str, ...]:
    """The name of each axis: that of its dimension scale, "" where it has none."""
    if h5py.h5ds.is_scale(dataset.id):
        return (dataset.name.rpartition("/")[2],) * dataset.ndim
    names = []
    for axis in range(dataset.ndim):
        found = [""]
        if h5py.h5ds.get_num_scales(dataset.id, axis) > 0:
            h5py.h5ds.iterate(dataset.id, axis, lambda scale, found=found: found.append(h5py.h5i.get_name(scale)) or 1)
        name = found[-1]
        names.append((name.decode() if isinstance(name, bytes) else name).rpartition("/")[2])
    return tuple(names)


def _hash_dataset(sha, path: str, dataset: h5py.Dataset, dims: tuple[str, ...], keep: bool) -> np.ndarray | None:
    is_text = h5py.check_string_dtype(dataset.dtype) is not None
    kind = "text" if is_text else _portable(dataset.dtype).str
    _hash_text(sha, "dataset", path, kind, str(dataset.shape), str(dims))
    if dataset.shape is None:
        return None
    source = dataset.asstr() if is_text else dataset
    size = dataset.size * dataset.dtype.itemsize
    if keep or size <= _SLAB_BYTES:
        data = np.asarray(source[()])
        _hash_array(sha, data)
        return data if keep else None
    rows = max(1, _SLAB_BYTES * dataset.shape[0] // size)
    if dataset.chunks:  # whole chunks, or each would be unpacked many times
        rows = max(dataset.chunks[0], rows - rows % dataset.chunks[0])
    for first in range(0, dataset.shape[0], rows):
        _hash_array(sha, source[first : first + rows])
    return None


def _hash_array(sha, array: np.ndarray) -> None:
    if isinstance(sha, _NoHash):
        return
    if array.dtype.kind in "OSU":
        for element in array.ravel():
            _hash_text(sha, element)
    else:
        sha.update(np.ascontiguousarray(array, dtype=_portable(array.dtype)).data)


def _hash_attributes(sha, attributes: dict[str, Any]) -> None:
    if isinstance(sha, _NoHash):
        return
    for name, value in attributes.items():
        if isinstance(value, str | bytes):
            _hash_text(sha, "attribute", name, "text", value)
        elif isinstance(value, h5py.Empty):
            _hash_text(sha, "attribute", name, "empty")
        else:
            array = np.asarray(value)
            _hash_text(sha, "attribute", name, _portable(array.dtype).str, str(array.shape))
            _hash_array(sha, array)


def _portable(dtype: np.dtype) -> np.dtype:
    return dtype.newbyteorder("<")


def _hash_text(sha, *parts: Any) -> None:
    # Lengths go in front, so that no two lists of parts give the same bytes.
    for part in parts:
        encoded = part if isinstance(part, bytes) else str(part).encode("utf-8", "surrogateescape")
        sha.update(len(encoded).to_bytes(8, "little") + encoded)
