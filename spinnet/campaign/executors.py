"""Which executor runs a campaign: the pool of this machine, or a Dask cluster."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spinnet.campaign.executor import Executor
from spinnet.campaign.layout import Layout
from spinnet.errors import InputError


@contextlib.contextmanager
def choose_executor(
    folder: str | os.PathLike,
    jobs: int | None = None,
    scheduler: str | None = None,
    cluster: str | None = None,
    workers: int = 4,
    profile: str | os.PathLike | None = None,
) -> Iterator[Executor | None]:
    """The executor that the options name; None stands for the pool of this machine.

    Parameters
    ----------
    profile
        A TOML file whose keys are options of the dask-jobqueue class of ``cluster``, such as ``cores``, ``memory``,
        ``queue``, ``walltime``, ``job_script_prologue``.

    Raises
    ------
    InputError
        For options that contradict each other or that the cluster refuses.
    """
    if scheduler and cluster:
        raise InputError("--scheduler and --cluster: give one of them")
    if jobs is not None and (scheduler or cluster):
        raise InputError(f"--jobs {jobs} is for this machine: a cluster takes --workers")
    if profile is not None and not cluster:
        raise InputError("--profile belongs to --cluster: name the batch system too")
    if scheduler:
        from spinnet.campaign.executor_dask import check_scheduler

        check_scheduler(scheduler)
        yield _dask(folder, scheduler)
    elif cluster:
        from spinnet.campaign.executor_dask import jobqueue_cluster

        with jobqueue_cluster(cluster, workers, _options(cluster, profile)) as address:
            yield _dask(folder, address)
    else:
        yield None


def _dask(folder: str | os.PathLike, address: str) -> Executor:
    from spinnet.campaign.executor_dask import DaskExecutor

    return DaskExecutor(Layout(folder), address)


def _options(cluster: str, profile: str | os.PathLike | None) -> dict[str, Any]:
    from spinnet.campaign.tables import read_toml

    given = {} if profile is None else read_toml(Path(profile))[0]
    if cluster == "local":
        return given
    return {"cores": 1, "memory": "2GB", **given}
