"""Judges each way that a run has taken, from its recorded rows: whether the workers came back, and what it cost.

A way has one of the verdicts of a run, or one of these: `old_workers` (nothing hangs, and workers that the way should
have replaced go on serving), `broken_app` (new workers serve, and answer with a 5xx status) and `not_taken`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from stacks.lifecycle.counted import counted
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.outages import Outage, Request, failed_share, outage
from stacks.lifecycle.records import Event
from stacks.lifecycle.verdict import VERDICTS, judge
from stacks.lifecycle.way_steps import ALL, END, FEWER, MORE, WayStep, way_steps

# The most severe one first.
WAY_VERDICTS = (*VERDICTS[: VERDICTS.index("throttled")], "old_workers", "broken_app", *VERDICTS[-3:], "not_taken")
CAME_BACK = ("recovers", "throttled")  # the verdicts of a way, or of a run, whose workers came back
FAILURES = frozenset(WAY_VERDICTS[: WAY_VERDICTS.index("throttled")])
BEFORE_S = 1.0  # the answers of this time before a way are the usual ones
AFTER_S = 0.5  # what a way does to the clients may show a little later than its end
BROKEN_SHARE, SOUND_SHARE = 0.5, 0.1  # of the answers that have a 5xx status, after and before a way


@dataclass(frozen=True)
class WayResult:
    """What came of one way. A time is None if it was not seen. check.json has these names."""

    verdict: str  # one of WAY_VERDICTS
    reason: str
    evidence: str | None = None
    times: int = 1  # how often the way was taken
    replaced: int = 0  # workers that left and whose successors were ready
    ended_s: float | None = None  # until everything that the way wants had happened
    nothing_s: float = 0.0
    less_s: float | None = None
    requests: int = 0
    lost: dict[str, int] = field(default_factory=dict)
    new_code: bool | None = None  # the app was loaded anew for each worker that serves; None: not known, or none serves

    @property
    def fails(self) -> bool:
        """True if workers did not come back, or the instance did not end."""
        return self.verdict in FAILURES


def way_results(rows: Sequence[Event], requests: Sequence[Request]) -> list[tuple[str, WayResult]]:
    """Return each way that was taken, in order, with its result. `rows` are those of the run up to its verdict."""
    return [(step.way, _result(rows, requests, step)) for step in way_steps(rows)]


def _result(rows: Sequence[Event], requests: Sequence[Request], step: WayStep) -> WayResult:
    seen = rows[: step.last]
    lifecycle = Lifecycle.of(seen)
    end_ns = step.done_ns or seen[-1].t_ns
    limit_ns = min(seen[-1].t_ns, end_ns + round(AFTER_S * 1e9)) if step.wants != END else end_ns
    before_ns = step.asked_ns - round(BEFORE_S * 1e9)
    met = outage(requests, before_ns, step.asked_ns, limit_ns)
    verdict, reason, evidence = _verdict(lifecycle, step)
    if verdict == "recovers" and step.wants != END:
        shares = failed_share(requests, before_ns, step.asked_ns), failed_share(requests, end_ns, seen[-1].t_ns)
        verdict, reason = _answers(*shares) or (verdict, reason)
    if step.wants == END and verdict == "recovers":
        # Nobody answers a request that comes after a stop was asked for. It is refused, or reset in the listen queue:
        # that is no loss.
        before = [row for row in requests if row.start_ns <= step.asked_ns]
        cut = outage(before, before_ns, step.asked_ns, limit_ns).lost
        cut = {kind: count for kind, count in cut.items() if kind in ("reset", "truncated")}
        met = Outage(met.requests, 0.0, None, cut)
    has_new = verdict == "recovers" and step.wants == ALL
    return WayResult(
        verdict,
        reason,
        evidence,
        replaced=_replaced(lifecycle, step),
        ended_s=round((step.done_ns - step.asked_ns) / 1e9, 3) if step.done_ns else None,
        nothing_s=met.nothing_s,
        less_s=met.less_s,
        requests=met.requests,
        lost=met.lost,
        new_code=has_new_code(seen, lifecycle, step.asked_ns) if has_new else None,
    )


def _answers(before: float, after: float) -> tuple[str, str] | None:
    """Return the verdict on new workers that answer with errors, and its reason; None if they do not.

    `before` and `after` are the shares of the answers with a 5xx status.
    """
    if after < BROKEN_SHARE:
        return None
    if before > SOUND_SHARE:
        return "invalid", f"{100 * before:.0f} % of the answers had a 5xx status before"
    return "broken_app", f"new workers serve, and {100 * after:.0f} % of their answers have a 5xx status"


def _verdict(lifecycle: Lifecycle, step: WayStep) -> tuple[str, str, str | None]:
    """Return the verdict on the workers, its reason, and the evidence."""
    judged = judge(lifecycle, 0, finished=False)
    if step.wants == END:
        return _end_verdict(lifecycle, step, judged.evidence)
    if judged.verdict is not None and judged.verdict in FAILURES:
        return judged.verdict, judged.reason, judged.evidence
    if lifecycle.ended:  # uWSGI logs the end of an instance whose new worker cannot load the app as a stop (need-app)
        return "dead_master", f"{lifecycle.ended}: nobody is left to respawn a worker", None
    if step.done_ns is None:
        return _unfinished(lifecycle, step)
    seconds = (step.done_ns - step.asked_ns) / 1e9
    return "recovers", f"{_effect(step)} within {seconds:.1f} s", None


def _effect(step: WayStep) -> str:
    if step.wants in (FEWER, MORE):
        return "a worker ended" if step.wants == FEWER else "a further worker was ready"
    return f"{counted(len(step.pids), 'worker', 'workers')} replaced"


def _end_verdict(lifecycle: Lifecycle, step: WayStep, evidence: str | None) -> tuple[str, str, str | None]:
    if step.done_ns is not None:
        return "recovers", f"the instance had ended {(step.done_ns - step.asked_ns) / 1e9:.1f} s later", None
    seconds = (lifecycle.now_ns - step.asked_ns) / 1e9
    alive = [i for i in lifecycle.current().values() if i.exited_ns is None]
    if {i.pid for i in alive} - step.pids:
        return "old_workers", f"no stop: new workers serve {seconds:.0f} s later", evidence
    left = f"{counted(len(alive), 'worker', 'workers')} and the master are" if alive else "the master is"
    return "hung_exit", f"{left} still there {seconds:.0f} s after the signal", evidence


def _unfinished(lifecycle: Lifecycle, step: WayStep) -> tuple[str, str, str | None]:
    """Return the verdict of a way that did not end, and in which nothing is proven to hang."""
    seconds = (lifecycle.now_ns - step.asked_ns) / 1e9
    workers = [newest for newest in lifecycle.current().values() if newest.pid in step.pids]
    still = [worker for worker in workers if worker.exited_ns is None]
    leaving = [worker for worker in still if worker.is_told_to_leave or worker.exit_begun_ns is not None]
    if not step.was_given_up:
        return "invalid", "the run ended before this way had an effect: check again", None
    if lifecycle.is_held_up:
        return "invalid", f"the machine was busy: the observer was held up for {lifecycle.heartbeat_gap_s:.1f} s", None
    if step.wants == MORE:
        return "invalid", f"the master started no further worker within {seconds:.0f} s", None
    if len(leaving) == len(still) > 0:
        mercy = f"worker-reload-mercy is {lifecycle.workers.mercy_s:.0f} s"
        text = f"{counted(len(still), 'worker was', 'workers were')} told to leave and still there"
        return "hung_exit", f"{text} {seconds:.0f} s later ({mercy})", lifecycle.hangs.evidence([w.pid for w in still])
    if still and step.wants == FEWER:
        return "invalid", f"the master ended no worker within {seconds:.0f} s", None
    if still:
        of = f"{len(still)} of {counted(len(step.pids), 'old worker', 'old workers')}"
        return "old_workers", f"{of} still serve {seconds:.0f} s later, and nothing replaces them", None
    if lifecycle.unreaped_s() > 0:
        return "hung_master", f"no worker was forked for a dead one for {lifecycle.unreaped_s():.0f} s", None
    return "invalid", f"the new workers were not ready {seconds:.0f} s later, and nothing is known to hang", None


def _replaced(lifecycle: Lifecycle, step: WayStep) -> int:
    """Return how many of the workers that the way had to replace have a successor that is ready."""
    if step.wants in (FEWER, MORE):
        return 0
    count = 0
    for incarnations in lifecycle.workers.by_slot.values():
        index = next((n for n, i in enumerate(incarnations) if i.pid in step.pids), None)
        count += index is not None and any(i.ready_ns is not None for i in incarnations[index + 1 :])
    return count


def has_new_code(rows: Sequence[Event], lifecycle: Lifecycle, since_ns: int) -> bool | None:
    """Return True if the app was loaded after `since_ns` for each worker that serves, by itself or by its master.

    Return None if the log does not say who loads the app.
    """
    loaded = {row.pid: row.t_ns for row in rows if row.kind == "app_ready" and row.pid}
    master = loaded.get(lifecycle.masters.pid, 0)
    times: list[int] = [max(loaded.get(pid, 0), master) for pid in lifecycle.ready()]
    if not times or 0 in times:
        return None
    return all(t_ns > since_ns for t_ns in times)
