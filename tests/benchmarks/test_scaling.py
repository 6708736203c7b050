"""The benchmark of scaling runs, its rows follow from its tables, and the command keeps both; no clock is judged."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

from spinnet.benchmarks import scaling
from spinnet.cli import main

IDEAL = {
    "threads": [1, 2], "read_rate": [1e10, 1.5e10], "bytes_per_coupling": 4, "block": 64, "n": [64, 128],
    "couplings": [45760, 357760], "one_gradient": [[4e-5, 2e-5], [3.2e-4, 1.6e-4]],
    "one_step": [[5e-5, 3e-5], [3.4e-4, 2e-4]], "block_gradient": [[8e-4, 4e-4], [6.4e-3, 3.2e-3]],
    "block_step": [[1e-3, 5e-4], [7e-3, 4e-3]], "replicas_n": 128, "replicas_couplings": 357760,
    "replicas": [1, 2, 4], "replicas_gradient": [[3.2e-4, 1.6e-4], [3.3e-4, 1.6e-4], [3.4e-4, 1.6e-4]],
}  # fmt: skip


@pytest.fixture
def small(monkeypatch):
    for name, value in {"SIZES_QUICK": (8, 12, 16), "N_REPLICAS_QUICK": 12, "REPLICAS": (1, 3, 4), "BLOCK": 5,
                        "READ_BYTES_QUICK": 1 << 16}.items():  # fmt: skip
        monkeypatch.setattr(scaling, name, value)


def test_ratios_are_those_of_the_tables():
    rows = {row["name"]: row for row in scaling.rows_of(IDEAL)}
    assert rows["one state, N = 128, threads 1 to 2"]["ratio"] == pytest.approx(2.0)
    assert rows["4 replicas together, N = 128, against each alone"]["ratio"] == pytest.approx(4.0)
    assert rows["reading, threads 1 to 2"]["ratio"] == pytest.approx(1.5)
    law = rows["one state, N = 128, against N = 64 and the number of couplings"]
    assert law["ratio"] == pytest.approx(2e-5 * 357760 / 45760 / 1.6e-4)
    read = rows["one state, N = 128, 2 threads, against reading the couplings"]
    assert read["ratio"] == pytest.approx(357760 * 4 / 1.5e10 / 1.6e-4)
    steps = rows["64 replicas, N = 128, 2 threads, Langevin steps against gradients"]
    assert steps["ratio"] == pytest.approx(0.8)


def test_the_command_keeps_the_numbers_and_the_figure(small, tmp_path):
    done = CliRunner().invoke(main, ["bench", "scaling", "--quick", "--json", "-o", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    kept = json.loads((tmp_path / "out" / "scaling.json").read_text(encoding="utf-8"))
    assert kept["quick"] is True and kept["provenance"]
    assert len(kept["rows"]) == 10
    for row in kept["rows"]:
        assert set(row) == {"name", "value", "reference", "ratio", "target", "unit"}
        assert row["ratio"] > 0 and math.isclose(row["ratio"], row["value"] / row["reference"])
    for name in ("one_gradient", "one_step", "block_gradient", "block_step"):
        assert np.shape(kept["tables"][name]) == (3, 2) and np.min(kept["tables"][name]) > 0
    assert np.shape(kept["tables"]["replicas_gradient"]) == (3, 2)
    for suffix in ("pdf", "png"):
        assert (tmp_path / "out" / f"scaling.{suffix}").stat().st_size > 5000
