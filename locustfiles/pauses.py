"""Pauses: all users send a request at the same time, and then none for four seconds.

Workers and threads are idle in between.
"""

from locust import FastHttpUser, constant_pacing, task


class Pauses(FastHttpUser):
    wait_time = constant_pacing(4)
    connection_timeout = network_timeout = 4.0

    @task
    def ask(self):
        self.client.get("/")
