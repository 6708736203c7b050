"""``spinnet probe torch``: from a person's file to a result, a figure and findings, or to one line that says why."""

from __future__ import annotations

import json
import os

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from reference.optional import require_torch

from spinnet.cli import main
from spinnet.results import read_result, validate_file

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

MODEL = """
import numpy as np
from torch import nn

def make():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((24, 6))
    targets = (inputs[:, 0] > 0).astype(int) + (inputs[:, 1] > 0)
    module = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3))
    return {"module": module, "loss": nn.CrossEntropyLoss(), "data": (inputs, targets), "steps": 60, "batch": 8,
            "band_steps": 5, "images": 5, "points": 9,
            "test_data": (inputs[::2] + 0.1, targets[::2])}

def short():
    print("not of the command")
    return tuple(make()[name] for name in ("module", "loss", "data"))

def pair():
    return 1, 2

def number():
    return 3

def typo():
    return {**make(), "learning_rat": 1.0}

def without():
    return {"module": make()["module"]}

def failing():
    x = 1
    raise ValueError("no such thing\\nat all")

def dropping():
    made = make()
    made["module"] = nn.Sequential(nn.Linear(6, 4), nn.Dropout(), nn.Linear(4, 3))
    return made

def overflowing():
    return {**make(), "learning_rate": 1e12, "loss": nn.MSELoss(), "data": (made := np.ones((9, 6)), 5 * made[:, :3])}

def leaving():
    raise SystemExit(0)

def alone():
    return {**make(), "module": nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 3)), "batch": 1}

not_a_function = 5
"""


@pytest.fixture(scope="module")
def torch():
    return require_torch()


