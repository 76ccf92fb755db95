"""Imports what the process of a run needs, so that the fork server of a command has it before the first run."""

from stacks.console import absent_packages

absent_packages.hide("numpy", "pandas")

import pyarrow  # noqa: E402
import pyarrow.compute  # noqa: E402 - Table.sort_by imports it, which takes 70 ms and 7 MB in each process

from stacks.observe import collectors  # noqa: E402
from stacks.run import parquet, run  # noqa: E402

NEEDED = (parquet, run, pyarrow.compute, *collectors.discover())
# pyarrow's own allocator takes 8 MB more in each process that has some rows to write.
pyarrow.set_memory_pool(pyarrow.system_memory_pool())
