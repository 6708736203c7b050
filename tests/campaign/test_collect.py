"""The collected file: everything in it, gaps named, the same bits however it was streamed, open in xarray."""

from __future__ import annotations

import json
import shutil

import h5py
import numpy as np
import pytest
from campaign import toy
from campaign.runs import run

from spinnet.campaign.collect import collect_study
from spinnet.errors import InputError, ResultFileError, StorageError
from spinnet.results import Collected, read_task, validate_file, verify


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "out"
    run(toy.study(samples=5, arms=("walk", "other")), out)
    return out


@pytest.fixture
def copy(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "out")
    return tmp_path / "out"


def shard(out, sample=0, n=4):
    task = next(task for task in toy.study(samples=5).tasks() if (task.sample, task.point) == (sample, f"n={n}"))
    return out / "shards" / task.id[:2] / f"{task.id}.h5"


def test_every_sample_stands_in_its_row(finished):
    collection = collect_study(finished)
    assert (collection.tasks, collection.missing) == (20, [])
    collected = Collected(collection.path)
    assert collected.arms == ("walk", "other") and collected.points("walk") == ("n=4", "n=8")
    assert collected.parameters("walk", "n=8") == {"n": 8}
    for name in ("trajectory/spread", "endpoint/x", "endpoint/noise"):
        found = collected.read("walk", "n=4", name)
        assert found.dims[:2] == ("sample", "replica")
        for sample in range(5):
            np.testing.assert_array_equal(found.data[sample], read_task(shard(finished, sample)).variables[name].data)
    np.testing.assert_array_equal(collected.read("walk", "n=4", "trajectory/sample").data, range(5))
    assert collected.read("walk", "n=4", "trajectory/time").dims == ("time",)
    attributes = collected.point_attributes("walk", "n=4")
    assert attributes["independent_unit"] == "sample" and attributes["n_units"] == 4 and attributes["n"] == 4
    assert (attributes["samples"], attributes["replicas"], attributes["time_unit"]) == (5, 2, "steps")
    assert collected.attributes["status"] == "complete" and collected.gaps == []
    assert validate_file(collection.path) == []


def test_xarray_opens_it_with_named_dimensions_and_units(finished):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    path = collect_study(finished).path
    with xarray.open_dataset(path, engine="h5netcdf", group="walk/n=8/trajectory") as data:
        assert data.spread.dims == ("sample", "replica", "time")
        assert dict(data.sizes) == {"sample": 5, "replica": 2, "time": 20}
        assert set(data.coords) == {"sample", "time"} and data.time.attrs["units"] == "steps"


def test_unknown_names_are_refused_with_the_nearest(finished):
    collected = Collected(collect_study(finished).path)
    with pytest.raises(ResultFileError, match="did you mean 'trajectory/spread'"):
        collected.read("walk", "n=4", "trajectory/spred")
    with pytest.raises(ResultFileError, match="did you mean 'n=8'"):
        collected.read("walk", "n=80", "trajectory/spread")
    with pytest.raises(ResultFileError, match="did you mean 'walk'"):
        collected.points("wlk")


def test_gaps_are_named_and_the_rest_is_kept(copy):
    shard(copy, 1).unlink()
    raw = bytearray(shard(copy, 2).read_bytes())
    raw[raw.index(b"squared distance")] ^= 1
    shard(copy, 2).write_bytes(raw)
    shutil.copy(shard(copy, 0), shard(copy, 3))
    collection = collect_study(copy)
    assert collection.tasks == 17
    first, second, third = sorted(collection.missing)
    assert first == "walk n=4 sample 1: not finished"
    assert second.startswith("walk n=4 sample 2: ") and "digest" in second
    assert third.startswith("walk n=4 sample 3: ") and "holds the result of task" in third
    collected = Collected(collection.path)
    assert collected.attributes["status"] == "incomplete" and sorted(collected.gaps) == sorted(collection.missing)
    np.testing.assert_array_equal(collected.read("walk", "n=4", "endpoint/sample").data, [0, 4])
    assert collected.read("walk", "n=4", "endpoint/x").data.shape == (2, 2, 2)
    assert shard(copy, 2).exists()  # collecting sets nothing aside


def test_samples_that_are_too_short_are_gaps(copy):
    study = json.loads((copy / "study.json").read_text())
    study["arms"]["walk"]["last"] = 50.0
    (copy / "study.json").write_text(json.dumps(study))
    collection = collect_study(copy)
    assert collection.tasks == 10 and "reaches 20 of 50" in collection.missing[0]


def test_streaming_in_small_slabs_gives_the_same_bits(finished, copy, monkeypatch):
    whole = verify(collect_study(finished).path)["digest"]
    for size in (1, 700, 1500):
        monkeypatch.setattr("spinnet.campaign.collect._SLAB_BYTES", size)
        assert verify(collect_study(copy).path)["digest"] == whole


def test_attributes_that_differ_between_samples_are_not_those_of_the_point(copy, monkeypatch):
    real = read_task

    def altered(path, *arguments, **options):
        result = real(path, *arguments, **options)
        result.attributes["norm"] = float(int(result.task, 16))
        return result

    monkeypatch.setattr("spinnet.campaign.collect.read_task", altered)
    attributes = Collected(collect_study(copy).path).point_attributes("walk", "n=4")
    assert "norm" not in attributes and attributes["n_units"] == 4


def test_nothing_finished_is_an_error_and_leaves_no_file(copy):
    shutil.rmtree(copy / "shards")
    (copy / "collected.h5").unlink(missing_ok=True)
    with pytest.raises(ResultFileError, match="run the study first"):
        collect_study(copy)
    assert not (copy / "collected.h5").exists() and not list(copy.glob(".*"))


def test_a_folder_without_a_campaign_is_refused(tmp_path):
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(InputError, match="holds no campaign"):
            collect_study(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_leaves_the_old_collected_file(copy, monkeypatch):
    collect_study(copy)
    before = (copy / "collected.h5").read_bytes()

    def refuse(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", refuse)
    with pytest.raises(StorageError, match=r"collected\.h5 cannot be written: the disk is full"):
        collect_study(copy)
    assert (copy / "collected.h5").read_bytes() == before and not list(copy.glob(".*"))


def test_a_virtual_file_shows_the_numbers_of_the_shards_and_needs_all_of_them(tmp_path):
    from spinnet.campaign.collect_virtual import collect_virtual

    study = toy.study(samples=3, sizes=(4,), last=5)
    run(study, tmp_path)
    collect_study(tmp_path)
    path = collect_virtual(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with h5py.File(path) as virtual, h5py.File(tmp_path / "collected.h5") as copied:
        place = "walk/n=4/trajectory/spread"
        assert virtual[place].is_virtual
        np.testing.assert_array_equal(virtual[place][()], copied[place][()])
        np.testing.assert_array_equal(virtual["walk/n=4/trajectory/time"][()], copied["walk/n=4/trajectory/time"][()])
    next(tmp_path.glob("shards/*/*.h5")).unlink()
    with pytest.raises(InputError, match=r"walk/n=4 sample \d is not finished"):
        collect_virtual(tmp_path)
