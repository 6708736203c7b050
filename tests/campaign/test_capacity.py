"""What no task could do is refused before anything is touched, in one line."""

from __future__ import annotations

import pytest

from spinnet.campaign.capacity import refuse_what_cannot_fit
from spinnet.campaign.run import run_study
from spinnet.campaign.study import study_from_table
from spinnet.errors import InputError

_GLASS = {"kind": "SphericalGlass", "n": 16, "covariance": {"3": 1.0}}
_DIGITS = {"kind": "DenseNetwork", "data": "digits", "data_options": {"n_train": 200}}
_FLOW, _STILL = {"kind": "GradientFlow"}, {"kind": "Still"}


def study(landscape, dynamics, probe="energy", schedule=None, settings=None, **ensemble):
    return study_from_table({
        "study": {"name": "large"}, "landscape": landscape, "dynamics": dynamics, "ensemble": ensemble,
        "schedule": schedule or {"kind": "linear", "every": 1.0, "last": 1.0}, "probes": {probe: settings or {}},
    })  # fmt: skip


def levels(kind, n, **more):
    return {"kind": kind, "n": n, **more}


@pytest.mark.parametrize(
    ("landscape", "probe", "settings", "words"),
    [
        (levels("FoldingREM", 60), "funnel", {}, "probes.funnel: n = 60: funnels are exact for n up to 24"),
        (levels("FoldingREM", 20), "native_passage", {}, "probes.native_passage: n = 20: passage times are exact"),
        (levels("RandomEnergyModel", 50), "thermodynamics", {}, "n = 50: enumeration visits"),
        (levels("PSpinIsing", 30, p=3), "thermodynamics", {}, "n = 30: up to 2"),
        (levels("RandomEnergyModel", 30), "thermodynamics", {"overlap": "hypercube"}, "n = 30: overlap distributions"),
        (levels("RandomEnergyModel", 30), "density_of_states", {"width": 1.0}, "n = 30: levels are counted"),
        (levels("TeacherStudentPerceptron", 40, alpha=1.0, weights="ising"), "native_levels", {}, "n up to 28"),
    ],
)
def test_a_probe_of_all_levels_refuses_too_many_before_a_run(landscape, probe, settings, words):
    study({**landscape, "n": 10}, _STILL, probe, settings=settings)
    with pytest.raises(InputError, match=words):
        study(landscape, _STILL, probe, settings=settings)


@pytest.mark.parametrize("kind", ["SGD", "CooledSGD", "RMSProp"])
@pytest.mark.parametrize(
    ("landscape", "patterns"),
    [
        (_DIGITS, 200),
        ({**_DIGITS, "kind": "StructuredNetwork"}, 200),
        ({"kind": "LinearRegression", "patterns": 30}, 30),
        ({"kind": "DenseNetwork", "data": "xor", "hidden": [2], "loss": "logistic"}, 4),
    ],
)
def test_a_batch_is_not_larger_than_the_data(kind, landscape, patterns):
    sgd = {"kind": kind, "learning_rate": 0.1} | ({"duration": 10} if kind == "CooledSGD" else {})
    study(landscape, {**sgd, "batch": patterns})
    with pytest.raises(InputError, match=f"batch = {patterns + 1}: there are {patterns} patterns"):
        study(landscape, {**sgd, "batch": patterns + 1})


@pytest.mark.parametrize(
    ("landscape", "dynamics", "options"),
    [
        (_DIGITS, _FLOW, {"replicas": 10**9}),
        ({**_DIGITS, "hidden": [10**12]}, _FLOW, {}),
        ({**_DIGITS, "kind": "StructuredNetwork", "hidden": [10**9], "dropout": 0.5}, _FLOW, {}),
        (_GLASS, _FLOW, {"replicas": 10**12}),
        (levels("RandomEnergyModel", 16), _STILL, {"replicas": 10**12}),
        ({"kind": "LinearRegression"}, _FLOW, {"replicas": 10**11}),
        (_GLASS, _FLOW, {"schedule": {"kind": "linear", "every": 1e-12, "last": 10.0}}),
        (_GLASS, _FLOW, {"schedule": {"kind": "log", "per_decade": 10**12}}),
    ],
)
def test_what_no_machine_holds_is_refused_and_no_folder_is_made(landscape, dynamics, options, tmp_path):
    large = study(landscape, dynamics, **options)
    with pytest.raises(InputError, match=r"arm main, all: a task .*GiB of memory, and this machine has"):
        run_study(large, tmp_path / "out", jobs=1)
    assert not (tmp_path / "out").exists()


def test_small_studies_and_unknown_machines_are_let_through(monkeypatch):
    small = study(_GLASS, _FLOW)
    refuse_what_cannot_fit(small)
    monkeypatch.setattr("spinnet.campaign.capacity.whole_memory", lambda: 1000)
    with pytest.raises(InputError, match="submit it to a larger machine"):
        refuse_what_cannot_fit(small)
    monkeypatch.setattr("spinnet.campaign.capacity.whole_memory", lambda: None)
    refuse_what_cannot_fit(small)
