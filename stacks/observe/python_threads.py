"""Looks at the Python threads of a process with py-spy, in a child process: pid in, the data of a `threads` row out.

`py-spy dump --nonblocking` reads the memory of the process (process_vm_readv). It neither stops nor traces nor signals
it, and takes about 15 ms of CPU time. It never gets `-l`: local variables hold request headers and passwords.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stacks.observe import proc

NOT_INSTALLED = "py-spy is not installed; hangs are named by their native backtraces only"
NOT_PERMITTED = "py-spy may not read the memory of the process (it needs the same rights as a debugger)"
NO_PYTHON = "py-spy finds no Python interpreter in the process: it has not begun, has ended, or there are several"
NO_PROCESS = "the process had ended"
# What py-spy says -> the reason. py-spy ends with exit code 1 for every error, so only its text tells them apart.
_REASONS = (
    ("permission denied", NOT_PERMITTED),
    ("operation not permitted", NOT_PERMITTED),
    ("no such process", NO_PROCESS),
    ("no such file or directory", NO_PROCESS),
    ("failed to find a python interpreter", NO_PYTHON),
    ("failed to find python version", NO_PYTHON),
)
# Frames of one thread in a row: these of the inside, which say where it waits, and these of the outside, which say what
# it was started with. A framework has more in between.
INNER, OUTER = 24, 8
_SITE = re.compile(r"/(?:site|dist)-packages/([^/]+?)(?:\.py|\.pyc)?(?:/|$)")
_LIBRARY = re.compile(r"/lib(?:64)?/python3[^/]*/|/python3\d+\.zip/|^<frozen ")
_PYTHON = re.compile(r"/(?:lib)?python(3\.\d+)")
_SERVER_NAMES = ("uwsgi", "pyuwsgi")


def command() -> str | None:
    """Return py-spy beside this Python, otherwise that of PATH; None if there is none."""
    beside = Path(sys.executable).with_name("py-spy")
    return str(beside) if os.access(beside, os.X_OK) else shutil.which("py-spy")


class PySpy:
    """One py-spy at work on the process `pid`. Its owner waits for `fd`, a pidfd, and then calls `finish`."""

    def __init__(self, pid: int, py_spy: str) -> None:
        self.pid = pid
        # Files, because a pipe that nobody reads would hold py-spy up at 64 KiB. `finish` closes them.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [py_spy, "dump", "--nonblocking", "--json", "--pid", str(pid)],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=self._errors,
        )
        try:
            self.fd = os.pidfd_open(self._process.pid)
        except OSError:  # a kernel before 5.3, or a sandbox
            self._process.kill()
            self._process.wait()
            self._output.close()
            self._errors.close()
            raise

    def kill(self) -> None:
        """End py-spy, because it takes too long. `fd` becomes readable."""
        self._process.kill()

    def finish(self) -> dict[str, Any]:
        """Wait for the end of py-spy and return the data of the row. `fd` is closed."""
        code = self._process.wait()
        os.close(self.fd)
        with self._output as output, self._errors as errors:
            output.seek(0)
            errors.seek(0)
            text, error = output.read().decode(errors="replace"), errors.read().decode(errors="replace")
        if code < 0:
            return process_data(self.pid, [], "py-spy took too long")
        try:
            threads = [] if code else parse(text)
        except (ValueError, KeyError, TypeError):
            return process_data(self.pid, [], "py-spy printed something else than its threads")
        return process_data(self.pid, threads, reason_of(error) if code else "")


def reason_of(error: str) -> str:
    """Return in one sentence why py-spy failed, from what it printed to stderr."""
    lowered = error.lower()
    lines = [line for line in error.splitlines() if line.strip()]
    known = next((reason for words, reason in _REASONS if words in lowered), "")
    return known or (f"py-spy failed: {lines[0].removeprefix('Error: ')}" if lines else "py-spy failed")


def parse(text: str) -> list[dict[str, Any]]:
    """Return the threads of py-spy's JSON as `threads` rows have them, in the same order: the main thread last.

    Raises ValueError, KeyError or TypeError if the text is not what py-spy prints.
    """
    return [
        {
            "name": thread["thread_name"] or "",
            "tid": thread["os_thread_id"],
            "owns_gil": bool(thread["owns_gil"]),
            "frames": [_frame(frame) for frame in _shortened(thread["frames"])],
        }
        for thread in json.loads(text)
    ]


def _shortened(frames: list[Any]) -> list[Any]:
    return frames if len(frames) <= INNER + OUTER else [*frames[:INNER], *frames[-OUTER:]]


def _frame(frame: dict[str, Any]) -> list[Any]:
    file = frame["short_filename"] or frame["filename"]
    return [frame["name"], file, frame["line"], package_of(frame["filename"])]


def package_of(filename: str) -> str:
    """Return the package that a file belongs to: `standard library`, `uWSGI`, a package of PyPI, or '' for the app."""
    if Path(filename).name in _SERVER_NAMES:  # the frame at the bottom of what uWSGI calls
        return "uWSGI"
    sites = _SITE.findall(filename)
    if sites:
        return str(sites[-1])
    return "standard library" if _LIBRARY.search(filename) else ""


def process_data(pid: int, threads: list[dict[str, Any]], reason: str) -> dict[str, Any]:
    """Return the data of a row: the Python threads, and what the kernel knows of the process at this moment."""
    stat = proc.stat(pid)
    names = proc.thread_names(pid)
    if stat is None or not names:
        threads, reason = [], reason or NO_PROCESS
    return {
        "parent": stat.ppid if stat is not None else 0,
        "python": python_version(pid),
        "threads": threads,
        "tasks": [[tid, comm] for tid, comm in sorted(names.items())],
        "reason": reason,
    }


def python_version(pid: int, read: Callable[[Path], str] = Path.read_text) -> str:
    """Return the Python of a process, such as 3.12, from the files that it has mapped; '' if none tells it."""
    try:
        found = _PYTHON.search(read(proc.PROC / str(pid) / "maps"))
    except OSError:
        return ""
    return found.group(1) if found else ""


def as_text(data: dict[str, Any]) -> str:
    """Return the data of a row as a text for people, as `evidence/` has it."""
    existing = {tid for tid, _ in data["tasks"]}
    lines = []
    for thread in data["threads"]:
        notes = ["owns the GIL"] * thread["owns_gil"]
        if thread is data["threads"][-1]:
            notes.append("the main thread")  # a forked worker's keeps the id that it had in the master
        elif thread["tid"] is not None and thread["tid"] not in existing:
            notes.append("not in this process")
        name = thread["name"] or "(no name)"
        lines.append(f"Python thread {thread['tid'] or '?'} {name}{''.join(f', {note}' for note in notes)}")
        lines += [f"    {function} ({file}:{line})" for function, file, line, _ in thread["frames"]]
    lines += [f"thread of the process: {tid} {comm}" for tid, comm in data["tasks"]]
    return "\n".join([*lines, *([data["reason"]] if data["reason"] else [])]) + "\n"
