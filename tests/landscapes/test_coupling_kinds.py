"""Kinds of couplings in a spherical glass: what each takes, what it needs, and what is said where it does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet import simulation
from spinnet.campaign.resolve import resolve_study
from spinnet.errors import InputError
from spinnet.kernels._jit import Kernel
from spinnet.landscapes import SphericalGlass, coupling_kinds
from spinnet.landscapes.coupling_kinds import EXACT, KINDS

GIBIBYTE = 2**30


@pytest.fixture
def small_memory(monkeypatch):
    monkeypatch.setattr("spinnet.landscapes.spherical_glass.available_memory", lambda: GIBIBYTE)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kernel_that_a_task_calls_was_prepared(kind, monkeypatch):
    study = {
        "study": {"name": "kinds"},
        "landscape": {"kind": "SphericalGlass", "n": 16, "covariance": {"3": 1.0}, "couplings": kind},
        "dynamics": {"kind": "GradientFlow"},
        "schedule": {"kind": "log", "first": 0.1, "last": 0.2, "per_decade": 4},
        "probes": {"energy": {}, "hessian_spectrum": {}, "lanczos": {}},
    }
    (point,) = resolve_study(study).arms["main"].points
    physics = {**point.physics, "sample": 0}
    called = set()
    call = Kernel.__call__

    def remembering(kernel, *arguments):
        called.add(kernel.__module__)
        return call(kernel, *arguments)

    monkeypatch.setattr(Kernel, "__call__", remembering)
    assert simulation.simulate(physics, 0.2).finished
    prepared = {name.partition(":")[0] for name in simulation.kernel_modules(physics)}
    assert called <= prepared, called - prepared
    others = {name for other in KINDS if other != kind for name in coupling_kinds.load_kind(other).kernels}
    assert prepared & set(coupling_kinds.load_kind(kind).kernels) and not prepared >= others


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_are_different_disorder_of_one_signal(kind):
    dense = SphericalGlass(12, couplings="dense", seed=3, planted={3: 1.0}, dtype="float64")
    glass = SphericalGlass(12, couplings=kind, seed=3, planted={3: 1.0}, dtype="float64")
    assert (glass.signal == dense.signal).all() and len(glass.terms) == 1
    x = glass.start(2, np.random.default_rng(0))
    assert (kind == "dense") == bool((glass.energy(x) == dense.energy(x)).all())


def test_options_are_in_the_table_where_they_are_used():
    plain = SphericalGlass.resolve({"n": 16})
    for kind in KINDS:
        table = SphericalGlass.resolve({"n": 16, "couplings": kind})
        assert table == {**plain, "couplings": kind} | ({"connectivity": 1} if kind == "diluted" else {})
        assert SphericalGlass(**table).n_couplings == {"diluted": 256}.get(kind, 816)
    diluted = SphericalGlass.resolve({"n": 16, "couplings": "diluted", "terms_per_spin": 8, "force": True})
    assert diluted["terms_per_spin"] == 8 and diluted["force"] is True and "connectivity" not in diluted
    assert SphericalGlass.resolve(diluted) == diluted
    written = {"connectivity": None, "terms_per_spin": None, "weights": "binary", "force": False, "strict": False}
    assert SphericalGlass.resolve({"n": 16, **written}) == plain


@pytest.mark.parametrize(
    "table, said",
    [
        ({"couplings": "dens"}, "did you mean 'dense'"),
        ({"connectivity": 2.0}, "connectivity = 2.0 does not go with couplings = 'dense': an option of 'diluted'"),
        ({"couplings": "hashed", "force": True}, "an option of 'diluted'"),
        ({"couplings": "binary", "weights": "gaussian"}, "an option of 'diluted'"),
        ({"couplings": "diluted", "strict": True}, "an option of 'dense', 'binary', 'hashed'"),
        ({"couplings": "diluted", "weights": "gausian"}, "did you mean 'gaussian'"),
        ({"couplings": "diluted", "connectivity": -1}, "above 0"),
        ({"couplings": "diluted", "connectivity": 1, "terms_per_spin": 3}, "give one of them"),
        ({"couplings": "diluted", "terms_per_spin": 3}, "force = true"),
        ({"couplings": "diluted", "planted_temperature": 0.7}, "use couplings = 'dense' or 'hashed'"),
        ({"couplings": "binary", "planted_temperature": 0.7}, "use couplings = 'dense' or 'hashed'"),
    ],
)
def test_a_bad_option_is_refused_in_one_line(table, said):
    with pytest.raises(InputError) as error:
        SphericalGlass.resolve({"n": 64, **table})
    assert said in str(error.value) and "\n" not in str(error.value)


def test_exact_kinds_take_a_planted_temperature():
    for kind in EXACT:
        glass = SphericalGlass(16, couplings=kind, planted_temperature=0.7)
        assert (glass.start(2, np.random.default_rng(0)) == glass.signal).all()


@pytest.mark.parametrize(
    "table, said",
    [
        ({"n": 4096}, ["dense couplings of p = 3 need 42.8 GiB, 1.0 GiB of memory are available", "fits in float32",
                       "n = 4096 fits with couplings = 'hashed'", "'diluted'"]),
        ({"n": 700, "covariance": {3: 1.0, 4: 1.0}}, ["p = 3 and p = 4", "'hashed'"]),
        ({"n": 1500}, ["'binary' (67.", "'hashed' (next to nothing)"]),
        ({"n": 20000, "couplings": "binary"}, ["binary couplings of p = 3", "n up to 3", " fits; n = 20000 fits with"]),
        ({"n": 65536, "covariance": {6: 1.0}}, ["n up to 6"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_says_which_sizes_and_kinds_would(small_memory, table, said):
    with pytest.raises(InputError) as error:
        SphericalGlass(**table)
    text = str(error.value)
    assert all(part in text for part in said) and "\n" not in text, text
    kind = table.get("couplings", "dense")
    assert f"couplings = {kind!r}" not in text


def test_what_does_not_fit_is_given_up_before_the_run(small_memory):
    physics = {"landscape": {"kind": "SphericalGlass", **SphericalGlass.resolve({"n": 4096})}}
    fits = {"landscape": {"kind": "SphericalGlass", **SphericalGlass.resolve({"n": 64})}}
    found = simulation.missing_data({"large": physics, "small": fits})
    assert set(found) == {"large"} and "n up to " in found["large"]


def test_a_size_that_is_named_as_fitting_fits(small_memory):
    with pytest.raises(InputError) as error:
        SphericalGlass(2000, dtype="float64")
    single = int(str(error.value).split("float64, up to ")[1].split()[0])
    assert SphericalGlass.memory_bytes(single, {3: 1.0}) <= GIBIBYTE < SphericalGlass.memory_bytes(single + 1, {3: 1.0})


def test_memory_of_a_task_follows_the_kind():
    needs = {}
    for kind in KINDS:
        table = SphericalGlass.resolve({"n": 2048, "couplings": kind})
        needs[kind] = SphericalGlass.task_memory_bytes(table, 1) - 32 * 2048**2
    assert needs["dense"] > 5 * GIBIBYTE and needs["binary"] < needs["dense"] / 30
    assert max(needs["hashed"], needs["diluted"]) < 2**25
    # No dense Hessian is planned for where none is made.
    table = SphericalGlass.resolve({"n": 40000, "couplings": "diluted"})
    assert SphericalGlass.task_memory_bytes(table, 8) < GIBIBYTE / 4
