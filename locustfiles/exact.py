"""Like steady.py, but every lost request counts as lost.

Locust's own client repeats a request whose connection was dropped. FastUser does so only on a connection that it kept,
and this scenario keeps none.
"""

from fast_client import FastUser
from locust import constant_pacing, task


class Exact(FastUser):
    wait_time = constant_pacing(0.05)
    connection_timeout = network_timeout = 4.0
    keep_alive = False

    @task
    def ask(self):
        self.client.get("/")
