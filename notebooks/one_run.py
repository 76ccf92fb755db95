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
# # One run, read closely
#
# The workers, the log and the requests of a single run on one time axis: what happened to each slot, what the
# server said about it, and what the clients saw of it.

# %% tags=["parameters"]
RESULTS = "../tests/data/runs"

# %%
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd().parent))

from analysis.frames import timeline
from analysis.frames.cells import group_by_cell
from analysis.frames.results import load
from analysis.reports import gallery
from analysis.reports.notebook_picture import picture

results = load(RESULTS)
results.counted[["run_key", "verdict", "respawns", "hung", "answered_rps", "p99_ms"]]

# %% [markdown]
# The run is the first one of the worst cell; its neighbour is one that recovers. Any other `run_key` of the table
# above will do.

# %%
pair = gallery.worst_and_best(group_by_cell(results))
keys = list(pair) if pair else list(results.counted["run_key"][:1]) * 2
run, episodes, seconds = results.one_run(keys[0])
print(run["run_key"], "-", run["verdict"], "-", run["reason"])

# %%
picture(gallery.swimlanes(results, *keys))

# %% [markdown]
# ## Every change of a worker
#
# Seconds since the load began. An empty field was not seen: a worker that hung has no `ready`.

# %%
timeline.episodes_table(run, episodes).head(20)

# %% [markdown]
# ## What stuck processes were waiting for

# %%
print(run["evidence"] or "no process was stuck")

# %% [markdown]
# ## The log and the requests on the same axis

# %%
timeline.events_and_requests(results, run["run_key"]).head(40)

# %% [markdown]
# ## Who was the limit

# %%
timeline.bottleneck_table(results, run["run_key"])
