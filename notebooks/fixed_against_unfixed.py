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
# Hang rate and throughput of the versions in these results. The respawns of one run are alike, so the intervals count
# runs and not respawns. Where no respawn hung, the table states a limit for the hang rate and never 0.

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
from analysis.reports import capacity_pictures, recycle_pictures, run_pictures
from analysis.reports.cell_tables import comparison_row
from analysis.reports.notebook_outputs import picture, table

results = load(RESULTS)
all_cells = group_by_cell(results)

# %%
table(pd.DataFrame(map(as_row, all_cells))[["stack", "version", "verdict", "runs", "claim", "design_effect"]])

# %%
picture(capacity_pictures.hang_forest(all_cells))

# %%
picture(capacity_pictures.versions(all_cells))

# %% [markdown]
# ## Comparisons
#
# Each cell that hangs is compared with the newest version of the same stack that recovers:
#
# - `difference` is Newcombe's 95 % interval for the difference of the hang rates, and `fisher_p` is Fisher's exact p;
# - `log_rank_p` compares the times from exit to ready;
# - `throughput_ratio` comes from interleaved pairs of runs, with a t interval on the logarithm of the ratio; it needs
#   two pairs.

# %%
comparisons = [comparison_row(comparison) for comparison in compare_hung_cells(all_cells)]
table(pd.DataFrame(comparisons, index=[f"comparison {number}" for number in range(1, len(comparisons) + 1)]).T)

# %% [markdown]
# ## Two runs beside each other
#
# A run of the cell with the highest hang rate, and a run of a cell that recovers.

# %%
pair = run_pictures.worst_and_best(all_cells)
picture(run_pictures.swimlanes(results, *pair) if pair else None)

# %% [markdown]
# ## Throughput around a recycle

# %%
picture(
    recycle_pictures.recoveries(results, all_cells),
    "No run went on long enough after a recycle to show that throughput comes back.",
)
