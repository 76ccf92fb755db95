"""Every command of every page is run as it stands there, once, on free ports and with one run a cell."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contract import problems_below
from pages import blocks, commands

from stacks.catalogue import ROOT
from stacks.observe import tcp_table
from tests.patience import LIMIT_S, until
from tests.quiet_port import quiet_port

from .conftest import shell, unless_held_up
from .ui_process import kill_group

COMMANDS = commands()
BY_HAND = next(line for line in COMMANDS if line.startswith("PACK_PORT"))


# test_capacity.py runs these with less of everything: four minutes, and a minute for what they verify.
LONG = ("make capacity", "make report DEMAND=250 VERIFY=1")
OWN = ("make test", "make ui", *LONG)  # have tests of their own
PLAIN = "make loadtest"  # test_loadtest.py runs it and looks at its cells


# These read the newest campaign, which a reader of the README has at that point.
READERS = ("make notebooks", ".venv/bin/python -m analysis summary")


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if "8080" not in c and c != PLAIN and not c.startswith((*OWN, *READERS))]
)
def test_a_command(command: str, venv: Callable[[str], object], results: Path) -> None:
    for version in ("py312-2.0.26", "py312-2.0.27.post1", "py312-2.0.30.post1", "py311-2.0.26"):
        venv(version)
    execute(command, results)


def test_the_commands_that_read_the_newest_campaign(
    venv: Callable[[str], object], results: Path, loadtest: Callable[..., Any]
) -> None:
    for version in ("py312-2.0.26", "py312-2.0.30.post1"):
        venv(version)
    assert loadtest("--trials=1", "--stack=threads", "--version=py312-2.0.26,py312-2.0.30.post1").code == 0
    commands = [command for command in COMMANDS if command.startswith(READERS)]
    assert len(commands) >= len(READERS)
    for command in commands:
        execute(command, results)


def execute(command: str, results: Path) -> None:
    """Execute a command of a page. It must end without an error, and each of its files must be as its schema says."""
    command = command.replace("results/", f"{results}/")
    done = unless_held_up(lambda: shell(command, TRIALS="1"), results)
    assert done.returncode == 0, done.stdout + done.stderr
    assert problems_below(results) == []
    if "STOP=wait" in command:
        assert re.search(r"INT after ([6-9]\d|\d{3})\.\d s", done.stdout), done.stdout


def test_make_test_is_what_runs_this() -> None:
    recipe = shell("make -n test").stdout
    assert "make test" in COMMANDS
    assert ".ci/run" in recipe


def test_the_others_are_tested_elsewhere() -> None:
    assert all(any(command.startswith(other) for command in COMMANDS) for other in (*LONG, PLAIN))


def test_the_web_ui_answers_until_it_is_ended() -> None:
    assert "make ui" in COMMANDS
    port = quiet_port()
    clean = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    ui = subprocess.Popen(["make", "ui", f"UI_PORT={port}"], cwd=ROOT, env=clean, start_new_session=True, **quiet)
    try:
        end = time.monotonic() + LIMIT_S
        while tcp_table.backlog(port) is None:
            assert ui.poll() is None
            assert time.monotonic() < end, "it does not listen"
            time.sleep(0.05)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=LIMIT_S) as answer:
            assert b"./workers/static/live.js" in answer.read()
    finally:
        os.killpg(ui.pid, signal.SIGTERM)
        ui.wait(LIMIT_S)
    assert tcp_table.backlog(port) is None


def test_by_hand_and_with_plain_locust(venv: Callable[[str], object], tmp_path: Path) -> None:
    venv("py312-2.0.30.post1")
    port = quiet_port()
    server = subprocess.Popen(
        BY_HAND.replace("8080", str(port)),
        shell=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until(lambda: tcp_table.backlog(port) is not None, "it does not listen")
        for command in (c for c in COMMANDS if ".venv/bin/locust" in c):
            place = command.replace("8080", str(port)).replace("locustfiles/", f"{ROOT}/locustfiles/")
            done = shell(place.replace(".venv/bin/", f"{ROOT}/.venv/bin/"), cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            assert "0(0.00%)" in done.stderr + done.stdout
        rows = "".join(path.read_text() for path in tmp_path.glob("requests-*.tsv"))
        assert rows.endswith("# complete\n")
        assert "\tGET\t/\n" in rows
    finally:
        kill_group(server)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_a_ci_job_says_only_what_check_knows(text: str) -> None:
    import yaml

    (job,) = (yaml.safe_load(text).get("jobs") or yaml.safe_load(text)).values()
    inputs = [step["with"] for step in job.get("steps", ()) if "uwsgi-respawn-pack@" in step.get("uses", "")]
    commands = [line for line in job.get("script", ()) if "uwsgi-respawn-pack check" in line]
    assert len(inputs) + len(commands) == 1
    of_action = yaml.safe_load((ROOT / "action.yml").read_text())["inputs"]
    assert all(of_action.keys() >= with_.keys() for with_ in inputs)
    (options,) = [with_["options"] for with_ in inputs] + [line.partition(" check ")[2] for line in commands]
    names = re.findall(r"(?<!\S)--[a-z0-9-]+", options)
    known = shell(".venv/bin/python -m stacks check --help").stdout
    assert len(names) >= 2
    assert all(re.search(rf"{name}[ \n]", known) for name in names)
