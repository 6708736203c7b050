"""A signal hidden in a p = 3 glass: recovery and the Nishimori line: report and figure.

    python analysis/planted_recovery.py RESULTS_DIR

reads RESULTS_DIR/collected.h5, writes RESULTS_DIR/reports/planted_recovery.h5 and RESULTS_DIR/figures, and prints the
table.
"""

from __future__ import annotations

import sys

from spinnet.cli.analysis import run_script

if __name__ == "__main__":
    sys.exit(run_script(__file__, sys.argv[1:]))
