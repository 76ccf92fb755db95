"""Makes the workers of a configuration recycle after a few requests, and makes each change of a worker visible.

`Preparation` is the type of such a change: another one prepares a configuration for another way out and back.
"""

from __future__ import annotations

from collections.abc import Callable

from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.options import is_number, is_set, last_value
from stacks.observe.collectors.log import READY_LINE

# More workers than this tell no more about a respawn, and a laptop may not hold their imports.
MOST_WORKERS = 8
# Small enough that W workers recycle about W times a second (the master reaps once a second), and large enough that
# a worker is seen to serve.
MAX_REQUESTS = 5
# Changes a neutral configuration. It gets the options of the user's binary, and net.core.somaxconn of this machine.
Preparation = Callable[[NeutralConfiguration, frozenset[str], int], None]
WORKER_HEADER = "addheader:X-Worker: ${uwsgi[wid]}/${uwsgi[pid]}"


def make_recycle(neutral: NeutralConfiguration, binary_options: frozenset[str], backlog: int) -> None:
    """Change `neutral` so that its workers recycle quickly. `binary_options` are the options of the user's binary.

    `backlog` is net.core.somaxconn of this machine.
    """
    neutral.drop_options(("max-requests-delta", "max-worker-lifetime-delta"), "every worker must recycle soon")
    neutral.set_option("max-requests", str(MAX_REQUESTS), "workers must recycle after a few requests")
    make_visible(neutral, binary_options, backlog)
    if not is_set(neutral.options, "die-on-term"):
        neutral.set_option("die-on-term", "true", "SIGTERM must stop the instance, not reload it")


def make_visible(neutral: NeutralConfiguration, binary_options: frozenset[str], backlog: int) -> None:
    """Change `neutral` so that a master respawns its workers without delay, and each change of a worker is visible."""
    neutral.set_option("master", "true", "without a master no process respawns a worker", ("M",))
    _limit_workers(neutral)
    lifetime = "by default a worker lives at least 10 s, whatever max-requests says (core/init.c)"
    neutral.set_option("min-worker-lifetime", "0", lifetime)
    throttle = "by default the master sleeps 2 s when workers respawn quickly (core/master.c)"
    neutral.set_option("forkbomb-delay", "0", throttle)
    if not is_set(neutral.options, "disable-logging"):
        neutral.set_option("disable-logging", "true", "the check needs no log line for each request")
    listen = last_value(neutral.options, "listen")
    if is_number(listen) and int(listen) > backlog:
        limit = f"net.core.somaxconn is {backlog} on this machine, and uWSGI refuses to start with a larger backlog"
        neutral.set_option("listen", str(backlog), limit)
    _name_workers(neutral, binary_options)


def _limit_workers(neutral: NeutralConfiguration) -> None:
    count = last_value(neutral.options, "processes", "workers", default="1")
    neutral.workers = min(int(count) if is_number(count) else 1, MOST_WORKERS) or 1
    if any(key in ("processes", "workers") for key, _ in neutral.options):
        why = f"{MOST_WORKERS} workers show as much as more workers, and fit into a small machine"
        neutral.set_option("processes", str(neutral.workers), why, ("workers",))


def _name_workers(neutral: NeutralConfiguration, binary_options: frozenset[str]) -> None:
    """Let every worker that is ready print a line, and every answer name its worker."""
    neutral.options.append(("hook-accepting", f"print:{READY_LINE}"))
    neutral.note("hook-accepting", "", f"print:{READY_LINE}", "it prints a line for every worker that is ready")
    if "route-run" in binary_options:
        neutral.options.insert(0, ("route-run", WORKER_HEADER))
        neutral.note("route-run", "", WORKER_HEADER, "it names the worker in every answer")
