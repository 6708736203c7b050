"""Potential of a held p = 3 glass beside its theory: report and figures of the study ``franz_parisi``.

    python analysis/franz_parisi.py RESULTS_DIR

reads RESULTS_DIR/collected.h5, writes RESULTS_DIR/reports/franz_parisi.h5 and RESULTS_DIR/figures, prints the table.
"""

from __future__ import annotations

import sys

from spinnet.cli.analysis import run_script

if __name__ == "__main__":
    sys.exit(run_script(__file__, sys.argv[1:]))
