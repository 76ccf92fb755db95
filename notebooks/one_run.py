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
# The workers, the log and the requests of one run on one time axis: what happened to each worker slot, what the server
# logged about it, and what the clients saw of it.

# %% tags=["parameters"]
RESULTS = "../tests/data/runs"

# %%
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd().parent))

from analysis.frames import timeline
from analysis.frames.cells import group_by_cell
from analysis.frames.results import load
from analysis.reports import run_pictures
from analysis.reports.notebook_outputs import picture, sentence, table

results = load(RESULTS)
table(results.counted[["run_key", "verdict", "respawns", "hung", "answered_rps", "p99_ms"]])

# %% [markdown]
# Runs of `make capacity` have their settings in their names: `w8t1m144d24` is a run with 8 workers of 1 thread,
# max-requests 144 and max-requests-delta 24. Without `m`, no worker recycles.
#
# This notebook reads the first run of the cell with the highest hang rate, beside a run that recovers. Set `keys[0]` to
# another `run_key` of the table above to read that run.

# %%
pair = run_pictures.worst_and_best(group_by_cell(results))
keys = list(pair) if pair else list(results.counted["run_key"][:1]) * 2
run, episodes, seconds = results.one_run(keys[0])
sentence(f"The run {run['run_key']} has the verdict {run['verdict']}: {run['reason']}.")

# %%
picture(run_pictures.swimlanes(results, *keys))

# %% [markdown]
# ## Every change of a worker
#
# The times are seconds since the load began. A time that was not seen is `-`: a worker that hung has no `ready_s`.

# %%
table(timeline.episodes_table(run, episodes).head(20))

# %% [markdown]
# ## What stuck processes wait for
#
# The functions in which a stuck process waits, the innermost function first.

# %%
print(run["evidence"] or "No process was stuck.")

# %% [markdown]
# ## The log and the requests on the same axis
#
# Each row is an event of a worker, or the requests that ended in a tenth of a second.

# %%
table(timeline.events_and_requests(results, run["run_key"]).head(40))

# %% [markdown]
# ## The bottleneck of the run
#
# What kept the run from answering more requests: the load generator, the workers, the host, or none of them.

# %%
table(timeline.bottleneck_table(results, run["run_key"]))
