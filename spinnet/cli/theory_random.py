"""``spinnet theory``: random energies, funnels, perceptrons and memories; exact results, without a simulation."""

from __future__ import annotations

import click

from spinnet.cli.output import json_option, plain, print_json, print_mapping


def _show(values: dict, as_json: bool) -> None:
    if as_json:
        print_json(values)
    else:
        print_mapping(plain(values))


@click.command("random-energy")
@click.option("--n", type=int, help="Number of spins N: adds the exact averages at this size.")
@click.option("--beta", type=float, required=True, help="Inverse temperature; level variance is N/2.")
@click.option("--levels", metavar="A:S,...", help="A tree instead: variance share and entropy share of each level.")
@click.option("--covariance", metavar="A(x)", help="A continuous tree: covariance of the common depth x, as a formula.")
@click.option("--distribution", type=click.Choice(["gaussian", "exponential"]), default="gaussian", show_default=True)
@json_option
def random_energy(n, beta, levels, covariance, distribution, as_json) -> None:
    """Random energy models (REM, GREM, continuous): the limit N → ∞ and exact averages at finite N.

    free_energy_limit is lim E ln Z / N, mean_log_partition is E ln Z, participation_ratio is E Y₂,
    mean_ground_state is E E_min (extensive).

    \b
    Examples:
      spinnet theory random-energy --n 10 --beta 2.5 --json
      spinnet theory random-energy --n 60 --beta 2.5 --levels 0.7:0.5,0.3:0.5
      spinnet theory random-energy --n 64 --beta 2.5 --covariance "2x-x^2"
    """
    from spinnet.errors import InputError
    from spinnet.theory import random_energy_summary as summary

    chosen = [name for name, given in (("--levels", levels), ("--covariance", covariance)) if given is not None]
    if len(chosen) == 2:
        raise InputError("--levels and --covariance are two descriptions of a tree; give one of them")
    if chosen and distribution != "gaussian":
        raise InputError(f"{chosen[0]} needs gaussian energies; leave --distribution out")
    if levels is not None:
        values = summary.generalized(levels, beta, n)
    elif covariance is not None:
        values = summary.continuous(covariance, beta, n)
    else:
        values = summary.independent(beta, n, distribution)
    _show(values, as_json)


@click.command("log-correlated")
@click.option("--beta", type=float, required=True, help="Inverse temperature; the transition is at 1.")
@json_option
def log_correlated(beta, as_json) -> None:
    """Log-correlated energies on the circle: freezing, and the law of the normalised partition function.

    The moments of ln Z exist below the transition (β < 1) and are null above it.

    \b
    Example:
      spinnet theory log-correlated --beta 0.5 --json
    """
    from spinnet.theory import log_correlated as theory

    below = beta < theory.CRITICAL_BETA
    _show(
        {
            "beta_critical": theory.CRITICAL_BETA,
            "free_energy_slope": theory.free_energy_slope(beta),
            "mean_log_partition": theory.mean_log_partition(beta**2) if below else None,
            "variance_log_partition": theory.variance_log_partition(beta**2) if below else None,
            "minimum_variance": theory.MINIMUM_VARIANCE,
        },
        as_json,
    )


@click.command()
@click.option("--x", "index", type=float, required=True, help="T/T_c, between 0 and 1.")
@click.option("--ratio", type=float, required=True, help="w = t/t_w.")
@click.option("--waiting-time", type=float, help="Add the probability at this finite t_w.")
@json_option
def trap(index, ratio, waiting_time, as_json) -> None:
    """Trap model: probability H_x(w) of no jump between t_w and t_w + t.

    \b
    Example:
      spinnet theory trap --x 0.5 --ratio 1 --json
    """
    from spinnet.theory.trap_model import ageing_function, no_jump_probability

    values = {"no_jump_limit": ageing_function(ratio, index)}
    if waiting_time is not None:
        values["no_jump"] = no_jump_probability(waiting_time, ratio * waiting_time, index)
    _show(values, as_json)


@click.command("ising-pspin")
@click.option("--p", type=int, required=True, help="Degree of the interaction, 3 or more.")
@click.option("--temperature", type=float, help="Add the states at this temperature.")
@json_option
def ising_pspin(p, temperature, as_json) -> None:
    """Ising p-spin glass: dynamic and static transition (T_d, T_s), tending to the REM for large p.

    \b
    Example:
      spinnet theory ising-pspin --p 3 --json
    """
    from dataclasses import asdict

    from spinnet.theory import ising_pspin as theory

    values = asdict(theory.transitions(p))
    if temperature is not None:
        values["overlap"] = theory.state_overlap(p, temperature)
        values["complexity"] = theory.equilibrium_complexity(p, temperature)
    _show(values, as_json)


@click.command()
@click.option("--p", type=int, required=True, help="Degree of the interaction, 2 or more.")
@click.option("--snr", type=float, required=True, help="Signal-to-noise ratio β₀ in H = H₀ - N β₀ f(m).")
@json_option
def planted(p, snr, as_json) -> None:
    """Planted spherical p-spin glass at β = β₀ (the Bayes-optimal line).

    overlap is that of the state around the signal, equilibrium_overlap that of the posterior: they differ between the
    spinodal and the information threshold.

    \b
    Example:
      spinnet theory planted --p 3 --snr 2.0 --json
    """
    from spinnet.configurable import real_number, whole_number
    from spinnet.theory import spiked
    from spinnet.theory.covariance import Covariance

    model = Covariance({whole_number("p", p, 2): 1.0})
    snr = real_number("snr", snr, 0.0)
    overlap, threshold = spiked.nishimori_overlap(model, snr), spiked.information_threshold(model)
    _show(
        {
            "overlap": overlap,
            "equilibrium_overlap": overlap if snr >= threshold else 0.0,
            "energy_density": 0.0 - snr * model(1.0),
            "spinodal_snr": spiked.spinodal_threshold(model),
            "information_threshold_snr": threshold,
        },
        as_json,
    )


