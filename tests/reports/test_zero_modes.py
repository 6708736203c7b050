"""Zero modes against the count, and the jamming report: equality, violation, two peaks, unfinished runs apart."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.reports.jamming import JammingReport
from spinnet.reports.zero_modes import ZeroModesReport

PROBES = {"final": {}, "hessian_spectrum": {}, "jacobian_rank": {}}


def solved(zeros, rank, status):
    shape = (1, len(zeros))
    variables = {"spectrum/zero_modes": zeros, "jacobian/rank": rank, "dynamics/fit_status": status,
                 "jacobian/rows": np.full(len(zeros), 20)}  # fmt: skip
    physics = {"landscape": {"kind": "DenseNetwork", "hidden": [12]}, "dynamics": {"kind": "LevenbergMarquardt"},
               "probes": PROBES}  # fmt: skip
    return {"parameters": {}, "physics": physics, "attributes": {"n_dof": 85, "n_units": 20},
            "variables": {name: np.reshape(value, shape) for name, value in variables.items()}}  # fmt: skip


def build(tmp_path, point):
    results = made_results(tmp_path / "c.h5", {"solved": [point]})
    return ZeroModesReport().build(results, lambda line: None)


def test_equality_is_counted_among_solved_runs_only(tmp_path):
    content = build(tmp_path, solved([65, 65, 66, 0], [20, 20, 19, 20], [1, 1, 1, 0]))
    row = content.rows[0]
    assert (row["used"], row["foretold"], row["least"], row["most"]) == (3, 65, 65, 66)
    assert row["equal_at_full_rank"] == 1.0 and row["rank_agrees"] == 1.0
    assert "the bound holds" in content.findings[0]


def test_fewer_zero_modes_than_the_bound_are_called_a_violation(tmp_path):
    assert "is VIOLATED" in build(tmp_path, solved([64, 65], [20, 20], [1, 1])).findings[0]
    assert "nothing is counted" in build(tmp_path, solved([64, 65], [20, 20], [0, 2])).findings[0]


def minima(zeros, index, status):
    eigenvalues = np.arange(1.0, 32.0) * np.ones((1, len(zeros), 1))
    variables = {"spectrum/zero_modes": np.array([zeros]), "spectrum/index": np.array([index]),
                 "spectrum/eigenvalue": eigenvalues, "dynamics/search_status": np.array([status])}  # fmt: skip
    physics = {"landscape": {"kind": "SphericalGlass", "n": 32}, "dynamics": {"kind": "SaddleSearch"},
               "probes": PROBES}  # fmt: skip
    return {"parameters": {}, "physics": physics, "attributes": {"n_dof": 32, "n_units": 32}, "variables": variables}


@pytest.mark.parametrize(("zeros", "told"), [(0, "none is flat, as foretold"), (1, "that nothing foretells")])
def test_a_glass_has_no_flat_direction_and_one_would_be_told(tmp_path, zeros, told):
    arms = {"solved": [solved([65, 65], [20, 20], [1, 1])],
            "glass": [minima([0, zeros, 5, 7], [0, 0, 1, 0], [1, 1, 1, 2])]}  # fmt: skip
    report, results = ZeroModesReport(arm="solved", glass="glass"), made_results(tmp_path / "c.h5", arms)
    content = report.build(results, lambda line: None)
    assert f"0 to {zeros} zero modes among the 31 tangent directions of 2 minima, of 4 searches" in content.findings[-1]
    assert told in content.findings[-1] and content.rows[-1]["used"] == 2
    np.testing.assert_allclose(content.rows[-1]["softest"], 1 / 31)


def test_a_glass_arm_that_is_no_glass_is_refused():
    arms = {"solved": [solved([65], [20], [1])["physics"]]}
    with pytest.raises(InputError, match="its landscape is DenseNetwork, not SphericalGlass"):
        ZeroModesReport.check({"arm": "solved", "shift": "", "square": "", "glass": "solved"}, arms)


def fits(patterns, status, unsatisfied, seed=0):
    variables = {"dynamics/fit_status": [status], "dynamics/unsatisfied": [unsatisfied],
                 "endpoint/energy_density": [np.where(np.array(status) == 1, 0.0, 0.05)]}  # fmt: skip
    physics = {"landscape": {"kind": "DenseNetwork", "hidden": [14]}, "dynamics": {"kind": "LevenbergMarquardt"},
               "probes": {"final": {}}}  # fmt: skip
    return {"parameters": {"patterns": patterns, "seed": seed}, "physics": physics,
            "attributes": {"n_dof": 225, "n_units": patterns},
            "variables": {name: np.array(value) for name, value in variables.items()}}  # fmt: skip


def jamming(tmp_path, points):
    return JammingReport().build(made_results(tmp_path / "c.h5", {"jamming": points}), lambda line: None)


def test_two_peaks_and_unfinished_runs_are_told_apart(tmp_path):
    points = [fits(675, [1, 1, 1, 1], [0, 0, 0, 0]), fits(800, [1, 2, 2, 0], [0, 230, 250, 20]),
              fits(800, [2, 2, 2, 1], [240, 235, 245, 0], seed=1),
              fits(900, [2, 2, 2, 2], [260, 270, 280, 290])]  # fmt: skip
    content = jamming(tmp_path, points)
    bracket, place, minima, peaks = content.findings
    assert "all runs are solved up to P/W = 3, none from 4 on; 1 of 16 runs are unfinished" in bracket
    # 5/7 of thresholds between 3 and 3.56, 2/7 between 3.56 and 4
    assert "falls at P/W = 3.42" in place and "3.47 with the unfinished counted as solved, 3.40 as" in place
    assert "N_Δ/W = 1.022 to 1.289 (9 runs)" in minima  # the unfinished run is not in the gap
    assert "side by side at P/W = 3.56 stand 2 solved runs with N_Δ = 0 and 5 minima" in peaks
    assert "from one minimum of each of 2 sets" in peaks
    assert "1 unfinished runs there stopped at N_Δ/W = 0.089 to 0.089 (with these as minima" in peaks
    assert [row["draws"] for row in content.rows] == [1, 2, 1]


@pytest.mark.parametrize(("least", "told"), [(230, ": two peaks, for one"), (9, "two peaks are NOT decided")])
def test_two_peaks_are_told_only_where_one_would_not_leave_the_gap(tmp_path, least, told):
    minima = (least, least + 20, least + 50, 240, 250)
    draws = [fits(800, [1, 2], [0, left], seed) for seed, left in enumerate(minima)]
    content = jamming(tmp_path, [fits(675, [1, 1], [0, 0]), *draws])
    assert told in content.findings[-1] and "from one minimum of each of 5 sets" in content.findings[-1]


def test_runs_on_one_set_of_patterns_are_not_counted_as_independent(tmp_path):
    points = [fits(675, [1, 1], [0, 0]), fits(800, [1, 2, 2, 2, 2, 2], [0, 230, 231, 232, 240, 250])]
    assert "NOT decided" in jamming(tmp_path, points).findings[-1]


def test_the_place_of_the_transition_is_compared_between_sizes(tmp_path):
    points = [fits(675, [1, 1], [0, 0]), fits(800, [1, 2], [0, 230]), fits(900, [2, 2], [230, 250])]
    larger = [{**fits(patterns, status, [0, 0]), "attributes": {"n_dof": 450, "n_units": patterns}}
              for patterns, status in ((1800, [1, 1]), (1900, [1, 2]), (2000, [2, 2]))]  # fmt: skip
    results = made_results(tmp_path / "c.h5", {"jamming": points, "larger": larger})
    content = JammingReport(arm="jamming", larger="larger").build(results, lambda line: None)
    assert "from 225 to 450 parameters the place P/W of the transition rises (+" in content.findings[-1]


def test_a_study_that_never_jams_measures_no_jump(tmp_path):
    content = jamming(tmp_path, [fits(225, [1, 1], [0, 0])])
    assert "not bracketed" in content.findings[0] and "not measured" in content.findings[1]
