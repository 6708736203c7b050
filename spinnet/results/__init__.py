"""Result files: schema, writer, reader, provenance, validation. No physics.

``read_task(path)`` and ``read_result(path)`` return a verified :class:`ResultFile`; ``Collected(path)`` reads a
collected file piece by piece; ``validate_file(path)`` lists what is wrong with a file.
"""

from spinnet.results.collected import Collected
from spinnet.results.reader import ResultFile, read_header, read_result, read_task, verify
from spinnet.results.validation import validate_file
from spinnet.results.writer import write_tables, write_task

__all__ = [
    "Collected",
    "ResultFile",
    "read_header",
    "read_result",
    "read_task",
    "validate_file",
    "verify",
    "write_tables",
    "write_task",
]
