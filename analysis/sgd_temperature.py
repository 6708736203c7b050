"""SGD beside Langevin dynamics: reports and figures of the study ``sgd_temperature``.

    python analysis/sgd_temperature.py RESULTS_DIR

reads RESULTS_DIR/collected.h5, writes RESULTS_DIR/reports and RESULTS_DIR/figures, and prints the tables.
"""

from __future__ import annotations

import sys

from spinnet.cli.analysis import run_script

if __name__ == "__main__":
    sys.exit(run_script(__file__, sys.argv[1:]))
