"""The recorder: it makes every HTTP request of any locustfile a row, also the requests in flight at the end.

Load it beside a scenario: `locust -f locustfiles/steady.py,locustfiles/recording/_recorder.py`. It writes the rows to
`requests-PID.tsv` in PACK_RECORD_DIR (default: the working directory). With PACK_LOCATION they go to a results location
that several hosts share (see `_hosts`). It wraps the clients instead of listening to
Locust's event `request`, because Locust fires no event for a request that is killed with its user. A hung stack leaves
such requests.
"""

import logging
import os
import sys
import time
from pathlib import Path

import gevent
from locust import events
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.runners import WorkerRunner

# Locust loads this file by its path, so Python finds neither `recording` nor `stacks`. Entry 0 of sys.path is Locust's
# own, which Locust removes after loading. The two entries are removed below, so that a user's locustfile never imports
# a file of the pack by accident.
sys.path.insert(1, str(Path(__file__).resolve().parents[1]))
sys.path.insert(1, str(Path(__file__).resolve().parents[2]))
from recording import _fault, _gate, _hosts, _part_file, _rows
from recording._error_words import error_word, is_truncated

for place in Path(__file__).resolve().parents[1:3]:
    sys.path.remove(str(place))

# The web UI sets this to True, because it begins and ends a recording with each of its runs. Otherwise the recording
# begins when Locust has loaded, and ends when Locust quits.
on_demand = False

_hosts.limit_wait()


def wrap(session):
    """Make each request of this class of clients add a row."""
    original = session.request

    def request(self, method, url, name=None, *args, **kwargs):
        start_ns = time.monotonic_ns()
        # OpenModel leaves the scheduled time in the greenlet of its request.
        scheduled_ns = gevent.getcurrent().__dict__.pop("scheduled_ns", start_ns)
        label = name or getattr(self, "request_name", None) or url
        try:
            response = original(self, method, url, name, *args, **kwargs)
        except gevent.GreenletExit:
            _rows.add(scheduled_ns, start_ns, method, label, None, "in_flight")
            raise
        except BaseException as error:
            _rows.add(scheduled_ns, start_ns, method, label, None, error_word(error))
            raise
        if not response.status_code:
            error = error_word(getattr(response, "error", None))
        elif not kwargs.get("stream") and is_truncated(response):
            error = "truncated"
        else:
            error = ""
        _rows.add(scheduled_ns, start_ns, method, label, response, error)
        return response

    session.request = request


@events.init.add_listener
def on_init(environment, **_kwargs):
    """Record every client of the scenario, and wait at the gate. Without a recorder there is no run."""
    try:
        prepare(environment)
    except Exception as error:
        _fault.report(error)
        sys.exit(1)


def prepare(environment):
    """Begin the recording."""
    if not on_demand:
        if _hosts.is_on():
            _hosts.begin(environment)
        else:
            folder = Path(os.environ.get("PACK_RECORD_DIR", "."))
            _fault.directory, _part_file.on_failure = folder, give_up_rows
            _part_file.begin(folder)
    for session in (HttpSession, FastHttpSession):
        wrap(session)
    # A scenario that uses these two has imported them by now, under these names.
    if client := sys.modules.get("fast_client._user"):
        client.FastSession.record = staticmethod(_rows.add_fast)
    if open_model := sys.modules.get("fast_client._open_model"):
        open_model.OpenModel.record_missed = staticmethod(_rows.add_missed)
    gevent.spawn(_part_file.flush_forever)
    if not isinstance(environment.runner, WorkerRunner) and not _gate.wait_for_go(environment):
        # The stack did not start, so there is no request to record.
        _part_file.end()
        sys.exit(0)


def give_up_rows(error):
    """Go on without rows, and tell the run why."""
    logging.error("The recorder cannot write its rows (%s); the load goes on without them.", error)
    _gate.tell_failure(error)


@events.quit.add_listener
def on_quit(**_kwargs):
    """Write the last rows."""
    for end in (_part_file.end, _hosts.end):
        _fault.told(end)()
