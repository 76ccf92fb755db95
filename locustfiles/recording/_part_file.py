"""The file `requests-PID.tsv`: the part of a run's requests that this process sent.

Rows are written whole, so a reader never gets half a row. A file that ends with COMPLETE has every row of its process.
"""

import os
from pathlib import Path

import gevent

from recording import _fault, _rows
from stacks.lifecycle.records import REQUEST_COLUMNS, REQUEST_PART

FLUSH_S = 0.2  # rows of this time are lost if the process gets a SIGKILL
COMPLETE = "# complete\n"

_file = None
_watchers = []
on_failure = None  # is called with the OSError that has ended the file


def begin(folder):
    """Close the current file, and record into a new one in `folder`."""
    global _file
    end()
    _rows.take()
    _fault.directory = Path(folder)
    try:
        _file = (Path(folder) / REQUEST_PART.format(pid=os.getpid())).open("w", encoding="utf-8")
    except OSError as error:
        if on_failure is None:
            raise
        on_failure(error)
        return
    _write("\t".join(REQUEST_COLUMNS) + "\n")


def flush():
    """Write the rows that wait, and hand them to the watchers."""
    if _file is not None and (text := _rows.take()):
        _write(text)
        for watcher in _watchers:
            watcher(text.removesuffix("\n").split("\n"))


def _write(text):
    try:
        _file.write(text)
        _file.flush()
    except OSError as error:
        if on_failure is None:
            raise
        _fail(error)


def _fail(error):
    """Give the file up: its whole lines can be read, and it lacks COMPLETE. The load goes on."""
    global _file
    file, _file = _file, None
    try:
        file.close()
    except OSError:
        pass
    on_failure(error)


def flush_forever():
    """Flush every FLUSH_S seconds. Runs in a greenlet of its own."""
    while True:
        gevent.sleep(FLUSH_S)
        _fault.told(flush)()


def end():
    """Write the last rows, mark the file as complete, and close it."""
    global _file
    flush()
    if _file is not None:
        _write(COMPLETE)
    if _file is not None:
        _file.close()
        _file = None


def watch(watcher):
    """Call `watcher` with each list of rows that is written."""
    _watchers.append(watcher)
