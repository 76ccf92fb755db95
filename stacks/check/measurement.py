"""Reads one finished run of a checked configuration: its verdict, the time of a recycle, and the losses of clients."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stacks.lifecycle.deaths import silent_deaths
from stacks.lifecycle.exit_crashes import exit_crashes
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.losses import NOT_LOST
from stacks.lifecycle.lost_threads import ThreadTable
from stacks.lifecycle.rates import wilson
from stacks.lifecycle.reading import read_events, read_json
from stacks.lifecycle.records import EVENTS_FILE, LOG_FILE, REQUESTS_FILE, RUN_FILE
from stacks.lifecycle.recycle_time import PHASES, SLOW_S, recycles, typical_recycle

# Workers come back. But their exit takes most of a recycle that is too slow, or only SIGKILL ends the instance because
# workers are in the exit of Python. remedies.toml has these words beside the verdicts.
SLOW_EXIT, SLOW_STOP = "slow_exit", "slow_stop"
# Workers come back, and many requests are lost although none hangs: a connection that was opened before the fork is
# shared by the workers, or the work of a thread that only the master has is waited for.
LOST_REQUESTS = "lost_requests"
FEWEST_LOST, SHARE_LOST = 5, 0.03  # fewer may be due to a busy machine
PYTHON_EXIT = "Py_Finalize"  # Py_FinalizeEx and _Py_Finalize in pylifecycle.c


@dataclass(frozen=True)
class Measurement:
    """A run in numbers. None means that the run could not measure the number. check.json has these names."""

    directory: str
    verdict: str
    reason: str
    evidence: str | None
    error: str | None
    respawns: int  # that came back
    hung: int  # at the fork or at the exit, the first generation included
    crashed: int  # died before they were ready, or by themselves before they had answered a request
    recycle_median_s: float | None
    recycle_max_s: float | None
    requests: int
    dead_on_request: int = 0  # of `crashed`: ended after they were ready
    hung_at_exit: int = 0  # of `hung`
    hung_in_request: int = 0  # workers that accepted a request and never answer
    exit_crashes: int = 0  # workers that crashed while they left
    exits: int = 0  # workers that ended after they had begun to leave
    unanswered: int = 0  # in flight when the run ended
    lost: dict[str, int] = field(default_factory=dict)  # by kind of error
    statuses: dict[str, int] = field(default_factory=dict)
    latency_p50_s: float | None = None
    latency_p95_s: float | None = None
    latency_p99_s: float | None = None
    latency_max_s: float | None = None
    exit_max_s: float | None = None  # the longest exit; it may not have ended by itself
    stop_signal: str | None = None
    stop_s: float | None = None
    recycle_phases_s: dict[str, float] = field(default_factory=dict)  # the medians of `recycle_time.PHASES`
    memory_mib: float | None = None
    master_threads: int = 0
    unstopped: list[dict[str, Any]] = field(default_factory=list)  # the processes that only SIGKILL ended
    probe_tail_s: float = 0.0  # from the last byte of an answer to the end of its connection, if only that ends it
    fork_threads: ThreadTable | None = None  # the threads of the master, and which of them the workers have
    recycles: int = 0  # those of the median and the maximum
    starts: int = 1  # of the configuration: the counts of workers are those of all starts (further_starts.py)
    failed_starts: int | None = None  # those in which workers did not come back; None with one start

    @property
    def trials(self) -> int:
        """The changes of a worker whose outcome was seen."""
        return self.respawns + self.hung

    @property
    def hang_rate_interval(self) -> list[float] | None:
        """Wilson's 95 % interval of the hang rate, or None without a trial."""
        limits = wilson(self.hung, self.trials)
        return None if limits is None else [round(limit, 4) for limit in limits]

    @property
    def is_hang(self) -> bool:
        """True if workers did not come back."""
        return self.verdict in ("hung_worker", "hung_master", "hung_request", "hung_exit", "dead_master", "crash_loop")

    @property
    def problem(self) -> str:
        """What a remedy must end: the verdict if workers do not come back, or one of the words above, or ''."""
        if self.is_hang:
            return self.verdict
        if self.verdict != "recovers":
            return ""
        phases = self.recycle_phases_s
        # On a busy machine each phase takes longer, so the exit must be slow by itself.
        if phases.get("exit", 0.0) >= SLOW_S and max(phases, key=phases.__getitem__) == "exit":
            return SLOW_EXIT
        frames = {frame for process in self.unstopped if not process["starting"] for frame in process["frames"]}
        if self.stop_signal == "KILL" and any(PYTHON_EXIT in frame for frame in frames):
            return SLOW_STOP
        return LOST_REQUESTS if self.all_lost >= max(FEWEST_LOST, SHARE_LOST * self.requests) else ""

    @property
    def all_lost(self) -> int:
        """The lost requests of every kind."""
        return sum(self.lost.values())


