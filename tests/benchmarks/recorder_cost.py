"""What the recorder costs a load host: CPU time of Locust for each request with and without it, and that of its agent.

`python -m tests.benchmarks.recorder_cost SECONDS [RATE]` prints one line of JSON for FastUser and one for FastHttpUser.
Two runs of Locust differ by more than the recorder costs, and Locust needs half the time for a request where it gets
many at once. So one Locust alternates in short slices, and a slice without the recorder is compared with the two beside
it. `share` is what the recorder and its agent use of all CPU time while the load is on, with its 95 % interval by
bootstrap.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from scipy import stats

from stacks.catalogue import APPS, ROOT, venvs
from stacks.run import ports

ARM = "tests/benchmarks/recorder_cost_arm.py"
RECORDER = "locustfiles/recording/_recorder.py"
USERS = 16
CLIENTS = ("FastUser", "FastHttpUser")
LEAST_REQUESTS = 20  # of a slice
TRIMMED = 0.1  # of the pairs, at both ends: other work on the machine
REPEATS = 2000


def run(client: str, seconds: float, rate: float) -> list[dict[str, Any]]:
    """Return what the arm has written, and at the end the part of `run.json`."""
    venv = venvs.ensure("3.12", "pyuwsgi", "2.0.30.post1")
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        address = f"127.0.0.1:{ports.free_port()}"
        command = [str(venv.uwsgi), "--master", "--processes", "4", "--need-app", "--http-socket", address]
        command += ["--listen", "100", "--wsgi-file", str(APPS / "hello.py"), "--disable-logging", "--die-on-term"]
        with (folder / "u.log").open("wb") as log:
            uwsgi = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT)
        try:
            here = {"PACK_LOCATION": str(folder / "location"), "PACK_CAMPAIGN": "night", "PACK_RECORD_DIR": text}
            here |= {"PACK_PORT_HOSTS": str(ports.free_port()), "PACK_CLIENT": client, "PACK_RATE": str(rate)}
            here |= {"PACK_ARM": str(folder / "arm"), "PACK_USERS": str(USERS)}
            locust = [sys.executable, "-m", "locust", "-f", f"{ARM},{RECORDER}", "--headless", "--only-summary"]
            locust += ["-u", str(USERS), "-r", "1000", "-t", f"{seconds:.0f}s", "--host", f"http://{address}"]
            subprocess.run(locust, cwd=ROOT, env=os.environ | here, check=True, capture_output=True)
        finally:
            uwsgi.terminate()
            uwsgi.wait()
        record = folder / "location" / "night" / "run.json"
        end_s = time.monotonic() + 60
        while json.loads(record.read_text())["status"] == "running" and time.monotonic() < end_s:
            time.sleep(0.1)
        (part,) = json.loads(record.read_text())["hosts"]["parts"]
        return [*map(json.loads, (folder / "arm").read_text().splitlines()), part]


def summary(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the costs in microseconds of CPU time for a request."""
    begin, *slices, end, part = lines
    pairs = []
    for before, without, after in zip(slices, slices[1:], slices[2:], strict=False):
        if not without["recorded"] and min(each["requests"] for each in (before, without, after)) >= LEAST_REQUESTS:
            pairs.append((_request_us(without), (_request_us(before) + _request_us(after)) / 2))
    rate = statistics.median(each["requests"] / each["took_s"] for each in slices)
    # The agent works all the time, for the rows of three quarters of it.
    agent_us = (end["agent_cpu_s"] - begin["agent_cpu_s"]) * 1e6 / part["rows"]
    chance = random.Random(1)
    shares = sorted(_share(chance.choices(pairs, k=len(pairs)), agent_us) for _ in range(REPEATS))
    return {
        "pairs": len(pairs),
        "requests_s": round(rate),
        "without_us": round(_without_us(pairs), 1),
        "in_locust_us": round(_recorder_us(pairs), 2),
        "agent_us": round(agent_us, 2),
        "agent_before_s": begin["agent_cpu_s"],
        "agent_after_us": round((part["recorder_cpu_s"] - end["agent_cpu_s"]) * 1e6 / part["rows"], 2),
        "share": round(_share(pairs, agent_us), 4),
        "interval": [round(shares[round(place * REPEATS)], 4) for place in (0.025, 0.975)],
    }


def _request_us(part: dict[str, Any]) -> float:
    return float(part["cpu_s"] * 1e6 / part["requests"])


def _without_us(pairs: list[tuple[float, float]]) -> float:
    return float(stats.trim_mean([without for without, _ in pairs], TRIMMED))


def _recorder_us(pairs: list[tuple[float, float]]) -> float:
    return float(stats.trim_mean([recorded - without for without, recorded in pairs], TRIMMED))


def _share(pairs: list[tuple[float, float]], agent_us: float) -> float:
    """Return the part of all CPU time that is the recorder's."""
    recorder_us = _recorder_us(pairs) + agent_us
    return recorder_us / (_without_us(pairs) + recorder_us)


def main() -> None:
    seconds, rate = float(sys.argv[1]), float((*sys.argv, "0")[2])
    for client in CLIENTS:
        print(json.dumps({"client": client} | summary(run(client, seconds, rate))), flush=True)


if __name__ == "__main__":
    main()