@click.command()
@click.option("--stability", type=float, help="Λ = δE/(ΔE √(2 S₀)).")
@click.option("--gap", type=float, help="δE, depth of the native state below the mean (with --roughness, --entropy).")
@click.option("--roughness", type=float, help="ΔE, standard deviation of the other states.")
@click.option("--entropy", type=float, help="S₀, logarithm of their number.")
@json_option
def funnel(stability, gap, roughness, entropy, as_json) -> None:
    """Folding and glass temperature of a random landscape with a native state (Bryngelson–Wolynes).

    Below Λ = 1.1 the landscape counts as unfolded; below 1 there is no folding temperature (null).

    \b
    Examples:
      spinnet theory funnel --stability 1.6 --json
      spinnet theory funnel --gap 20 --roughness 3.5 --entropy 13.9
    """
    from spinnet.errors import InputError
    from spinnet.theory import folding

    parts = (gap, roughness, entropy)
    if (stability is None) == all(part is None for part in parts) or (stability is None and None in parts):
        raise InputError("give either --stability, or all of --gap, --roughness and --entropy")
    if stability is None:
        stability = folding.stability(*parts)
        # a native state above the mean has no stability at all
        ratio = folding.folding_to_glass_ratio(max(stability, 0.0))
    else:
        ratio = folding.folding_to_glass_ratio(stability)
    values = {
        "stability": stability,
        "folding_to_glass_ratio": ratio,
        "state": "folded" if folding.is_folded(max(stability, 0.0)) else "unfolded",
    }
    if gap is not None:
        values["glass_temperature"] = folding.glass_temperature(roughness, entropy)
        values["folding_temperature"] = folding.folding_temperature(*parts)
    _show(values, as_json)


@click.command()
@click.option("--kind", type=click.Choice(["spherical", "ising"]), default="spherical", show_default=True)
@click.option("--alpha", type=float, required=True, help="Number of examples per weight, P/N.")
@json_option
def perceptron(kind, alpha, as_json) -> None:
    """Learning from a teacher: overlap, generalisation errors and entropy of the perceptron (N → ∞).

    Ising weights learn perfectly beyond transition_alpha; metastable_overlap is the branch on which local algorithms
    stay up to spinodal_alpha.

    \b
    Example:
      spinnet theory perceptron --kind ising --alpha 1.2 --json
    """
    from spinnet.theory import perceptron as theory
    from spinnet.theory import storage

    state = theory.perceptron_state(alpha, kind)
    values = {
        "kind": kind,
        "alpha": alpha,
        "overlap": state.overlap,
        "generalisation_error_gibbs": state.generalisation_error_gibbs,
        "generalisation_error_bayes": state.generalisation_error_bayes,
        "entropy": state.entropy,
    }
    if kind == "ising":
        transition, spinodal = theory.ising_transition()[0], theory.ising_spinodal()[0]
        between = transition < alpha < spinodal
        values |= {
            "transition_alpha": transition,
            "spinodal_alpha": spinodal,
            "metastable_overlap": theory.perceptron_state(alpha, kind, metastable=True).overlap if between else None,
            "storage_capacity": storage.ising_capacity()[0],
        }
    else:
        values["storage_capacity"] = storage.spherical_capacity()
    _show(values, as_json)


@click.command()
@click.option("--alpha", type=float, required=True, help="Number of patterns per spin, P/N.")
@json_option
def hopfield(alpha, as_json) -> None:
    """Hopfield network at zero temperature (replica symmetric): retrieval overlap and capacity.

    \b
    Example:
      spinnet theory hopfield --alpha 0.1 --json
    """
    from spinnet.theory import hopfield as theory

    state = theory.retrieval(alpha)
    capacity, overlap = theory.capacity()
    _show(
        {
            "overlap": state.overlap if state else 0.0,
            "state": "retrieval" if state else "spin glass",
            "energy_density": state.energy_density if state else theory.spin_glass_energy(alpha),
            "capacity": capacity,
            "capacity_overlap": overlap,
            "global_minimum_alpha": theory.global_minimum_load(),
            "one_step_error": theory.pattern_error(alpha),
        },
        as_json,
    )


@click.command()
@click.option("--width-ratio", type=float, required=True, help="w₂/w₁ of two harmonic wells.")
@click.option("--dimension", type=int, required=True)
@click.option("--energy-difference", type=float, default=0.0, show_default=True, help="U₂ - U₁ of the bottoms.")
@click.option("--temperature", type=float, default=1.0, show_default=True)
@json_option
def wells(width_ratio, dimension, energy_difference, temperature, as_json) -> None:
    """Boltzmann masses of a wide and a narrow well: flatness against depth.

    \b
    Example:
      spinnet theory wells --width-ratio 1.5 --dimension 10 --json
    """
    from spinnet.theory import wells as theory

    _show(
        {
            "mass_ratio": theory.mass_ratio(width_ratio, dimension, energy_difference, temperature),
            "log_mass_ratio": theory.log_mass_ratio(width_ratio, dimension, energy_difference, temperature),
            "balancing_energy": theory.balancing_energy(width_ratio, dimension, temperature),
        },
        as_json,
    )


#: Attached to the ``theory`` group.
COMMANDS = (random_energy, log_correlated, trap, ising_pspin, planted, funnel, perceptron, hopfield, wells)
