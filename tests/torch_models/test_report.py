"""Verdicts on made-up measurements with known answers; a wrong answer would be called wrong."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.records import Variable
from spinnet.torch_models.report import write_report
from spinnet.torch_models.settings import Settings
from spinnet.torch_models.statements import pair_mean, stated

N, SEEDS, BATCH, RATE = 200, 6, 4, 0.1
WAITS, DELAYS = np.array([10.0, 100.0]), np.array([0, 1, 2, 4, 8, 16, 32, 64, 128, 256], dtype=float)


def ageing(factor, noise=1.0):
    """Displacements of free diffusion with the noise that is reported, times ``factor(wait)``, with 5 % scatter."""
    rng = np.random.default_rng(0)
    times = np.array([0.0, 1.0, 10.0, 100.0, 1000.0])
    rate = RATE**2 * noise / (BATCH * N)
    moved = rate * DELAYS[None, None] * np.array([factor(wait) for wait in WAITS])[None, :, None]
    moved = moved * np.exp(0.05 * rng.standard_normal((SEEDS, 2, 1)))
    given = {
        "trained/endpoint/configuration": (np.zeros((SEEDS, N)), ("replica", "coordinate")),
        "trained/endpoint/diverged": (np.zeros(SEEDS, np.int8), ("replica",)),
        "trained/two_time/waiting_time": (WAITS, ("waiting_time",)),
        "trained/two_time/delay": (DELAYS, ("delay",)),
        "trained/two_time/displacement": (moved, ("replica", "waiting_time", "delay")),
        "trained/trajectory/time": (times, ("time",)),
        "trained/trajectory/noise_trace": (np.full((SEEDS, 5), noise), ("replica", "time")),
    }
    variables = {name: Variable(data, dims) for name, (data, dims) in given.items()}
    settings = Settings(probes=("ageing",), seeds=SEEDS, steps=400, learning_rate=RATE, batch=BATCH)
    return " ".join(write_report(variables, settings, 50, {}).findings)


def test_the_gaussian_match_is_that_of_a_random_matrix():
    rng = np.random.default_rng(2)
    matrix = rng.standard_normal((N, N))
    values = np.linalg.eigvalsh(1.5 * (matrix + matrix.T) / np.sqrt(2 * N) + 1.0 * np.eye(N)) * 50
    spiked = np.append(values[:-3], [400.0, 500.0, 600.0])  # a wrong landscape: three eigenvalues stand apart
    for spectrum, above in ((values, 0.0), (spiked, 3.0)):
        given = {
            "trained/endpoint/configuration": Variable(np.zeros((1, N)), ("replica", "coordinate")),
            "trained/spectrum/eigenvalue": Variable(spectrum[None], ("replica", "mode")),
            "trained/spectrum/index": Variable(np.array([(values < 0).sum()]), ("replica",)),
            "trained/spectrum/spacing_ratio": Variable(np.array([0.53]), ("replica",)),
            "trained/spectrum/zero_modes": Variable(np.array([0]), ("replica",)),
            "trained/spectrum/operator_residual": Variable(np.array([1e-15]), ("replica",)),
        }
        given |= {name.replace("trained", "untrained"): variable for name, variable in given.items()}
        rows = write_report(given, Settings(probes=("hessian",)), 50, {"0": slice(0, N)}).rows
        found = {row["quantity"]: row["trained"] for row in rows}
        assert found["eigenvalues above that edge"] == above
        if not above:
            assert abs(found["Gaussian match: share negative"] - (values < 0).mean()) < 0.02


@pytest.mark.parametrize(
    "factor, words",
    [
        (lambda wait: 1.0, "no ageing is seen"),
        (lambda wait: (wait / 100) ** -0.5, "does not account for it"),
        (lambda wait: 20.0 * (wait / 100) ** -0.5, "NOT STATIONARY"),
    ],
)
def test_ageing_drift_and_free_diffusion_are_told_apart(factor, words):
    verdicts = ("no ageing is seen", "does not account for it", "NOT STATIONARY")
    found = ageing(factor)
    assert [verdict for verdict in verdicts if verdict in found] == [words]


def test_the_error_over_pairs_is_that_of_seeds():
    # Each seed has a height; a pair has the mean of its two. The error of the mean is that of the mean over seeds.
    rng = np.random.default_rng(1)
    first, second = np.triu_indices(8, 1)
    scores = []
    for _ in range(200):
        height = rng.standard_normal(8)
        mean, error = pair_mean(0.5 * (height[first] + height[second]), first, second)
        scores.append(mean / error)
        assert abs(error - height.std(ddof=1) / np.sqrt(8)) < 1e-12
    naive = 0.5 * (height[first] + height[second])
    # Deliberately wrong: pairs as if they were independent.
    assert naive.std(ddof=1) / np.sqrt(len(naive)) < 0.7 * error
    assert 0.8 < np.std(scores) < 1.6


def test_pairs_without_numbers_are_left_out():
    first, second = np.triu_indices(4, 1)
    values = np.where((first == 0) | (second == 0), np.nan, 2.0)
    assert pair_mean(values, first, second) == (2.0, 0.0)
    assert np.isnan(pair_mean(np.full(6, np.nan), first, second)[0])
    assert np.isnan(pair_mean(np.ones(1), np.array([0]), np.array([1]))[1])


@pytest.mark.parametrize(
    "value, error, text", [(0.52343, 0.0041, "0.5234(41)"), (131.6, 1.69, "131.6(17)"), (5.0, 0.0, "5"),
                           (2345.0, 120.0, "2345(120)"), (np.nan, 1.0, "unknown"), (0.25, np.nan, "0.25")]
)  # fmt: skip
def test_numbers_are_stated_with_their_errors(value, error, text):
    assert stated(value, error) == text


def test_a_spacing_ratio_is_given_to_the_nearest_law():
    def verdict(ratios):
        given = {
            "trained/endpoint/configuration": Variable(np.zeros((SEEDS, N)), ("replica", "coordinate")),
            "trained/spectrum/eigenvalue": Variable(np.tile(np.linspace(-1, 2, N), (SEEDS, 1)), ("replica", "mode")),
            "trained/spectrum/index": Variable(np.full(SEEDS, 66), ("replica",)),
            "trained/spectrum/zero_modes": Variable(np.zeros(SEEDS, int), ("replica",)),
            "trained/spectrum/spacing_ratio": Variable(np.asarray(ratios), ("replica",)),
            "trained/spectrum/operator_residual": Variable(np.full(SEEDS, 1e-15), ("replica",)),
            "untrained/endpoint/configuration": Variable(np.ones((SEEDS, N)), ("replica", "coordinate")),
        }
        given |= {f"untrained/{name.removeprefix('trained/')}": value for name, value in given.items()
                  if name.startswith("trained/spectrum")}  # fmt: skip
        return " ".join(write_report(given, Settings(probes=("hessian",)), 50, {"0": slice(0, N)}).findings)

    scatter = 0.004 * np.array([-1, 1, -1, 1, -1, 1])
    assert "repel" in verdict(0.531 + scatter)
    assert "independent." in verdict(0.386 + scatter)
    assert "neither" in verdict(0.46 + scatter)
    assert "both" in verdict(0.45 + 40 * scatter)
