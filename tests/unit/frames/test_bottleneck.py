"""The bottleneck of a run, from its samples."""

import pandas as pd
import pytest

from analysis.frames.bottleneck import find_bottleneck


def samples(locust: float, worker: float, backlog: int) -> pd.DataFrame:
    """Three samples of one Locust process and one worker that use so many cores, and one sample of the backlog."""
    rows = [
        {"t_ns": s * 10**9, "role": role, "pid": pid, "cpu_ticks": int(100 * cores * s), "value": 0}
        for s in (0, 1, 2)
        for role, pid, cores in (("locust", 1, locust), ("worker", 2, worker))
    ]
    return pd.DataFrame([*rows, {"t_ns": 10**9, "role": "backlog", "pid": 0, "cpu_ticks": 0, "value": backlog}])


@pytest.mark.parametrize(
    ("locust", "worker", "backlog", "answered", "missed", "limit"),
    [
        (0.95, 0.1, 5, 50, 0, "generator"),
        (0.5, 0.1, 5, 50, 3, "generator"),
        (0.6, 1.3, 5, 50, 0, "host"),
        (0.3, 0.3, 5, 50, 0, "workers"),
        (0.3, 0.3, 0, 100, 0, "none"),
    ],
)
def test_the_bottleneck_is_named(locust, worker, backlog, answered, missed, limit):
    run = {"load_begin_ns": 0, "window_s": 2.0, "answered": answered, "offered": 100, "missed": missed, "cores": 2}
    assert find_bottleneck(run, samples(locust, worker, backlog)).limit == limit


def test_every_process_of_the_generator_has_a_core_of_its_own():
    run = {"load_begin_ns": 0, "window_s": 2.0, "answered": 50, "offered": 100, "missed": 0, "cores": 8}
    first = samples(0.6, 0.3, 5)
    second = first[first["role"] == "locust"].assign(pid=9)
    bottleneck = find_bottleneck(run, pd.concat([first, second]))
    assert (bottleneck.limit, bottleneck.generator_cores) == ("workers", pytest.approx(1.2))


def test_the_generator_is_measured_only_while_it_sends():
    run = {"load_begin_ns": 10**9, "window_s": 3.0, "answered": 50, "offered": 100, "missed": 0, "cores": 8}
    ticks = {0: 0, 1: 0, 2: 95, 3: 190, 4: 285, 5: 290}  # idle before and after the load
    locust = [{"t_ns": s * 10**9, "role": "locust", "pid": 1, "cpu_ticks": t, "value": 0} for s, t in ticks.items()]
    assert find_bottleneck(run, pd.DataFrame(locust)).limit == "generator"
