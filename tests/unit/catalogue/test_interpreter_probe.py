"""The probe of an interpreter: which candidates it accepts, and that a hanging candidate leaves no process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from executables import executable

from stacks.catalogue import interpreter_probe
from stacks.catalogue.bounded_command import run_bounded
from stacks.catalogue.interpreter_probe import Unfit, probe
from tests.patience import until

RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"


def is_alive(group: int) -> bool:
    """Return True if a process of the group still runs. A zombie does not count."""
    for stat_file in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, member_of, *_ = stat_file.read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            continue
        if int(member_of) == group and state != "Z":
            return True
    return False


def test_the_probe_names_the_real_interpreter_behind_an_environment_or_a_shim(tmp_path: Path) -> None:
    shim = executable(tmp_path / f"python{RUNNING}", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    interpreter = probe(shim, RUNNING)
    assert interpreter not in (shim, Path(sys.executable))
    done = run_bounded([interpreter, "-c", "import sys; print(sys.prefix == sys.base_prefix)"], 60)
    assert done.stdout == "True\n"


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
def test_the_probe_refuses_a_candidate_that_is_not_that_interpreter(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        probe(executable(tmp_path / "python3.12", text), "3.12")


def test_only_a_build_without_a_gil_is_a_python_with_a_t(tmp_path: Path) -> None:
    nogil = executable(tmp_path / "python3.13t", "#!/bin/sh\necho 3.13 cpython 1 /bin/sh\n")
    usual = executable(tmp_path / "python3.13", "#!/bin/sh\necho 3.13 cpython 0 /bin/sh\n")
    assert probe(nogil, "3.13t") == Path("/bin/sh")
    with pytest.raises(Unfit, match="is not free-threaded"):
        probe(usual, "3.13t")


def test_a_candidate_that_hangs_is_given_up_and_leaves_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreter_probe, "PROBE_S", 0.5)
    hanging = executable(tmp_path / "python3.12", f"#!/bin/sh\necho $$ > {tmp_path}/group\nsleep 60 & sleep 60\n")
    text = ""
    while not text:  # a busy machine may end the shell before it has written
        with pytest.raises(Unfit, match="did not answer"):
            probe(hanging, "3.12")
        text = (tmp_path / "group").read_text() if (tmp_path / "group").exists() else ""
    until(lambda: not is_alive(int(text)))
