"""POST requests on connections that stay open.

A request is lost if the server closes its connection too early: no client may repeat a POST.
"""

from fast_client import FastUser
from locust import constant_pacing, task


class Kept(FastUser):
    wait_time = constant_pacing(0.05)
    connection_timeout = network_timeout = 4.0
    keep_alive = True

    @task
    def ask(self):
        self.client.post("/")
