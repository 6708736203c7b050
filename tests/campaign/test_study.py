"""A campaign file means one set of tasks; whatever else is in it is refused by name, before anything runs."""

from __future__ import annotations

import dataclasses
import json
import random
import tomllib

import pytest

from spinnet.campaign.study import Study, load_study, study_from_table
from spinnet.errors import CapabilityError, InputError, SpinnetError

GLASS = """
[study]
name = "mine"
title = "A study"
seed = 3

[probes.energy]

[landscape]
kind = "SphericalGlass"
covariance = {3 = 1.0}

[dynamics]
kind = "GradientFlow"

[schedule]
kind = "log"
first = 0.1
last = 10
per_decade = 4

[ensemble]
n = [16, 32]
samples = 3
replicas = 2

[preset.quick.ensemble]
samples = 1

[preset.long.schedule]
last = 1000
"""

TWO_ARMS = """
[study]
name = "two"

[probes.energy]

[arm.cold.landscape]
kind = "SphericalGlass"
covariance = {3 = 1.0}
[arm.cold.dynamics]
kind = "Langevin"
step = 0.01
[arm.cold.schedule]
kind = "linear"
every = 1
last = 10
[arm.cold.ensemble]
temperature = [0.5, 1.0]
n = 16

[arm.flow.landscape]
kind = "SphericalGlass"
covariance = {3 = 1.0}
n = 16
[arm.flow.dynamics]
kind = "GradientFlow"
[arm.flow.schedule]
kind = "log"
[arm.flow.probes.gradient_norm]

[compare]
left = "flow"
right = "cold"
"""


def study(text=GLASS, preset=None, **changes):
    """A study from a text, with dotted keys changed: study(**{"ensemble.samples": 4}); None removes a key."""
    table = tomllib.loads(text)
    for dotted, value in changes.items():
        *path, last = dotted.split(".")
        place = table
        for part in path:
            place = place.setdefault(part, {})
        if value is None:
            place.pop(last)
        else:
            place[last] = value
    return study_from_table(table, preset)


def identities(text=GLASS, preset=None, **changes):
    return [task.id for task in study(text, preset, **changes).tasks()]


def test_points_and_samples_become_tasks_with_complete_physics():
    found = study()
    tasks = found.tasks()
    assert [(task.arm, task.point, task.sample) for task in tasks] == [
        ("main", f"n={n}", sample) for n in (16, 32) for sample in range(3)
    ]
    physics = tasks[4].physics
    assert physics["landscape"]["kind"] == "SphericalGlass" and physics["landscape"]["n"] == 32
    assert physics["landscape"]["covariance"] == {"3": 1} and physics["landscape"]["revision"] >= 1
    assert (physics["seed"], physics["sample"], physics["replicas"]) == (3, 1, 2)
    assert physics["schedule"] == {"kind": "log", "first": 0.1, "per_decade": 4}
    assert tasks[0].last == 10 and "seed" not in physics["landscape"]
    assert set(physics["probes"]) == {"energy"} and physics["probes"]["energy"]["revision"] >= 1
    assert len({task.id for task in tasks}) == 6 and all(len(task.id) == 16 for task in tasks)


def test_arms_have_their_own_parts_and_share_probes():
    arms = study(TWO_ARMS).arms
    assert [point.label for point in arms["cold"].points] == ["temperature=0.5,n=16", "temperature=1,n=16"]
    assert [point.label for point in arms["flow"].points] == ["all"]
    assert set(arms["cold"].points[0].physics["probes"]) == {"energy"}
    assert set(arms["flow"].points[0].physics["probes"]) == {"energy", "gradient_norm"}
    assert arms["cold"].points[0].physics["dynamics"]["temperature"] == 0.5


