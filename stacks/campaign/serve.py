"""`serve`: one stack for a load from outside, Locust's web UI, from its environment to its results.

Or one that somebody else runs (--url), which is only watched (--pid), and of which the results are a single run.

It says JSON lines: `phase` (preparing, then those of the run, at last `written` or `failed`) and what is known by
then. Its stdin is the run's, which takes the lines that `outside` knows. SIGTERM ends it, and everything below it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stacks import catalogue
from stacks.campaign.campaign import Campaign
from stacks.campaign.plan import Asked, plan
from stacks.lifecycle.records import RUN_FILE, RecordError, read_json
from stacks.observe import host, proc
from stacks.run import run_directory, supervisor
from stacks.run.run import LIMIT_S, START_LIMIT_S

EXIT_OK, EXIT_NOT_MEASURED, EXIT_USAGE = 0, 1, 2
LONGEST_S = 86_400.0  # somebody has left the UI open over night
KEPT = ("verdict", "reason", "evidence")


def say(phase: str, **more: object) -> None:
    """One line for the UI, which may have gone."""
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps({"phase": phase, **more}), flush=True)


class Lines:
    """The view of a campaign that says what is new: its phase, and the verdict so far."""

    def __init__(self) -> None:
        self._said: tuple[str, dict[str, Any]] = ("", {})
        self.record: dict[str, Any] = {}

    def update(self, campaign: Campaign) -> None:
        """Say it."""
        for active in campaign.active:
            now = (active.phase, active.judged)
            # `done` is said with its verdict, when that has been read.
            if now != self._said and active.phase != "done":
                self._said = now
                say(active.phase, directory=str(active.directory), port=active.port, **active.judged)

    def finished(self, _campaign: Campaign, _index: int, record: dict[str, Any]) -> None:
        """Keep the verdict."""
        self.record = record


def serve(options: argparse.Namespace) -> int:
    """Make the environment, run, write the results. Raises UsageError, RecordError and OSError."""
    asked = Asked(
        stack=options.stack,
        version=options.version,
        scenario=options.scenario,
        trials=1,
        users=options.users,
        workers=options.workers,
        max_requests=options.max_requests,
        threads=options.threads,
    )
    made, cells, scenario = plan(catalogue.load(), asked)
    if len(cells) != 1:
        raise catalogue.UsageError(f"{options.version}: name one version by its id; there are several with this pin")
    say("preparing")
    campaign = Campaign(replace(made, duration_s=LONGEST_S), asked, cells, scenario, external=options.locust)
    campaign.prepare()
    if campaign.not_tested:
        say("failed", error=campaign.not_tested[0])
        return EXIT_NOT_MEASURED
    lines = Lines()
    code = campaign.run(lines)
    record = lines.record
    if record.get("status") != "done":
        say("failed", error=record.get("error") or "interrupted before its verdict", directory=str(campaign.directory))
        return EXIT_NOT_MEASURED
    # The table is for whoever looks at the terminal; what the UI reads is ours.
    summary = [sys.executable, "-m", "analysis", "summary", str(campaign.directory)]
    subprocess.run(summary, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    say("written", directory=str(campaign.directory / record["run_id"]), **{name: record[name] for name in KEPT})
    return code


def attach(options: argparse.Namespace) -> int:
    """Watch a stack that is there already. Raises UsageError and OSError."""
    address = urlsplit(options.url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise catalogue.UsageError(f"{options.url}: name the stack like http://HOST:PORT")
    if options.pid and not proc.is_alive(options.pid):
        raise catalogue.UsageError(f"there is no process {options.pid}: name the uWSGI master that runs now")
    known = catalogue.load()
    directory = run_directory.new_directory("attached")
    directory.chmod(0o755)
    plan = {"users": options.users, "duration_s": LONGEST_S, "workers": 0, "respawns": known.plan.respawns}
    plan |= {"start_limit_s": START_LIMIT_S, "limit_s": LIMIT_S, "external": options.locust, "gated": True}
    port = address.port or (443 if address.scheme == "https" else 80)
    run_directory.plan_run(
        directory,
        plan | {"attached": {"pid": options.pid, "port": port}},
        {"scenario": options.scenario},
        url=options.url,
        scenario=Path(options.scenario).stem,
        git=host.git(catalogue.ROOT),
    )
    command = [sys.executable, "-m", "stacks", "run", str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=catalogue.ROOT) as process:
        said: dict[str, Any] = {}
        for line in process.stdout or ():
            row = json.loads(line)
            new = {"phase": row["phase"]} | {name: row[name] for name in KEPT if name in row}
            if new != said and row["phase"] != "done":
                said = new
                say(directory=str(directory), port=port, **new)
    record = read_json(directory / RUN_FILE)
    if record["status"] != "done":
        say("failed", error=record.get("error") or "interrupted before its verdict", directory=str(directory))
        return EXIT_NOT_MEASURED
    say("written", directory=str(directory), **{name: record[name] for name in KEPT})
    return EXIT_OK


def main(options: argparse.Namespace) -> int:
    """Exit codes: 0 measured, 1 could not measure, 2 usage."""

    def run() -> int:
        def interrupt(_number: int, _frame: object) -> None:
            raise KeyboardInterrupt

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, interrupt)
        try:
            return attach(options) if options.url else serve(options)
        except catalogue.UsageError as error:
            say("failed", error=str(error))
            return EXIT_USAGE
        except (RecordError, OSError) as error:
            say("failed", error=str(error))
            return EXIT_NOT_MEASURED
        except KeyboardInterrupt:
            say("failed", error="interrupted")
            return EXIT_NOT_MEASURED
        finally:
            supervisor.sweep()

    return supervisor.guarded(run)
