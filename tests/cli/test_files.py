"""info, rerun and export: what a file is, the same bits again, and tables for other programs."""

from __future__ import annotations

import csv
import json
import shutil

import h5py
import numpy as np
import pytest
import xarray
from click.testing import CliRunner

from spinnet.cli import main
from spinnet.results import Collected, validate_file, verify

TINY = """
[study]
name = "tiny"
seed = 3

[probes.energy]

[landscape]
kind = "SphericalGlass"

[dynamics]
kind = "GradientFlow"

[schedule]
kind = "log"
first = 0.1
last = 1
per_decade = 3

[ensemble]
n = [8, 12]
samples = 3
replicas = 2
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "tiny.toml").write_text(TINY)
    done = CliRunner().invoke(main, ["run", str(folder / "tiny.toml"), "-j", "1", "-q", "-o", str(folder / "out")])
    assert done.exit_code == 0, done.output
    return folder / "out"


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_info_says_what_a_file_is_and_how_to_make_it_again(results):
    done = call("info", results / "collected.h5")
    assert done.exit_code == 0
    for words in ("all results of a study", "spinnet rerun", "main/n=8/trajectory/energy_density", "host", "packages"):
        assert words in done.output
    collected = results / "collected.h5"
    assert call("info", collected, "--digest").output.strip() == verify(collected)["digest"]
    shard = next((results / "shards").glob("*/*.h5"))
    told = json.loads(call("info", shard, "--json").output)
    assert told["what"] == "result of one task" and told["configuration"]["landscape"]["kind"] == "SphericalGlass"
    assert "spinnet compare" in json.loads(call("info", results / "comparison.h5", "--json").output)["make_again"]


def test_a_collected_file_makes_itself_again_with_the_same_bits(results, tmp_path):
    done = call("rerun", results / "collected.h5", "-o", tmp_path / "again", "-j", "1", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert found["same"] and found["digests"][0] == found["digests"][1]


def test_a_task_makes_itself_again_with_the_same_bits(results, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shard = next((results / "shards").glob("*/*.h5"))
    done = call("rerun", shard)
    assert done.exit_code == 0 and "the same bits" in done.output
    taken = call("rerun", shard)
    assert taken.exit_code == 2 and "not empty" in taken.output


def test_other_bits_are_called_so_and_where_they_are(results, tmp_path, monkeypatch):
    """A result whose numbers were changed, and signed again, does not pass for the real one."""
    from spinnet.results import read_task
    from spinnet.results.writer import write_task

    monkeypatch.chdir(tmp_path)
    first = read_task(next((results / "shards").glob("*/*.h5")))
    changed = dict(first.variables)
    energy = changed["trajectory/energy"]
    wrong = energy.data.copy()
    wrong[0, -1] = np.nextafter(wrong[0, -1], 0.0)
    changed["trajectory/energy"] = type(energy)(wrong, energy.dims, energy.units, energy.description)
    rest = {name: value for name, value in first.attributes.items()
            if name not in ("task", "configuration", "last", "status", "stop_reason")}  # fmt: skip
    write_task(tmp_path / "wrong.h5", changed, first.state, task=first.task, configuration=first.configuration,
               last=first.last, status=first.status, stop_reason=first.attributes["stop_reason"],
               attributes=rest, provenance={}, schema=first.schema)  # fmt: skip
    done = call("rerun", "wrong.h5")
    assert done.exit_code == 1 and "OTHER BITS" in done.output
    assert "trajectory/energy: largest difference" in done.output and "energy_density" not in done.output


def test_derived_files_say_what_makes_them_again(results):
    done = call("rerun", results / "comparison.h5")
    assert done.exit_code == 2 and "made again by spinnet compare" in done.output


def test_a_long_table_holds_every_number_once(results, tmp_path):
    done = call("export", results / "collected.h5", tmp_path / "e.csv", "-v", "trajectory/energy_density")
    assert done.exit_code == 0, done.output
    with open(tmp_path / "e.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    stored = Collected(results / "collected.h5")
    assert list(rows[0]) == ["arm", "point", "n", "variable", "sample", "replica", "time", "value"]
    for point in ("n=8", "n=12"):
        own = [row for row in rows if row["point"] == point]
        data = stored.read("main", point, "trajectory/energy_density").data
        assert len(own) == data.size
        np.testing.assert_array_equal([float(row["value"]) for row in own], data.ravel())
        times = stored.read("main", point, "trajectory/time").data
        np.testing.assert_array_equal([float(row["time"]) for row in own[: len(times)]], times)


def test_a_coordinate_that_is_asked_for_is_exported(results, tmp_path):
    done = call("export", results / "collected.h5", tmp_path / "t.csv", "-v", "trajectory/time", "--point", "n=8")
    assert done.exit_code == 0, done.output
    with open(tmp_path / "t.csv", newline="") as file:
        values = [float(row["value"]) for row in csv.DictReader(file)]
    stored = Collected(results / "collected.h5").read("main", "n=8", "trajectory/time")
    np.testing.assert_array_equal(values, stored.data)


def test_netcdf_opens_in_xarray_with_named_dimensions(results, tmp_path):
    chosen = ("-v", "trajectory/energy_density", "--point", "n=8")
    done = call("export", results / "collected.h5", tmp_path / "e.nc", *chosen)
    assert done.exit_code == 0, done.output
    assert validate_file(tmp_path / "e.nc") == []
    with xarray.open_dataset(tmp_path / "e.nc", engine="h5netcdf", group="main/n=8/trajectory") as opened:
        assert opened["energy_density"].dims == ("sample", "replica", "time")
        assert opened["energy_density"].attrs["units"] == "energy"
        assert opened["time"].dims == ("time",)
    with h5py.File(tmp_path / "e.nc") as file:
        assert "n=12" not in file["main"]


def test_the_table_of_a_comparison_is_exported_as_it_is(tmp_path):
    from comparison.synthetic_study import write_study

    write_study(tmp_path / "collected.h5")
    from spinnet.campaign.compare_step import compare_collected

    compare_collected(tmp_path / "collected.h5", {"permutations": 99, "splits": 0}, tmp_path / "comparison.h5")
    assert call("export", tmp_path / "comparison.h5", tmp_path / "t.csv").exit_code == 0
    with open(tmp_path / "t.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"statistic", "p_value"} <= set(rows[0])


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("export", "collected.h5", "x.txt"), "ends in .csv or .nc"),
        (("export", "collected.h5", "x.csv", "-v", "trajectory/enrgy"), "did you mean"),
        (("export", "collected.h5", "x.csv", "--arm", "mian"), "no such arm"),
        (("export", "collected.h5", "x.csv", "--point", "n=9"), "no such point"),
        (("export", "study.json", "x.csv"), "study.json"),
        (("info", "nothing.h5"), "nothing.h5"),
        (("info", "study.json"), "study.json"),
        (("rerun", "nothing.h5"), "nothing.h5"),
    ],
)
def test_a_mistake_is_one_line_and_writes_nothing(results, tmp_path, monkeypatch, arguments, complaint):
    for name in ("collected.h5", "study.json"):
        shutil.copy(results / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    done = call(*arguments)
    assert done.exit_code == 2 and complaint in done.output and done.output.count("\n") == 1, done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["collected.h5", "study.json"]


def test_an_export_replaces_nothing_unasked(results, tmp_path):
    target = tmp_path / "e.csv"
    target.write_text("mine")
    done = call("export", results / "collected.h5", target)
    assert done.exit_code == 2 and target.read_text() == "mine"
    assert call("export", results / "collected.h5", target, "--overwrite").exit_code == 0
