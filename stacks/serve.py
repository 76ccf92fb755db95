"""`serve`: one stack for a load from outside, Locust's web UI, from its environment to its results.

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
from typing import Any

from stacks import catalogue, supervisor
from stacks.campaign import Campaign
from stacks.plan import Asked, plan
from stacks.records import RecordError

EXIT_OK, EXIT_NOT_MEASURED, EXIT_USAGE = 0, 1, 2
LONGEST_S = 86_400.0  # somebody has left the UI open over night


def say(phase: str, **more: object) -> None:
    """One line for the UI, which may have gone."""
    with contextlib.suppress(BrokenPipeError):
        print(json.dumps({"phase": phase, **more}), flush=True)


class Lines:
    """The view of a campaign that says each phase once."""

    def __init__(self) -> None:
        self._said = ""
        self.record: dict[str, Any] = {}

    def update(self, campaign: Campaign) -> None:
        """Say a phase that has begun."""
        for active in campaign.active:
            # `done` is said with its verdict, when that has been read.
            if active.phase not in (self._said, "done"):
                self._said = active.phase
                say(active.phase, directory=str(active.directory), port=active.port)

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
    kept = ("verdict", "reason", "evidence")
    say("written", directory=str(campaign.directory / record["run_id"]), **{name: record[name] for name in kept})
    return code


def main(options: argparse.Namespace) -> int:
    """Exit codes: 0 measured, 1 could not measure, 2 usage."""

    def run() -> int:
        def interrupt(_number: int, _frame: object) -> None:
            raise KeyboardInterrupt

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, interrupt)
        try:
            return serve(options)
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
