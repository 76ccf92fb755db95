"""Uploads: half of the users send a body in 6 s, as a phone does; the others ask something quick every other second."""

import gevent
from fast_client import FastUser
from locust import HttpUser, constant_pacing, task

PIECE = bytes(16384)  # more than the 8 KB that a stack buffers
PIECES = 20
PAUSE_S = 0.3


class Slow:
    """A body of a stated length whose pieces come one by one."""

    def __init__(self):
        self.left = PIECES

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
