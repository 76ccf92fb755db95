"""The recorder: turns every HTTP request of any locustfile into a row, also those in flight at the end.

Load it beside a scenario: `locust -f locustfiles/steady.py,locustfiles/recording/_recorder.py`. Rows go to
`requests-PID.tsv` in PACK_RECORD_DIR (default: the working directory), in the columns of
`stacks.lifecycle.records`. It wraps the clients instead of listening to `request`, because Locust fires no
event for a request that is killed with its user, which is what a hung stack leaves.
"""

import os
import re
import socket
import sys
import time
from functools import lru_cache
from pathlib import Path

import gevent
from gevent.socket import wait_read
from locust import events
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.runners import WorkerRunner

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from stacks.lifecycle.records import REQUEST_COLUMNS, REQUEST_PART

FLUSH_S = 0.2  # what a SIGKILL can cost
COMPLETE = "# complete\n"

_rows: list[str] = []
_file = None
_watchers = []
# The web UI begins and ends a recording with each of its runs; alone, the recorder records from init to quit.
on_demand = False


def error_of(error):
    """The word of records.REQUEST_ERRORS for an exception or None, whichever client raised it."""
    words = []
    while error is not None:
        words += [type(error).__name__, str(error)]
        error = getattr(error, "reason", None) or error.__cause__ or error.__context__
        if isinstance(error, str):
            words.append(error)
            error = None
    text = " ".join(words).lower()
    for word, signs in (
        ("refused", ("refused",)),
        ("timeout", ("timeout", "timed out")),
        ("reset", ("reset", "broken pipe")),
        ("truncated", ("chunkedencoding", "incompleteread", "incomplete")),
        ("closed", ("connectionclosed", "remotedisconnected", "closed")),
        ("malformed", ("parse", "badstatusline", "invalid")),
    ):
        if any(sign in text for sign in signs):
            return word
    return "other"


def is_cut(response):
    """Whether FastHttpSession, which tells nobody but its event, has seen only a part of the body."""
    return not getattr(getattr(response, "_response", None), "message_complete", True)


@lru_cache(1024)
def asked(method, name):
    """The cells of what was asked for, the name on one line."""
    one_line = " ".join(re.split(r"[\t\r\n]", str(name)))
    return f"{method}\t{one_line}"


def number(text):
    """A header's number; whoever is not of the pack may say anything."""
    return int(text) if text.isdecimal() and len(text) < 10 else 0


def record(scheduled_ns, start_ns, method, name, response, error):
    """Append the row of a client that is wrapped; `error` is a word of records.REQUEST_ERRORS or ''."""
    latency_us = (time.monotonic_ns() - start_ns) // 1000
    status, size, slot, pid = 0, 0, 0, 0
    if response is not None and not error:
        status = response.status_code or 0
        slot, _, pid = ((response.headers or {}).get("X-Worker") or "0/0").partition("/")
        size = number((response.headers or {}).get("Content-Length") or "0")
        slot, pid = number(slot), number(pid)
    cells = asked(method, name)
    _rows.append(f"{scheduled_ns}\t{start_ns}\t{latency_us}\t{status}\t{error}\t{slot}\t{pid}\t{size}\t{cells}\n")


def record_fast(scheduled_ns, start_ns, end_ns, method, name, head, size, error):
    """Append the row of a FastSession, which knows all of it; at most 5 % of what its request costs."""
    start = str(start_ns)
    scheduled = start if scheduled_ns is start_ns else scheduled_ns
    latency_us = (end_ns - start_ns) // 1000
    _rows.append(f"{scheduled}\t{start}\t{latency_us}\t{answered(head, error)}\t{size}\t{asked(method, name)}\n")


@lru_cache(1024)
def answered(head, error):
    """The cells of an answer; heads repeat, and so does the lack of one."""
    status, slot, pid = (head.status, head.slot, head.pid) if head is not None else (0, 0, 0)
    return f"{status}\t{error}\t{slot}\t{pid}"


def record_missed(scheduled_ns, name):
    """Append the row of an arrival of the open model that was never started."""
    _rows.append(f"{scheduled_ns}\t{scheduled_ns}\t0\t0\tmissed\t0\t0\t0\t{asked('', name)}\n")


def wrap(session):
    """Make every request of a client class a row."""
    original = session.request

    def request(self, method, url, name=None, *args, **kwargs):
        start_ns = time.monotonic_ns()
        scheduled_ns = gevent.getcurrent().__dict__.pop("scheduled_ns", start_ns)  # _open_model says it
        label = name or getattr(self, "request_name", None) or url
        try:
            response = original(self, method, url, name, *args, **kwargs)
        except gevent.GreenletExit:
            record(scheduled_ns, start_ns, method, label, None, "in_flight")
            raise
        except BaseException as error:
            record(scheduled_ns, start_ns, method, label, None, error_of(error))
            raise
        if not response.status_code:
            error = error_of(getattr(response, "error", None))
        elif not kwargs.get("stream") and is_cut(response):
            error = "truncated"
        else:
            error = ""
        record(scheduled_ns, start_ns, method, label, response, error)
        return response

    session.request = request


def flush():
    """Write what has gathered; rows are whole lines, so a reader never sees half a one it must guess at."""
    global _rows
    if _rows and _file is not None:
        rows, _rows = _rows, []
        _file.write("".join(rows))
        _file.flush()
        for watcher in _watchers:
            watcher(rows)


def watch_rows(watcher):
    """Hand every row that is written to `watcher` as well, some at a time."""
    _watchers.append(watcher)


def begin(folder):
    """Record into `folder` from now on."""
    global _file
    end()
    _rows.clear()
    _file = (Path(folder) / REQUEST_PART.format(pid=os.getpid())).open("w", encoding="utf-8")
    _file.write("\t".join(REQUEST_COLUMNS) + "\n")
    _file.flush()


def end():
    """Write the rest, and that it is complete."""
    global _file
    flush()
    if _file is not None:
        _file.write(COMPLETE)
        _file.close()
        _file = None


def flush_forever():
    while True:
        gevent.sleep(FLUSH_S)
        flush()


def obey(control, environment):
    """Wait at the gate, then follow what the run says."""
    while True:
        wait_read(control.fileno())
        words = control.recv(64).decode().split()
        if "kill" in words:
            environment.runner.user_greenlets.kill(block=False)
        if not words or "stop" in words:  # an empty read: the run is gone
            gevent.spawn(environment.runner.quit)
        if not words:
            return


@events.init.add_listener
def on_init(environment, **_kwargs):
    if not on_demand:
        begin(os.environ.get("PACK_RECORD_DIR", "."))
    for session in (HttpSession, FastHttpSession):
        wrap(session)
    # Where the scenario uses them, they are loaded by now, under these names.
    if fast := sys.modules.get("fast_client._user"):
        fast.FastSession.record = staticmethod(record_fast)
    if open_model := sys.modules.get("fast_client._open_model"):
        open_model.OpenModel.record_missed = staticmethod(record_missed)
    gevent.spawn(flush_forever)
    descriptor = os.environ.get("PACK_CONTROL_FD")
    if descriptor is not None and not isinstance(environment.runner, WorkerRunner):
        control = socket.socket(fileno=int(descriptor))
        control.send(b"up\n")
        wait_read(control.fileno())
        if control.recv(64).startswith(b"go"):
            gevent.spawn(obey, control, environment)
        else:  # the stack never came up: no request is all there was to record
            end()
            sys.exit(0)


@events.quit.add_listener
def on_quit(**_kwargs):
    end()
