"""Who was the limit of a run: the load generator, the workers, the host, or nobody; from the /proc samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

TICKS_A_SECOND = 100  # USER_HZ, which Linux fixes at 100 for what it tells user space (include/asm-generic/param.h)
# A Locust process uses one core, and its own documentation warns above 90 % of it.
GENERATOR_BUSY = 0.9
HOST_BUSY = 0.9
# An arrival that begins so late was held up by the generator, not by the stack.
LATE_MS = 50.0
KEPT_UP = 0.99


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """`limit` is generator, host, workers or none; the CPU times are cores in use."""

    limit: str
    why: str
    generator_cores: float | None
    stack_cores: float | None
    backlog: int | None


def cores_used(samples: pd.DataFrame, roles: tuple[str, ...], begin_ns: int, end_ns: int) -> float | None:
    """CPU seconds a second of all processes of these roles; None without two samples of one of them."""
    rows = samples[samples["role"].isin(roles) & (samples["pid"] > 0)]
    rows = rows[(rows["t_ns"] >= begin_ns - 1_500_000_000) & (rows["t_ns"] <= end_ns + 1_500_000_000)]
    if rows.empty:
        return None
    spans = rows.groupby("pid").agg(
        first=("cpu_ticks", "min"), last=("cpu_ticks", "max"), since=("t_ns", "min"), until=("t_ns", "max")
    )
    seconds = (float(spans["until"].max()) - float(spans["since"].min())) / 1e9
    # A worker that recycled has little left of its time in two samples, so this is a lower bound.
    return float((spans["last"] - spans["first"]).sum()) / TICKS_A_SECOND / seconds if seconds > 0 else None


def busiest(samples: pd.DataFrame, begin_ns: int, end_ns: int) -> float | None:
    """The cores that the busiest process of the generator used: it has one, however many processes there are.

    Of the samples within the load where there are two: in those around it Locust loads, waits and ends.
    """
    locust = samples[samples["role"] == "locust"]
    used = []
    for _, of_one in locust.groupby("pid"):
        within = of_one[of_one["t_ns"].between(begin_ns, end_ns)]
        used.append(cores_used(within if len(within) > 1 else of_one, ("locust",), begin_ns, end_ns))
    return max((cores for cores in used if cores is not None), default=None)


def find(run: dict[str, Any], samples: pd.DataFrame) -> Bottleneck:
    """Judge a run by its row of the runs frame and its samples."""
    begin, window_s = run["load_begin_ns"], run["window_s"]
    if pd.isna(begin) or pd.isna(run["answered"]):
        return Bottleneck("none", "no load was offered", None, None, None)
    end = int(begin) + int(float(window_s) * 1e9)
    generator = cores_used(samples, ("locust",), int(begin), end)
    stack = cores_used(samples, ("worker", "master"), int(begin), end)
    waiting = samples[(samples["role"] == "backlog") & samples["t_ns"].between(int(begin), end)]
    backlog = int(waiting["value"].max()) if len(waiting) else None
    cores = run.get("cores")
    found = (generator, stack, backlog)
    missed = int(run["missed"]) if not pd.isna(run["missed"]) else 0
    if missed:
        return Bottleneck("generator", f"the generator could not start {missed} arrivals", *found)
    most = busiest(samples, int(begin), end)
    if most is not None and most >= GENERATOR_BUSY:
        return Bottleneck("generator", f"a Locust process used {most:.2f} of the one core that it can use", *found)
    if generator is not None and stack is not None and not pd.isna(cores) and generator + stack >= HOST_BUSY * cores:
        return Bottleneck("host", f"stack and generator used {generator + stack:.1f} of {cores} cores", *found)
    # Users of a closed loop leave little over, however long they wait: what tells is that some always do.
    if len(waiting) and waiting["value"].median() >= 1:
        return Bottleneck("workers", f"up to {backlog} connections waited for a worker, all the time", *found)
    if not pd.isna(run["offered"]) and run["offered"] and run["answered"] >= KEPT_UP * run["offered"]:
        return Bottleneck("none", "everything that was asked was answered within the window", *found)
    if backlog:
        return Bottleneck("workers", f"up to {backlog} connections waited for a worker", *found)
    return Bottleneck("workers", "requests were left over, and neither generator nor host was busy", *found)
