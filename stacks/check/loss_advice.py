"""The sentences of the advice about requests that were lost although the workers came back."""

from __future__ import annotations

from stacks.check.diagnosis import Findings
from stacks.check.measurement import LOST_REQUESTS
from stacks.check.options import is_set
from stacks.check.remedy_trial import best_cure

NO_PAGE = {"400", "401", "403", "404", "405"}  # the answers of a framework for a URL that is no page of the app


def loss_advice(findings: Findings) -> list[str]:
    """Return the sentences. A run with a hang gets none, because there the hang explains the losses."""
    run = findings.measurement
    if run.is_hang:
        return []
    reset = sum(run.lost.get(kind, 0) for kind in ("reset", "closed"))
    late = run.lost.get("timeout", 0)
    if (reset or late) and is_set(findings.options, "http11-socket"):
        return [
            f"{reset} of {run.requests} requests were reset and {late} timed out: http11-socket keeps connections "
            "open, so a worker serves no other client meanwhile, and drops its connections when it recycles. Use "
            "http-socket, or the http router with http-keepalive."
        ]
    sentences = []
    if reset:
        sentences.append(
            f"{reset} of {run.requests} requests were reset: the app raises an exception before it answers, or workers "
            "die."
        )
    if late:
        sentences.append(
            f"{late} of {run.requests} requests timed out although the workers came back: look for a lock that a "
            "thread held at the fork, for the work of a thread that only the master has, and for connections that were "
            "opened before the fork, which the workers share. lazy-apps = true prevents these three, and a pool that "
            "each worker opens after its fork (a function with @postfork) prevents the last one. Or raise the number "
            "of workers."
        )
    if run.problem == LOST_REQUESTS:
        sentences += [f"{trial.describe()}." for trial in findings.remedy_trials]
        if cure := best_cure(findings.remedy_trials):
            sentences.append(f"Recommended change: {cure.what}.")
    if run.statuses and set(run.statuses) <= NO_PAGE:
        sentences.append(
            f"Every answer had the status {'/'.join(run.statuses)}. The workers recycle all the same, but the latency "
            "is not that of your app: name a page of the app with --url (URL=/path)."
        )
    return sentences