@pytest.fixture
def folder(torch, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


def probe(*arguments):
    return CliRunner().invoke(main, ["probe", "torch", *arguments])


@pytest.fixture(scope="module")
def measured(torch, tmp_path_factory):
    """One measurement with everything in it, and what was printed."""
    place = tmp_path_factory.mktemp("measured")
    (place / "model.py").write_text(MODEL)
    before = os.getcwd()
    os.chdir(place)
    try:
        done = probe("model.py:make", "-o", "net.h5")
    finally:
        os.chdir(before)
    assert done.exit_code == 0, done.output + repr(done.exception)
    return place / "net.h5", done.output


def test_everything_is_measured_beside_its_nulls_and_drawn(measured):
    path, output = measured
    assert {p.name for p in path.parent.iterdir()} == {"model.py", "net.h5", "net.pdf", "net.png"}
    result = read_result(path)
    shapes = {name: variable.data.shape for name, variable in result.variables.items()}
    for arm in ("trained", "untrained", "shuffled"):
        assert shapes[f"{arm}/spectrum/eigenvalue"] == (5, 43) and shapes[f"{arm}/barriers/height"] == (10,)
        assert shapes[f"{arm}/barriers/aligned_height"] == shapes[f"{arm}/overlaps/weights_aligned"] == (10,)
        assert shapes[f"{arm}/overlaps/weights"] == (10,) and shapes[f"{arm}/endpoint/test_accuracy"] == (5,)
    for arm in ("trained", "shuffled"):
        assert shapes[f"{arm}/two_time/displacement"][:2] == (5, 3)
    assert shapes["trained/band/upper_bound"] == (5,)
    assert shapes["untrained/band/upper_bound"] == shapes["shuffled/band/upper_bound"] == (2,)
    assert shapes["glass/spectrum/eigenvalue"] == (5, 43) and shapes["glass/barriers/height"] == (10,)
    assert (result.variables["trained/trajectory/time"].data[[0, -1]] == [0, 60]).all()
    loss = [result.variables[f"{arm}/endpoint/energy_density"].data.mean() for arm in ("trained", "untrained")]
    assert loss[0] < loss[1]
    assert "torch" in json.loads(result.attributes["configuration"]) and result.provenance["packages"]
    for words in ("43 parameters, 24 patterns, 5 seeds", "spacing ratio", "Ageing, trained", "Elastic bands", "null"):
        assert words.lower() in output.lower()


def test_the_file_is_one_of_the_house(measured, tmp_path):
    path, _ = measured
    assert validate_file(path) == []
    told = json.loads(CliRunner().invoke(main, ["info", str(path), "--json"]).output)
    assert told["what"] == "measurement of one model" and told["configuration"]["settings"]["seeds"] == 5
    refused = CliRunner().invoke(main, ["rerun", str(path)])
    assert refused.exit_code == 2 and "measured again by the command" in refused.output
    exported = CliRunner().invoke(main, ["export", str(path), str(tmp_path / "table.csv")])
    text = (tmp_path / "table.csv").read_text()
    assert exported.exit_code == 0 and text.startswith("quantity,") and "\nspacing ratio," in text
    (tmp_path / "table.csv").unlink()
    drawn = CliRunner().invoke(main, ["plot", str(path), "-o", str(tmp_path)])
    assert drawn.exit_code == 0 and {p.name for p in tmp_path.iterdir()} == {"net.pdf", "net.png"}
    assert (tmp_path / "net.png").read_bytes() == path.with_suffix(".png").read_bytes()


def test_hessians_and_barriers_are_those_of_the_landscape(measured, torch):
    from spinnet.probes.paths import barriers
    from spinnet.torch_models.measurement import Measurement
    from spinnet.torch_models.model_file import load_model
    from spinnet.torch_models.settings import resolve

    path, _ = measured
    model = load_model(str(path.parent / "model.py"))
    landscape = Measurement(model, resolve(model.options, {})).landscape
    result = read_result(path)
    x = result.variables["trained/endpoint/configuration"].data
    values = np.linalg.eigvalsh(landscape.hessian(x[2]))
    found = result.variables["trained/spectrum/eigenvalue"].data[2]
    np.testing.assert_allclose(found, values, atol=1e-9 * np.abs(values).max())
    height = barriers(landscape, x[:1], x[1:2], 9).height[0]
    assert abs(result.variables["trained/barriers/height"].data[0] - height) < 1e-12


def test_an_interrupted_measurement_goes_on_with_the_same_bits(measured, folder):
    from spinnet.torch_models import result_file
    from spinnet.torch_models.measurement import Measurement
    from spinnet.torch_models.model_file import load_model
    from spinnet.torch_models.settings import resolve

    model = load_model("model.py:make")
    settings = resolve(model.options, {})
    target, rounds = folder / "again.h5", 0
    for parts in (1, 7, 19, 100):  # done before each interruption
        measurement, asked = Measurement(model, settings), iter(range(parts + rounds))
        result_file.resume(measurement, target, lambda line: None)
        rounds = len(measurement.done)
        measurement.run(lambda asked=asked: next(asked, None) is None, lambda share, words: None)
        result_file.keep(measurement, target)
    assert rounds >= 20
    whole = read_result(measured[0]).variables
    for name, variable in measurement.variables().items():
        np.testing.assert_array_equal(np.asarray(variable.data), whole[name].data, err_msg=name)


def test_a_checkpoint_of_other_settings_is_not_used(folder):
    from spinnet.torch_models import result_file
    from spinnet.torch_models.measurement import Measurement
    from spinnet.torch_models.model_file import load_model
    from spinnet.torch_models.settings import resolve

    model, said = load_model("model.py"), []
    first, other = (Measurement(model, resolve(model.options, {"steps": steps, "seeds": 2})) for steps in (5, 6))
    first.run(lambda: True, lambda share, words: None)
    result_file.keep(first, folder / "net.h5")
    result_file.resume(other, folder / "net.h5", said.append)
    assert not other.done and "other settings" in said[0]


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["absent.py:make"], "absent.py does not exist"),
        (["folder"], "is a folder"),
        (["notes.txt"], "no Python file"),
        (["model.py:mak"], "no function 'mak' (did you mean 'make'?)"),
        (["model.py:not_a_function"], "no function 'not_a_function'"),
        (["model.py:pair"], "returns 2 things"),
        (["model.py:number"], "returns a int"),
        (["model.py:typo"], "did you mean 'learning_rate'?"),
        (["model.py:without"], "without loss, data"),
        (["model.py:failing"], "line 32: ValueError: no such thing"),
        (["model.py:leaving"], "SystemExit"),
        (["model.py:alone"], "batch = 1: module cannot take a minibatch of this size"),
        (["model.py:dropping"], "module.eval()"),
        (["broken.py"], "broken.py, line 2: "),
        (["importing.py"], "line 1: ModuleNotFoundError"),
        (["model.py", "--probes", "hesian"], "did you mean 'hessian'?"),
        (["model.py", "--probes", ","], "no probe was asked for"),
        (["model.py", "--seeds", "0"], "seeds = 0"),
        (["model.py", "--batch", "0"], "batch = 0"),
        (["model.py", "--batch", "100"], "batch = 100: the data have 24 patterns; give a number from 1 to 24"),
        (["model.py", "--seeds", "1", "--probes", "barriers"], "2 seeds or more"),
        (["model.py", "--learning-rate", "-1"], "learning_rate = -1"),
        (["model.py", "--dtype", "float16"], "dtype = 'float16'"),
        (["model.py", "--device", "abacus"], "device = 'abacus'"),
        (["model.py", "--checkpoints", "nowhere"], "there are no checkpoints"),
        (["model.py", "-o", "net.txt"], "ending .h5"),
        (["model.py", "-o", "there/net.h5"], "does not exist"),
        (["model.py", "-o", "old.h5"], "--force"),
    ],
)
def test_wrong_input_is_one_line_and_touches_nothing(folder, arguments, words):
    (folder / "broken.py").write_text("x = 1\ndef make(:\n")
    (folder / "importing.py").write_text("import a_module_that_is_not_there\n")
    (folder / "notes.txt").write_text("x")
    (folder / "old.h5").write_text("mine")
    (folder / "folder").mkdir()
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    done = probe(*arguments)
    assert done.exit_code == 2, done.output
    assert done.output.count("\n") == 1 and words in done.output, done.output
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


