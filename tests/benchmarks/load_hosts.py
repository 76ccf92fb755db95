"""Requests a second of two load hosts beside one.

Run it as root: `python -m tests.benchmarks.load_hosts PAIRS [CORES]`. It prints one line of JSON a run, in pairs whose
order alternates; every user sends its next request at once. Each load host gets CORES of the machine's (0: as much as
is free), so that a machine of two cores has room for the hosts that take part. A run counts what uWSGI has answered.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from stacks.catalogue import APPS, ROOT, venvs
from tests.integration.namespaces import Host, command_pids, hosts
from tests.patience import until

CGROUPS = Path("/sys/fs/cgroup")
ARM = "tests/benchmarks/load_hosts_arm.py"
RECORDER = "locustfiles/recording/_recorder.py"
LOAD_S = 10
USERS = 16  # of each load host
PORT, STATS_PORT = 8080, 8081
SCENARIO = "locustfiles/saturate.py"


class Share:
    """The CPU time of one host's processes, and a limit for it (cgroups, version 1 or 2)."""

    def __init__(self, name: str, cores: float = 0) -> None:
        is_new = (CGROUPS / "cgroup.controllers").exists()
        self.folders = [CGROUPS / name] if is_new else [CGROUPS / kind / name for kind in ("cpu", "cpuacct")]
        self.usage_file, self.unit = ("cpu.stat", 1e6) if is_new else ("cpuacct.usage", 1e9)
        for folder in self.folders:
            folder.mkdir()
        # Other work on this machine gets what is left.
        (self.folders[0] / ("cpu.weight" if is_new else "cpu.shares")).write_text("10000" if is_new else "200000")
        if cores and is_new:
            (self.folders[0] / "cpu.max").write_text(f"{round(cores * 20_000)} 20000")
        elif cores:
            (self.folders[0] / "cpu.cfs_period_us").write_text("20000")
            (self.folders[0] / "cpu.cfs_quota_us").write_text(str(round(cores * 20_000)))

    def used_s(self) -> float:
        text = (self.folders[-1] / self.usage_file).read_text()
        return int(text.split("usage_usec ")[-1].split()[0]) / self.unit

    def take(self, process: subprocess.Popen[bytes]) -> None:
        """Count a process that has just been started, and all that it will start."""
        for folder in self.folders:
            (folder / "cgroup.procs").write_text(str(process.pid))

    def close(self) -> None:
        for folder in self.folders:
            end_s = time.monotonic() + 30
            while folder.exists() and time.monotonic() < end_s:
                with suppress(OSError):
                    folder.rmdir()
                time.sleep(0.05)


@contextmanager
def shares(names: list[str], cores: float) -> Iterator[dict[str, Share]]:
    made: dict[str, Share] = {}
    try:
        for name in names:
            made[name] = Share(f"pack{os.getpid()}{name}", cores if name in "ab" else 0)
        yield made
    finally:
        for share in made.values():
            share.close()


def run(loads: int, cores: float) -> dict[str, Any]:
    """Return the requests a second and the cores that each host used while all of them sent."""
    names = ["m", "u", *"ab"[:loads]]
    with tempfile.TemporaryDirectory() as text, shares(names, cores) as groups, hosts(*names) as made:
        folder, by_name = Path(text), {host.name: host for host in made}
        master, uwsgi = by_name["m"], by_name["u"]
        groups["u"].take(_start_uwsgi(uwsgi, folder))
        here = {"PACK_LOCATION": str(folder / "location"), "PACK_CAMPAIGN": "night"}
        files = ("-f", f"{SCENARIO},{ARM},{RECORDER}")
        command = (*files, "--master", "--headless", "--expect-workers", loads, "-u", USERS * loads, "-r", 1000)
        command += ("-t", f"{LOAD_S}s", "--stop-timeout", 5, "--host", f"http://{uwsgi.address}:{PORT}")
        groups["m"].take(master.start(folder / "m.log", "locust", *command, **here))
        for name in "ab"[:loads]:
            arm = {"PACK_ARM": str(folder / f"{name}.json"), "PACK_STATS": f"{uwsgi.address}:{STATS_PORT}"}
            worker = (*files, "--worker", "--master-host", master.address)
            groups[name].take(by_name[name].start(folder / f"{name}.log", "locust", *worker, **here, **arm))
        looks: list[dict[str, float]] = []

        def has_ended() -> bool:
            looks.append({"at_s": time.time()} | {name: group.used_s() for name, group in groups.items()})
            return master.processes[0].poll() is not None

        until(has_ended, "Locust never ended")
        until(lambda: not command_pids(master, "stacks.hosts.coordinator_process"), "the run was never closed")
        arms = [json.loads((folder / f"{name}.json").read_text()) for name in "ab"[:loads]]
        found = _summary(arms, looks)
        parts = json.loads((folder / "location" / "night" / "run.json").read_text())["hosts"]["parts"]
        found["rows"] = sum(part["rows"] for part in parts)
        found["agents_cpu_s"] = [part["recorder_cpu_s"] for part in parts]
        found["locusts_cpu_s"] = [part["locust_cpu_s"] for part in parts]
        return found


def _start_uwsgi(host: Host, folder: Path) -> subprocess.Popen[bytes]:
    venv = venvs.ensure("3.12", "pyuwsgi", "2.0.30.post1")
    command = ["ip", "netns", "exec", host.space, str(venv.uwsgi), "--master", "--processes", "4", "--need-app"]
    command += ["--http-socket", f"{host.address}:{PORT}", "--stats", f"{host.address}:{STATS_PORT}", "--listen", "100"]
    command += ["--wsgi-file", str(APPS / "hello.py"), "--disable-logging", "--die-on-term"]
    with (folder / "u.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT)
    host.processes.append(process)
    return process


def _summary(arms: list[dict[str, Any]], looks: list[dict[str, float]]) -> dict[str, Any]:
    begin, end = max((arm["begin"] for arm in arms), key=_at), min((arm["end"] for arm in arms), key=_at)
    first, last = (min(looks, key=lambda look: abs(look["at_s"] - at["at_s"])) for at in (begin, end))
    seconds = last["at_s"] - first["at_s"]
    cores = {name: round((last[name] - first[name]) / seconds, 3) for name in first if name != "at_s"}
    rate = (end["requests"] - begin["requests"]) / (end["at_s"] - begin["at_s"])
    of_loads = sum(used for name, used in cores.items() if name in "ab")
    return {"requests_s": round(rate, 1), "cores": cores, "requests_cpu_s": round(rate / of_loads, 1)}


def _at(look: dict[str, Any]) -> float:
    return float(look["at_s"])


def main() -> None:
    pairs, cores = int(sys.argv[1]), float((*sys.argv, "0")[2])
    ratios = []
    for number in range(pairs):
        arms: dict[int, dict[str, Any]] = {}
        for loads in (1, 2) if number % 2 else (2, 1):
            arms[loads] = run(loads, cores)
            print(json.dumps({"loads": loads, "limit": cores} | arms[loads]), flush=True)
        ratios.append(round(arms[2]["requests_s"] / arms[1]["requests_s"], 3))
    print(json.dumps({"median": statistics.median(ratios), "pairs": ratios}))


if __name__ == "__main__":
    main()
