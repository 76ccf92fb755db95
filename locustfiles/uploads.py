"""Uploads: half of the users send a body within 6 s, as a phone does. The others send a short request every 2 s."""

import gevent
from fast_client import FastUser
from locust import HttpUser, constant_pacing, task

PIECE = bytes(16384)  # more than the 8 KB that the stack buffers
PIECES, PAUSE_S = 20, 0.3


class Slow:
    """A body with a known length, whose pieces come one by one."""

    left = PIECES

    def __len__(self):
        return self.left * len(PIECE)

    def read(self, _size=-1):
        if not self.left:
            return b""
        self.left -= 1
        gevent.sleep(PAUSE_S)
        return PIECE


class Upload(HttpUser):
    @task
    def upload(self):
        self.client.post("/upload", data=Slow(), headers={"Connection": "close"}, timeout=4.0)


class Quick(FastUser):
    wait_time = constant_pacing(2)
    connection_timeout = network_timeout = 4.0
    keep_alive = False

    @task
    def ask(self):
        self.client.get("/")
