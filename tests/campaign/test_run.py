"""Runs end as they should: finished, skipped, extended, failed, and with the same bits on any number of workers."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os

import pytest
from campaign import toy
from campaign.runs import digest, run, shards

from spinnet.campaign.collect import collect_study
from spinnet.campaign.layout import Layout
from spinnet.campaign.study import Study
from spinnet.campaign.task import run_task
from spinnet.errors import InputError, ResultFileError
from spinnet.results import read_task


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run and its outcome."""
    out = tmp_path_factory.mktemp("finished") / "out"
    return out, run(toy.study(), out, jobs=1)


def listing(folder):
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_a_run_computes_every_task_and_says_so(finished):
    out, outcome = finished
    assert (outcome.exit_code, outcome.done, outcome.skipped, outcome.failed, outcome.stopped) == (0, 6, 0, 0, 0)
    assert "6 computed" in outcome.lines[0]
    assert set(shards(out)) == {task.id for task in toy.study().tasks()}
    assert not list((out / "ckpt").iterdir()) and not list((out / "failed").iterdir())
    assert len(list((out / "logs").glob("*.log"))) >= 6


def test_a_second_run_skips_everything_and_changes_no_result(finished):
    out, _ = finished
    before = listing(out / "shards")
    recorder = toy.Recorder()
    outcome = run(toy.study(), out, progress=recorder)
    assert (outcome.exit_code, outcome.done, outcome.skipped) == (0, 0, 6)
    assert ("started", 6, 6) in recorder.events
    assert listing(out / "shards") == before


def test_two_workers_give_the_bits_of_one(finished, tmp_path):
    out, _ = finished
    recorder = toy.Recorder()
    run(toy.study(), tmp_path / "out", jobs=2, progress=recorder)
    assert shards(tmp_path / "out") == shards(out)
    assert digest(tmp_path / "out") == digest(out)
    assert sum(event[0] == "finished" for event in recorder.events) == 6


def test_workers_compute_on_one_thread_and_say_where(finished):
    out, _ = finished
    task = toy.study().tasks()[0].id
    provenance = read_task(out / "shards" / task[:2] / f"{task}.h5").provenance
    assert set(json.loads(provenance["threads"]).values()) == {"1"}
    assert {"host", "cpu", "spinnet", "commit", "packages", "seed", "peak_memory_bytes"} <= set(provenance)
    assert json.loads(provenance["seconds"])["dynamics"] >= 0


def test_more_samples_sizes_and_arms_compute_only_what_is_new(finished, tmp_path):
    out, _ = finished
    larger = toy.study(samples=4, sizes=(4, 8, 16), arms=("walk", "other"))
    run(toy.study(), tmp_path / "out")
    outcome = run(larger, tmp_path / "out")
    assert (outcome.exit_code, outcome.skipped, outcome.done) == (0, 6, 18)
    found = shards(tmp_path / "out")
    assert shards(out).items() <= found.items()


def test_a_longer_run_continues_and_has_the_bits_of_one_that_was_long_from_the_start(tmp_path):
    run(toy.study(last=7), tmp_path / "extended")
    outcome = run(toy.study(last=20), tmp_path / "extended")
    assert (outcome.done, outcome.skipped) == (6, 0)
    run(toy.study(last=20), tmp_path / "long")
    assert shards(tmp_path / "extended") == shards(tmp_path / "long")
    log = next((tmp_path / "extended" / "logs").glob("[0-9a-f]*.log")).read_text()
    assert "goes on from 7 to 20" in log


def test_results_that_are_longer_than_asked_are_kept_and_bring_the_others_along(tmp_path):
    run(toy.study(samples=1, last=20), tmp_path / "out")
    recorder = toy.Recorder()
    outcome = run(toy.study(samples=3, last=7), tmp_path / "out", progress=recorder)
    assert (outcome.skipped, outcome.done) == (2, 4)
    assert any("last = 20" in text for text in recorder.messages())
    collected = collect_study(tmp_path / "out")
    assert not collected.missing and collected.tasks == 6


def test_a_failing_task_is_logged_and_the_others_go_on(tmp_path):
    study = toy.study(per_size={4: {"fails": "always"}})
    recorder = toy.Recorder()
    outcome = run(study, tmp_path / "out", progress=recorder)
    assert (outcome.exit_code, outcome.done, outcome.failed) == (1, 3, 3)
    failed = [task for task in study.tasks() if task.point == "n=4"]
    (line,) = outcome.lines[1:]  # they say the same
    assert "3 tasks, walk n=4 samples 0 to 2: " in line and "this toy is broken" in line
    assert str(tmp_path / "out" / "failed") in line
    assert len(recorder.messages()) == 1 and "this toy is broken" in recorder.messages()[0]
    for task in failed:
        path = tmp_path / "out" / "failed" / f"{task.id}.txt"
        assert "Traceback" in path.read_text() and "this toy is broken" in path.read_text()
    again = run(study, tmp_path / "out")
    assert (again.exit_code, again.skipped, again.failed) == (1, 3, 3)
    collected = collect_study(tmp_path / "out")
    assert len(collected.missing) == 3 and collected.tasks == 3