def test_an_identity_is_a_hash_of_the_physics_alone():
    first = identities()
    same = [
        {"schedule.last": 500},
        {"study.title": "Another title"},
        {"compare.level": 0.01},
        {"execution.jobs": 7},
        {"ensemble.n": [16.0, 32]},
        {"landscape.covariance": {"3": 1}},
        {"dynamics.tolerance": 1e-4},  # the default, written out
    ]
    for changes in same:
        assert identities(**changes) == first, changes
    other = [
        {"study.seed": 4},
        {"ensemble.replicas": 3},
        {"schedule.per_decade": 5},
        {"schedule.first": 0.2},
        {"dynamics.tolerance": 1e-5},
        {"landscape.covariance": {"3": 1, "2": 0.1}},
        {"probes.gradient_norm": {}},
    ]
    for changes in other:
        assert not set(identities(**changes)) & set(first), changes


def test_more_sizes_and_samples_keep_the_identities_of_the_others():
    larger = identities(**{"ensemble.n": [8, 16, 32, 64], "ensemble.samples": 5})
    assert set(identities()) < set(larger) and len(larger) == 20


def test_a_raised_revision_changes_identities(monkeypatch):
    from spinnet.landscapes import SphericalGlass

    before = identities()
    monkeypatch.setattr(SphericalGlass, "revision", SphericalGlass.revision + 1)
    assert not set(identities()) & set(before)


def test_presets_are_laid_over_the_file():
    assert len(study(preset="quick").tasks()) == 2 and study(preset="quick").preset == "quick"
    assert study(preset="long").tasks()[0].last == 1000
    assert identities(preset="long") == identities()


def test_a_study_survives_its_json():
    found = study(TWO_ARMS)
    assert Study.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    assert [t.id for t in Study.from_dict(json.loads(json.dumps(found.as_dict()))).tasks()] == [
        task.id for task in found.tasks()
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"stdy": {}}, ["stdy", "did you mean 'study'"]),
        ({"study.nme": "x"}, ["study.nme", "did you mean 'name'"]),
        ({"study.name": None}, ["study.name is missing"]),
        ({"study.name": "a/b"}, ["study.name", "'a/b'"]),
        ({"study.name": 3}, ["study.name = 3"]),
        ({"study.seed": -1}, ["study.seed = -1"]),
        ({"study.seed": 1.5}, ["study.seed = 1.5"]),
        ({"study": 3}, ["study = 3", "table"]),
        ({"landscape.kind": "SphericalGlas"}, ["landscape.kind", "did you mean 'SphericalGlass'"]),
        ({"landscape.kind": None}, ["landscape.kind is missing"]),
        ({"landscape.kind": ["SphericalGlass"]}, ["landscape.kind", "text"]),
        ({"landscape.covarince": {"3": 1}}, ["landscape.covarince", "did you mean 'covariance'"]),
        ({"landscape.covariance": {"1": 1.0}}, ["landscape: covariance"]),
        ({"landscape.covariance": {"3": -1.0}}, ["landscape: covariance"]),
        ({"landscape.covariance": 3}, ["landscape"]),
        ({"landscape.seed": 3}, ["landscape.seed", "study.seed"]),
        ({"landscape.sample": 3}, ["landscape.sample", "ensemble.samples"]),
        ({"figures": {"draw": ["relaxatoin"]}}, ["figures.draw = 'relaxatoin'", "did you mean 'relaxation'"]),
        ({"dynamics.kind": "GradientFow"}, ["dynamics.kind", "did you mean 'GradientFlow'"]),
        ({"dynamics.tolerence": 1}, ["dynamics.tolerence", "did you mean 'tolerance'"]),
        ({"dynamics.tolerance": -1}, ["dynamics: tolerance"]),
        ({"dynamics": None}, ["dynamics is missing"]),
        ({"schedule.kind": "lg"}, ["schedule.kind", "did you mean 'log'"]),
        ({"schedule.lst": 4}, ["schedule.lst", "did you mean 'last'"]),
        ({"schedule.last": -4}, ["schedule: last"]),
        ({"schedule.last": "long"}, ["schedule: last"]),
        ({"probes.enery": {}}, ["probes.enery", "did you mean 'energy'"]),
        ({"probes.energy.window": 3}, ["probes.energy.window"]),
        ({"probes.energy": 3}, ["probes.energy = 3"]),
        ({"ensemble.sampls": 3}, ["ensemble.sampls", "did you mean 'samples'"]),
        ({"ensemble.samples": 0}, ["ensemble.samples = 0"]),
        ({"ensemble.samples": True}, ["ensemble.samples = True"]),
        ({"ensemble.replicas": "many"}, ["ensemble.replicas = 'many'"]),
        ({"ensemble.n": []}, ["ensemble.n is an empty list"]),
        ({"ensemble.n": [16, -32]}, ["landscape: n = -32"]),
        ({"ensemble.n": ["x"]}, ["landscape: n = 'x'"]),
        ({"ensemble.n": [16, 16.0]}, ["ensemble holds the point n=16 twice"]),
        ({"ensemble.samples": 10**7}, ["ensemble makes 20000000 tasks"]),
        ({"landscape.n": 16}, ["ensemble.n is also set"]),
        ({"ensemble.n": None}, ["landscape.n is missing"]),
        ({"compare.lvel": 0.1}, ["compare.lvel", "did you mean 'level'"]),
        ({"compare.left": "man"}, ["compare.left = 'man'", "did you mean 'main'"]),
        ({"compare.pairs": [["n=16", "n=30"]]}, ["compare.pairs", "'n=30'"]),
        ({"figures.drw": []}, ["figures.drw", "did you mean 'draw'"]),
        ({"figures.draw": "all"}, ["figures.draw"]),
        ({"execution.job": 2}, ["execution.job", "did you mean 'jobs'"]),
        ({"execution.jobs": 0}, ["execution.jobs = 0"]),
        ({"arm.a.landscape": {}}, ["[landscape] stands beside"]),
        ({"preset.quick.ensemble.sampls": 3}, ["ensemble.sampls", "(with preset.quick)"]),
        ({"preset.quick": 3}, ["preset.quick = 3"]),
        ({"preset.quick.landscape.kind": "Nothing"}, ["landscape.kind", "(with preset.quick)"]),
    ],
    ids=lambda value: ",".join(f"{k}={v}" for k, v in value.items())[:60] if isinstance(value, dict) else "",
)
def test_mistakes_are_named_by_their_dotted_key(changes, words):
    with pytest.raises(InputError) as caught:
        study(**changes)
    line = str(caught.value)
    assert "\n" not in line
    for word in words:
        assert word in line
    assert ("(with preset" in line) == any(key.startswith("preset.quick.") for key in changes)


