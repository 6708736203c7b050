"""spinnet kinds lists what a campaign file may name, and describes each with its keys."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from spinnet.campaign.describe import describe_kind, list_kinds
from spinnet.cli import main


def test_every_kind_is_listed_with_what_it_is():
    rows = list_kinds()
    assert {row["table"] for row in rows} == {"landscape", "dynamics", "schedule", "probes", "report"}
    assert all(row["what"].endswith((".", "…", ":")) or len(row["what"]) > 20 for row in rows)
    names = {row["name"] for row in rows}
    assert {"SphericalGlass", "DenseNetwork", "Langevin", "log", "two_time", "relaxation"} <= names


@pytest.mark.parametrize("name", [row["name"] for row in list_kinds()])
def test_each_kind_tells_its_keys(name):
    told = describe_kind(name)
    assert told["documentation"] and "seed" not in told["parameters"]
    assert "``" not in told["documentation"] and ":`" not in told["documentation"]
    done = CliRunner().invoke(main, ["kinds", name])
    assert done.exit_code == 0 and all(f"  {key}" in done.output for key in told["parameters"])
    assert json.loads(CliRunner().invoke(main, ["kinds", name, "--json"]).output)["name"] == name


def test_an_unknown_kind_is_refused_with_the_nearest():
    done = CliRunner().invoke(main, ["kinds", "SphericalGlas"])
    assert done.exit_code == 2 and "did you mean 'SphericalGlass'" in done.output and done.output.count("\n") == 1
