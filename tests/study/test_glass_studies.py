"""Every shipped study of glasses runs, reports and draws."""

import pytest
from study.studies import (
    ELSEWHERE,
    GLASSES,
    LEVELS,
    NATIVES,
    NETWORK_NOISE,
    NETWORK_PATHS,
    NETWORK_SPECTRA,
    check_study,
    shipped,
)


@pytest.mark.parametrize("name", [name for name in GLASSES if name in shipped()])
def test_the_study_runs_from_its_file_to_its_figures(name, tmp_path):
    check_study(name, tmp_path)


def test_every_shipped_study_is_tested_somewhere():
    assert set(shipped()) <= {*GLASSES, *LEVELS, *ELSEWHERE, *NATIVES, *NETWORK_NOISE, *NETWORK_PATHS, *NETWORK_SPECTRA}
