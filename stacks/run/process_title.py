"""Replaces the command line that `ps` and /proc/PID/cmdline show for this process, in the memory that holds it."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

# arg_start and arg_end in /proc/PID/stat (proc(5), fields 48 and 49), counted from the field after the name.
_BEGIN, _END = 45, 46
ROOM = "-" * 2000  # an argument of a process that will set longer command lines: they never get more room


def set_command_line(arguments: Sequence[str]) -> None:
    """Show these arguments, cut off where the original command line ends."""
    text = Path("/proc/self/stat").read_text(errors="replace")
    fields = text[text.rindex(")") + 2 :].split()
    begin, size = int(fields[_BEGIN]), int(fields[_END]) - int(fields[_BEGIN])
    if begin and size > 1:  # both are 0 where the process may not read them
        shown = b"\0".join(argument.encode(errors="surrogateescape") for argument in arguments)[: size - 1]
        ctypes.memmove(begin, shown.ljust(size, b"\0"), size)
