"""Flat directions at zero loss and jamming: reports and figures of the study ``jamming_and_zero_modes``.

    python analysis/jamming_and_zero_modes.py RESULTS_DIR

reads RESULTS_DIR/collected.h5, writes RESULTS_DIR/reports and RESULTS_DIR/figures, and prints the table.
"""

from __future__ import annotations

import sys

from spinnet.cli.analysis import run_script

if __name__ == "__main__":
    sys.exit(run_script(__file__, sys.argv[1:]))
