"""Notes at the begin and at the end of a test what uWSGI has answered until then (load_hosts.py)."""

import json
import os
import socket
import time
from pathlib import Path

from locust import events

_looks = {}


def _look():
    host, _, port = os.environ["PACK_STATS"].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as stats:
        data = b""
        while more := stats.recv(1 << 16):
            data += more
    return {
        "at_s": time.clock_gettime(time.CLOCK_REALTIME),  # the hosts have monotonic clocks of their own
        "requests": sum(worker["requests"] for worker in json.loads(data)["workers"]),
    }


if "PACK_ARM" in os.environ:

    @events.test_start.add_listener
    def on_start(**_kwargs):
        _looks["begin"] = _look()

    @events.test_stop.add_listener
    def on_stop(**_kwargs):
        _looks["end"] = _look()
        Path(os.environ["PACK_ARM"]).write_text(json.dumps(_looks))
