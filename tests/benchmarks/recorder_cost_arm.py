"""A locustfile whose requests are recorded in three of four slices of SLICE_S (recorder_cost.py).

It writes one line of JSON a slice, and one for the agent at the begin and at the end of the load. PACK_CLIENT names the
user class. With PACK_RATE, the users send so many requests a second together; without it, each sends its next one at
once.
"""

import json
import os
import sys
import time
from pathlib import Path

import gevent
import psutil
from locust import FastHttpUser, constant_throughput, events, task
from locust.contrib.fasthttp import FastHttpSession

SLICE_S = 0.1
PATTERN = (True, False, True, True)  # is a slice recorded?
SETTLE_S = 0.02  # for the requests that began in the slice before
unrecorded = FastHttpSession.request  # the recorder, which is loaded after this file, wraps it
folder = str(Path("locustfiles").resolve())
sys.path.insert(0, folder)
import fast_client  # noqa: E402
from fast_client import FastUser  # noqa: E402

sys.path.remove(folder)
rate = float(os.environ.get("PACK_RATE") or 0)
users = int(os.environ["PACK_USERS"])


class Ask({"FastUser": FastUser, "FastHttpUser": FastHttpUser}[os.environ["PACK_CLIENT"]]):
    if rate:
        wait_time = constant_throughput(rate / users)

    @task
    def ask(self):
        self.client.get("/")


def say(**values):
    with Path(os.environ["PACK_ARM"]).open("a") as file:
        file.write(json.dumps(values) + "\n")


def agent_cpu_s():
    (agent,) = [process for process in psutil.Process().children() if "stacks.hosts.load_agent" in process.cmdline()]
    times = agent.cpu_times()
    return times.user + times.system


@events.test_start.add_listener
def on_start(environment, **_kwargs):
    say(agent_cpu_s=agent_cpu_s(), at_s=time.monotonic())
    gevent.spawn(alternate, environment.stats.total)


@events.test_stop.add_listener
def on_stop(**_kwargs):
    say(agent_cpu_s=agent_cpu_s(), at_s=time.monotonic())


def alternate(total):
    recorded, record = FastHttpSession.request, fast_client._user.FastSession.record
    flush = sys.modules["recording._part_file"].flush
    gevent.sleep(2)
    while True:
        for is_recorded in PATTERN:
            FastHttpSession.request = recorded if is_recorded else unrecorded
            fast_client._user.FastSession.record = staticmethod(record) if is_recorded else None
            gevent.sleep(SETTLE_S)
            flush()
            before = total.num_requests, time.process_time(), time.monotonic()
            gevent.sleep(SLICE_S)
            flush()  # a slice pays for its own rows
            requests, cpu_s, took_s = (
                now - then
                for now, then in zip((total.num_requests, time.process_time(), time.monotonic()), before, strict=True)
            )
            say(recorded=is_recorded, requests=requests, cpu_s=cpu_s, took_s=took_s)
