"""Writing result files: HDF5 that xarray opens with named dimensions, committed atomically, sealed by a digest."""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import numpy as np

from spinnet.records import Variable, Variables
from spinnet.results import schema as layout
from spinnet.results.digest import Item, content_digest, recorded_digest
from spinnet.results.storage import Sink, replacing

# Readable by HDF5 1.10 and later; "latest" is not.
_LIBRARY_VERSIONS = ("v108", "v110")
_CHUNK_BYTES = 512 * 1024
# Below this a chunk index takes more room than packing saves; the digest protects the data in any case.
_SMALLEST_PACKED = 2048
_PACKING = {"compression": "gzip", "compression_opts": 1, "shuffle": True, "fletcher32": True}


def write_task(
    path: str | os.PathLike,
    variables: Variables,
    state: Mapping[str, np.ndarray],
    *,
    task: str,
    configuration: Mapping[str, Any],
    last: float,
    status: str = "finished",
    stop_reason: str = "reached the end",
    attributes: Mapping[str, Any] | None = None,
    provenance: Mapping[str, Any] | None = None,
    schema: str = layout.TASK,
) -> str:
    """Write the result (or, with ``schema=CHECKPOINT``, the checkpoint) of one task; return its digest.

    Parameters
    ----------
    variables
        Measured variables "group/name".
    state
        Plain arrays, the final state or the checkpoint.
    task, configuration
        The task's identity and its resolved physics.
    last
        The length of the run: reached for a result, aimed at for a checkpoint.
    attributes
        Numbers and strings of the run (units, degrees of freedom); they become root attributes.

    Raises
    ------
    StorageError
        If the disk refuses; ``path`` is then as it was.
    """
    root = dict(attributes or {})
    own = {
        "task": task,
        "configuration": json.dumps(configuration, sort_keys=True, allow_nan=False),
        "last": float(last),
        "status": status,
        "stop_reason": stop_reason,
    }
    taken = sorted(set(own) & set(root))
    if taken:
        raise ValueError(f"attributes of a run may not be called {', '.join(taken)}: the result file uses these names")
    with result_file(path, schema) as result:
        result.set_attributes("", {**root, **own})
        result.set_provenance(provenance or {})
        for name, variable in variables.items():
            result.add(name, variable)
        for name, array in state.items():
            result.add_state(name, np.asarray(array))
    return result.digest


def write_tables(
    path: str | os.PathLike,
    schema: str,
    variables: Variables,
    *,
    attributes: Mapping[str, Any] | None = None,
    group_attributes: Mapping[str, Mapping[str, Any]] | None = None,
    provenance: Mapping[str, Any] | None = None,
) -> str:
    """Write any other result file, for example a comparison; names may hold several slashes. Return the digest.

    Raises
    ------
    StorageError
        If the disk refuses; ``path`` is then as it was.
    """
    with result_file(path, schema) as result:
        result.set_attributes("", attributes or {})
        result.set_provenance(provenance or {})
        for name, variable in variables.items():
            result.add(name, variable)
        for group, given in (group_attributes or {}).items():
            result.set_attributes(group, given)
    return result.digest


@contextlib.contextmanager
def result_file(path: str | os.PathLike, schema: str) -> Iterator[ResultWriter]:
    """A :class:`ResultWriter`; the file appears under ``path`` when the block ends well."""
    with replacing(path) as sink:
        with h5py.File(sink, "w", libver=_LIBRARY_VERSIONS) as file:
            file.attrs["schema"] = schema
            file.attrs["schema_version"] = layout.VERSIONS[schema]
            writer = ResultWriter(file, sink)
            yield writer
            writer.seal()
        sink.append_seal()


