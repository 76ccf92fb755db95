"""One request before the load. It finds a page that cannot be hammered, and says what to do instead."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass

from stacks.run.live_run import LiveRun

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
            answer.status = response.status
            while answer.size <= MOST_BYTES and time.monotonic() - began_s < LIMIT_S:
                data = response.read(CHUNK_BYTES)
                if not data:
                    break
                answer.size += len(data)
        except (OSError, http.client.HTTPException, ValueError) as error:
            answer.error = f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        answer.latency_s = time.monotonic() - began_s
        self.answer = answer


def ask(live: LiveRun, port: int, path: str) -> Answer | None:
    """Request `path` once while the observer goes on. Returns None if the verdict is certain without the answer."""
    thread = Probe(port, path)
    thread.start()
    live.observer.until(lambda: thread.answer is not None or live.is_certain(), LIMIT_S + 1.0)
    if live.is_certain():
        return None
    return thread.answer or Answer(error="no answer", latency_s=LIMIT_S)


def objection(answer: Answer, path: str) -> str:
    """Return why a page with this answer cannot be hammered, and what to do; '' if it can."""
    another = "Name another page with --url (URL=/path)."
    if answer.error and answer.latency_s < LIMIT_S / 2:
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
