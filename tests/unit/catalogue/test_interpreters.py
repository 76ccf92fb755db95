"""Interpreters: which files are candidates, which of them count, and what is said where none does."""

from __future__ import annotations

import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from stacks.catalogue import interpreters
from stacks.catalogue.interpreters import NotFound, Places, Unfit, bounded, candidates, find, last_cause, probe, search

RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"
# What uv 0.13 writes where the download fails.
NO_NETWORK = """error: Failed to install cpython-3.12.16-linux-x86_64-gnu
  cause: Request failed after 3 retries in 9.2s
  cause: client error (Connect)
  cause: dns error
  cause: failed to lookup address information: Name or service not known
"""


def executable(path: Path, text: str = "#!/bin/sh\nexit 127\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def places(root: Path, running: Path = Path("/nonexistent")) -> Places:
    return Places(
        path=(root / "shims", root / "bin"),
        versions=(root / "pyenv",),
        managed=(root / "uv",),
        prefixes=(root / "usr", root / "opt"),
        running=running,
    )


def alive(group: int) -> bool:
    """Whether a process of the group still runs; one that only waits for its parent to notice does not."""
    for stat_file in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, member_of, *_ = stat_file.read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        if int(member_of) == group and state != "Z":
            return True
    return False


def test_candidates_come_in_the_stated_order_newest_patch_first(tmp_path: Path) -> None:
    in_order = [
        "shims/python3.12",
        "bin/python3.12",
        "pyenv/3.12.10/bin/python3.12",
        "pyenv/3.12.9/bin/python3.12",
        "pyenv/3.12.11rc1/bin/python3.12",
        "uv/cpython-3.12.16-linux-x86_64-gnu/bin/python3.12",
        "uv/cpython-3.12.4-linux-x86_64-gnu/bin/python3.12",
        "uv/cpython-3.12.17+freethreaded-linux-x86_64-gnu/bin/python3.12",
        "usr/bin/python3.12",
        "opt/python3.12/bin/python3.12",
    ]
    for name in reversed(in_order):
        executable(tmp_path / name)
    executable(tmp_path / "pyenv/3.13.0/bin/python3.13")
    running = executable(tmp_path / "running")
    found = [str(path.relative_to(tmp_path)) for path in candidates("3.12", places(tmp_path, running))]
    assert found == [*in_order, "running"]


def test_candidates_leave_out_what_cannot_be_run_and_what_comes_twice(tmp_path: Path) -> None:
    (tmp_path / "shims").mkdir()
    (tmp_path / "shims/python3.12").write_text("not executable")
    (tmp_path / "bin/python3.12").mkdir(parents=True)
    twice = executable(tmp_path / "usr/bin/python3.12")
    assert list(candidates("3.12", places(tmp_path, twice))) == [twice]


def test_the_usual_places_follow_the_variables_of_each_tool_and_then_its_default() -> None:
    environ = {"PATH": "/a::/b", "PYENV_ROOT": "/pyenv", "UV_PYTHON_INSTALL_DIR": "/uv", "XDG_DATA_HOME": "/data"}
    found = Places.usual(environ, Path("/home/me"), Path("/running"))
    assert found.path == (Path("/a"), Path("/b"))
    assert found.versions[:2] == (Path("/pyenv/versions"), Path("/home/me/.pyenv/versions"))
    assert found.managed == (Path("/uv"), Path("/data/uv/python"))
    assert {Path("/usr"), Path("/usr/local"), Path("/opt")} <= set(found.prefixes)
    bare = Places.usual({}, Path("/home/me"), Path("/running"))
    assert bare.path == ()
    assert bare.versions[0] == Path("/home/me/.pyenv/versions")
    assert bare.managed == (Path("/home/me/.local/share/uv/python"),)


def test_a_shim_that_fails_is_passed_over(tmp_path: Path) -> None:
    shim, real = tmp_path / "shim", tmp_path / "real"

    def probed(candidate: Path, python: str) -> Path:
        if candidate == shim:
            raise Unfit("does not run, exit code 127")
        return candidate

    def never(python: str) -> None:
        raise AssertionError("nothing is installed while one is there")

    assert search("3.12", lambda: [shim, real], probed, never) == real


def test_a_missing_one_is_installed_and_looked_for_again(tmp_path: Path) -> None:
    there: list[Path] = []
    assert search("3.12", lambda: there, lambda path, _: path, lambda _: there.append(tmp_path)) == tmp_path


def refuse(why: str) -> Callable[..., Path]:
    def refused(*_: object) -> Path:
        raise Unfit(why)

    return refused


def test_not_found_says_in_one_sentence_where_was_looked_and_what_to_do() -> None:
    def failed(python: str) -> None:
        raise Unfit(f"`uv python install {python}` failed (no network)")

    with pytest.raises(NotFound) as missing:
        search("3.12", lambda: [Path("/shims/python3.12")], refuse("does not run, exit code 127"), failed)
    text = str(missing.value)
    assert text.startswith("Python 3.12 was not found (looked in PATH, the versions of pyenv")
    assert "/shims/python3.12 does not run, exit code 127" in text
    assert "`uv python install 3.12` failed (no network)" in text
    assert text.endswith("install Python 3.12 with pyenv, uv or the system's packages and repeat.")
    assert "\n" not in text


def test_not_found_also_when_what_was_installed_does_not_run() -> None:
    with pytest.raises(NotFound, match="left none that runs"):
        search("3.12", list, refuse("never asked"), lambda _: None)


@pytest.mark.parametrize("python", ["3", "3.12.1", "python3.12", "", "3.12; true", "../3.12"])
def test_only_major_and_minor_make_a_version(python: str) -> None:
    with pytest.raises(NotFound, match=r"write major\.minor"):
        search(python, list, refuse("never asked"), lambda _: None)


def test_the_probe_names_the_real_interpreter_behind_an_environment_or_a_shim(tmp_path: Path) -> None:
    shim = executable(tmp_path / f"python{RUNNING}", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    found = probe(shim, RUNNING)
    assert found not in (shim, Path(sys.executable))
    assert bounded([found, "-c", "import sys; print(sys.prefix == sys.base_prefix)"], 10).stdout == "True\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("#!/bin/sh\nexit 127\n", "does not run, exit code 127"),
        ("#!/nonexistent/interpreter\n", "No such file or directory"),
        ("#!/bin/sh\necho hello\n", "does not run, exit code 0"),
        ("#!/bin/sh\necho 3.11 cpython 0 /bin/sh\n", "is Python 3.11"),
        ("#!/bin/sh\necho 3.12 cpython 1 /bin/sh\n", "is free-threaded"),
        ("#!/bin/sh\necho 3.12 pypy 0 /bin/sh\n", "is pypy"),
    ],
)
def test_the_probe_refuses_what_is_not_that_interpreter(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        probe(executable(tmp_path / "python3.12", text), "3.12")


def test_a_candidate_that_hangs_is_given_up_and_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreters, "PROBE_S", 0.5)
    hanging = executable(tmp_path / "python3.12", f"#!/bin/sh\necho $$ > {tmp_path}/group\nsleep 60 & sleep 60\n")
    with pytest.raises(Unfit, match="did not answer"):
        probe(hanging, "3.12")
    group, deadline = int((tmp_path / "group").read_text()), time.monotonic() + 10
    while alive(group):
        assert time.monotonic() < deadline, "a process of the group was left behind"
        time.sleep(0.01)


