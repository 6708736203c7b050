"""Result files: what goes in comes out, xarray opens them, and what is not right is refused in one line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest

from spinnet.errors import ResultFileError, StorageError
from spinnet.records import Variable
from spinnet.results import read_header, read_result, read_task, schema, validate_file, verify, write_tables, write_task
from spinnet.results.digest import content_digest
from spinnet.results.storage import SEAL_LENGTH, is_sealed, remove_leftovers, replacing, write_text
from spinnet.results.writer import chunk_shape

PHYSICS = {"landscape": {"kind": "Toy", "n": 4}, "seed": 1, "sample": 0}
TASK = schema.task_identity(PHYSICS)


def variables(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "trajectory/time": Variable(np.arange(40.0), ("time",), "steps", "measuring times"),
        "trajectory/energy": Variable(rng.normal(size=(3, 40)), ("replica", "time"), "1", "energy", {"order": 2}),
        "spectrum/eigenvalue": Variable(rng.normal(size=(3, 500)), ("replica", "mode"), "1"),
        "endpoint/name": Variable(np.array(["ä", "bb"]), ("who",)),
        "endpoint/stuck": Variable(np.array([True, False, True]), ("replica",)),
        "endpoint/amplitude": Variable(rng.normal(size=(3, 2)) + 1j, ("replica", "part")),
        "endpoint/count": Variable(np.array([2**63 + 1, 0, 1], dtype=np.uint64), ("replica",)),
        "endpoint/mean": Variable(np.float32(0.5), ()),
        "endpoint/none": Variable(np.zeros((3, 0)), ("replica", "nothing")),
    }


STATE = {
    "dynamics/x": np.arange(12.0).reshape(3, 4).T,
    "schedule/measured": np.array(7),
    "rng": np.arange(3, dtype=np.uint64),
    "pending": np.zeros((0, 3, 4)),
    "flags": np.array([True, False]),
}


def write(path, seed=0, **changes):
    options = {"task": TASK, "configuration": PHYSICS, "last": 40, "attributes": {"n_dof": 4, "unit": "toy"},
               "provenance": {"host": "here"}, **changes}  # fmt: skip
    return write_task(path, variables(seed), STATE, **options)


@pytest.fixture
def path(tmp_path):
    place = tmp_path / f"{TASK}.h5"
    write(place)
    return place


def refused(call, *arguments):
    """The one line with which a call refuses."""
    with pytest.raises(ResultFileError) as caught:
        call(*arguments)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_what_is_written_is_read_back_to_the_bit(path):
    result = read_task(path, TASK)
    for name, given in variables().items():
        found = result.variables[name]
        assert found.data.dtype == given.data.dtype or found.data.dtype.kind in "OT"
        np.testing.assert_array_equal(found.data, given.data)
        assert (found.dims, found.units, found.description) == (given.dims, given.units, given.description)
        assert found.attributes == given.attributes
    assert result.state.keys() == STATE.keys()
    for name, array in STATE.items():
        assert result.state[name].dtype == array.dtype and result.state[name].shape == array.shape
        np.testing.assert_array_equal(result.state[name], array)
    assert result.configuration == PHYSICS and result.last == 40 and result.status == "finished"
    assert result.attributes["n_dof"] == 4 and result.provenance == {"host": "here"}
    assert validate_file(path) == []


def test_xarray_opens_every_group_with_named_dimensions_and_units(path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    with xarray.open_dataset(path, engine="h5netcdf", group="trajectory") as data:
        assert data.energy.dims == ("replica", "time") and data.energy.attrs["units"] == "1"
        assert list(data.coords) == ["time"] and data.time.attrs["units"] == "steps"
        np.testing.assert_array_equal(data.energy, variables()["trajectory/energy"].data)
    for group in ("spectrum", "endpoint", "state", "state/dynamics"):
        with xarray.open_dataset(path, engine="h5netcdf", group=group) as data:
            assert data.load().sizes and not any("phony" in dim for dim in data.sizes)


def test_files_are_readable_by_hdf5_1_10(path):
    raw = path.read_bytes()
    assert raw[8] in (2, 3)  # the version of the superblock: 2 is HDF5 1.8, 3 is 1.10
    with h5py.File(path) as file:
        packed = file["spectrum/eigenvalue"]
        assert (packed.compression, packed.shuffle, packed.fletcher32) == ("gzip", True, True)


def test_the_digest_sees_everything_but_provenance(tmp_path):
    first = write(tmp_path / "a.h5")
    assert write(tmp_path / "b.h5", provenance={"host": "elsewhere", "seconds": 3.0}) == first
    others = [
        write(tmp_path / "c.h5", seed=1),
        write(tmp_path / "d.h5", last=41),
        write(tmp_path / "e.h5", attributes={"n_dof": 5, "unit": "toy"}),
        write(tmp_path / "f.h5", status="checkpoint"),
    ]
    assert len({first, *others}) == 5


def test_the_digest_sees_dtype_shape_names_dimensions_and_byte_content(tmp_path):
    def digest(name="g/x", data=None, dims=("a", "b"), units="1"):
        data = np.zeros((2, 3)) if data is None else data
        return write_tables(tmp_path / "t.h5", schema.COMPARISON, {name: Variable(data, dims, units)})

    found = [
        digest(),
        digest(name="g/y"),
        digest(data=np.zeros((2, 3), dtype=np.float32)),
        digest(data=np.zeros((3, 2))),
        digest(data=-np.zeros((2, 3))),
        digest(dims=("a", "c")),
        digest(units="m"),
    ]
    assert len(set(found)) == len(found)
    assert digest() == found[0]


def test_a_large_array_has_the_same_digest_read_whole_or_in_slabs(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    table = {"g/x": Variable(rng.normal(size=(60, 700)), ("a", "b")), "g/t": Variable(np.array(["x"] * 99), ("c",))}
    whole = write_tables(tmp_path / "t.h5", schema.COMPARISON, table)
    monkeypatch.setattr("spinnet.results.digest._SLAB_BYTES", 10_000)
    with h5py.File(tmp_path / "t.h5") as file:
        assert content_digest(file) == whole


def test_long_attributes_are_kept(tmp_path):
    text = "gap; " * 100_000
    write_tables(tmp_path / "t.h5", schema.COMPARISON, {}, attributes={"gaps": text})
    assert read_result(tmp_path / "t.h5").attributes["gaps"] == text


def test_every_truncation_is_refused_in_one_line_that_names_the_file(path, tmp_path):
    whole = path.read_bytes()
    broken = tmp_path / "broken.h5"
    for length in [0, 1, 7, 8, 9, 60, 100, 500, *range(1000, len(whole), len(whole) // 25), len(whole) - 1]:
        broken.write_bytes(whole[:length])
        for call in (read_task, verify):
            line = refused(call, broken)
            assert str(broken) in line and ("make it again" in line or "give another" in line)


def test_a_flipped_bit_is_refused_or_changes_nothing(path, tmp_path):
    """Bits in unused room and in provenance may flip; any other must be seen. Each file is read by a child process."""
    whole = path.read_bytes()
    true = verify(path)["digest"]
    broken = tmp_path / "broken.h5"
    rng = np.random.default_rng(5)
    seen = 0
    for position in rng.integers(0, len(whole), 10):
        damaged = bytearray(whole)
        damaged[position] ^= 1 << int(rng.integers(8))
        broken.write_bytes(damaged)
        try:
            result = read_task(broken)
        except ResultFileError as error:
            assert str(broken) in str(error)
            seen += 1
            continue
        assert result.digest == true
        for name, given in variables().items():
            np.testing.assert_array_equal(result.variables[name].data, given.data)
    assert seen > 1


@pytest.mark.parametrize("count", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_mutated_files_are_refused_or_unchanged_and_never_break_anything(path, tmp_path, count):
    """Bits flipped, bytes overwritten, blocks moved, doubled, cut out; half of them look like sealed ones at first."""
    whole, true = path.read_bytes(), verify(path)["digest"]
    rng = np.random.default_rng(17)
    broken = tmp_path / "broken.h5"
    refusals = 0
    for _ in range(count):
        body = bytearray(whole if rng.random() < 0.5 else whole[:-SEAL_LENGTH])
        for _ in range(int(rng.integers(1, 4))):
            first, length = int(rng.integers(len(body))), int(rng.integers(1, 64))
            kind = rng.integers(4)
            if kind == 0:
                body[first] ^= 1 << int(rng.integers(8))
            elif kind == 1:
                body[first : first + length] = rng.bytes(min(length, len(body) - first))
            elif kind == 2:
                other = int(rng.integers(len(body)))
                body[first : first + length] = body[other : other + length]
            else:
                del body[first : first + length]
        broken.write_bytes(body)
        problems = validate_file(broken)
        assert all(str(broken) in line and "\n" not in line for line in problems)
        if problems:
            refusals += 1
        else:
            assert verify(broken)["digest"] == true
    assert refusals > count // 2


@pytest.mark.parametrize("where", ["contiguous data", "attribute", "state"])
def test_a_flipped_bit_that_hdf5_does_not_see_is_refused(path, where):
    """HDF5 itself checks neither contiguous data nor most attributes."""
    needle = {"contiguous data": np.arange(40.0).tobytes()[80:160], "attribute": b"measuring times",
              "state": STATE["dynamics/x"].copy().tobytes()}[where]  # fmt: skip
    whole = path.read_bytes()
    assert whole.count(needle) == 1
    damaged = bytearray(whole)
    damaged[whole.index(needle) + 3] ^= 4
    path.write_bytes(damaged)
    assert "digest" in refused(read_task, path) or "checksum" in refused(read_task, path)


def test_the_seal_at_the_end_spares_the_reading_of_the_content_and_is_not_needed(path, tmp_path, monkeypatch):
    whole, true = path.read_bytes(), verify(path)["digest"]
    assert is_sealed(path)
    unsealed = tmp_path / "unsealed.h5"  # as a tool that knows no seals would leave it
    unsealed.write_bytes(whole[:-SEAL_LENGTH])
    assert not is_sealed(unsealed) and verify(unsealed)["digest"] == true
    for cut in (1, SEAL_LENGTH - 1, SEAL_LENGTH + 1):
        unsealed.write_bytes(whole[:-cut])
        assert "truncated" in refused(verify, unsealed)
    monkeypatch.setattr("spinnet.results.reader.content_digest", None)
    monkeypatch.setattr("spinnet.results.admission._examine_elsewhere", None)
    assert verify(path)["digest"] == true  # nothing but the seal was looked at
    assert read_task(path, with_state=False).state == {}
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.write_bytes(flipped)
    assert not is_sealed(path)


def test_foreign_files_are_refused(tmp_path, path):
    text = tmp_path / "notes.h5"
    text.write_text("these are notes")
    assert "not an HDF5 file" in refused(read_result, text)
    foreign = tmp_path / "foreign.h5"
    with h5py.File(foreign, "w") as file:
        file.create_dataset("x", data=np.zeros(3), dtype="f8")
    assert "not one of spinnet" in refused(read_result, foreign)
    with h5py.File(foreign, "a") as file:
        file.attrs["schema"] = "spinnet-tsk"
    assert "did you mean 'spinnet-task'" in refused(read_result, foreign)
    assert "spinnet-collected file is needed" in refused(read_result, path, schema.COLLECTED)
    assert "does not exist" in refused(read_result, tmp_path / "nothing.h5")
    assert "is a folder" in refused(read_result, tmp_path)
    assert "not of 0123456789abcdef" in refused(read_task, path, "0123456789abcdef")
    assert len(validate_file(foreign)) == 1


def test_a_file_of_a_later_version_is_refused_and_said_to_be_later(path):
    with h5py.File(path, "a") as file:
        file.attrs["schema_version"] = 99
    with pytest.raises(schema.NewerSchemaError, match="update spinnet"):
        read_task(path)


def test_an_old_version_is_brought_up_to_date(path, monkeypatch):
    def rename_units(content):
        content["attributes"]["unit"] = "new " + content["attributes"]["unit"]

    monkeypatch.setitem(schema.VERSIONS, schema.TASK, 2)
    assert "nothing reads" in refused(read_task, path)
    monkeypatch.setitem(schema.MIGRATIONS, (schema.TASK, 1), rename_units)
    result = read_task(path)
    assert (result.schema_version, result.attributes["unit"]) == (2, "new toy")


def test_claims_that_no_file_can_keep_are_refused_before_memory_is_asked_for(path):
    with h5py.File(path, "a") as file:
        file.create_dataset("endpoint/huge", shape=(2**50,), dtype="f8", chunks=(2**20,))
    assert "more than the file can hold" in refused(read_task, path)


def test_a_file_on_which_the_library_hangs_is_refused_in_time(path, monkeypatch):
    """A heap whose first entry is zeroed sends HDF5 round in circles for ever."""
    raw = bytearray(path.read_bytes())
    heap = raw.index(b"GCOL")
    raw[heap + 16 : heap + 32] = bytes(16)
    path.write_bytes(raw)
    monkeypatch.setattr("spinnet.results.admission.SECONDS", 2.0)
    assert "is damaged" in refused(verify, path)


def test_a_file_on_which_the_library_crashes_is_refused(path, monkeypatch):
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    monkeypatch.setattr("spinnet.results.admission._CHILD", "import os; os.abort()")
    assert "breaks down" in refused(verify, path)


def test_links_are_refused(path):
    with h5py.File(path, "a") as file:
        file["endpoint/out"] = h5py.ExternalLink("/etc/passwd", "/")
    assert "is a link" in refused(read_task, path)


def test_a_group_inside_itself_is_refused(path):
    with h5py.File(path, "a") as file:
        file["endpoint/again"] = file["endpoint"]
    assert "too deeply" in refused(read_task, path)


def test_a_configuration_of_another_task_is_a_problem(tmp_path):
    write(tmp_path / "x.h5", task="0" * 16)
    assert "not that of task" in validate_file(tmp_path / "x.h5")[0]


def test_mistakes_of_the_caller_are_errors(tmp_path):
    x = Variable(np.zeros((2, 3)), ("a", "b"))
    for table in (
        {"g/x": x, "g/y": Variable(np.zeros(4), ("a",))},  # one dimension of two lengths
        {"g/a": x},  # named as its own dimension, and not 1-d
        {"g/x": Variable(np.zeros((2, 2)), ("a", "a"))},
        {"provenance/x": x},
    ):
        with pytest.raises(ValueError):
            write_tables(tmp_path / "t.h5", schema.COMPARISON, table)
    with pytest.raises(TypeError):
        write_tables(tmp_path / "t.h5", schema.COMPARISON, {"g/x": x}, attributes={"a": {"b": 1}})
    with pytest.raises(ValueError, match="result file uses"):
        write(tmp_path / "t.h5", attributes={"task": "mine"})
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_no_rest(path):
    before = path.read_bytes()
    with pytest.raises(RuntimeError), replacing(path) as sink:
        sink.write(b"half")
        raise RuntimeError
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file_and_no_rest(path, tmp_path):
    """The limit on the size of files stands for a disk that is full in the middle of a write."""
    before = path.read_bytes()
    code = f"""
