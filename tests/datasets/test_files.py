"""Local files and downloads: read exactly, and refused with a remedy when they are not there or not whole."""

from __future__ import annotations

import builtins
import gzip
import struct

import numpy as np
import pytest

from spinnet.datasets import catalogue, content_hash, load, memory_size, openml, resolve_options, split_files
from spinnet.datasets.files import read_idx
from spinnet.errors import InputError

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.integers(0, 256, (30, 4, 3), dtype=np.uint8), RNG.integers(0, 5, 30, dtype=np.uint8)
LABELS[0] = 4


def idx_bytes(array, code=0x08):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def idx_files(tmp_path):
    (tmp_path / "images.idx").write_bytes(idx_bytes(IMAGES))
    (tmp_path / "labels.gz").write_bytes(gzip.compress(idx_bytes(LABELS)))
    return {"train_images": str(tmp_path / "images.idx"), "train_labels": str(tmp_path / "labels.gz")}


def test_idx_files_are_read_plain_and_gzipped(idx_files):
    data = load("idx", **idx_files, test_images=idx_files["train_images"], test_labels=idx_files["train_labels"],
                standardise="none")  # fmt: skip
    assert data.n_patterns == 30 and data.n_test == 30 and data.n_classes == 5
    order = np.lexsort(data.inputs.T), np.lexsort(IMAGES.reshape(30, -1).T)
    np.testing.assert_array_equal(data.inputs[order[0]], IMAGES.reshape(30, -1)[order[1]])
    np.testing.assert_array_equal(data.labels[order[0]], LABELS[order[1]])
    assert load("idx", **idx_files).n_test == 30 // 4


def test_idx_of_other_types_keep_their_values(tmp_path):
    for code, dtype in ((0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8"), (0x0B, ">i2"), (0x09, "i1")):
        array = np.arange(-6, 6).reshape(3, 4).astype(dtype)
        (tmp_path / "x").write_bytes(idx_bytes(array, code))
        np.testing.assert_array_equal(read_idx(tmp_path / "x"), array)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (idx_bytes(IMAGES)[:-1], "truncated"),
        (idx_bytes(IMAGES) + b"1", "too long"),
        (idx_bytes(IMAGES)[:6], "truncated"),
        (b"PK\x03\x04", "not an IDX file"),
        (b"", "not an IDX file"),
    ],
)
def test_damaged_idx_files_are_refused(tmp_path, content, words):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_idx(tmp_path / "x")


def test_damaged_gzip_is_refused(tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(idx_bytes(IMAGES))[:-20])
    with pytest.raises(InputError, match="gzip"):
        read_idx(tmp_path / "x.gz")


def test_idx_options_that_do_not_agree_are_refused(idx_files):
    with pytest.raises(InputError, match="both test_images and test_labels"):
        resolve_options("idx", {**idx_files, "test_images": "x"})
    with pytest.raises(InputError, match="not a list of classes"):
        load("idx", train_images=idx_files["train_images"], train_labels=idx_files["train_images"])
    with pytest.raises(InputError, match="No such file"):
        load("idx", train_images="nowhere.idx", train_labels=idx_files["train_labels"])


def test_npz_archives_are_read_under_their_usual_names(tmp_path):
    path = str(tmp_path / "mine.npz")
    np.savez(path, x_train=IMAGES, y_train=LABELS[:, None], x_test=IMAGES[:7], y_test=LABELS[:7])
    data = load("npz", file=path, standardise="none")
    assert data.n_patterns == 30 and data.n_test == 7 and data.n_inputs == 12
    np.savez(path, inputs=IMAGES.reshape(30, -1), targets=np.ones((30, 2)))
    data = load("npz", file=path)
    assert data.targets.shape == (23, 2) and data.n_classes == 0


def test_the_hash_of_a_file_follows_its_content_and_not_its_place(tmp_path):
    paths = [str(tmp_path / name) for name in ("a.npz", "b.npz", "c.npz")]
    for path, labels in zip(paths, (LABELS, LABELS, LABELS[::-1]), strict=True):
        np.savez(path, inputs=IMAGES, labels=labels)
    a, b, c = (content_hash("npz", {"file": path}) for path in paths)
    assert a == b != c
    assert load("npz", file=paths[0]).sha256 == a


def test_a_changed_file_is_loaded_again(tmp_path):
    path = str(tmp_path / "a.npz")
    np.savez(path, inputs=IMAGES, labels=LABELS)
    first = load("npz", file=path)
    np.savez(path, inputs=IMAGES[:20], labels=LABELS[:20])
    assert load("npz", file=path).n_patterns < first.n_patterns


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"labels": LABELS}, "needs inputs"),
        ({"inputs": IMAGES}, "needs inputs, and either"),
        ({"inputs": IMAGES, "labels": LABELS[:3]}, "different lengths"),
        ({"inputs": IMAGES, "labels": LABELS / 2}, "whole numbers"),
        ({"inputs": IMAGES, "labels": LABELS, "test_inputs": IMAGES}, "without test labels"),
        ({"inputs": IMAGES, "labels": np.array([{}] * 30, dtype=object)}, "plain arrays"),
    ],
)
def test_archives_without_what_is_needed_are_refused(tmp_path, content, words):
    path = str(tmp_path / "mine.npz")
    np.savez(path, **content)
    with pytest.raises(InputError, match=words):
        load("npz", file=path)


