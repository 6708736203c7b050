"""The names of data sets, their options, and loading with a cache per process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from spinnet.configurable import canonical
from spinnet.datasets import augmented, embedded, files, openml, teachers
from spinnet.datasets.dataset import Dataset
from spinnet.datasets.prepare import COMMON, check_common, prepare
from spinnet.datasets.source import Size, Source
from spinnet.errors import InputError, nearest_name

_SOURCES: dict[str, Source] = {
    "digits": embedded.digits,
    "digits-augmented": augmented.augmented,
    "xor": embedded.xor,
    "mnist": openml.mnist,
    "fashion-mnist": openml.fashion_mnist,
    "cifar-10": openml.cifar_10,
    "idx": files.idx,
    "npz": files.npz,
    "random": teachers.random_labels,
    "teacher-perceptron": teachers.perceptron,
    "teacher-mlp": teachers.mlp,
}

#: The data set that was loaded last, and no other: one image set as float64 is as large as a worker's share of memory.
_loaded: dict[tuple[str, str], Dataset] = {}


def names() -> tuple[str, ...]:
    """What :func:`load` knows."""
    return tuple(_SOURCES)


def _source(name: str) -> Source:
    if not isinstance(name, str) or name not in _SOURCES:
        raise InputError(
            f"data = {name!r}: known data sets are {', '.join(_SOURCES)}{nearest_name(str(name), _SOURCES)}; "
            f"files of your own are data = 'npz' or 'idx'"
        )
    return _SOURCES[name]


def resolve_options(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The complete, checked table of options of a data set, in JSON types; nothing is loaded.

    Raises
    ------
    InputError
        An unknown data set or option (with the nearest known one), a missing option, a value that is not allowed.
    """
    source = _source(name)
    if not isinstance(given, Mapping):
        raise InputError(f"data_options = {given!r}: give a table of options")
    defaults = {**source.own, **COMMON, **source.common}
    for key in given:
        if key not in defaults:
            raise InputError(
                f"data_options.{key}: data set {name!r} has no such option{nearest_name(key, defaults)}; "
                f"it takes {', '.join(defaults)}"
            )
    complete = {**defaults, **given}
    for key, value in complete.items():
        if value is ...:
            raise InputError(f"data_options.{key} is missing: data set {name!r} needs it")
    own = source.check({key: complete[key] for key in source.own})
    common = check_common({key: complete[key] for key in COMMON})
    return canonical({**own, **common})


def content_hash(name: str, options: Mapping[str, Any]) -> str | None:
    """SHA-256 of the content of a data set before processing, without loading it.

    None where the content follows from the options (teachers), or is known only after a download (OpenML, whose
    numbered versions never change; ``Dataset.sha256`` tells it then, and a hash that is stated beforehand as a
    network's ``data_sha256`` is compared with it).
    """
    return _source(name).content_hash(dict(options))


def split_files(name: str, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Options that say what the data are, and those that say where files lie (without those that are not given)."""
    files = _source(name).files
    return (
        {key: value for key, value in options.items() if key not in files},
        {key: options[key] for key in files if options.get(key) is not None},
    )


def memory_size(name: str, options: Mapping[str, Any]) -> tuple[Size, int]:
    """Size of the prepared data set, and about how many bytes loading it takes at its height; nothing is loaded.

    ``options`` is a complete table. Numbers of patterns and inputs that only the data tell (chosen classes, dropped
    inputs) are counted as if all were kept. Loading holds the source (8 bytes a number at most) and three times the
    patterns that are kept, as float64.

    Raises
    ------
    InputError
        A data file that cannot be read.
    """
    whole = _source(name).size(dict(options))
    total = whole.patterns + whole.test_patterns
    n_train, n_test = options["n_train"], options["n_test"]
    if n_test is None:
        n_test = whole.test_patterns or whole.patterns // 4
    if n_train is None:
        n_train = whole.patterns if whole.test_patterns else whole.patterns - n_test
    kept = Size(n_train, n_test, options["pca"] or whole.inputs, _outputs(whole, options))
    return kept, 8 * whole.inputs * (total + 3 * (n_train + n_test))


def known_inputs(name: str, options: Mapping[str, Any]) -> int | None:
    """Number of inputs of the prepared data set, where it is certain without loading anything; else None.

    ``options`` is a complete table. Which inputs are constant, and what a file holds that cannot be read, is not known.
    """
    if options["drop_constant"] and not options["pca"]:
        return None
    try:
        return memory_size(name, options)[0].inputs
    except InputError:
        return None


def _outputs(whole: Size, options: Mapping[str, Any]) -> int:
    if options["parity"]:
        return 2
    return whole.outputs if options["classes"] is None else len(options["classes"])


def load(name: str, **options: Any) -> Dataset:
    """Load a data set, split and standardise it.

    Parameters
    ----------
    name
        ``"digits"`` (embedded: 1797 images of 8×8 pixels in 10 classes), ``"digits-augmented"`` (``copies`` of each of
        them but for ``held_out`` of the test part, shifted by up to ``shift`` pixels, with ``noise``),
        ``"mnist"``, ``"fashion-mnist"``, ``"cifar-10"`` (from OpenML, through scikit-learn), ``"idx"``, ``"npz"``
        (local files), ``"random"``, ``"teacher-perceptron"``, ``"teacher-mlp"`` (synthetic), ``"xor"`` (inputs 1 and
        ``low`` = −1 or 0).
    n_train, n_test
        Numbers of patterns; left out, all that there are. A source without a test part of its own gives a quarter of
        its patterns to it.
    split_seed
        Which patterns are taken. Smaller training sets of one seed lie within the larger ones.
    classes, parity
        Keep only these classes (renumbered in the order given); then replace a class by its parity.
    standardise
        ``"global"``: one mean and one standard deviation over all inputs of the training part. ``"per-feature"``: one
        each (a constant input becomes 0). ``"none"``.
    drop_constant
        Remove the inputs that are constant over the training part; ``Dataset.dropped_inputs`` names them. Kept, they
        make exactly flat directions of a network's loss.
    pca
        Project onto this many leading principal axes of the standardised training part, and standardise again in
        the same way.
    shuffle_labels, label_noise, label_seed
        Permute the labels within the training part and within the test part; replace this fraction of the training
        labels by another class drawn uniformly.
    **options
        Files: see :mod:`spinnet.datasets.files`. Teachers: see :mod:`spinnet.datasets.teachers`.

    Returns
    -------
    Dataset
        Frozen; the same call again in the same process returns the same object, if no other set was loaded meanwhile.

    Raises
    ------
    InputError
        An unknown name or option, a value that is not allowed, a missing or damaged file, no network, no scikit-learn.
    """
    complete = resolve_options(name, options)
    source = _source(name)
    key = (json.dumps([name, complete], sort_keys=True), source.content_hash(complete) or "")
    if key not in _loaded:
        _loaded.clear()  # before the next one is read, so that they are never held together
        _loaded[key] = prepare(name, source.read(complete), complete)
    return _loaded[key]