import resource
import numpy as np
from spinnet.errors import StorageError
from spinnet.records import Variable
from spinnet.results import write_task
noise = Variable(np.random.default_rng(0).random(400_000), ("site",))
for limit in (0, 100, 4096, 50_000, 3_000_000, 6_000_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_task({str(path)!r}, {{"g/x": noise, "g/y": noise}}, {{"s": noise.data}},
                   task="t", configuration={{}}, last=1)
    except StorageError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(error.errno, error.exit_code, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 6 and all(line.startswith("27 75") and str(path) in line for line in lines)
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


def test_a_small_file_system_runs_full_without_harm(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root; the limit on file sizes is tested for everybody")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        write(disk / "good.h5")
        noise = {"g/x": Variable(np.random.default_rng(0).random(400_000), ("site",))}
        with pytest.raises(StorageError, match="the disk is full") as caught:
            write_task(disk / "large.h5", noise, {}, task=TASK, configuration=PHYSICS, last=1)
        assert str(disk / "large.h5") in str(caught.value)
        assert [entry.name for entry in disk.iterdir()] == ["good.h5"]
        assert validate_file(disk / "good.h5") == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_leftovers_of_dead_processes_are_removed_and_those_of_living_ones_stay(tmp_path):
    child = subprocess.Popen(["true"])
    child.wait()
    write_text(tmp_path / "kept.txt", "kept")
    host = os.uname().nodename
    dead = tmp_path / f".x.h5.{host}-{child.pid}.0011aabb.part"
    alive = tmp_path / f".x.h5.{host}-{os.getpid()}.0011aabb.part"
    elsewhere = tmp_path / f".x.h5.other-{child.pid}.0011aabb.part"
    for path in (dead, alive, elsewhere):
        path.touch()
    assert remove_leftovers(tmp_path) == 1
    assert {p.name for p in tmp_path.iterdir()} == {"kept.txt", alive.name, elsewhere.name}


def test_a_header_is_read_without_reading_the_content(path):
    header = read_header(path)
    assert (header["task"], header["last"], header["schema"]) == (TASK, 40.0, schema.TASK)


def test_chunks_keep_the_first_axis_whole_where_they_can():
    assert chunk_shape((10, 5), 8) == (10, 5)
    assert chunk_shape((1000, 10, 1000), 8, keep_first=True)[0] == 1000
    assert np.prod(chunk_shape((4000, 4000), 8)) * 8 <= 512 * 1024
    assert chunk_shape((3, 0), 8) == (3, 1)


def test_a_copy_is_as_good_as_the_original(path, tmp_path):
    shutil.copy(path, tmp_path / "copy.h5")
    assert validate_file(tmp_path / "copy.h5") == []
