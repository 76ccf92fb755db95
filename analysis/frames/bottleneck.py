"""Names the bottleneck of a run: the load generator, the workers, the host, or none of them. It reads /proc samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

TICKS_A_SECOND = 100  # USER_HZ, which Linux fixes at 100 for what it tells user space (include/asm-generic/param.h)
# The collector takes a sample once a second, so this includes the last sample before the load and the first after it.
MARGIN_NS = 1_500_000_000
# A Locust process uses at most one core. Locust's documentation warns above 90 % of it.
GENERATOR_BUSY = 0.9
HOST_BUSY = 0.9
KEPT_UP = 0.99  # share of the offered requests that were answered within the window


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """What limited the throughput of a run, and why. None if the samples do not tell a number."""

    limit: str  # generator, host, workers or none
    why: str
    generator_cores: float | None  # CPU cores in use on average
    stack_cores: float | None  # of master and workers
    backlog: int | None  # most connections that waited in the accept backlog


def cores_used(samples: pd.DataFrame, roles: tuple[str, ...], begin_ns: int, end_ns: int) -> float | None:
    """Return the CPU seconds a second of all processes with these roles, around the window from begin to end.

    None if the samples cover no time. The result is a lower bound: of a process that lives shorter than two samples,
    little or no CPU time is seen.
    """
    rows = samples[samples["role"].isin(roles) & (samples["pid"] > 0)]
    rows = rows[(rows["t_ns"] >= begin_ns - MARGIN_NS) & (rows["t_ns"] <= end_ns + MARGIN_NS)]
    if rows.empty:
        return None
    spans = rows.groupby("pid").agg(
        first=("cpu_ticks", "min"), last=("cpu_ticks", "max"), since=("t_ns", "min"), until=("t_ns", "max")
    )
    seconds = (float(spans["until"].max()) - float(spans["since"].min())) / 1e9
    return float((spans["last"] - spans["first"]).sum()) / TICKS_A_SECOND / seconds if seconds > 0 else None


def busiest_generator_cores(samples: pd.DataFrame, begin_ns: int, end_ns: int) -> float | None:
    """Return the cores that the busiest Locust process used. Each process can use one core.

    Only samples within the load count, if there are at least two: before and after the load Locust starts, waits and
    ends. None without two samples of one process.
    """
    locust = samples[samples["role"] == "locust"]
    used = []
    for _, process in locust.groupby("pid"):
        within = process[process["t_ns"].between(begin_ns, end_ns)]
        used.append(cores_used(within if len(within) > 1 else process, ("locust",), begin_ns, end_ns))
    return max((cores for cores in used if cores is not None), default=None)


def load_span_ns(run: dict[str, Any]) -> tuple[int, int] | None:
    """Return the begin and the end of the load window of a row of the runs frame, or None if no load was offered."""
    if pd.isna(run["load_begin_ns"]) or pd.isna(run["answered"]):
        return None
    begin_ns = int(run["load_begin_ns"])
    return begin_ns, begin_ns + int(float(run["window_s"]) * 1e9)


def generator_limit(run: dict[str, Any], samples: pd.DataFrame) -> str:
    """Return why the load generator limited a run, or '' if it did not. The arguments are those of find_bottleneck.

    Of the samples, only those of Locust count.
    """
    span_ns = load_span_ns(run)
    if span_ns is None:
        return ""
    missed = int(run["missed"]) if not pd.isna(run["missed"]) else 0
    if missed:
        return f"the generator could not start {missed} arrivals"
    busiest = busiest_generator_cores(samples, *span_ns)
    if busiest is not None and busiest >= GENERATOR_BUSY:
        return f"a Locust process used {busiest:.2f} of the one core that it can use"
    return ""


def find_bottleneck(run: dict[str, Any], samples: pd.DataFrame) -> Bottleneck:
    """Judge a run by its row of the runs frame and its samples (columns: SAMPLE_COLUMNS of the records)."""
    span_ns = load_span_ns(run)
    if span_ns is None:
        return Bottleneck("none", "no load was offered", None, None, None)
    generator = cores_used(samples, ("locust",), *span_ns)
    stack = cores_used(samples, ("worker", "master"), *span_ns)
    waiting = samples[(samples["role"] == "backlog") & samples["t_ns"].between(*span_ns)]
    backlog = int(waiting["value"].max()) if len(waiting) else None
    cores = run.get("cores")
    numbers = (generator, stack, backlog)
    if why := generator_limit(run, samples):
        return Bottleneck("generator", why, *numbers)
    if generator is not None and stack is not None and not pd.isna(cores) and generator + stack >= HOST_BUSY * cores:
        return Bottleneck("host", f"stack and generator used {generator + stack:.1f} of {cores} cores", *numbers)
    # Users of a closed loop wait for their answer, so few requests are left at the end. A backlog that is never empty
    # shows that the workers were the limit all the same.
    if len(waiting) and waiting["value"].median() >= 1:
        return Bottleneck("workers", f"up to {backlog} connections waited for a worker, all the time", *numbers)
    if not pd.isna(run["offered"]) and run["offered"] and run["answered"] >= KEPT_UP * run["offered"]:
        return Bottleneck("none", "everything that was asked was answered within the window", *numbers)
    if backlog:
        return Bottleneck("workers", f"up to {backlog} connections waited for a worker", *numbers)
    return Bottleneck("workers", "requests were left over, and neither generator nor host was busy", *numbers)
