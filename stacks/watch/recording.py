"""Records watched uWSGIs as a campaign: each part of the time is a run, with run.json and events.jsonl.

So `analysis` and the notebooks read a day of production as they read a load test. The oldest runs are removed when all
runs together exceed the limit. A disk that is full is one sentence, and the watching goes on.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stacks.catalogue import ROOT
from stacks.catalogue.usage_error import UsageError
from stacks.lifecycle.records import RUN_FILE, Event
from stacks.watch.finish import NO_PAGE
from stacks.watch.recorded_campaign import RecordedCampaign
from stacks.watch.recorded_master import RecordedMaster

RUN_S = 6 * 3600.0  # a day becomes four runs: few enough to compare, and short enough to see an hour in a picture
RUNS_IN_LIMIT = 8  # a run is at most this part of the limit, so the removal of one leaves most of the time
LOCK_FILE = ".lock"
FINISH_LIMIT_S = 120.0  # for the verdict and the page of the last runs
RETRY_S = 60.0  # after the disk was full


class Recording:
    """Takes the rows of all watched masters. No method raises because of the disk: `say` gets one sentence."""

    def __init__(self, directory: Path, limit_bytes: int, say: Callable[[str], None]) -> None:
        """Raises UsageError if the directory cannot be written, or if another watcher records there."""
        self.directory = directory
        self.has_failed = False
        self._limit_bytes = limit_bytes
        self._say = say
        self._masters: dict[int, RecordedMaster] = {}
        self._finishers: list[subprocess.Popen[bytes]] = []
        self._retry_s = 0.0
        self._is_closing = False
        try:
            self._is_new = not directory.exists()
            directory.mkdir(parents=True, exist_ok=True)
            self._lock_fd = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise UsageError(f"RECORD={directory}: cannot be written ({error.strerror})") from None
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._campaign = RecordedCampaign(directory)
        except OSError as error:
            os.close(self._lock_fd)
            why = "another `watch` records there" if isinstance(error, BlockingIOError) else error.strerror
            raise UsageError(f"RECORD={directory}: cannot be used ({why})") from None
        for run in self._campaign.unfinished():  # of a watcher that was killed
            self._finish(run)

    def take_row(self, pid: int, row: Event) -> None:
        """Record a row of the master that had this pid when its watching began."""
        master = self._masters.get(pid)
        if master is None:
            master = self._masters[pid] = RecordedMaster(pid)
        try:
            if master.file is None and time.monotonic() >= self._retry_s:
                self._begin_run(master, row.t_ns)
            master.take(row)
            if row.kind == "heartbeat":
                self._look_after(master, row.t_ns)
        except OSError as error:
            self._fail(master, error)
        if row.kind == "ended":
            self._end_run(master)
            del self._masters[pid]

    def close(self) -> None:
        """End the runs, and wait until they have their verdicts and the recording has its page."""
        self._is_closing = True
        for master in self._masters.values():
            self._end_run(master)
        end_s = time.monotonic() + FINISH_LIMIT_S
        for process in self._finishers:
            wait_or_kill(process, max(0.0, end_s - time.monotonic()))
        try:
            for run in self._campaign.unfinished():  # somebody has killed the process that was to finish it
                self._run_finisher(run / RUN_FILE, wait=True)
            if self._campaign.runs():
                self._campaign.write("done")
                self._run_finisher(self.directory / RUN_FILE, wait=True)
            elif self._is_new:  # nothing could be watched, so nothing is left
                (self.directory / LOCK_FILE).unlink()
                self.directory.rmdir()
        except OSError as error:
            self._say(f"RECORD={self.directory}: its page cannot be written ({error.strerror}).")
        os.close(self._lock_fd)

    # -- runs -----------------------------------------------------------------------------------

    def _begin_run(self, master: RecordedMaster, t_ns: int) -> None:
        master.begin(self._campaign.new_run(master.pid, master.name, RUN_S), t_ns, RUN_S)
        if self.has_failed:
            self.has_failed = False
            self._say(f"RECORD={self.directory}: the recording goes on.")

    def _look_after(self, master: RecordedMaster, now_ns: int) -> None:
        """Write what is pending, and begin another run if this one is long enough."""
        if master.file is None:
            return
        master.flush()
        if master.file.size > self._limit_bytes / RUNS_IN_LIMIT or master.recorded_s > RUN_S:
            self._end_run(master)
            self._begin_run(master, now_ns)
            self._campaign.remove_oldest(self._limit_bytes, [one.run for one in self._masters.values() if one.run])
        self._finishers = [process for process in self._finishers if process.poll() is None]

    def _end_run(self, master: RecordedMaster) -> None:
        run = master.end()
        if run is not None:
            self._finish(run)

    def _fail(self, master: RecordedMaster, error: OSError) -> None:
        self._retry_s = time.monotonic() + RETRY_S
        self._end_run(master)
        if not self.has_failed:
            self.has_failed = True
            self._say(
                f"RECORD={self.directory}: rows cannot be written ({error.strerror}). The watching goes on, "
                f"and the recording tries again every {RETRY_S:.0f} s."
            )

    def _finish(self, run: Path) -> None:
        try:
            self._run_finisher(run / RUN_FILE)
        except OSError as error:
            self._say(f"RECORD={self.directory}: a run stays without a verdict ({error.strerror}).")

    def _run_finisher(self, path: Path, *, wait: bool = False) -> None:
        """Let another process give a run its verdict and make the page: both need libraries of a hundred megabytes."""
        words = [] if wait or not self._is_closing else [NO_PAGE]  # the last one makes the page
        process = subprocess.Popen(
            [sys.executable, "-m", "stacks.watch.finish", str(path.parent), *words],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C is for the watcher, which waits for this process
        )
        if wait:
            wait_or_kill(process, FINISH_LIMIT_S)
        else:
            self._finishers.append(process)


def wait_or_kill(process: subprocess.Popen[bytes], limit_s: float) -> None:
    """Wait until a process has ended, and kill it after `limit_s`."""
    try:
        process.wait(limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
