"""The decision of a capacity plan: a sentence, what contradicts it, a uWSGI ini, and the commands that repeat it."""

from __future__ import annotations

from analysis.reports.capacity_plan import CapacityPlan

OUTAGE = "time to total outage"  # how a check of the outage's formula begins


def decision(plan: CapacityPlan) -> str:
    """What to run and what it answers, or why nothing can be recommended, as a sentence."""
    advice, demand = plan.advice, plan.demand
    if not advice.feasible:
        return advice.why_not[:1].upper() + advice.why_not[1:] + "."
    spare = f", {advice.spares} of them spare," if advice.spares else ""
    threads = f" of {advice.threads} threads" if advice.threads != 1 else ""
    less = "Without the spare ones and with" if advice.spares else "With"
    return (
        f"Run {advice.workers} workers{threads}{spare} with pyuwsgi {advice.package_version} on Python "
        f"{advice.python}. {less} the cost of recycling, they answer at least {advice.lower_rps:.0f} requests/s "
        f"(the lower 95 % limit); {demand.wanted_rps:.0f} are wanted."
    )


def doubt(plan: CapacityPlan) -> str:
    """What the runs themselves say against the decision, as a sentence: formulas that most of their checks contradict.

    An empty text where no formula of the decision was contradicted. The time to an outage is no part of the decision.
    """
    checks = [check for check in plan.checks if not check.what.startswith(OUTAGE)]
    of_formula = {check.what.partition(",")[0].partition(" (")[0] for check in checks}
    failed = []
    for what in sorted(of_formula):
        group = [check for check in checks if check.what.startswith(what)]
        missed = sum(not check.holds for check in group)
        if 2 * missed > len(group):
            failed.append(f"{missed} of {len(group)} checks of the formula for {what} do not hold")
    if not plan.advice.feasible or not failed:
        return ""
    return (
        f"Doubtful: {' and '.join(failed)} on these runs (see Measured and predicted). Often other work on the host "
        "is the cause; measure again on a host that does nothing else."
    )


def ini(plan: CapacityPlan) -> str:
    """The recommendation as a uWSGI ini with the mode of the measured server; only address and app are missing."""
    advice = plan.advice
    runs = plan.results.counted
    runs = runs[(runs["stack_id"] == advice.stack) & (runs["version"] == advice.version)]
    is_threaded = (advice.threads or 1) > 1 or bool(runs["enable_threads"].fillna(False).any())
    lines = [
        "[uwsgi]",
        "; add the address (http-socket, socket) and the app (module, wsgi-file)",
        "master = true",
        "enable-threads = true" if is_threaded else "",
        "lazy-apps = true" if advice.lazy_apps else "",
        "die-on-term = true",
        f"processes = {advice.workers}",
        f"threads = {advice.threads}" if (advice.threads or 1) > 1 else "",
        f"max-requests = {advice.max_requests}",
        f"max-requests-delta = {advice.max_requests_delta}" if advice.max_requests_delta else "",
        f"min-worker-lifetime = {advice.min_worker_lifetime_s}",
        f"listen = {advice.listen_backlog}",
    ]
    return "\n".join(line for line in lines if line)


def commands(plan: CapacityPlan) -> list[str]:
    """The commands that repeat the campaigns and the report."""
    of_campaigns = [campaign.get("command") for campaign in plan.results.campaigns]
    distinct = [str(command) for command in dict.fromkeys(of_campaigns) if command]
    demand = plan.demand
    report = f"python -m analysis report --demand {demand.rps:g} --slo-p99 {1e3 * demand.slo_p99_s:g}ms "
    report += f"--headroom {100 * demand.headroom:g}% RESULTS"
    return [*distinct, report]
