"""Takes native backtraces with eu-stack (of elfutils) or with gdb, and reads the texts that they print.

Both stop the process while they look. eu-stack comes first, because it takes 0.1 s of CPU time and 30 MB, and gdb 0.5 s
and 100 MB. Both tell the same names of functions, and those of inlined ones where there is debug information.
"""

from __future__ import annotations

import re
import shutil

from stacks.lifecycle.backtraces import stops_the_world, waits_for_gil
from stacks.observe import proc

LIMIT_S = 20.0  # a program that takes longer is killed; the time is for symbols on a slow disk
NOT_INSTALLED = "neither eu-stack (elfutils) nor gdb is installed"
# The command of each program, which the number of a thread ends. None of them asks a server for debug information.
PROGRAMS = {
    "eu-stack": ("env", "DEBUGINFOD_URLS=", "eu-stack", "-i", "-m", "-n", "32", "-p"),
    "gdb": ("gdb", "-q", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-ex", "thread apply all bt 32", "-p"),
}
SERVER_PACKAGES = ("pyuwsgi", "uwsgi")
_THREAD = re.compile(r"^(?=Thread \d|TID \d)", re.MULTILINE)
# A frame, as gdb prints it: "#1  0x00007f9a in take_gil () from /lib/libpython3.12.so", and as eu-stack prints it:
# "#1  0x00007f9a take_gil - /lib/libpython3.12.so". Where the function is unknown, gdb prints ?? and eu-stack nothing.
_FRAME = re.compile(r"^#\d+\s+(?:0x[0-9a-f]+ )?(?:in )?([^\s(]+)", re.MULTILINE)
# The package of a shared library in a frame that has no debug information. The server's own is of no interest.
_PACKAGE = re.compile(
    r"^#\d+\s+(?:0x[0-9a-f]+ )?(?:in )?([^\s(]+).*(?: from | - )/.*/(?:site|dist)-packages/([^/.]+)[/.]", re.MULTILINE
)


def program(pid: int = 0) -> str | None:
    """Return the name of the program that takes the backtrace of a process; None if none is installed.

    eu-stack opens the libraries by the paths that the process sees, so gdb comes first for a process in a container.
    """
    names = list(PROGRAMS) if not pid or _has_same_files(pid) else list(PROGRAMS)[::-1]
    return next(filter(shutil.which, names), None)


def _has_same_files(pid: int) -> bool:
    """Return False if the process is in another mount namespace than this one."""
    try:
        return (proc.PROC / str(pid) / "ns/mnt").readlink() == (proc.PROC / "self/ns/mnt").readlink()
    except OSError:  # it has ended, or may not be looked at
        return True


def command(pid: int) -> list[str]:
    """Return the command that prints the backtrace of every thread of a process. Raise FileNotFoundError."""
    name = program(pid)
    if name is None:
        raise FileNotFoundError(NOT_INSTALLED)
    return [*PROGRAMS[name], str(proc.living_thread(pid))]


def threads(text: str) -> list[str]:
    """Return the part of each thread, the main thread first; [] if there is no backtrace in the text."""
    parts = [part for part in _THREAD.split(text) if _THREAD.match(part)]
    return parts if parts and parts[0].startswith("TID") else parts[::-1]  # gdb prints the main thread last


def frames(thread: str) -> list[str]:
    """Return the function names in the part of one thread, innermost first."""
    return ["??" if name == "-" else name for name in _FRAME.findall(thread)]


def main_thread_frames(text: str) -> list[str]:
    """Return the function names of the main thread, innermost first; [] without a backtrace."""
    return next(map(frames, threads(text)), [])


def stopping_thread_frames(text: str) -> list[str]:
    """Return the function names of the thread that waits for the others to stop, innermost first; [] without one."""
    return next(filter(stops_the_world, map(frames, threads(text))), [])


def gil_waiters(text: str) -> int:
    """Return how many threads wait for the GIL."""
    return sum(map(waits_for_gil, map(frames, threads(text))))


def packages(text: str) -> dict[str, str]:
    """Return function name -> package of PyPI, for every frame in a shared library of a package."""
    return {name: package for name, package in _PACKAGE.findall(text) if package not in SERVER_PACKAGES}
