"""Requests -> rows: one line of text each, in the columns of `stacks.lifecycle.records.REQUEST_COLUMNS`.

The rows wait here until `_part_file` takes them. A row may cost at most 5 % of its request, so a text that repeats is
made once and kept. An error in this module is none of the request that it describes.
"""

import re
import time
from functools import lru_cache

from recording import _fault

_waiting = []


def take():
    """Return the rows that wait, and forget them."""
    global _waiting
    rows, _waiting = _waiting, []
    return rows


def add(scheduled_ns, start_ns, method, name, response, error):
    """Add the row of a request of HttpSession or FastHttpSession. `error` is a word of REQUEST_ERRORS, or ''."""
    try:
        latency_us = (time.monotonic_ns() - start_ns) // 1000
        status, size, slot, pid = 0, 0, 0, 0
        if response is not None and not error:
            status = response.status_code or 0
            slot, _, pid = ((response.headers or {}).get("X-Worker") or "0/0").partition("/")
            size = header_number((response.headers or {}).get("Content-Length") or "0")
            slot, pid = header_number(slot), header_number(pid)
        cells = request_cells(method, name)
        _waiting.append(
            f"{scheduled_ns}\t{start_ns}\t{latency_us}\t{status}\t{error}\t{slot}\t{pid}\t{size}\t{cells}\n"
        )
    except Exception as fault:
        _fault.report(fault)


def add_fast(scheduled_ns, start_ns, end_ns, method, name, head, size, error):
    """Add the row of a request of FastSession, which calls this as its `record`."""
    try:
        start = str(start_ns)
        scheduled = start if scheduled_ns is start_ns else scheduled_ns
        latency_us = (end_ns - start_ns) // 1000
        _waiting.append(
            f"{scheduled}\t{start}\t{latency_us}\t{answer_cells(head, error)}\t{size}\t{request_cells(method, name)}\n"
        )
    except Exception as fault:
        _fault.report(fault)


def add_missed(scheduled_ns, name):
    """Add the row of an arrival of the open model that did not start. OpenModel calls this as its `record_missed`."""
    try:
        _waiting.append(f"{scheduled_ns}\t{scheduled_ns}\t0\t0\tmissed\t0\t0\t0\t{request_cells('', name)}\n")
    except Exception as fault:
        _fault.report(fault)


@lru_cache(1024)
def request_cells(method, name):
    """Return the cells `method` and `name`. Tabs and line ends in the name become spaces."""
    one_line = " ".join(re.split(r"[\t\r\n]", str(name)))
    return f"{method}\t{one_line}"


@lru_cache(1024)
def answer_cells(head, error):
    """Return the cells `status`, `error`, `slot` and `pid`. `head` is None for a request without an answer."""
    status, slot, pid = (head.status, head.slot, head.pid) if head is not None else (0, 0, 0)
    return f"{status}\t{error}\t{slot}\t{pid}"


def header_number(text):
    """Parse a number from a response header. Return 0 if the text is not a number: any server may send any text."""
    return int(text) if text.isdecimal() and len(text) < 10 else 0
