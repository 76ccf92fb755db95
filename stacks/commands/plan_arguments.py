"""The options that narrow or change the plan of a campaign. `loadtest` and `matrix` share them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from stacks.console.quantities import share

if TYPE_CHECKING:
    from stacks.campaign.plan_options import PlanOptions


def add_plan_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options. An option that is not given leaves the plan, or the stack, as it is."""
    parser.add_argument("--stack", metavar="NAMES", help="names of stacks, separated by commas; `list` shows them")
    parser.add_argument("--version", metavar="IDS", help="version ids, pins or Pythons, separated by commas")
    parser.add_argument("--scenario", metavar="NAME", help="a scenario from `list`, or the path of any locustfile")
    parser.add_argument(
        "--rate", type=float, metavar="N", help="requests that arrive each second; only for the scenario `open`"
    )
    parser.add_argument("--trials", type=int, metavar="N", help="runs of each cell (a stack at a version)")
    parser.add_argument("--users", type=int, metavar="N", help="number of Locust users")
    parser.add_argument("--duration", type=float, metavar="SECONDS", help="length of the load window")
    parser.add_argument("--workers", type=int, metavar="N", help="number of uWSGI workers")
    parser.add_argument("--max-requests", type=int, metavar="N", help="requests after which a worker recycles")
    parser.add_argument("--threads", type=int, metavar="N", help="threads of each worker")
    parser.add_argument(
        "--max-requests-delta", type=int, metavar="N", help="how many requests later each further worker recycles"
    )
    parser.add_argument(
        "--min-worker-lifetime", type=int, metavar="SECONDS", help="time before which no worker recycles"
    )
    parser.add_argument("--listen", type=int, metavar="N", help="length of the queue of waiting connections")
    parser.add_argument("--app", metavar="PATH", help="your own WSGI file; it replaces the app of the stack")
    parser.add_argument("--env", metavar="NAME=VALUE...", help="environment variables for the app, with spaces between")
    parser.add_argument("--lanes", type=int, metavar="N", help="how many runs have their load at the same time")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of the random order of the runs")
    parser.add_argument(
        "--confidence",
        type=share,
        metavar="RATE",
        help="make enough respawns to rule out this hang rate, such as 1%%, at 95 %% confidence",
    )


def plan_options(options: argparse.Namespace) -> PlanOptions:
    """Return the values of the options that `add_plan_arguments` declares."""
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
        lanes=options.lanes,
        confidence=options.confidence,
    )
