"""The start of a run: wait until the first workers of an own instance accept, and until Locust is loaded."""

from __future__ import annotations

from typing import Any

from stacks.lifecycle.records import LOG_FILE
from stacks.run import hammer
from stacks.run.errors import CannotMeasure
from stacks.run.last_words import last_words
from stacks.run.live_run import LiveRun
from stacks.run.run_directory import PlannedRun

# Options that a run can do without. uWSGI has internal routing only if libpcre was there when it was built; without it
# no answer says which worker gave it.
DISPENSABLE_OPTIONS = ("route-run",)


def await_ready(live: LiveRun, planned: PlannedRun) -> None:
    """Wait until every worker of the first generation accepts or is proven hung.

    Raises CannotMeasure if uWSGI or Locust ends, or if no worker is ready within the plan's `start_limit_s`.
    """
    observer, load, lifecycle, plan = live.observer, live.load, live.observer.lifecycle, planned.plan
    first_workers = plan.get("initial") or plan["workers"]  # with `cheaper` fewer workers start at first

    def is_ready() -> bool:
        if live.is_certain() or load.exit_code is not None:
            return True
        have_started = len(lifecycle.slots) >= first_workers or lifecycle.is_idle  # with `cheap` no worker starts
        return have_started and lifecycle.undecided() == 0

    in_time = live.until("starting", is_ready, plan["start_limit_s"])
    if observer.exit_code is not None and observer.exit_code >= 0:
        words = last_words(planned.directory / LOG_FILE)
        raise CannotMeasure(f"uWSGI ended with exit code {observer.exit_code} before it served: {words}")
    _require_load(live, planned)
    if not in_time and not lifecycle.serving() and (lifecycle.undecided() or not lifecycle.slots):
        raise CannotMeasure(
            f"no worker was ready after {plan['start_limit_s']:.0f} s; {planned.directory}/uwsgi.log tells more"
        )


def await_load(live: LiveRun, planned: PlannedRun) -> None:
    """Wait until Locust is loaded, or not needed because the verdict is certain. Raises CannotMeasure if it ends."""
    load = live.load
    is_over = live.until(
        "starting",
        lambda: load.is_up() or load.exit_code is not None or live.is_certain(),
        planned.plan["start_limit_s"],
    )
    _require_load(live, planned)
    if not is_over:
        raise CannotMeasure(f"Locust was not loaded after {planned.plan['start_limit_s']:.0f} s: is the machine busy?")


def _require_load(live: LiveRun, planned: PlannedRun) -> None:
    if live.load.exit_code is not None:
        words = last_words(planned.directory / hammer.LOG_FILE)
        raise CannotMeasure(f"Locust ended with exit code {live.load.exit_code}: {words}")


def can_start_again(record: dict[str, Any], error: str) -> bool:
    """Return True if a second start may succeed: with another port, or without an option that this binary lacks.

    Adds the missing option to `record["without"]`; `stack_files.write` then leaves it out.
    """
    missing = next((key for key in DISPENSABLE_OPTIONS if f"unknown config directive: {key}" in error), None)
    if missing is not None:
        record["without"] = [*record.get("without", ()), missing]
    return missing is not None or "bind()" in error
