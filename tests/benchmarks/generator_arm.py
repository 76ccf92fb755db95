"""One load generator of the benchmark: Locust with one client, which waits for its slices.

For each line `SECONDS` on its standard input it starts its users, waits until they run evenly, and prints the result of
this time as a line of JSON. Between slices it has no users. With --record, the recorder is on in half of the turns of a
slice, and both halves are printed: a turn is so short that the host does not change much meanwhile.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import gevent
import locust
from gevent.fileobject import FileObject
from locust import FastHttpUser, HttpUser, constant, task

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # for `stacks`
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "locustfiles"))
from fast_client import FastSession, FastUser
from locust.env import Environment

RUN_IN_S = 0.3
TURNS = (True, False, False, True, False, True, True, False)  # both sides have early and late turns
RECORDED = {"recorded": True, "not recorded": False}
CLIENTS = {"FastHttpUser": FastHttpUser, "FastUser": FastUser, "HttpUser": HttpUser}


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

        def on_start(self):
            if options.client == "HttpUser":  # it would send a request into a connection that the server ends
                self.client.headers["Connection"] = "close"

        @task
        def ask(self):
            self.client.get("/")

    environment = Environment(user_classes=[Hammering], host=options.host, events=locust.events)
    runner = environment.create_local_runner()
    if options.record:
        from recording import _part_file, _recorder, _rows  # noqa: F401 - the recorder listens to init

        environment.events.init.fire(environment=environment, runner=runner, web_ui=None)

    def work(seconds, recorded=None):
        """Return (seconds, requests, failures, CPU seconds) of the next `seconds`."""
        if recorded is not None:
            FastSession.record = staticmethod(_rows.add_fast) if recorded else None
        total = environment.stats.total
        before, failed, cpu, begin = total.num_requests, total.num_failures, time.process_time(), time.monotonic()
        gevent.sleep(seconds)
        if recorded:
            _part_file.flush()  # in the turn that made the rows
        seconds = time.monotonic() - begin
        cpu = time.process_time() - cpu
        return seconds, total.num_requests - before, total.num_failures - failed, cpu

    def row(turns):
        seconds, requests, failures, cpu = map(sum, zip(*turns, strict=True))
        return {
            "seconds": round(seconds, 4),
            "requests": requests,
            "failures": failures,
            "cpu": round(cpu / seconds, 3),
        }

    print(json.dumps({"ready": options.client}), flush=True)
    for line in FileObject(sys.stdin, "r"):
        runner.start(options.users, spawn_rate=options.users)
        gevent.sleep(RUN_IN_S)
        if options.record:
            turns = [(recorded, work(float(line) / len(TURNS), recorded)) for recorded in TURNS]
            found = {name: row([t for on, t in turns if on is recorded]) for name, recorded in RECORDED.items()}
        else:
            found = row([work(float(line))])
        runner.stop()
        print(json.dumps(found), flush=True)
    environment.events.quit.fire(exit_code=0)


if __name__ == "__main__":
    main()
