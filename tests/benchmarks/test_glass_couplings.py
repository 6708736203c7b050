"""The benchmark of coupling kinds runs and compares like with like; nothing here looks at a clock's reading."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinnet.benchmarks import glass_couplings


@pytest.mark.parametrize("quick", [True, False])
def test_every_row_is_complete(monkeypatch, quick):
    for name, value in {"N": 24, "N_QUICK": 16, "N_LARGE": 32}.items():
        monkeypatch.setattr(glass_couplings, name, value)
    rows = glass_couplings.run(quick)
    assert len(rows) == (6 if quick else 10)
    for row in rows:
        assert set(row) == {"name", "value", "reference", "ratio", "target", "unit"}
        assert row["ratio"] > 0 and math.isclose(row["ratio"], row["value"] / row["reference"])


def test_another_result_is_not_compared():
    gradient = np.ones((2, 3))
    glass_couplings.check("same", gradient, gradient)
    with pytest.raises(ArithmeticError, match="nothing was compared"):
        glass_couplings.check("other", gradient, 1.01 * gradient)
