"""An error inside the recorder itself: the run is told, and Locust goes on. It is no property of the stack.

The traceback goes to `fault.txt` in the directory of the rows, which makes the run `failed`.
"""

import functools
import logging

from stacks.lifecycle.pack_fault import report as report_fault

directory = None  # of the rows; without one, the file goes to the results directory
on_fault = None  # is called with the sentence, for a run on several hosts
_told = {}  # type and text of an error -> its sentence


def report(error):
    """Write the traceback, and tell of it, once for each kind: it may be in each request. Return the sentence."""
    key = (type(error), str(error))
    if key not in _told:
        _told[key] = report_fault(error, directory)
        logging.error("%s", _told[key])
        if on_fault is not None:
            on_fault(_told[key])
    return _told[key]


def told(function):
    """Let an error of this function of the recorder be told, and go no further."""

    @functools.wraps(function)
    def call(*arguments, **more):
        try:
            return function(*arguments, **more)
        except Exception as error:
            report(error)
            return None

    return call
