"""Which source files this is: processes of one campaign must run the same ones."""

from __future__ import annotations

import hashlib
from pathlib import Path


def source_hash() -> str:
    """SHA-256 over the names and bytes of all Python files of the package as they lie there now, 16 hex digits."""
    root = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        digest.update(str(path.relative_to(root)).encode() + b"\0")
        digest.update(path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
