"""How tests run a shipped study: its smallest preset, from the command line to the figures, and its analysis."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SPINNET = [sys.executable, "-P", "-c", "from spinnet.cli import main; main(prog_name='spinnet')"]

#: Which file tests which studies: two files run side by side.
GLASSES = ("coupling_kinds", "franz_parisi", "pspin_ageing", "pspin_equilibrium", "pspin_landscape", "planted_recovery",
           "pspin_relaxation", "spiked_glass")  # fmt: skip
LEVELS = ("data_correlations", "folding_funnel", "grem_two_transitions", "hopfield_retrieval",
          "log_correlated_freezing", "perceptron_learning", "pspin_to_rem", "rem_ageing", "rem_freezing",
          "trap_ageing")  # fmt: skip
NATIVES = ("flat_minima", "network_funnel", "network_phase_diagram", "which_landscape")
ELSEWHERE = ("glass_vs_network",)
NETWORK_SPECTRA = ("diagonal_hessian", "error_signal", "hessian_spectra", "index_energy", "jamming_and_zero_modes",
                   "weight_spectra")  # fmt: skip
NETWORK_PATHS = ("barriers_and_symmetry", "choromanska_levels", "goodfellow_paths")

#: Noise of SGD, and how networks move.
NETWORK_NOISE = ("cooling", "network_ageing", "sgd_temperature")

#: Whole runs of these cost half a minute each; their parts and reports have tests of their own.
LONG = ("franz_parisi", "pspin_ageing", "pspin_landscape", "spiked_glass")

#: Studies whose analysis is run again and compared, one of each family. The scripts are the same but for their
#: first lines, which a test holds them to.
ANALYSED = ("pspin_relaxation", "rem_freezing", "flat_minima", "weight_spectra", "goodfellow_paths", "cooling")


def each(names: tuple[str, ...]) -> list:
    """The names that are shipped, as parameters of a test; the long ones are marked slow."""
    known = shipped()
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in LONG)) for name in names if name in known]


def shipped() -> list[str]:
    """Names of the studies in the checkout."""
    return sorted(path.stem for path in (CHECKOUT / "sims").glob("*.toml"))


def smallest_preset(name: str) -> str:
    """ "trial" where there is one, else "quick"."""
    table = tomllib.loads((CHECKOUT / "sims" / f"{name}.toml").read_text(encoding="utf-8"))
    return "trial" if "trial" in table["preset"] else "quick"


def check_study(name: str, folder: Path) -> None:
    """Run the study; its reports and figures must be there, and an analysis must make them again, bit for bit."""
    preset = smallest_preset(name)
    done = run([*SPINNET, "run", name, "--preset", preset, "--jobs", "1", "-q", "--json"], folder)
    found = json.loads(done.stdout)
    out = folder / "results" / f"{name}-{preset}"
    assert found["reports"], "a shipped study says what it found"
    for report in found["reports"]:
        assert report["table"] and report["findings"], report["report"]
        assert all(finding and finding.isprintable() for finding in report["findings"])
    figures = [folder / path for path in found["figures"]]
    assert {path.suffix for path in figures} == {".pdf", ".png"}
    assert all(path.stat().st_size > 5000 for path in figures)
    if name not in ANALYSED:
        return
    before = {path.name: path.read_bytes() for path in figures}
    for path in figures:
        path.unlink()
    analyse(name, out)
    assert {path.name: path.read_bytes() for path in (out / "figures").iterdir()} == before


def analyse(name: str, results: Path) -> None:
    """The study's script, in this process: a new one would only import everything again."""
    script, told = CHECKOUT / "analysis" / f"{name}.py", sys.argv
    sys.argv = [str(script), str(results)]
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        assert not end.code, end.code
    finally:
        sys.argv = told


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess:
    """The command, which must succeed without a warning that reads like a failure."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and "Traceback" not in done.stderr, f"{done.stdout}\n{done.stderr}"
    assert "RuntimeWarning" not in done.stderr, done.stderr
    return done
