"""The load of `make check`: every user requests one page again and again. Any answer counts as a success.

PACK_URL in the environment is the path of the page. PACK_SLOW_URL, if it is there, is that of a page which one further
user requests from time to time: a request to it outlives harakiri.
"""

import os
import time

from locust import FastHttpUser, HttpUser, constant_pacing, task

PAUSE_S = float(os.environ.get("PACK_PAUSE_S", "0"))


def rest_of_pause(_user):
    """Return how long a user waits after a request, so that all users pause at the same time."""
    since_begin_s = time.monotonic() % (1 + PAUSE_S)
    return 0.05 if since_begin_s < 1 else 1 + PAUSE_S - since_begin_s


class Check(FastHttpUser):
    wait_time = rest_of_pause if PAUSE_S else constant_pacing(0.05)
    # Longer than the slowest page that the probe of `make check` accepts (6 s), shorter than Locust's --stop-timeout.
    connection_timeout = network_timeout = 8.0

    @task
    def ask(self):
        # A redirect to https, or to a host name, would lead away from the stack that is measured.
        with self.client.get(os.environ.get("PACK_URL", "/"), allow_redirects=False, catch_response=True) as response:
            if response.status_code:
                response.success()


if os.environ.get("PACK_SLOW_URL"):

    class Slow(HttpUser):  # FastHttpUser would ask again and again after a reset, without a pause
        fixed_count = 1
        wait_time = constant_pacing(3)  # every worker answers other requests before it gets one of these

        @task
        def ask(self):
            self.client.get(os.environ["PACK_SLOW_URL"], allow_redirects=False, timeout=8.0)
