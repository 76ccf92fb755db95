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
# The numbers behind `make report`, step by step, for a demand of your own.

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
from analysis.reports import capacity_page, gallery
from analysis.reports.capacity_report import build
from analysis.reports.notebook_picture import picture

demand = Demand(rps=400, slo_p99_s=0.2, headroom=0.25, spares=1)
plan = build(load(RESULTS), demand)
print(capacity_page.decision(plan))

# %%
pd.DataFrame({"value": vars(plan.advice)})

# %%
picture(
    gallery.capacity_curve(plan.measured, plan.advice, demand),
    "No curve: `make capacity` measures several numbers of workers.",
)

# %% [markdown]
# ## What recycling costs
#
# The share of the throughput that is lost with a request and an absence as measured here (25 ms and 1 s where they were
# not), and the same under a demand: how many workers are away at once, simulated, with and without max-requests-delta.

# %%
service_s, away_s = plan.measured.service_s or 0.025, plan.measured.away_s or 1.0
limits = [100, 500, 1000, 5000]
losses = [100 * (1 - formulas.efficiency(limit, service_s, away_s)) for limit in limits]
pd.DataFrame({"max-requests": limits, "lost, %": losses}).round(1)

# %%
deltas = [0, formulas.delta_against_herd(16, demand.rps, away_s)]
outcomes = [herd.simulate(herd.Setting(16, 200, demand.rps, service_s, away_s, delta), 40) for delta in deltas]
pd.DataFrame(
    {
        "delta": deltas,
        "most workers away": [outcome.peak_down for outcome in outcomes],
        "p99 of the wait, s": [round(outcome.wait_s(0.99), 3) for outcome in outcomes],
    }
)

# %% [markdown]
# ## If the unfixed version ships

# %%
picture(
    gallery.outages(plan.advice, demand, [outage.rate for outage in plan.outages], plan.checks),
    "No cell of these results hung.",
)

# %% [markdown]
# ## Measured against predicted

# %%
pd.DataFrame([vars(check) for check in plan.checks])
