"""What is installed is what is tested, and a wheel holds the package and its campaigns, nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from configparser import ConfigParser
from pathlib import Path

import pytest

import spinnet

CHECKOUT = Path(__file__).resolve().parents[2]


def test_the_installed_package_is_what_runs():
    if "installed" not in os.environ.get("SPINNET_REQUIRE", ""):
        pytest.skip("only where an installation is being tested: SPINNET_REQUIRE has the word for it")
    assert CHECKOUT not in Path(spinnet.__file__).resolve().parents


def test_every_subpackage_is_listed_in_setup_cfg():
    config = ConfigParser()
    config.read(CHECKOUT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    found = {
        str(path.parent.relative_to(CHECKOUT)).replace(os.sep, ".")
        for path in (CHECKOUT / "spinnet").rglob("__init__.py")
    }
    assert listed == found | {"spinnet.sims"}


def test_every_fact_has_one_owner():
    config = ConfigParser()
    config.read(CHECKOUT / "setup.cfg")
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "install_requires" not in config["options"]
    assert "python_requires" not in config["options"]
    assert set(project) == {"name", "dynamic", "requires-python", "dependencies", "optional-dependencies"}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """A wheel built from a clean export of what git tracks and what is about to be."""
    pytest.importorskip("build")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT, capture_output=True, text=True,
    )
    if listed.returncode:
        pytest.skip("not a git checkout: there is nothing to export")
    place = tmp_path_factory.mktemp("export")
    archive = place / "export.tar"
    with tarfile.open(archive, "w") as tar:
        for name in listed.stdout.splitlines():
            if (CHECKOUT / name).is_file():
                tar.add(CHECKOUT / name, arcname=name)
    source = place / "source"
    with tarfile.open(archive) as tar:
        tar.extractall(source, filter="data")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(place), str(source)]
    built = subprocess.run(command, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return zipfile.ZipFile(next(place.glob("*.whl")))


def test_a_wheel_holds_the_package_and_its_campaigns_and_nothing_else(wheel):
    names = wheel.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"spinnet"}
    shipped = {Path(name).name for name in names if name.startswith("spinnet/sims/")}
    assert {path.name for path in (CHECKOUT / "sims").glob("*.toml")} <= shipped
    assert any(name.startswith("spinnet/datasets/") and name.endswith(".npz") for name in names)
    modules = {str(path.relative_to(CHECKOUT)) for path in (CHECKOUT / "spinnet").rglob("*.py")}
    assert modules <= set(names)


def test_shipped_studies_are_found_from_a_wheel(wheel, tmp_path):
    wheel.extractall(tmp_path)
    listed = subprocess.run(
        [sys.executable, "-c", "from spinnet.cli import main; main(['example', 'list'])"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True,
    )
    assert "glass_vs_network" in listed.stdout, listed.stderr


def test_nothing_committed_names_a_machine_or_a_private_place():
    listed = subprocess.run(["git", "ls-files"], cwd=CHECKOUT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.splitlines():
        path = CHECKOUT / name
        written = path.suffix in {".py", ".toml", ".cfg", ".md", ".cff", ""} and path.name != Path(__file__).name
        if written and path.is_file():
            text = path.read_text(encoding="utf-8", errors="ignore")
            for word in ("/home/", "/root/", "../shared"):
                assert word not in text, f"{name} contains {word}"
