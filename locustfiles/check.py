"""What `make check` hammers with: one page, over and over, whatever it answers; PACK_URL names the page."""

import os

from locust import FastHttpUser, constant_pacing, task


class Check(FastHttpUser):
    wait_time = constant_pacing(0.05)
    # Above the slowest page that the probe lets pass (stacks/probe.py), below Locust's --stop-timeout.
    connection_timeout = network_timeout = 8.0

    @task
    def ask(self):
        # A redirect to https or to a host name would leave the stack that is measured.
        with self.client.get(os.environ.get("PACK_URL", "/"), allow_redirects=False, catch_response=True) as response:
            if response.status_code:
                response.success()
