"""Executes the runs of one check: a configuration in, a measurement out."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks import catalogue
from stacks.check.failure_reasons import needs_pipe
from stacks.check.invocation import Invocation
from stacks.check.measurement import Measurement, read_log, read_measurement
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.recycling import MAX_REQUESTS
from stacks.console import interrupts
from stacks.lifecycle.text_files import write_text
from stacks.observe.collectors.log import READY_LINE
from stacks.run import run_command, run_directory, stop_signals, supervisor
from stacks.run.run_servers import RunServers

SCENARIO = catalogue.SCENARIOS / "check.py"
USERS = 8
WINDOW_S, REMEDY_WINDOW_S = 4.0, 2.0
LIMIT_S = 30.0  # for the respawns wanted: an app that takes 10 s to import manages a few
# W workers recycle about W times a second; 24 respawns miss a hang of every eighth respawn with 4 %.
RESPAWNS_A_WORKER, FEWEST_RESPAWNS, MOST_RESPAWNS = 5, 8, 24
REMEDY_RESPAWNS = 16  # a configuration is known to hang here; 16 miss a hang of every fourth respawn with 1 %
GRACE_S = 10.0  # the same as `docker stop`
UNTOLD_GRACE_S = 0.3  # where the check does not tell about the stop: healthy workers leave at once, their master later


@dataclass
class CheckRuns:
    """The runs of one check. Each has a directory of its own below `directory`."""

    invocation: Invocation
    neutral: NeutralConfiguration
    directory: Path
    url: str  # the path of the page that gets the load
    start_limit_s: float
    servers: RunServers | None = None  # they fork the runs
    fewest_respawns: int = FEWEST_RESPAWNS  # a known defect may hit only some of them
    _are_over: bool = False

    def measure(self) -> Measurement:
        """Run the configuration without a remedy, with a pipe for its log if the app fails with a socket."""
        measurement = self.run("theirs", self.neutral, self.invocation.uwsgi)
        if not needs_pipe(read_log(Path(measurement.directory))):
            return measurement
        self.neutral.set_option(
            "hook-accepting",
            f"exec:echo {READY_LINE} $PPID",
            "the app opens its standard output by path, so the log must be a pipe, and each worker must print its pid",
        )
        return self.run("theirs-piped", self.neutral, self.invocation.uwsgi, "pipe")

    def run(self, name: str, neutral: NeutralConfiguration, uwsgi: Path, log: str = "socket") -> Measurement:
        """Execute one run in which the load makes the workers leave. `log` is "socket" or "pipe"."""
        return read_measurement(self.execute(name, neutral, uwsgi, self.plan(log, is_remedy=False)))

    def execute(
        self,
        name: str,
        neutral: NeutralConfiguration,
        uwsgi: Path,
        plan: dict[str, Any],
        environment: Mapping[str, str] | None = None,
        on_line: Callable[[dict[str, Any]], None] | None = None,
    ) -> Path:
        """Execute one run with its own `plan`, in the directory `name` and in its own session. Return the directory.

        `environment` are further variables of its load. `on_line` is called with each line that the run prints.
        """
        directory = self.directory / name
        directory.mkdir()
        ini = directory / "effective.ini"
        write_text(ini, neutral.ini_text())
        paths = {"uwsgi": uwsgi, "ini": ini, "scenario": SCENARIO, "cwd": self.invocation.directory}
        run_directory.write_plan(directory, plan, paths)
        # Without bytecode, so that no files appear beside the user's modules that the user's own uWSGI does not write.
        variables = {**self.invocation.environment, "PACK_URL": self.url, "PYTHONDONTWRITEBYTECODE": "1"}
        variables |= environment or {}
        with (directory / "run.err").open("wb") as stderr:
            null, pipe = subprocess.DEVNULL, subprocess.PIPE
            running = run_command.running(
                directory, self.servers, stdin=null, stdout=pipe, stderr=stderr, env=variables
            )
            with running as process:
                if self._are_over:  # it has started since `end` looked
                    process.terminate()
                for line in process.stdout or ():
                    if on_line is not None:
                        on_line(json.loads(line))
        return directory

    @contextmanager
    def pool(self, at_once: int) -> Iterator[ThreadPoolExecutor]:
        """Give threads for `at_once` runs at the same time. An interrupt ends the runs, and is raised again."""
        with ThreadPoolExecutor(at_once) as pool:
            try:
                yield pool
            except KeyboardInterrupt:  # reaches only this thread; the pool waits for the threads of the runs
                interrupts.ignore()
                pool.shutdown(wait=False, cancel_futures=True)
                self._end()
                raise

    def _end(self) -> None:
        """End the runs that are under way in other threads, and let no further run go on."""
        self._are_over = True
        supervisor.sweep()

    def plan(self, log: str, *, is_remedy: bool) -> dict[str, Any]:
        """Return the numbers of a run at max-requests, as run.json has them."""
        respawns = min(max(RESPAWNS_A_WORKER * self.neutral.workers, FEWEST_RESPAWNS), MOST_RESPAWNS)
        respawns = max(respawns, self.fewest_respawns)
        start_limit_s = self.start_limit_s
        if is_remedy:  # the app is known to start within the limit, if one process imports it
            start_limit_s = run_directory.limit_at_once_s(start_limit_s, self.neutral.workers)
            respawns = max(min(respawns, REMEDY_RESPAWNS), self.fewest_respawns)
        return {
            "users": USERS,
            "duration_s": REMEDY_WINDOW_S if is_remedy else WINDOW_S,
            "workers": self.neutral.workers,
            "max_requests": MAX_REQUESTS,
            "respawns": respawns,
            "start_limit_s": start_limit_s,
            "limit_s": LIMIT_S + max(0, self.fewest_respawns - MOST_RESPAWNS) / self.neutral.workers,
            "grace_s": GRACE_S,
            "hung_grace_s": UNTOLD_GRACE_S if is_remedy else stop_signals.HUNG_S,
            "probe": self.url,
            "log": log,
            "ends_at_hang": is_remedy,  # then it does not help, and a trial of many others ends sooner
        }
