"""Shared by all tests: figures off the screen, optional packages demanded where they must be there."""

from __future__ import annotations

import os

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
