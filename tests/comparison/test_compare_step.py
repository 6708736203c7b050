"""The comparison step on collected files with known content."""

import ast
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from comparison.synthetic_study import (
    GLASS_PHYSICS,
    NETWORK_PHYSICS,
    glass_point,
    network_point,
    parameters,
    write_collected,
    write_study,
    write_task_file,
)

import spinnet.campaign
from spinnet.campaign.compare_arms import ArmData
from spinnet.campaign.compare_settings import CompareSettings
from spinnet.campaign.compare_step import compare_collected, compare_files, split_selector
from spinnet.comparison.points import PointData
from spinnet.errors import InputError, ResultFileError
from spinnet.results import read_result, validate_file

QUICK = {"permutations": 199, "splits": 20}


@pytest.fixture(scope="module")
def collected(tmp_path_factory):
    return write_study(tmp_path_factory.mktemp("study") / "collected.h5")


@pytest.fixture(scope="module")
def comparison(collected):
    return compare_collected(collected, QUICK, collected.with_name("comparison.h5"))


@pytest.fixture(scope="module")
def stored(comparison):
    return read_result(comparison.path, "spinnet-comparison")


def test_the_largest_points_of_the_first_two_arms_are_compared(comparison):
    pairs = {(row.left_arm, row.left_point, row.right_arm, row.right_point) for row in comparison.rows}
    assert pairs == {("glass", "n=48", "network", "hidden=8")}
    assert comparison.rates[0].arm == "glass"
    assert comparison.rates[0].units_per_half == 11


def test_the_file_is_valid_and_holds_the_rows(comparison, stored):
    assert validate_file(comparison.path) == []
    assert list(stored.variables["rows/statistic"].data) == [row.statistic for row in comparison.rows]
    np.testing.assert_array_equal(stored.variables["rows/p_value"].data, [row.p_value for row in comparison.rows])
    assert "expectation" in stored.groups["rows"]["null_hypothesis"]
    assert "Holm" in stored.groups["rows"]["correction"]


def test_units_are_stored_and_printed(comparison, stored):
    assert stored.groups["arms/glass"]["energy_in_words"] == "energy per spin"
    assert stored.groups["arms/network"]["time_in_words"] == "steps"
    text = comparison.format()
    for words in ("energy per spin", "time of dx/dt = -grad H", "energy per pattern", "steps", "Holm",
                  "told apart from itself",
                  "by construction", "null: ", "1 unit of time = 1 of flow time (dx/dt = -grad H",
                  "1 step = learning_rate/((1 − momentum) P) = 0.0002 of flow time"):  # fmt: skip
        assert words in text.replace("\n  ", " ")


def test_references_are_those_of_theory(stored):
    groups = stored.groups
    assert stored.variables["series/glass/threshold_energy"].data == pytest.approx([-np.sqrt(4 / 3)])
    assert stored.variables["series/glass/ground_state_energy"].data == pytest.approx([-1.17167478], abs=1e-7)
    assert "radius 3.464" in groups["points/glass/n=48/spectrum/semicircle"]["note"]
    edge = stored.variables["points/glass/n=48/spectrum/semicircle/eigenvalue"].data
    energy = stored.variables["arms/glass/energy"].data[2]
    assert (edge[0] + edge[-1]) / 2 == pytest.approx(-3 * energy)
    time = stored.variables["references/relaxation/glass/0/time"].data
    e = stored.variables["references/relaxation/glass/0/energy_density"].data
    # Physics sheet A5: e(5) = -1.035656 for pure p = 3 from a random start.
    assert np.interp(5.0, time, e) == pytest.approx(-1.035656, abs=1e-3)
    assert not any(name.startswith("references/relaxation/network") for name in stored.variables)


def test_the_hessian_of_a_network_is_that_of_its_mean_loss(stored):
    spectrum = stored.groups["points/network/hidden=8/spectrum"]
    assert spectrum["hessian_of"] == "the mean loss"
    assert bool(spectrum["logarithmic"])
    assert stored.variables["points/network/hidden=8/spectrum/edge"].data[-1] < 10
    assert "parameters/patterns" in stored.groups["points/network/hidden=8/spectrum/marchenko_pastur_ratio"]["note"]


def test_densities_and_laws_are_normalised(stored):
    for point in ("glass/n=48", "network/hidden=8"):
        edge = stored.variables[f"points/{point}/spectrum/edge"].data
        density = stored.variables[f"points/{point}/spectrum/density"].data
        assert (density * np.diff(edge)).sum() == pytest.approx(1.0)
        x = stored.variables[f"points/{point}/spectrum/semicircle/eigenvalue"].data
        y = stored.variables[f"points/{point}/spectrum/semicircle/density"].data
        assert np.trapezoid(y, x) == pytest.approx(1.0, abs=2e-3)


