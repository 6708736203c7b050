"""Which files this process dares to open. The HDF5 library can hang or crash on a damaged file.

A file whose seal is right is as spinnet wrote it, and is opened at once. Any other one (damaged, foreign, or rewritten
by another tool) is first read to its end by a child process with limits on time and memory; only if the child
comes back and finds the content in order is the file opened here.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from spinnet.errors import ResultFileError
from spinnet.results.schema import NewerSchemaError
from spinnet.results.storage import SEAL_LENGTH, is_sealed

_SIGNATURE = b"\x89HDF\r\n\x1a\n"

#: Limits of the child: seconds (plus what it takes to read so many bytes) and bytes of address space.
SECONDS = 20.0
BYTES_PER_SECOND = 10e6
ADDRESS_SPACE = 8 * 2**30

_CHILD = "import sys; sys.path[:] = {path!r}; from spinnet.results.admission import examine; examine({file!r})"


def admit(path: str | os.PathLike) -> bool:
    """Refuse a file that is missing, unreadable, no HDF5, truncated, or that does not survive its examination.

    Returns whether the seal is right: all bytes are then those that were written, with the digest among them.

    What is admitted has a known schema of a readable version and a content that fits its digest.

    Raises
    ------
    ResultFileError
        One line that names the file, says what is wrong and what to do.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            superblock = file.read(48)
            size = file.seek(0, os.SEEK_END)
        if not superblock.startswith(_SIGNATURE):
            what = "is empty" if not superblock else "is not an HDF5 file"
            raise ResultFileError(f"{path} {what}: it is damaged or foreign, move it away or give another file")
        if is_sealed(path):
            return True
    except ResultFileError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from None
    if superblock[8:9] in (b"\x02", b"\x03"):
        end = int.from_bytes(superblock[28:36], "little")
        if size not in (end, end + SEAL_LENGTH):
            raise damaged(path, "it is truncated" if size < end + SEAL_LENGTH else "something follows its end")
    _examine_elsewhere(path, size)
    return False


def damaged(path: str | os.PathLike, what: str) -> ResultFileError:
    """The line for a file whose content cannot be trusted."""
    return ResultFileError(f"{path} is damaged ({what}): move it away and make it again")


def _unreadable(path: Path, error: OSError) -> ResultFileError:
    if isinstance(error, FileNotFoundError):
        return ResultFileError(f"{path} does not exist: check the name, or run the study first")
    if isinstance(error, IsADirectoryError):
        return ResultFileError(f"{path} is a folder: give a result file")
    return ResultFileError(f"{path} cannot be read ({error.strerror or error}): check its permissions")


def _examine_elsewhere(path: Path, size: int) -> None:
    command = [sys.executable, "-c", _CHILD.format(path=sys.path, file=str(path))]
    try:
        child = subprocess.run(
            command, capture_output=True, timeout=SECONDS + size / BYTES_PER_SECOND, stdin=subprocess.DEVNULL
        )
        verdict = json.loads(child.stdout)
    except subprocess.TimeoutExpired:
        raise damaged(path, "reading it does not come to an end") from None
    except ValueError:
        raise damaged(path, "the HDF5 library breaks down on reading it") from None
    if verdict:
        raise (NewerSchemaError if verdict["newer"] else ResultFileError)(verdict["line"])


def examine(path: str) -> None:
    """What the child does: read all of a file, and print null or what is wrong with it as JSON."""
    from spinnet.results.reader import verify_here

    _limit_memory()
    verdict = None
    try:
        verify_here(path)
    except ResultFileError as error:
        verdict = {"newer": isinstance(error, NewerSchemaError), "line": str(error)}
    sys.stdout.write(json.dumps(verdict))


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        pass  # a system without limits still has the limit on time
