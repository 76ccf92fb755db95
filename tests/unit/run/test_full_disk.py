"""A disk that fills up: what was written before stays whole, the verdict is still said, and the text names the file."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stacks.lifecycle import disk_room
from stacks.lifecycle.reading import read_events, read_json
from stacks.lifecycle.records import REQUEST_COLUMNS, REQUESTS_FILE, RUN_FILE, Event, RecordError
from stacks.observe.row_file import RowFile
from stacks.run import parquet, run_directory, run_end
from stacks.run.run_directory import ROOM_FILE, PlannedRun

PLAN = {"users": 1, "duration_s": 2.0, "workers": 1, "respawns": 1, "start_limit_s": 1.0, "limit_s": 1.0}
ROW = "1\t1\t5\t200\t\t1\t7\t2\tGET\t/\n"


class Disk:
    """A layer below os.write: the write of number `last` still works, and those after it find a full disk."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, last: int, whole: bool = True) -> None:
        self.writes = 0
        real = os.write

        def write(fd: int, data: Any) -> int:
            self.writes += 1
            if self.writes <= last:
                return real(fd, data)
            if not whole and self.writes == last + 1:
                return real(fd, bytes(data)[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "write", write)


@pytest.fixture
def planned(tmp_path: Path) -> PlannedRun:
    directory = tmp_path / "run"
    directory.mkdir()
    run_directory.write_plan(directory, PLAN, {"scenario": "x.py"})
    return PlannedRun.read(directory, tmp_path)


def done(planned: PlannedRun) -> None:
    planned.record |= {"status": "done", "verdict": "recovers", "reason": "because it did"}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("last", range(8))
def test_a_write_that_fails_leaves_the_rows_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int, whole: bool
) -> None:
    file = RowFile(tmp_path / "events.jsonl")
    events = [Event(number, "observer", "heartbeat") for number in range(8)]
    with monkeypatch.context() as patch:
        Disk(patch, last, whole)
        for event in events:
            file.write(event.to_json().encode() + b"\n")
    file.close()
    assert list(read_events(tmp_path / "events.jsonl")) == events[:last]
    assert file.error is not None
    assert file.error.errno == errno.ENOSPC


