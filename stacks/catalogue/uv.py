"""Finds the program uv, and turns its error output into one sentence.

The texts that this module looks for are those of uv 0.9 and uv 0.13.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path


def find_uv() -> Path | None:
    """Return the uv beside the running interpreter (`.venv/bin/uv`), otherwise the one on PATH, otherwise None."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.is_file() else shutil.which("uv")
    return Path(found) if found else None


def innermost_cause(stderr: str) -> str:
    """Return the last cause in uv's error output, where each cause explains the line above it."""
    mark = re.compile(r"(error:|cause:|Caused by:|×|├─▶|╰─▶)\s*")  # before 0.13 uv drew some chains as trees
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    causes = [line for line in lines if mark.match(line)] or lines or ["no message"]
    return mark.sub("", causes[-1], count=1)


def last_line(text: str) -> str:
    """Return the last line of an output that is no advice of uv, such as the error of a build."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("hint:")]
    return lines[-1] if lines else "no message"


def lacks_wheel(stderr: str) -> bool:
    """Return True if uv says that the index has the version, but no wheel of it that fits."""
    text = _one_line(stderr)
    return "no usable wheels" in text or "no wheels" in text


def explain_failure(stderr: str, python: str, package: str, pin: str) -> str:
    """Return one sentence that says why uv could not install version `pin` of `package` for Python `python`."""
    cause, text = innermost_cause(stderr), _one_line(stderr)
    if lacks_wheel(stderr):
        return f"{package} {pin} has no wheel for Python {python} on this kind of machine."
    if "network was disabled" in text or "Failed to fetch" in text or "Request failed" in text:
        return f"the package index cannot be reached for {package} {pin} ({cause})."
    if "there is no version of" in text or "was not found in the package registry" in text:
        return f"the package index has no {package} {pin}."
    if "build backend" in text or "Failed to build" in text:
        return (
            f"{package} {pin} could not be built for Python {python}: the build needs a C compiler and "
            f"the headers of that Python ({last_line(stderr)})."
        )
    return f"uv could not install {package} {pin} for Python {python} ({cause})."


def _one_line(stderr: str) -> str:
    return " ".join(stderr.split())  # because older versions of uv wrap their long lines
