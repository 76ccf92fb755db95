"""A recording: runs that the analysis reads, within a limit, and one sentence when the disk is full."""

from __future__ import annotations

import json
import os
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from stacks.catalogue import ROOT
from stacks.catalogue.usage_error import UsageError
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.reading import read_events
from stacks.lifecycle.records import Event
from stacks.lifecycle.verdict import judge
from stacks.watch import recorded_campaign
from stacks.watch import recording as recording_module
from stacks.watch.carried_rows import MOST_LOOKS, CarriedRows
from stacks.watch.finish import cut_partial_line, finish_run
from stacks.watch.recording import Recording

GOLDEN = ROOT / "tests/data/runs"
PID = 4242
LARGE = 1 << 30


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Finish runs in this process and make no page: that takes another process seconds."""
    runs: list[Path] = []

    def finish(_recording: Recording, path: Path, *, wait: bool = False) -> None:
        if not path.exists():  # the page
            return
        finish_run(path.parent)
        runs.append(path.parent)

    monkeypatch.setattr(Recording, "_run_finisher", finish)
    return runs


def golden(name: str) -> list[Event]:
    """The rows of a golden run before its end, without those that only a run with a load has."""
    rows = takewhile(lambda row: row.kind != "stop", read_events(GOLDEN / name / "events.jsonl"))
    return [row for row in rows if row.kind not in ("verdict", "losses", "load_end", "asked")]


def name_of(verdict: str) -> str:
    for path in sorted(GOLDEN.glob("*/run.json")):
        if json.loads(path.read_text())["verdict"] == verdict:
            return path.parent.name
    raise AssertionError(verdict)


def run_of(directory: Path) -> dict[str, Any]:
    return dict(json.loads((directory / "run.json").read_text()))


@pytest.mark.parametrize("verdict", ["hung_worker", "recovers"])
def test_a_recorded_run_has_the_verdict_of_its_rows(tmp_path: Path, finished: list[Path], verdict: str) -> None:
    recording = Recording(tmp_path / "r", LARGE, print)
    for row in golden(name_of(verdict)):
        recording.take_row(PID, row)
    recording.close()
    (run,) = finished
    record = run_of(run)
    assert (record["status"], record["verdict"]) == ("done", verdict)
    assert record["load"]["window_s"] > 0
    assert {path.name for path in run.iterdir()} == {"run.json", "events.jsonl", "requests.parquet", "samples.parquet"}
    campaign = json.loads((tmp_path / "r/campaign.json").read_text())
    assert (campaign["kind"], campaign["status"]) == ("watch", "done")
    assert [cell["runs"] for cell in campaign["cells"]] == [[run.name]]


def test_a_worker_that_hangs_still_does_in_the_next_run_and_no_respawn_counts_twice() -> None:
    rows = golden(name_of("hung_worker"))
    whole, carried = Lifecycle(), CarriedRows()
    for row in rows:
        whole.feed(row)
        carried.take(row)
    kept = list(carried.rows())
    assert len(kept) < len(rows)
    later = Lifecycle()
    for row in kept:
        later.feed(row)
    later.now_ns = whole.now_ns
    judgement = judge(later, 1, finished=True)
    assert judgement.verdict == "hung_worker"
    assert judgement.respawns == 0
    assert judgement.hung_initial == judge(whole, 1, finished=True).hung + judge(whole, 1, finished=True).hung_initial


def test_the_rows_of_a_worker_are_few_however_long_it_lives_and_none_when_it_has_ended() -> None:
    carried = CarriedRows()
    carried.take(Event(1, "children", "master", 1))
    carried.take(Event(2, "children", "respawned", 5, 1))
    for t_ns in range(3, 5000):
        carried.take(Event(t_ns, "closer", "state", 5))
    kept = list(carried.rows())
    assert [row.kind for row in kept[:2]] == ["master", "spawned"]
    assert len(kept) == 2 + MOST_LOOKS
    assert (kept[2].t_ns, kept[-1].t_ns) == (3, 4999)
    carried.take(Event(5001, "exits", "exited", 5))
    assert [row.kind for row in carried.rows()] == ["master"]


def test_a_recording_stays_within_its_limit_and_keeps_the_newest_run(
    tmp_path: Path, finished: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stacks.watch.recorded_campaign.time.strftime", lambda *_: "20261128-000000")
    limit = 40_000
    recording = Recording(tmp_path / "r", limit, print)
    (tmp_path / "r/mine.txt").write_text("a file of the user")
    (tmp_path / "r/watch-of-mine").mkdir()
    for _ in range(1, 4000):
        recording.take_row(PID, Event(time.monotonic_ns(), "observer", "heartbeat"))
    recording.close()
    runs = sorted(path for path in (tmp_path / "r").iterdir() if (path / "run.json").exists())
    assert len(finished) > len(runs) > 2
    assert sum(path.stat().st_size for run in runs for path in run.iterdir()) < limit * 1.3
    campaign = json.loads((tmp_path / "r/campaign.json").read_text())
    assert sorted(campaign["cells"][0]["runs"]) == [run.name for run in runs]
    assert finished[-1] in runs
    assert (tmp_path / "r/mine.txt").exists()
    assert (tmp_path / "r/watch-of-mine").exists()


def test_the_newest_run_stays_if_the_wall_clock_jumps_back(
    tmp_path: Path, finished: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names of runs have the wall clock, and the oldest runs are removed: by the name it was the newest one."""
    stamps = iter(["20261128-120000"] * 4 + ["20261128-110000"] * 4000)
    monkeypatch.setattr("stacks.watch.recorded_campaign.time.strftime", lambda *_: next(stamps))
    for _ in range(2):  # also after another start of the watcher
        recording = Recording(tmp_path / "r", 40_000, print)
        for _ in range(1000):
            recording.take_row(PID, Event(time.monotonic_ns(), "observer", "heartbeat"))
        recording.close()
        assert finished[-1].exists()
        assert [run for run in finished if run.exists()] == recorded_campaign.RecordedCampaign(tmp_path / "r").runs()
    assert finished[-1].name.startswith("watch-20261128-120000-")
    assert not finished[0].exists()


