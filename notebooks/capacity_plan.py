# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Capacity plan
#
# The numbers behind `make report`, step by step. Change `demand` to your own numbers.

# %% tags=["parameters"]
RESULTS = "../tests/data/runs"

# %%
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd().parent))

import pandas as pd

from analysis.capacity import formulas, herd
from analysis.capacity.demand import Demand
from analysis.frames.results import load
from analysis.reports import capacity_pictures
from analysis.reports.capacity_decision import decision, doubt
from analysis.reports.capacity_plan import build
from analysis.reports.notebook_outputs import picture, sentence, table

demand = Demand(rps=400, slo_p99_s=0.2, headroom=0.25, spares=1)
plan = build(load(RESULTS), demand)
sentence(f"{decision(plan)} {doubt(plan)}".strip())

# %% [markdown]
# ## The recommendation
#
# Every number of the recommendation. A number is `-` where the results are not enough to compute it.

# %%
table(pd.DataFrame({"value": vars(plan.advice)}).drop(["why_not", "cautions"], errors="ignore"))

# %% [markdown]
# What to know before relying on it:

# %%
sentence("; ".join(plan.cautions) or "There is no caution.")

# %%
picture(
    capacity_pictures.capacity_curve(plan.measured, plan.advice, demand),
    "There is no capacity curve: the campaign of make capacity has the runs that it needs.",
)

# %% [markdown]
# ## What recycling costs
#
# The first table shows which share of the throughput each max-requests costs. The second table simulates 16 workers
# with max-requests 200 under the demand: how many of them are away at once, without and with max-requests-delta. Both
# use the measured time of a request and the measured absence at a recycle; without a measurement, 25 ms and 1 s.

# %%
service_s, away_s = plan.measured.service_s or 0.025, plan.measured.away_s or 1.0
limits = [100, 500, 1000, 5000]
losses = [100 * (1 - formulas.efficiency(limit, service_s, away_s)) for limit in limits]
table(pd.DataFrame({"max-requests": limits, "throughput lost, %": losses}).round(1))

# %%
deltas = [0, formulas.delta_against_herd(16, demand.rps, away_s)]
outcomes = [herd.simulate(herd.Setting(16, 200, demand.rps, service_s, away_s, delta), 40) for delta in deltas]
table(
    pd.DataFrame(
        {
            "max-requests-delta": deltas,
            "most workers away at once": [outcome.peak_down for outcome in outcomes],
            "99th percentile of the wait, s": [round(outcome.wait_s(0.99), 3) for outcome in outcomes],
        }
    )
)

# %% [markdown]
# ## If the version that hangs goes into production
#
# The time until every worker hangs, by max-requests.

# %%
picture(
    capacity_pictures.outages(plan.outages, demand, plan.checks),
    "No worker hung in these results.",
)

# %% [markdown]
# ## Measured and predicted
#
# Each row compares a run with a formula of the plan. W is the number of workers, T the threads of each worker, M
# max-requests, R the time from exit to ready, s the time that a request takes, and lambda the requests per second.
#
# Runs of `make capacity` have their settings in their names: `w8t1m144d24` is a run with 8 workers of 1 thread,
# max-requests 144 and max-requests-delta 24. Without `m`, no worker recycles.

# %%
table(vars(check) for check in plan.checks)
