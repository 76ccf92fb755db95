"""A closed stdout is nobody's failure: a command whose reader has gone goes on, and keeps its exit code."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from stacks.catalogue import ROOT

FORGIVING = "from stacks.console.closed_output import forgive_closed_output; forgive_closed_output()\n"


def run(*command: str, stream: str = "stdout") -> subprocess.CompletedProcess[str]:
    """Run a Python whose `stream` is a pipe that nobody reads; the other stream is captured."""
    reader, writer = os.pipe()
    os.close(reader)
    other = {"stdout": "stderr", "stderr": "stdout"}[stream]
    streams = {stream: writer, other: subprocess.PIPE}
    done = subprocess.run([sys.executable, *command], cwd=ROOT, text=True, check=False, **streams)  # type: ignore[call-overload]
    os.close(writer)
    return done  # type: ignore[no-any-return]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize(
    "code",
    [
        "import sys; print('x' * 100_000, file=sys.{0}, flush=True); print('y', file=sys.{0}); sys.exit(3)",
        "import sys; from rich.console import Console; Console(file=sys.{0}).print('x' * 9999); sys.exit(3)",
        "import subprocess, sys; print('x', file=sys.{0}, flush=True)\n"
        "sys.exit(subprocess.run(['sh', '-c', 'echo x >&2; echo y && exit 3']).returncode)",
    ],
    ids=["print", "rich", "child"],
)
def test_the_exit_code_stays(stream: str, code: str) -> None:
    done = run("-c", FORGIVING + code.format(stream), stream=stream)
    assert done.returncode == 3
    assert "Traceback" not in (done.stderr or "") + (done.stdout or "")


def test_without_the_module_the_same_program_fails() -> None:
    """So the tests above can fail."""
    assert run("-c", "import sys; print('x' * 100_000, flush=True); sys.exit(3)").returncode == 1


@pytest.mark.parametrize("module", ["stacks", "analysis"])
def test_both_commands_forgive(module: str) -> None:
    done = run("-m", module, "-h")
    assert (done.returncode, done.stderr) == (0, "")


def test_an_output_that_was_never_open_is_no_error() -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" -m stacks list >&- 2>&-'], cwd=ROOT, check=False, capture_output=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_encoding_stays(capfd: pytest.CaptureFixture[str]) -> None:
    code = FORGIVING + "print('\\u2713')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"},
        check=False,
        capture_output=True,
    )
    assert done.stdout.decode() == "✓\n"


def test_an_output_on_a_full_disk_is_one_sentence() -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123 - it is no file of this project
        done = subprocess.run(
            [sys.executable, "-m", "stacks", "list"],
            cwd=ROOT,
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (1, "the output cannot be written: No space left on device\n")


def test_the_end_of_the_reader_is_seen_also_after_a_write_that_was_dropped() -> None:
    code = "import sys, time; from stacks.console.closed_output import Reader; reader = Reader(); "
    code += "print('x', flush=True); is_gone = reader.is_gone(); reader.close(); sys.exit(7 if is_gone else 0)"
    assert run("-c", FORGIVING + code).returncode == 7
    done = subprocess.run([sys.executable, "-c", FORGIVING + code], cwd=ROOT, check=False, capture_output=True)
    assert done.returncode == 0
