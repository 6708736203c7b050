"""The free energy at fixed overlap: entropy alone is not folded, a deep well at home is, and the parts add up."""

import re

import numpy as np
import pytest
from reports.made import made_results

from spinnet.errors import InputError
from spinnet.records import Variable
from spinnet.reports.base import Content
from spinnet.reports.funnel import FunnelReport
from spinnet.reports.funnel_potential import add_potential
from spinnet.reports.results import StudyResults
from spinnet.theory.spheres import overlap_entropy

WINDOWS, WIDTH, N = 20, 0.05, 30
CENTRES, EDGES = np.linspace(0.0, 0.95, WINDOWS), np.linspace(-1.0, 1.0, 201)
MIDDLE = 0.5 * (EDGES[1:] + EDGES[:-1])


def results(tmp_path, pull, temperature=0.5, samples=8, apart=False) -> StudyResults:
    """Counts of windows that sample p(q) = e^{S(q) + pull(q)} under their umbrellas."""
    rng = np.random.default_rng(2)
    log_p = overlap_entropy(MIDDLE, [N]) + pull(MIDDLE)
    counts = np.zeros((samples, WINDOWS, 1, 2, len(MIDDLE)), dtype=np.int64)
    for a in range(samples):
        for k, centre in enumerate(CENTRES):
            weight = np.exp(log_p - log_p.max() - (MIDDLE - centre) ** 2 / (2 * (0.001 if apart else WIDTH) ** 2))
            counts[a, k, 0] = rng.multinomial(4000, weight / weight.sum(), size=2)
    moment = np.tile(CENTRES[:, None, None, None], (samples, 1, 1, 2, 6)) + 0.01 * rng.standard_normal(
        (samples, WINDOWS, 1, 2, 6)
    )
    variables = {
        "dynamics/reference_overlap_histogram": counts,
        "dynamics/reference_overlap_moment": Variable(moment, ("sample", "window", "copy", "part", "power")),
        "dynamics/exchange_acceptance": np.full((samples, WINDOWS, 1), 0.3),
        "dynamics/reference_overlap_edge": Variable(EDGES, ("edge",)),
        "dynamics/block_steps": Variable(np.tile([10.0, 20.0], (samples, 1)), ("sample", "block")),
    }
    physics = {"dynamics": {"kind": "ConstrainedTempering", "temperature": temperature, "overlaps": [0.0, 0.95],
                            "windows": WINDOWS, "width": WIDTH}}  # fmt: skip
    point = {"parameters": {"temperature": temperature}, "physics": physics, "variables": variables,
             "attributes": {"n_dof": N}}  # fmt: skip
    return made_results(tmp_path / "c.h5", {"held": [point]})


def build(tmp_path, pull, **given):
    content = Content()
    found = results(tmp_path, pull, **given)
    add_potential(content, "true_potential", "true labels", found.points("held"), {N: (N,)})
    return content


def test_entropy_alone_is_not_folded_and_leaves_nothing_to_the_energy(tmp_path):
    content = build(tmp_path, np.zeros_like)
    text = content.findings[0]
    assert "(not folded)" in text and "none of its own behind a barrier near home" in text and "no drift" in text
    place = "true_potential/0"
    q, rest = (content.variables[f"{place}/{name}"].data for name in ("overlap", "energetic"))
    assert np.abs(rest[q < 0.9]).max() < 0.01
    free = content.variables[f"{place}/free_energy"].data
    np.testing.assert_allclose(free + -content.variables[f"{place}/entropic"].data, rest, atol=1e-12)


def test_a_deep_well_at_home_is_folded_behind_a_barrier(tmp_path):
    def pull(q):
        return 26.0 * np.exp(-((q - 0.8) ** 2) / (2 * 0.11**2))

    text = build(tmp_path, pull).findings[0]
    assert "F has a minimum of its own at Q = 0.7" in text and "(folded)" in text


def test_a_constant_pull_home_has_one_minimum_where_entropy_balances_it(tmp_path):
    text = build(tmp_path, lambda q: 60.0 * q).findings[0]
    place = re.search(r"one minimum, at Q = (\S+),", text)
    assert abs(float(place[1]) - 0.8) < 0.03 and "(folded)" in text  # 27 q/(1 - q²) = 60


def test_windows_that_do_not_overlap_are_too_few_to_judge(tmp_path):
    assert "too few to judge" in build(tmp_path, np.zeros_like, apart=True).findings[0]


def test_another_dynamics_is_refused_before_a_run():
    settings = {role: "" for role in FunnelReport.arm_parameters}
    physics = {"landscape": {"kind": "NativeNetwork"}, "dynamics": {"kind": "Still"}, "probes": {}}
    with pytest.raises(InputError, match="use ConstrainedTempering"):
        FunnelReport.check({**settings, "true_potential": "a"}, {"a": [physics]})
