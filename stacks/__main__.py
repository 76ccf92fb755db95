"""`python -m stacks`: campaigns (loadtest, matrix, bisect, claims, capacity), check, list, and parts of them."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stacks.campaign import Campaign
    from stacks.plan import Asked

EXIT_OK, EXIT_NOT_MEASURED, EXIT_USAGE = 0, 1, 2
MEANINGS = {1: "something could not be measured", 2: "usage", 3: "a verdict was not the expected one"}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m stacks", description=__doc__)
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
    commands.add_parser("claims", help="what public write-ups say, put to the test")
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
    parser.add_argument("--version", help="ids or pins from `list`, separated by commas")
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


def asked_of(options: argparse.Namespace) -> Asked:
    """What `plan_arguments` heard."""
    from stacks.plan import Asked

    return Asked(
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


def loadtest(options: argparse.Namespace) -> int:
    """Run a campaign, and show what it found."""
    from stacks import catalogue
    from stacks.campaign import Campaign
    from stacks.plan import plan

    asked = asked_of(options)
    made, cells, scenario = plan(catalogue.load(), asked)
    return carry_out(Campaign(made, asked, cells, scenario, patient=options.stop == "wait"))


def matrix(options: argparse.Namespace) -> int:
    """Run every stack at every version, or what is left of that, and show what it found."""
    from stacks import catalogue
    from stacks.campaign import MATRIX, Campaign
    from stacks.matrix import describe, matrix_plan, unfinished

    asked = asked_of(options)
    made, cells, scenario = matrix_plan(catalogue.load(), asked)
    resumed = unfinished(made)
    if options.dry_run:
        print(describe(cells, made.trials, resumed))
        return EXIT_OK
    return carry_out(Campaign(made, asked, cells, scenario, kind=MATRIX, resumed=resumed))


def carry_out(campaign: Campaign) -> int:
    """Run a campaign; then show what it found: the exit code is the worse of both, 3 for an unexpected verdict."""
    from rich.console import Console

    from stacks.progress import Progress, make_environments

    console = Console(stderr=True)
    make_environments(campaign, console)
    with Progress(console) as progress:
        code = campaign.run(progress)
    if not any(record["status"] == "done" for _, record in campaign.done) and not campaign.not_tested:
        console.print(f"no run came to a verdict; what was recorded is in {campaign.directory}", soft_wrap=True)
        return EXIT_NOT_MEASURED
    # A process of its own: the analysis reads files, and nothing here imports it.
    summary = subprocess.run([sys.executable, "-m", "analysis", "summary", str(campaign.directory)], check=False)
    worst = max(code, summary.returncode)
    if worst:
        console.print(f"exit code {worst}: {MEANINGS.get(worst, 'the summary failed')}", highlight=False)
    return worst


def show(options: argparse.Namespace) -> int:
    """Everything that can be named."""
    from stacks import catalogue

    known = catalogue.load()
    if options.json:
        from stacks.plan import LIMITS, OPTIONS

        plan = known.plan
        data = {
            "stacks": {stack.name: stack.what for stack in known.stacks.values()},
            "versions": list(known.versions),
            "scenarios": {name: str(path) for name, path in known.scenarios.items()},
            "plan": {"users": plan.users, "workers": plan.workers, "max_requests": plan.max_requests}
            | dict(zip(("stack", "version"), plan.cells[0], strict=True)),
            "limits": LIMITS | OPTIONS,
        }
        print(json.dumps(data))
        return EXIT_OK
    print("stacks:")
    for stack in known.stacks.values():
        print(f"  {stack.name:22} {stack.what} (app {stack.app})")
    print("versions, every Python with every pin:")
    for package in dict.fromkeys(version.package for version in known.versions.values()):
        of_it = [version for version in known.versions.values() if version.package == package]
        pythons, pins = (dict.fromkeys(getattr(v, name) for v in of_it) for name in ("python", "pin"))
        print(f"  {package}: Python {', '.join(pythons)} with {', '.join(pins)}; ids such as {of_it[-1].id}")
    print("scenarios:", ", ".join(known.scenarios))
    print("apps:", ", ".join(catalogue.app_names()))
    return EXIT_OK


def bisect(options: argparse.Namespace) -> int:
    """Search the versions."""
    from stacks.bisect import main as search

    return search(options)


def capacity(options: argparse.Namespace) -> int:
    """Measure what a capacity plan needs, and write it."""
    from rich.console import Console

    from stacks import capacity

    return capacity.main(options, Console(stderr=True))


def claims(_options: argparse.Namespace) -> int:
    """Run what the claims imply, and judge them."""
    from stacks import catalogue
    from stacks.claims import campaign

    return carry_out(campaign(catalogue.load()))


def execute(directory: Path) -> int:
    """The run that is planned there, of whichever kind."""
    from stacks import run
    from stacks.records import RUN_FILE, read_json

    if "attached" in read_json(directory / RUN_FILE)["plan"]:
        from stacks.attached import AttachedRun

        return run.main(directory, AttachedRun)
    return run.main(directory)


def page(options: argparse.Namespace) -> int:
    """The catalogue as Markdown, printed or written."""
    from stacks import catalogue
    from stacks.page import PAGE
    from stacks.page import page as text

    if options.write:
        PAGE.write_text(text(catalogue.load()), encoding="utf-8")
    else:
        print(text(catalogue.load()), end="")
    return EXIT_OK


COMMANDS = {
    "list": show,
    "page": page,
    "loadtest": loadtest,
    "matrix": matrix,
    "bisect": bisect,
    "claims": claims,
    "capacity": capacity,
}


def main(arguments: list[str] | None = None) -> int:
    """Exit codes: 0 measured and as expected, 1 could not measure, 2 usage, 3 an unexpected verdict."""
    options = parser().parse_args(arguments)
    if options.command == "run":
        return execute(options.directory)
    if options.command == "check":
        from stacks import check

        return check.main(options)
    if options.command == "judge":
        from stacks import judge

        return judge.main(options)
    if options.command == "serve":
        from stacks import serve

        return serve.main(options)
    from stacks.catalogue import UsageError
    from stacks.records import RecordError

    try:
        return COMMANDS[options.command](options)
    except UsageError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE
    except (RecordError, OSError) as error:
        print(error, file=sys.stderr)
        return EXIT_NOT_MEASURED


if __name__ == "__main__":
    sys.exit(main())
