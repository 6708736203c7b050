"""The recovery report finds the overlaps and the exponent that were put in, and calls others wrong."""

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.signal_recovery import SignalRecoveryReport
from spinnet.theory import spiked
from spinnet.theory.covariance import Covariance

PURE = Covariance({3: 1.0})
TIME = np.array([0.0, 1.0, 10.0])


def point(n, covariance, overlap, energy=0.0, start="planted", temperature=0.0):
    """``overlap`` (sample, replica, time)."""
    landscape = {"kind": "SphericalGlass", "covariance": covariance, "planted": dict.fromkeys(covariance, 1.0)}
    if start != "random":
        landscape["start_at"] = start
    dynamics = {"kind": "Langevin", "temperature": temperature} if temperature else {"kind": "GradientFlow"}
    variables = {
        "trajectory/signal_overlap": overlap,
        "trajectory/energy_density": np.broadcast_to(energy, overlap.shape) + 0.0,
        "trajectory/time": Variable(TIME, ("time",), "1"),
    }
    physics = {"landscape": landscape, "dynamics": dynamics, "probes": {"energy": {}, "signal_overlap": {}}}
    return {"parameters": {"covariance": covariance, "n": n}, "physics": physics, "variables": variables}


def informed(beta, n, known, shift=0.0, temperature=0.0, energy=0.0, samples=30):
    rng = np.random.default_rng([n, int(100 * beta)])
    overlap = known * (1 - 0.5 / n) + shift + 0.3 / np.sqrt(n) * rng.standard_normal((samples, 2, 1)) + np.zeros(3)
    noisy = energy + 0.2 / np.sqrt(n) * rng.standard_normal((samples, 2, 1))
    return point(n, {"3": beta}, overlap, noisy, temperature=temperature)


def build(tmp_path, arms, **options):
    return SignalRecoveryReport(**options).build(made_results(tmp_path / "c.h5", arms), lambda line: None)


def flow(shift=0.0):
    betas = (1.8, 2.2)
    known = {beta: spiked.maximum_likelihood_state(PURE, beta).overlap for beta in betas}
    return [informed(beta, n, known[beta], shift) for beta in betas for n in (32, 64, 128)]


def langevin(shift=0.0):
    betas = (1.8, 2.2)
    known = {beta: spiked.nishimori_overlap(PURE, beta) for beta in betas}
    return [
        informed(beta, n, known[beta], 0.0, 1.0, -0.5 * beta**2 + shift) for beta in betas for n in (32, 64, 128)
    ]  # fmt: skip


def recovering(exponent, sizes=(64, 128, 256, 512)):
    """A start with m(0) = z/√N recovers where β₀ z > 4 (N/180)^exponent: half of those with z > 0 at β₀ about 6."""
    points = []
    for n in sizes:
        for beta in (2.0, 4.0, 8.0, 16.0, 32.0):
            rng = np.random.default_rng(n)
            first = rng.standard_normal((40, 8))
            last = np.where(beta * first > 4.0 * (n / 180) ** exponent, 0.9, 0.0)
            overlap = np.stack([first / np.sqrt(n), last, last], axis=2)
            points.append(point(n, {"3": beta}, overlap, start="random"))
    return points


def test_overlaps_kept_from_the_signal_meet_theory(tmp_path):
    content = build(tmp_path, {"a": flow(), "b": langevin()}, informed_flow="a", informed_langevin="b")
    assert "meet the maximum-likelihood overlap at 2 strengths" in content.findings[0]
    assert "meet the overlap of the posterior" in content.findings[1]
    assert "stays at −f(1)/T" in content.findings[2]
    assert all(abs(row["z"]) < 4 for row in content.rows)


def test_other_overlaps_and_energies_are_called_wrong(tmp_path):
    content = build(
        tmp_path, {"a": flow(-0.1), "b": langevin(0.1)}, informed_flow="a", informed_langevin="b"
    )  # fmt: skip
    assert "MISS the maximum-likelihood overlap" in content.findings[0]
    assert "LEAVES −f(1)/T" in content.findings[2]
    # The overlap of the posterior is not that of the maximum-likelihood estimate.
    wrong = [{**p, "physics": flow()[0]["physics"] | {"landscape": p["physics"]["landscape"]}} for p in langevin()]
    (tmp_path / "x").mkdir()
    assert "MISS the maximum-likelihood" in build(tmp_path / "x", {"a": wrong}, informed_flow="a").findings[0]


def test_strengths_that_no_line_in_1_over_n_describes_are_no_agreement(tmp_path):
    # Shifts to which a weighted line in 1/N is blind: errors squared times (1, −3, 2).
    known, shift = spiked.maximum_likelihood_state(PURE, 2.2).overlap, {32: 0.02, 64: -0.03, 128: 0.01}
    arms = {"a": [informed(2.2, n, known, shift[n]) for n in shift]}
    content = build(tmp_path, arms, informed_flow="a")
    (row,) = content.rows
    assert abs(row["z"]) < 4 and row["fit_p_value"] < 1e-3
    assert "does not describe the sizes at β₀ = 2.2" in content.findings[0] and "meet the" not in content.findings[0]


