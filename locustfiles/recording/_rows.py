"""Requests -> rows: one line of text each, in the columns of `stacks.lifecycle.records.REQUEST_COLUMNS`.

The rows wait here until `_part_file` takes them. A row may cost at most 5 % of its request, so a text that repeats is
made once and kept, and the rows of FastSession are made AT_ONCE together: code that has just run takes a third less
time. An error in this module is none of the request that it describes.
"""

import re
import time
from functools import lru_cache

from recording import _fault

AT_ONCE = 64  # rows: they take as long as one request, so they hold no other request up

_lines = []
_requests = []  # of FastSession, without a row until now: the VALUES arguments of `add_fast`, one after the other
VALUES = 8


def take():
    """Return the text of the rows that wait, and forget them."""
    global _lines
    _make_rows()
    lines, _lines = _lines, []
    return "".join(lines)


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
        _lines.append(f"{scheduled_ns}\t{start_ns}\t{latency_us}\t{status}\t{error}\t{slot}\t{pid}\t{size}\t{cells}\n")
    except Exception as fault:
        _fault.report(fault)


def add_fast(scheduled_ns, start_ns, end_ns, method, name, head, size, error):
    """Add the row of a request of FastSession, which calls this as its `record`."""
    global _requests
    _requests += (scheduled_ns, start_ns, end_ns, method, name, head, size, error)
    if len(_requests) >= AT_ONCE * VALUES:
        _make_rows()


def _make_rows():
    """Make the rows of the requests that have none. A request whose row cannot be made loses no other one its row."""
    global _requests
    requests, _requests = _requests, []
    try:
        _lines.append(_text(requests))
    except Exception:
        for place in range(0, len(requests), VALUES):
            try:
                _lines.append(_text(requests[place : place + VALUES]))
            except Exception as fault:
                _fault.report(fault)


def _text(requests):
    values = iter(requests)
    return "".join(
        [
            f"{scheduled_ns}\t{start_ns}\t{(end_ns - start_ns) // 1000}\t{answer_cells(head, error)}\t{size}\t"
            f"{request_cells(method, name)}\n"
            for scheduled_ns, start_ns, end_ns, method, name, head, size, error in zip(*[values] * VALUES, strict=True)
        ]
    )


def add_missed(scheduled_ns, name):
    """Add the row of an arrival of the open model that did not start. OpenModel calls this as its `record_missed`."""
    try:
        _lines.append(f"{scheduled_ns}\t{scheduled_ns}\t0\t0\tmissed\t0\t0\t0\t{request_cells('', name)}\n")
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
