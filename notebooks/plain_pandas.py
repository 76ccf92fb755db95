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
# The files of a run are JSON, JSON lines and Parquet: pandas reads them without any code of the pack. Columns that end
# in `_ns` are nanoseconds of the machine's monotonic clock. `latency_us` counts from the start of a request. A request
# with an `error` has no answer.
#
# Runs of `make capacity` have their settings in their names: `w8t1m144d24` is a run with 8 workers of 1 thread,
# max-requests 144 and max-requests-delta 24. Without `m`, no worker recycles.

# %% tags=["parameters"]
RESULTS = "../tests/data/runs"

# %%
import json
from pathlib import Path

import pandas as pd

pd.set_option("display.max_colwidth", None, "display.max_columns", None, "display.max_rows", None)
directories = sorted(path.parent for path in Path(RESULTS).rglob("requests.parquet"))  # a run that goes on has none
records = [json.loads((directory / "run.json").read_text()) for directory in directories]
runs = pd.json_normalize(records)
runs[["run_id", "stack", "version", "verdict", "plan.workers", "plan.max_requests", "reason"]].astype(object).fillna(
    "-"
)

# %% [markdown]
# ## Requests
#
# Throughput is the number of answers divided by the fixed load window. The window stays the same when no worker is left
# to answer.

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
by_run[["count", "answered_rps", "50%", "99%", "max"]].round(1).astype(object).fillna("-")

# %% [markdown]
# How many requests of each run were answered, and how the others ended:

# %%
pd.crosstab(requests["directory"], requests["error"].replace("", "answered"))

# %% [markdown]
# ## Lifecycle rows
#
# How many rows of each kind the collectors recorded in each run:

# %%
events = pd.concat(
    [pd.read_json(d / "events.jsonl", lines=True).assign(directory=d.name) for d in directories], ignore_index=True
)
pd.crosstab(events["kind"], events["directory"])

# %% [markdown]
# ## Requests by worker
#
# How many requests each worker of the first run answered. A worker answers max-requests requests, unless
# min-worker-lifetime keeps it longer.

# %%
answered[answered["directory"].isin(answered["directory"].head(1))].groupby(["slot", "pid"]).size().rename("answered")
