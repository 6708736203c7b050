"""``python -m spinnet`` is ``spinnet``."""

from spinnet.cli import main

main(prog_name="spinnet")
