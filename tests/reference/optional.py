"""Optional packages in tests: skipped where they are absent, demanded where SPINNET_REQUIRE names them."""

from __future__ import annotations

import importlib
import os
import warnings

import pytest


def _require(name: str):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ImportError:
            if name in os.environ.get("SPINNET_REQUIRE", "").split(","):
                pytest.fail(f"SPINNET_REQUIRE names {name}, which is not installed")
            pytest.skip(f"{name} is not installed")


def require_torch():
    """The module torch, on one thread; without it the test is skipped, or fails if SPINNET_REQUIRE names torch."""
    torch = _require("torch")
    torch.set_num_threads(1)
    return torch


def require_dask():
    """The module distributed; without it the test is skipped, or fails if SPINNET_REQUIRE names dask."""
    try:
        return _require("distributed")
    except pytest.skip.Exception:
        if "dask" in os.environ.get("SPINNET_REQUIRE", "").split(","):
            pytest.fail("SPINNET_REQUIRE names dask, and distributed is not installed")
        raise
