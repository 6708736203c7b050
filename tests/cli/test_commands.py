"""The command line as a person meets it: help, JSON, one-line errors and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from spinnet._version import __version__
from spinnet.cli import main


def run(*arguments: str):
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def test_help_names_every_command_and_the_exit_codes():
    text = run("--help").output
    for word in ("run", "status", "collect", "compare", "plot", "validate", "example", "theory", "bench", "75"):
        assert word in text


def test_every_command_has_help():
    pending = [()]
    while pending:
        path = pending.pop()
        result = run(*path, "--help")
        assert result.exit_code == 0, path
        command = main
        for name in path:
            command = command.commands[name]
        pending += [(*path, name) for name in getattr(command, "commands", {})]


def test_version_is_the_packages():
    assert __version__ in run("--version").output


def test_pure_three_spin_theory_prints_the_known_values():
    values = json.loads(run("theory", "spherical-glass", "--covariance", "3=1", "--json").output)
    assert values["dynamic_temperature"] == pytest.approx((3 / 8) ** 0.5, abs=1e-10)
    assert values["static_temperature"] == pytest.approx(0.58605397, abs=1e-8)
    assert values["ground_state_energy"] == pytest.approx(-1.17167478, abs=1e-8)
    assert values["threshold_energy"] == pytest.approx(-((4 / 3) ** 0.5), abs=1e-10)
    assert values["complexity_at_threshold"] == pytest.approx(0.01324026, abs=1e-8)


def test_tables_for_people_hold_the_same_numbers():
    text = run("theory", "spherical-glass", "--covariance", "3=1").output
    assert "0.61237244" in text and "-1.1716748" in text


@pytest.mark.parametrize(
    "arguments",
    [
        ("theory", "spherical-glass", "--covariance", "1=1"),
        ("theory", "spherical-glass", "--covariance", "three"),
        ("theory", "spherical-glass", "--covariance", "3=-1"),
        ("theory", "spherical-glass", "--covariance", "3=1", "--temperature", "-0.5"),
        ("theory", "dynamics", "--covariance", "3=1", "--times", "1,x"),
        ("theory", "dynamics", "--covariance", "3=1", "--times", "-1"),
        ("run", "no_such_study"),
        ("run", "no/such/file.toml"),
        ("validate", "no_such_file.h5"),
        ("status", "no_such_folder"),
        ("collect", "no_such_folder"),
        ("compare", "no_a.h5", "no_b.h5"),
        ("plot", "no_such_folder"),
        ("example", "show", "nothing"),
        ("frobnicate",),
        ("run",),
        ("run", "glass_vs_network", "--preset", "huge"),
        ("run", "glass_vs_network", "--jobs", "0"),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_clear_message_with_exit_code_two(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    own = [line for line in result.stderr.splitlines() if line.startswith("spinnet:")]
    assert len(own) == 1 or "Usage:" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_study_names_the_nearest():
    assert "did you mean 'glass_vs_network'" in run("run", "glass_vs_netwrk").stderr


def test_examples_are_listed_shown_and_copied_without_overwriting(tmp_path):
    names = [row["name"] for row in json.loads(run("example", "list", "--json").output)]
    assert "glass_vs_network" in names
    target = tmp_path / "mine.toml"
    assert run("example", "copy", "glass_vs_network", str(target)).exit_code == 0
    assert target.read_text(encoding="utf-8") == run("example", "show", "glass_vs_network").output
    again = run("example", "copy", "glass_vs_network", str(target))
    assert again.exit_code == 2 and "not overwritten" in again.stderr
    assert run("validate", str(target)).exit_code == 0


def test_completion_prints_a_line_for_each_shell():
    for shell in ("bash", "zsh", "fish"):
        assert f"{shell}_source" in run("completion", shell).output


def test_a_bug_keeps_its_traceback(monkeypatch):
    """Only the package's own errors are turned into one line: hiding others would hide bugs."""
    import spinnet.campaign.examples as examples

    monkeypatch.setattr(examples, "shipped", lambda: 1 / 0)
    assert isinstance(CliRunner().invoke(main, ["example", "list"]).exception, ZeroDivisionError)


def test_the_module_runs_from_a_shell():
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from spinnet.cli import main; main()", "theory", "--help"],
        capture_output=True, text=True,
    )
    assert done.returncode == 0 and "spherical-glass" in done.stdout


@pytest.mark.parametrize("name", ["study.toml", "note.txt", "folder"])
def test_compare_replaces_nothing_but_an_earlier_comparison(name, tmp_path):
    (tmp_path / "folder").mkdir()
    for file in ("study.toml", "note.txt"):
        (tmp_path / file).write_text("precious", encoding="utf-8")
    result = run("compare", "a.h5", "b.h5", "-o", str(tmp_path / name))
    assert result.exit_code == 2 and "give" in result.stderr
    assert (tmp_path / "study.toml").read_text() == (tmp_path / "note.txt").read_text() == "precious"


def test_a_file_is_no_folder_of_figures_or_results(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    for arguments in (("plot", "x.h5", "-o", str(tmp_path / "file")), ("status", str(tmp_path / "file"))):
        result = run(*arguments)
        assert result.exit_code == 2 and "is a file" in result.stderr
