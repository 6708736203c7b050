"""The ageing report finds the curves and slopes that were put in, and says so when they are others."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports import ageing_curves, load
from spinnet.reports.ageing import AgeingReport
from spinnet.reports.glass_theory import infinite_size
from spinnet.reports.verdicts import normal_z
from spinnet.theory.dynamics_two_time import dynamics

COLD, HOT = 0.4, 0.8
WAITS = np.array([0.5, 2.0])
DELAYS = np.append(0.0, 0.25 * 10.0 ** (np.arange(14) / 10))
LAST = 6.5
WINDOW = [0.1, 0.78]


def physics(temperature=COLD, planted=None, field=0.1, step=0.01):
    return {
        "landscape": {"kind": "SphericalGlass", "covariance": {"3": 1.0}, "planted_temperature": planted,
                      "start_at": "random" if planted is None else "planted"},
        "dynamics": {"kind": "PairedLangevin", "temperature": temperature, "waiting_times": WAITS.tolist(),
                     "field": field, "step": step},
        "probes": {},
    }  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def solved_once():
    """The theory of each temperature is computed once for all tests."""
    kept = {}

    def solve(settings, times, waits, tolerance):
        key = settings["dynamics"]["temperature"]
        if key not in kept:
            kept[key] = infinite_size(settings, times, waits, tolerance=tolerance)
        assert np.array_equal(kept[key].time, times)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ageing_curves, "infinite_size", solve)
        yield


@pytest.fixture(scope="module")
def curves():
    """C and χ of N → ∞, (2, waits, delays): ageing, and in equilibrium above T_d."""
    found = {}
    for name, temperature, start in (("cold", COLD, np.inf), ("hot", HOT, HOT)):
        theory = dynamics({3: 1.0}, temperature, DELAYS[1:], WAITS, initial_temperature=start, tolerance=1e-5)
        found[name] = np.stack([theory.correlation, theory.integrated_response])
        found[name] = np.concatenate([np.array([1.0, 0.0])[:, None, None] * np.ones((2, 2, 1)), found[name]], axis=2)
    return found


def glass(n, values, settings, samples=24, seed=0):
    """C and χ with corrections of order 1/N and noise of each sample, without values beyond the run."""
    c, chi = values
    rng = np.random.default_rng([seed, n])
    scale = 0.03 * np.sqrt(32 / n)
    slow = rng.standard_normal((2, samples, len(WAITS), 1))
    fast = rng.standard_normal((2, samples, len(WAITS), len(DELAYS)))
    own = c + (1 - c) * (2.0 / n + scale * (slow[0] + 0.2 * fast[0]))
    answer = chi * (1 + 1.0 / n + scale * (slow[1] + 0.2 * fast[1]))
    if settings["landscape"]["planted_temperature"]:  # FDT is exact at every size
        own = c + (1 - c) * 2.0 / n + scale * slow[0] * (1 - c)
        answer = (1 - own) / HOT + scale * fast[1] * chi
    beyond = WAITS[:, None] + DELAYS > LAST * (1 + 1e-9)
    variables = {
        "dynamics/correlation": np.where(beyond, np.nan, own)[:, None],
        "dynamics/integrated_response": np.where(beyond, np.nan, answer)[:, None],
        "dynamics/waiting_time": Variable(WAITS, ("waiting_time",), "1"),
        "dynamics/delay": Variable(DELAYS, ("delay",), "1"),
    }
    return {"parameters": {"n": n}, "physics": settings, "variables": variables, "last": LAST}


def report(path, curves, sizes=(32, 64, 128), change=lambda c, chi: (c, chi), control=lambda c, chi: (c, chi),
           repeated=lambda c, chi: (c, chi), window=WINDOW):  # fmt: skip
    arms = {
        "ageing": [glass(n, change(*curves["cold"]), physics()) for n in sizes],
        "equilibrium": [],
        "halved": [glass(32, repeated(*curves["cold"]), physics(field=0.05, step=0.005), seed=2)],
    }
    for n in sizes:
        point = glass(n, curves["hot"], physics(HOT, HOT), seed=1)
        c, chi = (point["variables"][f"dynamics/{name}"] for name in ("correlation", "integrated_response"))
        point["variables"]["dynamics/correlation"], point["variables"]["dynamics/integrated_response"] = control(c, chi)
        arms["equilibrium"].append(point)
    results = made_results(path / "collected.h5", arms)
    chosen = AgeingReport(arm="ageing", control="equilibrium", repeated="halved", delays=[1.0, 4.0], window=window)
    return chosen.build(results, lambda line: None)


def finding(content, *words):
    found = [line for line in content.findings if all(word in line for word in words)]
    assert len(found) == 1, (words, content.findings)
    return found[0]


@pytest.fixture(scope="module")
def right(curves, tmp_path_factory):
    return report(tmp_path_factory.mktemp("right"), curves)


def test_the_curves_that_were_put_in_are_found(right):
    rows = [row for row in right.rows if row["quantity"] in ("C", "chi")]
    assert len(rows) == 8 and all(abs(row["z"]) < 4 for row in rows)
    assert "meets the N → ∞ theory at 4 pairs" in finding(right, "T = 0.4: C extrapolated")
    assert "meets the N → ∞ theory at 4 pairs" in finding(right, "T = 0.4: χ extrapolated")


def test_the_slope_is_compared_at_the_same_delays_and_stands_beside_the_asymptotic_one(right, curves):
    rows = [row for row in right.rows if row["quantity"] == "X"]
    assert [row["t_w"] for row in rows] == pytest.approx(WAITS)
    plateau = right.groups["series/0"]["plateau"]
    for row, c, chi in zip(rows, *curves["cold"], strict=True):
        used = (c >= WINDOW[0]) & (c <= WINDOW[1]) & (row["t_w"] + DELAYS <= LAST * (1 + 1e-9))
        assert row["theory"] == pytest.approx(-COLD * np.polyfit(c[used], chi[used], 1)[0], rel=1e-3)
        assert abs(row["z"]) < 4 and row["limit_error"] < 0.1
        # q and x of p = 3: f''(q)(1 - q)^2 = T^2, x = (1 - q)/q.
        assert row["asymptotic"] == pytest.approx((1 - plateau) / plateau)
    assert 3 * plateau * (1 - plateau) ** 2 == pytest.approx(COLD**2)
    assert "agrees with theory" in finding(right, "t_w = 2: X")


def test_violation_in_the_glass_and_none_in_equilibrium(right):
    assert "FDT is violated" in finding(right, "Tχ − (1 − C)", "T = 0.4")
    assert finding(right, "FDT holds at every size").startswith("equilibrium at T = 0.8")
    assert "does not depend" in finding(right, "on the waiting time")
    assert "meet the N → ∞ theory" in finding(right, "C and χ extrapolated")
    assert "no bias" in finding(right, "field 0.05 instead of 0.1 and step 0.005 instead of 0.01")


def test_finite_size_shows_where_it_was_put(curves, tmp_path):
    def slowed(c, chi):
        return np.where(DELAYS > 2.0, c + 0.3 * (1 - c), c), chi

    content = report(tmp_path, curves, change=slowed)
    onset = content.variables["series/0/onset"].data
    assert np.nanmin(onset) >= 0.25 and np.isfinite(onset[-1, 0])
    assert "N = 128, t_w = 0.5 from t = 2" in finding(content, "finite size shows")


def test_a_wrong_response_and_another_age_are_called_wrong(curves, tmp_path):
    (tmp_path / "half").mkdir(), (tmp_path / "age").mkdir()
    content = report(tmp_path / "half", curves, change=lambda c, chi: (c, 0.5 * chi))
    assert "meets" in finding(content, "T = 0.4: C extrapolated")
    assert "MISSES" in finding(content, "T = 0.4: χ extrapolated")
    assert "DISAGREES with theory" in finding(content, "t_w = 0.5: X")
    content = report(tmp_path / "age", curves, change=lambda c, chi: (c[::-1], chi[::-1]))
    assert "MISSES" in finding(content, "T = 0.4: C extrapolated")


def test_a_control_that_breaks_fdt_and_a_bias_of_the_step_are_called_so(curves, tmp_path):
    content = report(tmp_path, curves, control=lambda c, chi: (c, 0.9 * chi),
                     repeated=lambda c, chi: (0.8 * c + 0.2, chi))  # fmt: skip
    assert "FDT FAILS" in finding(content, "equilibrium at T = 0.8: FDT")
    assert "MISS the N → ∞" in finding(content, "C and χ extrapolated")
    assert "SHOWS" in finding(content, "instead of 0.1")


def test_two_sizes_are_shown_and_not_extrapolated(curves, tmp_path):
    content = report(tmp_path, curves, sizes=(32, 64))
    assert all(row["z"] is None and row["limit"] is None for row in content.rows)
    assert "three are needed" in finding(content, "T = 0.4: C: 2 sizes")


def test_a_window_without_points_gives_no_slope_and_says_so(curves, tmp_path):
    content = report(tmp_path, curves, window=[0.001, 0.002])
    assert not [row for row in content.rows if row["quantity"] == "X"]
    assert "4 are needed" in finding(content, "t_w = 2: no X")


def test_at_zero_temperature_the_slope_itself_is_compared(tmp_path):
    theory = infinite_size(physics(0.0), DELAYS[1:], tuple(WAITS))
    values = np.stack([theory.correlation, theory.integrated_response])
    values = np.concatenate([np.array([1.0, 0.0])[:, None, None] * np.ones((2, 2, 1)), values], axis=2)
    results = made_results(tmp_path / "c.h5", {"main": [glass(n, values, physics(0.0)) for n in (32, 64, 128)]})
    content = AgeingReport(delays=[1.0, 4.0], window=[0.5, 0.9]).build(results, lambda line: None)
    rows = [row for row in content.rows if row["quantity"] == "-dchi/dC"]
    # X/T for T → 0 and t_w → ∞, p = 3: (f''(1)/f'(1) − 1)/sqrt(f''(1)).
    assert rows[0]["asymptotic"] == pytest.approx(1 / np.sqrt(3))
    assert all(abs(row["z"]) < 4 for row in rows) and not any("FDT" in line for line in content.findings)


def test_few_samples_make_a_difference_less_certain():
    assert normal_z(np.array(5.0), np.array(1.0), 6) == pytest.approx(2.87, abs=0.02)  # Student, five degrees
    assert normal_z(np.array(-3.0), np.array(1.0), 10**6) == pytest.approx(-3.0, abs=1e-3)
    assert np.isnan(normal_z(np.array([1.0, 0.0, 1.0]), np.array([0.0, 0.0, np.nan]), 10)).all()  # not tested


def test_what_the_report_cannot_use_is_refused_before_the_run():
    assert load("ageing") is AgeingReport
    settings = AgeingReport.resolve({"arm": "a", "control": "c"}, "report.ageing")
    arms = {"a": [{**physics(), "last": LAST}], "c": [{**physics(HOT, HOT), "last": LAST}]}
    AgeingReport.check(settings, arms)
    with pytest.raises(InputError, match="does not begin in equilibrium"):
        AgeingReport.check(settings, arms | {"c": [{**physics(HOT, 0.9), "last": LAST}]})
    with pytest.raises(InputError, match="beyond the runs"):
        AgeingReport.check({**settings, "delays": [50.0]}, arms)
    with pytest.raises(InputError, match="give the lowest and the highest C"):
        AgeingReport(window=[0.6, 0.1])


def test_rows_of_two_points_are_paired_by_the_number_of_the_disorder_sample(tmp_path):
    """A task that failed shifts the rows that follow."""
    from reports.made import made_results

    from spinnet.records import Variable

    physics = {"landscape": {"kind": "SphericalGlass"}, "dynamics": {"kind": "GradientFlow"}, "probes": {}}
    points = [
        {"parameters": {"n": n}, "physics": physics,
         "variables": {"trajectory/x": np.zeros((len(numbers), 1, 1)),
                       "trajectory/sample": Variable(np.array(numbers), ("sample",))}}
        for n, numbers in ((8, [0, 1, 2, 4]), (16, [3, 4, 1]))
    ]  # fmt: skip
    one, other = made_results(tmp_path / "c.h5", {"main": points}).points("main")
    rows, others = one.rows_in_common(other, "trajectory")
    assert (rows.tolist(), others.tolist()) == ([1, 3], [2, 1])
