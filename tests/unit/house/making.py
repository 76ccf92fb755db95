"""Runs make and stand-ins for the programs that it starts, in a directory that stands for a clone of the pack."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.patience import LIMIT_S

ROOT = Path(__file__).resolve().parents[3]
MAKE = shutil.which("make")
MAKEFILE = (ROOT / "Makefile").read_text()
LINES = MAKEFILE.replace("\\\n", " ").splitlines()  # continued lines joined
PLAN_VARIABLES = next(line for line in LINES if line.startswith("plan_variables := ")).split()[2:]
TARGETS = next(line for line in LINES if line.startswith(".PHONY: help ")).split()[1:]

# Stands for `python -m stacks` and other commands: it records its arguments and does what the variable STUB says.
COMMAND_STUB = """
import json, os, pathlib, signal, sys, time
plan = json.loads(os.environ.get("STUB") or "{}")
with pathlib.Path("calls").open("a") as calls:
    calls.write(json.dumps([__package__, *sys.argv[1:]]) + "\\n")
if plan.get("wait"):
    def stop(number, frame):
        time.sleep(0.5)  # make and its shell must wait for this
        pathlib.Path("stopped").write_text(signal.Signals(number).name)
        sys.exit(128 + number)
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, stop)
    pathlib.Path("pid").write_text(str(os.getpid()))
    for _ in range(6000):  # Python sees a signal that comes just before a sleep after it
        time.sleep(0.01)
sys.exit(plan.get("code", 0))
"""

# Stands for a Python that can make environments, and for the uv in them.
PYTHON_STUB = """#!/bin/sh
echo "$0 $*" >> "$LOG"
case "$1 $2" in
  '-m venv') for last; do :; done; mkdir -p "$last/bin" && cp "$0" "$last/bin/python" ;;
  '-m pip')
    if [ "$3" = --version ] || { [ "$3" = --python ] && [ -n "${OLD_PIP:-}" ]; }; then exit 0; fi
    printf '#!/bin/sh\\necho "uv $*" >> "$LOG"\\nexit "${UV_EXIT:-0}"\\n' > .venv/bin/uv && chmod +x .venv/bin/uv ;;
esac
"""


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a user: without what `make test` and its variables put into it."""
    added = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "PYTHON", "CI", *PLAN_VARIABLES}
    added |= {name for name in os.environ if name.startswith("UV_")}
    return {name: value for name, value in os.environ.items() if name not in added} | more


def make(directory: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run make in `directory`, with `more` in the environment."""
    return subprocess.run(
        [str(MAKE), "-C", str(directory), "--no-print-directory", *arguments],
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def calls(directory: Path) -> list[list[str]]:
    """Return the package and the arguments of every call of COMMAND_STUB, in order."""
    path = directory / "calls"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def executable(path: Path, text: str) -> Path:
    """Write a program, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def logged(clone: Path) -> str:
    """Return the lines that PYTHON_STUB and its uv wrote."""
    return (clone / "log").read_text()