def test_finite_size_energies_extrapolate_to_what_was_put_in(stored):
    arm = {name: stored.variables[f"series/glass/{name}"].data[0] for name in ("limit", "limit_error")}
    # e(t = 100) of the synthetic curves lies 0.9 % above the limit -1.15.
    assert abs(arm["limit"] + 1.15) < 4 * arm["limit_error"] + 0.01


def test_the_same_input_gives_the_same_bits(collected, tmp_path):
    chosen = QUICK | {"statistics": ["spectral_shape", "relaxation_stretch"]}
    first, again = (compare_collected(collected, chosen, tmp_path / name) for name in ("first.h5", "again.h5"))
    assert np.isfinite([row.split_half_rate for row in first.rows]).all()
    assert read_result(again.path).digest == read_result(first.path).digest


def test_everything_about_it_is_json(comparison):
    table = json.loads(json.dumps(comparison.as_dict()))
    assert {"rows", "null_hypothesis", "correction", "units", "split_halves", "notes"} <= set(table)
    assert any("share one landscape" in note for note in table["notes"])


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Two glasses and two networks without spectra."""
    points = [
        dataclasses.replace(point, arrays={k: v for k, v in point.arrays.items() if k.startswith("trajectory")})
        for point in (glass_point(16, 12), glass_point(24, 12), network_point(2, 12), network_point(4, 12))
    ]
    return write_collected(tmp_path_factory.mktemp("small") / "collected.h5", points,
                           {"glass": GLASS_PHYSICS, "network": NETWORK_PHYSICS})  # fmt: skip


def test_all_pairs_or_chosen_pairs(small, tmp_path):
    chosen = {"statistics": ["relaxation_stretch"], "permutations": 99, "splits": 0}
    every = compare_collected(small, chosen | {"pairs": "all"}, tmp_path / "all.h5")
    assert len(every.rows) == 4
    one = compare_collected(small, chosen | {"pairs": [["n=24", "hidden=2"]]}, tmp_path / "one.h5")
    assert [(row.left_point, row.right_point) for row in one.rows] == [("n=24", "hidden=2")]
    back = compare_collected(small, chosen | {"left": "network", "right": "glass"}, tmp_path / "back.h5")
    assert back.rows[0].left_arm == "network"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"lft": "glass"}, r"compare\.lft.*did you mean 'left'"),
        ({"left": "glas"}, "did you mean 'glass'"),
        ({"pairs": [["n=24", "hidden=3"]]}, "arm network has no point 'hidden=3'"),
        ({"pairs": "al"}, "give 'largest' or 'all'"),
        ({"pairs": [["n=24"]]}, "pairs"),
        ({"statistics": ["spacing"]}, "did you mean 'spacing_ratio'"),
        ({"permutations": 5}, "at least 19"),
        ({"permutations": 19, "level": 0.01}, "could ever be rejected"),
        ({"level": 1.5}, "below 1"),
        ({"splits": 3}, "at least 20"),
        ({"fewest_units": 2}, "at least 5"),
        ({"left": 3}, "in quotes"),
    ],
)
def test_a_wrong_table_is_refused_in_one_line(collected, tmp_path, table, message):
    with pytest.raises(InputError, match=message) as refused:
        compare_collected(collected, table, tmp_path / "never.h5")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "never.h5").exists()


def test_the_table_of_a_campaign_is_checked_before_it_runs():
    complete = CompareSettings.resolve({"left": "glass", "level": 0.01}, "compare")
    assert complete["level"] == 0.01
    assert complete["permutations"] == 9999


def test_two_files_of_single_tasks_are_compared_and_refused_row_by_row(tmp_path):
    left = write_task_file(tmp_path / "a.h5", glass_point(24, 3), GLASS_PHYSICS)
    right = write_task_file(tmp_path / "b.h5", network_point(2, 3), NETWORK_PHYSICS)
    found = compare_files(left, right, tmp_path / "comparison.h5", QUICK)
    assert found.rows[0].left_units == 1
    assert found.rows[0].right_units == 6
    assert found.rows[0].status == "refused: 1 on a and 6 on b, at least 20 independent units needed"
    assert np.isfinite(found.rows[0].left_mean)
    assert "nothing was tested" in found.format()
    assert "rows tested" not in found.format()


def test_a_task_with_enough_training_seeds_can_be_compared(tmp_path):
    left = write_task_file(tmp_path / "a.h5", network_point(4, 5, 1, 20), NETWORK_PHYSICS)
    right = write_task_file(tmp_path / "b.h5", network_point(4, 6, 1, 20), NETWORK_PHYSICS)
    found = compare_files(left, right, tmp_path / "comparison.h5", QUICK)
    assert {row.status for row in found.rows} >= {"tested"}
    assert min(row.p_adjusted for row in found.rows if row.status == "tested") > 0.01


def test_collected_files_are_compared_by_arm(small, tmp_path):
    chosen = {"statistics": ["relaxation_stretch"], "permutations": 99, "splits": 0}
    found = compare_files(f"{small}:glass/n=24", f"{small}:network", tmp_path / "c.h5", chosen)
    assert [(row.left_point, row.right_point) for row in found.rows] == [("n=24", "hidden=4")]
    same = compare_files(f"{small}:glass/n=24", f"{small}:glass/n=16", tmp_path / "d.h5", chosen)
    assert (same.rows[0].left_arm, same.rows[0].right_arm) == ("left", "right")
    plain = compare_files(small, f"{small}:network", tmp_path / "e.h5", chosen)
    assert any("the arm glass is compared; name another" in note for note in plain.notes)


def test_a_selector_is_split_from_its_file(tmp_path):
    assert split_selector("a/b.h5:glass/n=24") == (type(tmp_path)("a/b.h5"), "glass", "n=24")
    assert split_selector("a/b.h5")[1:] == ("", "")
    assert split_selector("odd:name.h5")[0].name == "odd:name.h5"


def test_an_arm_without_spectra_is_compared_by_what_it_has(tmp_path):
    network = network_point(4, 7)
    bare = PointData(network.arm, network.name,
                     {k: v for k, v in network.arrays.items() if not k.startswith("spectrum")}, network.attributes)
    path = write_collected(tmp_path / "collected.h5", [glass_point(24, 7), bare],
                           {"glass": GLASS_PHYSICS, "network": NETWORK_PHYSICS})
    found = compare_collected(path, QUICK, tmp_path / "comparison.h5")
    status = {row.statistic: row.status for row in found.rows}
    assert status["participation"] == "not measured on network"
    assert status["relaxation_stretch"] == "tested"


def test_runs_that_diverged_are_reported(tmp_path):
    network = network_point(4, 8)
    network.arrays["trajectory/energy_density"][0, 0, 5:] = np.nan
    path = write_collected(tmp_path / "collected.h5", [glass_point(24, 8), network],
                           {"glass": GLASS_PHYSICS, "network": NETWORK_PHYSICS})
    found = compare_collected(path, QUICK, tmp_path / "comparison.h5")
    assert any("network hidden=4: 1 runs are left out of" in note for note in found.notes)
    assert "1 runs are left out" in found.format()
    stored = read_result(found.path)
    assert stored.variables["arms/network/diverged_runs"].data[0] == 1


def test_a_single_arm_is_summarised_and_not_compared(tmp_path):
    path = write_collected(tmp_path / "collected.h5", [glass_point(24, 9), glass_point(32, 9)],
                           {"glass": GLASS_PHYSICS})
    found = compare_collected(path, {}, tmp_path / "comparison.h5")
    assert found.rows == ()
    assert "nothing to compare" in found.format()
    assert "final energy" in found.format()


def test_files_that_cannot_be_compared_are_refused(comparison, tmp_path):
    with pytest.raises(ResultFileError, match="compare collected files or results of tasks"):
        compare_files(comparison.path, comparison.path, tmp_path / "x.h5")
    with pytest.raises(ResultFileError, match="does not exist"):
        compare_files(tmp_path / "no.h5", comparison.path, tmp_path / "x.h5")


def test_threshold_and_ground_state_are_those_of_zero_temperature_only():
    from spinnet.campaign.compare_references import glass_energies, glass_relaxation

    warm = GLASS_PHYSICS | {"dynamics": {"kind": "Langevin", "temperature": 0.5}}
    assert set(glass_energies(GLASS_PHYSICS)) == {"threshold_energy", "ground_state_energy"}
    assert glass_energies(warm) == {}
    assert glass_energies(NETWORK_PHYSICS) == {}
    # Physics sheet A5: e(2) = -0.685844 for p = 3 at T = 0.5.
    curve = glass_relaxation(warm, 2.0)
    assert curve.y[-1] == pytest.approx(-0.685844, abs=1e-4)
    assert glass_relaxation(GLASS_PHYSICS | {"dynamics": {"kind": "SGD"}}, 2.0) is None


def test_what_size_alone_does_stands_beside_the_distance(comparison):
    rows = {row.statistic: row for row in comparison.rows}
    assert {row.size_point for row in comparison.rows if row.status == "tested"} == {"n=24"}
    # The semicircle distance of a GOE matrix falls with its size; the share of curvature does not.
    assert rows["semicircle_distance"].size_distance > 1.0
    assert rows["semicircle_distance"].size_distance < rows["semicircle_distance"].distance
    assert "glass n=48 from glass n=24" in comparison.format().replace("\n  ", " ")
    assert np.isnan(rows["final_energy"].size_distance)


def bare_point(arm, label, n_dof):
    return PointData(arm, label, {}, {"n_dof": n_dof, "parameters": json.dumps(parameters(label))})


def test_series_of_sizes_are_told_apart_by_all_other_parameters():
    labels = [f"n={n},temperature={t}" for n in (32, 64) for t in (0.5, 1.0)]
    points = tuple(bare_point("glass", label, parameters(label)["n"]) for label in labels)
    arm = ArmData("glass", "glass", points, ({},) * 4)
    assert [(series.label, series.indices) for series in arm.series()] == [
        ("temperature=0.5", (0, 2)), ("temperature=1", (1, 3)),
    ]  # fmt: skip
    assert arm.other_size(arm.point("n=64,temperature=0.5")).name == "n=32,temperature=0.5"
    assert arm.other_size(arm.point("n=64,temperature=1.0")).name == "n=32,temperature=1.0"
    one_size = ArmData("glass", "glass", points[:2], ({},) * 2)
    assert one_size.other_size(points[0]) is None
    widths = ArmData("network", "", tuple(bare_point("network", f"hidden={h}", 10 * h) for h in (2, 4)), ({},) * 2)
    assert [(series.label, series.indices) for series in widths.series()] == [("", (0, 1))]


@pytest.fixture(scope="module")
def two_temperatures(tmp_path_factory):
    """Glasses of three sizes at two temperatures, the warm ones 0.5 higher: one collected file."""
    folder = tmp_path_factory.mktemp("temperatures")
    points, physics = [], {}
    for n in (16, 24, 32):
        for temperature in (0.0, 0.5):
            point = glass_point(n, 11, samples=6, replicas=1)
            point.arrays["trajectory/energy_density"][...] += temperature
            name = f"n={n},temperature={temperature}"
            points.append(dataclasses.replace(point, name=name))
            physics[name] = GLASS_PHYSICS | {"dynamics": {"kind": "Langevin", "temperature": temperature}}
    path = write_collected(folder / "collected.h5", points, {"glass": GLASS_PHYSICS}, by_point=physics)
    return read_result(compare_collected(path, {}, folder / "comparison.h5").path)


def test_limits_and_theory_belong_to_one_temperature(two_temperatures):
    series = {name.rpartition("/")[2]: v.data for name, v in two_temperatures.variables.items()
              if name.startswith("series/glass/")}  # fmt: skip
    assert list(series["label"]) == ["temperature=0", "temperature=0.5"]
    assert list(two_temperatures.variables["arms/glass/series"].data) == [0, 1, 0, 1, 0, 1]
    assert series["limit"][1] - series["limit"][0] == pytest.approx(0.5)
    assert np.isfinite(series["threshold_energy"][0]) and np.isnan(series["threshold_energy"][1])
    ends = [two_temperatures.variables[f"references/relaxation/glass/{k}/energy_density"].data[-1] for k in (0, 1)]
    assert ends[1] - ends[0] > 0.2


def test_no_limit_is_fitted_to_networks(stored):
    assert np.isnan(stored.variables["series/network/limit"].data).all()
    assert not stored.variables["series/network/limit_shown"].data.any()


def test_no_two_modules_of_the_comparison_import_each_other():
    folder = Path(spinnet.campaign.__file__).parent
    imports = {}
    for path in folder.glob("compare_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = {node.module.rpartition(".")[2] for node in ast.walk(tree)
                 if isinstance(node, ast.ImportFrom) and node.module.startswith("spinnet.campaign.compare_")}
        imports[path.stem] = found
    settled: set[str] = set()
    while ready := {name for name, needed in imports.items() if name not in settled and needed <= settled}:
        settled |= ready
    assert settled == set(imports), f"in a circle: {sorted(set(imports) - settled)}"
