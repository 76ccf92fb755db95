"""`judge`: one run of a stack with any uwsgi binary, for `git bisect run`: 0 good, 1 bad, 125 cannot tell."""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Any

from stacks import catalogue
from stacks.campaign.bisect import BAD, GOOD, RULED_OUT, judgement
from stacks.campaign.plan import Asked, plan, run_plan
from stacks.catalogue import APPS, ROOT
from stacks.check.invocation import CannotCheck, find_uwsgi
from stacks.lifecycle.records import RUN_FILE, read_json
from stacks.run import run_directory
from stacks.run.run import LIMIT_S, START_LIMIT_S

EXIT = {GOOD: 0, BAD: 1}
CANNOT_TELL = 125  # what `git bisect run` takes for skip


def main(options: argparse.Namespace) -> int:
    """Run, say what came out, and turn it into git's exit codes; whatever goes wrong is no judgement."""
    try:
        record = run(options)
    except (CannotCheck, catalogue.UsageError, OSError) as error:
        print(f"cannot tell: {error}", file=sys.stderr)
        return CANNOT_TELL
    word = judgement(record)
    print(f"{word}: {record['verdict'] or record['status']}; {record['error'] or record['reason']}")
    if record["evidence"]:
        print(f"evidence: {record['evidence']}")
    return EXIT.get(word, CANNOT_TELL)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """The record of a run of the stack with that binary."""
    uwsgi = find_uwsgi(options.uwsgi)
    known = catalogue.load()
    asked = Asked(stack=options.stack, version=next(iter(known.versions)), trials=1, confidence=RULED_OUT)
    made, (cell, *_), scenario = plan(known, asked)
    directory = run_directory.new_directory("judge")
    python = uwsgi.parent / "python"
    paths = {
        "uwsgi": uwsgi,
        "python": python if python.exists() else uwsgi,  # binary-path: a standalone binary is its own
        "ini": cell.stack.path,
        "app": APPS / cell.stack.app,
        "scenario": scenario,
    }
    numbers = {"start_limit_s": START_LIMIT_S, "limit_s": LIMIT_S + made.duration_s, "patient": False}
    run_directory.plan_run(directory, run_plan(made, asked, cell.stack) | numbers, paths, stack=cell.stack.name)
    subprocess.run(
        [sys.executable, "-m", "stacks", "run", str(directory)], stdout=subprocess.DEVNULL, cwd=ROOT, check=False
    )
    return read_json(directory / RUN_FILE)
