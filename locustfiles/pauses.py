"""Pauses: all users ask at once, then nobody for four seconds: idle workers, idle threads."""

from locust import FastHttpUser, constant_pacing, task


class Pauses(FastHttpUser):
    wait_time = constant_pacing(4)
    connection_timeout = network_timeout = 4.0

    @task
    def ask(self):
        self.client.get("/")