def test_foreign_and_truncated_archives_are_refused(tmp_path):
    path = tmp_path / "mine.npz"
    np.savez(path, inputs=IMAGES, labels=LABELS)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"not an archive", b""):
        path.write_bytes(content)
        with pytest.raises(InputError, match="not a complete NumPy archive"):
            load("npz", file=str(path))
    np.save(tmp_path / "x.npy", IMAGES)
    with pytest.raises(InputError, match=r"numpy\.savez"):
        load("npz", file=str(tmp_path / "x.npy"))


def test_the_process_keeps_one_data_set_and_no_more(tmp_path):
    for number in range(3):
        path = str(tmp_path / f"{number}.npz")
        np.savez(path, inputs=IMAGES, labels=LABELS)
        data = load("npz", file=path)
        assert load("npz", file=path) is data and list(catalogue._loaded.values()) == [data]


def test_paths_are_told_apart_from_what_the_data_are():
    options = resolve_options("idx", {"train_images": "a/x", "train_labels": "a/y", "pca": 3})
    what, where = split_files("idx", options)
    assert where == {"train_images": "a/x", "train_labels": "a/y"}
    assert what["pca"] == 3 and not [key for key in what if key.startswith(("train_", "test_"))]
    assert split_files("digits", resolve_options("digits", {}))[1] == {}


def test_the_size_is_known_before_the_data_are_loaded(tmp_path, idx_files, forget):
    path = str(tmp_path / "mine.npz")
    np.savez(path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES[:7], y_test=LABELS[:7])
    real = str(tmp_path / "real.npz")
    np.savez_compressed(real, inputs=IMAGES, targets=np.ones((30, 2)))
    test_part = {"test_images": idx_files["train_images"], "test_labels": idx_files["train_labels"]}
    for name, options in (
        ("npz", {"file": path}), ("npz", {"file": real}), ("npz", {"file": path, "n_train": 9, "pca": 4}),
        ("idx", idx_files), ("idx", {**idx_files, **test_part}), ("digits", {"n_test": 100, "pca": 7}), ("xor", {}),
        ("digits", {"parity": True}), ("digits", {"classes": [3, 4, 5]}), ("random", {"n_labels": 4}),
        ("teacher-perceptron", {"n_train": 150}), ("teacher-mlp", {"task": "regression"}),
    ):  # fmt: skip
        complete = resolve_options(name, options)
        catalogue._loaded.clear()
        size, n_bytes = memory_size(name, complete)
        assert not catalogue._loaded
        data = load(name, **options)
        assert size.inputs == data.n_inputs and size.outputs == (data.n_classes or data.targets.shape[1])
        exact = "classes" not in options
        assert (size.patterns == data.n_patterns if exact else size.patterns > data.n_patterns), (name, options)
        assert (size.test_patterns == data.n_test if exact else size.test_patterns > data.n_test), (name, options)
        assert n_bytes >= 8 * data.n_inputs * (data.n_patterns + data.n_test)


def test_a_file_without_a_size_is_refused(tmp_path, idx_files):
    (tmp_path / "x").write_bytes(idx_bytes(IMAGES)[:6])
    for name, options, words in (
        ("idx", {**idx_files, "train_images": str(tmp_path / "x")}, "truncated"),
        ("idx", {**idx_files, "train_images": "nowhere"}, "No such file"),
        ("npz", {"file": "nowhere.npz"}, "No such file"),
        ("npz", {"file": str(tmp_path / "x")}, "not a complete NumPy archive"),
    ):
        with pytest.raises(InputError, match=words):
            memory_size(name, resolve_options(name, options))


@pytest.fixture
def forget(monkeypatch):
    monkeypatch.setattr(catalogue, "_loaded", {})


def test_openml_data_are_split_where_their_authors_did(monkeypatch, forget):
    images = np.tile(np.arange(12.0), (60010, 1))
    monkeypatch.setattr(openml, "_fetch", lambda number: (images, np.array(["3", "7"] * 30005)))
    data = load("mnist", n_train=100, standardise="none")
    assert data.n_patterns == 100 and data.n_test == 10 and data.n_classes == 10
    assert set(data.labels) == {3, 7} and "554" in data.source


def test_a_missing_network_is_told_with_the_remedy(monkeypatch, forget):
    def refuse(number):
        raise OSError("name not known")

    monkeypatch.setattr(openml, "_fetch", refuse)
    for name, remedy in (("mnist", "data = 'idx'"), ("cifar-10", "data = 'npz'")):
        with pytest.raises(InputError, match=f"cannot be downloaded.*{remedy}") as caught:
            load(name)
        assert "\n" not in str(caught.value)


def test_missing_scikit_learn_is_told_with_the_remedy(monkeypatch, forget):
    original = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return original(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'spinnet\[datasets\]'"):
        load("fashion-mnist")
