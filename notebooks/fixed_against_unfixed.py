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
# # Fixed against unfixed
#
# Hang rate and throughput of the versions in these results. Rates are over runs, because the respawns of one run are
# alike; a rate of zero is a limit, never a zero.

# %% tags=["parameters"]
RESULTS = "../tests/data/runs"

# %%
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd().parent))

import pandas as pd

from analysis.frames.cells import as_row, group_by_cell
from analysis.frames.comparisons import compare_hung_cells
from analysis.frames.results import load
from analysis.reports import gallery
from analysis.reports.capacity_report import comparison_row
from analysis.reports.notebook_picture import picture

results = load(RESULTS)
found = group_by_cell(results)

# %%
pd.DataFrame(map(as_row, found))[["stack", "version", "verdict", "runs", "claim", "design_effect"]]

# %%
picture(gallery.hang_forest(found))

# %%
picture(gallery.versions(found))

# %% [markdown]
# ## Comparisons
#
# Each hung cell against the newest version of the same stack that recovers: Newcombe's interval of the difference and
# Fisher's exact p; time from exit to ready by log-rank; throughput from interleaved pairs, with a t interval on the log
# of the ratio. Without two pairs there is no ratio.

# %%
pd.DataFrame([comparison_row(comparison) for comparison in compare_hung_cells(found)]).T

# %% [markdown]
# ## What it looks like

# %%
pair = gallery.worst_and_best(found)
picture(gallery.swimlanes(results, *pair) if pair else None)

# %%
picture(gallery.recoveries(results, found), "No run went on long enough after a recycle to see throughput recover.")
