"""Kinds of couplings of the p = 3 glass beside the exact one: report and figure of the study ``coupling_kinds``.

    python analysis/coupling_kinds.py RESULTS_DIR

reads RESULTS_DIR/collected.h5, writes RESULTS_DIR/reports/coupling_kinds.h5 and RESULTS_DIR/figures, prints the table.
"""

from __future__ import annotations

import sys

from spinnet.cli.analysis import run_script

if __name__ == "__main__":
    sys.exit(run_script(__file__, sys.argv[1:]))
