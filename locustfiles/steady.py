"""Steady load: every user sends about 20 requests a second. The baseline for throughput and for hang rates."""

from locust import FastHttpUser, constant_pacing, task


class Steady(FastHttpUser):
    wait_time = constant_pacing(0.05)
    # Longer than a recycle (1 s, or 2 s if uWSGI throttles it), and shorter than Locust's --stop-timeout.
    connection_timeout = network_timeout = 4.0

    @task
    def ask(self):
        self.client.get("/")
