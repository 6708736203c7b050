"""Every shipped study of random energies runs, reports and draws."""

import pytest
from study.studies import LEVELS, check_study, each


@pytest.mark.parametrize("name", each(LEVELS))
def test_the_study_runs_from_its_file_to_its_figures(name, tmp_path):
    check_study(name, tmp_path)