def test_json_and_force_and_fewer_probes(folder, monkeypatch):
    from spinnet.plotting import model_surface

    monkeypatch.setattr(model_surface, "draw_model", lambda path, folder: [])  # the figure has tests of its own
    (folder / "net.h5").write_text("old")
    few = ("--probes", "energies,overlaps", "--steps", "10", "--seeds", "3", "--batch", "4")
    done = probe("model.py:short", *few, "--json", "--force", "-o", "net.h5")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)  # what the model prints goes elsewhere
    assert "not of the command" in done.stderr and told["settings"]["steps"] == 10 and told["parameters"] == 43
    assert {"loss per pattern", "overlap of weights"} <= {row["quantity"] for row in told["rows"]}
    with h5py.File("net.h5") as file:
        assert "spectrum" not in file["trained"] and "two_time" not in file["trained"]


def test_diverged_runs_are_kept_and_said(folder):
    done = probe("model.py:overflowing", "--seeds", "2", "--steps", "80", "-o", "net.h5")
    assert done.exit_code == 0, done.output + repr(done.exception)
    assert "DIVERGED, trained: 2 of 2 runs" in " ".join(done.output.split())
    result = read_result("net.h5")
    assert result.variables["trained/endpoint/diverged"].data.all()
    assert np.isnan(result.variables["trained/spectrum/eigenvalue"].data).all()


def test_large_models_have_quadratures_with_residuals_and_no_index(folder, monkeypatch):
    from spinnet.torch_models import measurement, parts

    for module in (measurement, parts):
        monkeypatch.setattr(module, "DENSE_LIMIT", 10)
    done = probe("model.py", "--probes", "hessian", "--seeds", "2", "--steps", "5", "-o", "net.h5")
    assert done.exit_code == 0, done.output + repr(done.exception)
    result = read_result("net.h5")
    assert result.variables["trained/spectrum/node"].data.shape == (2, 4, 43)
    assert result.variables["trained/spectrum/converged"].data.all()
    assert not any("index" in name for name in result.variables if not name.startswith("glass"))
    assert "2 of 2 pairs of extremes are converged" in " ".join(done.output.split())


def test_the_shipped_example_can_be_copied_and_makes_a_landscape(folder):
    from spinnet.torch_models.measurement import Measurement
    from spinnet.torch_models.model_file import load_model
    from spinnet.torch_models.settings import resolve

    assert "digits_convnet" in CliRunner().invoke(main, ["example", "list"]).output
    assert CliRunner().invoke(main, ["example", "copy", "digits_convnet"]).exit_code == 0
    model = load_model("digits_convnet.py")
    measurement = Measurement(model, resolve(model.options, {}))
    assert measurement.landscape.n_dof == 512 and measurement.landscape.batched and measurement.start.shape == (5, 512)
    symmetry = measurement.landscape.symmetry
    assert [(group.units, group.signs) for group in symmetry.groups] == [(4, True), (6, True)]


def test_checkpoints_made_elsewhere_are_measured_without_training(folder, torch, monkeypatch):
    from spinnet.plotting import model_surface
    from spinnet.torch_models.model_file import load_model

    monkeypatch.setattr(model_surface, "draw_model", lambda path, folder: [])

    for run in range(2):
        (folder / f"run{run}").mkdir()
        for step in (0, 10, 20, 40):
            model = load_model("model.py").make_module()
            torch.save(model.state_dict(), folder / f"run{run}" / f"step_{step}.pt")
    done = probe("model.py", "--checkpoints", "run0", "--checkpoints", "run1", "-o", "net.h5")
    assert done.exit_code == 0, done.output + repr(done.exception)
    result = read_result("net.h5")
    assert result.variables["trained/trajectory/energy_density"].data.shape == (2, 4)
    assert result.variables["trained/two_time/displacement"].data.shape[:2] == (2, 3)
    assert not any(name.startswith("shuffled") for name in result.variables)
    assert "null of shuffled targets" in " ".join(done.output.split())
    (folder / "run1" / "step_40.pt").rename(folder / "run1" / "step_41.pt")
    assert "other steps" in probe("model.py", "--checkpoints", "run0", "--checkpoints", "run1", "-o", "x.h5").output
