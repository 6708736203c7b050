"""The analysis of the shipped study runs on results of its shape, and refuses a folder without any."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from comparison.synthetic_study import write_study

from spinnet.campaign.study import Study
from spinnet.plotting import FIGURES

SCRIPT = Path(__file__).resolve().parents[2] / "analysis" / "glass_vs_network.py"


@pytest.fixture
def results(tmp_path):
    write_study(tmp_path / "collected.h5")
    study = Study("glass_vs_network", "A trial", {}, compare={"permutations": 99, "splits": 0})
    (tmp_path / "study.json").write_text(json.dumps(study.as_dict()))
    return tmp_path


def run(*arguments):
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True)


def test_the_analysis_prints_the_table_and_writes_all_figures_as_pdf_and_png(results, capsys):
    # In this process: a second one would import everything again.
    written = runpy.run_path(str(SCRIPT))["main"](results)
    assert "mean spacing ratio" in capsys.readouterr().out
    assert (results / "comparison.h5").exists()
    assert {path.name for path in written} == {f"{name}.{suffix}" for name in FIGURES for suffix in ("pdf", "png")}
    for path in written:
        start = path.read_bytes()[:8]
        assert start.startswith(b"%PDF") if path.suffix == ".pdf" else start == b"\x89PNG\r\n\x1a\n"
    assert sorted((results / "figures").iterdir()) == sorted(written)


def test_the_analysis_refuses_a_folder_without_results_in_one_line(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert run().returncode == 1
