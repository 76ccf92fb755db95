"""Requests -> rows: one line of text each, in the columns of `stacks.lifecycle.records.REQUEST_COLUMNS`.

The rows wait here until `_part_file` takes them. A row may cost at most 5 % of its request, so a text that repeats is
made once and kept, and AT_ONCE rows are made together: code that has just run takes less time. An error in this
module is none of the request that it describes.
"""

import re
import time
from functools import lru_cache

from recording import _fault

AT_ONCE = 64  # rows: they take as long as one request, so they hold no other request up
VALUES = 8  # of a request that has no row until now; they are in a list, one after the other

_lines = []
_of_fast = []  # the arguments of `add_fast`
_of_locust = []  # scheduled_ns, start_ns, end_ns, method, name, status, headers, error


def take():
    """Return the text of the rows that wait, and forget them."""
    global _lines
    _make_rows()
    lines, _lines = _lines, []
    return "".join(lines)


def add(scheduled_ns, start_ns, method, name, response, error):
    """Add the row of a request of HttpSession or FastHttpSession. `error` is a word of REQUEST_ERRORS, or ''."""
    global _of_locust
    end_ns = time.monotonic_ns()
    try:
        status, headers = 0, None
        if response is not None and not error:
            status, headers = response.status_code or 0, response.headers
        _of_locust += (scheduled_ns, start_ns, end_ns, method, name, status, headers, error)
        if len(_of_locust) >= AT_ONCE * VALUES:
            _make_rows()
    except Exception as fault:
        _fault.report(fault)


def add_fast(scheduled_ns, start_ns, end_ns, method, name, head, size, error):
    """Add the row of a request of FastSession, which calls this as its `record`."""
    global _of_fast
    _of_fast += (scheduled_ns, start_ns, end_ns, method, name, head, size, error)
    if len(_of_fast) >= AT_ONCE * VALUES:
        _make_rows()


def _make_rows():
    """Make the rows of the requests that have none. A request whose row cannot be made loses no other one its row."""
    global _of_fast, _of_locust
    waiting = (_of_fast, _fast_text), (_of_locust, _locust_text)
    _of_fast, _of_locust = [], []
    for requests, make_text in waiting:
        try:
            _lines.append(make_text(requests))
        except Exception:
            for place in range(0, len(requests), VALUES):
                try:
                    _lines.append(make_text(requests[place : place + VALUES]))
                except Exception as fault:
                    _fault.report(fault)


def _fast_text(requests):
    values = iter(requests)
    return "".join(
        [
            f"{scheduled_ns}\t{start_ns}\t{(end_ns - start_ns) // 1000}\t{answer_cells(head, error)}\t{size}\t"
            f"{request_cells(method, name)}\n"
            for scheduled_ns, start_ns, end_ns, method, name, head, size, error in zip(*[values] * VALUES, strict=True)
        ]
    )


def _locust_text(requests):
    values = iter(requests)
    return "".join(
        [
            f"{scheduled_ns}\t{start_ns}\t{(end_ns - start_ns) // 1000}\t{_cells_of(status, headers, error)}\t"
            f"{request_cells(method, name)}\n"
            for scheduled_ns, start_ns, end_ns, method, name, status, headers, error in zip(
                *[values] * VALUES, strict=True
            )
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


def _cells_of(status, headers, error):
    """Return the cells `status`, `error`, `slot`, `pid` and `bytes`. `headers` is None without an answer."""
    if not headers:
        return f"{status}\t{error}\t0\t0\t0"
    # A header that is there twice is no text in FastHttpSession.
    return _header_cells(status, error, str(headers.get("X-Worker")), str(headers.get("Content-Length")))


@lru_cache(1024)
def _header_cells(status, error, worker, length):
    slot, _, pid = worker.partition("/")
    return f"{status}\t{error}\t{header_number(slot)}\t{header_number(pid)}\t{header_number(length)}"


def header_number(text):
    """Parse a number from a response header. Return 0 if the text is not a number: any server may send any text."""
    return int(text) if text.isdecimal() and len(text) < 10 else 0
