"""Reports in a campaign file: checked before anything runs, written, drawn, and asked for again."""

import json

import pytest
from click.testing import CliRunner

from spinnet.campaign.study import study_from_table
from spinnet.cli import main
from spinnet.errors import InputError
from spinnet.plotting import REPORT_FIGURES, load_report
from spinnet.reports import REPORTS, load
from spinnet.reports.base import Report

TINY = """
[study]
name = "tiny"
title = "Seconds"

[probes.energy]

[landscape]
kind = "SphericalGlass"

[dynamics]
kind = "GradientFlow"

[schedule]
kind = "log"
first = 0.1
last = 1

[ensemble]
n = [8, 12, 16]
samples = 4

[report.relaxation]
times = [1]
"""


def table(**changes):
    base = {
        "study": {"name": "tiny"},
        "probes": {"energy": {}},
        "landscape": {"kind": "SphericalGlass"},
        "dynamics": {"kind": "GradientFlow"},
        "schedule": {"kind": "log", "first": 0.1, "last": 1},
        "ensemble": {"n": [8, 12]},
        "report": {"relaxation": {}},
    }
    return {**base, **changes}


@pytest.mark.parametrize("kind", REPORTS)
def test_every_report_loads_states_its_needs_and_has_a_figure(kind):
    report = load(kind)
    assert issubclass(report, Report) and report.__doc__
    assert kind in REPORT_FIGURES


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"report": {"relaxaton": {}}}, "'relaxaton' is not known.*relaxation"),
        ({"report": {"relaxation": {"tims": [1]}}}, "report.relaxation.tims.*times"),
        ({"report": {"relaxation": {"arm": "glas"}}}, "report.relaxation: arm = 'glas'"),
        ({"report": {"relaxation": {"times": [2]}}}, "times = 2 lies beyond the end of the runs, last = 1"),
        ({"probes": {}}, r"add \[probes.energy\]"),
        ({"report": {"relaxation": {"times": [-1]}}}, "report.relaxation: times = -1"),
        ({"dynamics": {"kind": "GeodesicMetropolis", "temperature": 1.0}}, "this report is for GradientFlow"),
    ],
)
def test_a_report_that_cannot_work_is_refused_before_the_run(changes, complaint):
    with pytest.raises(InputError, match=complaint):
        study_from_table(table(**changes))


def test_two_reports_of_one_kind_have_names_of_their_own():
    study = study_from_table(table(report={"early": {"kind": "relaxation", "times": [0.5]}, "relaxation": {}}))
    assert study.reports["early"]["kind"] == "relaxation" and study.reports["early"]["times"] == [0.5]
    assert not study.wants_comparison


def test_a_study_writes_prints_and_draws_its_reports(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text(TINY)
    runner = CliRunner()
    done = runner.invoke(main, ["run", "tiny.toml", "--jobs", "1", "-o", "out"])
    assert done.exit_code == 0, done.output
    assert "z" in done.output.split() and "N → ∞" in done.output
    assert not (tmp_path / "out" / "comparison.h5").exists()
    report = load_report(tmp_path / "out" / "reports" / "relaxation.h5")
    assert report.kind == "relaxation" and len(report.group("table")["z"]) == 1
    figure = tmp_path / "out" / "figures" / "relaxation.png"
    first = figure.read_bytes()
    figure.unlink()

    again = runner.invoke(main, ["report", "out", "--json"])
    assert again.exit_code == 0, again.output
    shown = json.loads(again.stdout)["reports"][0]
    assert shown["report"] == "relaxation" and shown["table"][0]["time"] == 1
    assert figure.read_bytes() == first

    figure.unlink()
    assert runner.invoke(main, ["plot", "out/reports/relaxation.h5"]).exit_code == 0
    assert figure.read_bytes() == first

    wrong = runner.invoke(main, ["report", "out", "relaxatio"])
    assert wrong.exit_code == 2 and "did you mean" in wrong.output and wrong.output.count("\n") == 1
