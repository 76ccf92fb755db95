"""The load of `make check`: every user requests one page again and again. Any answer counts as a success.

PACK_URL in the environment is the path of the page. PACK_SLOW_URL, if it is there, is that of a page which one further
user requests from time to time: a request to it outlives harakiri.
"""

import os

from locust import FastHttpUser, constant_pacing, task


class Check(FastHttpUser):
    wait_time = constant_pacing(0.05)
    # Longer than the slowest page that the probe of `make check` accepts (6 s), shorter than Locust's --stop-timeout.
    connection_timeout = network_timeout = 8.0

    @task
    def ask(self):
        # A redirect to https, or to a host name, would lead away from the stack that is measured.
        with self.client.get(os.environ.get("PACK_URL", "/"), allow_redirects=False, catch_response=True) as response:
            if response.status_code:
                response.success()


if os.environ.get("PACK_SLOW_URL"):

    class Slow(FastHttpUser):
        fixed_count = 1
        wait_time = constant_pacing(4)  # every worker answers some requests before the next one of these
        connection_timeout = network_timeout = 8.0

        @task
        def ask(self):
            self.client.get(os.environ["PACK_SLOW_URL"], allow_redirects=False)