def test_requests_that_cannot_become_parquet_stay_as_they_are(
    planned: PlannedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = planned.directory / "requests-7.tsv"
    text = "\t".join(REQUEST_COLUMNS) + "\n" + ROW * 3 + "# complete\n"
    part.write_text(text)

    def fail(_table: pa.Table, path: Path, **_options: Any) -> None:
        path.write_bytes(b"PAR1 and no end")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(pq, "write_table", fail)
        done(planned)
        run_end.write_files(planned, None)
    record = read_json(planned.directory / RUN_FILE)
    assert record["status"] == "failed"
    assert "requests.parquet: cannot be written (No space left on device); the rows are kept in" in record["error"]
    assert "Free 18 MiB" in record["error"]
    assert "The verdict was recovers: because it did" in record["error"]
    assert part.read_text() == text
    assert sorted(path.name for path in planned.directory.iterdir()) == [part.name, RUN_FILE]


def test_rows_that_locust_could_not_write_make_the_run_failed(planned: PlannedRun) -> None:
    part = planned.directory / "requests-7.tsv"
    part.write_text("\t".join(REQUEST_COLUMNS) + "\n" + ROW * 3 + ROW[:9])
    done(planned)
    load: Any = SimpleNamespace(pid=7, write_error=OSError(errno.ENOSPC, "No space left on device"))
    run_end.write_files(planned, None, None, load)
    record = read_json(planned.directory / RUN_FILE)
    assert record["status"] == "failed"
    assert f"{part}: cannot be written (No space left on device); the rows before are kept. Free" in record["error"]
    assert "The verdict was recovers" in record["error"]
    assert pq.read_table(planned.directory / REQUESTS_FILE).num_rows == 3


def test_a_fault_in_another_process_of_the_run_is_told(planned: PlannedRun) -> None:
    (planned.directory / "fault.txt").write_text("Traceback")
    done(planned)
    run_end.write_files(planned, None)
    record = read_json(planned.directory / RUN_FILE)
    assert (record["status"], record["verdict"]) == ("failed", "invalid")
    assert record["error"].startswith("a fault of the pack, please send ")
    assert "The verdict was recovers" in record["error"]


def test_a_part_with_a_row_that_is_none_stays(planned: PlannedRun) -> None:
    part = planned.directory / "requests-7.tsv"
    part.write_text("\t".join(REQUEST_COLUMNS) + "\n" + ROW + "1\tx\n" + "# complete\n")
    (planned.directory / "requests-8.tsv").write_text("\t".join(REQUEST_COLUMNS) + "\n" + ROW + "# complete\n")
    assert not parquet.write_requests(planned.directory)
    assert pq.read_table(planned.directory / REQUESTS_FILE).num_rows == 1
    assert part.exists()


def test_the_last_run_json_fits_into_the_room_that_was_kept(planned: PlannedRun) -> None:
    planned.reserve()
    assert (planned.directory / ROOM_FILE).stat().st_blocks * 512 >= run_directory.ROOM_BYTES
    planned.save()
    assert not (planned.directory / ROOM_FILE).exists()


def test_the_verdict_is_said_if_not_even_run_json_can_be_written(
    planned: PlannedRun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (planned.directory / RUN_FILE).read_bytes()

    def fail(*_arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "run.json")

    monkeypatch.setattr(run_directory, "write_json", fail)
    done(planned)
    run_end.write_files(planned, None)
    assert "The verdict is recovers: because it did" in capsys.readouterr().err
    assert (planned.directory / RUN_FILE).read_bytes() == before


def test_a_run_does_not_start_on_a_disk_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Small:
        f_bavail, f_frsize = 256, 4096

    monkeypatch.setattr(disk_room.os, "statvfs", lambda _path: Small)
    with pytest.raises(RecordError, match=r"may need 18 MiB, and the disk has 1 MiB free\. Free some room"):
        run_directory.write_plan(tmp_path, PLAN, {"scenario": "x.py"})
    assert not (tmp_path / RUN_FILE).exists()


@pytest.mark.parametrize(
    ("name", "advice"), [("run", "or name another disk with PACK_RESULTS=DIR, "), ("../x", "or name another file, ")]
)
def test_a_disk_that_may_not_be_written_is_told_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, advice: str
) -> None:
    """`judge` and `serve` said `[Errno 30] Read-only file system`."""
    monkeypatch.setattr(disk_room, "RESULTS", tmp_path / "results")
    path = os.path.normpath(tmp_path / "results" / name)
    text = disk_room.describe(OSError(errno.EROFS, "Read-only file system", path))
    assert text == f"{path}: cannot be written (Read-only file system). Make it writable, {advice}and repeat."


def test_a_fault_of_the_pack_is_none_of_the_stack(planned: PlannedRun) -> None:
    try:
        raise ValueError("two plus two")
    except ValueError as error:
        run_end.fail_with(planned.record, error, planned.directory)
    run_end.write_files(planned, None)
    record = json.loads((planned.directory / RUN_FILE).read_text())
    assert record["status"] == "failed"
    assert record["error"].startswith("a fault of the pack: ValueError (test_full_disk.py, line ")
    assert "two plus two, please send" in record["error"]
    assert "Traceback" in (planned.directory / "fault.txt").read_text()


def test_a_run_whose_observer_had_a_fault_was_not_killed(planned: PlannedRun) -> None:
    (planned.directory / "fault.txt").write_text("Traceback")
    run_end.record_killed_observer(planned.directory, "the observer was killed")
    assert "a fault of the pack, please send" in read_json(planned.directory / RUN_FILE)["error"]
