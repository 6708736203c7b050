"""Checkpoints made elsewhere become configurations, or are refused in words."""

from __future__ import annotations

import numpy as np
import pytest
from reference.optional import require_torch

import spinnet.landscapes
from spinnet.errors import InputError

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def torch():
    return require_torch()


@pytest.fixture(scope="module")
def model(torch):
    rng = np.random.default_rng(0)
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 2))
    data = rng.standard_normal((8, 4)), rng.integers(0, 2, 8)
    return spinnet.landscapes.TorchLandscape(module, torch.nn.CrossEntropyLoss(), data)


@pytest.fixture(scope="module")
def load(torch):
    from spinnet.landscapes import torch_checkpoints

    return torch_checkpoints


def test_state_dicts_and_archives_of_one_model_are_one_configuration(torch, model, load, tmp_path):
    x = model.start(1, np.random.default_rng(1))[0]
    state = model.module_at(x).double().state_dict()
    wrapped = {f"module.{name}": value for name, value in state.items()}
    torch.save(state, tmp_path / "a.pt")
    torch.save({"epoch": 3, "model_state_dict": wrapped, "optimizer": {"lr": 0.1}}, tmp_path / "b.pth")
    np.savez(tmp_path / "c.npz", **{name: value.numpy() for name, value in state.items()})
    for name in ("a.pt", "b.pth", "c.npz"):
        np.testing.assert_allclose(load.load_configuration(model, tmp_path / name), x, atol=1e-7)


def test_a_trajectory_is_in_the_order_of_its_steps(torch, model, load, tmp_path):
    x = model.start(3, np.random.default_rng(1))
    for step, row in zip((0, 20, 100), x, strict=True):
        torch.save(model.module_at(row).state_dict(), tmp_path / f"step_{step}.pt")
    (tmp_path / "log.txt").write_text("not a checkpoint")
    for where in (tmp_path, str(tmp_path / "step_*.pt")):
        found = load.load_trajectory(model, where)
        assert found.steps.tolist() == [0, 20, 100] and len(found.paths) == 3
        np.testing.assert_allclose(found.x, x, atol=1e-7)


def test_what_cannot_be_used_is_refused_in_one_line(torch, model, load, tmp_path):
    torch.save(model.module_at(model.at_module()), tmp_path / "whole.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    held = {f"model.{name}": value for name, value in model.module_at(model.at_module()).state_dict().items()}
    torch.save({"state_dict": held, "epoch": 3, "optimizer": {"state": {}}}, tmp_path / "held.ckpt")
    np.testing.assert_array_equal(load.load_configuration(model, tmp_path / "held.ckpt"), model.at_module())
    torch.save(torch.nn.Linear(4, 3).state_dict(), tmp_path / "other.pt")
    state = model.module_at(model.at_module()).state_dict()
    torch.save({**state, "0.weight": torch.zeros(2, 2)}, tmp_path / "shape.pt")
    torch.save({**state, "0.bias": torch.full((3,), torch.nan)}, tmp_path / "nan.pt")
    (tmp_path / "torn.pt").write_bytes(b"PK")
    (tmp_path / "torn.npz").write_bytes(b"PK")
    for name, words in (
        ("whole.pt", r"save model.state_dict\(\)"), ("list.pt", "not a state dict"),
        ("other.pt", "there is no '0.weight'"),
        ("shape.pt", r"shape \(2, 2\), the model's has \(3, 4\)"), ("nan.pt", "diverged"),
        ("torn.pt", "cannot be read"), ("torn.npz", "cannot be read"),
        ("absent.pt", "there is no checkpoint"), ("a.bin", "ending '.bin'"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=words) as caught:
            load.load_configuration(model, tmp_path / name)
        assert "\n" not in str(caught.value) and name in str(caught.value)


def test_trajectories_without_steps_are_refused(torch, model, load, tmp_path):
    state = model.module_at(model.at_module()).state_dict()
    with pytest.raises(InputError, match="no checkpoints"):
        load.load_trajectory(model, tmp_path)
    torch.save(state, tmp_path / "final.pt")
    with pytest.raises(InputError, match="no number"):
        load.load_trajectory(model, tmp_path)
    (tmp_path / "final.pt").unlink()
    for name in ("step_7.pt", "epoch-07.pt"):
        torch.save(state, tmp_path / name)
    with pytest.raises(InputError, match="same step"):
        load.load_trajectory(model, tmp_path)
