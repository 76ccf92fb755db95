"""Turns the pictures of watched uWSGIs into metrics, with the names and units of the Prometheus conventions.

`config` names the uWSGI as the table does, `master` is the pid of its master. A worker is named by its slot: pids would
make new time series with every respawn. A value that cannot be seen has no series.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from stacks.watch.totals import Totals
from stacks.watch.view import (
    AT_EXIT,
    AT_FORK,
    CAUSES,
    CHAIN,
    HUNG,
    IN_REQUEST,
    RELOADING,
    STATES,
    THROTTLED,
    InstanceView,
    WorkerView,
)

PLACES = (AT_FORK, IN_REQUEST, AT_EXIT)
WORKING = "working"  # the state of a master that does nothing besides its usual work
DOING = (WORKING, RELOADING, CHAIN, THROTTLED)
OF_MASTER = ("config", "master")
Families = dict[str, Any]  # Metric families of several classes


@dataclass(frozen=True)
class Own:
    """What the watcher says about itself."""

    healed: dict[int, int] = field(default_factory=dict)  # master pid -> workers that --heal has ended
    healing_stopped: frozenset[int] = frozenset()  # masters whose new workers hang as well
    recording_failed: bool = False  # the disk is full or cannot be written
    ended: Sequence[tuple[str, int]] = ()  # (config, pid) of masters that have ended lately, and whom nobody replaced


class Metrics(Collector):
    """A collector of prometheus_client: it asks for the pictures when Prometheus does."""

    def __init__(self, look: Callable[[], Sequence[tuple[InstanceView, Totals]]], own: Callable[[], Own] = Own) -> None:
        self._look, self._own = look, own

    def collect(self) -> Iterator[Metric]:
        """Yield every metric family."""
        own = self._own()
        families = new_families()
        for view, totals in self._look():
            labels = [view.name, str(view.master_pid)]
            _add_master(families, labels, view, totals)
            _add_workers(families, labels, view)
            _add_respawns(families, labels, view, totals)
            families["healed"].add_metric(labels, own.healed.get(view.master_pid, 0))
            stopped = float(view.master_pid in own.healing_stopped)
            families["healing_stopped"].add_metric(labels, stopped)
        for name, pid in own.ended:
            families["up"].add_metric([name, str(pid)], 0)
        yield from families.values()
        yield from watcher(own)


def new_families() -> Families:
    """Return the empty metric families, by a short name."""

    def gauge(name: str, text: str, *labels: str, unit: str = "") -> GaugeMetricFamily:
        return GaugeMetricFamily(f"uwsgi_{name}", text, labels=[*OF_MASTER, *labels], unit=unit)

    def counter(name: str, text: str, *labels: str) -> CounterMetricFamily:
        return CounterMetricFamily(f"uwsgi_{name}", text, labels=[*OF_MASTER, *labels])

    return {
        "up": gauge("master_up", "1 while the master is alive."),
        "master_hung": gauge("master_hung", "1 while the master is proven to stand still: nobody respawns a worker."),
        "doing": gauge("master_state", "1 for what the master does.", "state"),
        "reloads": counter("master_reloads", "How often the master has executed itself again."),
        "queue": gauge("listen_queue", "Connections that no worker has accepted yet.", "address", unit="connections"),
        "limit": gauge("listen_queue_limit", "Length at which the kernel refuses.", "address", unit="connections"),
        "blind": gauge("watch_blind", "1 for something that the watcher cannot see.", "what"),
        "workers": gauge("workers", "Workers by state.", "state"),
        "hung": gauge("workers_hung", "Workers that are proven to hang, by the place where they hang.", "place"),
        "state": gauge("worker_state", "1 for the state of the worker.", "slot", "state"),
        "age": gauge("worker_age", "Time since the worker was forked.", "slot", unit="seconds"),
        "state_s": gauge("worker_state_age", "Time in the present state.", "slot", unit="seconds"),
        "requests": gauge("worker_requests_in_progress", "Connections that the worker has accepted and holds.", "slot"),
        "cpu": gauge("worker_cpu", "Share of one core.", "slot", unit="ratio"),
        "memory": gauge("worker_resident_memory", "Resident memory.", "slot", unit="bytes"),
        "respawns": counter("worker_respawns", "Respawns by the cause of the end before.", "cause"),
        "hangs": counter("worker_hangs", "Workers that were proven to hang since the watching began."),
        "respawn_s": HistogramMetricFamily(
            "uwsgi_worker_respawn",
            "Time of each phase of a respawn: exit of the worker before, vacant slot, start until ready.",
            labels=[*OF_MASTER, "phase"],
            unit="seconds",
        ),
        "healed": counter("watch_healed_workers", "Hung workers that --heal has ended."),
        "healing_stopped": gauge("watch_healing_stopped", "1 after --heal gave up: the new workers hang as well."),
        "lost": counter("watch_lost_events", "How often the kernel dropped process events."),
    }


def _add_master(families: Families, labels: list[str], view: InstanceView, totals: Totals) -> None:
    def add(name: str, value: float, *more: str) -> None:
        families[name].add_metric([*labels, *more], value)

    add("up", view.is_alive)
    add("master_hung", bool(view.master_hang))
    for state in DOING:
        add("doing", state == (view.doing or WORKING), state)
    add("reloads", view.reloads)
    add("lost", totals.lost)
    for queue in view.queues or ():
        add("queue", queue.waiting, queue.address)
        add("limit", queue.limit, queue.address)
    for what in sorted({blind.what for blind in view.blind}):
        add("blind", 1, what)


def _add_workers(families: Families, labels: list[str], view: InstanceView) -> None:
    def add(name: str, value: float | None, *more: str) -> None:
        if value is not None:
            families[name].add_metric([*labels, *more], value)

    for state in STATES:
        add("workers", view.count(state), state)
    for place in PLACES:
        add("hung", sum(worker.state == HUNG and worker.where == place for worker in view.workers), place)
    for slot, worker in by_slot(view.workers).items():
        for state in STATES:
            add("state", worker.state == state, str(slot), state)
        add("age", worker.age_s, str(slot))
        add("state_s", worker.state_s, str(slot))
        add("requests", worker.requests, str(slot))
        add("cpu", worker.cpu, str(slot))
        add("memory", None if worker.rss_kib is None else worker.rss_kib * 1024, str(slot))


def by_slot(workers: Iterable[WorkerView]) -> dict[int, WorkerView]:
    """Return one worker for each known slot: a hung one before others, and then the youngest.

    During a reload two workers may fill one slot, and Prometheus refuses a whole answer with one series twice.
    """
    chosen: dict[int, WorkerView] = {}
    for worker in sorted(workers, key=lambda worker: (worker.state == HUNG, -worker.age_s)):
        if worker.slot is not None:
            chosen[worker.slot] = worker
    return dict(sorted(chosen.items()))


def _add_respawns(families: Families, labels: list[str], view: InstanceView, totals: Totals) -> None:
    for cause in CAUSES:
        families["respawns"].add_metric([*labels, cause], view.respawns.get(cause, 0))
    families["hangs"].add_metric(labels, totals.hangs)
    for phase, histogram in totals.respawn_s.items():
        families["respawn_s"].add_metric([*labels, phase], buckets=histogram.cumulative(), sum_value=histogram.sum_s)


def watcher(own: Own) -> Iterator[Metric]:
    """Yield the metrics of the watcher's own process."""
    yield CounterMetricFamily("uwsgi_watch_cpu_seconds", "CPU time of the watcher.", value=time.process_time())
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    memory = pages * os.sysconf("SC_PAGE_SIZE")
    yield GaugeMetricFamily("uwsgi_watch_resident_memory_bytes", "Resident memory of the watcher.", value=memory)
    text = "1 while rows cannot be written, because the disk is full for example."
    yield GaugeMetricFamily("uwsgi_watch_recording_failed", text, value=float(own.recording_failed))
