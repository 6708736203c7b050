"""Runs a toy study in a process of its own: ``python driver.py OUT '{"samples": 3, …}' '{"jobs": 2, …}'``.

Prints a line for every event, so that a test knows when to strike, and the outcome at the end.
"""

from __future__ import annotations

import json
import sys

from campaign import toy

from spinnet.campaign import executor_local
from spinnet.campaign.run import run_study
from spinnet.errors import SpinnetError


class Printer:
    def started(self, total, already_done):
        print("started", total, already_done, flush=True)

    def advanced(self, task, fraction):
        print("advanced", task, fraction, flush=True)

    def finished(self, task):
        print("finished", task, flush=True)

    def message(self, text):
        print("message", text, flush=True)


if __name__ == "__main__":
    executor_local.source_hash = lambda: ""  # somebody may edit the package while its tests run
    out, study, options = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
    try:
        outcome = run_study(toy.study(**study), out, simulation=toy.MODULE, progress=Printer(), **options)
    except SpinnetError as error:
        print(f"spinnet: {error}", flush=True)
        sys.exit(error.exit_code)
    for line in outcome.lines:
        print(line, flush=True)
    sys.exit(outcome.exit_code)
