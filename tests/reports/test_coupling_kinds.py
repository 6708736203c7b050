"""The report on coupling kinds finds what was put in, and calls a kind that is not what it claims wrong."""

import copy

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.plotting.loaded import Group, LoadedReport
from spinnet.plotting.report_coupling_kinds import draw
from spinnet.records import Variable
from spinnet.reports.coupling_kinds import CouplingKindsReport, kind_of
from spinnet.reports.size_differences import normal_scores
from spinnet.theory.coupling_moments import energy_moments
from spinnet.theory.dynamics_two_time import dynamics

TIME = np.concatenate([[0.0], np.geomspace(0.1, 10.0, 11)])
SIZES = (32, 64, 128, 256)
THEORY = np.append(0.0, dynamics({3: 1.0}, 0.0, TIME[1:], tolerance=1e-4).energy_density)


def physics(n, dynamics_kind, **landscape):
    return {
        "landscape": {"kind": "SphericalGlass", "covariance": {"3": 1.0}, "n": n, "couplings": "dense", **landscape},
        "dynamics": {"kind": dynamics_kind},
        "probes": {"energy": {}},
    }


def flow(n, excess=0.0, **landscape):
    """A relaxation that lies ``excess`` above that of the exact kind."""
    rng = np.random.default_rng([11, n, *str(landscape).encode()])
    energy = THEORY * (1 - 1.0 / n) + excess * (TIME > 0) + 0.05 * rng.standard_normal((60, 2, 1)) / np.sqrt(n)
    return {
        "parameters": {"n": n, "couplings": landscape.get("couplings", "dense")},
        "physics": physics(n, "GradientFlow", **landscape), "last": 10.0,
        "variables": {"trajectory/energy_density": energy, "trajectory/time": Variable(TIME, ("time",), "1")},
    }  # fmt: skip


def states(n, variance, **landscape):
    """Gaussian energies of this variance over N f(1)."""
    rng = np.random.default_rng([7, n])
    energy = rng.standard_normal((200, 64, 1)) * np.sqrt(variance * 0.5 / n)
    return {
        "parameters": {"n": n}, "physics": physics(n, "Still", **landscape),
        "variables": {"trajectory/energy_density": np.repeat(energy, 2, axis=2),
                      "trajectory/time": Variable(np.array([0.0, 1.0]), ("time",), "1")},
    }  # fmt: skip


def built(tmp_path, arms):
    return CouplingKindsReport(times=[1.0, 10.0]).build(made_results(tmp_path / "c.h5", arms), lambda line: None)


def about(content, words):
    (found,) = [line for line in content.findings if line.startswith(words)]
    return found


def compare(tmp_path, name, excess, **landscape):
    arms = {"exact": [flow(n) for n in SIZES], name: [flow(n, excess(n), **landscape) for n in SIZES]}
    return built(tmp_path, arms)


def test_the_exponent_of_an_approach_is_found(tmp_path):
    content = compare(tmp_path, "strict", lambda n: 2.0 / n, strict=True)
    rows = [row for row in content.rows if row["kind"] == "dense strict"]
    assert [row["quantity"] for row in rows] == ["e(t = 1)", "e(t = 10)"]
    for row in rows:
        assert abs(row["exponent"] + 1.0) < 4 * row["exponent_error"] and row["exponent_error"] < 0.1
        assert abs(row["difference"] - 2.0 / SIZES[-1]) < 4 * row["difference_error"]
    assert "the difference vanishes" in about(content, "dense strict against dense")
    assert "dense |z| ≤" in content.findings[-1] and "MISSES" not in content.findings[-1]


def test_a_kind_that_does_not_approach_is_called_wrong(tmp_path):
    content = compare(tmp_path, "diluted", lambda n: 0.05 + 1.0 / n, couplings="diluted", connectivity=1.0)
    finding = about(content, "diluted, c = 1 against dense")
    assert "does NOT vanish: 0.0" in finding
    assert "diluted, c = 1 MISSES it" in content.findings[-1] and "dense |z|" in content.findings[-1]


def test_another_exact_kind_must_agree_at_every_size(tmp_path):
    assert "as it must" in about(compare(tmp_path, "hashed", lambda n: 0.0, couplings="hashed"), "hashed")
    wrong = compare(tmp_path, "hashed", lambda n: 1.0 / n, couplings="hashed")
    assert about(wrong, "hashed").startswith("hashed does NOT relax as dense")


def test_what_is_not_resolved_is_given_as_a_bound(tmp_path):
    content = compare(tmp_path, "binary", lambda n: 0.0, couplings="binary")
    assert "no difference of e(t) is resolved" in about(content, "binary against dense")
    assert all(row["exponent"] is None for row in content.rows if row["kind"] == "binary")