def read_measurement(directory: Path) -> Measurement:
    """Read the files of the run in `directory`."""
    record = read_json(directory / RUN_FILE)
    events = directory / EVENTS_FILE
    has_rows = events.exists() and record["status"] == "done"
    lifecycle = Lifecycle.of(read_events(events)) if has_rows else Lifecycle()
    episodes, deaths = lifecycle.episodes(), silent_deaths(lifecycle.workers, lifecycle.losses)
    recycle = typical_recycle(found for slot in lifecycle.workers.by_slot.values() for found in recycles(slot))
    recycles_s = sorted(
        (e.ready_ns - begun) / 1e9
        for e in episodes
        if e.generation > 0 and e.ready_ns is not None and (begun := e.exit_begun_ns or e.exited_ns) is not None
    )
    crashes = exit_crashes(lifecycle)
    stop, at_ready = record.get("stop") or {}, record.get("at_ready") or {}
    return Measurement(
        directory=str(directory),
        verdict=record["verdict"] or "invalid",
        reason=record["reason"],
        evidence=record["evidence"],
        error=record["error"],
        respawns=sum(e.generation > 0 and e.outcome == "ready" for e in episodes)
        - sum(incarnation.generation > 0 for incarnation in deaths),
        hung=sum(e.outcome in ("hung_at_fork", "hung_at_exit") for e in episodes),
        crashed=sum(e.outcome == "crashed" for e in episodes) + len(deaths),
        dead_on_request=len(deaths),
        hung_at_exit=sum(e.outcome == "hung_at_exit" for e in episodes),
        hung_in_request=sum(not proof.at_exit for proof in lifecycle.deadlocks().values()),
        exit_crashes=crashes.crashed,
        exits=crashes.left,
        exit_max_s=_longest_exit_s(lifecycle),
        recycle_median_s=round(statistics.median(recycles_s), 3) if recycles_s else None,
        recycle_max_s=round(recycles_s[-1], 3) if recycles_s else None,
        recycles=len(recycles_s),
        recycle_phases_s={name: round(getattr(recycle, f"{name}_s"), 3) for name in PHASES} if recycle else {},
        stop_signal=stop.get("signal"),
        stop_s=stop.get("seconds"),
        **_request_numbers(directory),
        memory_mib=round(at_ready["pss_kib"] / 1024, 1) if at_ready.get("pss_kib") else None,
        master_threads=at_ready.get("master_threads", 0),
        unstopped=stop.get("unstopped", []),
        probe_tail_s=(record.get("probe") or {}).get("tail_s", 0.0),
        fork_threads=ThreadTable.of(record.get("fork_threads")),
    )


def _longest_exit_s(lifecycle: Lifecycle) -> float | None:
    """Return the longest time from the begin of an exit to its end, or to the last row; None if no worker left."""
    times_ns = [
        (worker.exited_ns or lifecycle.now_ns) - worker.exit_begun_ns
        for worker in lifecycle.workers.every()
        if worker.exit_begun_ns is not None
    ]
    return round(max(times_ns) / 1e9, 3) if times_ns else None


def read_log(directory: Path) -> str:
    """Return the log of uWSGI in the run's directory, or ''."""
    path = directory / LOG_FILE
    return path.read_text(errors="replace") if path.exists() else ""


def _request_numbers(directory: Path) -> dict[str, Any]:
    """Return the fields of a Measurement that come from requests.parquet."""
    path = directory / REQUESTS_FILE
    if not path.exists():
        return {"requests": 0}
    from stacks.run.parquet import read_requests  # here: its import takes 0.2 s, and bad input never needs it

    rows = read_requests(path, ["latency_us", "status", "error"])
    errors = Counter(error for error in rows["error"] if error not in NOT_LOST)
    statuses = Counter(str(status) for status in rows["status"] if status)
    latencies_s = sorted(us / 1e6 for us, error in zip(rows["latency_us"], rows["error"], strict=True) if not error)
    numbers: dict[str, Any] = {"requests": len(rows["error"]), "lost": dict(errors), "statuses": dict(statuses)}
    numbers["unanswered"] = rows["error"].count("in_flight")
    for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)):
        if latencies_s:
            rank = min(len(latencies_s) - 1, int(share * len(latencies_s)))
            numbers[f"latency_{name}_s"] = round(latencies_s[rank], 4)
    return numbers
