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
# # Nothing but pandas
#
# The files of a run are JSON, JSON lines and Parquet: no code of the pack is needed to read them. `_ns` columns are
# nanoseconds of the machine's monotonic clock, `latency_us` counts from the start of a request, and an `error` that is
# not empty is a request without an answer.

# %% tags=["parameters"]
RESULTS = "../tests/data/runs"

# %%
import json
from pathlib import Path

import pandas as pd

directories = sorted(path.parent for path in Path(RESULTS).rglob("run.json"))
records = [json.loads((directory / "run.json").read_text()) for directory in directories]
runs = pd.json_normalize(records)
runs[["run_id", "stack", "version", "verdict", "plan.workers", "plan.max_requests", "reason"]]

# %% [markdown]
# ## Requests
#
# Throughput over the fixed window of the load, whoever was still there to answer.

# %%
requests = pd.concat(
    [pd.read_parquet(d / "requests.parquet").assign(directory=d.name) for d in directories], ignore_index=True
)
window_s = pd.Series(
    {d.name: r["load"]["window_s"] for d, r in zip(directories, records, strict=True)}, name="window_s"
)
begin_ns = pd.Series(
    {d.name: r["load"]["begin_ns"] for d, r in zip(directories, records, strict=True)}, name="begin_ns"
)
requests = requests.join(window_s, on="directory").join(begin_ns, on="directory")
requests["end_s"] = (requests["start_ns"] - requests["begin_ns"]) / 1e9 + requests["latency_us"] / 1e6
answered = requests[(requests["error"] == "") & requests["end_s"].between(0, requests["window_s"])]
answered = answered.assign(latency_ms=answered["latency_us"] / 1e3)
by_run = answered.groupby("directory")["latency_ms"].describe(percentiles=[0.5, 0.99]).join(window_s)
by_run["answered_rps"] = by_run["count"] / by_run["window_s"]
by_run[["count", "answered_rps", "50%", "99%", "max"]].round(1)

# %%
pd.crosstab(requests["directory"], requests["error"].replace("", "answered"))

# %% [markdown]
# ## Lifecycle rows

# %%
events = pd.concat(
    [pd.read_json(d / "events.jsonl", lines=True).assign(directory=d.name) for d in directories], ignore_index=True
)
pd.crosstab(events["kind"], events["directory"])

# %% [markdown]
# ## Requests by worker
#
# How many requests each worker of the first run answered: max-requests, unless min-worker-lifetime held it back.

# %%
answered[answered["directory"] == answered["directory"].iloc[0]].groupby(["slot", "pid"]).size().rename("answered")
