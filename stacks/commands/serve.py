"""`serve`: runs one stack for a Locust that another process has started. Locust's web UI (`make ui`) calls it."""

from __future__ import annotations

import argparse

from stacks.commands import exit_codes

HELP = "Run one stack for a load that another process sends. `make ui` calls this command."
EXAMPLE = "python -m stacks serve --stack threads --version py312-2.0.26 --scenario steady --users 8 --locust 4321"
EXIT_CODES = exit_codes.WITHOUT_EXPECTATION | {exit_codes.OK: "the run was measured"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stack, or the uWSGI that is running already, and the load."""
    parser.add_argument("--stack", metavar="NAME", help="a stack from `list`")
    parser.add_argument("--version", metavar="ID", help="a version id from `list`")
    parser.add_argument("--scenario", required=True, metavar="NAME", help="the scenario or locustfile of the load")
    parser.add_argument("--users", type=int, required=True, metavar="N", help="number of Locust users")
    parser.add_argument("--workers", type=int, metavar="N", help="number of uWSGI workers")
    parser.add_argument("--max-requests", type=int, metavar="N", help="requests after which a worker recycles")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of each worker (default: those of the stack)")
    parser.add_argument(
        "--url", metavar="URL", help="URL of a uWSGI that is running already, instead of a stack and a version"
    )
    parser.add_argument("--pid", type=int, default=0, metavar="PID", help="pid of the uWSGI master behind --url")
    parser.add_argument("--address", default="", metavar="ADDRESS:PORT", help="where the stack listens for other hosts")
    parser.add_argument(
        "--locust", type=int, required=True, metavar="PID", help="pid of the process with the load; -1: other hosts"
    )


def main(options: argparse.Namespace) -> int:
    """Run the stack until the load ends, and write its results."""
    from stacks.campaign import serve

    return serve.main(options)
