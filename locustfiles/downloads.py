"""Downloads: every user downloads a large file again and again.

An answer that ends before its Content-Length is recorded as truncated.
"""

from fast_client import FastUser
from locust import constant_pacing, task


class Downloads(FastUser):
    wait_time = constant_pacing(0.2)
    connection_timeout = network_timeout = 4.0
    keep_alive = False

    @task
    def download(self):
        self.client.get("/static/download")
