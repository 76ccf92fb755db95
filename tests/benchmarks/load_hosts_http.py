"""Users of Locust's FastHttpUser that send their next request at once."""

from locust import FastHttpUser, task


class Ask(FastHttpUser):
    @task
    def ask(self):
        self.client.get("/")
