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
# Exit begun, exited, forked, ready, first response. What was not seen to its end is censored, never left out: the mean
# of those that came back looks healthy while most of them hang.

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
from analysis.reports import gallery
from analysis.reports.capacity_report import phase_rows
from analysis.reports.notebook_picture import picture
from analysis.statistics.survival import kaplan_meier

results = load(RESULTS)
found = group_by_cell(results)

# %%
picture(gallery.time_to_ready(found))

# %% [markdown]
# ## Phases
#
# Most of the time between exit and ready is the master's: it looks for dead workers once a second.

# %%
pd.DataFrame([row for cell in found for row in phase_rows(cell)]).drop(columns=["what"])

# %% [markdown]
# ## The curve of the first cell, as numbers

# %%
sample = next((phases.ready_sample(cell.episodes) for cell in found if cell.away_s is not None), None)
kaplan_meier(sample).round(4).head(20) if sample else "no worker came back"