def test_a_task_that_failed_is_tried_again_and_its_failure_forgotten(tmp_path):
    study = toy.study(samples=1, sizes=(4,), fails="once", markers=str(tmp_path))
    assert run(study, tmp_path / "out").exit_code == 1
    assert run(study, tmp_path / "out").exit_code == 0
    assert not list((tmp_path / "out" / "failed").iterdir())


def test_an_error_for_people_is_shown_without_its_class(tmp_path):
    outcome = run(toy.study(samples=1, sizes=(4,), diverges=True), tmp_path / "out")
    assert outcome.exit_code == 1
    assert "sample 0: the toy did not converge: take smaller steps (see " in outcome.lines[1]


def test_warnings_of_a_task_are_in_its_log(tmp_path):
    study = toy.study(samples=1, sizes=(4,), warns=True)
    run(study, tmp_path / "out")
    assert "RuntimeWarning: the toy is loud" in (tmp_path / "out" / "logs" / f"{study.tasks()[0].id}.log").read_text()


def test_a_worker_that_cannot_be_set_up_is_a_bug_with_its_traceback(tmp_path):
    from spinnet.campaign.run import run_study

    with pytest.raises(RuntimeError, match="no_such_module"):
        run_study(toy.study(), tmp_path / "out", jobs=1, simulation="no_such_module")


def test_fresh_moves_old_results_aside(tmp_path):
    out = tmp_path / "out"
    study = toy.study(samples=1, sizes=(4,))
    for _ in range(2):
        run(study, out)
        outcome = run(study, out, fresh=True)
        assert (outcome.done, outcome.skipped) == (1, 0)
    assert {path.name for path in tmp_path.iterdir()} == {"out", "out.1", "out.2"}
    assert shards(tmp_path / "out.1") == shards(out)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_of_something_else_is_refused_and_not_touched(finished, tmp_path, fresh):
    out, _ = finished
    strangers = tmp_path / "strangers"
    strangers.mkdir()
    (strangers / "thesis.tex").write_text("all I have")
    plain = tmp_path / "plain"
    plain.write_text("a file")
    for target, word in ((out, "'toy', not 'other'"), (strangers, "thesis.tex"), (plain, "is a file")):
        before = listing(target) if target.is_dir() else target.read_text()
        with pytest.raises(InputError, match=word):
            run(toy.study(name="other"), target, fresh=fresh)
        assert (listing(target) if target.is_dir() else target.read_text()) == before


def test_changed_physics_is_refused_with_the_difference_shown(finished):
    out, _ = finished
    before = listing(out)
    with pytest.raises(InputError, match=r"walk n=4 has no landscape\.slope, now 0\.5; replicas = 2, now 3"):
        run(toy.study(replicas=3, slope=0.5), out)
    assert listing(out) == before


def test_changed_comparison_and_title_compute_nothing(finished):
    out, _ = finished
    changed = dataclasses.replace(toy.study(), title="Another title", compare={"level": 0.01})
    assert run(changed, out).done == 0
    assert json.loads((out / "study.json").read_text())["compare"] == {"level": 0.01}
    run(toy.study(), out)


def test_a_damaged_study_file_is_written_again(tmp_path):
    study = toy.study(samples=1, sizes=(4,))
    run(study, tmp_path / "out")
    (tmp_path / "out" / "study.json").write_text('{"schema": "spinnet-st')
    with pytest.raises(InputError, match="line 1: damaged"):
        collect_study(tmp_path / "out")
    assert run(study, tmp_path / "out").skipped == 1
    assert collect_study(tmp_path / "out").tasks == 1


def test_damaged_and_foreign_shards_are_set_aside_and_computed_again(finished, tmp_path):
    import shutil

    out, _ = finished
    mine = tmp_path / "out"
    shutil.copytree(out, mine)
    paths = sorted(mine.glob("shards/*/*.h5"))
    truncated, flipped, foreign, swapped, kept, other = paths
    truncated.write_bytes(truncated.read_bytes()[:-100])
    raw = bytearray(flipped.read_bytes())
    raw[raw.index(b"squared distance")] ^= 1
    flipped.write_bytes(raw)
    foreign.write_text("not a result")
    shutil.copy(kept, swapped)
    del other
    recorder = toy.Recorder()
    outcome = run(toy.study(), mine, progress=recorder)
    assert (outcome.exit_code, outcome.done, outcome.skipped) == (0, 4, 2)
    assert shards(mine) == shards(out)
    assert {path.name for path in (mine / "damaged").iterdir()} == {p.name for p in paths[:4]}
    for path in paths[:4]:
        assert any(str(path) in text and "set aside" in text for text in recorder.messages())


