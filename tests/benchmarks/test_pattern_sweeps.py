"""Sweeps are timed beside peers that make the same flips, and only beside those."""

from __future__ import annotations

import pytest

from spinnet.benchmarks import pattern_sweeps


@pytest.fixture(autouse=True)
def small(monkeypatch):
    for name, value in (("N", 96), ("PATTERNS", 40), ("SWEEPS", 2)):
        monkeypatch.setattr(pattern_sweeps, name, value)


def test_every_network_and_rule_is_compared_with_every_peer():
    rows = pattern_sweeps.run(quick=True)
    assert len(rows) == 12 and {row["target"] for row in rows} == {">= 20", ">= 4"}
    assert all(row["value"] > 0 and row["ratio"] == row["value"] / row["reference"] for row in rows)


def test_a_peer_that_makes_other_flips_is_not_compared(monkeypatch):
    right = pattern_sweeps.numpy_sweeps
    monkeypatch.setattr(pattern_sweeps, "numpy_sweeps", lambda landscape: lambda *given: -right(landscape)(*given))
    landscape = pattern_sweeps.models()["Hopfield"]
    with pytest.raises(ArithmeticError, match="NumPy: another configuration"):
        pattern_sweeps.compare("Hopfield", landscape, "Metropolis", 2, 1)
