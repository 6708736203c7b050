"""Statistics of spectra and relaxation curves against known values; scale-free ones do not see a change of units."""

import numpy as np
import pytest
from comparison.synthetic import TIME, goe, make_point, power_law, wishart
from scipy.integrate import quad

from spinnet.comparison import relaxation, spacing_laws, spectral
from spinnet.comparison.points import PointData, average_runs
from spinnet.comparison.statistics import STATISTICS, select_statistics
from spinnet.errors import InputError
from spinnet.estimators.spectra import POISSON_SPACING_RATIO


@pytest.fixture(scope="module")
def goe_spectra():
    rng = np.random.default_rng(1)
    return np.array([np.linalg.eigvalsh(goe(150, rng)) for _ in range(60)])


@pytest.fixture(scope="module")
def wishart_spectra():
    rng = np.random.default_rng(2)
    return np.array([np.linalg.eigvalsh(wishart(120, 240, rng)) for _ in range(60)])


def z_score(values, expected):
    return (values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values)))


def test_moments_of_the_semicircle(goe_spectra):
    assert abs(z_score(np.array([spectral.skewness(e) for e in goe_spectra]), 0.0)) < 4
    # tr H^4 of the GOE with off-diagonal variance 1/n is 2n + 5 + 5/n, tr H^2 is n + 1: the kurtosis is -1 + O(1/n).
    kurtosis = np.array([spectral.excess_kurtosis(e) for e in goe_spectra])
    assert abs(kurtosis.mean() + 1) < 0.05


def test_moments_of_the_marchenko_pastur_law(wishart_spectra):
    # Ratio c: mean 1, variance c, third central moment c^2, fourth 2c^2 + c^3; c = 1/2. Corrections are O(1/n).
    assert np.mean([spectral.skewness(e) for e in wishart_spectra]) == pytest.approx(np.sqrt(0.5), rel=0.03)
    assert np.mean([spectral.excess_kurtosis(e) for e in wishart_spectra]) == pytest.approx(0.5 - 1, abs=0.05)
    assert np.mean([spectral.participation(e) for e in wishart_spectra]) == pytest.approx(1 / 1.5, rel=0.01)


def test_the_semicircle_distance_vanishes_for_the_goe_and_not_for_wishart(goe_spectra, wishart_spectra):
    near = np.array([spectral.semicircle_distance(e) for e in goe_spectra])
    far = np.array([spectral.semicircle_distance(e) for e in wishart_spectra])
    assert near.max() < 0.03
    assert far.min() > 0.07


def test_the_semicircle_cdf_is_the_integral_of_its_density():
    for x in (-2.0, -1.3, 0.0, 0.4, 2.0):
        area = quad(lambda t: np.sqrt(4 - t * t) / (2 * np.pi), -2, x)[0]
        assert spectral.semicircle_cdf(np.array(x)) == pytest.approx(area, abs=1e-10)


def test_negative_and_near_zero_fractions_of_a_shifted_semicircle(goe_spectra):
    shifted = goe_spectra + 1.0
    expected = spectral.semicircle_cdf(np.array(-1.0))
    assert np.mean([spectral.negative_fraction(e) for e in shifted]) == pytest.approx(expected, abs=0.01)
    near = spectral.semicircle_cdf(np.array(-0.97)) - spectral.semicircle_cdf(np.array(-1.03))
    assert np.mean([spectral.near_zero_fraction(e) for e in shifted]) == pytest.approx(near, abs=0.004)


def test_zero_modes_are_not_counted_as_negative():
    assert spectral.negative_fraction(np.array([-1e-13, 1e-14, -1e-15, 1.0, -1.0])) == 0.5


def test_the_outlier_ratio_of_the_semicircle_and_of_a_spike(goe_spectra):
    assert np.mean([spectral.outlier_ratio(e) for e in goe_spectra]) == pytest.approx(0.62, abs=0.01)
    assert spectral.outlier_ratio(np.append(goe_spectra[0], 30.0)) > 8


def test_a_constant_spectrum_has_no_shape():
    assert np.isnan(spectral.skewness(np.ones(9)))
    assert np.isnan(spectral.outlier_ratio(np.ones(9)))
    assert spectral.participation(np.ones(9)) == 1.0
    assert np.isnan(spectral.negative_fraction(np.zeros(9)))


