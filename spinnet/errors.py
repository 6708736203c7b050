"""The errors that a person can act on: one line each, saying what was given, what is allowed and what to do.

The command line prints the line and exits with ``exit_code``; everything else that is raised is a bug and keeps
its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

EXIT_DONE = 0
EXIT_FAILED_TASKS = 1
EXIT_BAD_INPUT = 2
EXIT_CHECKPOINTED = 75
EXIT_ABORTED = 130


class SpinnetError(Exception):
    """An error whose message is complete in itself."""

    exit_code = EXIT_BAD_INPUT


class InputError(SpinnetError, ValueError):
    """A value that is not allowed: of a wrong sign, size, name or kind."""


class CapabilityError(SpinnetError, TypeError):
    """A dynamics or probe asked for something that the landscape does not offer."""


class ResultFileError(SpinnetError, OSError):
    """A result file that is missing, damaged, truncated or of another schema."""


class StorageError(SpinnetError, OSError):
    """The disk refused a write: full, read-only or not permitted. What was finished is safe."""

    exit_code = EXIT_CHECKPOINTED


class NotConvergedError(SpinnetError, ArithmeticError):
    """A numerical procedure that did not reach its tolerance, and says so instead of giving a number."""


def nearest_name(given: str, allowed: Iterable[str]) -> str:
    """Return ``" (did you mean 'x'?)"`` for the closest allowed name, or an empty string."""
    close = difflib.get_close_matches(str(given), [str(name) for name in allowed], n=1, cutoff=0.5)
    return f" (did you mean '{close[0]}'?)" if close else ""
