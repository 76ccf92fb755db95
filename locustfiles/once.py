"""One request of each user, and no further load.

The run then shows what a stack does by itself.
"""

from locust import FastHttpUser, constant, task


class Once(FastHttpUser):
    wait_time = constant(3600)
    connection_timeout = network_timeout = 4.0

    @task
    def ask(self):
        self.client.get("/")
