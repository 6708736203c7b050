"""The benchmark of the two-time equations runs and compares like with like; nothing here looks at a clock's reading."""

from __future__ import annotations

import pytest

from spinnet.benchmarks import two_time_dynamics


def test_every_row_is_complete(monkeypatch):
    monkeypatch.setattr(two_time_dynamics, "TIMES_QUICK", (3.0, 5.0))
    rows = two_time_dynamics.run(quick=True)
    assert len(rows) == 10
    for row in rows:
        assert set(row) == {"name", "value", "reference", "ratio", "target", "unit"}
        assert row["value"] > 0 and (row["reference"] is None or row["ratio"] == row["reference"] / row["value"])


def test_energies_beyond_the_stated_errors_are_not_compared():
    grid = {"energies": [-1.0, -1.1], "error": 1e-6}
    two_time_dynamics.check(grid, {"energies": [-1.0, -1.1000005], "error": 1e-7})
    with pytest.raises(ArithmeticError, match="nothing was compared"):
        two_time_dynamics.check(grid, {"energies": [-1.0, -1.10001], "error": 1e-7})
