"""Judges the state of a run: the verdict on its cell, the reason in a sentence, and the counts behind it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from stacks.lifecycle.counted import counted
from stacks.lifecycle.deaths import describe_crash_loop, describe_silent_deaths, silent_deaths
from stacks.lifecycle.episode import Episode
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.loss_reasons import is_unanswered, losses_of_healthy_workers, no_answer
from stacks.lifecycle.rates import highest_rate_without_hang
from stacks.lifecycle.stopping import overdue_text
from stacks.lifecycle.stuck_workers import overdue_pids, stuck_at_exit

# The most severe one first: a run gets the first verdict that holds, and a cell gets the first one among its runs.
VERDICTS = (
    "hung_master",
    "hung_worker",
    "hung_request",
    "hung_exit",
    "dead_master",
    "crash_loop",
    "throttled",
    "invalid",
    "recovers",
)
# So many crashes make a loop, if one slot has more than one: fewer may come from one bad request, and one crash in each
# slot may be the end of the whole instance.
CRASH_LOOP = 3


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a run says of its cell, with the counts behind it. The counts stand under these names in run.json."""

    verdict: str | None  # one of VERDICTS; None while the verdict could still change
    reason: str
    respawns: int  # trials of the hang rate: respawns that became ready or hung
    hung: int  # respawns that hung at their fork
    hung_initial: int  # workers of the first generation that hung at their fork
    evidence: str | None


class _Case:
    """The facts of a run on which its verdict rests."""

    def __init__(self, lifecycle: Lifecycle) -> None:
        self.lifecycle = lifecycle
        episodes = lifecycle.episodes()
        self.respawns = sum(episode.is_respawn for episode in episodes)
        # They became ready and ended before they had answered a request, so they did not come back.
        self.silent_deaths = silent_deaths(lifecycle.workers, lifecycle.losses)
        ready = sum(episode.outcome == "ready" and episode.generation > 0 for episode in episodes)
        self.recovered = ready - sum(incarnation.generation > 0 for incarnation in self.silent_deaths)
        self.hung = _with_outcome(episodes, "hung_at_fork")
        self.hung_initial = sum(episode.generation == 0 for episode in self.hung)
        deadlocks = {pid: proof for pid, proof in lifecycle.deadlocks().items() if not proof.at_exit}
        self.deadlocked = list(deadlocks)
        self.waits_for_stop = all(proof.is_stop for proof in deadlocks.values())
        self.at_exit = [episode.previous_pid for episode in _with_outcome(episodes, "hung_at_exit")]
        self.at_exit += stuck_at_exit(lifecycle.workers, lifecycle.now_ns)
        self.crashes = len(_with_outcome(episodes, "crashed"))
        self.deaths = Counter(episode.slot for episode in _with_outcome(episodes, "crashed"))
        self.deaths.update(incarnation.slot for incarnation in self.silent_deaths)
        self.master_hang = lifecycle.master_hang()

    def evidence(self) -> str | None:
        """Return the evidence of the worst hang, or None if nothing hangs."""
        if self.master_hang:
            return self.lifecycle.hangs.evidence([self.lifecycle.masters.pid])
        # The words of one kind of hang beside the backtrace of another kind would tell of a wait that nobody has.
        kinds: tuple[list[int | None], ...] = ([e.pid for e in self.hung], [*self.deadlocked], [*self.at_exit])
        return next(filter(None, (self.lifecycle.hangs.evidence(pids) for pids in kinds)), None)


def _with_outcome(episodes: list[Episode], outcome: str) -> list[Episode]:
    return [episode for episode in episodes if episode.outcome == outcome]


def judge(lifecycle: Lifecycle, wanted: int, *, finished: bool) -> Judgement:
    """Return the verdict of a run, or a verdict of None while it could still change.

    `wanted` is the number of respawns that a run must have seen before it may say `recovers`. `finished` is True if no
    more rows will come: then there is always a verdict.
    """
    case = _Case(lifecycle)
    verdict, reason = _verdict(case, wanted, finished)
    hung = len(case.hung) - case.hung_initial
    return Judgement(verdict, reason, case.respawns, hung, case.hung_initial, case.evidence())


