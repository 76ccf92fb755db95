"""The Makefile and .ci/run: what they pass on, what they never execute, and what they leave behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
MAKE = shutil.which("make")
LINES = (ROOT / "Makefile").read_text().splitlines()
JOINED = "\n".join(LINES).replace("\\\n", " ").splitlines()
OPTIONS = next(line for line in JOINED if line.startswith("options := ")).split()[2:]
HOSTILE = "a  b; touch stolen $(shell touch stolen) $(touch stolen) `touch stolen` $HOME \"q\" 'p' & | > stolen \\ #%*"

# Stands in for `python -m stacks`: writes down how it was called and does what it is told.
STUB = """
import json, os, pathlib, signal, sys, time
here, told = pathlib.Path("calls"), json.loads(os.environ["TOLD"])
with here.open("a") as calls:
    calls.write(json.dumps([__package__, *sys.argv[1:]]) + "\\n")
if told.get("wait"):
    def stop(number, frame):
        time.sleep(0.5)  # what make and its shell must wait for
        pathlib.Path("stopped").write_text(signal.Signals(number).name)
        sys.exit(128 + number)
    signal.signal(signal.SIGTERM, stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, stop)
    pathlib.Path("pid").write_text(str(os.getpid()))
    time.sleep(60)
sys.exit(told.get("stacks", 0))
"""

# Stands in for an interpreter that can make environments, and for the uv in them.
PYTHON_STUB = """#!/bin/sh
echo "$0 $*" >> "$LOG"
case "$1 $2" in
  '-m venv') mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  '-m pip')
    printf '#!/bin/sh\\necho "uv $*" >> "$LOG"\\nexit "${UV_EXIT:-0}"\\n' > .venv/bin/uv && chmod +x .venv/bin/uv ;;
esac
"""

pytestmark = pytest.mark.skipif(MAKE is None, reason="make is not installed")


def environment(**more: str) -> dict[str, str]:
    """The environment as a user has it: without what `make test` itself and its options put there."""
    mine = {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "PYTHON", "CI", *OPTIONS}
    mine |= {name for name in os.environ if name.startswith("UV_")}
    return {name: value for name, value in os.environ.items() if name not in mine} | more


def make(where: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(MAKE), "-C", str(where), "--no-print-directory", *arguments],
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A directory with the Makefile in it and nothing set up."""
    where = tmp_path.resolve() / "a clone"
    where.mkdir()
    shutil.copy(ROOT / "Makefile", where)
    (where / "pyproject.toml").touch()
    (where / "uv.lock").touch()
    return where


@pytest.fixture
def ready(clone: Path) -> Path:
    """A clone that is set up, in which the stub stands for the pack."""
    (clone / ".venv/bin").mkdir(parents=True)
    (clone / ".venv/bin/python").symlink_to(Path(sys.executable).resolve())
    (clone / ".venv/.complete").write_text(f"{clone}\n")
    (clone / "stacks").mkdir()
    (clone / "stacks/__main__.py").write_text(STUB)
    return clone


def loadtest(where: Path, *arguments: str, told: dict[str, object], **more: str) -> subprocess.CompletedProcess[str]:
    return make(where, "loadtest", *arguments, TOLD=json.dumps(told), **more)


def calls(where: Path) -> list[list[str]]:
    return [json.loads(line) for line in (where / "calls").read_text().splitlines()]


