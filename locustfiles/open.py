"""Open: arrivals on a schedule, answered or not: what people wait while a stack stands still.

Each user brings OPEN_RATE of them a second, 20 where the environment does not say.
"""

import os

from fast_client import FastUser, OpenModel
from locust import task


class Open(OpenModel, FastUser):
    rate = float(os.environ.get("OPEN_RATE") or 20.0)
    arrivals = "poisson"
    connection_timeout = network_timeout = 4.0

    @task
    def ask(self):
        self.client.get("/")
