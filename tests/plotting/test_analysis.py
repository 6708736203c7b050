"""The analysis of the shipped study runs on results of its shape, and refuses a folder without any."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from comparison.synthetic_study import write_study

from spinnet.campaign.study import Study

SCRIPT = Path(__file__).resolve().parents[2] / "analysis" / "glass_vs_network.py"


@pytest.fixture
def results(tmp_path):
    write_study(tmp_path / "collected.h5")
    study = Study("glass_vs_network", "A trial", {}, compare={"permutations": 99, "splits": 0})
    (tmp_path / "study.json").write_text(json.dumps(study.as_dict()))
    return tmp_path


def run(*arguments):
    return subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True)


def test_the_analysis_prints_the_table_and_draws_the_figures(results):
    done = run(results)
    assert done.returncode == 0, done.stderr
    assert "mean spacing ratio" in done.stdout
    assert (results / "comparison.h5").exists()
    assert {path.suffix for path in (results / "figures").iterdir()} == {".pdf", ".png"}


def test_the_analysis_refuses_a_folder_without_results_in_one_line(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert run().returncode == 1
