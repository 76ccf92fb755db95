"""`list`: prints every name that the other commands take."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from stacks.commands import exit_codes

if TYPE_CHECKING:
    from stacks.catalogue import Catalogue

HELP = "List the stacks, versions, scenarios and apps. Other commands take these names."
EXAMPLE = "python -m stacks list"
EXIT_CODES = {
    exit_codes.OK: "the names are printed",
    exit_codes.NOT_MEASURED: "a file of the catalogue could not be read",
    exit_codes.USAGE: "the command line or a file of the catalogue is wrong",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the format."""
    parser.add_argument("--json", action="store_true", help="print JSON, with the default plan and the limits")


def main(options: argparse.Namespace) -> int:
    """Print the names as text or as JSON."""
    from stacks import catalogue

    loaded = catalogue.load()
    if options.json:
        print(as_json(loaded))
    else:
        print(as_text(loaded, catalogue.app_names()))
    return exit_codes.OK


def as_json(loaded: Catalogue) -> str:
    """Return the names, the default plan and the limits of its values. The web UI reads them."""
    from stacks.campaign.plan_options import LIMITS, UWSGI_LIMITS

    plan = loaded.plan
    stack, version = plan.cells[0]
    data = {
        "stacks": {stack.name: stack.what for stack in loaded.stacks.values()},
        "versions": list(loaded.versions),
        "scenarios": {name: str(path) for name, path in loaded.scenarios.items()},
        "plan": {"users": plan.users, "workers": plan.workers, "max_requests": plan.max_requests}
        | {
            "stack": stack,
            "version": version,
            "expected": loaded.expected(loaded.stacks[stack], loaded.versions[version]),
        },
        "limits": LIMITS | UWSGI_LIMITS,
    }
    return json.dumps(data)


def as_text(loaded: Catalogue, apps: list[str]) -> str:
    """Return the names as lines for people."""
    lines = ["stacks:"]
    lines += [f"  {stack.name:22} {stack.what} (app {stack.app})" for stack in loaded.stacks.values()]
    lines.append("versions (each Python with each pin):")
    for package in dict.fromkeys(version.package for version in loaded.versions.values()):
        versions = [version for version in loaded.versions.values() if version.package == package]
        pythons = ", ".join(dict.fromkeys(version.python for version in versions))
        pins = ", ".join(dict.fromkeys(version.pin for version in versions))
        lines.append(f"  {package}: Python {pythons} with {pins}; an id is {versions[-1].id}")
    lines.append(f"scenarios: {', '.join(loaded.scenarios)}")
    lines.append(f"apps: {', '.join(apps)}")
    return "\n".join(lines)
