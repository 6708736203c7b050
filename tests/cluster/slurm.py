"""How tests talk to the Slurm of ``slurm_up.sh``; without one they are skipped, or fail where it is required."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

import pytest


def require_slurm() -> None:
    """Skip without a working Slurm; fail if SPINNET_REQUIRE names slurm."""
    works = shutil.which("sbatch") and subprocess.run(["sinfo", "-h"], capture_output=True).returncode == 0
    if not works:
        if "slurm" in os.environ.get("SPINNET_REQUIRE", "").split(","):
            pytest.fail("SPINNET_REQUIRE names slurm, and sinfo does not answer")
        pytest.skip("slurm is not running here: see tests/cluster/slurm_up.sh")


def slurm(*command: str) -> str:
    """What a command of Slurm prints; it must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout.strip()


def states(*jobs: str) -> dict[str, str]:
    """Element (or job) to its state, for what is queued or running."""
    listed = subprocess.run(["squeue", "-h", "-r", "-o", "%i %t", "-j", ",".join(jobs)], capture_output=True, text=True)
    return dict(line.split() for line in listed.stdout.splitlines())


def wait_until(condition, what: str, seconds: float = 90.0) -> None:
    """Ask again and again until ``condition()`` is true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {seconds:g} s"
        time.sleep(0.3)


def release(job: str) -> None:
    """Slurm holds a requeued job for two minutes; tests wait no longer than its credentials need to be made anew."""
    time.sleep(2.5)
    subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], capture_output=True)
