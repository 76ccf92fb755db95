"""The end of a recording: its runs get a verdict, and its page counts as made if it was replaced."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from stacks.lifecycle.reading import read_record
from stacks.lifecycle.records import RUN_FILE
from stacks.watch import finish
from stacks.watch.recorded_campaign import RecordedCampaign

AN_HOUR_NS = 3600 * 10**9


@pytest.mark.parametrize("has_page_before", [False, True])
@pytest.mark.parametrize("step_ns", [-AN_HOUR_NS, 0, AN_HOUR_NS])
def test_a_page_is_made_also_if_the_wall_clock_jumps_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step_ns: int, has_page_before: bool
) -> None:
    page = tmp_path / finish.PAGE_FILE
    if has_page_before:
        page.write_text("the former page")

    def make(_command: list[str], **_options: object) -> subprocess.CompletedProcess[bytes]:
        new = tmp_path / "new"
        new.write_text("the page")
        moment_ns = new.stat().st_mtime_ns + step_ns
        os.utime(new, ns=(moment_ns, moment_ns))
        new.replace(page)
        return subprocess.CompletedProcess([], 3, b"", b"")

    monkeypatch.setattr(finish.os, "nice", lambda _more: 0)
    monkeypatch.setattr(finish.subprocess, "run", make)
    assert finish.main(tmp_path, has_page=True) == 0


@pytest.mark.parametrize("has_page_before", [False, True])
def test_a_page_that_was_not_replaced_is_not_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], has_page_before: bool
) -> None:
    if has_page_before:
        (tmp_path / finish.PAGE_FILE).write_text("the former page")
    failed = subprocess.CompletedProcess([], 1, b"", b"the disk is full\n")
    monkeypatch.setattr(finish.os, "nice", lambda _more: 0)
    monkeypatch.setattr(finish.subprocess, "run", lambda *_words, **_options: failed)
    assert finish.main(tmp_path, has_page=True) == 1
    assert "its page cannot be made (the disk is full)" in capsys.readouterr().err


def test_a_run_whose_watcher_ended_before_the_first_row_gets_a_verdict(tmp_path: Path) -> None:
    """SIGTERM came between run.json and events.jsonl, and run.json said `running` for ever."""
    run = RecordedCampaign(tmp_path).new_run(os.getpid(), "app", 60.0)
    finish.finish_run(run)
    record = read_record(run / RUN_FILE)
    assert (record["status"], record["verdict"], record["counts"]["respawns"]) == ("done", "invalid", 0)
    assert record["load"]["begin_ns"] == record["load"]["end_ns"] == record["clock"]["monotonic_ns"]
