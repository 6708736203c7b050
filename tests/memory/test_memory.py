"""The memory that is left is a plain number of bytes, or unknown; a batch system's limit counts."""

from __future__ import annotations

import pytest

from spinnet import memory


def test_some_memory_is_available_and_less_than_an_exabyte():
    amount = memory.available_memory()
    assert amount is None or 2**20 < amount < 2**60


def test_the_tighter_limit_counts(monkeypatch):
    for machine, group, expected in ((5, 3, 3), (3, 5, 3), (None, 4, 4), (4, None, 4), (None, None, None)):
        monkeypatch.setattr(memory, "_machine_memory", lambda value=machine: value)
        monkeypatch.setattr(memory, "_control_group_memory", lambda value=group: value)
        assert memory.available_memory() == expected


@pytest.mark.parametrize(
    ("membership", "folder", "limit", "used", "files"),
    [
        ("0::/job/step\n", "", "memory.max", "memory.current", "inactive_file"),
        ("3:cpu:/x\n5:memory,hugetlb:/job/step\n0::/\n", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
         "total_inactive_file"),
    ],
    ids=["version 2", "version 1"],
)  # fmt: skip
def test_the_tightest_control_group_around_the_process_counts(
    tmp_path, monkeypatch, membership, folder, limit, used, files
):
    root = tmp_path / folder
    for place, allowed in (("job/step", "max"), ("job", "1000"), ("", "9000")):
        (root / place).mkdir(parents=True, exist_ok=True)
        (root / place / limit).write_text(f"{allowed}\n")
        (root / place / used).write_text("600\n")
        (root / place / "memory.stat").write_text(f"anon 350\n{files} 250\n")
    (tmp_path / "membership").write_text(membership)
    monkeypatch.setattr(memory, "_MEMBERSHIP", tmp_path / "membership")
    monkeypatch.setattr(memory, "_CONTROL_GROUPS", tmp_path)
    assert memory._control_group_memory() == 1000 - 600 + 250
