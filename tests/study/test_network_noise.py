"""Every shipped study of the noise and the motion of networks under SGD runs, reports and draws."""

import pytest
from study.studies import NETWORK_NOISE, check_study, shipped


@pytest.mark.parametrize("name", [name for name in NETWORK_NOISE if name in shipped()])
def test_the_study_runs_from_its_file_to_its_figures(name, tmp_path):
    check_study(name, tmp_path)
