"""How long ``spinnet --help`` takes, as a whole process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Any

TARGET_SECONDS = 0.4


def describe() -> str:
    """What is measured."""
    return "wall time of 'spinnet --help' as a new process, beside an empty Python process; median"


def run(quick: bool = False) -> list[dict[str, Any]]:
    """One row: the median time of the command, and of the bare interpreter as reference."""
    repeats = 5 if quick else 15
    command = [sys.executable, "-c", "from spinnet.cli import main; main(['--help'])"]
    value = _median_seconds(command, repeats)
    reference = _median_seconds([sys.executable, "-c", "pass"], repeats)
    return [
        {
            "name": "spinnet --help",
            "value": value,
            "reference": reference,
            "ratio": value / TARGET_SECONDS,
            "target": "< 0.4 s",
            "unit": "s",
        }
    ]


def _median_seconds(command: list[str], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)