class ResultWriter:
    """An open result file. Datasets get their dimension scales and the file its digest in :meth:`seal`."""

    def __init__(self, file: h5py.File, sink: Sink):
        self._file = file
        self._sink = sink
        self._dims: dict[str, tuple[str, ...]] = {}
        self._dims_of_scales: dict[str, tuple[str, ...]] = {}
        # What has been written, for the digest; None once a dataset is filled in pieces that nobody keeps.
        self._written: dict[str, Item] | None = {"": Item({}, is_group=True)}
        self._record_attributes("", dict(file.attrs))
        self.digest = ""

    def set_attributes(self, group: str, attributes: Mapping[str, Any]) -> None:
        """Set attributes of a group; "" is the root."""
        if group == "" and (taken := sorted(layout.RESERVED & set(attributes))):
            raise ValueError(f"the attributes {', '.join(taken)} are set by the writer")
        _set_attributes(self._file.require_group(group) if group else self._file, attributes)
        self._record_groups(group)
        self._record_attributes(group, attributes)

    def set_provenance(self, attributes: Mapping[str, Any]) -> None:
        """Say where and how the file was made; this is outside the digest."""
        _set_attributes(self._file.require_group(layout.PROVENANCE_GROUP), attributes)

    def add(self, name: str, variable: Variable) -> None:
        """Write a whole variable."""
        dataset = self._reserve(name, np.shape(variable.data), np.asarray(variable.data).dtype, variable)
        dataset[()] = _storable(variable.data)
        self._record(name, variable.data)
        self.check()

    def reserve(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype,
        like: Variable,
        dims: tuple[str, ...] | None = None,
        chunks: tuple[int, ...] | None = None,
    ) -> h5py.Dataset:
        """Make an empty dataset with the units, description and attributes of ``like``, to be filled in pieces.

        With ``chunks`` the dataset may be shortened afterwards by its method ``resize``.
        """
        self._written = None
        return self._reserve(name, shape, dtype, like, dims, chunks)

    def _reserve(self, name, shape, dtype, like: Variable, dims=None, chunks=None) -> h5py.Dataset:
        dims = like.dims if dims is None else dims
        _check_name(name)
        if len(dims) != len(shape) or len(set(dims)) != len(dims):
            raise ValueError(f"{name} has the shape {shape} and the dimensions {dims}: give each axis its own name")
        dataset = self._create(name, shape, dtype, chunks=chunks, packed=True)
        attributes = {"units": like.units, "description": like.description, **like.attributes}
        _set_attributes(dataset, attributes)
        self._record(name, None)
        self._record_attributes(name, attributes)
        self._dims[name] = dims
        return dataset

    def add_state(self, name: str, array: np.ndarray) -> None:
        """Write one array of a state. Unpacked: a checkpoint must be fast, and phases and spins do not pack."""
        _check_name(name)
        dataset = self._create(f"{layout.STATE_GROUP}/{name}", array.shape, array.dtype, packed=False)
        dataset[()] = array
        self._record(f"{layout.STATE_GROUP}/{name}", array)
        # Axes of a state have no names. These let xarray open the group, and axes of one length share a scale.
        dims: list[str] = []
        for length in array.shape:
            dims.append(f"length_{length}" + "_more" * sum(dim.startswith(f"length_{length}") for dim in dims))
        self._dims[f"{layout.STATE_GROUP}/{name}"] = tuple(dims)
        self.check()

    def check(self) -> None:
        """Raise StorageError if the disk has refused anything so far."""
        self._sink.check()

    def seal(self) -> None:
        """Link the dimension scales and write the digest."""
        self._link_dimensions()
        self.check()
        self.digest = content_digest(self._file) if self._written is None else recorded_digest(self._described())
        self._file.attrs["digest"] = self.digest

    def _record(self, name: str, data: Any) -> None:
        if self._written is not None:
            self._record_groups(name.rpartition("/")[0])
            self._written.setdefault(name, Item({})).data = data

    def _record_groups(self, group: str) -> None:
        """A group and all that it lies in."""
        while group and self._written is not None:
            self._written.setdefault(group, Item({}, is_group=True))
            group = group.rpartition("/")[0]

    def _record_attributes(self, name: str, attributes: Mapping[str, Any]) -> None:
        if self._written is not None:
            self._written[name].attributes.update(attributes)

    def _described(self) -> dict[str, Item]:
        """What has been written, with the dimensions that linking gave it."""
        for name, dims in (self._dims | self._dims_of_scales).items():
            self._written[name].dims = dims
        return self._written

    def _create(self, name, shape, dtype, chunks=None, packed=True) -> h5py.Dataset:
        longest = tuple(max(1, length) for length in shape)  # HDF5 wants no chunk longer than the data can become
        options: dict[str, Any] = {"chunks": chunks, "maxshape": longest} if chunks else {}
        if dtype.kind in "OUS":
            dtype = h5py.string_dtype()
        elif packed and math.prod(shape) * dtype.itemsize >= _SMALLEST_PACKED:
            options = {"chunks": chunk_shape(shape, dtype.itemsize), **options, **_PACKING}
        return self._file.create_dataset(name, shape=shape, dtype=dtype, **options)

    def _link_dimensions(self) -> None:
        scales: dict[str, h5py.Dataset] = {}
        for name, dims in self._dims.items():
            group = name.rpartition("/")[0]
            for dim, length in zip(dims, self._file[name].shape, strict=True):
                where = f"{group}/{dim}" if group else dim
                if where not in scales:
                    scales[where] = self._scale(where, dim, length)
                if scales[where].shape != (length,):
                    raise ValueError(f"{name} has length {length} along {dim}, another variable {scales[where].shape}")
        for name, dims in self._dims.items():
            if name in scales:
                continue
            group = name.rpartition("/")[0]
            for axis, dim in enumerate(dims):
                self._file[name].dims[axis].attach_scale(scales[f"{group}/{dim}" if group else dim])

    def _scale(self, where: str, dim: str, length: int) -> h5py.Dataset:
        if where in self._dims:  # a coordinate: a 1-d variable named as its dimension
            if self._dims[where] != (dim,):
                raise ValueError(f"{where} is named as a dimension and must be a 1-d variable along it")
            scale = self._file[where]
            scale.make_scale(dim)
            self._record_attributes(where, {"CLASS": b"DIMENSION_SCALE", "NAME": dim.encode()})
            return scale
        scale = self._file.create_dataset(where, shape=(length,), dtype=np.dtype("<f4"))
        what = f"{layout.DIMENSION_ONLY}{length:10d}"
        scale.make_scale(what)
        self._record(where, np.zeros(length, dtype="<f4"))
        self._dims_of_scales[where] = (dim,)
        self._record_attributes(where, {"CLASS": b"DIMENSION_SCALE", "NAME": what.encode()})
        return scale


