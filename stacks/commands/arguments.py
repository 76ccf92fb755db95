"""The command line of `python -m stacks`: every command and its options."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from stacks.campaign.plan_options import PlanOptions


class Parser(argparse.ArgumentParser):
    """Says what is wrong without a page of what would be right; `--help` has that."""

    def error(self, message: str) -> NoReturn:
        """Exit code 2."""
        self.exit(2, f"{self.prog}: {message}\n")


def parser(description: str | None) -> argparse.ArgumentParser:
    """All of it."""
    top = Parser(prog="python -m stacks", description=description)
    commands = top.add_subparsers(dest="command", required=True)
    loadtest = commands.add_parser("loadtest", help="hammer stacks until their workers recycle, and judge them")
    plan_arguments(loadtest)
    loadtest.add_argument("--stop", choices=("wait",), help="wait: measure how long one INT takes, a minute and more")
    matrix = commands.add_parser("matrix", help="the same for every version; goes on where it was interrupted")
    plan_arguments(matrix)
    matrix.add_argument("--dry-run", action="store_true", help="print the plan and how long it takes, and run nothing")
    bisect = commands.add_parser("bisect", help="the version at which a stack changes, by binary search")
    bisect.add_argument("--stack", help="one name from `list` (threads)")
    bisect.add_argument("--version", help="what is held fixed: a Python, to search the pins (3.12), or a pin")
    bisect.add_argument("--confidence", type=share, help="a hang rate that every good step rules out at 95 %% (10%%)")
    claims = commands.add_parser("claims", help="what public write-ups say, put to the test")
    claims.add_argument("--trials", type=int, help="runs a cell")
    judge = commands.add_parser("judge", help="for `git bisect run`: 0 good, 1 bad, 125 cannot tell")
    judge.add_argument("--uwsgi", required=True, help="the binary that was just built")
    judge.add_argument("--stack", default="threads", help="one name from `list` (%(default)s)")
    check = commands.add_parser("check", help="your own uWSGI: do its workers come back, and what to change")
    check_arguments(check)
    page = commands.add_parser("page", help="the catalogue of stacks and what is known of them, as Markdown")
    page.add_argument("--write", action="store_true", help="into stacks/README.md")
    capacity = commands.add_parser("capacity", help="measure what a capacity plan needs, and write it")
    capacity_arguments(capacity)
    listed = commands.add_parser("list", help="stacks, versions, scenarios and apps, and the verdicts expected")
    listed.add_argument("--json", action="store_true", help="as data, with the default plan and its limits")
    serve_arguments(commands.add_parser("serve", help="one stack for the load of somebody else: Locust's web UI"))
    run = commands.add_parser("run", help="execute the run that a campaign has planned in DIRECTORY")
    run.add_argument("directory", type=Path)
    return top


def plan_arguments(parser: argparse.ArgumentParser) -> None:
    """What narrows or changes a plan."""
    parser.add_argument("--stack", help="names from `list`, separated by commas; default: those of the plan")
    parser.add_argument("--version", help="ids from `list`, pins or Pythons, separated by commas")
    parser.add_argument("--scenario", help="a name from `list`, or the path of any locustfile")
    parser.add_argument("--rate", type=float, help="arrivals a second of the scenario open, all users together")
    parser.add_argument("--trials", type=int, help="runs a cell")
    parser.add_argument("--users", type=int, help="Locust users")
    parser.add_argument("--duration", type=float, help="the fixed window, in seconds")
    parser.add_argument("--workers", type=int, help="uWSGI processes")
    parser.add_argument("--max-requests", type=int, help="requests after which a worker recycles")
    parser.add_argument("--threads", type=int, help="threads of each")
    parser.add_argument("--max-requests-delta", type=int, help="more of them for each further worker")
    parser.add_argument("--min-worker-lifetime", type=int, help="seconds that a worker lives whatever it served")
    parser.add_argument("--listen", type=int, help="the backlog of connections that wait for a worker")
    parser.add_argument("--app", help="the path of your own WSGI file, instead of the stack's app")
    parser.add_argument("--env", help="NAME=VALUE ... for the app")
    parser.add_argument("--seed", type=int, help="of the order of the runs")
    parser.add_argument("--confidence", type=share, help="a hang rate to rule out at 95 %%, such as 1%%")


def capacity_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `capacity`; those that are not given are in stacks/capacity.toml."""
    parser.add_argument("--version", help="the id of the version to plan with")
    parser.add_argument("--unfixed", help="the id of one that hangs, to measure the time to an outage with")
    parser.add_argument("--app", help="the path of your own WSGI file; default: one of a stated size")
    parser.add_argument("--cpu-ms", type=float, help="CPU time of a request of that one")
    parser.add_argument("--io-ms", type=float, help="time that it waits besides")
    parser.add_argument("--memory-mb", type=float, help="memory that its import takes")
    parser.add_argument("--workers", type=int, help="the largest number of workers that is tried")
    parser.add_argument("--threads", type=int, help="threads of a second curve; 1: none")
    parser.add_argument("--trials", type=int, help="runs of every size")
    parser.add_argument("--seed", type=int, help="of the order of the runs")
    for name in ("--demand", "--slo-p99", "--headroom"):
        parser.add_argument(name, help="of the report, as in `python -m analysis report`")


def serve_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `serve`."""
    parser.add_argument("--stack")
    parser.add_argument("--version")
    parser.add_argument("--scenario", required=True)
    parser.add_argument("--users", type=int, required=True)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--max-requests", type=int)
    parser.add_argument("--threads", type=int, help="default: as the stack has it")
    parser.add_argument("--url", help="one that somebody else runs, instead of a stack and a version")
    parser.add_argument("--pid", type=int, default=0, help="of its uWSGI master, to watch its workers")
    parser.add_argument("--locust", type=int, required=True, help="the process that sends the load")


def check_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `check`."""
    parser.add_argument("--ini", help="the configuration: ini, yaml, json or xml, with :section if need be")
    parser.add_argument("--uwsgi", help="the binary, such as venv/bin/uwsgi; default: the one on PATH")
    parser.add_argument("--app", help="module:callable or file.py:callable instead of the app that it names")
    parser.add_argument("--chdir", type=Path, help="where it is started; default: the directory of the configuration")
    parser.add_argument("--url", default="/", help="the page to ask for")
    parser.add_argument("--args", default="", help="further uWSGI options, as on its command line")
    parser.add_argument("--junit", type=Path, help="write a JUnit report here")
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--start-limit", type=float, default=60.0, help="seconds that the app may take to start")


def share(text: str) -> float:
    """`1%` or `0.01`."""
    return float(text[:-1]) / 100 if text.endswith("%") else float(text)


def asked_of(options: argparse.Namespace) -> PlanOptions:
    """What `plan_arguments` heard."""
    from stacks.campaign.plan_options import PlanOptions

    return PlanOptions(
        stack=options.stack,
        version=options.version,
        scenario=options.scenario,
        rate=options.rate,
        trials=options.trials,
        users=options.users,
        duration_s=options.duration,
        workers=options.workers,
        max_requests=options.max_requests,
        threads=options.threads,
        max_requests_delta=options.max_requests_delta,
        min_worker_lifetime=options.min_worker_lifetime,
        listen=options.listen,
        app=options.app,
        env=options.env,
        seed=options.seed,
        confidence=options.confidence,
    )