def test_spacing_laws_are_normalised_and_have_their_means():
    for law, mean in [(spacing_laws.goe_density, 0.5307), (spacing_laws.poisson_density, POISSON_SPACING_RATIO)]:
        assert quad(law, 0, 1)[0] == pytest.approx(1.0, abs=1e-9)
        assert quad(lambda r, law=law: r * law(r), 0, 1)[0] == pytest.approx(mean, abs=1e-4)


def test_ratios_of_goe_matrices_follow_their_law(goe_spectra):
    from comparison.synthetic import spacing_ratios

    central = goe_spectra[:, 30:120]
    shares = np.array([np.histogram(spacing_ratios(row), bins=8, range=(0, 1))[0] / 88 for row in central])
    expected = [quad(spacing_laws.goe_density, k / 8, (k + 1) / 8)[0] for k in range(8)]
    wrong = [quad(spacing_laws.poisson_density, k / 8, (k + 1) / 8)[0] for k in range(8)]
    error = shares.std(axis=0, ddof=1) / np.sqrt(len(shares))
    assert (np.abs(shares.mean(axis=0) - expected) < 4 * error).all()
    assert (np.abs(shares.mean(axis=0) - wrong) > 4 * error).any()


def exact_cut(exponent, horizon=20.0, scale=1.0):
    time = np.concatenate([[0.0], scale * np.geomspace(1e-3, 1e4, 4000)])
    return relaxation.cut_at_horizon(time, (1 + time / scale) ** -exponent, horizon)


def test_relaxation_of_an_exponential_has_its_known_times():
    time = np.linspace(0, 50, 20001)
    cut = relaxation.cut_at_horizon(time, 3 + np.exp(-time), 20.0)
    # To 1e-6 the drop at 20 half-times is complete.
    assert cut.half_time == pytest.approx(np.log(2), rel=1e-4)
    assert relaxation.stretch(cut) == pytest.approx(np.log(10) / np.log(2), rel=1e-3)
    early = np.exp(-cut.end / 16) - np.exp(-cut.end / 4)
    assert relaxation.late_drop_ratio(cut) == pytest.approx((np.exp(-cut.end / 4) - np.exp(-cut.end)) / early, rel=1e-3)


def test_the_late_drop_ratio_of_a_power_law_is_four_to_minus_its_exponent():
    time = np.concatenate([[0.0], np.geomspace(1e-6, 1e4, 6000)])
    for exponent in (0.5, 2 / 3):
        energy = np.append(0.0, -time[1:] ** -exponent)  # the limit is 0, and it never enters
        energy[0] = energy[1]
        cut = relaxation.Cut(
            relaxation.to_clock(time, time[1]), energy[0] - energy, time[1], half_time=1.0, end=100.0
        )
        assert relaxation.late_drop_ratio(cut) == pytest.approx(4.0**-exponent, rel=1e-3)


def test_a_cut_is_as_long_as_its_horizon_in_half_times():
    for exponent in (0.5, 1.0, 3.0):
        cut = exact_cut(exponent)
        assert cut.end / cut.half_time == pytest.approx(20.0, rel=1e-6)
        assert cut.at(cut.half_time) == pytest.approx(0.5, abs=1e-4)
        assert cut.at(cut.end) == pytest.approx(1.0)
        assert relaxation.curve(cut)[-1] < 1.0


def test_longer_runs_do_not_change_the_shape():
    long = np.concatenate([[0.0], 0.01 * 10.0 ** (np.arange(49) / 8)])
    short = long[long < 200]
    energy = (1 + long) ** -0.5
    first = relaxation.cut_at_horizon(short, energy[: len(short)], 20.0)
    second = relaxation.cut_at_horizon(long, energy, 20.0)
    assert relaxation.stretch(first) == pytest.approx(relaxation.stretch(second), rel=1e-9)


@pytest.mark.parametrize(
    "energy", [np.full(len(TIME), np.nan), np.ones(len(TIME)), 1 + TIME, 1 - TIME / TIME[-1]], ids=str
)
def test_runs_that_do_not_reach_the_horizon_have_no_shape(energy):
    assert relaxation.cut_at_horizon(TIME, energy, 20.0) is None


def point_of(rng, unit="sample", **changes):
    relax = power_law(-1.15, 1.15, 1.0, 0.7, noise=0.02)
    return make_point("glass", "n=40", lambda r: goe(40, r) + 1.5 * np.eye(40), relax, 6, 3, rng,
                      independent_unit=unit, **changes)  # fmt: skip


