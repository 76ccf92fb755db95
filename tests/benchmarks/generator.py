"""Compares the request rates of FastUser, FastHttpUser, HttpUser and wrk, in short slices that alternate, on one stack.

`python tests/benchmarks/generator.py` writes every sample to results/bench/generator_slices.json. Each load generator
is one process with one thread, and opens a connection for each request. The stack has 2 workers, and shares the cores
with the generator. The order of the slices in a round is random, and a ratio compares slices of one round, so that a
slow change of the host affects both sides.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scipy import stats

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
from stacks import catalogue  # noqa: E402
from stacks.catalogue import venvs  # noqa: E402
from stacks.lifecycle import records  # noqa: E402
from stacks.observe import host, proc  # noqa: E402
from stacks.run import ports  # noqa: E402
from tests.benchmarks import quiet  # noqa: E402

ARM = Path(__file__).with_name("generator_arm.py")
OUT = records.RESULTS / "bench" / "generator_slices.json"
STACK, PYTHON, PIN, WORKERS = "plain", "3.12", "2.0.30.post1", 2
USERS = 16  # and connections of wrk
SLICE_S = 2.0
REST_EVERY, REST_S = 4, 5.0  # after so many rounds, leave the cores to other processes for so long
QUIET_LIMIT_S = 60.0  # longest wait for a quiet machine before a slice
ATTEMPTS = 3  # for a slice that other processes disturb
LIMIT_S = 30.0
# (name, numerator, denominator, wanted ratio or None, cores that it takes): each process of both sides needs a core
RATIOS: tuple[tuple[str, str, str, float | None, int], ...] = (
    ("FastUser / FastHttpUser", "FastUser", "FastHttpUser", 4.0, 2),
    ("FastUser / HttpUser", "FastUser", "HttpUser", None, 2),
    ("FastUser / wrk -t1", "FastUser", "wrk", 0.6, 2),
    ("recorder on / off", "FastUser, recorded", "FastUser, not recorded", 0.95, 2),
    ("two processes / one", "FastUser, two", "FastUser", 1.8, 2 + WORKERS),
)


class Arm:
    """A process with a load generator (generator_arm.py) that waits for its slices."""

    def __init__(self, client: str, url: str, directory: Path, *options: str) -> None:
        environment = os.environ | {"PACK_RECORD_DIR": str(directory)}
        self.process = subprocess.Popen(
            [sys.executable, str(ARM), client, url, str(USERS), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.read()

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{SLICE_S}\n")
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("A load generator ended too early. Its error is above.")
        return dict(json.loads(line))

    def close(self) -> None:
        self.process.communicate(timeout=LIMIT_S)


@contextlib.contextmanager
def stack(directory: Path) -> Iterator[tuple[str, int]]:
    """Start the stack. Yield its URL and the pid of its master."""
    venv = venvs.ensure(PYTHON, "pyuwsgi", PIN)
    port = ports.free_port()
    values = {"PORT": port, "APP": ROOT / "stacks/apps/hello.py", "BINARY": venv.python}
    values |= {"WORKERS": WORKERS, "MAX_REQUESTS": 10**9}
    placeholders = {f"PACK_{name}": str(value) for name, value in values.items()}
    ini = directory / "stack.ini"
    ini.write_text(catalogue.effective_ini(ROOT / "stacks" / f"{STACK}.ini", placeholders))
    log = directory / "uwsgi.log"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("UWSGI_")} | placeholders
    with log.open("wb") as file:
        command = [str(venv.uwsgi), "--ini", str(ini)]
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment, start_new_session=True)
    try:
        end = time.monotonic() + LIMIT_S
        while log.read_text(errors="replace").count("pack-ready\n") < WORKERS:
            if time.monotonic() > end or process.poll() is not None:
                raise SystemExit(f"The stack did not start: {log.read_text(errors='replace')[-500:]}")
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(LIMIT_S)


def wrk(url: str) -> dict[str, Any]:
    """Run one slice of wrk. It counts a read error for each connection that the server ends, so errors are ignored."""
    command = ["wrk", "-t1", f"-c{USERS}", f"-d{SLICE_S:.0f}s", url + "/"]
    before = os.times()
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, check=True)
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    found = re.search(r"(\d+) requests in ([\d.]+)s", done.stdout)
    assert found is not None
    return {
        "seconds": float(found[2]),
        "requests": int(found[1]),
        "failures": 0,
        "cpu": round(cpu / float(found[2]), 3),
    }


def ratio(samples: list[dict[str, Any]], above: str, below: str) -> dict[str, Any] | None:
    """Return the geometric mean of the ratios of the rounds, with its 95 % t interval on the logarithm."""
    rates = {(s["round"], s["arm"]): s["answered_per_s"] for s in samples if s["answered_per_s"]}
    numbers = sorted(number for number, arm in rates if arm == above and (number, below) in rates)
    logs = [math.log(rates[number, above] / rates[number, below]) for number in numbers]
    if len(logs) < 2:
        return None
    mean = statistics.mean(logs)
    half = stats.t.ppf(0.975, len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    low, middle, high = (round(math.exp(x), 4) for x in (mean - half, mean, mean + half))
    return {"pairs": len(logs), "ratio": middle, "low": low, "high": high}


def sample(number: int, arm: str, rows: list[dict[str, Any]], others: float) -> dict[str, Any]:
    """Return and print the result of one arm in a slice."""
    rate = sum((row["requests"] - row["failures"]) / row["seconds"] for row in rows)
    cpu = [row["cpu"] for row in rows]
    print(f"  {number + 1:2} {arm:22} {rate:8.0f}/s  CPU {cpu}, others {others}", flush=True)
    found = {"round": number, "arm": arm, "answered_per_s": round(rate, 1), "others_cores": others}
    return found | {"disturbed": abs(others) > quiet.DISTURBED_CORES, "processes": rows}


def measure(samples: list[dict[str, Any]], rounds: int, url: str, master: int, directory: Path, seed: int) -> None:
    """Add every slice of every round to `samples`. Repeat a slice that other processes disturbed."""
    arms = {
        "FastHttpUser": [Arm("FastHttpUser", url, directory)],
        "HttpUser": [Arm("HttpUser", url, directory)],
        "FastUser": [Arm("FastUser", url, directory)],
        "FastUser with recorder": [Arm("FastUser", url, directory, "--record")],
    }
    arms["FastUser, two"] = [arms["FastUser"][0], Arm("FastUser", url, directory)]
    every = {id(arm): arm for several in arms.values() for arm in several}.values()
    pids = [*proc.descendants(master), *(arm.process.pid for arm in every)]
    names = [*arms, *(["wrk"] if shutil.which("wrk") else [])]
    for number in range(rounds):
        for name in random.Random(seed + number).sample(names, len(names)):
            for _ in range(ATTEMPTS):
                quiet.wait(pids, QUIET_LIMIT_S)
                watch = quiet.Watch(pids)
                for arm in arms.get(name, []):
                    arm.go()
                rows = [arm.read() for arm in arms.get(name, [])] or [wrk(url)]
                others = watch.others()
                parts = {name: rows}
                if "recorded" in rows[0]:
                    parts = {f"FastUser, {half}": [row] for half, row in rows[0].items()}
                samples += [sample(number, part, own, others) for part, own in parts.items()]
                if not samples[-1]["disturbed"]:
                    break
        if number % REST_EVERY == REST_EVERY - 1:
            time.sleep(REST_S)
    for arm in every:
        arm.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12, help="number of rounds; an interval needs 10 (default: 12)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random order in the rounds")
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds: an interval needs at least 2 rounds")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    samples: list[dict[str, Any]] = []
    try:
        with tempfile.TemporaryDirectory() as name, stack(Path(name)) as (url, master):
            measure(samples, options.rounds, url, master, Path(name), options.seed)
    finally:  # an interrupted benchmark keeps its samples
        write(samples, options.rounds, options.seed)
    return 0


def write(samples: list[dict[str, Any]], rounds: int, seed: int) -> None:
    """Print the ratios, and write them with their samples."""
    ratios = {}
    for name, above, below, wanted, cores in RATIOS:
        found = ratio([s for s in samples if not s["disturbed"]], above, below)
        if found is None:
            print(f"{name}: not measured, because there are fewer than two undisturbed pairs, or no {below}")
            continue
        limit = wanted if len(os.sched_getaffinity(0)) >= cores else None
        word = "no limit" if limit is None else "reached" if found["ratio"] >= limit else "NOT REACHED"
        if limit != wanted:
            word = f"no limit on {len(os.sched_getaffinity(0))} cores, it takes {cores}"
        ratios[name] = found | {"wanted": limit, "said": word}
        ratios[name]["with_disturbed_slices"] = ratio(samples, above, below)
        interval = f"{found['low']:.3f} to {found['high']:.3f}, {found['pairs']} pairs"
        print(f"{name}: {found['ratio']:.3f} ({interval}), wanted {wanted}: {word}")
    OUT.parent.mkdir(parents=True, exist_ok=True)
    packages = {name: version(name) for name in ("locust", "gevent", "geventhttpclient")}
    record = {
        "schema": records.SCHEMA,
        "what": "one process a generator, a connection a request over http-socket, uWSGI on the same cores",
        "stack": {"name": STACK, "app": "hello.py", "workers": WORKERS, "pyuwsgi": PIN, "python": PYTHON},
        "users": USERS,
        "slice_s": SLICE_S,
        "seed": seed,
        "rounds": rounds,
        "host": host.host(),
        "load_average": os.getloadavg(),
        "versions": packages | {"python": sys.version.split()[0]},
        "git": host.git(ROOT),
        "ratios": ratios,
        "samples": samples,
    }
    records.write_json(OUT, record)
    print(f"every sample: {OUT}")


if __name__ == "__main__":
    sys.exit(main())
