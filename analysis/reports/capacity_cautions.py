"""Lists what a reader must know before relying on a capacity plan: where its measurements are weak."""

from __future__ import annotations

from analysis.capacity.measurements import Measurements
from analysis.capacity.recommendation import Recommendation
from analysis.frames.cells import Cell
from analysis.frames.results import Results, hosts
from stacks.lifecycle.rates import respawns_to_rule_out

# So many respawns without a hang rule out a hang rate above 5 %; so many does CONFIDENCE=1% plan.
RESPAWNS_AGAINST_5_PERCENT = respawns_to_rule_out(0.05)
RESPAWNS_AGAINST_1_PERCENT = respawns_to_rule_out(0.01)


def cautions(results: Results, cells: list[Cell], facts: Measurements, advice: Recommendation) -> list[str]:
    """The cautions as clauses without a full stop; those of the recommendation come first."""
    clauses = list(advice.cautions)
    counted = results.counted
    polled = int(counted["polled"].fillna(False).sum())
    if polled:
        clauses.append(
            f"{polled} runs read the stats socket, which wakes the master and shortens respawns: "
            "their times are not comparable with the others"
        )
    few = [c.name for c in cells if c.verdict == "recovers" and c.hangs.trials < RESPAWNS_AGAINST_5_PERCENT]
    if few:
        clauses.append(
            f"fewer than {RESPAWNS_AGAINST_5_PERCENT} respawns, so a hang rate of 5 % is not ruled out: "
            f"{', '.join(few)} (make loadtest CONFIDENCE=1% plans {RESPAWNS_AGAINST_1_PERCENT})"
        )
    limited = [key for key, limit in facts.limits.items() if limit.limit == "generator"]
    if limited:
        clauses.append(f"the load generator was the limit of {len(limited)} runs: they are no measure of the stack")
    if len(hosts(counted)) > 1:
        clauses.append(
            "the runs come from several hosts, as --mixed-hosts allows: a difference may come from the hosts"
        )
    if not results.samples().empty and not any(kind.mb for kind in facts.kinds):
        clauses.append("no worker was sampled long enough to know its memory")
    return clauses