def scaled(point, energy, time, curvature):
    arrays = dict(point.arrays)
    arrays["trajectory/time"] = time * arrays["trajectory/time"]
    arrays["trajectory/energy_density"] = energy * arrays["trajectory/energy_density"]
    arrays["trajectory/gradient_norm"] = energy / 3.0 * arrays["trajectory/gradient_norm"]
    arrays["spectrum/eigenvalue"] = curvature * arrays["spectrum/eigenvalue"]
    return PointData(point.arm, point.name, arrays, point.attributes)


@pytest.mark.parametrize("statistic", STATISTICS, ids=lambda s: s.name)
def test_scale_free_statistics_do_not_see_units_and_others_do(statistic):
    point = point_of(np.random.default_rng(3))
    other = scaled(point, energy=2.5, time=1e3, curvature=7.0)
    first = statistic.reduce(statistic.by_unit(point)).values
    second = statistic.reduce(statistic.by_unit(other)).values
    assert np.allclose(first, second, rtol=1e-7) == statistic.scale_free
    assert len(first) == 6


@pytest.mark.parametrize("name", ["relaxation_stretch", "late_drop_ratio", "relaxation_shape", "relative_spread"])
def test_relaxation_statistics_do_not_depend_on_the_zero_of_energy(name):
    statistic = select_statistics([name])[0]
    point = point_of(np.random.default_rng(4))
    arrays = dict(point.arrays) | {"trajectory/energy_density": point.arrays["trajectory/energy_density"] + 5.0}
    moved = PointData(point.arm, point.name, arrays, point.attributes)
    np.testing.assert_allclose(
        statistic.reduce(statistic.by_unit(point)).values, statistic.reduce(statistic.by_unit(moved)).values, rtol=1e-6
    )


def test_every_statistic_has_a_definition_and_only_scale_free_ones_are_tested():
    assert len({s.name for s in STATISTICS}) == len(STATISTICS)
    for statistic in STATISTICS:
        assert len(statistic.definition) > 20
        assert statistic.scale_free or not statistic.tested


def test_the_unit_is_a_sample_with_its_replicas_averaged_or_a_replica():
    statistic = select_statistics(["spacing_ratio"])[0]
    per_run = statistic.per_run(point_of(np.random.default_rng(5)))
    samples = statistic.reduce(statistic.by_unit(point_of(np.random.default_rng(5))))
    replicas = statistic.reduce(statistic.by_unit(point_of(np.random.default_rng(5), unit="replica")))
    np.testing.assert_allclose(samples.values, per_run.mean(axis=1))
    np.testing.assert_allclose(replicas.values, per_run.ravel())
    with pytest.raises(InputError, match="independent_unit"):
        point_of(np.random.default_rng(5), unit="eigenvalue")


def test_diverged_runs_are_counted_and_never_enter():
    point = point_of(np.random.default_rng(6))
    point.arrays["spectrum/eigenvalue"][0, :, 3] = np.nan
    point.arrays["spectrum/eigenvalue"][2, 1, 0] = np.inf
    for statistic in select_statistics(["participation", "spectral_shape"]):
        found = statistic.reduce(statistic.by_unit(point))
        assert (found.n_units, len(found.values)) == (6, 5)
        assert (found.excluded_units, found.excluded_runs) == (1, 4)
        assert np.isfinite(found.values).all()


def test_the_relative_spread_is_that_of_the_final_energies():
    rng = np.random.default_rng(7)
    point = make_point("glass", "n=4", lambda r: goe(4, r), power_law(-1.0, 2.0, 1.0, 5.0, noise=0.3), 4000, 1, rng)
    statistic = select_statistics(["relative_spread"])[0]
    values = statistic.reduce(statistic.by_unit(point)).values
    # The mean absolute deviation of a Gaussian is sqrt(2/pi) of its standard deviation.
    assert abs(z_score(values, np.sqrt(2 / np.pi) * 0.3 / 2.0)) < 4


def test_averaging_skips_what_is_not_finite():
    found = average_runs(np.array([[1.0, 3.0], [np.nan, 5.0], [np.nan, np.nan]]))
    np.testing.assert_array_equal(found.values, [2.0, 5.0])
    assert (found.excluded_units, found.excluded_runs) == (1, 3)


def test_an_unknown_statistic_is_refused_with_the_nearest_name():
    with pytest.raises(InputError, match="spacing_ratio"):
        select_statistics(["spacing_ration"])
