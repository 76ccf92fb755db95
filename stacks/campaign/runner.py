"""Carries out the runs of a campaign: each load in a lane, the next run started early, and an end for every run."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path
from typing import Any

from stacks.campaign.campaign import Campaign
from stacks.campaign.lanes import Lanes, lane_count
from stacks.campaign.run_start import start_run
from stacks.campaign.view import View
from stacks.console import interrupts
from stacks.lifecycle import pack_fault
from stacks.lifecycle.reading import read_record
from stacks.lifecycle.records import RUN_FILE, RecordError, write_json
from stacks.observe.memory_kills import MemoryKills
from stacks.run import private_directory, run_command, supervisor
from stacks.run.run_process import ERROR_FILE, RunProcess

POLL_S = 0.03
INTERRUPTED = {"status": "interrupted", "error": "interrupted before its verdict"}  # in run.json


def carry_out(campaign: Campaign, view: View) -> int:
    """Carry out the runs of a campaign that was prepared. Return 0 if every run was measured, otherwise 1."""
    Runner(campaign, view).run()
    return 0 if campaign.was_measured() else 1


class Runner:
    """Carries out `campaign.runs`, and keeps `active`, `done` and `status` of the campaign up to date."""

    def __init__(self, campaign: Campaign, view: View) -> None:
        self.campaign = campaign
        self.view = view
        self._is_interrupted = False
        self._kills = MemoryKills()
        alone = {index for index, cell in enumerate(campaign.cells) if cell.stack.name in campaign.plan.alone}
        campaign.extra["lanes"] = lane_count(campaign)
        self._lanes = Lanes(campaign.extra["lanes"], frozenset(alone))

    def run(self) -> None:
        """Carry out all runs. SIGINT, SIGTERM and SIGHUP end the active ones; what they have recorded stays."""
        campaign = self.campaign
        supervisor.become_subreaper()
        campaign.status = "interrupted"
        interrupts.catch()
        try:
            for number in range(len(campaign.runs)):
                while not self._lanes.has_room(campaign.active, campaign.runs[number][0]):
                    self.step()
                campaign.active.append(start_run(campaign, number))
            while campaign.active:
                self.step()
            campaign.status = "done"
        except KeyboardInterrupt:
            self._interrupt()
        finally:
            supervisor.sweep(spared=campaign.servers.pids if campaign.servers is not None else ())
            private_directory.remove_stale()
            if campaign.status == "interrupted":
                self._record_interrupted_runs()
            campaign.write()

    def step(self) -> None:
        """Wait a moment, read what the active runs have printed, and let a waiting run begin its load if it may."""
        time.sleep(POLL_S)
        active = self.campaign.active
        for run in list(active):
            run.read_lines()
            if run.has_ended:
                run.read_lines()
                active.remove(run)
                self._record_end(run)
        for run in self._lanes.next_turns(active):
            run.give_turn()
        self.view.update(self.campaign)

    def _record_end(self, run: RunProcess) -> None:
        for pipe in (run.process.stdin, run.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        run_command.await_orphaned_observer(run.process, run.directory)
        errors = run.directory / ERROR_FILE
        if errors.exists() and errors.stat().st_size == 0:
            errors.unlink()
        try:
            record = read_record(run.directory / RUN_FILE, "status")
        except RecordError as error:  # the file stays as it is
            record = {"run_id": run.directory.name, "status": "failed", "error": str(error), "verdict": None}
        is_interrupted = self._is_interrupted or run.process.returncode == supervisor.EXIT_INTERRUPTED
        if record["status"] == "running" and is_interrupted:
            record |= INTERRUPTED
            self._write(run.directory / RUN_FILE, record)
        elif record["status"] == "running":  # it was killed, or the pack itself has an error
            record |= {"status": "failed", "error": _why_it_ended(errors, self._kills)}
            self._write(run.directory / RUN_FILE, record)
        self.campaign.done.append((run.index, record))
        self.campaign.last_end_s = time.monotonic()
        self.view.run_ended(self.campaign, run.index, record)

    def _interrupt(self) -> None:
        """Ask the active runs to end, and wait for them."""
        interrupts.ignore()
        self._is_interrupted = True
        for run in self.campaign.active:
            supervisor.kill(run.process.pid, signal.SIGTERM)
        end_s = time.monotonic() + supervisor.ASK_LIMIT_S
        while self.campaign.active and time.monotonic() < end_s:
            self.step()

    def _record_interrupted_runs(self) -> None:
        """Let run.json of a run say that it was interrupted if the run itself was ended before it could write that."""
        for run in list(self.campaign.active):
            self.campaign.active.remove(run)
            self._record_end(run)
        for file in self.campaign.directory.glob(f"*/{RUN_FILE}"):
            with contextlib.suppress(RecordError):  # a file that cannot be read stays as it is
                record = read_record(file, "status")
                if record["status"] == "running":
                    self._write(file, record | INTERRUPTED)

    @staticmethod
    def _write(path: Path, record: dict[str, Any]) -> None:
        """Replace run.json. A full disk does not end the campaign: the record in memory says how the run ended."""
        with contextlib.suppress(OSError):
            write_json(path, record)


def _why_it_ended(errors: Path, kills: MemoryKills) -> str:
    """Say why a run ended without a word in run.json. `errors` is what it has written to stderr."""
    text = errors.read_text(errors="replace").strip() if errors.exists() else ""
    last = text.rpartition("\n")[2]
    if not text:
        return f"the run was killed; {kills.cause()}"
    if pack_fault.is_told(last) or "Traceback" not in text:
        return last
    return f"a fault of the pack: the run ended with an error of its own, please send {errors}"
