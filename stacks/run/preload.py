"""Imports what the process of a run needs, so that the fork server of a command has it before the first run."""

from stacks.observe import collectors
from stacks.run import parquet, run

NEEDED = (parquet, run, *collectors.discover())
