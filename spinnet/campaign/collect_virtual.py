"""All shards of a study seen as one file, ``virtual.h5``, without copying anything: HDF5 virtual data sets.

Reading one is a hundred times slower than reading ``collected.h5``, and a shard that is lost afterwards shows as zeros
without a word: for campaigns whose results are too large to be kept twice.
"""

from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np

from spinnet.campaign.collect import is_coordinate
from spinnet.campaign.layout import open_campaign
from spinnet.errors import InputError
from spinnet.results import read_task
from spinnet.results.storage import replacing

_LIBRARY_VERSIONS = ("v110", "v110")  # the first that knows virtual data sets


def collect_virtual(directory: str | os.PathLike) -> Path:
    """Write ``virtual.h5``: /<arm>/<point>/<group>/<name> with the samples of all shards along the first axis.

    Every shard is verified once. Coordinates are copied from the first sample. Paths are relative: the campaign may be
    moved as a whole.

    Raises
    ------
    InputError
        While tasks are not finished.
    ResultFileError
        For a shard that is damaged.
    StorageError
        If the disk refuses.
    """
    layout, study = open_campaign(directory)
    missing = [task.label for task in study.tasks() if not layout.shard(task.id).exists()]
    if missing:
        raise InputError(
            f"{len(missing)} tasks of {layout.root} are not finished ({missing[0]}, …), and a virtual file would show "
            "zeros in their place: spinnet run goes on; spinnet collect joins what is there"
        )
    target = layout.root / "virtual.h5"
    with replacing(target) as sink, h5py.File(sink, "w", libver=_LIBRARY_VERSIONS) as file:
        for arm in study.arms.values():
            for point in arm.points:
                _add_point(file, layout, f"{arm.name}/{point.label}", point.identities)
    return target


def _add_point(file: h5py.File, layout, group: str, identities: tuple[str, ...]) -> None:
    shards = [read_task(layout.shard(identity), identity, with_state=False) for identity in identities]
    first = shards[0]
    for name, variable in first.variables.items():
        if any(name not in s.variables or s.variables[name].data.shape != variable.data.shape for s in shards):
            raise InputError(f"{group}: {name} differs in shape between samples: use spinnet collect")
        place = f"{group}/{name}"
        if is_coordinate(name, variable) or variable.data.dtype.kind == "O":
            file.create_dataset(place, data=variable.data, dtype=variable.data.dtype)
        else:
            data = h5py.VirtualLayout((len(shards), *variable.data.shape), dtype=variable.data.dtype)
            for k, shard in enumerate(shards):
                relative = os.path.relpath(shard.path, layout.root)
                data[k] = h5py.VirtualSource(relative, name, shape=variable.data.shape, dtype=variable.data.dtype)
            file.create_virtual_dataset(place, data, fillvalue=_fill(variable.data.dtype))
        file[place].attrs.update({"units": variable.units, "description": variable.description,
                                  "dimensions": " ".join(("sample", *variable.dims))})  # fmt: skip


def _fill(dtype: np.dtype):
    """What a lost shard shows: no number where the type has that."""
    return np.nan if dtype.kind == "f" else None
