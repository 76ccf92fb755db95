"""Sends requests of FastUser inside Locust. It is a program, because Locust patches the process in which it runs.

It reads lines of JSON until the end of its input: the users (host and attributes) with their calls. For each line it
prints a line of JSON: what each call returned, which event `request` it fired, and which row the recorder would write.
"""

import json
import sys
from pathlib import Path

from locust.env import Environment

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "locustfiles"))
from fast_client import FastSession, FastUser

ROW = ("scheduled_ns", "start_ns", "end_ns", "method", "name", "head", "size", "error")


def outcome(client, call, events, rows):
    events.clear()
    rows.clear()
    judge = call.pop("judge", None)
    try:
        response = client.request(**call)
        if judge is not None:
            with response:
                if judge == "raise":
                    raise ZeroDivisionError
                getattr(response, judge)(*(["bad"] if judge == "failure" else []))
    except Exception as error:
        return {"raised": type(error).__name__, "text": str(error), "rows": len(rows), "events": len(events)}
    (row,) = rows
    return {
        "status": response.status_code,
        "text": response.text[:2000] if response.text else response.text,
        "length": len(response.content) if response.content is not None else None,
        "error": str(response.error) if response.error else None,
        "ok": response.ok,
        "content_type": response.headers.get("content-type") if response.headers is not None else None,
        "events": [{"exception": repr(e["exception"]), **{k: e[k] for k in EVENT}} for e in events],
        "row": {n: v for n, v in zip(ROW, row, strict=True) if n != "head"},
        "worker": [row[5].slot, row[5].pid] if row[5] is not None else None,
        "latency_s": (row[2] - row[1]) / 1e9,
    }


EVENT = ("request_type", "name", "response_time", "response_length", "url")


def main():
    for line in sys.stdin:
        print(json.dumps(outcomes_of(json.loads(line))), flush=True)


def outcomes_of(users):
    events, rows, outcomes = [], [], []
    FastSession.record = staticmethod(lambda *row: rows.append(row))
    for attributes in users:
        calls = attributes.pop("calls")
        environment = Environment(user_classes=[])
        environment.events.request.add_listener(lambda **event: events.append(event))
        client = type("Hammering", (FastUser,), attributes)(environment).client
        outcomes.append([outcome(client, call, events, rows) for call in calls])
        client.close()
    return outcomes


if __name__ == "__main__":
    main()
