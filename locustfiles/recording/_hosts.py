"""A Locust that is one of several, perhaps on several hosts: its rows go to the results location PACK_LOCATION.

Each process that has users gets a companion (`stacks.hosts.load_agent`), which ships its rows. The process that starts
and stops the test gets the coordinator (`stacks.hosts.coordinator_process`), which closes the run. Both outlive this
process, however it ends. Locust's own messages stay as they are, and no row goes through the master.

PACK_LOCATION: a directory that all hosts share, or s3://, gs://, az://. PACK_CAMPAIGN: the name of the run there.
PACK_OBSERVERS: how many uWSGI hosts run `python -m stacks observe`. PACK_PORT_HOSTS: the port of the coordinator
(default: the one after the port of Locust's master). PACK_MASTER_LIMIT_S: how long a worker waits for its master at
its start (default: Locust's own 300 s).
"""

import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import gevent
from gevent.socket import wait_read
from locust import events, runners
from locust.runners import MasterRunner, WorkerRunner

from recording import _fault, _part_file

ROOT = Path(__file__).resolve().parents[2]
HELLO_LIMIT_S = 120  # for a Python to start on a busy machine, and to ask for 10 s

_words = None  # the socket on which the coordinator is told when the test begins and ends
_environment = None  # of the Locust that has the coordinator
_companions = []  # so that their pipes stay open until this process ends


def is_on():
    """Return True if this Locust is to record into a results location."""
    return bool(os.environ.get("PACK_LOCATION"))


def limit_wait():
    """Let a worker end with Locust's own error if its master does not come within PACK_MASTER_LIMIT_S.

    Call it before the runner is made. The wait is a number in Locust's code, without an option.
    """
    limit_s = int(os.environ.get("PACK_MASTER_LIMIT_S") or 0)
    if limit_s:
        runners.CONNECT_TIMEOUT = min(runners.CONNECT_TIMEOUT, limit_s)
        runners.CONNECT_RETRY_COUNT = limit_s // runners.CONNECT_TIMEOUT


def begin(environment):
    """Start the companions of this process. A host that the coordinator refuses ends with the exit code 1."""
    global _environment
    options, runner = environment.parsed_options, environment.runner
    if not isinstance(runner, WorkerRunner):
        _environment = environment
        host, port = _start_coordinator(options, isinstance(runner, MasterRunner)), _port(options.master_bind_port)
    else:
        host, port = options.master_host, _port(options.master_port)
    if not isinstance(runner, MasterRunner):
        _start_agent(f"[{host}]:{port}" if ":" in host else f"{host}:{port}", environment)


def end(**_kwargs):
    """Tell the coordinator what Locust has counted, and that the test has ended."""
    if _environment is not None:
        total = _environment.stats.total
        _say(f"counted {total.num_requests} {total.num_failures}")
        _say("end")


def _say(word):
    if _words is not None:
        try:
            _words.send(f"{word}\n".encode())
        except OSError:
            pass


def _port(masters):
    return int(os.environ.get("PACK_PORT_HOSTS") or int(masters) + 1)


def _start(module, *arguments, **options):
    """Start a companion. Its session is its own: Ctrl-C ends Locust, and the companion finishes its work."""
    companion = subprocess.Popen(
        [sys.executable, "-m", f"stacks.hosts.{module}", *map(str, arguments)],
        cwd=ROOT,
        start_new_session=True,
        env={name: value for name, value in os.environ.items() if name != "PACK_CONTROL_FD"},
        **options,
    )
    _companions.append(companion)
    return companion


def _start_coordinator(options, is_master):
    global _words
    ours, theirs = socket.socketpair()
    bind = options.master_bind_host if is_master else "127.0.0.1"
    arguments = ["--location", _location()]
    arguments += ["--campaign", os.environ.get("PACK_CAMPAIGN", ""), "--bind", "" if bind == "*" else bind]
    arguments += ["--port", _port(options.master_bind_port), "--fd", theirs.fileno()]
    arguments += ["--loads", options.expect_workers if is_master else 1]
    arguments += ["--observers", os.environ.get("PACK_OBSERVERS") or 0]
    arguments += ["--users", options.num_users or 1, "--scenario", ",".join(options.locustfile or [])]
    _start("coordinator_process", *arguments, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
    theirs.close()
    _words = ours
    os.environ["PACK_CONTROL_FD"] = str(os.dup(ours.fileno()))  # the gate reads from it
    events.test_start.add_listener(lambda **_kwargs: _say("begin"))
    events.test_stop.add_listener(end)
    return "127.0.0.1" if bind == "*" else bind


def _location():
    location = os.environ["PACK_LOCATION"]
    return location if "://" in location else str(Path(location).absolute())


def _follow(descriptor, environment):
    """End this Locust when its companion says that the run is over: the master, which tells it otherwise, has died."""
    while True:
        wait_read(descriptor)
        data = os.read(descriptor, 4096)
        if b"quit" in data:
            environment.runner.quit()
        if not data:
            return


def _start_agent(master, environment):
    folder = tempfile.mkdtemp(prefix="pack-spool-", dir=os.environ.get("PACK_RECORD_DIR") or None)
    arguments = ["--location", _location(), "--master", master, "--spool", folder, "--pid", os.getpid()]
    arguments += ["--campaign", os.environ.get("PACK_CAMPAIGN", "")]
    agent = _start("load_agent", *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(problem):
        agent.stdin.write(f"problem {problem}\n".encode())
        agent.stdin.flush()

    def fail(error):
        logging.error("The recorder cannot write its rows (%s); the load goes on without them.", error)
        tell(f"the recorder could not write its rows: {error}")

    _part_file.on_failure, _fault.on_fault = fail, tell
    _part_file.begin(folder)
    _fault.directory = None  # the agent removes the folder
    line = ""
    with gevent.Timeout(HELLO_LIMIT_S, False):
        wait_read(agent.stdout.fileno())
        line = os.read(agent.stdout.fileno(), 4096).decode(errors="replace").strip()
    word, _, why = line.partition(" ")
    if word == "refused" or not word:
        logging.error("This host takes no part: %s", why or "the companion of the recorder did not start in time.")
        shutil.rmtree(folder, ignore_errors=True)  # without a row: no request was sent
        sys.exit(1)
    gevent.spawn(_follow, agent.stdout.fileno(), environment)
    if word == "alone":
        logging.warning("No coordinator answers at %s. The rows go to %s all the same.", master, _location())
