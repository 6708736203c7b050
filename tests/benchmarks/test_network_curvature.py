"""The benchmark of a network's curvature compares like with like; nothing here looks at a clock's reading."""

from __future__ import annotations

import math

import numpy as np
import pytest
from reference.optional import require_torch

from spinnet.benchmarks import network_curvature
from spinnet.landscapes import DenseNetwork


def small():
    return DenseNetwork(data="digits", data_options={"n_train": 20, "pca": 5}, hidden=(3,))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_row_is_complete(monkeypatch):
    require_torch()
    monkeypatch.setattr(network_curvature, "_network", small)
    # Importing the peer takes seconds; the reference without it is PyTorch's own.
    monkeypatch.setattr(network_curvature, "_curvlinops_products", lambda *_: None)
    rows = network_curvature.measure(quick=True)
    assert [row["target"] for row in rows] == [">= 10", ">= 3", "<= 1.2"]
    for row in rows:
        assert set(row) == {"name", "value", "reference", "ratio", "target", "unit"}
        assert row["ratio"] > 0 and math.isclose(row["ratio"], row["value"] / row["reference"])
    assert "curvlinops is not installed" in rows[1]["name"]


def test_without_peers_there_is_no_reference(monkeypatch):
    for name in ("_curvlinops_products", "_torch_products"):
        monkeypatch.setattr(network_curvature, name, lambda *_: None)
    net = small()
    x = net.start(1, np.random.default_rng(0))[0]
    for row in (network_curvature.dense_hessian(net, x, 1), network_curvature.products(net, x, 1)):
        assert row["ratio"] is None and row["value"] > 0 and "installed" in row["name"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_another_result_is_not_compared(monkeypatch):
    require_torch()
    net = small()
    x = net.start(1, np.random.default_rng(0))[0]
    monkeypatch.setattr(net, "hvp_block", lambda x, v: 1.01 * DenseNetwork.hvp_block(net, x, v))
    monkeypatch.setattr(network_curvature, "_curvlinops_products", lambda *_: None)
    with pytest.raises(ArithmeticError, match="nothing was compared"):
        network_curvature.products(net, x, 1)
