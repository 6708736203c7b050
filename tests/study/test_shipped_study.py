"""What is shipped runs: the study in its smallest preset, from the command line to the figures, and the README."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SPINNET = [sys.executable, "-P", "-c", "from spinnet.cli import main; main(prog_name='spinnet')"]

TINY = """
[study]
name = "tiny"
title = "A study of seconds"

[compare]
permutations = 99
splits = 0

[figures]
draw = ["final_energies"]

[probes.energy]
[probes.final]
[probes.hessian_spectrum]

[arm.glass.landscape]
kind = "SphericalGlass"
[arm.glass.dynamics]
kind = "GradientFlow"
[arm.glass.schedule]
kind = "log"
first = 0.1
last = 2
per_decade = 4
[arm.glass.ensemble]
n = [12, 16]
samples = 3
replicas = 2

[arm.network.landscape]
kind = "DenseNetwork"
[arm.network.dynamics]
kind = "SGD"
learning_rate = 0.1
batch = 10
[arm.network.schedule]
kind = "log"
first = 1
last = 20
per_decade = 3
[arm.network.ensemble]
hidden = 2
samples = 2
replicas = 2
"""


def spinnet(*arguments: object, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run([*SPINNET, *map(str, arguments)], cwd=cwd, capture_output=True, text=True)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The shipped study in its smallest preset; the folder and what the command printed."""
    place = tmp_path_factory.mktemp("shipped")
    done = spinnet("run", "glass_vs_network", "--preset", "trial", cwd=place)
    assert done.returncode == 0, done.stderr
    return place / "results" / "glass_vs_network-trial", done


def test_the_shipped_study_leaves_files_figures_and_a_table(shipped):
    folder, done = shipped
    assert len(list((folder / "shards").rglob("*.h5"))) == 56
    for name in ("final_energies", "hessian_spectra", "spacing_ratios", "relaxation"):
        for suffix in (".pdf", ".png"):
            assert (folder / "figures" / name).with_suffix(suffix).stat().st_size > 5000
    for words in ("mean spacing ratio", "p (Holm)", "distance", "null", "not tested: carries units"):
        assert words in done.stdout
    assert "56" in done.stderr and "Traceback" not in done.stderr


def test_every_result_file_is_valid_and_opens_in_xarray(shipped):
    xarray = pytest.importorskip("xarray")
    folder, _ = shipped
    for name in ("collected.h5", "comparison.h5"):
        assert spinnet("validate", folder / name, cwd=folder).returncode == 0
    group = "/glass/n=64/trajectory"
    with xarray.open_dataset(folder / "collected.h5", engine="h5netcdf", group=group) as data:
        assert data["energy_density"].dims == ("sample", "replica", "time")
        assert data["energy_density"].sizes["sample"] == 24
        assert float(data["energy_density"].isel(time=-1).mean()) == pytest.approx(-1.09, abs=0.05)


def test_running_again_skips_what_is_finished_and_says_so(shipped):
    folder, _ = shipped
    before = {path: path.stat().st_mtime_ns for path in (folder / "shards").rglob("*.h5")}
    again = spinnet("run", "glass_vs_network", "--preset", "trial", "--json", cwd=folder.parents[1])
    assert again.returncode == 0 and "56 of 56" in again.stderr
    rows = json.loads(again.stdout)
    assert rows["directory"] and rows["figures"]
    assert before == {path: path.stat().st_mtime_ns for path in (folder / "shards").rglob("*.h5")}
    counts = json.loads(spinnet("status", folder, "--json", cwd=folder).stdout)
    assert counts["done"] == counts["total"] == 56


def test_the_glass_and_the_network_share_their_level_repulsion_and_not_their_spectrum(shipped):
    """The finding of the study, in its weakest form: spacing ratios agree with GOE, spectral shapes differ."""
    import h5py

    folder, _ = shipped
    with h5py.File(folder / "collected.h5") as file:
        glass = file["glass/n=64/spectrum/spacing_ratio"][:].mean(axis=1)
        network = file["network/hidden=12/spectrum/spacing_ratio"][:].ravel()
    for ratios in (glass, network):
        error = ratios.std(ddof=1) / np.sqrt(len(ratios))
        assert abs(ratios.mean() - 0.5307) < 4 * error + 0.004  # GOE, the size dependence of small matrices aside
        assert ratios.mean() - 0.3863 > 10 * error  # Poisson


def test_one_worker_and_two_workers_give_the_same_bits(tmp_path):
    from spinnet.results import read_task

    (tmp_path / "tiny.toml").write_text(TINY, encoding="utf-8")
    digests = []
    for jobs in (1, 2):
        done = spinnet("run", "tiny.toml", "--jobs", jobs, "-o", f"out{jobs}", "-q", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        shards = sorted((tmp_path / f"out{jobs}" / "shards").rglob("*.h5"))
        digests.append([(path.name, read_task(path).digest) for path in shards])
    assert len(digests[0]) == 8 and digests[0] == digests[1]


def test_the_readme_names_real_files_commands_and_options():
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    assert "    pip install . && spinnet run sims/glass_vs_network.toml\n" in text
    assert '    pip install ".[test]" && pytest\n' in text
    for path in re.findall(r"(?:sims|spinnet|analysis)/[\w/]+\.\w+", text):
        assert (CHECKOUT / path).is_file(), path
    studies = text.partition("## Shipped studies")[2].partition("##")[0]
    first_columns = " ".join(line.split("|")[1] for line in studies.splitlines() if line.startswith("| `"))
    named = set(re.findall(r"`(\w+)`", first_columns))
    assert named == {path.stem for path in (CHECKOUT / "sims").glob("*.toml")}
    from spinnet.cli import main

    for name in re.findall(r"`spinnet ([a-z]+)", text):
        assert name in main.commands, name


def test_the_python_example_of_the_readme_runs(tmp_path):
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    assert blocks
    for block in blocks:
        done = subprocess.run(
            [sys.executable, "-P", "-c", block], cwd=tmp_path, capture_output=True, text=True, env=os.environ
        )
        assert done.returncode == 0, done.stderr


def test_failed_tasks_are_named_and_the_rest_is_compared_and_drawn(tmp_path):
    """A data set that cannot be had fails its arm; the other arm is finished, drawn, and the exit code is 1."""
    unusable = 'data = "npz"\ndata_options = {path = "x.npz"}'
    study = TINY.replace('kind = "DenseNetwork"', f'kind = "DenseNetwork"\n{unusable}')
    (tmp_path / "tiny.toml").write_text(study, encoding="utf-8")
    np.savez(tmp_path / "x.npz", inputs=np.zeros((4, 3)), labels=np.arange(4) % 2)
    done = spinnet("run", "tiny.toml", "-o", "out", "-q", cwd=tmp_path)
    if done.returncode == 2:  # refused before anything ran: as good
        assert not (tmp_path / "out").exists()
        return
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "logs" in done.stderr
    assert (tmp_path / "out" / "collected.h5").is_file()
