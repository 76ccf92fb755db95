"""Saturation: every user sends the next request as soon as it has an answer.

With more users than uWSGI threads, no worker is ever idle.
"""

from fast_client import FastUser
from locust import task


class Saturate(FastUser):
    connection_timeout = network_timeout = 4.0

    @task
    def ask(self):
        self.client.get("/")
