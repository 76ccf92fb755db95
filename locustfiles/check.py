"""The load of `make check`: every user requests one page again and again. Any answer counts as a success.

The users are FastUsers, because FastHttpUser repeats a GET again and again when its connection ends without an answer.
So it hides the requests that a worker drops.

PACK_URL in the environment is the path of the page. PACK_SLOW_URL, if it is there, is that of a page which one further
user requests from time to time: a request to it outlives harakiri.
"""

import os
import time

from fast_client import FastUser
from locust import constant_pacing, task

PAUSE_S = float(os.environ.get("PACK_PAUSE_S", "0"))


def rest_of_pause(_user):
    """Return how long a user waits after a request, so that all users pause at the same time."""
    since_begin_s = time.monotonic() % (1 + PAUSE_S)
    return 0.05 if since_begin_s < 1 else 1 + PAUSE_S - since_begin_s


class Check(FastUser):
    wait_time = rest_of_pause if PAUSE_S else constant_pacing(0.05)
    # Longer than the slowest page that the probe of `make check` accepts (6 s), shorter than Locust's --stop-timeout.
    connection_timeout = network_timeout = 8.0

    @task
    def ask(self):
        # A FastUser follows no redirect: one to https, or to a host name, would lead away from the measured stack.
        with self.client.get(os.environ.get("PACK_URL", "/"), catch_response=True) as response:
            if response.status_code:
                response.success()


if os.environ.get("PACK_SLOW_URL"):

    class Slow(FastUser):
        fixed_count = 1
        wait_time = constant_pacing(3)  # every worker answers other requests before it gets one of these
        connection_timeout = network_timeout = 8.0

        @task
        def ask(self):
            self.client.get(os.environ["PACK_SLOW_URL"])
