"""Shared by all tests: figures off the screen, optional packages demanded where they must be there."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
# The matrices of the tests are small: a second BLAS thread only spins, and slows the other process of this machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

REQUIRED = {name for name in os.environ.get("SPINNET_REQUIRE", "").split(",") if name}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Where a dependency is required, a skip for want of it is a failure."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and REQUIRED:
        reason = str(report.longrepr[-1]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if any(name in reason.lower() for name in REQUIRED):
            report.outcome = "failed"
            report.longrepr = f"{reason} — and SPINNET_REQUIRE={os.environ['SPINNET_REQUIRE']} makes this a failure"
    return report


def pytest_sessionstart(session):
    """Before the whole suite runs on two workers: compile every kernel once, half of them in each of two processes."""
    config = session.config
    whole = getattr(config, "args_source", None) == config.ArgsSource.TESTPATHS
    if whole and not hasattr(config, "workerinput") and not config.option.collectonly:
        import spinnet.kernels

        modules = [m.name for m in pkgutil.iter_modules(spinnet.kernels.__path__) if not m.name.startswith("_")]
        names = [f"spinnet.kernels.{name}" for name in modules]
        code = "import sys; from spinnet.kernels import _jit; _jit.compile_modules(*sys.argv[1:])"
        running = [subprocess.Popen([sys.executable, "-P", "-c", code, *names[k::2]]) for k in range(2)]
        assert not any([process.wait() for process in running])
