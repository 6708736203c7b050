"""All shards of a study seen as one file, ``virtual.h5``, without copying anything: HDF5 virtual data sets.

Reading one is a hundred times slower than reading ``collected.h5``, and a shard that is lost afterwards shows as NaN
(whole numbers: as zeros) without a word: for campaigns whose results are too large to be kept twice.
"""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np

from spinnet.campaign.collect import is_coordinate
from spinnet.campaign.layout import Layout, open_campaign
from spinnet.errors import InputError
from spinnet.results import ResultFile, read_task
from spinnet.results.storage import replacing

_LIBRARY_VERSIONS = ("v110", "v110")  # the first that knows virtual data sets


def collect_virtual(directory: str | os.PathLike) -> Path:
    """Write ``virtual.h5``: /<arm>/<point>/<group>/<name> with the samples of all shards along the first axis.

    Every shard is verified once. Coordinates are copied from the first sample. Paths are relative: the campaign may be
    moved as a whole.

    Raises
    ------
    InputError
        While tasks are not finished, or where samples do not hold the same.
    ResultFileError
        For a shard that is damaged.
    StorageError
        If the disk refuses.
    """
    layout, study = open_campaign(directory)
    target = layout.root / "virtual.h5"
    with replacing(target) as sink, h5py.File(sink, "w", libver=_LIBRARY_VERSIONS) as file:
        file.attrs.update({"study": study.name, "title": study.title, "what": "virtual: needs the shards beside it"})
        for arm in study.arms.values():
            for point in arm.points:
                _add_point(file, layout, f"{arm.name}/{point.label}", point.identities, arm.last)
    return target


def _add_point(file: h5py.File, layout: Layout, group: str, identities: tuple[str, ...], last: float) -> None:
    first = _shard(layout, group, 0, identities[0], last, None)
    layouts = {
        name: h5py.VirtualLayout((len(identities), *variable.data.shape), dtype=variable.data.dtype)
        for name, variable in first.variables.items()
        if not (is_coordinate(name, variable) or variable.data.dtype.kind == "O")
    }
    for k, identity in enumerate(identities):
        shard = first if k == 0 else _shard(layout, group, k, identity, last, first)
        relative = os.path.relpath(shard.path, layout.root)
        for name, virtual in layouts.items():
            virtual[k] = h5py.VirtualSource(relative, name, shape=virtual.shape[1:], dtype=virtual.dtype)
    for name, variable in first.variables.items():
        place, dims = f"{group}/{name}", variable.dims
        if name in layouts:
            file.create_virtual_dataset(place, layouts[name], fillvalue=_fill(variable.data.dtype))
            dims = ("sample", *dims)
        else:
            file.create_dataset(place, data=variable.data, dtype=variable.data.dtype)
        file[place].attrs.update(
            {"units": variable.units, "description": variable.description, "dimensions": " ".join(dims)}
        )


def _shard(layout: Layout, group: str, sample: int, identity: str, last: float, first: ResultFile | None) -> ResultFile:
    """A verified shard that is long enough and holds what the first one does."""
    where = f"{group} sample {sample}"
    if not layout.shard(identity).exists():
        raise _refused(where, "is not finished")
    shard = read_task(layout.shard(identity), identity, with_state=False)
    if shard.last < last:
        raise _refused(where, f"reaches {shard.last:g} of {last:g}")
    for name, variable in (first.variables if first is not None else {}).items():
        other = shard.variables.get(name)
        if other is None or other.data.shape != variable.data.shape:
            raise _refused(where, f"holds another {name} than the first sample")
        if is_coordinate(name, variable) and not np.array_equal(other.data, variable.data):
            raise _refused(where, f"has another coordinate {name} than the first sample")
    return shard


def _refused(where: str, what: str) -> InputError:
    return InputError(f"{where} {what}, and a virtual file would hide it: spinnet collect joins what is there")


def _fill(dtype: np.dtype) -> float | None:
    """What a lost shard shows: no number where the type has that."""
    return np.nan if dtype.kind == "f" else None
