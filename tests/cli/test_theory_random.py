"""``spinnet theory`` for random energies and funnels: the promised keys, right values, one line for bad input."""

from __future__ import annotations

import json

import click
import pytest
from click.testing import CliRunner

from spinnet.cli.theory_random import COMMANDS
from spinnet.errors import InputError

NAMES = {command.name: command for command in COMMANDS}


def run(line: str):
    name, *arguments = line.split()
    return CliRunner().invoke(NAMES[name], arguments)


def values(line: str) -> dict:
    done = run(line + " --json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_the_random_energy_model_has_the_promised_keys():
    found = values("random-energy --n 10 --beta 2.5")
    assert found["temperature_critical"] == pytest.approx(0.60056120, abs=5e-9)
    assert found["free_energy_limit"] == pytest.approx(2.5 * 0.83255461, abs=2e-8)
    assert found["mean_log_partition"] == pytest.approx(18.795341, abs=6e-7)
    assert found["participation_ratio"] == pytest.approx(0.445353, abs=6e-7)
    assert found["mean_ground_state"] == pytest.approx(-7.26328456, abs=6e-9)


def test_trees_keep_the_keys_of_the_random_energy_model():
    plain = values("random-energy --n 10 --beta 2.5")
    levels = values("random-energy --n 10 --beta 2.5 --levels 0.7:0.5,0.3:0.5")
    assert levels["temperatures_critical"] == pytest.approx([0.71059360, 0.46519271], abs=5e-9)
    assert levels["free_energy_limit"] == pytest.approx(2.03748241, abs=5e-9)
    continuous = values("random-energy --n 10 --beta 2.5 --covariance 2x-x^2")
    assert continuous["ground_state_limit"] == pytest.approx(-0.78494002, abs=5e-9)
    shared = {
        "temperature_critical",
        "free_energy_limit",
        "mean_log_partition",
        "participation_ratio",
        "mean_ground_state",
    }
    assert shared <= set(plain) & set(levels) & set(continuous)


def test_one_level_is_the_random_energy_model_on_the_command_line_too():
    plain, level = (values(f"random-energy --n 12 --beta 2 {more}") for more in ("", "--levels 1:1"))
    for key in (
        "temperature_critical",
        "free_energy_limit",
        "mean_log_partition",
        "participation_ratio",
        "mean_ground_state",
    ):
        assert level[key] == pytest.approx(plain[key], rel=1e-10)


def test_without_a_size_only_limits_are_given():
    assert "mean_log_partition" not in values("random-energy --beta 2.5")
    assert values("random-energy --beta 2.5 --distribution exponential")["temperature_critical"] == 1
    assert values("random-energy --beta 2.5 --covariance sqrt(x)")["temperature_critical"] is None


@pytest.mark.parametrize(
    "line, expected",
    [
        ("funnel --stability 1.6", {"folding_to_glass_ratio": 2.84899960, "state": "folded"}),
        ("funnel --stability 1.05", {"folding_to_glass_ratio": 1.37015621, "state": "unfolded"}),
        ("funnel --stability 0.9", {"folding_to_glass_ratio": None, "state": "unfolded"}),
        ("funnel --gap -3 --roughness 2 --entropy 9", {"folding_to_glass_ratio": None, "state": "unfolded"}),
        ("perceptron --kind spherical --alpha 2", {"overlap": 0.728298, "generalisation_error_gibbs": 0.240312}),
        ("perceptron --kind ising --alpha 0.5", {"overlap": 0.293089, "entropy": 0.372133}),
        ("perceptron --kind ising --alpha 1.3", {"overlap": 1, "generalisation_error_bayes": 0, "entropy": 0}),
        ("hopfield --alpha 0.1", {"overlap": 0.99799927, "capacity": 0.13790557}),
        ("hopfield --alpha 0.2", {"overlap": 0, "state": "spin glass"}),
        (
            "planted --p 3 --snr 2.0",
            {"overlap": 0.78867513, "spinodal_snr": 1.63299316, "information_threshold_snr": 1.70632748},
        ),
        ("planted --p 3 --snr 1.65", {"equilibrium_overlap": 0}),
        ("planted --p 3 --snr 1", {"overlap": 0}),
        ("ising-pspin --p 3", {"dynamic_temperature": 0.681598, "static_temperature": 0.651385}),
        ("trap --x 0.5 --ratio 1", {"no_jump_limit": 0.5}),
        ("log-correlated --beta 0.5", {"mean_log_partition": -0.05897704, "free_energy_slope": -2.5}),
        ("log-correlated --beta 2", {"mean_log_partition": None, "free_energy_slope": -2}),
        ("wells --width-ratio 1.5 --dimension 10", {"mass_ratio": 57.6650390625}),
    ],
)
def test_commands_give_the_reference_values(line, expected):
    found = values(line)
    for key, value in expected.items():
        assert found[key] == (pytest.approx(value, abs=6e-7) if isinstance(value, float) else value)


@pytest.mark.parametrize(
    "line, words",
    [
        ("random-energy --n 10 --beta inf", "beta = inf"),
        ("random-energy --n 10 --beta 0", "beta = 0"),
        ("random-energy --n 0 --beta 1", "n = 0"),
        ("random-energy --n 1000000 --beta 1", "up to n = 20000"),
        ("random-energy --n 5000 --beta 1 --levels 1:1", "up to n = 1000"),
        ("random-energy --n 500 --beta 1 --covariance x", "up to n = 256"),
        ("random-energy --n 10 --beta 1 --levels 0.7:0.5,0.4:0.5", "sum to 1.1"),
        ("random-energy --n 10 --beta 1 --levels 0.7", "cannot be read"),
        ("random-energy --n 10 --beta 1 --covariance 2x-", "ends"),
        ("random-energy --n 10 --beta 1 --covariance x-x^2", "from 0 to 0"),
        ("random-energy --n 10 --beta 1 --covariance x+0.5sin(2*pi*x)", "decreases"),
        ("random-energy --n 10 --beta 1 --covariance x --levels 1:1", "one of them"),
        ("random-energy --n 10 --beta 1 --covariance x --distribution exponential", "gaussian"),
        ("funnel --stability -1", "stability = -1"),
        ("funnel", "either --stability"),
        ("funnel --gap 3 --entropy 2", "either --stability"),
        ("funnel --stability 1 --gap 2", "either --stability"),
        ("perceptron --alpha -1", "alpha = -1"),
        ("hopfield --alpha -0.1", "alpha = -0.1"),
        ("planted --p 1 --snr 2", "p = 1"),
        ("planted --p 3 --snr -2", "snr = -2"),
        ("ising-pspin --p 2", "p = 2"),
        ("ising-pspin --p 3 --temperature 2", "above the dynamic transition"),
        ("trap --x 1.5 --ratio 1", "x = T/T_c = 1.5"),
        ("trap --x 0.5 --ratio -1", "ratio"),
        ("log-correlated --beta -1", "beta = -1"),
        ("wells --width-ratio 0 --dimension 2", "width_ratio = 0"),
    ],
)
def test_bad_input_is_one_line_that_names_it(line, words):
    error = run(line).exception
    assert isinstance(error, InputError), error
    assert words in str(error) and "\n" not in str(error)


@pytest.mark.parametrize("name", NAMES)
def test_help_shows_an_example_that_runs(name):
    text = run(f"{name} --help").output
    examples = [line.split("spinnet theory ", 1)[1] for line in text.splitlines() if "spinnet theory " in line]
    assert examples
    for example in examples:
        done = run(example.replace('"', ""))
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", NAMES)
def test_commands_print_a_table_without_json(name):
    example = next(line for line in run(f"{name} --help").output.splitlines() if "spinnet theory " in line)
    done = run(example.split("spinnet theory ", 1)[1].replace(" --json", ""))
    assert done.exit_code == 0 and "{" not in done.output


def test_commands_are_click_commands_with_their_own_names():
    assert len(NAMES) == len(COMMANDS)
    assert all(isinstance(command, click.Command) for command in COMMANDS)
