"""The decision of a capacity plan: one sentence, the lines for a stack's ini, and the commands that repeat it."""

from __future__ import annotations

from analysis.reports.capacity_plan import CapacityPlan


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


def ini(plan: CapacityPlan) -> str:
    """The recommendation as lines of a stack's ini."""
    advice = plan.advice
    lines = [
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