def test_the_innermost_cause_of_an_error_of_uv_is_what_is_passed_on() -> None:
    assert last_cause(NO_NETWORK) == "failed to lookup address information: Name or service not known"
    assert last_cause("  × Failed to download\n  ├─▶ Request failed\n  ╰─▶ dns error\n") == "dns error"  # uv 0.9
    assert last_cause("error: no download\n  Caused by: dns error\n") == "dns error"  # uv 0.9
    assert last_cause("plain words\n") == "plain words"
    assert last_cause("") == "no message"


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (f"#!/bin/sh\ncat >&2 <<'X'\n{NO_NETWORK}X\nexit 1\n", "Name or service not known"),
        ("#!/bin/sh\nexec sleep 60\n", "still downloading after"),
    ],
)
def test_install_says_why_uv_could_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, why: str) -> None:
    uv = executable(tmp_path / "uv", script)
    monkeypatch.setattr(interpreters, "uv_path", lambda: uv)
    monkeypatch.setattr(interpreters, "INSTALL_S", 1.0)
    with pytest.raises(Unfit, match=why):
        interpreters.install("3.12")


def test_install_without_uv_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "uv_path", lambda: None)
    with pytest.raises(Unfit, match="no uv"):
        interpreters.install("3.12")


def test_a_failure_is_remembered_so_that_every_cell_does_not_download_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def failing(python: str) -> None:
        asked.append(python)
        raise Unfit("no network")

    monkeypatch.setattr(interpreters, "install", failing)
    for _ in range(3):
        with pytest.raises(NotFound):
            find("3.99")
    assert asked == ["3.99"]


def test_the_running_version_is_always_found() -> None:
    assert (
        bounded([find(RUNNING), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], 10).stdout.strip()
        == RUNNING
    )
