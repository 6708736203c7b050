"""Networks among glasses, random energies and funnels: report and figure of the study ``which_landscape``.

    python analysis/which_landscape.py RESULTS_DIR

reads RESULTS_DIR/collected.h5, writes RESULTS_DIR/reports/classification.h5 and RESULTS_DIR/figures, and prints the
table.
"""

from __future__ import annotations

import sys

from spinnet.cli.analysis import run_script

if __name__ == "__main__":
    sys.exit(run_script(__file__, sys.argv[1:]))
