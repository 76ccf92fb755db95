"""Sends signals to random processes of the pack's commands: `python -m tests.benchmarks.faults [FAULTS] [SEED]`.

Each command gets a few faults at random moments: INT, TERM, HUP or KILL, or STOP and then CONT, to the command itself
or to any process below it. Then it must end, and leave nothing: no process, no folder in the temp folder, no
half-written file, no traceback, and no run that says `running`. What stays after SIGKILL to a whole family of processes
must go with the next command. It writes results/bench/faults.json, and exits with 1 if anything was left.
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
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "unit"))

from damage import make_campaign  # noqa: E402

from stacks.catalogue import venvs  # noqa: E402
from stacks.lifecycle.reading import read_json, read_record  # noqa: E402
from stacks.lifecycle.records import RecordError  # noqa: E402
from stacks.observe import proc  # noqa: E402
from stacks.run.ports import free_port  # noqa: E402

KINDS = ("INT", "TERM", "HUP", "KILL", "KILL", "STOP")
LONGEST_S = 25.0  # until the last fault; a loadtest of one cell takes about 8 s
END_S = 90.0  # a command that was asked to end has so long: it may wait for hung workers of another run
GONE_S = 20.0  # for orphans to end after their command
APP = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'ok']\n"
MARK = "FAULTS_MARK"  # not PACK_: a run hides such variables from uWSGI
STACK = ["--stack", "threads", "--version", "py312-2.0.30.post1"]


def commands(folder: Path, uwsgi: Path) -> dict[str, list[str]]:
    """Return the arguments of Python for each command."""
    (folder / "app.py").write_text(APP, encoding="utf-8")
    ini = folder / "app.ini"
    ini.write_text(f"[uwsgi]\nhttp-socket = :0\nprocesses = 2\nwsgi-file = {folder}/app.py\n", encoding="utf-8")
    campaign = folder / "results" / "golden"
    make_campaign(campaign, ("recovers", "hung_worker"))
    stacks, analysis = ["-m", "stacks"], ["-m", "analysis"]
    return {
        "loadtest": [*stacks, "loadtest", "--trials", "2", *STACK],
        "matrix": [*stacks, "matrix", "--trials", "1", *STACK],
        "judge": [*stacks, "judge", "--uwsgi", str(uwsgi), "--stack", "threads"],
        "check": [*stacks, "check", "--uwsgi", str(uwsgi), "--ini", str(ini)],
        "capacity": [*stacks, "capacity", "--version", "py312-2.0.30.post1", "--workers", "2", "--trials", "1"],
        "summary": [*analysis, "summary", str(campaign)],
        "report": [*analysis, "report", str(campaign)],
        "ui": ["locustfiles/workers_ui", "--port", str(free_port())],
    }


def family(process: subprocess.Popen[bytes], mark: str) -> list[int]:
    """Return the living processes that the command has started, itself included, also the orphans."""
    found = {process.pid, *proc.descendants(process.pid)} if process.poll() is None else set()
    return sorted(pid for pid in found | set(marked(mark)) if proc.is_alive(pid))


def marked(mark: str) -> list[int]:
    """Return the living processes whose environment has the mark."""
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdecimal() and f"{MARK}={mark}".encode() in Path(f"/proc/{name}/environ").read_bytes().split(
                b"\0"
            ):
                found.append(int(name))
        except OSError:
            continue
    return [pid for pid in found if pid != os.getpid() and proc.is_alive(pid)]


def send(pid: int, kind: str) -> None:
    """Send one fault. It is no error if the process has ended."""
    try:
        os.kill(pid, signal.Signals[f"SIG{kind}"])
        if kind == "STOP":
            time.sleep(0.2)
            os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass


def one_command(name: str, chance: random.Random, uwsgi: Path, most: int) -> tuple[int, list[str]]:
    """Start a command, and send it up to `most` faults. Return how many were sent, and what was left."""
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    (folder / "tmp").mkdir()
    (folder / "results").mkdir()
    arguments, mark = commands(folder, uwsgi)[name], folder.name
    environment = {**os.environ, "TMPDIR": str(folder / "tmp"), "PACK_RESULTS": str(folder / "results"), MARK: mark}
    output = (folder / "output").open("wb")
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )
    sent: list[str] = []
    until_s = time.monotonic() + chance.uniform(0.1, LONGEST_S)
    while len(sent) < most and time.monotonic() < until_s and process.poll() is None:
        time.sleep(chance.uniform(0.0, 2.5))
        pids = family(process, mark)
        if pids:
            pid, kind = chance.choice(pids), chance.choice(KINDS)
            sent.append(f"{kind} to {proc.name(pid) or pid}")
            send(pid, kind)
    found = end(process, name)
    output.close()
    found += what_is_left(folder, mark, name, process.returncode, sent)
    if not found:
        shutil.rmtree(folder, ignore_errors=True)
    return len(sent), [f"{fault} [{name}: {', '.join(sent)}; {folder}]" for fault in found]


def end(process: subprocess.Popen[bytes], name: str) -> list[str]:
    """Let the command end, and ask it to after a while."""
    for number, wait_s in ((0, 0.0 if name == "ui" else 20.0), (signal.SIGTERM, END_S)):
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


def what_is_left(folder: Path, mark: str, name: str, code: int, sent: list[str]) -> list[str]:
    """Return one line for each thing that must not be there."""
    end_s = time.monotonic() + GONE_S
    while marked(mark) and time.monotonic() < end_s:
        time.sleep(0.1)
    left = marked(mark)
    found = [f"process {pid} {proc.name(pid)}" for pid in left]
    for pid in left:
        send(pid, "KILL")
    was_killed = code == -signal.SIGKILL or sum(fault.startswith("KILL") for fault in sent) > 1
    if was_killed:  # what nobody could remove goes with the next command
        subprocess.run(
            [sys.executable, "-c", "from stacks.run import private_directory as p; p.remove(p.make())"],
            env={**os.environ, "TMPDIR": str(folder / "tmp")},
            cwd=ROOT,
            check=False,
        )
    found += [f"temp folder: {path.name}" for path in (folder / "tmp").iterdir()]
    text = (folder / "output").read_text(errors="replace")
    found += [f"traceback: {text[-600:]!r}"] if "Traceback" in text or "a fault of the pack" in text else []
    for path in (folder / "results").rglob("*"):
        if path.name.endswith(".part") or path.name.startswith((".run.json.", ".campaign.json.", ".summary.json.")):
            if not was_killed:
                found.append(f"half-written file: {path.name}")
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
    if path.name == "run.json" and record["status"] in ("interrupted", "failed") and not record["error"]:
        return ["a run without a verdict and without a reason"]
    return []


def main(faults: int = 1000, seed: int = 1, names: str = "") -> int:
    """Send `faults` faults, print what was left, and write the figures."""
    chance, began_s = random.Random(seed), time.monotonic()
    uwsgi = venvs.ensure("3.12", "pyuwsgi", "2.0.30.post1").uwsgi
    chosen = (
        names.split(",") if names else ["loadtest", "check", "matrix", "judge", "capacity", "summary", "report", "ui"]
    )
    sent, started, found = 0, Counter[str](), list[str]()
    while sent < faults:
        name = chance.choice(chosen)
        count, new = one_command(name, chance, uwsgi, min(5, faults - sent))
        sent += count
        started[name] += 1
        found += new
        for fault in new:
            print(fault, flush=True)
        figures = {"faults": sent, "seed": seed, "commands": dict(started), "left": len(found), "what": found}
        figures["seconds"] = round(time.monotonic() - began_s, 1)
        (ROOT / "results" / "bench").mkdir(parents=True, exist_ok=True)
        (ROOT / "results" / "bench" / "faults.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    print(f"{sent} faults to {dict(started)}: {len(found)} left, {time.monotonic() - began_s:.0f} s")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*(int(word) if word.isdecimal() else word for word in sys.argv[1:])))
