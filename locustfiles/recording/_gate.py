"""The gate: Locust loads early, and its users start only when the run (`stacks.run`) says so.

The socket in PACK_CONTROL_FD carries words. This process sends `up`, and `failed ERRNO` if it could not write its rows.
The run answers `go` or `cancel`, and later sends `stop` (let the users finish) and `kill` (end the users now).
"""

import os
import socket

import gevent
from gevent.socket import wait_read

_control = None


def control_socket():
    """Return the socket, or None without a gate."""
    global _control
    if _control is None and (descriptor := os.environ.get("PACK_CONTROL_FD")) is not None:
        _control = socket.socket(fileno=int(descriptor))
    return _control


def tell_failure(error):
    """Tell the run that rows cannot be written. It is no error if the run has ended."""
    if (control := control_socket()) is not None:
        try:
            control.send(f"failed {error.errno or 0}\n".encode())
        except OSError:
            pass


def wait_for_go(environment):
    """Wait for the first command. Return True after `go`, and without a gate; from then on, follow the commands."""
    control = control_socket()
    if control is None:
        return True
    try:
        control.send(b"up\n")
        wait_read(control.fileno())
        if not control.recv(64).startswith(b"go"):
            return False
    except OSError:  # the run has ended
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
