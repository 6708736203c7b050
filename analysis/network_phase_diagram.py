"""Phases of a trained network that is held: report and figure of the study ``network_phase_diagram``.

    python analysis/network_phase_diagram.py RESULTS_DIR

reads RESULTS_DIR/collected.h5, writes RESULTS_DIR/reports/phase_diagram.h5 and RESULTS_DIR/figures, and prints the
table.
"""

from __future__ import annotations

import sys

from spinnet.cli.analysis import run_script

if __name__ == "__main__":
    sys.exit(run_script(__file__, sys.argv[1:]))