def test_one_sample_is_not_tested(tmp_path):
    known = spiked.nishimori_overlap(PURE, 2.2)
    alone = informed(2.2, 32, known, 0.0, 1.0, -0.5 * 2.2**2, samples=1)
    content = build(tmp_path, {"a": [alone]}, informed_langevin="a")
    assert "not tested" in content.findings[1] and "stays" not in content.findings[1]
    # Beside a size with an error it is left out.
    wrong = informed(2.2, 64, known, 0.0, 1.0, -0.5 * 2.2**2 + 0.5)
    (tmp_path / "x").mkdir()
    finding = build(tmp_path / "x", {"a": [alone, wrong]}, informed_langevin="a").findings[1]
    assert "LEAVES" in finding and "of 1 points" in finding


def test_strengths_without_two_sizes_and_errors_are_not_said_to_stay(tmp_path):
    def points(samples, sizes):
        rng = np.random.default_rng(0)
        covariance = {"2": 0.8, "3": np.sqrt(2 / 3)}
        return [point(n, covariance, rng.random((samples, 4, 3)), start="random") for n in sizes]

    for name, made in (("one_size", points(20, (32,))), ("one_sample", points(1, (32, 128)))):
        (tmp_path / name).mkdir()
        (finding,) = build(tmp_path / name, {"m": made}, matrix_flow="m").findings
        assert "not tested at 1/Δ₂ = 0.64" in finding and "falls" not in finding


def test_samples_are_paired_by_their_numbers(tmp_path):
    points = recovering(0.5, sizes=(128,))
    lost, common = [], []
    for k, made in enumerate(points):
        measured = {name: v for name, v in made["variables"].items() if not isinstance(v, Variable)}
        other = {name: v for name, v in made["variables"].items() if isinstance(v, Variable)}
        # One strength has lost sample 3, another is in reverse order.
        order = {1: np.delete(np.arange(40), 3), 2: np.arange(40)[::-1]}.get(k, np.arange(40))
        for chosen, rows in ((lost, order), (common, np.delete(np.arange(40), 3))):
            variables = {name: v[rows] for name, v in measured.items()}
            numbers = {"trajectory/sample": Variable(rows, ("sample",))}
            chosen.append({**made, "variables": {**variables, **other, **numbers}})
    halves = []
    for name, made in (("lost", lost), ("common", common)):
        (tmp_path / name).mkdir()
        group = build(tmp_path / name, {"r": made}, random="r").groups["random/n=128"]
        halves.append((group["half"], group["half_error"]))
    assert halves[0] == pytest.approx(halves[1], rel=1e-12)


@pytest.mark.parametrize("exponent", [0.5, 0.2])
def test_the_exponent_of_the_scale_is_found(tmp_path, exponent):
    content = build(tmp_path, {"r": recovering(exponent)}, random="r")
    group = content.groups["random"]
    assert abs(group["exponent"] - exponent) < 4 * group["exponent_error"] + 0.02 and group["predicted"] == 0.5
    assert (abs(group["exponent"] - 0.5) < 4 * group["exponent_error"] + 0.02) == (exponent == 0.5)


def test_the_matrix_model_is_reported_beside_its_line_and_not_judged(tmp_path):
    rng = np.random.default_rng(0)
    points = []
    for a in (0.8, 1.6):
        for n in (32, 128):
            size = 0.8 if a > 1 else 1.0 / np.sqrt(n)
            overlap = size * np.sign(rng.standard_normal((20, 4, 1))) * (1 + 0.1 * rng.random((20, 4, 1))) + np.zeros(3)
            points.append(point(n, {"2": a, "3": np.sqrt(2 / 3)}, overlap, start="random"))
    content = build(tmp_path, {"m": points}, matrix_flow="m")
    (finding,) = content.findings
    assert "at 1/Δ₂ = 0.64 and not at 2.56" in finding and "1/Δ₂ = 2," in finding and "not judged" in finding
    assert content.groups["matrix_flow"]["line"] == pytest.approx(2.0)


def test_arms_that_do_not_fit_are_refused():
    physics = point(8, {"3": 2.0}, np.zeros((2, 1, 3)))["physics"]
    empty = dict.fromkeys(SignalRecoveryReport.arm_parameters, "")
    SignalRecoveryReport.check({**empty, "informed_flow": "a"}, {"a": [physics]})
    for role, words in (("random", "start_at must be random"), ("informed_langevin", "temperature 1/")):
        with pytest.raises(InputError, match=words):
            SignalRecoveryReport.check({**empty, role: "a"}, {"a": [physics]})
    field = {**physics, "landscape": {**physics["landscape"], "field": 0.1}}
    with pytest.raises(InputError, match="external field"):
        SignalRecoveryReport.check({**empty, "informed_flow": "a"}, {"a": [field]})
    thermal = point(8, {"3": 2.0}, np.zeros((2, 1, 3)), temperature=1.0)["physics"]
    binary = {**thermal, "landscape": {**thermal["landscape"], "couplings": "binary"}}
    SignalRecoveryReport.check({**empty, "informed_langevin": "a"}, {"a": [thermal]})
    with pytest.raises(InputError, match="binary"):
        SignalRecoveryReport.check({**empty, "informed_langevin": "a"}, {"a": [binary]})
    with pytest.raises(InputError, match="no arm is named"):
        SignalRecoveryReport()
