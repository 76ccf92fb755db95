"""Sends signals to random processes of commands: `python -m tests.benchmarks.faults [FAULTS] [SEED] [NAMES]`.

Each command gets a few faults at random moments: INT, TERM, HUP or KILL, or STOP and then CONT, to the command itself
or to any process below it. Then it must end, and leave nothing: no process, no folder in the temp folder, no
half-written file, no traceback, and no run that says `running` or has no reason. What stays after SIGKILL to a whole
family of processes must go with the next command. A command that can resume is called once more, and must come to its
end; a run on many hosts whose coordinator was killed is closed by `python -m stacks close`. It adds the figures of this
seed to results/bench/faults.json (each seed counts once), and exits with 1 if anything was left.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from stacks.catalogue import venvs
from stacks.lifecycle.reading import read_json, read_record
from stacks.lifecycle.records import RecordError
from stacks.observe import proc
from tests.benchmarks.fault_commands import ENDLESS, NAMES, RESUMES, ROOT, environment, prepared
from tests.benchmarks.marked_processes import processes_with

KINDS = ("INT", "TERM", "HUP", "KILL", "KILL", "STOP")
MOST = 5  # faults for one command
LONGEST_S = 25.0  # until the last fault; a loadtest of one cell takes about 8 s
PAUSE_S = 2.5  # between two faults, at most
END_S = 90.0  # a command that was asked to end has so long: it may wait for hung workers of another run
RESUME_LIMIT_S = 300.0  # for a matrix of one cell, which takes 8 s, on a busy machine
GONE_S = {"hosts": 150.0}  # a master that never gets its workers ends by itself after 120 s (hosts.loadtest)
USUAL_GONE_S = 120.0  # for orphans to end after their command: some 20 s by their own limits, on a busy machine
MARK = "FAULTS_MARK"  # not PACK_: a run hides such variables from uWSGI
FIGURES = ROOT / "results" / "bench" / "faults.json"
SIDE_BY_SIDE = 3  # commands: most of their time is waiting
ROOMS = ("stacks", "analysis", "locustfiles", ".venv")
HALF_WRITTEN = (".run.json.", ".campaign.json.", ".summary.json.", ".check.json.")


def family(process: subprocess.Popen[bytes], mark: str) -> list[int]:
    """Return the living processes that the command has started, itself included, also the orphans."""
    found = {process.pid, *proc.descendants(process.pid)} if process.poll() is None else set()
    return sorted(pid for pid in found | set(processes_with(MARK, mark)) if proc.is_alive(pid))


def send(pid: int, kind: str) -> None:
    """Send one fault. It is no error if the process has ended."""
    try:
        os.kill(pid, signal.Signals[f"SIG{kind}"])
        if kind == "STOP":
            time.sleep(0.2)
            os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass


def start(arguments: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    """Start Python with these arguments. Its output goes to a file in `folder`."""
    with (folder / "output").open("ab") as output:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment(folder, MARK),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def one_command(name: str, seed: int, uwsgi: Path, most: int = MOST, pause_s: float = PAUSE_S) -> tuple[int, list[str]]:
    """Start a command, and send it up to `most` faults. Return how many were sent, and what was left."""
    chance = random.Random(f"{name} {seed}")
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    for place in ("tmp", "results"):
        (folder / place).mkdir()
    sent: list[str] = []
    with prepared(name, folder, uwsgi) as arguments:
        process = start(arguments, folder)
        until_s = time.monotonic() + chance.uniform(0.1, LONGEST_S)
        while len(sent) < most and time.monotonic() < until_s and process.poll() is None:
            time.sleep(chance.uniform(0.0, pause_s))
            if pids := family(process, folder.name):
                pid, kind = chance.choice(pids), chance.choice(KINDS)
                sent.append(f"{kind} to {proc.name(pid) or pid}")
                send(pid, kind)
        found = end(process, name) + what_is_left(folder, name, process.returncode, sent)
        if name in RESUMES and not found:
            found += resume(arguments, folder)
    if not found:
        shutil.rmtree(folder, ignore_errors=True)
    return len(sent), [f"{fault} [{name} {seed}: {', '.join(sent)}; {folder}]" for fault in found]


def end(process: subprocess.Popen[bytes], name: str) -> list[str]:
    """Let the command end, and ask it to after a while."""
    for number, wait_s in ((0, 0.0 if name in ENDLESS else 20.0), (signal.SIGTERM, END_S)):
        if number and process.poll() is None:
            process.send_signal(number)
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            continue
        return []
    process.kill()
    process.wait()
    return ["the command does not end"]


def what_is_left(folder: Path, name: str, code: int, sent: list[str]) -> list[str]:
    """Return one line for each thing that must not be there."""
    end_s = time.monotonic() + GONE_S.get(name, USUAL_GONE_S)
    while (left := processes_with(MARK, folder.name)) and time.monotonic() < end_s:
        time.sleep(0.1)
    found = [f"process {pid} {' '.join(proc.command_line(pid))[:200]}" for pid in left]
    for pid in left:
        send(pid, "KILL")
    was_killed = code == -signal.SIGKILL or sum(fault.startswith("KILL") for fault in sent) > 1
    if was_killed:  # what nobody could remove goes with the next command
        code_text = "from stacks.run import private_directory as p; p.remove(p.make())"
        subprocess.run([sys.executable, "-c", code_text], env=environment(folder, "X"), cwd=ROOT, check=False)
    for path in (folder / "results" / "location").glob("*/run.json"):
        if json.loads(path.read_bytes())["status"] == "running":
            subprocess.run([sys.executable, "-m", "stacks", "close", str(path.parent)], cwd=ROOT, check=False)
    found += [f"temp folder: {path.name}" for path in (folder / "tmp").iterdir()]
    text = (folder / "output").read_text(errors="replace")
    found += [f"traceback: {text[-600:]!r}"] if has_traceback(text) or "a fault of the pack" in text else []
    return found + files_left(folder / "results", was_killed=was_killed)


def has_traceback(text: str) -> bool:
    """Return True if a traceback has a line of the pack.

    Python's own start has tracebacks when it is interrupted, until the first lines of `stacks/__main__.py`.
    """
    traces = [trace for trace in text.split("Traceback")[1:] if "    import _signal" not in trace]
    return any(f"{ROOT}/{room}/" in trace for trace in traces for room in ROOMS)


def files_left(results: Path, *, was_killed: bool) -> list[str]:
    """Return one line for each file that is half-written or says something wrong."""
    found = []
    for path in results.rglob("*"):
        if path.name.endswith((".part", ".unfinished")) or path.name.startswith(HALF_WRITTEN):
            found += [] if was_killed else [f"half-written file: {path.name}"]
        elif path.name in ("run.json", "campaign.json"):
            found += problems_of(path, was_killed)
    return found


def problems_of(path: Path, was_killed: bool) -> list[str]:
    """Return what is wrong with a file that says how a run or a campaign ended."""
    try:
        record = read_json(path) if "golden" not in str(path) else read_record(path)
    except RecordError as error:
        return [f"file: {error}"]
    if record["status"] == "running" and not was_killed:
        return [f"{path.name} still says running"]
    if path.name == "run.json" and record["status"] in ("interrupted", "failed", "incomplete") and not record["error"]:
        return ["a run without a verdict and without a reason"]
    return []


def resume(arguments: Sequence[str], folder: Path) -> list[str]:
    """Call the command once more, without a fault. It must go on where it was ended, and come to its end."""
    process = start(arguments, folder)
    try:
        process.wait(RESUME_LIMIT_S)
    except subprocess.TimeoutExpired:
        return [*end(process, ENDLESS[0]), "resumed, it does not come to its end"]
    found = [] if process.returncode == 0 else [f"resumed, it ended with {process.returncode}"]
    states = [read_json(path)["status"] for path in (folder / "results").glob("2*/campaign.json")]
    return found if set(states) == {"done"} else [*found, f"resumed, the campaigns are {states}"]


def carry_out(faults: int, seed: int, names: Sequence[str], **more: Any) -> Iterable[tuple[str, int, list[str]]]:
    """Disturb commands in turn until `faults` were sent. Yield of each: its name, the faults, and what was left."""
    uwsgi, sent, number = venvs.ensure("3.12", "pyuwsgi", "2.0.30.post1").uwsgi, 0, 0
    with ProcessPoolExecutor(SIDE_BY_SIDE) as pool:
        waiting = []
        while sent < faults or waiting:
            while len(waiting) < SIDE_BY_SIDE and sent < faults:
                name = names[number % len(names)]
                waiting.append((name, pool.submit(one_command, name, seed * 10_000 + number, uwsgi, **more)))
                number += 1
            name, future = waiting.pop(0)
            count, left = future.result()
            sent += count
            yield name, count, left


def main(faults: int = 1000, seed: int = 1, names: str = ",".join(NAMES)) -> int:
    """Send `faults` faults, print what was left, and write the figures."""
    began_s, sent, started, found = time.monotonic(), 0, Counter[str](), list[str]()
    earlier = [row for row in earlier_seeds() if row["seed"] != seed]
    for name, count, left in carry_out(faults, seed, names.split(",")):
        sent, found = sent + count, found + left
        started[name] += 1
        for fault in left:
            print(fault, flush=True)
        row = {"seed": seed, "faults": sent, "commands": dict(started), "left": len(found), "what": found}
        save([*earlier, row | {"seconds": round(time.monotonic() - began_s, 1)}])
    print(f"{sent} faults to {dict(started)}: {len(found)} left, {time.monotonic() - began_s:.0f} s")
    return 1 if found else 0


def earlier_seeds() -> list[dict[str, Any]]:
    """Return the figures of each seed so far."""
    return json.loads(FIGURES.read_text(encoding="utf-8"))["seeds"] if FIGURES.exists() else []


def save(seeds: list[dict[str, Any]]) -> None:
    """Write the figures of each seed, and their sums."""
    commands = Counter[str]()
    for row in seeds:
        commands.update(row["commands"])
    sums = {name: sum(row[name] for row in seeds) for name in ("faults", "left")}
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(sums | {"commands": dict(commands), "seeds": seeds}, indent=1)
    FIGURES.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(*(int(word) if word.isdecimal() else word for word in sys.argv[1:])))
