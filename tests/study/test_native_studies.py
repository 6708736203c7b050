"""Every shipped study of native states and wells runs, reports and draws."""

import pytest
from study.studies import NATIVES, check_study, each


@pytest.mark.parametrize("name", each(NATIVES))
def test_the_study_runs_from_its_file_to_its_figures(name, tmp_path):
    check_study(name, tmp_path)
