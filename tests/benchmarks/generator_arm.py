"""One generator process of the benchmark: Locust with one client, held until it is told to hammer.

For each line `SECONDS` on its standard input it spawns its users, lets them run in, and prints what it did in that time
as a line of JSON. Between slices it has no user.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import gevent
import locust
from gevent.fileobject import FileObject
from locust import FastHttpUser, constant, task

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "locustfiles"))
from _fast_client import FastUser
from locust.env import Environment

RUN_IN_S = 0.3
CLIENTS = {"FastHttpUser": FastHttpUser, "FastUser": FastUser}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("client", choices=CLIENTS)
    parser.add_argument("host")
    parser.add_argument("users", type=int)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()

    class Hammering(CLIENTS[options.client]):
        host = options.host
        wait_time = constant(0)
        keep_alive = False
        connection_timeout = network_timeout = 4.0

        @task
        def ask(self):
            self.client.get("/")

    environment = Environment(user_classes=[Hammering], host=options.host, events=locust.events)
    runner = environment.create_local_runner()
    if options.record:
        import _recorder  # noqa: F401 - listens to init

        environment.events.init.fire(environment=environment, runner=runner, web_ui=None)
    print(json.dumps({"ready": options.client}), flush=True)
    for line in FileObject(sys.stdin, "r"):
        runner.start(options.users, spawn_rate=options.users)
        gevent.sleep(RUN_IN_S)
        total = environment.stats.total
        before, failed, cpu, begin = total.num_requests, total.num_failures, time.process_time(), time.monotonic()
        gevent.sleep(float(line))
        seconds = time.monotonic() - begin
        row = {
            "seconds": round(seconds, 4),
            "requests": total.num_requests - before,
            "failures": total.num_failures - failed,
            "cpu": round((time.process_time() - cpu) / seconds, 3),
        }
        runner.stop()
        print(json.dumps(row), flush=True)
    environment.events.quit.fire(exit_code=0)


if __name__ == "__main__":
    main()
