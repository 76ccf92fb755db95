"""The advice about workers that crash while they leave: they come back, so only the log tells it."""

from __future__ import annotations

import re
from pathlib import Path

from stacks.check.diagnosis import Findings
from stacks.check.measurement import read_log
from stacks.observe.native_stacks import SERVER_PACKAGES

# uWSGI's own backtrace of a process that it has caught in a segmentation fault.
_BACKTRACE = re.compile(
    r"^\*\*\* backtrace of \d+ \*\*\*$(.*?)^\*\*\* end of backtrace \*\*\*$", re.MULTILINE | re.DOTALL
)
_PACKAGE = re.compile(r"/(?:site|dist)-packages/([^/.(]+)[/.]")


def exit_crash_advice(findings: Findings) -> list[str]:
    """Return a sentence if workers crashed while they left, else none."""
    run = findings.measurement
    if not run.exit_crashes:
        return []
    packages = crashed_packages(read_log(Path(run.directory)))
    where = f" (in {', '.join(packages)})" if packages else ""
    return [
        f"{run.exit_crashes} of {run.exits} workers crashed while they left{where}. They come back all the same, but "
        "what stands behind the crash does not run: functions of atexit, and what a library sends at the end. "
        "uwsgi.log tells more."
    ]


def crashed_packages(log: str) -> list[str]:
    """Return the package of the innermost frame that has one, of each backtrace in the log, each once."""
    found = (
        next((name for name in _PACKAGE.findall(frames) if name not in SERVER_PACKAGES), None)
        for frames in _BACKTRACE.findall(log)
    )
    return list(dict.fromkeys(name for name in found if name is not None))
