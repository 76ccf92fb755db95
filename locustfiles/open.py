"""Open: 20 arrivals a second and user on a schedule, answered or not: what people wait while a stack stands still."""

from _fast_client import FastUser
from _open_model import OpenModel
from locust import task


class Open(OpenModel, FastUser):
    rate = 20.0
    arrivals = "poisson"
    connection_timeout = network_timeout = 4.0

    @task
    def ask(self):
        self.client.get("/")
