"""One request of the page before the load: what came back, why such a page cannot be hammered, and what to do."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass

from stacks.lifecycle.incarnation import Incarnation

# Below the load's client timeout of 8 s (locustfiles/check.py).
LIMIT_S = 6.0
# 8 users with 20 requests a second each would move more than a gigabit of larger pages per second. Then the network
# would be measured.
MOST_BYTES = 1 << 20
CHUNK_BYTES = 1 << 16


@dataclass
class Answer:
    """What came back. `error` is '' if there was an answer, whatever its status."""

    status: int = 0
    size: int = 0  # bytes of the body that were read, MOST_BYTES and a chunk at most
    latency_s: float = 0.0
    error: str = ""
    tail_s: float = 0.0  # from the last byte to the end of the connection, where only that tells the end of the answer

    @property
    def is_timeout(self) -> bool:
        """True if nothing came for LIMIT_S. Any other error is the end of the connection."""
        return self.error.startswith(TimeoutError.__name__)


class Probe(threading.Thread):
    """Requests the page once, in a thread of its own, because the observer must not wait."""

    def __init__(self, port: int, path: str) -> None:
        super().__init__(daemon=True)
        self.port, self.path = port, path
        self.answer: Answer | None = None  # None until the request has ended

    def run(self) -> None:
        answer, began_s = Answer(), time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT_S)
        try:
            connection.request("GET", self.path)
            response = connection.getresponse()
            newest_s, has_end = time.monotonic(), response.length is not None or response.chunked
            answer.status = response.status
            while answer.size <= MOST_BYTES and time.monotonic() - began_s < LIMIT_S:
                data = response.read1(CHUNK_BYTES)
                if not data:
                    answer.tail_s = 0.0 if has_end else time.monotonic() - newest_s
                    break
                answer.size += len(data)
                newest_s = time.monotonic()
        except (OSError, http.client.HTTPException, ValueError) as error:
            answer.error = f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        answer.latency_s = time.monotonic() - began_s
        self.answer = answer


def objection(answer: Answer, path: str, dead_worker: Incarnation | None = None) -> str:
    """Return why a page with this answer cannot be hammered, and what to do; '' if it can.

    `dead_worker` is the worker that ended while it had the request.
    """
    another = "Name another page with --url (URL=/path)."
    if answer.error and dead_worker is not None:
        how = f" {dead_worker.way_of_end}" if dead_worker.way_of_end else ""
        wrote = f"The last line that it wrote: {dead_worker.last_line}" if dead_worker.last_line else "It wrote no line"
        return (
            f"{path} was not answered: the worker that had the request ended{how}. {wrote}. There is no traceback "
            f"where the app, or a native library, ends the process. {another}"
        )
    if answer.error and not answer.is_timeout:
        return (
            f"{path} was not answered: the connection ended ({answer.error}), as it does when an app raises before it "
            f"has answered; the traceback is in uwsgi.log. Correct the app. {another}"
        )
    if answer.error or answer.latency_s >= LIMIT_S:
        what = answer.error or f"{answer.size} bytes until then"
        return f"{path} was not answered within {LIMIT_S:.0f} s by a worker that is ready ({what}). {another}"
    if answer.size > MOST_BYTES:
        return (
            f"{path} answers more than {MOST_BYTES >> 20} MB, and the network would be measured instead of the "
            f"workers. {another}"
        )
    if answer.status >= 500:
        return f"{path} answers {answer.status}. Correct the app, or see --chdir and --app. {another}"
    return ""
