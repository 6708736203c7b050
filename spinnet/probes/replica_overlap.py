"""Overlap between independent copies on the same disorder: the order parameter of a glass."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Landscape
from spinnet.probes.base import TrajectoryProbe
from spinnet.records import Variable, Variables


class ReplicaOverlapProbe(TrajectoryProbe):
    """q = x·x′/n between each replica and the one at the same place of the next copy.

    The block is read as ``copies`` groups of equal size: row c·places + k is place k of copy c, as the rows of
    parallel tempering are. The last copy is compared with the first, so two copies give each number twice and three
    or more give every copy two partners.

    Parameters
    ----------
    copies
        2 or more, a divisor of the number of replicas.
    """

    def __init__(self, copies: int = 2):
        self.copies = self.validate(copies=copies)["copies"]

    @classmethod
    def validate(cls, copies):
        return {"copies": whole_number("copies", copies, 2)}

    def measure(self, landscape: Landscape, x: np.ndarray) -> Variables:
        if len(x) % self.copies:
            raise InputError(
                f"{len(x)} replicas cannot be {self.copies} copies of one size: set copies of the probe "
                "replica_overlap to a divisor"
            )
        x = landscape.check(x)  # spins come as they are stored, and leave as int8
        with np.errstate(all="ignore"):
            overlap = landscape.space.overlap(x, np.roll(x, -(len(x) // self.copies), axis=0))
        description = "overlap with the replica at the same place of the next copy"
        return {"overlap": Variable(overlap, ("replica",), "1", description, {"copies": self.copies})}
