"""The Makefile: its help is complete, it passes variables on as they were typed, and it waits for what it started."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from analysis.__main__ import parser as analysis_parser
from stacks.__main__ import COMMANDS
from stacks.commands.command_line import parser as stacks_parser
from tests.patience import LIMIT_S, until
from tests.unit.house.making import MAKE, PLAN_VARIABLES, TARGETS, calls, environment, make

HOSTILE = "a  b; touch stolen $(shell touch stolen) $(touch stolen) `touch stolen` $HOME \"q\" 'p' & | > stolen \\ #%*"
# Every target that passes variables to a command of the pack, with the name of that command.
WITH_OPTIONS = {
    "loadtest": "stacks",
    "matrix": "stacks",
    "bisect": "stacks",
    "claims": "stacks",
    "libraries": "stacks",
    "check": "stacks",
    "watch": "stacks",
    "observe": "stacks",
    "collect": "stacks",
    "capacity": "stacks",
    "report": "analysis",
    "notebooks": "analysis",
    "ui": "",
}
# Variables that a command takes instead of another one.
INSTEAD = {"watch": {"INI": "PID", "PIDFILE": "PID", "ALL": "PID", "ONCE": "JSON_LINES"}}
SWITCHES = {"DRY_RUN": "--dry-run", "VERIFY": "--verify", "WRITE": "--write", "ALL": "--all", "ONCE": "--once"}
SWITCHES |= {"JSON_LINES": "--json", "HEAL": "--heal", "DEEP": "--deep", "STATIC": "--static"}

pytestmark = pytest.mark.skipif(MAKE is None, reason="make is not installed")


def loadtest(directory: Path, *arguments: str, code: int = 0, **more: str) -> subprocess.CompletedProcess[str]:
    return make(directory, "loadtest", *arguments, STUB=json.dumps({"code": code}), **more)


def documented(directory: Path, target: str) -> dict[str, str]:
    """Return the variables that `make help T=target` shows, with their sentences."""
    text = make(directory, "help", f"T={target}").stdout
    return dict(re.findall(r"^  ([A-Z_0-9]+)=.*?  +(\S.*)$", text, re.MULTILINE))


# -- help -----------------------------------------------------------------------------------------


def test_make_alone_lists_a_question_for_every_target_and_starts_nothing(clone: Path) -> None:
    text = make(clone).stdout
    for target in TARGETS:
        assert re.search(rf"^  \S.*\? (\(.*\))? *make {target}$", text, re.MULTILINE), target
    assert len(re.findall(r"^\S", text, re.MULTILINE)) >= 5  # the heads of the groups
    assert max(map(len, text.splitlines())) <= 100
    assert sorted(path.name for path in clone.iterdir()) == ["Makefile", "pyproject.toml", "uv.lock"]


@pytest.mark.parametrize("target", TARGETS)
def test_the_help_of_a_target_has_its_question_and_an_example_and_needs_no_setup(clone: Path, target: str) -> None:
    done = make(clone, "help", f"T={target}")
    assert done.returncode == 0
    first, *_, last = done.stdout.splitlines()
    assert first.startswith(f"make {target}: ")
    assert first.removeprefix(f"make {target}: ") in make(clone).stdout
    assert last.startswith(f"  Example: make {target}")
    assert not (clone / ".venv").exists()


@pytest.mark.parametrize("name", ["nothing", "", "load", "loadtest|x", ".*"])
def test_the_help_of_an_unknown_target_is_an_error(clone: Path, name: str) -> None:
    done = make(clone, "help", f"T={name}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"make help: there is no target {name}. ")


def test_the_name_of_a_target_is_never_executed(clone: Path) -> None:
    assert make(clone, "help", f"T={HOSTILE}").returncode == 2
    assert not list(clone.rglob("stolen"))


def test_a_variable_t_in_the_environment_is_ignored(clone: Path) -> None:
    assert make(clone, "help", T="check").stdout == make(clone).stdout


@pytest.mark.parametrize("target", WITH_OPTIONS)
def test_the_help_of_a_target_shows_the_variables_that_it_passes_on_and_no_others(ready: Path, target: str) -> None:
    own = set(documented(ready, target))
    make(ready, target, *(f"{name}=the-value-of-{name}" for name in own))
    ((_, *arguments),) = calls(ready)
    passed = {name for name in own if any(word.endswith(f"the-value-of-{name}") for word in arguments)}
    passed |= {name for name, option in SWITCHES.items() if option in arguments}
    assert passed == own
    for name in {name for one in WITH_OPTIONS for name in documented(ready, one)} - own:
        refused = make(ready, target, f"{name}=4")
        assert refused.returncode == 2
        assert f"make {target} has no variable {name}=, which belongs to: " in refused.stderr
    assert len(calls(ready)) == 1


@pytest.mark.parametrize("target", WITH_OPTIONS)
def test_every_variable_is_an_option_of_the_command(ready: Path, target: str) -> None:
    valid = {"STOP": "wait", "RESULTS": "results/latest"}
    valid |= {"LISTEN": "::1"} if target == "watch" else {}
    alone = INSTEAD.get(target, {})
    make(ready, target, *(f"{name}={valid.get(name, '4')}" for name in documented(ready, target) if name not in alone))
    for name, usual in alone.items():
        make(ready, target, f"{name}=4", *([] if usual == "PID" else ["PID=4"]))
    example = make(ready, "help", f"T={target}").stdout.splitlines()[-1].partition("Example: make ")[2]
    make(ready, *shlex.split(example))
    for package, *arguments in calls(ready):
        assert package == WITH_OPTIONS[target]
        if package:  # the options of `make ui` are tested with its own parser
            parser = stacks_parser(COMMANDS) if package == "stacks" else analysis_parser()
            assert parser.parse_args(arguments).command == target
    assert len(calls(ready)) == 2 + len(alone)


def test_the_help_of_loadtest_shows_every_variable_of_a_plan(clone: Path) -> None:
    assert set(PLAN_VARIABLES) | {"APP", "ENV", "HOSTS"} == set(documented(clone, "loadtest"))


# -- variables ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "typed", "meant"),
    [
        ("loadtest", "TRAILS=1", "TRIALS"),
        ("loadtest", "trials=1", "TRIALS"),
        ("loadtest", "MAXREQUESTS=9", "MAX_REQUESTS"),
        ("capacity", "DEMANDS=400", "DEMAND"),
        ("check", "INNI=app.ini", "INI"),
        ("bench", "PARTS=observer", "PART"),
        ("lint", "PYTHN=python3", "PYTHON"),
    ],
)
def test_a_mistyped_variable_is_refused_with_a_suggestion(ready: Path, target: str, typed: str, meant: str) -> None:
    done = make(ready, target, typed)
    name = typed.partition("=")[0]
    assert (done.returncode, calls(ready)) == (2, [])
    assert f"make {target} has no variable {name}= (did you mean {meant}=?)" in done.stderr
    assert f"`make help T={target}`" in done.stderr


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_takes_its_own_variables_and_those_of_the_setup_and_no_other_name(ready: Path, target: str) -> None:
    shared = ["PYTHON=/nothing", "UV_DEFAULT_INDEX=http://127.0.0.1:9", "PACK_RESULTS=elsewhere", "SHELL=/bin/sh"]
    own = [f"{name}=4" for name in documented(ready, target)]
    assert "has no variable" not in make(ready, "-n", target, *shared, *own).stderr
    assert f"make {target} has no variable QQQQQQ=; " in make(ready, "-n", target, "QQQQQQ=1").stderr


def test_the_variables_of_every_named_target_are_taken(ready: Path) -> None:
    assert make(ready, "-n", "matrix", "report", "DRY_RUN=1", "DEMAND=4").returncode == 0
    assert "belongs to: matrix" in make(ready, "-n", "report", "DRY_RUN=1").stderr


def test_the_name_of_a_variable_is_never_executed(ready: Path) -> None:
    done = make(ready, "-n", "loadtest", "`touch${IFS}stolen`=1", "a'b=2", "c;touch\tstolen=3")
    assert done.returncode == 2
    assert not list(ready.rglob("stolen"))


def test_without_variables_no_option_is_passed_on(ready: Path) -> None:
    done = loadtest(ready)
    assert (done.returncode, calls(ready)) == (0, [["stacks", "loadtest"]])


@pytest.mark.parametrize("source", ["make variable", "environment"])
def test_every_option_is_passed_on_as_typed_and_never_executed(ready: Path, source: str) -> None:
    values = {name: f"{HOSTILE} {name}" for name in PLAN_VARIABLES}
    if source == "environment":
        loadtest(ready, **values)
    else:
        loadtest(ready, *(f"{name}={value}" for name, value in values.items()))
    expected = [f"--{name.lower().replace('_', '-')}={value}" for name, value in values.items()]
    assert calls(ready)[0] == ["stacks", "loadtest", *expected]
    assert not list(ready.rglob("stolen"))


def test_a_matrix_gets_the_options_of_a_plan_as_typed_and_does_not_wait_for_a_stop(ready: Path) -> None:
    make(ready, "matrix", "ENV=A='b  c' D=--stop=x", "DRY_RUN=1", STOP="wait")
    assert calls(ready) == [["stacks", "matrix", "--dry-run", "--env=A='b  c' D=--stop=x"]]


def test_a_make_variable_wins_over_the_environment_and_an_empty_one_is_not_passed_on(ready: Path) -> None:
    loadtest(ready, "SEED=7", "STACK=", SEED="8", STACK="from the environment", TRIALS="")
    assert calls(ready)[0] == ["stacks", "loadtest", "--seed=7"]


@pytest.mark.parametrize("code", [1, 2, 3])
def test_every_failure_of_a_command_is_exit_code_2_of_make(ready: Path, code: int) -> None:
    assert loadtest(ready, code=code).returncode == 2


def test_the_variables_are_not_in_the_environment_of_what_is_measured(ready: Path) -> None:
    (ready / "stacks/__main__.py").write_text("import json, os; print(json.dumps(dict(os.environ)))")
    seen = json.loads(loadtest(ready, "SEED=3", USERS="5").stdout.splitlines()[-1])
    assert not set(seen) & set(PLAN_VARIABLES)


def test_the_web_ui_gets_what_was_typed_and_nothing_is_executed(ready: Path) -> None:
    values = [f"{name}={HOSTILE}" for name in ("UI_PORT", "LISTEN", "SCENARIO", "URL", "PID", "ARGS")]
    make(ready, "ui", *values)
    options = [f"--{name}={HOSTILE}" for name in ("port", "listen", "scenario", "url", "pid", "args")]
    assert calls(ready) == [["", *options]]
    assert not (ready / "stolen").exists()
    # An environment may use these names for something else.
    make(ready, "ui", URL="x", PID="1", UI_PORT="2", ARGS="3", LISTEN="128")
    assert calls(ready)[1:] == [[""]]


# -- signals --------------------------------------------------------------------------------------


@contextmanager
def running_loadtest(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """`make loadtest` while its command runs, in a process group of its own, as a terminal starts it."""
    with subprocess.Popen(
        [str(MAKE), "-C", str(directory), "loadtest"],
        env=environment(STUB=json.dumps({"wait": True})),
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            until(lambda: (directory / "pid").exists() and (directory / "pid").read_text(), "the stub did not start")
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("number", "to_group"),
    [
        pytest.param(signal.SIGINT, True, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, True, id="TERM to the group"),
        pytest.param(signal.SIGTERM, False, id="TERM to make alone"),
    ],
)
def test_a_signal_reaches_python_and_make_waits_for_it(ready: Path, number: signal.Signals, to_group: bool) -> None:
    with running_loadtest(ready) as process:
        if to_group:
            os.killpg(process.pid, number)
        else:
            os.kill(process.pid, number)
        assert process.wait(timeout=LIMIT_S) != 0
    assert (ready / "stopped").read_text() == number.name
    assert not Path("/proc", (ready / "pid").read_text()).exists()