def _verdict(case: _Case, wanted: int, finished: bool) -> tuple[str | None, str]:
    """Return the first verdict that holds, with its reason. Hangs hold before the rows are complete."""
    lifecycle = case.lifecycle
    if case.master_hang:
        return "hung_master", case.master_hang
    if case.hung:
        first = " (first generation)" if case.hung_initial == len(case.hung) else ""
        workers = counted(len(case.hung), "worker was", "workers were")
        at_exit = f", and {_never_ended(case)}" if case.at_exit else ""
        return "hung_worker", f"{workers} forked and never became ready{first}{at_exit}"
    if case.deadlocked:
        one, more = "each of its threads waits for ever on a lock", "every thread of theirs waits for ever on a lock"
        if case.waits_for_stop:
            one, more = (f"{it} for ever for a thread of the master to stop" for it in ("it waits", "they wait"))
        one, more = f"worker accepts and never answers: {one}", f"workers accept and never answer: {more}"
        return "hung_request", counted(len(case.deadlocked), one, more)
    if lifecycle.masters.stop is not None:
        return _stop_verdict(lifecycle, finished)
    if case.at_exit:
        if set(case.at_exit) <= set(overdue_pids(lifecycle.workers, lifecycle.now_ns)):
            workers = counted(len(case.at_exit), "worker was", "workers were")
            return "hung_exit", f"{workers} {overdue_text(lifecycle.workers.mercy_s)}"
        return "hung_exit", _never_ended(case)
    if lifecycle.ended:
        return "dead_master", f"{lifecycle.ended}: nobody is left to respawn a worker"
    died = case.deaths.total()
    if died >= CRASH_LOOP and died > case.recovered and max(case.deaths.values()) > 1:
        return "crash_loop", describe_crash_loop(case.crashes, case.silent_deaths)
    return _final_verdict(case, wanted) if finished else (None, "")


def _never_ended(case: _Case) -> str:
    return f"{counted(len(case.at_exit), 'worker', 'workers')} began to exit and never ended"


def _stop_verdict(lifecycle: Lifecycle, finished: bool) -> tuple[str | None, str]:
    """Return the verdict on a stop that a trigger asked for."""
    stop = lifecycle.masters.stop
    assert stop is not None  # noqa: S101 - the caller has checked it
    verdict, reason = stop.verdict(lifecycle.masters.overdue_workers(lifecycle.now_ns), finished=finished)
    if verdict == "recovers":  # requests that come after the stop are refused, which is no loss
        reason += losses_of_healthy_workers({kind: lifecycle.losses.get(kind, 0) for kind in ("reset", "truncated")})
        if is_unanswered(lifecycle.losses):
            return "invalid", f"{no_answer(lifecycle.losses)}; {reason}"
    return verdict, reason


def _final_verdict(case: _Case, wanted: int) -> tuple[str, str]:
    """Return the verdict of a run in which nothing hangs, once its rows are complete."""
    lifecycle = case.lifecycle
    if lifecycle.is_held_up:
        gap = f"the observer was held up for {lifecycle.heartbeat_gap_s:.1f} s"
        return "invalid", f"{gap}, by a busy machine or a slow disk: repeat the run"
    if is_unanswered(lifecycle.losses):
        back = counted(case.recovered, "respawned worker was", "respawned workers were")
        return "invalid", (
            f"{no_answer(lifecycle.losses)}: {back} ready, and nothing is known about workers that serve. "
            "See what the page needs, and the timeout of the scenario."
        )
    if lifecycle.throttles:
        return "throttled", (
            f"the master slept {counted(lifecycle.throttles, 'time', 'times')} because workers respawned too fast "
            "(forkbomb-delay)"
        )
    too_slow = _too_slow(case, wanted) if case.respawns < wanted else ""
    if case.respawns < wanted and not too_slow:
        return "invalid", _too_few(lifecycle, case.respawns, wanted)
    died = f"; but {describe_silent_deaths(case.silent_deaths)}" if case.silent_deaths else ""
    back = f"{case.recovered} of {counted(case.respawns, 'respawned worker', 'respawned workers')} came back"
    if died and not case.recovered:
        return "invalid", f"{back}{died}. Raise DURATION, so that the run shows whether this is a loop."
    reason = back + losses_of_healthy_workers(lifecycle.losses) + died + too_slow
    for stop in lifecycle.masters.handovers():
        reason += f"; the master before ended {stop.took_s:.1f} s after it was told to"
    return "recovers", reason


def _too_slow(case: _Case, wanted: int) -> str:
    """Return the part of a reason for fewer respawns than wanted, if that is due to slow recycles; otherwise ''."""
    recycle = case.lifecycle.slow_recycle(wanted)
    rate = highest_rate_without_hang(case.respawns)
    if recycle is None or rate is None:
        return ""
    return (
        f"; {recycle.describe()}, so the {wanted} that were wanted do not fit into "
        f"{case.lifecycle.load_limit_s:.0f} s, and hang rates below {100 * rate:.0f} % are not ruled out"
    )


def _too_few(lifecycle: Lifecycle, respawns: int, wanted: int) -> str:
    text = f"{counted(respawns, 'respawn', 'respawns')} seen, {wanted} wanted: too few to say anything. "
    if lifecycle.masters.pending_trigger:
        return text + f"Nothing came of what was asked: {lifecycle.masters.pending_trigger}."
    if not lifecycle.workers.has_departures():
        if lifecycle.losses.get("requests") == 0:
            return text + "No request was sent: see locust.log, and the wait time of the scenario."
        if lifecycle.losses.get("timeout"):
            return text + f"No worker ever left{losses_of_healthy_workers(lifecycle.losses)}."
        return text + (
            "No worker ever left: min-worker-lifetime is 10 s by default and holds max-requests back; "
            "set min-worker-lifetime = 0, or lower MAX_REQUESTS."
        )
    return text + "Raise DURATION or WORKERS, or lower MAX_REQUESTS."
