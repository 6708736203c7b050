"""Every shipped study of paths between solutions of networks runs, reports and draws."""

import pytest
from study.studies import NETWORK_PATHS, check_study


@pytest.mark.parametrize("name", NETWORK_PATHS)
def test_the_study_runs_from_its_file_to_its_figures(name, tmp_path):
    check_study(name, tmp_path)
