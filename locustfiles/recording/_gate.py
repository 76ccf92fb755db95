"""The gate: Locust loads early, and its users start only when the run (`stacks.run`) says so.

The socket in PACK_CONTROL_FD carries words. This process sends `up`. The run answers `go` or `cancel`, and later sends
`stop` (let the users finish) and `kill` (end the users now).
"""

import os
import socket

import gevent
from gevent.socket import wait_read


def wait_for_go(environment):
    """Wait for the first command. Return True after `go`, and without a gate; from then on, follow the commands."""
    descriptor = os.environ.get("PACK_CONTROL_FD")
    if descriptor is None:
        return True
    control = socket.socket(fileno=int(descriptor))
    control.send(b"up\n")
    wait_read(control.fileno())
    if not control.recv(64).startswith(b"go"):
        return False
    gevent.spawn(follow, control, environment)
    return True


def follow(control, environment):
    """Do what the run commands, until it ends."""
    while True:
        wait_read(control.fileno())
        words = control.recv(64).decode().split()
        if "kill" in words:
            environment.runner.user_greenlets.kill(block=False)
        if not words or "stop" in words:  # without a word, the run has ended
            gevent.spawn(environment.runner.quit)
        if not words:
            return
