"""Final energies against size: report and figure of the study ``choromanska_levels``.

    python analysis/choromanska_levels.py RESULTS_DIR

reads RESULTS_DIR/collected.h5, writes RESULTS_DIR/reports and RESULTS_DIR/figures, and prints tables and findings.
"""

from __future__ import annotations

import sys

from spinnet.cli.analysis import run_script

if __name__ == "__main__":
    sys.exit(run_script(__file__, sys.argv[1:]))
