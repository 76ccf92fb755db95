"""`python -m analysis`: its exit codes, its files, and one clear line for every error."""

import errno
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from results_builder import Builder, hanging, recovering, typical

import analysis
from analysis.__main__ import main
from analysis.command_line import INTERRUPTED, parser
from stacks.lifecycle.records import SUMMARY_FILE
from tests.patience import LIMIT_S

ROOT = Path(analysis.__file__).parent.parent


@pytest.mark.parametrize("name", ["summary", "report", "demand", "compare", "notebooks"])
def test_the_help_of_a_command_has_an_example_and_exit_codes(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "-h"])
    text = capsys.readouterr().out
    [example] = re.findall(r"^Example:\n  python -m analysis (.*)$", text, re.MULTILINE)
    assert ended.value.code == 0
    assert parser().parse_args(shlex.split(example)).command == name
    assert "Exit codes:\n  0   done\n  1   " in text
    assert not re.search(r"\[--[a-z-]+ [A-Z_0-9]*_", text)  # every value has a metavar that says what it is


def test_a_campaign_as_expected(tmp_path, capsys):
    path = typical(tmp_path / "campaign")
    assert main(["summary", str(path)]) == 0
    out, err = capsys.readouterr()
    assert "X hung_worker" in out
    assert f"report: {path / 'report.html'}" in out
    assert err == ""
    assert len(json.loads((path / SUMMARY_FILE).read_text())["cells"]) == 6
    assert "Do the workers come back?" in (path / "report.html").read_text()


def test_an_unexpected_verdict(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell()
    builder.run("hung_worker", hanging())
    assert main(["summary", str(builder.write())]) == 3


def test_a_damaged_run_is_named_on_stderr_and_the_rest_is_shown(tmp_path, capsys):
    builder = Builder(tmp_path / "campaign")
    builder.cell()
    builder.run("recovers", recovering())
    damaged = builder.run("recovers", recovering()) / "events.jsonl"
    damaged.write_text(damaged.read_text()[:-20])
    assert main(["summary", str(builder.write())]) == 1
    out, err = capsys.readouterr()
    assert "ok recovers" in out
    [line] = err.splitlines()
    assert line.startswith(f"analysis: left out {damaged.parent.name}: {damaged}:")
    assert (tmp_path / "campaign" / "report.html").exists()


@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (lambda path: None, "no such results directory"),
        (lambda path: path.mkdir(), "campaign.json: missing"),
        (lambda path: Builder(path).write(schema=99), "newer"),
        (lambda path: (Builder(path).write() / "campaign.json").write_text("{"), "cannot be read"),
    ],
)
def test_results_that_cannot_be_used(tmp_path, capsys, prepare, words):
    path = tmp_path / "campaign"
    prepare(path)
    assert main(["summary", str(path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    [line] = err.splitlines()
    assert line.startswith("analysis: ")
    assert words in line
    assert str(path) in line


@pytest.mark.parametrize("name", [SUMMARY_FILE, "report.html"])
def test_results_that_cannot_be_written_to_are_still_shown(tmp_path, capsys, name):
    path = typical(tmp_path / "campaign")
    (path / name).mkdir()  # even root cannot replace a directory by a file
    assert main(["summary", str(path)]) == 1
    out, err = capsys.readouterr()
    assert "X hung_worker" in out
    assert err == (
        f"analysis: {path / name}: cannot be written (Is a directory); the runs and the table on stdout are complete. "
        "Make it writable, and repeat.\n"
    )


@pytest.mark.parametrize("command", ["summary", "compare"])
def test_a_full_disk_names_the_file_and_the_room(tmp_path, capsys, monkeypatch, command):
    path = typical(tmp_path / "campaign")
    monkeypatch.setattr(os, "fsync", raise_no_space)
    arguments = [str(path)] if command == "summary" else [str(path), str(path)]
    assert main([command, *arguments]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert re.search(
        rf"{path}/(summary|compare)\.json: cannot be written \(No space left on device\); .*complete", line
    )
    assert line.endswith(". Free 16 MiB, and repeat.")
    assert not list(path.glob(".*"))


def raise_no_space(_handle):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("arguments", [[], ["sumary"], ["summary", "--frobnicate"], ["summary", "a", "b"]])
def test_usage(arguments, capsys):
    with pytest.raises(SystemExit) as error:
        main(arguments)
    assert error.value.code == 2
    assert "usage: python -m analysis" in capsys.readouterr().err


def run(*arguments, **more):
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(
        command, cwd=ROOT, text=True, timeout=LIMIT_S, check=False, **({"capture_output": True} | more)
    )


def test_a_path_with_letters_that_the_encoding_lacks(tmp_path):
    builder = Builder(tmp_path / "results-\u00e9")
    builder.cell()
    builder.run("recovers", recovering())
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = run("-m", "analysis", "summary", str(builder.write()), env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "report: " in done.stdout


def test_a_closed_pipe_causes_no_traceback(tmp_path):
    path = typical(tmp_path / "campaign")
    reading, writing = os.pipe()
    os.close(reading)
    streams = {"capture_output": False, "stdout": writing, "stderr": subprocess.PIPE}
    done = run("-m", "analysis", "summary", str(path), **streams)
    os.close(writing)
    assert done.returncode == 0  # of the verdicts: a closed pipe is nobody's failure
    assert "Traceback" not in done.stderr
    assert (path / SUMMARY_FILE).exists()
    assert (path / "report.html").exists()


def test_usage_errors_do_not_wait_for_pandas():
    code = "import sys, analysis.__main__ as m\nprint(m.main(['summary', '/nowhere']), 'pandas' in sys.modules)"
    assert run("-c", code).stdout == "1 False\n"


def test_the_load_generator_is_not_imported():
    paths = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "analysis").rglob("*.py")]
    modules = [".".join(path.parts) for path in paths if path.name != "__init__"]
    assert len(modules) > 50
    code = f"import sys, importlib\nfor m in {modules}: importlib.import_module(m)\n"
    done = run("-c", code + "print(sorted({'locust', 'gevent'} & set(sys.modules)))")
    assert (done.stdout, done.returncode) == ("[]\n", 0)


def test_an_interrupt_while_the_options_are_read_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("analysis.__main__.parser", interrupted)
    assert main(["summary", "/nowhere"]) == INTERRUPTED
    assert capsys.readouterr().err == "analysis: interrupted\n"
