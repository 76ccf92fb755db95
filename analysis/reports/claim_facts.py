"""Facts that a claim can name, each read from the files of one run: the log, requests, stop, backtrace, stats.

A fact is a function of the run's directory. It returns whether the fact holds (None where this run cannot tell) and a
sentence with the numbers. FACTS has them by the names that `stacks/claims.toml` uses.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from analysis.frames.connection import query as fetch
from analysis.frames.queries import REQUESTS
from analysis.frames.request_files import usable_requests
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.reading import read_document, read_events
from stacks.lifecycle.records import EVENTS_FILE, RUN_FILE

Answer = tuple[bool | None, str]


def respawned_logged(directory: Path) -> Answer:
    """Whether the log has a line `Respawned` for every worker that hung after a respawn."""
    events = list(read_events(directory / EVENTS_FILE))
    logged = {event.pid for event in events if event.kind == "respawned" and event.source == "log"}
    hung = [e.pid for e in Lifecycle.of(events).episodes() if e.outcome == "hung_at_fork" and e.generation]
    count = sum(pid in logged for pid in hung)
    holds = count == len(hung) if hung else None
    return holds, f"Respawned stands in the log for {count} of {len(hung)} hung workers"


def no_answers_after(directory: Path) -> Answer:
    """Whether no request was answered after the last worker hung."""
    episodes = Lifecycle.of(read_events(directory / EVENTS_FILE)).episodes()
    last = {episode.slot: episode for episode in episodes}
    forked = [episode.forked_ns for episode in last.values()]
    if any(e.outcome != "hung_at_fork" for e in last.values()) or None in forked or not forked:
        return None, "not every worker hung"
    outage_ns = max(ns for ns in forked if ns is not None)
    late = "start_ns + latency_us * 1000 > ?"
    query = f"SELECT count(*) FILTER (error = '' AND {late}), count(*) FILTER ({late}) FROM {REQUESTS}"  # noqa: S608
    answered, waiting = fetch(query, [outage_ns, outage_ns, usable_requests(directory)])[0]
    return answered == 0, f"{answered} of {waiting} requests were answered once every worker was hung"


def only_kill_ends_it(directory: Path) -> Answer:
    """Whether SIGKILL alone ended a run that waited for each signal to work (`plan.patient`)."""
    run = read_document(directory / RUN_FILE).value
    if not run.get("plan", {}).get("patient") or not run.get("stop"):
        return None, ""
    tried = ", ".join(f"{row['signal']} for {row['waited_s']:.1f} s" for row in run["stop"]["tried"])
    signal = run["stop"]["signal"]
    return signal == "KILL", f"tried {tried}: " + ("nothing ended it" if signal == "KILL" else f"{signal} ended it")


def waits_for_gil(directory: Path) -> Answer:
    """Whether the backtrace of a hung worker shows that it waits for the GIL (`take_gil` in CPython)."""
    evidence = read_document(directory / RUN_FILE).value.get("evidence")
    if not evidence or "no backtrace" in evidence:
        return None, "no backtrace could be taken (eu-stack and gdb are missing or not permitted)"
    return "take_gil" in evidence, evidence


def stats_status_differs(directory: Path) -> Answer:
    """Whether uWSGI's own stats show a hung worker with another `status` than `idle`."""
    run = read_document(directory / RUN_FILE).value
    workers = run.get("stats")
    if not workers:
        return None, "the stats were not read"
    episodes = Lifecycle.of(read_events(directory / EVENTS_FILE)).episodes()
    hung_pids = {episode.pid for episode in episodes if episode.outcome == "hung_at_fork"}
    hung = [worker for worker in workers if worker["pid"] in hung_pids]
    if not hung:
        return None, "no hung worker stood in the stats"
    idle = sum(worker["status"] == "idle" for worker in hung)
    closed = sum(worker["accepting"] == 0 for worker in hung)
    return idle < len(hung), f"{idle} of {len(hung)} hung workers are idle, {closed} have accepting 0"


FACTS: dict[str, Callable[[Path], Answer]] = {
    "respawned-logged": respawned_logged,
    "no-answers-after": no_answers_after,
    "only-kill-ends-it": only_kill_ends_it,
    "waits-for-gil": waits_for_gil,
    "stats-status-differs": stats_status_differs,
}
