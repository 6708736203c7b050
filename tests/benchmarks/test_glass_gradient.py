"""The benchmark of the glass gradient runs and compares like with like; nothing here looks at a clock's reading."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinnet.benchmarks import glass_gradient
from spinnet.landscapes import SphericalGlass


@pytest.fixture
def small(monkeypatch):
    for name, value in {"N": 24, "N_LARGE": 32, "READ_BYTES": 1 << 16, "REPLICAS": 5, "SLABS": (7,)}.items():
        monkeypatch.setattr(glass_gradient, name, value)


@pytest.mark.parametrize("quick", [True, False])
def test_every_row_is_complete(small, quick):
    rows = glass_gradient.measure(quick)
    assert len(rows) == (3 if quick else 4)
    for row in rows:
        assert set(row) == {"name", "value", "reference", "ratio", "target", "unit"}
        assert row["ratio"] > 0 and math.isclose(row["ratio"], row["value"] / row["reference"])


def test_the_dense_tensor_gives_the_energy():
    glass = SphericalGlass(10, {3: 1.0}, seed=1)
    x = glass.space.sample(2, np.random.default_rng(0))
    tensor = glass_gradient.dense_tensor(glass)
    np.testing.assert_allclose(np.einsum("ijk,ri,rj,rk->r", tensor, x, x, x), glass.energy(x), rtol=1e-5)
    for order in ((1, 0, 2), (2, 1, 0), (1, 2, 0)):
        np.testing.assert_allclose(tensor, tensor.transpose(order), rtol=1e-6)


def test_a_peer_with_another_result_is_not_compared(small):
    glass = SphericalGlass(10, {3: 1.0}, seed=1)
    with pytest.raises(ArithmeticError, match="nothing was compared"):
        glass_gradient.against_peers(glass, 1.01 * glass_gradient.dense_tensor(glass), 3, rounds=1)
