"""`judge`: one run of a stack with any uwsgi binary, for `git bisect run`.

It exits with 0 (good), 1 (bad) or 125 (cannot tell).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from stacks.campaign.bisect import RULED_OUT
from stacks.campaign.bisect_steps import judgement
from stacks.campaign.plan import make_plan, run_plan
from stacks.campaign.plan_options import PlanOptions
from stacks.campaign.version_search import BAD, GOOD
from stacks.catalogue import APPS, UsageError, load
from stacks.check.invocation import CannotCheck, find_uwsgi
from stacks.lifecycle import disk_room
from stacks.lifecycle.reading import read_json
from stacks.lifecycle.records import RUN_FILE
from stacks.run import killed_command, run_command, run_directory, supervisor
from stacks.run.run_directory import OVERTIME_LIMIT_S, START_LIMIT_S

EXIT_CODES = {GOOD: 0, BAD: 1}
CANNOT_TELL = 125  # `git bisect run` skips a commit with this exit code


def main(options: argparse.Namespace) -> int:
    """Run the stack, print the judgement, and return git's exit code for it. An error is no judgement.

    An interrupt ends the search of `git bisect run`: the exit code is supervisor.EXIT_INTERRUPTED.
    """
    return killed_command.guarded(partial(_judge, options), "cannot tell: the judge was killed", CANNOT_TELL)


def _judge(options: argparse.Namespace, private: Path) -> int:
    try:
        record = run(options, private)
    except (CannotCheck, UsageError, OSError) as error:
        print(f"cannot tell: {disk_room.describe(error)}", file=sys.stderr)
        return CANNOT_TELL
    except KeyboardInterrupt:
        print("judge: interrupted", file=sys.stderr)
        return supervisor.EXIT_INTERRUPTED
    word = judgement(record)
    print(f"{word}: {record['verdict'] or record['status']}; {record['error'] or record['reason']}")
    if record["evidence"]:
        print(f"evidence: {record['evidence']}")
    return EXIT_CODES.get(word, CANNOT_TELL)


def run(options: argparse.Namespace, private: Path) -> dict[str, Any]:
    """Run `options.stack` once with the binary `options.uwsgi`. Returns the content of run.json.

    The guard finds the name of its directory in `private`.

    Raises CannotCheck, UsageError and OSError.
    """
    uwsgi = find_uwsgi(options.uwsgi)
    catalogue = load()
    any_version = next(iter(catalogue.versions))
    plan_options = PlanOptions(stack=options.stack, version=any_version, trials=1, confidence=RULED_OUT)
    plan, (cell, *_), scenario = make_plan(catalogue, plan_options)
    directory = run_directory.make_directory("judge")
    killed_command.note_directory(private, directory)
    python = uwsgi.parent / "python"
    paths = {
        "uwsgi": uwsgi,
        "python": python if python.exists() else uwsgi,  # becomes binary-path: a standalone binary is its own
        "ini": cell.stack.path,
        "app": APPS / cell.stack.app,
        "scenario": scenario,
    }
    limits = {"start_limit_s": START_LIMIT_S, "limit_s": OVERTIME_LIMIT_S + plan.duration_s, "patient": False}
    numbers = run_plan(plan, plan_options, cell.stack) | limits
    run_directory.write_plan(directory, numbers, paths, stack=cell.stack.name)
    with run_command.running(directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL):
        pass
    return read_json(directory / RUN_FILE)
