"""Every shipped study of glasses runs, reports and draws."""

import ast

import pytest
from study.studies import (
    CHECKOUT,
    ELSEWHERE,
    GLASSES,
    LEVELS,
    NATIVES,
    NETWORK_NOISE,
    NETWORK_PATHS,
    NETWORK_SPECTRA,
    check_study,
    each,
    shipped,
)


@pytest.mark.parametrize("name", each(GLASSES))
def test_the_study_runs_from_its_file_to_its_figures(name, tmp_path):
    check_study(name, tmp_path)


def test_every_shipped_study_is_tested_somewhere():
    assert set(shipped()) <= {*GLASSES, *LEVELS, *ELSEWHERE, *NATIVES, *NETWORK_NOISE, *NETWORK_PATHS, *NETWORK_SPECTRA}


def test_the_scripts_of_all_analyses_are_one_script():
    """So that those which are run stand for the others."""
    scripts = {path.stem: ast.parse(path.read_text(encoding="utf-8")) for path in (CHECKOUT / "analysis").glob("*.py")}
    assert set(scripts) == set(shipped())
    for name in ELSEWHERE:  # has a script of its own, run by tests of its own
        del scripts[name]
    assert len({ast.dump(ast.Module(script.body[1:], [])) for script in scripts.values()}) == 1
