"""Saturate: every user asks again as soon as it is answered. With more users than threads, no worker ever rests."""

from fast_client import FastUser
from locust import task


class Saturate(FastUser):
    connection_timeout = network_timeout = 4.0

    @task
    def ask(self):
        self.client.get("/")