def until(look: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_help_is_the_default_and_lists_every_target(ready: Path) -> None:
    text = make(ready).stdout
    phony = next(line for line in LINES if line.startswith(".PHONY: help"))
    for target in phony.split()[1:]:
        assert f"make {target} " in text
    assert {"STACK", "VERSION", "SCENARIO", "TRIALS", "USERS", "MAX_REQUESTS", "CONFIDENCE"} <= set(OPTIONS)
    for option in OPTIONS:
        assert option in text
    assert not (ready / "calls").exists()


def test_nothing_given_nothing_passed_on(ready: Path) -> None:
    done = loadtest(ready, told={})
    assert (done.returncode, calls(ready)) == (0, [["stacks", "loadtest"]])


@pytest.mark.parametrize("how", ["make variable", "environment"])
def test_every_option_is_passed_on_as_typed_and_never_executed(ready: Path, how: str) -> None:
    values = {name: f"{HOSTILE} {name}" for name in OPTIONS}
    if how == "environment":
        loadtest(ready, told={}, **values)
    else:
        loadtest(ready, *(f"{name}={value}" for name, value in values.items()), told={})
    expected = [f"--{name.lower().replace('_', '-')}={value}" for name, value in values.items()]
    assert calls(ready)[0] == ["stacks", "loadtest", *expected]
    assert not list(ready.rglob("stolen"))


def test_a_make_variable_wins_over_the_environment_and_an_empty_one_is_not_passed_on(ready: Path) -> None:
    loadtest(ready, "SEED=7", "STACK=", told={}, SEED="8", STACK="from the environment", TRIALS="")
    assert calls(ready)[0] == ["stacks", "loadtest", "--seed=7"]


@pytest.mark.parametrize("code", [1, 2, 3])
def test_every_failure_is_one_of_make(ready: Path, code: int) -> None:
    assert loadtest(ready, told={"stacks": code}).returncode == 2


def test_the_options_are_not_in_the_environment_of_what_is_measured(ready: Path) -> None:
    (ready / "stacks/__main__.py").write_text("import json, os; print(json.dumps(dict(os.environ)))")
    seen = json.loads(loadtest(ready, "SEED=3", told={}, USERS="5").stdout.splitlines()[-1])
    assert not set(seen) & set(OPTIONS)


@contextmanager
def waiting(where: Path) -> Iterator[subprocess.Popen[str]]:
    """`make loadtest` in the middle, in a process group of its own as a terminal would start it."""
    with subprocess.Popen(
        [str(MAKE), "-C", str(where), "loadtest"],
        env=environment(TOLD=json.dumps({"wait": True})),
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            until(lambda: (where / "pid").exists() and (where / "pid").read_text(), "the stub never started")
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("number", "everybody"),
    [
        pytest.param(signal.SIGINT, True, id="Ctrl-C"),
        pytest.param(signal.SIGTERM, True, id="TERM to the group"),
        pytest.param(signal.SIGTERM, False, id="TERM to make alone"),
    ],
)
def test_a_signal_reaches_python_and_make_waits_for_it(ready: Path, number: signal.Signals, everybody: bool) -> None:
    with waiting(ready) as process:
        if everybody:
            os.killpg(process.pid, number)
        else:
            os.kill(process.pid, number)
        assert process.wait(timeout=20) != 0
    assert (ready / "stopped").read_text() == number.name
    assert not Path("/proc", (ready / "pid").read_text()).exists()


def stub(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A PATH with what a bare machine has and no Python at all."""
    for name in ("sh", "cat", "rm", "cp", "mkdir", "chmod", "dirname", "id"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / "tools").mkdir(exist_ok=True)
        (tmp_path / "tools" / name).symlink_to(found)
    return tmp_path / "tools"


def setup(clone: Path, tools: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    log = {"LOG": str(clone / "log"), "PATH": str(tools), "HOME": str(tools), "PYENV_ROOT": str(tools / "pyenv")}
    (clone / "log").write_text("")
    return make(clone, "setup", *arguments, **(log | more))


def logged(clone: Path) -> str:
    return (clone / "log").read_text()


def test_setup_passes_over_a_python_that_fails_and_does_nothing_the_second_time(clone: Path, tools: Path) -> None:
    stub(tools / "python3", "#!/bin/sh\nexit 127\n")
    stub(tools / "python3.12", PYTHON_STUB)
    assert setup(clone, tools).returncode == 0
    assert f"{tools}/python3.12 -m venv .venv" in logged(clone)
    assert "uv sync --locked --compile-bytecode" in logged(clone)
    assert setup(clone, tools).returncode == 0
    assert logged(clone) == ""


def test_setup_looks_at_the_versions_of_pyenv_and_at_the_one_named(clone: Path, tools: Path) -> None:
    stub(tools / "pyenv/versions/3.11.7/bin/python3", PYTHON_STUB)
    setup(clone, tools)
    assert "versions/3.11.7/bin/python3 -m venv" in logged(clone)
    named = stub(tools / "my python", PYTHON_STUB)
    shutil.rmtree(clone / ".venv")
    setup(clone, tools, f"PYTHON={named}")
    assert f"{named} -m venv" in logged(clone)


def test_setup_without_a_python_says_what_to_install(clone: Path, tools: Path) -> None:
    done = setup(clone, tools)
    assert done.returncode == 2
    assert "no Python >= 3.11" in done.stderr
    assert "python3-venv" in done.stderr
    assert not (clone / ".venv").exists()


def test_setup_interrupted_half_way_starts_over(clone: Path, tools: Path) -> None:
    stub(tools / "python3", PYTHON_STUB)
    done = setup(clone, tools, UV_EXIT="1")
    assert done.returncode == 2
    assert "UV_DEFAULT_INDEX" in done.stderr
    (clone / ".venv/half-made").touch()
    assert setup(clone, tools).returncode == 0
    assert "-m venv" in logged(clone)
    assert not (clone / ".venv/half-made").exists()


def test_setup_only_installs_again_when_the_lock_file_is_newer(clone: Path, tools: Path) -> None:
    stub(tools / "python3", PYTHON_STUB)
    setup(clone, tools)
    future = time.time() + 10
    os.utime(clone / "uv.lock", (future, future))
    setup(clone, tools)
    assert "uv sync" in logged(clone)
    assert "-m venv" not in logged(clone)


@pytest.mark.parametrize("change", ["moved", "python gone"])
def test_setup_makes_anew_what_can_no_longer_work(clone: Path, tools: Path, change: str) -> None:
    stub(tools / "python3", PYTHON_STUB)
    setup(clone, tools)
    if change == "moved":
        clone = clone.rename(clone.with_name("moved"))
    else:
        (clone / ".venv/bin/python").unlink()
    setup(clone, tools)
    assert "-m venv" in logged(clone)


def test_setup_takes_a_mirror_of_the_index(clone: Path, tools: Path) -> None:
    stub(tools / "python3", PYTHON_STUB)
    assert setup(clone, tools, UV_DEFAULT_INDEX="https://mirror.invalid/simple").returncode == 0
    assert "uv export" in logged(clone)
    assert "--require-hashes --compile-bytecode" in logged(clone)


def test_clean_leaves_results_and_the_environment(ready: Path) -> None:
    kept = ["results/one/__pycache__", ".venv/lib/__pycache__"]
    gone = [".venvs/x", "stacks/__pycache__", ".ruff_cache", ".mypy_cache", ".pytest_cache"]
    for name in kept + gone:
        (ready / name).mkdir(parents=True)
    assert make(ready, "clean").returncode == 0
    assert all((ready / name).exists() for name in kept)
    assert not any((ready / name).exists() for name in gone)


def ci(clone: Path, tools: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    (clone / ".ci").mkdir(exist_ok=True)
    shutil.copy(ROOT / ".ci/run", clone / ".ci/run")
    stub(tools / "apt-get", '#!/bin/sh\necho "apt-get $*" >> "$LOG"\nexit 1\n')
    stub(clone / ".venv/bin/python", '#!/bin/sh\necho "python $*" >> "$LOG"\nexit 5\n')
    (clone / "log").write_text("")
    return subprocess.run(
        ["/bin/sh", str(clone / ".ci/run"), *arguments],
        env=environment(PATH=str(tools), LOG=str(clone / "log"), **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_ci_lints_before_it_tests_and_ends_with_the_exit_code_of_pytest(clone: Path, tools: Path) -> None:
    stub(tools / "make", '#!/bin/sh\necho "make $*" >> "$LOG"\n')
    assert ci(clone, tools, "-k", "a b").returncode == 5
    done = [line.replace("--no-print-directory ", "") for line in logged(clone).splitlines()]
    assert done == [
        "make setup",
        "make lint",
        "python -m pytest -n 2 --dist worksteal -k a b",
    ]  # and no apt-get: this is no CI


def test_ci_stops_at_a_failure_of_lint(clone: Path, tools: Path) -> None:
    stub(tools / "make", '#!/bin/sh\ncase "$*" in *lint) exit 2;; esac\n')
    assert ci(clone, tools).returncode == 2
    assert "pytest" not in logged(clone)


def test_ci_without_make_says_so(clone: Path, tools: Path) -> None:
    done = ci(clone, tools)
    assert done.returncode == 1
    assert "make is missing" in done.stderr


@pytest.mark.skipif(os.getuid() != 0 or not Path("/etc/debian_version").exists(), reason="root on Debian only")
def test_ci_goes_on_where_its_tools_cannot_be_installed(clone: Path, tools: Path) -> None:
    stub(tools / "make", "#!/bin/sh\n")
    done = ci(clone, tools, CI="true")
    assert done.returncode == 5
    assert "gdb could not be installed" in done.stderr
    installed = [line.split()[-1] for line in logged(clone).splitlines() if " install " in line]
    assert "make" not in installed
    assert {"gdb", "wrk", "apache2-utils", "nginx-light", "chromium", "iproute2"} <= set(installed)


def test_the_ui_gets_what_was_typed_and_nothing_is_executed(ready: Path) -> None:
    (ready / "locustfiles/workers_ui").mkdir(parents=True)
    (ready / "locustfiles/workers_ui/__main__.py").write_text(STUB)
    values = [f"{name}={HOSTILE}" for name in ("UI_PORT", "SCENARIO", "URL", "PID", "ARGS")]
    make(ready, "ui", *values, TOLD="{}")
    options = [f"--{name}={HOSTILE}" for name in ("port", "scenario", "url", "pid", "args")]
    assert calls(ready) == [["", *options]]
    assert not (ready / "stolen").exists()
    # What an environment has by these names may be meant for something else.
    make(ready, "ui", TOLD="{}", URL="x", PID="1", UI_PORT="2", ARGS="3")
    assert calls(ready)[1:] == [[""]]
