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
# # Respawn timing
#
# The times of a respawn: exit begun, exited, forked, ready, first response. A respawn that was not seen to its end is
# *censored*: it counts with the time that it was observed, and is never left out. Without such respawns the mean would
# look healthy while most workers hang.

# %% tags=["parameters"]
RESULTS = "../tests/data/runs"

# %%
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd().parent))

import pandas as pd

from analysis.frames import phases
from analysis.frames.cells import group_by_cell
from analysis.frames.results import load
from analysis.reports import capacity_pictures
from analysis.reports.cell_tables import phase_rows
from analysis.reports.notebook_outputs import picture, sentence, table
from analysis.statistics.survival import kaplan_meier

results = load(RESULTS)
all_cells = group_by_cell(results)

# %%
picture(capacity_pictures.time_to_ready(all_cells))

# %% [markdown]
# ## Phases
#
# Most of the time between exit and ready is the master's: it looks for dead workers once a second.

# %%
table(pd.DataFrame([row for cell in all_cells for row in phase_rows(cell)]).drop(columns=["what"]))

# %% [markdown]
# ## The curve of the first cell whose workers came back, as numbers
#
# `survival` is the share of workers that are not yet ready after `t_s` seconds.

# %%
sample = next((phases.ready_sample(cell.episodes) for cell in all_cells if cell.away_s is not None), None)
table(kaplan_meier(sample).round(4).head(20)) if sample else sentence("No worker came back in these results.")
