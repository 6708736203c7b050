"""ruff is clean, and importing the package or asking for help does no heavy work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
HEAVY = ("numba", "scipy", "h5py", "matplotlib", "torch", "sklearn")


def test_ruff_is_clean():
    pytest.importorskip("ruff")
    checked = subprocess.run(
        [sys.executable, "-m", "ruff", "check", "--no-cache", "."], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    "statement", ["import spinnet", "from spinnet.cli import main; main(['--help'], standalone_mode=False)"]
)
def test_nothing_heavy_is_imported_for_nothing(statement):
    code = f"import sys\n{statement}\nprint('HEAVY', sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "HEAVY []"


def test_importing_landscapes_compiles_nothing():
    code = (
        "import spinnet.landscapes.spherical_glass, spinnet.landscapes.dense_network\n"
        "from spinnet.kernels import _jit\n"
        "print(sum(k.compiled for ks in _jit._registry.values() for k in ks))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"
