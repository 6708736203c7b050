"""One step of the build: the commit is baked into the package, so that every result file can name it.

Everything else about the build is in pyproject.toml and setup.cfg.
"""

import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithCommit(build_py):
    """Adds ``spinnet/_commit.py`` to what is built; from an export without git the commit stays "unknown"."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        try:
            described = subprocess.run(command, cwd=Path(__file__).resolve().parent, capture_output=True, text=True)
        except OSError:  # no git on this machine
            return
        if described.returncode == 0:
            target = Path(self.build_lib) / "spinnet" / "_commit.py"
            text = f'"""Written by the build."""\n\nCOMMIT = "{described.stdout.strip()}"\n'
            target.write_text(text, encoding="utf-8")


setup(cmdclass={"build_py": BuildWithCommit})
