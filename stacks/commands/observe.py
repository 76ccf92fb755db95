"""`observe`: runs or watches one uWSGI on this host, under a load that other hosts send."""

from __future__ import annotations

import argparse
import os
import sys

from stacks.commands import exit_codes

HELP = "Run one stack on this host, or watch a uWSGI that runs here, under the load of other hosts."
EXAMPLE = "python -m stacks observe --master 10.0.0.1 --stack threads --version py312-2.0.26 --address 10.0.0.4:8080"
EXIT_CODES = exit_codes.WITHOUT_EXPECTATION | {exit_codes.OK: "the run was measured"}
PASSED_ON = ("stack", "version", "scenario", "users", "workers", "max_requests", "threads", "address", "url", "pid")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the master, the location, and the stack or the uWSGI that is running already."""
    parser.add_argument(
        "--master", default="127.0.0.1", metavar="HOST[:PORT]", help="the host of Locust's master (port: 5558)"
    )
    parser.add_argument("--location", metavar="URL", help="the results location (default: PACK_LOCATION)")
    parser.add_argument("--stack", metavar="NAME", help="a stack from `list`")
    parser.add_argument("--version", metavar="ID", help="a version id from `list`")
    parser.add_argument(
        "--address", metavar="ADDRESS:PORT", help="where the stack listens, so that other hosts reach it"
    )
    parser.add_argument("--workers", type=int, metavar="N", help="number of uWSGI workers")
    parser.add_argument("--max-requests", type=int, metavar="N", help="requests after which a worker recycles")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of each worker (default: those of the stack)")
    parser.add_argument(
        "--url", metavar="URL", help="URL of a uWSGI that is running already, instead of a stack and a version"
    )
    parser.add_argument("--pid", type=int, metavar="PID", help="pid of the uWSGI master behind --url")
    parser.add_argument("--scenario", default="steady", metavar="NAME", help="the scenario or locustfile of the load")
    parser.add_argument("--users", type=int, default=1, metavar="N", help="number of Locust users, for the record")
    parser.add_argument("--wait", type=float, default=120.0, metavar="S", help="how long the master may take to come")


def main(options: argparse.Namespace) -> int:
    """Observe until the load has ended and the workers have settled."""
    from stacks.catalogue import UsageError
    from stacks.hosts.caller import Caller, parse_address
    from stacks.hosts.observing import Observing
    from stacks.lifecycle.records import RecordError
    from stacks.run import supervisor

    location = options.location or os.environ.get("PACK_LOCATION")
    if not location:
        raise UsageError("name the results location with --location or PACK_LOCATION, as for Locust")
    if bool(options.url) == bool(options.stack and options.version):
        raise UsageError("name --stack and --version, or --url (and --pid) of a uWSGI that is running already")
    if options.stack and not _is_address(options.address):
        raise UsageError("name the address of this host and a port with --address ADDRESS:PORT, for the other hosts")
    try:
        caller = Caller(parse_address(options.master))
    except ValueError as error:
        raise UsageError(str(error)) from None
    arguments = []
    for name in PASSED_ON:
        if (value := getattr(options, name)) is not None:
            arguments += [f"--{name.replace('_', '-')}", str(value)]

    def observe() -> int:
        observing = Observing(caller, location, arguments)
        try:
            observing.hello(options.wait)
            record = observing.run()
        except RecordError as error:
            print(error, file=sys.stderr)
            return exit_codes.NOT_MEASURED
        print(f"{observing.location.url}: {record['verdict']}: {record['reason']}")
        return exit_codes.OK if record["status"] == "done" else exit_codes.NOT_MEASURED

    return supervisor.guarded(observe)


def _is_address(text: str | None) -> bool:
    host, _, port = (text or "").rpartition(":")
    return bool(host) and port.isascii() and port.isdigit() and 0 < int(port) < 65536