def test_common_fluctuations_of_paired_samples_cancel(tmp_path):
    exact = [flow(n) for n in SIZES]
    strict = copy.deepcopy(exact)
    for point in strict:
        point["physics"]["landscape"]["strict"] = True
        values = point["variables"]["trajectory/energy_density"]
        values += 1e-4 * np.random.default_rng(1).standard_normal(values.shape)
    content = built(tmp_path, {"exact": exact, "strict": strict})
    alone = exact[-1]["variables"]["trajectory/energy_density"].mean(axis=1)[:, -1].std(ddof=1) / np.sqrt(60)
    assert 0.0 < content.rows[0]["difference_error"] < 0.1 * alone


def test_single_samples_are_shown_and_not_judged(tmp_path):
    arms = {"exact": [flow(n) for n in SIZES], "strict": [flow(n, 0.1, strict=True) for n in SIZES]}
    for points in arms.values():
        for point in points:
            point["variables"]["trajectory/energy_density"] = point["variables"]["trajectory/energy_density"][:1]
    content = built(tmp_path, arms)
    assert "nothing is tested" in about(content, "dense strict against dense")
    assert "dense not tested" in content.findings[-1] and len(content.rows) == 2


def test_energies_at_infinite_temperature_are_laid_beside_the_exact_ones(tmp_path):
    right = energy_moments(64, {3: 1.0}, strict=True).second / 32.0
    content = built(tmp_path, {"strict": [states(64, right, strict=True)]})
    assert "as exactly known" in about(content, "dense strict, infinite") and "NOT" not in content.findings[0]
    (variance, kurtosis) = content.rows
    assert variance["quantity"] == "variance" and abs(variance["difference"]) < 4 * variance["difference_error"]
    assert abs(kurtosis["value"]) < 4 * kurtosis["value_error"]


def test_a_wrong_variance_is_called_wrong(tmp_path):
    # The strict sum, claimed to be the exact kind: 13 per cent are missing at N = 64.
    wrong = energy_moments(64, {3: 1.0}, strict=True).second / 32.0
    content = built(tmp_path, {"exact": [states(64, wrong)]})
    assert "variance of H over N f(1) is NOT the exactly known one, 1" in content.findings[0]


def test_studies_that_cannot_be_compared_are_refused():
    settings = CouplingKindsReport.validate(reference="dense", times=[1.0], tolerance=1e-4)
    dense, other = ({**physics(n, "GradientFlow"), "last": 10.0} for n in (16, 32))
    strict = {**other, "landscape": {**other["landscape"], "strict": True}}
    with pytest.raises(InputError, match="not relaxed at n = 32"):
        CouplingKindsReport.check(settings, {"a": [dense, strict]})
    with pytest.raises(InputError, match="beyond the end"):
        CouplingKindsReport.check({**settings, "times": [100.0]}, {"a": [dense]})
    mixed = {**dense, "landscape": {**dense["landscape"], "covariance": {"4": 1.0}}}
    with pytest.raises(InputError, match="different covariances"):
        CouplingKindsReport.check(settings, {"a": [dense, mixed]})


def test_kinds_have_names():
    assert kind_of(physics(8, "Still")) == "dense"
    assert kind_of(physics(8, "Still", couplings="diluted", connectivity=0.5)) == "diluted, c = 0.5"
    assert kind_of(physics(8, "Still", couplings="binary", strict=True)) == "binary strict"


def test_the_figure_has_a_panel_for_each_thing_measured(tmp_path):
    arms = {"states": [states(n, 1.0) for n in SIZES], "exact": [flow(n) for n in SIZES],
            "strict": [flow(n, 2.0 / n, strict=True) for n in SIZES]}  # fmt: skip
    content = built(tmp_path, arms)
    groups: dict[str, dict] = {name: {} for name in content.groups}
    for name, variable in content.variables.items():
        group, _, own = name.rpartition("/")
        groups.setdefault(group, {})[own] = np.asarray(variable.data)
    loaded = LoadedReport({}, {name: Group(held, content.groups.get(name, {})) for name, held in groups.items()})
    assert len(draw(loaded).axes) == 4


def test_few_samples_are_judged_by_the_law_of_student():
    from scipy.stats import norm, t

    (found,) = normal_scores(np.array([-4.0]), np.array([12.0]))
    assert found == pytest.approx(-norm.isf(t.sf(4.0, 11))) and abs(found) < 3.2
    assert normal_scores(np.array([4.0]), np.array([1e6]))[0] == pytest.approx(4.0, abs=1e-3)
    assert np.isnan(normal_scores(np.array([np.nan]), np.array([12.0]))[0])
