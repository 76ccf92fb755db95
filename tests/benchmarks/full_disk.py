"""Lets each write of real commands fail once: `python -m tests.benchmarks.full_disk COMMAND STRIDE MODES SECONDS`.

The first execution of a command finds its writes below the results directory: every write(2), file or directory made,
rename and allocation, of every process below it. Then the command is executed twice for each of them, and that call
finds a full disk: in the mode `full` every later call finds one too, in the mode `once` none does. After each, the exit
code is 1 and the text names the file and the room, or nothing is missing; what was recorded before can be read; no
traceback, no process, no temporary file is left. Files to which rows are appended (STREAMS) have hundreds of equal
writes: the first ones are tried, the last one, and one of STRIDE. It writes results/bench/full_disk.json.

Each result is a line of results/bench/full_disk_places.jsonl. A call begins no execution after SECONDS, and the next
call goes on behind it: it tries only what is not in that file, or was wrong. Remove the file to begin anew.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product, repeat
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "unit"))

from system_calls import DISK, Call, answered  # noqa: E402

from stacks.catalogue import APPS, SCENARIOS, STACKS, venvs  # noqa: E402
from stacks.lifecycle.reading import read_json, read_rows  # noqa: E402
from stacks.lifecycle.records import EVENTS_FILE, REQUESTS_FILE, RecordError  # noqa: E402
from stacks.run.run_directory import write_plan  # noqa: E402
from tests.benchmarks.marked_processes import processes_with  # noqa: E402

SIDE_BY_SIDE = 3  # executions: most of their time is waiting
LIMIT_S = 120.0
GONE_S = 20.0
STREAMS = ("events.jsonl", "uwsgi.log", "locust.log", "requests-N.tsv", ".parquet.part")
FIRST_OF_STREAM = {"run": 3}  # a run is below the other commands as well
NUMBERS = {"users": 4, "duration_s": 1.0, "workers": 2, "max_requests": 5, "respawns": 2, "patient": False}
LIMITS = {"start_limit_s": 60.0, "limit_s": 60.0}
APP = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'ok']\n"
FULL, ONCE = "full", "once"
ROWS = ROOT / "results" / "bench" / "full_disk_places.jsonl"
Place = tuple[str, int]


class Disk:
    """Counts the calls below `root` by file, and lets the one of number `place` fail."""

    def __init__(self, root: Path, place: Place | None = None, mode: str = FULL) -> None:
        self._root, self._place, self._mode = f"{root}/", place, mode
        self.counts: Counter[str] = Counter()
        self.was_hit = False

    def __call__(self, call: Call) -> int:
        path = call.path
        if not path.startswith(self._root):
            return 0
        file = label(path.removeprefix(self._root))
        self.counts[file] += 1
        is_hit = (file, self.counts[file]) == self._place
        self.was_hit |= is_hit
        return errno.ENOSPC if is_hit or (self.was_hit and self._mode == FULL) else 0

    def places(self, first: int, stride: int) -> list[Place]:
        """Return the writes to be tried: of a stream, the `first` ones, the last one, and one of `stride`."""
        return [
            (file, number)
            for file, count in sorted(self.counts.items())
            for number in range(1, count + 1)
            if not file.endswith(STREAMS) or number <= first or number % stride == 0 or number == count
        ]


def label(path: str) -> str:
    """Return a path without what differs from one execution to the next: times, pids and random names."""
    path = re.sub(r"\.(json|html)\.[a-z0-9_]{8}$", r".\1.*", path.removesuffix(" (deleted)"))
    path = re.sub(r"\d{8}-\d{6}(-[a-z0-9_]{8}(?=/|$))?", "TIME", path)
    return re.sub(r"\d{3,}", "N", path)


def arguments_of(command: str, folder: Path, server: venvs.Venv) -> list[str]:
    """Prepare a command, and return the arguments of Python for it."""
    stacks = ["-m", "stacks", command]
    if command == "run":
        run = folder / "results" / "run"
        run.mkdir()
        paths = {"uwsgi": server.uwsgi, "python": server.python, "ini": STACKS / "threads.ini"}
        write_plan(run, NUMBERS | LIMITS, paths | {"app": APPS / "hello.py", "scenario": SCENARIOS / "steady.py"})
        return [*stacks, str(run)]
    if command == "loadtest":
        return [*stacks, "--trials", "1", "--stack", "threads", "--version", "py312-2.0.30.post1"]
    if command == "check":
        (folder / "app.py").write_text(APP, encoding="utf-8")
        ini = folder / "app.ini"
        ini.write_text(f"[uwsgi]\nhttp-socket = :0\nprocesses = 2\nwsgi-file = {folder}/app.py\n", encoding="utf-8")
        return [*stacks, "--uwsgi", str(server.uwsgi), "--ini", str(ini), "--ways", "max-requests"]
    raise SystemExit(f"{command}: name run, loadtest or check")


def execute(command: str, server: venvs.Venv, place: Place | None, mode: str) -> tuple[Disk, list[str]]:
    """Execute the command with one failing write. Return its disk, and what is wrong."""
    folder = Path(tempfile.mkdtemp(prefix="full-disk-"))
    for name in ("results", "tmp"):
        (folder / name).mkdir()
    disk = Disk(folder / "results", place, mode)
    environment = os.environ | {"PACK_RESULTS": str(folder / "results"), "TMPDIR": str(folder / "tmp")}
    options = {"cwd": ROOT, "env": environment, "stdin": subprocess.DEVNULL, "start_new_session": True}
    words = [sys.executable, *arguments_of(command, folder, server)]
    with (
        (folder / "output").open("wb") as output,
        answered(DISK, disk, words, stdout=output, stderr=output, **options) as process,
    ):
        try:
            process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        end_s = time.monotonic() + GONE_S
        while (left := processes_with("TMPDIR", f"{folder}/tmp")) and time.monotonic() < end_s:
            time.sleep(0.05)
        for pid in left:
            os.kill(pid, 9)
    found = [f"process {pid} is left" for pid in left]
    found += wrong(folder, process.returncode, (folder / "output").read_text(errors="replace"), was_hit=disk.was_hit)
    if not found:
        shutil.rmtree(folder, ignore_errors=True)
    return disk, [f"{text} [{command}, {place}, {mode}; {folder}]" for text in found]


def execute_one(arguments: tuple[str, venvs.Venv, Place, str], end_s: float) -> dict[str, Any] | None:
    """Execute in a process of a pool, and return the row of it; None if it is later than `end_s`."""
    if time.monotonic() > end_s:
        return None
    command, _, place, mode = arguments
    disk, found = execute(*arguments)
    return {"command": command, "mode": mode, "place": list(place), "was_hit": disk.was_hit, "wrong": found}


def wrong(folder: Path, code: int, text: str, *, was_hit: bool) -> list[str]:
    """Return one line for each thing that is not as it must be after a command."""
    results = folder / "results"
    records, found = [], []
    for path in results.rglob("run.json"):
        try:
            records.append(read_json(path))
        except RecordError as error:
            found.append(f"file: {error}")
    said = text + "".join(str(record["error"] or "") for record in records)
    if code not in (0, 1):
        found.append(f"exit code {code}: {text[-300:]!r}")
    if "Traceback" in said or "a fault of the pack" in said or list(results.rglob("fault*.txt")):
        found.append(f"traceback: {said[-500:]!r}")
    if code == 0 and (missing := missing_of(results, records)):
        found.append(f"exit code 0, but {missing}")
    if code == 1 and was_hit and not is_told(said, results):
        found.append(f"the text names no file, or no room: {said[-500:]!r}")
    for path in results.rglob(EVENTS_FILE):
        found += read_rows(path)[1]
    found += [f"temp folder: {path.name}" for path in (folder / "tmp").iterdir()]
    found += [f"half-written: {path.name}" for path in results.rglob(".*") if path.name not in (".lock", ".gitignore")]
    return found


def missing_of(results: Path, records: list[dict[str, object]]) -> str:
    """Return what is missing although the command says that all is well."""
    if not records or any(record["status"] != "done" for record in records):
        return f"the runs are {[record['status'] for record in records]}"
    missing = [path for run in results.rglob("run.json") if not (path := run.with_name(REQUESTS_FILE)).exists()]
    return f"{missing[0]} is missing" if missing else ""


def is_told(said: str, results: Path) -> bool:
    """Return True if the text names a file that cannot be written, and how much room it needs."""
    names_file = re.search(rf"{re.escape(str(results))}\S*: .*(cannot be written|No space left)", said)
    return names_file is not None and re.search(r"Free \d+ (MiB|KiB)", said) is not None


def main(command: str = "run", stride: int = 40, modes: str = f"{FULL},{ONCE}", seconds: int = 1 << 30) -> int:
    """Try the writes of a command. Print what is wrong, and write the figures."""
    end_s = time.monotonic() + seconds
    server = venvs.ensure("3.12", "pyuwsgi", "2.0.30.post1")
    disk, found = execute(command, server, None, ONCE)
    print(f"{command}: {sum(disk.counts.values())} writes to {len(disk.counts)} files", *found, sep="\n", flush=True)
    rows = rows_before(command)
    executions = product(disk.places(FIRST_OF_STREAM.get(command, 1), stride), modes.split(","))
    left = [(command, server, *one) for one in executions if key(*one) not in rows]
    with ProcessPoolExecutor(SIDE_BY_SIDE) as pool, ROWS.open("a", encoding="utf-8") as file:
        for row in pool.map(execute_one, left, repeat(end_s)):
            if row is None:
                print("the time is over: call it again")
                break
            rows[key(row["place"], row["mode"])] = row
            file.write(f"{json.dumps(row)}\n")
            file.flush()
            print(*row["wrong"], sep="\n", end="\n" if row["wrong"] else "", flush=True)
            save(command, disk, list(rows.values()))
    wrong_rows = sum(bool(row["wrong"]) for row in rows.values())
    print(f"{command}: {sum(row['was_hit'] for row in rows.values())} writes failed, {wrong_rows} of them wrong")
    return 1 if wrong_rows or found else 0


def key(place: Sequence[Any], mode: str) -> tuple[Any, ...]:
    """Return what tells one execution of a command from the others."""
    return (*place, mode)


def rows_before(command: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return what former calls have tried and found right."""
    ROWS.parent.mkdir(parents=True, exist_ok=True)
    lines = ROWS.read_text(encoding="utf-8").splitlines() if ROWS.exists() else []
    rows = {key(row["place"], row["mode"]): row for row in map(json.loads, lines) if row["command"] == command}
    return {name: row for name, row in rows.items() if not row["wrong"]}


def save(command: str, disk: Disk, rows: list[dict[str, Any]]) -> None:
    """Write the figures of one command beside those of the others."""
    path = ROWS.with_name("full_disk.json")
    figures = {"writes": sum(disk.counts.values()), "files": len(disk.counts)}
    for mode in sorted({row["mode"] for row in rows}):
        of_mode = [row for row in rows if row["mode"] == mode]
        failed = sum(row["was_hit"] for row in of_mode)
        figures[mode] = {"executions": len(of_mode), "failed_writes": failed}
    found = [text for row in rows for text in row["wrong"]]
    figures |= {"wrong": len(found), "what": found}
    all_figures = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps(all_figures | {command: figures}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(*(int(word) if word.isdecimal() else word for word in sys.argv[1:])))
