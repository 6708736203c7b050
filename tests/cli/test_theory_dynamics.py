"""``spinnet theory dynamics``: the promised keys, right values, one line for bad input."""

from __future__ import annotations

import importlib
import json

import pytest
from click.testing import CliRunner

from spinnet.cli import main
from spinnet.theory import dynamics_pure2 as pure2


def run(line: str):
    return CliRunner().invoke(main, ["theory", "dynamics", *line.split()], catch_exceptions=False)


def values(line: str) -> dict:
    done = run(line + " --json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_promised_keys_carry_the_tabulated_values():
    found = values("--covariance 3=1 --temperature 0 --times 1,5,20")
    assert set(found) == {"time", "energy_density", "correlation_with_start", "error_estimate"}
    assert found["time"] == [1, 5, 20]
    assert found["energy_density"] == pytest.approx([-0.782508, -1.035656, -1.109506], abs=2e-6)
    assert found["correlation_with_start"] == pytest.approx([0.713697, 0.377246, 0.216035], abs=2e-6)
    assert max(found["error_estimate"]) <= 1e-6


def test_waiting_times_add_the_two_time_functions():
    found = values("--covariance 2=1 --temperature 0.5 --times 1,4 --waiting-times 0,2,6")
    for i, wait in enumerate((0.0, 2.0, 6.0)):
        later, earlier = [wait + 1, wait + 4], [wait, wait]
        assert found["correlation"][i] == pytest.approx(pure2.correlation(later, earlier, 0.5), abs=1e-5)
        exact = pure2.integrated_response(later, earlier, 0.5)
        assert found["integrated_response"][i] == pytest.approx(exact, abs=1e-5)
    text = run("--covariance 2=1 --times 1 --waiting-times 2").stdout
    assert "integrated response" in text and "waiting time" in text


def test_an_equilibrium_start_keeps_its_energy():
    found = values("--covariance 3=1,4=1 --temperature 0.9 --initial-temperature 0.9 --times 1,3")
    assert found["energy_density"] == pytest.approx([-1 / 0.9] * 2, abs=1e-6)


def test_a_signal_adds_the_overlap_with_it():
    found = values("--covariance 2=1 --times 8 --planted 2=3 --initial-overlap 0.3 --tolerance 1e-4")
    # Rank-one spike of strength 3 in a unit semicircle: squared overlap 1 - 1/9.
    assert found["overlap_with_signal"][0] ** 2 == pytest.approx(8 / 9, abs=1e-4)


def test_a_long_wait_shows_its_progress(monkeypatch, capsys):
    theory = importlib.import_module("spinnet.cli.theory")
    clock = iter(range(0, 10**6, 7))
    monkeypatch.setattr(theory.time, "monotonic", lambda: float(next(clock)))
    progress = theory._Progress()
    progress("t = 1e+07, resolution 1", 0.25)
    assert capsys.readouterr().err == "t = 1e+07, resolution 1: 25%\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--covariance 3=1 --temperature -1 --times 1", "temperature = -1"),
        ("--covariance 3=1 --temperature nan --times 1", "temperature"),
        ("--covariance 3=1 --initial-temperature 0.5 --times 1", "static transition"),
        ("--covariance 3=1 --initial-temperature 0 --times 1", "initial_temperature = 0"),
        ("--covariance 3=1 --times 5,1", "--times must increase"),
        ("--covariance 3=1 --times 1,1", "--times must increase"),
        ("--covariance 3=1 --times 0,1", "times: 0"),
        ("--covariance 3=1 --times=-2,1", "times: -2"),
        ("--covariance 3=1 --times 1,inf", "times: inf"),
        ("--covariance 3=1 --times 1e12", "too long"),
        ("--covariance 3=1 --times 1 --waiting-times 1e12", "too long"),
        ("--covariance 3=1 --times 1 --waiting-times 4,3", "--waiting-times must increase"),
        ("--covariance 3=1 --times 1 --waiting-times=-4", "waiting_times: -4"),
        ("--covariance 1=1 --times 1", "degree 1"),
        ("--covariance 3=-1 --times 1", "positive"),
        ("--covariance 3=1 --times 1 --planted 4=1", "degree 4"),
        ("--covariance 3=1 --times 1 --planted 3", "degree=strength"),
        ("--covariance 3=1 --times 1 --planted 3=2 --initial-overlap 2", "overlap"),
        ("--covariance 3=1 --times 1 --initial-overlap 0.5", "--planted"),
        ("--covariance 3=1 --times 1 --tolerance 0", "tolerance"),
        ("--covariance 3=1 --times 1 --tolerance 1e-12", "tolerance"),
    ],
)
def test_what_is_not_allowed_is_refused_in_one_line(line, words):
    done = run(line)
    assert done.exit_code == 2
    assert words in done.stderr and done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_tolerance_that_is_not_reached_is_refused_in_one_line(monkeypatch):
    from spinnet.theory import dynamics_two_time

    monkeypatch.setattr(dynamics_two_time, "_MOST_LEVELS", 2)
    monkeypatch.setattr(dynamics_two_time, "_SAFETY", 1e6)
    done = run("--covariance 3=1 --times 1,60 --tolerance 1e-4")
    assert done.exit_code == 2 and done.stdout == ""
    assert done.stderr.splitlines()[-1].startswith("spinnet: not converged: estimated error")
