"""The analysis of the shipped study runs on results of its shape, and refuses a folder without any."""

import json
import runpy
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


def exit_code(monkeypatch, *arguments):
    """Of the script run as a script, in this process: a second one would import everything again."""
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments)])
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    return left.value.code


def test_the_analysis_prints_the_table_and_writes_all_figures_as_pdf_and_png(results, capsys):
    written = runpy.run_path(str(SCRIPT))["main"](results)
    assert "mean spacing ratio" in capsys.readouterr().out
    assert (results / "comparison.h5").exists()
    assert {path.name for path in written} == {f"{name}.{suffix}" for name in FIGURES for suffix in ("pdf", "png")}
    for path in written:
        start = path.read_bytes()[:8]
        assert start.startswith(b"%PDF") if path.suffix == ".pdf" else start == b"\x89PNG\r\n\x1a\n"
    assert sorted((results / "figures").iterdir()) == sorted(written)


def test_the_analysis_refuses_a_folder_without_results_in_one_line(tmp_path, monkeypatch, capsys):
    assert exit_code(monkeypatch, tmp_path) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert "usage" in exit_code(monkeypatch)
