"""Lets a command go on when nobody reads its output any more (`... | head -1`): its files and its exit code stay.

Python raises BrokenPipeError at such a write, and rich ends the process with exit code 1. Both would tell of a failure
where there is none.
"""

from __future__ import annotations

import io
import os
import select
import sys

STDOUT, STDERR = 1, 2


class ForgivingFile(io.FileIO):
    """A file descriptor that goes to /dev/null from the moment when its reader has closed the pipe."""

    def write(self, data: object) -> int:
        """Write `data`, or drop it if nobody reads it. Processes that start later inherit /dev/null.

        Raises OSError, whose text is a sentence, if it cannot be written for another reason, such as a full disk. It
        does so once: otherwise Python would try again when the process ends, and print a traceback.
        """
        try:
            return super().write(data)  # type: ignore[arg-type]
        except BrokenPipeError:
            self._drop()
            return super().write(data)  # type: ignore[arg-type]
        except BlockingIOError:
            raise
        except OSError as error:
            self._drop()
            raise OSError(f"the output cannot be written: {error.strerror}") from error

    def _drop(self) -> None:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())
        os.close(null)


def forgive_closed_output() -> None:
    """Replace sys.stdout and sys.stderr by streams that forgive a closed pipe. Call it once, when a command starts.

    A stream that was closed before the command started (`>&-`) becomes /dev/null.
    """
    sys.stdout = _forgiving(sys.stdout, STDOUT)
    sys.stderr = _forgiving(sys.stderr, STDERR)


def flush_output(code: int) -> int:
    """Write what waits in stdout. Return `code`, the exit code of the command, or 1 if the output cannot be written."""
    try:
        sys.stdout.flush()
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    return code


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


class Reader:
    """The reader of stdout. A command that prints for days asks whether it is gone, and ends if so."""

    def __init__(self) -> None:
        self._fd = os.dup(STDOUT)  # STDOUT itself becomes /dev/null when the reader is gone
        self._poll = select.poll()
        self._poll.register(self._fd, 0)  # an error is always reported

    def is_gone(self) -> bool:
        """Return True if stdout is a pipe or a socket that nobody reads any more."""
        return any(events & (select.POLLERR | select.POLLHUP) for _, events in self._poll.poll(0))

    def close(self) -> None:
        os.close(self._fd)