def test_mistakes_in_an_arm_are_named_with_the_arm():
    with pytest.raises(InputError, match=r"arm\.cold\.ensemble\.temprature .* .did you mean 'temperature'"):
        study(TWO_ARMS, **{"arm.cold.ensemble.temprature": [1.0]})
    with pytest.raises(InputError, match=r"arm\.flow\.dynamic is not known .did you mean 'dynamics'"):
        study(TWO_ARMS, **{"arm.flow.dynamic": {}})
    with pytest.raises(InputError, match=r"there is no preset 'quik'; there is none"):
        study(TWO_ARMS, preset="quik")
    with pytest.raises(InputError, match="did you mean 'quick'"):
        study(preset="quik")


def test_a_missing_capability_is_named_before_anything_runs():
    with pytest.raises(CapabilityError, match="SGD needs SumOfTerms, which SphericalGlass does not offer"):
        study(**{"dynamics": {"kind": "SGD", "learning_rate": 0.1, "batch": 5}})
    ising = {"landscape": {"kind": "TeacherStudentPerceptron", "alpha": 1.0}, "probes": {"energy": {}},
             "dynamics": {"kind": "HitAndRun"}, "ensemble": {"n": [10], "temperature": 0.1}}  # fmt: skip
    with pytest.raises(CapabilityError, match=r"HitAndRun needs HalfSpaces, .*: weights = 'spherical' has it"):
        study_from_table({"study": {"name": "wrong", "seed": 1}, "schedule": {"kind": "log", "last": 2}, **ising})


def test_the_same_physics_with_two_lengths_is_refused():
    flow = tomllib.loads(TWO_ARMS)["arm"]["flow"]
    twin = {**flow, "schedule": {"kind": "log", "last": 7}}
    with pytest.raises(InputError, match=r"arm\.twin repeats the point all of arm\.flow"):
        study(TWO_ARMS, **{"arm.twin": twin})
    assert len(study(TWO_ARMS, **{"arm.twin": flow}).tasks()) == 3  # shared tasks run once
    assert len(study(TWO_ARMS, **{"arm.twin": {**twin, "seed": 8}}).tasks()) == 4


def test_shared_tasks_run_to_the_greater_length():
    arms = study(TWO_ARMS).arms
    twins = {"first": arms["flow"], "second": dataclasses.replace(arms["flow"], last=2 * arms["flow"].last)}
    for order in (("first", "second"), ("second", "first")):
        (task,) = Study("two", "two", {name: twins[name] for name in order}).tasks()
        assert task.last == twins["second"].last


def test_every_figure_can_be_asked_for():
    from spinnet.plotting import FIGURES

    assert study(**{"figures": {"draw": list(FIGURES)}}).figures == {"draw": list(FIGURES)}


def load_error(tmp_path, content):
    path = tmp_path / "study.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SpinnetError) as caught:
        load_study(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


def test_syntax_errors_name_file_and_line(tmp_path):
    assert ", line 3: " in load_error(tmp_path, '[study]\nname = "x"\nseed == 3\n')
    assert ", line 2: " in load_error(tmp_path, '[study]\nname = "x')
    assert ", line 2: not UTF-8" in load_error(tmp_path, b'[study]\nname = "\xff"\n')
    assert "study.when" in load_error(tmp_path, "[study]\nwhen = 2020-01-01\n")
    assert "study.seed = inf" in load_error(tmp_path, "[study]\nseed = inf\n")
    assert "2^63" in load_error(tmp_path, f"[study]\nseed = {2**70}\n")
    assert "study.nam" in load_error(tmp_path, '[study]\nnam = "x"\n')
    load_error(tmp_path, "a = " + "[" * 20_000)
    with pytest.raises(InputError, match="does not exist"):
        load_study(tmp_path / "nothing.toml")
    with pytest.raises(InputError, match="is a folder"):
        load_study(tmp_path)


def test_mutated_files_are_read_or_refused_in_one_line(tmp_path):
    """Two hundred files with bytes changed, lines lost, doubled or swapped: never a traceback."""
    rng = random.Random(1)
    path = tmp_path / "study.toml"
    refused = 0
    for _ in range(200):
        lines = (GLASS if rng.random() < 0.5 else TWO_ARMS).split("\n")
        for _ in range(rng.randint(1, 3)):
            k, other = rng.randrange(len(lines)), rng.randrange(len(lines))
            kind = rng.randrange(5)
            if kind == 0:
                del lines[k]
            elif kind == 1:
                lines[k] = lines[other]
            elif kind == 2 and lines[k]:
                place = rng.randrange(len(lines[k]))
                lines[k] = lines[k][:place] + chr(rng.choice([0, 34, 46, 61, 91, 93, 123, 955, 48])) + lines[k][place:]
            elif kind == 3 and "=" in lines[k]:
                values = ["-1", "0", "[]", "{}", '""', "true", "1e308", "[[1]]", "{a = 1}", "99999999", "nan"]
                lines[k] = lines[k].split("=")[0] + f"= {rng.choice(values)}"
            else:
                lines[k], lines[other] = lines[other], lines[k]
        path.write_text("\n".join(lines), encoding="utf-8")
        try:
            assert load_study(path).tasks()
        except SpinnetError as error:
            refused += 1
            assert str(path) in str(error) and "\n" not in str(error)
    assert 50 < refused < 200


def test_a_file_of_another_schema_is_no_study():
    table = study().as_dict()
    mistakes = [({"schema": "other"}, "not hold"), ({"schema_version": 9}, "another version"), ({"arms": 3}, "damaged")]
    for changes, word in mistakes:
        with pytest.raises(InputError, match=word):
            Study.from_dict({**table, **changes})
    assert dataclasses.replace(study(), title="x").physics == study().physics
