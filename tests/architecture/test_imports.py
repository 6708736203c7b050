"""Imports flow one way: kernels <- landscapes <- {dynamics, probes} <- simulation <- campaign <- cli."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGE = CHECKOUT / "spinnet"

FOUNDATION = {"errors", "configurable", "records", "randomness", "memory", "source", "registry", "waiting_times",
              "_version"}  # fmt: skip
# What each part may import of the package, beside itself. A part that is missing here may import nothing.
ALLOWED = {
    "_version": set(),
    "__main__": {"cli"},
    "errors": set(),
    "configurable": {"errors"},
    "records": set(),
    "randomness": set(),
    "memory": {"errors"},
    "source": {"errors"},
    "registry": {"errors"},
    "spaces": {"errors"},
    "schedules": FOUNDATION,
    "waiting_times": {"errors", "configurable"},
    "kernels": set(),
    "datasets": FOUNDATION,
    "landscapes": FOUNDATION | {"spaces", "kernels", "datasets"},
    "dynamics": FOUNDATION | {"spaces", "kernels", "landscapes"},
    "probes": FOUNDATION | {"spaces", "kernels", "landscapes", "estimators"},
    # The two-time equations are the one theory heavy enough to need compiled code.
    "theory": FOUNDATION | {"spaces", "kernels"},
    "estimators": FOUNDATION,
    "comparison": FOUNDATION | {"estimators"},
    "results": FOUNDATION,
    "reports": FOUNDATION | {"results", "estimators", "comparison", "theory"},
    "plotting": FOUNDATION | {"results"},
    "agenda": FOUNDATION | {"probes"},
    "trajectory": FOUNDATION | {"landscapes", "dynamics", "probes", "agenda"},
    "endpoint": FOUNDATION | {"trajectory", "probes"},
    "simulation": FOUNDATION | {"spaces", "schedules", "landscapes", "dynamics", "probes", "trajectory", "endpoint"},
    "campaign": FOUNDATION
    | {"kernels", "schedules", "landscapes", "dynamics", "probes", "simulation", "results", "theory", "estimators",
       "comparison", "reports"},
    "benchmarks": FOUNDATION
    | {"kernels", "landscapes", "datasets", "dynamics", "probes", "theory", "estimators", "results"},
    # One model of a person's own: from its file to what was found, as campaign and simulation do for tables.
    "torch_models": FOUNDATION
    | {"schedules", "datasets", "landscapes", "dynamics", "probes", "trajectory", "theory", "estimators", "reports",
       "results"},
    "cli": FOUNDATION | {"torch_models", "campaign", "results", "plotting", "theory", "benchmarks", "kernels"},
}
PARTS = sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py" or path.parent != PACKAGE)


def imported_modules(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
            if node.module == "spinnet":
                found |= {f"spinnet.{alias.name}" for alias in node.names}
    return found


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", PARTS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_lies_below_it(path):
    part = part_of(path)
    used = {name.split(".")[1] for name in imported_modules(path) if name.startswith("spinnet.")}
    beyond = {name for name in used - {part} if (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").exists()}
    assert beyond <= ALLOWED.get(part, set()), f"{part} imports {sorted(beyond - ALLOWED.get(part, set()))}"


@pytest.mark.parametrize("path", PARTS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_compilation_module_names_numba(path):
    if part_of(path) == "benchmarks" or path.name == "_jit.py":
        return
    allowed_in_kernels = part_of(path) == "kernels"
    found = {name for name in imported_modules(path) if name.split(".")[0] == "numba"}
    assert not found or allowed_in_kernels, f"{path.name} imports {found}; numba belongs in kernels/"


@pytest.mark.parametrize("folder", ["sims", "analysis"])
def test_folders_outside_the_package_are_not_packages(folder):
    assert not list((CHECKOUT / folder).rglob("__init__.py"))


def test_campaigns_hold_no_python():
    assert not list((CHECKOUT / "sims").rglob("*.py"))


def test_the_core_never_imports_optional_packages():
    optional = {"torch", "sklearn", "dask", "mpi4py", "xarray"}
    for path in PARTS:
        if part_of(path) in {"benchmarks"}:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        top = {a.name.split(".")[0] for n in tree.body if isinstance(n, ast.Import) for a in n.names}
        top |= {n.module.split(".")[0] for n in tree.body if isinstance(n, ast.ImportFrom)}
        assert not top & optional, f"{path} imports {top & optional} at module level"


def test_the_rule_catches_an_import_against_the_stream(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text("from spinnet.campaign.study import load_study\n")
    used = {name.split(".")[1] for name in imported_modules(wrong)}
    assert not used <= ALLOWED["landscapes"]
