"""Bursts: for one second all users send requests, and for the next second only one of eight users.

All workers then reach max-requests together.
"""

from locust import FastHttpUser, LoadTestShape, constant, task

PERIOD_S = 1.0
QUIET_SHARE = 8


class Burst(FastHttpUser):
    wait_time = constant(0.01)
    connection_timeout = network_timeout = 4.0

    @task
    def ask(self):
        self.client.get("/")


class InBursts(LoadTestShape):
    use_common_options = True

    def tick(self):
        users = self.runner.environment.parsed_options.num_users or 1
        loud = self.get_run_time() % (2 * PERIOD_S) < PERIOD_S
        return (users if loud else max(1, users // QUIET_SHARE)), users
