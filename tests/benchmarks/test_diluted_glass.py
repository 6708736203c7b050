"""The benchmark of diluted glasses runs and compares like with like; nothing here looks at a clock's reading."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinnet.benchmarks import diluted_glass
from spinnet.landscapes.diluted_couplings import DilutedCouplings


@pytest.fixture
def small(monkeypatch):
    sizes = ((40, 1600, 4.0, 0.5), (90, 2000, 4.0, 1.0))
    for name, value in {"SIZES": sizes, "REPLICAS": 3, "PEER_TERMS": 700}.items():
        monkeypatch.setattr(diluted_glass, name, value)


def test_every_row_is_complete(small):
    rows = diluted_glass.run(quick=True)
    assert len(rows) == 4
    for row in rows:
        assert set(row) == {"name", "value", "reference", "ratio", "target", "unit"}
        assert row["ratio"] > 0 and math.isclose(row["ratio"], row["value"] / row["reference"])


def test_the_list_holds_terms_of_the_glass_from_everywhere(small):
    term = DilutedCouplings(60, 3, 1.0, 1, 0, "float32")
    sites, values = diluted_glass.some_terms(term, 700)
    assert 700 <= len(sites) == len(values) < 800 and sites.dtype == np.int32 and values.dtype == np.float32
    assert set(map(tuple, sites.tolist())) <= {tuple(row) for rows, _ in term.terms() for row in rows.tolist()}
    assert len(np.unique(sites)) == 60


def test_a_part_holds_the_first_terms():
    whole = DilutedCouplings(90, 3, 1.0, 1, 0, "float32")
    part = diluted_glass.first_part(whole, 2000)
    assert 2000 <= part.n_terms < whole.n_terms == diluted_glass.first_part(whole, 8100).n_terms == 8100
    (sites, values), (first_sites, first_values) = (next(term.terms()) for term in (whole, part))
    assert len(first_values) == part.n_terms
    assert (first_sites == sites[: part.n_terms]).all() and (first_values == values[: part.n_terms]).all()


def test_another_gradient_is_not_compared(small, monkeypatch):
    term = DilutedCouplings(40, 3, 1.0, 1, 0, "float32")
    x = np.random.default_rng(0).standard_normal((3, 40))
    diluted_glass.check(term, x)
    right = term.gradient
    monkeypatch.setattr(term, "gradient", lambda x: 1.01 * right(x))
    with pytest.raises(ArithmeticError, match="nothing was compared"):
        diluted_glass.check(term, x)