def chunk_shape(shape: tuple[int, ...], itemsize: int, keep_first: bool = False) -> tuple[int, ...]:
    """Chunks of about half a megabyte: long axes are halved first, the first one last if it is to be kept whole."""
    chunks = [max(1, length) for length in shape]
    while math.prod(chunks) * itemsize > _CHUNK_BYTES:
        candidates = range(1, len(chunks)) if keep_first and math.prod(chunks[1:]) > 1 else range(len(chunks))
        longest = max(candidates, key=lambda axis: chunks[axis])
        chunks[longest] = -(-chunks[longest] // 2)
    return tuple(chunks)


def _check_name(name: str) -> None:
    parts = name.split("/")
    if not all(parts) or "." in parts or ".." in parts or parts[0] == layout.PROVENANCE_GROUP:
        raise ValueError(f"{name!r} cannot be the name of a variable")


def _storable(data: Any) -> Any:
    array = np.asarray(data)
    return array.astype(object) if array.dtype.kind == "U" else array


def _set_attributes(item: h5py.Group | h5py.Dataset, attributes: Mapping[str, Any]) -> None:
    for name, value in attributes.items():
        array = np.asarray(value)
        if array.dtype.kind not in "biufcUS":
            raise TypeError(f"the attribute {name} = {value!r} is neither text nor numbers")
        item.attrs[name] = value if array.dtype.kind in "US" and array.ndim == 0 else _attribute_array(array)


def _attribute_array(array: np.ndarray) -> Any:
    return array.astype(object) if array.dtype.kind == "U" else array
