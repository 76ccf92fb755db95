"""`serve`: one run under a load from outside, the web UI's Locust, from the environment to the results.

The run is with one of the pack's stacks, or with a uWSGI that the user has started (--url: see `attach`). This process
prints the lines of `ui_lines`. The run inherits stdin, on which the UI sends the lines of `external_load`. SIGTERM ends
this process and everything below it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from stacks.campaign.attach import attach
from stacks.campaign.campaign import Campaign
from stacks.campaign.plan import make_plan
from stacks.campaign.plan_options import PlanOptions
from stacks.campaign.runner import carry_out
from stacks.campaign.ui_lines import JUDGEMENT_KEYS, LineView, known_causes, print_line
from stacks.catalogue import ROOT, UsageError, load
from stacks.lifecycle import disk_room, pack_fault
from stacks.lifecycle.reading import read_json
from stacks.lifecycle.records import RUN_FILE, RecordError
from stacks.observe.memory_kills import MemoryKills
from stacks.run import supervisor

EXIT_OK, EXIT_NOT_MEASURED, EXIT_USAGE = 0, 1, 2
LONGEST_S = 86_400.0  # a user may leave the UI open over night


def main(options: argparse.Namespace) -> int:
    """Returns 0 if the run was measured, 1 if it could not be measured, 2 for a usage error."""

    def run() -> int:
        try:
            return _serve_attached(options) if options.url else _serve_stack(options)
        except UsageError as error:
            print_line("failed", error=str(error))
            return EXIT_USAGE
        except (RecordError, OSError) as error:
            print_line("failed", error=disk_room.describe(error))
            return EXIT_NOT_MEASURED
        except KeyboardInterrupt:
            print_line("failed", error="interrupted")
            return EXIT_NOT_MEASURED
        except Exception as error:
            print_line("failed", error=pack_fault.report(error))
            return EXIT_NOT_MEASURED

    def tell_kill(kills: MemoryKills) -> None:
        print_line("failed", error=f"it was killed; {kills.cause()}")

    return supervisor.guarded(run, after_kill=tell_kill)


def _serve_stack(options: argparse.Namespace) -> int:
    """Make the environment, run, and write the results. Returns the exit code.

    Raises UsageError, RecordError and OSError.
    """
    plan_options = PlanOptions(
        stack=options.stack,
        version=options.version,
        scenario=options.scenario,
        trials=1,
        users=options.users,
        workers=options.workers,
        max_requests=options.max_requests,
        threads=options.threads,
    )
    plan, cells, scenario = make_plan(load(), plan_options)
    if len(cells) != 1:
        raise UsageError(f"{options.version}: name one version by its id; there are several with this pin")
    print_line("preparing", expected=cells[0].expected, helps=known_causes(cells[0]))
    plan = replace(plan, duration_s=LONGEST_S)
    campaign = Campaign(plan, plan_options, cells, scenario, external=options.locust, address=options.address)
    campaign.prepare()
    if campaign.not_tested:
        print_line("failed", error=campaign.not_tested[0])
        return EXIT_NOT_MEASURED
    view = LineView()
    code = carry_out(campaign, view)
    if not _is_measured(view.record, campaign.directory):
        return EXIT_NOT_MEASURED
    # The summary's table is for the terminal. Our stdout is for the UI, so the table goes to stderr.
    summary = [sys.executable, "-m", "analysis", "summary", str(campaign.directory)]
    subprocess.run(summary, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    _print_written(view.record, campaign.directory / view.record["run_id"])
    return code


def _serve_attached(options: argparse.Namespace) -> int:
    """Run with the uWSGI at `options.url`. Raises UsageError, RecordError and OSError."""
    directory = attach(options, LONGEST_S)
    record = read_json(directory / RUN_FILE)
    if not _is_measured(record, directory):
        return EXIT_NOT_MEASURED
    _print_written(record, directory)
    return EXIT_OK


def _is_measured(record: dict[str, Any], directory: Path) -> bool:
    """Return True if the run has its verdict. If not, tell the UI why, and where the files are."""
    is_done = record.get("status") == "done"
    if not is_done:
        error = record.get("error") or "interrupted before its verdict"
        print_line("failed", error=error, directory=str(directory))
    return is_done


def _print_written(record: dict[str, Any], directory: Path) -> None:
    print_line("written", directory=str(directory), **{name: record[name] for name in JUDGEMENT_KEYS})