def test_a_shard_of_a_later_version_stops_the_run_and_stays(finished, tmp_path):
    import shutil

    import h5py

    out, _ = finished
    mine = tmp_path / "out"
    shutil.copytree(out, mine)
    path = sorted(mine.glob("shards/*/*.h5"))[0]
    with h5py.File(path, "a") as file:
        file.attrs["schema_version"] = 99
    raw = path.read_bytes()
    with pytest.raises(ResultFileError, match="update spinnet"):
        run(toy.study(), mine)
    assert path.read_bytes() == raw


def test_memory_limits_how_many_tasks_run_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("spinnet.campaign.executor_local.available_memory", lambda: 1000)
    monkeypatch.setenv("TOY_PAUSE", "0.05")
    study = toy.study(samples=2, last=10, memory=600)
    recorder = toy.Recorder()
    assert run(study, tmp_path / "out", jobs=2, progress=recorder).exit_code == 0
    order = [event[1] for event in recorder.events if event[0] in ("advanced", "finished")]
    changes = sum(a != b for a, b in itertools.pairwise(order))
    assert changes == len(study.tasks()) - 1  # each task begins after the one before has ended


def test_data_that_cannot_be_had_fail_their_tasks_at_once_in_one_line(tmp_path):
    study = toy.study(samples=4, per_size={4: {"data_gone": True}})
    recorder = toy.Recorder()
    outcome = run(study, tmp_path / "out", jobs=2, progress=recorder)
    assert (outcome.exit_code, outcome.done, outcome.failed) == (1, 4, 4)
    assert sum("no such data" in text for text in recorder.messages()) == 1
    assert len(outcome.lines) == 2 and "4 tasks" in outcome.lines[1] and "no such data: get some" in outcome.lines[1]
    lost = {task.id for task in study.tasks() if task.point == "n=4"}
    assert {path.stem for path in (tmp_path / "out" / "failed").iterdir()} == lost
    assert not lost & {path.stem for path in (tmp_path / "out" / "logs").iterdir()}  # none was started


def test_workers_with_other_source_files_are_refused_in_one_line(tmp_path):
    with pytest.raises(InputError, match=r"changed since this run began .from 0123456789abcdef to [0-9a-f]{16}."):
        run(toy.study(), tmp_path / "out", jobs=4, source="0123456789abcdef")
    assert not list((tmp_path / "out").glob("shards/*/*"))


def test_the_working_directory_of_the_caller_does_not_matter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(toy.study(samples=1, sizes=(4,)), "relative").exit_code == 0
    assert os.listdir(tmp_path) == ["relative"]


def interrupted(study, out, task, polls):
    """Compute the first steps of a task here, and leave its checkpoint."""
    layout = Layout(out)
    layout.prepare(study)
    counter = itertools.count()
    outcome = run_task(layout, task, toy.simulate, lambda: next(counter) >= polls, lambda fraction: None)
    assert outcome.status == "stopped"
    return layout.checkpoint(task.id)


def test_the_shorter_study_keeps_the_checkpoint_of_a_longer_run(tmp_path):
    out = tmp_path / "out"
    short, long = (toy.study(samples=1, sizes=(4,), last=last) for last in (7, 20))
    run(short, out)
    checkpoint = interrupted(long, out, long.tasks()[0], polls=5)
    before = checkpoint.read_bytes()
    assert run(short, out).skipped == 1
    assert checkpoint.read_bytes() == before
    run(long, out)
    assert "goes on from a checkpoint of a run to 20" in (out / "logs" / f"{long.tasks()[0].id}.log").read_text()
    assert not checkpoint.exists()


def test_the_checkpoint_of_a_finished_run_is_removed(tmp_path):
    out = tmp_path / "out"
    study = toy.study(samples=1, sizes=(4,))
    checkpoint = interrupted(study, out, study.tasks()[0], polls=5)
    saved = checkpoint.read_bytes()
    run(study, out)
    checkpoint.write_bytes(saved)  # as if the process had ended between its last two steps
    assert run(study, out).skipped == 1
    assert not checkpoint.exists()


def test_arms_that_share_a_task_become_equally_long(tmp_path):
    """Arm "big" was brought to 8 by an older result; "small", which comes first, shares a point with it."""
    out = tmp_path / "out"
    big = toy.study(samples=2, sizes=(8, 16), last=8, arms=("big",)).arms["big"]
    small = toy.study(samples=2, sizes=(4, 8), last=2, arms=("small",)).arms["small"]
    run(Study("toy", "toy", {"big": dataclasses.replace(big, points=big.points[1:])}), out)
    both = Study("toy", "toy", {"small": small, "big": dataclasses.replace(big, last=2.0)})
    outcome = run(both, out)
    assert (outcome.exit_code, outcome.skipped, outcome.done) == (0, 2, 4)
    collection = collect_study(out)
    assert collection.missing == [] and collection.tasks == 8
    assert run(both, out).done == 0
