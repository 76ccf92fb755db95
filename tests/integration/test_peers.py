"""What others show in the outage that the pack calls hung_worker: Locust reports no failure, the stats show idle."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from stacks import catalogue
from stacks.catalogue import venvs
from stacks.observe.observer import Observer
from stacks.run import stop_signals
from tests.patience import LIMIT_S
from tests.quiet_port import quiet_port

# uWSGI's http-socket ends each connection after its answer, and no header says so. A client that keeps connections can
# send its next request before it sees the end, and gets a reset that has nothing to do with a hang: so close each one.
PLAIN = """
from locust import HttpUser, task

class Visitor(HttpUser):
    @task
    def ask(self):
        self.client.get("/")
        self.client.close()
"""


def test_locust_and_the_stats_socket_see_nothing(tmp_path: Path, venv: Callable[[str], venvs.Venv]) -> None:
    environment = venv("py312-2.0.26")
    port, stats = quiet_port(), quiet_port()
    placeholders = {"PACK_PORT": str(port), "PACK_APP": str(catalogue.APPS / "hello.py")}
    placeholders |= {"PACK_WORKERS": "4", "PACK_MAX_REQUESTS": "50", "PACK_BINARY": str(environment.python)}
    ini = tmp_path / "stack.ini"
    text = catalogue.effective_ini(catalogue.STACKS / "threads.ini", placeholders)
    ini.write_text(f"{text}stats = 127.0.0.1:{stats}\n")
    (tmp_path / "plain.py").write_text(PLAIN)
    observer = Observer(tmp_path, [str(environment.uwsgi), "--ini", str(ini)], dict(os.environ), port)
    try:
        assert observer.until(lambda: observer.lifecycle.serving() == 4, LIMIT_S)
        locust = subprocess.Popen(
            [sys.executable, *"-m locust -f plain.py --headless -u 10 -r 10 -t 300s --stop-timeout 3 --json".split()]
            + ["--host", f"http://127.0.0.1:{port}"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        is_outage = observer.until(observer.lifecycle.is_outage, LIMIT_S)
        locust.terminate()
        assert locust.stdout is not None
        entries = json.loads(locust.stdout.read())
        locust.stdout.close()
        locust.wait(LIMIT_S)
        assert is_outage
        with socket.create_connection(("127.0.0.1", stats), timeout=LIMIT_S) as connection:
            said = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    finally:
        observer.emit("stop")
        stop_signals.stop(observer.pids, observer.pid, (), observer.step)
        observer.close()
    assert locust.returncode == 0
    assert sum(entry["num_requests"] for entry in entries) == 200
    assert sum(entry["num_failures"] for entry in entries) == 0
    workers = json.loads(said)["workers"]
    assert [(worker["status"], worker["accepting"]) for worker in workers] == [("idle", 0)] * 4
    assert all(worker["respawn_count"] > 1 for worker in workers)
