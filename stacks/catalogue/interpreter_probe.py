"""Runs a candidate for an interpreter, to see which Python it really is.

A name proves nothing: pyenv has shims for versions that are not activated, and a free-threaded build also has the
name of the ordinary one.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from stacks.catalogue.bounded_command import run_bounded
from stacks.catalogue.interpreter_places import FREE_THREADED

# A cold interpreter on a busy two-core machine needs under 1 s, a pyenv shim about 0.2 s more.
PROBE_S = 10.0

# Prints what the interpreter is. It prints the base executable, because an environment made from the python of
# another environment would depend on both.
PROBE_CODE = (
    "import sys, sysconfig; "
    "print('%d.%d' % sys.version_info[:2], sys.implementation.name, "
    "sysconfig.get_config_var('Py_GIL_DISABLED') or 0, getattr(sys, '_base_executable', None) or sys.executable)"
)


class Unfit(Exception):
    """A candidate is not the interpreter that its name promises; the text says why, for example "is Python 3.11"."""


def probe(candidate: Path, python: str) -> Path:
    """Return the real executable behind a candidate that runs and is CPython `python`. Raise Unfit.

    "3.13" is a build with a GIL, and "3.13t" one that can run without it.
    """
    try:
        done = run_bounded([candidate, "-I", "-S", "-c", PROBE_CODE], PROBE_S)
    except subprocess.TimeoutExpired:
        raise Unfit(f"did not answer within {PROBE_S:.0f} s") from None
    except OSError as error:
        raise Unfit(str(error.strerror)) from None
    words = done.stdout.strip().split(" ", 3)
    if done.returncode != 0 or len(words) != 4:
        raise Unfit(f"does not run, exit code {done.returncode}")
    version, implementation, free_threaded, executable = words
    if version != python.removesuffix(FREE_THREADED):
        raise Unfit(f"is Python {version}")
    if implementation != "cpython":
        raise Unfit(f"is {implementation}")
    if (free_threaded != "0") != python.endswith(FREE_THREADED):
        raise Unfit("is free-threaded" if free_threaded != "0" else "is not free-threaded")
    return Path(executable) if Path(executable).is_file() else candidate
