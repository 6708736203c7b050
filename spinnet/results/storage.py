"""Atomic files: a killed process leaves the old file or the new one, never half of one.

A file is written beside its target, flushed to the disk and renamed. A disk that is full or read-only becomes a
:class:`~spinnet.errors.StorageError` that names the path, and the unfinished file is removed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from spinnet.errors import StorageError

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "the file would be larger than the system allows",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "writing is not permitted",
    errno.EPERM: "writing is not permitted",
    errno.ENOENT: "the folder does not exist",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.EIO: "the disk reports an input/output error",
}

TEMPORARY_SUFFIX = ".part"

# HDF5 does not look beyond the end that its superblock names, so a line may stand there for us.
_SEAL = b"\nspinnet-sha256 "
SEAL_LENGTH = len(_SEAL) + 64 + 1
_BLOCK = 1 << 20


def storage_error(path: str | os.PathLike, error: OSError) -> StorageError:
    """The line for a person: which path, why, what to do."""
    reason = _REASONS.get(error.errno, error.strerror or str(error))
    made = StorageError(f"{path} cannot be written: {reason}; make room or permit writing, then run again")
    made.errno = error.errno
    return made


class Sink:
    """A file for HDF5 to write into that keeps the first error instead of raising it.

    HDF5 cannot be closed cleanly when a write fails underneath it. So a failed write is noted, everything after it
    is dropped, and :meth:`check` raises once HDF5 is out of the way.
    """

    def __init__(self, file: BinaryIO, path: Path):
        self._file = file
        self._path = path
        self.error: OSError | None = None

    def check(self) -> None:
        """Raise StorageError if anything could not be written."""
        if self.error is not None:
            raise storage_error(self._path, self.error) from self.error

    def append_seal(self) -> None:
        """End the file with the SHA-256 of its bytes: what :func:`is_sealed` checks without parsing anything."""
        self.flush()
        self.seek(0)
        sha = hashlib.sha256()
        while block := self.read(_BLOCK):
            sha.update(block)
        self.seek(0, os.SEEK_END)
        self.write(_SEAL + sha.hexdigest().encode() + b"\n")

    def _attempt(self, action, *arguments, otherwise):
        if self.error is None:
            try:
                return action(*arguments)
            except OSError as error:
                self.error = error
        return otherwise

    def write(self, data) -> int:
        return self._attempt(self._file.write, data, otherwise=len(data))

    def truncate(self, size: int | None = None) -> int:
        return self._attempt(self._file.truncate, size, otherwise=size or 0)

    def flush(self) -> None:
        self._attempt(self._file.flush, otherwise=None)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        # A buffered file writes its buffer when it seeks.
        return self._attempt(self._file.seek, offset, whence, otherwise=offset)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        return self._attempt(self._file.read, size, otherwise=b"")

    def readinto(self, buffer) -> int:
        return self._attempt(self._file.readinto, buffer, otherwise=len(buffer))


def _temporary(path: Path) -> Path:
    owner = f"{socket.gethostname()}-{os.getpid()}"
    return path.with_name(f".{path.name}.{owner}.{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` durable; file systems that cannot are left to their own order."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[Sink]:
    """A :class:`Sink` whose content replaces ``path`` when the block ends well, and vanishes when it does not.

    Raises
    ------
    StorageError
        If the disk refuses; ``path`` is then as it was.
    """
    path = Path(path)
    temporary = _temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(temporary, "wb+")
    except OSError as error:
        raise storage_error(path, error) from error
    sink = Sink(file, path)
    try:
        try:
            yield sink
            sink.flush()
            sink.check()
            os.fsync(file.fileno())
        finally:
            # After a failed write, closing tries to flush once more; that error says nothing new.
            with contextlib.suppress(OSError):
                file.close()
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, StorageError) or not isinstance(error, Exception):
            raise
        sink.check()  # whatever HDF5 made of a refused write, the refusal is the cause
        if isinstance(error, OSError) and error.errno is not None:
            raise storage_error(path, error) from error
        raise
    sync_folder(path.parent)


def is_sealed(path: str | os.PathLike) -> bool:
    """Whether a file ends with the right SHA-256 of all its bytes before: then it is as it was written.

    False says nothing: the file may be damaged, or may have been copied by a tool that knows no seals.
    """
    with open(path, "rb") as file:
        left = file.seek(0, os.SEEK_END) - SEAL_LENGTH
        if left <= 0:
            return False
        file.seek(left)
        seal = file.read()
        if not seal.startswith(_SEAL):
            return False
        file.seek(0)
        sha = hashlib.sha256()
        while left:
            block = file.read(min(left, _BLOCK))
            if not block:
                return False
            sha.update(block)
            left -= len(block)
    return seal == _SEAL + sha.hexdigest().encode() + b"\n"


def write_text(path: str | os.PathLike, text: str) -> None:
    """Replace a text file atomically.

    Raises
    ------
    StorageError
        If the disk refuses.
    """
    with replacing(path) as sink:
        sink.write(text.encode())


def remove_leftovers(folder: str | os.PathLike) -> int:
    """Remove unfinished files under ``folder`` whose writers, on this host, no longer live; return their number."""
    removed = 0
    mine = socket.gethostname()
    for path in Path(folder).rglob(f".*{TEMPORARY_SUFFIX}"):
        host, _, process = path.name.removesuffix(TEMPORARY_SUFFIX).rpartition(".")[0].rpartition("-")
        if process.isdigit() and host.endswith(f".{mine}") and not is_alive(int(process)):
            with contextlib.suppress(OSError):
                path.unlink()
                removed += 1
    return removed


def is_alive(process: int) -> bool:
    """Whether a process of that number runs on this machine, whoever owns it."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
