"""Lets a command go on when nobody reads its output any more (`... | head -1`): its files and its exit code stay.

Python raises BrokenPipeError at such a write, and rich ends the process with exit code 1. Both would tell of a failure
where there is none.
"""

from __future__ import annotations

import io
import os
import sys

STDOUT, STDERR = 1, 2


class ForgivingFile(io.FileIO):
    """A file descriptor that goes to /dev/null from the moment when its reader has closed the pipe."""

    def write(self, data: object) -> int:
        """Write `data`, or drop it if nobody reads it. Processes that start later inherit /dev/null."""
        try:
            return super().write(data)  # type: ignore[arg-type]
        except BrokenPipeError:
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self.fileno())
            os.close(null)
            return super().write(data)  # type: ignore[arg-type]


def forgive_closed_output() -> None:
    """Replace sys.stdout and sys.stderr by streams that forgive a closed pipe. Call it once, when a command starts.

    A stream that was closed before the command started (`>&-`) becomes /dev/null.
    """
    sys.stdout = _forgiving(sys.stdout, STDOUT)
    sys.stderr = _forgiving(sys.stderr, STDERR)


def _forgiving(stream: io.TextIOBase | object, descriptor: int) -> io.TextIOWrapper:
    if stream is None:
        null = os.open(os.devnull, os.O_WRONLY)  # takes the lowest free descriptor, which may be this one
        if null != descriptor:
            os.dup2(null, descriptor)
            os.close(null)
        return io.TextIOWrapper(io.FileIO(descriptor, "wb", closefd=False), write_through=True)
    if not isinstance(stream, io.TextIOWrapper) or isinstance(getattr(stream.buffer, "raw", None), ForgivingFile):
        return stream  # type: ignore[return-value]  # a test has replaced it, or it is forgiving already
    stream.flush()
    raw = ForgivingFile(stream.fileno(), "wb", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )
