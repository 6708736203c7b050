"""What all exchange methods share: who is paired with whom, who travels where, and blocks of raw moments.

Rows are places: row c·places + k of a block is place k (a temperature, a window) of copy c at every time. A walker is
the line of configurations that descends from one row of the start.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from spinnet.records import Variable, Variables

UP, DOWN, NOWHERE = 1, -1, 0
#: Powers of the overlap that are summed: every covariance that is simulated is a polynomial of this degree.
POWERS = np.arange(1, 7)


def alternating_pairs(places: int, copies: int, parity: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the lower and the upper partners of the pairs (0,1), (2,3), … or (1,2), (3,4), … in all copies."""
    first = np.arange(parity, places - 1, 2)
    low = (places * np.arange(copies)[:, None] + first).ravel()
    return low, low + 1


def exchange_order(low, high, gain, uniform, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Accept exchanges with probability min(1, e^gain), 0 where the gain is not a number.

    Returns
    -------
    order, swapped, probability
        Row r takes the configuration of row ``order[r]``; the others are per pair.
    """
    with np.errstate(all="ignore"):
        probability = np.nan_to_num(np.exp(np.minimum(gain, 0.0)), nan=0.0)
    swapped = uniform <= probability
    order = np.arange(rows)
    order[low[swapped]], order[high[swapped]] = high[swapped], low[swapped]
    return order, swapped, probability


def follow_headings(heading: np.ndarray, walker: np.ndarray, places: int) -> tuple[np.ndarray, np.ndarray]:
    """Headings after a step, and which walkers came back to the last place from the first: a round trip."""
    last, first = walker[places - 1 :: places], walker[::places]
    heading, returned = heading.copy(), np.zeros(len(heading), bool)
    returned[last] = heading[last] == UP
    heading[last] = DOWN
    # Who never was at the last place has not begun a trip.
    heading[first] = np.where(heading[first] == NOWHERE, NOWHERE, UP)
    return heading, returned


def block_of(step: int, warm_up: int) -> int:
    """The block of a step: block k holds the steps from warm_up·2^k up to warm_up·2^{k+1}; −1 in the warm-up.

    Blocks double, so that a longer run adds blocks and changes none that was complete, and the last block of a run of
    warm_up·2^K steps is its second half.
    """
    return (step // warm_up).bit_length() - 1


def block_starts(steps: int, warm_up: int) -> np.ndarray:
    """First steps of the blocks that a chain of ``steps`` steps has entered; at least one block."""
    return warm_up * 2 ** np.arange(max(1, block_of(max(steps - 1, 0), warm_up) + 1), dtype=np.int64)


def block_sizes(steps: int, warm_up: int) -> np.ndarray:
    """Number of steps made in each block of :func:`block_starts`."""
    starts = block_starts(steps, warm_up)
    return np.clip(steps - starts, 0, starts)


class Sums(NamedTuple):
    """Raw moments per row and block; the first axis is the row, the second the block."""

    energy: np.ndarray  # (rows, blocks, 2): ΣE, ΣE²
    overlap: np.ndarray  # (rows, blocks, 6): Σq … Σq⁶
    counts: np.ndarray  # (rows, blocks, bins): histogram of q on [−1, 1], int64

    @classmethod
    def empty(cls, rows: int, bins: int) -> Sums:
        """One block of zeros."""
        return cls(np.zeros((rows, 1, 2)), np.zeros((rows, 1, len(POWERS))), np.zeros((rows, 1, bins), np.int64))

    def own(self) -> Sums:
        """A copy that may be written to."""
        return Sums(*(np.array(values) for values in self))

    def grown(self, blocks: int) -> Sums:
        """With zeros for the blocks that are missing."""
        missing = blocks - self.energy.shape[1]
        if missing <= 0:
            return self
        return Sums(*(np.concatenate([v, np.zeros((len(v), missing, v.shape[2]), v.dtype)], axis=1) for v in self))

    def add(self, block: int, energy: np.ndarray, overlap: np.ndarray) -> None:
        """Add one measurement in place; rows that are nowhere add NaN to the sums and nothing to the histogram."""
        bins = self.counts.shape[2]
        self.energy[:, block, 0] += energy
        self.energy[:, block, 1] += energy**2
        power = np.ones_like(overlap)
        for k in range(len(POWERS)):
            power = power * overlap
            self.overlap[:, block, k] += power
        rows = np.flatnonzero(np.isfinite(overlap))
        # Overlaps of ±1 and a rounding error beyond belong to the last bins.
        where = np.clip(np.floor(0.5 * (overlap[rows] + 1.0) * bins), 0, bins - 1).astype(np.int64)
        self.counts[rows, block, where] += 1


def by_place(values: np.ndarray, copies: int) -> np.ndarray:
    """(copies·places, …) to (places, copies, …)."""
    return np.moveaxis(values.reshape(copies, -1, *values.shape[1:]), 0, 1)


def chain_variables(state: Any, place: str, copies: int, steps: int, warm_up: int) -> Variables:
    """What all exchange methods tell of their chains, per ``place``, copy and block of time.

    Parameters
    ----------
    state
        With the fields energy_sums, step, accepted, moves, exchanged, exchanges and round_trips; first axis the row.
    place
        What a place is: "level", "window". The last one has no next.
    steps
        Steps that the chains have made, with the warm-up.

    Notes
    -----
    Means over the steps of a block; a block without steps is NaN. Round trips are those of the walkers of each copy:
    total over the walkers, divided by their number.
    """
    sizes, trips = block_sizes(steps, warm_up), state.round_trips.reshape(copies, -1).mean(axis=1)
    here, block = (place, "copy"), (place, "copy", "block")
    with np.errstate(all="ignore"):
        energy = by_place(state.energy_sums / sizes[:, None], copies)
        return {
            "block": Variable(
                block_starts(steps, warm_up), ("block",), "steps",
                "first step of each block, counted from the beginning of the warm-up"
            ),
            "block_steps": Variable(sizes, ("block",), "steps", "steps that were measured in each block"),
            "energy": Variable(energy[..., 0], block, "energy", "mean extensive energy"),
            "energy_squared": Variable(energy[..., 1], block, "energy^2", "mean square of the extensive energy"),
            "proposal_step": Variable(
                by_place(state.step, copies), here, "1", "length of a proposal, fixed after the warm-up"
            ),
            "acceptance": Variable(
                by_place(state.accepted / state.moves, copies), here, "1",
                "share of proposals accepted after the warm-up"
            ),
            "exchange_acceptance": Variable(
                by_place(state.exchanged / state.exchanges, copies), here, "1",
                f"share of exchanges with the next {place} that were made; NaN at the last"
            ),
            "round_trips": Variable(
                trips, ("copy",), "1",
                f"round trips from the last {place} to the first and back, per walker, after the warm-up",
            ),
            "round_trip_time": Variable(
                max(steps - warm_up, 0) / trips, ("copy",), "steps",
                "steps after the warm-up over round trips per walker",
            ),
        }  # fmt: skip


def overlap_variables(
    sums: np.ndarray, counts: np.ndarray, name: str, dims: tuple[str, ...], steps: int, warm_up: int, what: str
) -> Variables:
    """Means of the powers of an overlap and its histogram; ``sums`` and ``counts`` are (*dims, block, …)."""
    with np.errstate(all="ignore"):
        means = sums / block_sizes(steps, warm_up)[:, None]
    edge = f"{name}_edge"
    return {
        "power": Variable(POWERS, ("power",), "1", "powers of the overlap"),
        f"{name}_moment": Variable(means, (*dims, "block", "power"), "1", f"means of the powers of the {what}"),
        edge: Variable(np.linspace(-1.0, 1.0, counts.shape[-1] + 1), (edge,), "1", "edges of the bins"),
        f"{name}_histogram": Variable(counts, (*dims, "block", "bin"), "1", f"steps with the {what} in each bin"),
    }
