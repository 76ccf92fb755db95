"""Sparse: each user asks about once a second, so that recycles stand apart and their cost to one request shows."""

from locust import FastHttpUser, constant_pacing, task


class Sparse(FastHttpUser):
    wait_time = constant_pacing(1)
    connection_timeout = network_timeout = 4.0

    @task
    def ask(self):
        self.client.get("/")
