"""`capacity`: measures what a capacity plan needs, and writes the plan."""

from __future__ import annotations

import argparse

from stacks.commands import exit_codes

HELP = "Measure what a capacity plan needs, and write the plan. The defaults are in stacks/capacity.toml."
EXAMPLE = "python -m stacks capacity --demand 400 --slo-p99 200ms --headroom 25%"
EXIT_CODES = exit_codes.MEANINGS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the versions, the app, the sizes to measure, and the options of the report."""
    parser.add_argument("--version", metavar="ID", help="version that the plan is made for")
    parser.add_argument("--unfixed", metavar="ID", help="version that hangs; it shows the time until a total outage")
    parser.add_argument("--app", metavar="PATH", help="your own WSGI file (default: an app of the size given below)")
    parser.add_argument("--cpu-ms", type=float, metavar="MS", help="CPU time of a request of the default app")
    parser.add_argument("--io-ms", type=float, metavar="MS", help="time that a request of the default app waits")
    parser.add_argument("--memory-mb", type=float, metavar="MB", help="memory that the default app allocates at import")
    parser.add_argument("--workers", type=int, metavar="N", help="largest number of workers to measure")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of a second curve; 1: no such curve")
    parser.add_argument("--trials", type=int, metavar="N", help="runs of each size")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of the random order of the runs")
    parser.add_argument("--demand", metavar="RPS", help="peak requests per second, for the report")
    parser.add_argument("--slo-p99", metavar="TIME", help="time limit for 99 %% of the requests, for the report")
    parser.add_argument("--headroom", metavar="SHARE", help="capacity to keep above the demand, for the report")


def main(options: argparse.Namespace) -> int:
    """Measure, and write the report."""
    from rich.console import Console

    from stacks.campaign import capacity_sizes

    return capacity_sizes.main(options, Console(stderr=True))
