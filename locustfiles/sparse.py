"""Sparse load: each user sends about one request a second.

Workers then recycle one by one, and single requests show the cost of one recycle.
"""

from locust import FastHttpUser, constant_pacing, task


class Sparse(FastHttpUser):
    wait_time = constant_pacing(1)
    connection_timeout = network_timeout = 4.0

    @task
    def ask(self):
        self.client.get("/")
