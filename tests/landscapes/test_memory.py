"""The memory that is left is a plain number of bytes, or unknown."""

from __future__ import annotations

from spinnet.landscapes import memory


def test_some_memory_is_available_and_less_than_an_exabyte():
    amount = memory.available_memory()
    assert amount is None or 2**20 < amount < 2**60


def test_the_tighter_limit_counts(monkeypatch):
    for machine, group, expected in ((5, 3, 3), (3, 5, 3), (None, 4, 4), (4, None, 4), (None, None, None)):
        monkeypatch.setattr(memory, "_machine_memory", lambda value=machine: value)
        monkeypatch.setattr(memory, "_control_group_memory", lambda value=group: value)
        assert memory.available_memory() == expected
