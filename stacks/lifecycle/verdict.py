"""The verdict: what a run says of its cell, from the state that its rows have added up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from stacks.lifecycle.stopping import still_there
from stacks.lifecycle.workers import Lifecycle

# Most severe first: what a run says, and what a cell says that has several runs.
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
# Crashes that make a loop, one after another: fewer may be one bad request, and one in each slot the end of all.
CRASH_LOOP = 3
# A gap between the observer's heartbeats (one a second) that makes a run worthless.
HEARTBEAT_GAP_S = 5.0
# How a `losses` row is put into words.
LOSSES = {
    "timeout": "{} requests were not answered in time although no worker is hung",
    "reset": "{} requests were cut off",
    "truncated": "{} answers ended before their length",
    "refused": "{} requests were refused",
    "failed": "{} requests were answered with a 5xx status",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a run says of its cell, with the counts behind it."""

    verdict: str | None  # None while nothing is certain
    reason: str
    respawns: int
    hung: int  # respawns that hung
    hung_initial: int  # workers of the first generation that never came up
    evidence: str | None


def judge(lifecycle: Lifecycle, wanted: int, *, finished: bool) -> Judgement:
    """The verdict, or None while it could still change.

    `wanted` is how many respawns a run must have seen before silence means health; `finished`
    says that no more rows will come.
    """
    episodes = lifecycle.episodes()
    respawns = sum(episode.is_respawn for episode in episodes)
    hung = [episode for episode in episodes if episode.outcome == "hung_at_fork"]
    hung_initial = sum(episode.generation == 0 for episode in hung)
    deadlocked = [pid for pid, proof in lifecycle.deadlocks().items() if not proof.at_exit]
    at_exit = [episode.previous_pid for episode in episodes if episode.outcome == "hung_at_exit"]
    at_exit += lifecycle.stuck_at_exit()
    crashes = Counter(episode.slot for episode in episodes if episode.outcome == "crashed")
    crashed = crashes.total()
    recovered = sum(episode.outcome == "ready" and episode.generation > 0 for episode in episodes)
    master = lifecycle.master_hung()

    verdict, reason = None, ""
    if master:
        verdict, reason = "hung_master", master
    elif hung:
        first = " (first generation)" if hung_initial == len(hung) else ""
        verdict, reason = "hung_worker", f"{len(hung)} workers were forked and never became ready{first}"
    elif deadlocked:
        verdict = "hung_request"
        reason = f"{len(deadlocked)} workers accept and never answer: every thread of theirs waits for ever on a lock"
    elif lifecycle.stopping is not None:
        verdict, reason = lifecycle.stopping.verdict(lifecycle.overdue(), finished=finished)
        if verdict == "recovers":  # nobody has promised an answer to those that come after a stop
            reason += _losses({kind: lifecycle.losses.get(kind, 0) for kind in ("reset", "truncated")})
    elif at_exit:
        verdict, reason = "hung_exit", f"{len(at_exit)} workers began to exit and never ended"
        if set(at_exit) <= set(lifecycle.overstaying()):
            reason = f"{len(at_exit)} workers were {still_there(lifecycle.mercy_s)}"
    elif lifecycle.ended:
        verdict, reason = "dead_master", f"{lifecycle.ended}: nobody is left to respawn a worker"
    elif crashed >= CRASH_LOOP and crashed > recovered and max(crashes.values()) > 1:
        verdict, reason = "crash_loop", f"{crashed} workers died before they were ready"
    elif finished and lifecycle.heartbeat_gap_s > HEARTBEAT_GAP_S:
        verdict = "invalid"
        reason = f"the observer was held up for {lifecycle.heartbeat_gap_s:.1f} s: repeat the run"
    elif lifecycle.throttles and finished:
        verdict = "throttled"
        reason = f"the master slept {lifecycle.throttles} times because workers respawned too fast (forkbomb-delay)"
    elif finished and respawns < wanted:
        verdict, reason = "invalid", _too_few(lifecycle, respawns, wanted)
    elif finished:
        verdict = "recovers"
        reason = f"{recovered} of {respawns} respawned workers came back{_losses(lifecycle.losses)}"
        for stop in lifecycle.handovers():
            reason += f"; the master before ended {stop.took_s:.1f} s after it was told to"
    evidence = lifecycle.stillness.evidence([*(e.pid for e in hung), *deadlocked, *at_exit])
    if master:
        evidence = lifecycle.stillness.evidence([lifecycle.master_pid])
    return Judgement(verdict, reason, respawns, len(hung) - hung_initial, hung_initial, evidence)


def _losses(losses: dict[str, int]) -> str:
    """What a run that recovers cost its clients all the same."""
    told = [text.format(losses[kind]) for kind, text in LOSSES.items() if losses.get(kind)]
    return f"; but {', '.join(told)}" if told else ""


def _too_few(lifecycle: Lifecycle, respawns: int, wanted: int) -> str:
    text = f"{respawns} respawns seen, {wanted} wanted: too few to say anything. "
    if lifecycle.ignored:
        return text + f"Nothing came of what was asked: {lifecycle.ignored}."
    if not lifecycle.anybody_left():
        if lifecycle.losses.get("timeout"):
            return text + f"No worker ever left{_losses(lifecycle.losses)}."
        return text + (
            "No worker ever left: min-worker-lifetime is 10 s by default and holds max-requests back; "
            "set min-worker-lifetime = 0, or lower MAX_REQUESTS."
        )
    return text + "Raise DURATION or WORKERS, or lower MAX_REQUESTS."
