"""`python -m stacks`: campaigns (loadtest, matrix, bisect, claims, capacity), check, list, and parts of them."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from stacks.commands.arguments import asked_of, parser

if TYPE_CHECKING:
    from stacks.campaign.campaign import Campaign

EXIT_OK, EXIT_NOT_MEASURED, EXIT_USAGE = 0, 1, 2
MEANINGS = {1: "something could not be measured", 2: "usage", 3: "a verdict was not the expected one"}


def loadtest(options: argparse.Namespace) -> int:
    """Run a campaign, and show what it found."""
    from stacks import catalogue
    from stacks.campaign.campaign import Campaign
    from stacks.campaign.plan import make_plan

    asked = asked_of(options)
    made, cells, scenario = make_plan(catalogue.load(), asked)
    return carry_out(Campaign(made, asked, cells, scenario, patient=options.stop == "wait"))


def matrix(options: argparse.Namespace) -> int:
    """Run every stack at every version, or what is left of that, and show what it found."""
    from stacks import catalogue
    from stacks.campaign.campaign import MATRIX, Campaign
    from stacks.campaign.dry_run import describe
    from stacks.campaign.matrix import matrix_plan, unfinished

    asked = asked_of(options)
    made, cells, scenario = matrix_plan(catalogue.load(), asked)
    resumed = unfinished(made, asked)
    if options.dry_run:
        print(describe(cells, made.trials, resumed))
        return EXIT_OK
    return carry_out(Campaign(made, asked, cells, scenario, kind=MATRIX, resumed=resumed))


def carry_out(campaign: Campaign) -> int:
    """Run a campaign; then show what it found: the exit code is the worse of both, 3 for an unexpected verdict."""
    from rich.console import Console

    from stacks.campaign.progress import Progress, make_environments

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
        from stacks.campaign.plan_options import LIMITS, UWSGI_LIMITS

        plan = known.plan
        data = {
            "stacks": {stack.name: stack.what for stack in known.stacks.values()},
            "versions": list(known.versions),
            "scenarios": {name: str(path) for name, path in known.scenarios.items()},
            "plan": {"users": plan.users, "workers": plan.workers, "max_requests": plan.max_requests}
            | dict(zip(("stack", "version"), plan.cells[0], strict=True)),
            "limits": LIMITS | UWSGI_LIMITS,
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
    from stacks.campaign.bisect import main as search

    return search(options)


def capacity(options: argparse.Namespace) -> int:
    """Measure what a capacity plan needs, and write it."""
    from rich.console import Console

    from stacks.campaign import capacity_sizes

    return capacity_sizes.main(options, Console(stderr=True))


def claims(options: argparse.Namespace) -> int:
    """Run what the claims imply, and judge them."""
    from stacks import catalogue
    from stacks.campaign.claims import campaign

    return carry_out(campaign(catalogue.load(), options.trials))


def execute(directory: Path) -> int:
    """Execute the run that is planned in `directory`."""
    from stacks.run import run

    return run.main(directory)


def page(options: argparse.Namespace) -> int:
    """The catalogue as Markdown, printed or written."""
    from stacks import catalogue
    from stacks.catalogue.readme import PAGE
    from stacks.catalogue.readme import page as text

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
    options = parser(__doc__).parse_args(arguments)
    if options.command == "run":
        return execute(options.directory)
    if options.command == "check":
        from stacks.check import check

        return check.main(options)
    if options.command == "judge":
        from stacks.campaign import judge

        return judge.main(options)
    if options.command == "serve":
        from stacks.campaign import serve

        return serve.main(options)
    from stacks.catalogue import UsageError
    from stacks.lifecycle.records import RecordError

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
