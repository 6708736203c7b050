"""How the tests run studies of toys, here or in a process of its own, and compare what they leave."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from unittest import mock

from campaign import toy

from spinnet.campaign.collect import collect_study
from spinnet.campaign.run import run_study
from spinnet.results import verify

TESTS = Path(__file__).resolve().parents[1]


def run(study, out, jobs=1, source="", **options):
    """Run a study of toys in this process; somebody may edit the package while its tests run."""
    with mock.patch("spinnet.campaign.executor_local.source_hash", lambda: source):
        return run_study(study, out, jobs=jobs, simulation=toy.MODULE, **options)


def search_path():
    """A PYTHONPATH with the tests in front; an empty entry would mean the working directory, a checkout perhaps."""
    return os.pathsep.join(filter(None, [str(TESTS), os.environ.get("PYTHONPATH")]))


def digest(out):
    """The digest of the collected file."""
    return verify(collect_study(out).path)["digest"]


def shards(out):
    """Name and digest of every shard."""
    return {path.stem: verify(path)["digest"] for path in Path(out).glob("shards/*/*.h5")}


def unprivileged():
    """A command prefix that drops root; None if that cannot be done."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        return None
    prefix = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]
    works = subprocess.run([*prefix, sys.executable, "-c", "import spinnet, h5py"], capture_output=True, cwd="/")
    return prefix if works.returncode == 0 else None


def start(out, study, prefix=(), pause=0.05, **options):
    """Start the driver in a session of its own; its events arrive on ``stdout``."""
    return subprocess.Popen(
        [*prefix, sys.executable, str(TESTS / "campaign" / "driver.py"), str(out), json.dumps(study),
         json.dumps(options)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(TESTS), "TOY_PAUSE": str(pause)},
    )  # fmt: skip


def wait_for(process, word, count=1):
    """Read events until ``count`` of them begin with ``word``; return what was read."""
    read = []
    while count:
        line = process.stdout.readline()
        assert line, f"the run ended before '{word}': {read}"
        read.append(line)
        count -= line.startswith(word)
    return read
