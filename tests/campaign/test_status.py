"""Status is read from files alone, while tasks run and after they were killed."""

from __future__ import annotations

import signal

import pytest
from campaign import toy
from campaign.runs import run, start, wait_for

from spinnet.campaign.status import read_status
from spinnet.errors import InputError


def counts(status):
    return {key: status[key] for key in ("total", "done", "running", "failed", "pending")}


def test_a_finished_run_is_done_with_its_slowest_tasks(tmp_path):
    run(toy.study(arms=("walk", "other"), per_size={4: {"fails": "always"}}), tmp_path / "out")
    status = read_status(tmp_path / "out")
    assert counts(status) == {"total": 12, "done": 6, "running": 0, "failed": 6, "pending": 0}
    assert status["arms"][1] == {"arm": "other", "done": 3, "running": 0, "failed": 3, "pending": 0, "total": 6}
    assert status["seconds_left"] is None and status["tasks_per_hour"] is None
    assert len(status["slowest"]) == 5 and all(" n=8 sample " in line for line in status["slowest"])
    assert status["disk_bytes"] > 6 * 1000


def test_running_tasks_are_seen_from_outside_and_pending_after_a_kill(tmp_path):
    out = tmp_path / "out"
    process = start(out, {"samples": 4, "sizes": [4], "last": 12}, jobs=1)
    try:
        wait_for(process, "finished", 1)
        wait_for(process, "advanced", 1)
        status = read_status(out)
        assert counts(status) == {"total": 4, "done": 1, "running": 1, "failed": 0, "pending": 2}
        assert status["tasks_per_hour"] > 0 and status["seconds_left"] > 0
        process.send_signal(signal.SIGINT)
    finally:
        process.communicate(timeout=60)
    assert counts(read_status(out)) == {"total": 4, "done": 1, "running": 0, "failed": 0, "pending": 3}


def test_a_longer_study_makes_finished_tasks_pending(tmp_path):
    out = tmp_path / "out"
    run(toy.study(samples=1), out)
    from spinnet.campaign.layout import Layout

    Layout(out).prepare(toy.study(samples=1, last=99))
    assert counts(read_status(out))["pending"] == 2
    for journal in (out / "journal").iterdir():
        journal.unlink()  # without journals the files themselves are asked
    assert counts(read_status(out))["pending"] == 2


def test_broken_lines_in_a_journal_are_skipped(tmp_path):
    out = tmp_path / "out"
    run(toy.study(samples=1), out)
    for journal in (out / "journal").iterdir():
        journal.write_bytes(b'\xff\n{"t": 1, "ev\n[1, 2]\n' + journal.read_bytes() + b'{"t": 1')
    assert read_status(out)["done"] == 2


def test_a_folder_without_a_campaign_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no campaign"):
        read_status(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []
