"""Open model: requests arrive on a schedule, even if earlier requests have no answer.

Latencies then include the time that people wait while a stack does not answer. OPEN_RATE in the environment is the
number of arrivals a second for each user (default: 20).
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