@contextmanager
def full_disk(free: int) -> Iterator[None]:
    """Let files of this process grow to `free` bytes only: a longer write is cut, and the next one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_one_sentence_and_the_recording_goes_on_when_there_is_room(
    tmp_path: Path, finished: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    recording = Recording(tmp_path / "r", LARGE, said.append)
    rows = iter(Event(time.monotonic_ns(), "observer", "heartbeat") for _ in range(10_000))

    def take(count: int) -> None:
        for _ in range(count):
            recording.take_row(PID, next(rows))

    take(1)
    with full_disk(4000):
        take(300)
    assert len(said) == 1
    assert "rows cannot be written" in said[0]
    assert "The watching goes on" in said[0]
    assert recording.has_failed
    take(10)  # it waits before it tries again
    assert len(said) == 1
    now_s = time.monotonic()
    monkeypatch.setattr(recording_module.time, "monotonic", lambda: now_s + recording_module.RETRY_S)
    take(10)
    assert said[1:] == [f"RECORD={tmp_path / 'r'}: the recording goes on."]
    assert not recording.has_failed
    recording.close()
    assert len(finished) == 2
    for run in finished:
        assert list(read_events(run / "events.jsonl"))
        assert run_of(run)["status"] == "done"


def test_a_small_disk_is_used_as_far_as_it_goes(
    tmp_path: Path, finished: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load test does not start without room for its rows; a recording has a limit of its own."""
    little = os.statvfs_result((4096, 4096, 100, 50, 50, 100, 50, 50, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda _path: little)
    recording = Recording(tmp_path / "r", LARGE, print)
    recording.take_row(PID, Event(time.monotonic_ns(), "observer", "heartbeat"))
    assert not recording.has_failed
    recording.close()
    assert [run_of(run)["status"] for run in finished] == ["done"]


def test_a_directory_that_cannot_be_used_is_a_usage_error(tmp_path: Path, finished: list[Path]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        Recording(tmp_path / "file", LARGE, print)
    first = Recording(tmp_path / "r", LARGE, print)
    with pytest.raises(UsageError, match="another `watch` records there"):
        Recording(tmp_path / "r", LARGE, print)
    first.close()
    Recording(tmp_path / "r", LARGE, print).close()
    assert finished == []


def test_a_recording_without_a_row_leaves_nothing(tmp_path: Path, finished: list[Path]) -> None:
    Recording(tmp_path / "r", LARGE, print).close()
    (tmp_path / "mine").mkdir()
    Recording(tmp_path / "mine", LARGE, print).close()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert finished == []


def test_the_runs_of_a_watcher_that_was_killed_get_their_verdict_later(tmp_path: Path, finished: list[Path]) -> None:
    killed = Recording(tmp_path / "r", LARGE, print)
    for row in golden(name_of("recovers")):
        killed.take_row(PID, row)
    (run,) = [path for path in (tmp_path / "r").iterdir() if path.is_dir()]
    events = run / "events.jsonl"
    with events.open("ab") as file:
        file.write(b'{"t_ns": 5, "sour')
    os.close(killed._lock_fd)
    assert run_of(run)["status"] == "running"
    later = Recording(tmp_path / "r", LARGE, print)
    assert finished == [run]
    assert (run_of(run)["status"], run_of(run)["verdict"]) == ("done", "recovers")
    later.close()
    cut_partial_line(events)
    assert events.read_bytes().endswith(b"\n")


def test_a_run_whose_finisher_was_killed_gets_its_verdict_when_the_watching_ends(
    tmp_path: Path, finished: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = Recording._run_finisher

    def finish_at_the_end(recording: Recording, path: Path, *, wait: bool = False) -> None:
        if wait:
            finish(recording, path, wait=wait)

    monkeypatch.setattr(Recording, "_run_finisher", finish_at_the_end)
    recording = Recording(tmp_path / "r", LARGE, print)
    for row in golden(name_of("recovers")):
        recording.take_row(PID, row)
    recording.close()
    (run,) = finished
    assert (run_of(run)["status"], run_of(run)["verdict"]) == ("done", "recovers")
