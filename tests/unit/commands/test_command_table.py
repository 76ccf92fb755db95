"""The table of the commands: every file is in it, every help text is complete, and only one command is imported."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from stacks import launcher
from stacks.__main__ import COMMANDS, main
from stacks.catalogue import ROOT, UsageError
from stacks.commands import command_line, completion, exit_codes
from stacks.commands.command_line import FURTHER, INSTALLED, code_of, join_values, load, parser
from stacks.commands.completion import SHELLS
from stacks.lifecycle import pack_fault
from stacks.lifecycle.records import RecordError

OPTIONS = {"plan_arguments", "watch_companions", "check_outputs"}  # groups of options, in files of their own
SHARED = {"__init__", "command_line", "exit_codes", "run_campaign", *OPTIONS}


def test_every_file_of_the_folder_is_a_command_of_the_table() -> None:
    files = {path.stem for path in (ROOT / "stacks" / "commands").glob("*.py")}
    assert files - SHARED == set(COMMANDS)
    assert len(COMMANDS) == len(set(COMMANDS))


@pytest.mark.parametrize("name", COMMANDS)
class TestCommand:
    def test_the_help_has_an_example_and_the_exit_codes(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main([name, "-h"])
        assert ended.value.code == 0
        text = capsys.readouterr().out
        command = load(name)
        assert command.HELP.split()[0] in text
        assert f"Example:\n  {command.EXAMPLE}\n" in text
        for code, meaning in command.EXIT_CODES.items():
            assert f"\n  {code:<3} {meaning}\n" in text
        assert {0, 1, exit_codes.USAGE} <= set(command.EXIT_CODES)

    def test_every_option_has_a_help_text(self, name: str) -> None:
        one = argparse.ArgumentParser()
        load(name).add_arguments(one)
        assert [action.dest for action in one._actions if not action.help] == []
        values = [action for action in one._actions if action.nargs != 0 and not action.choices]
        assert [action.dest for action in values if action.metavar is None and action.option_strings] == []

    def test_the_example_is_a_valid_command_line(self, name: str) -> None:
        words = shlex.split(load(name).EXAMPLE.replace("'", ""))
        options = parser([name]).parse_args(words[words.index("stacks") + 1 :])
        assert options.command == name

    def test_a_wrong_option_is_one_line_and_exit_code_2(self, name: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main([name, "--no-such-option"])
        assert ended.value.code == exit_codes.USAGE
        error = capsys.readouterr().err
        assert error.startswith(f"python -m stacks {name}: ") or error.startswith("python -m stacks: ")
        assert error.count("\n") == 1

    def test_to_parse_it_only_its_own_file_and_the_standard_library_are_imported(self, name: str) -> None:
        code = (
            "import sys; from stacks.commands.command_line import parser; before = set(sys.modules)\n"
            f"parser([{name!r}])\n"
            "print(*(m for m in sys.modules if m not in before and m.split('.')[0] not in sys.stdlib_module_names))"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        own = {f"stacks.commands.{name}"}
        of_options = {f"stacks.commands.{options}" for options in OPTIONS} | {
            "stacks.console",
            "stacks.console.quantities",
        }
        assert own <= set(done.stdout.split()) <= own | of_options


def test_the_help_of_the_program_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["-h"])
    text = capsys.readouterr().out
    for name in COMMANDS:
        is_listed = bool(re.search(rf"^    {name}( |$)", text, re.MULTILINE))
        assert is_listed is (name not in command_line.INTERNAL)  # the text of a long name begins on the next line
    for meaning in exit_codes.MEANINGS.values():
        assert meaning in text


@pytest.mark.parametrize("arguments", [[], ["no-such-command"], ["--stack", "plain"]])
def test_without_a_known_command_the_exit_code_is_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == exit_codes.USAGE
    assert capsys.readouterr().err.startswith("python -m stacks: ")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no stack x"), exit_codes.USAGE),
        (RecordError("run.json is damaged"), exit_codes.NOT_MEASURED),
        (FileNotFoundError(2, "No such file"), exit_codes.NOT_MEASURED),
        (ValueError("a defect of the pack"), None),
    ],
)
def test_an_error_that_tells_enough_is_an_exit_code(error: Exception, code: int | None) -> None:
    assert code_of(error) == code


def test_a_fault_of_the_pack_is_a_sentence_and_keeps_its_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pack_fault, "RESULTS", tmp_path)

    def fail(_options: argparse.Namespace) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(load("list"), "main", fail)
    assert command_line.run(COMMANDS, ["list"]) == exit_codes.NOT_MEASURED
    [file] = tmp_path.glob("fault-*.txt")
    assert f"please send {file}" in capsys.readouterr().err
    assert "ZeroDivisionError" in file.read_text()


def test_a_directory_without_a_plan_is_a_sentence(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(tmp_path)]) == exit_codes.NOT_MEASURED
    error = capsys.readouterr().err
    assert str(tmp_path) in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("words", [["--args", "--lazy-apps -p 2"], ["--args=--lazy-apps -p 2"]])
def test_the_options_of_uwsgi_may_follow_as_a_word_of_their_own(words: list[str]) -> None:
    """The usage shows `--args OPTIONS`, and argparse alone takes a value that begins with `--` only after `=`."""
    options = parser(["check"]).parse_args(join_values(["check", *words, "--url", "/x"]))
    assert (options.args, options.url) == ("--lazy-apps -p 2", "/x")


def test_an_option_without_its_value_stays_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["check", "--args"])
    assert ended.value.code == exit_codes.USAGE
    assert "expected one argument" in capsys.readouterr().err


def test_a_quote_that_is_not_closed_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--args", "--env 'A=b"]) == exit_codes.USAGE
    assert capsys.readouterr().err == "check: --args has a quote that is not closed: --env 'A=b\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_the_completion_knows_every_command_and_option(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "uwsgi-respawn-pack" in script
    for words in ("check", "watch", "slow-url", "max-lost"):
        assert words in script
    assert not re.search(r"\bserve\b", script)


def test_bash_completes_a_command_and_an_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    ask = "COMP_WORDS=(uwsgi-respawn-pack {}); COMP_CWORD={}; _shtab_uwsgi_respawn_pack; echo ${{COMPREPLY[@]}}"
    for words, answer in (("loadt", "loadtest"), ("check --slow", "--slow-url")):
        asked = script + "\n" + ask.format(words, len(words.split()))
        done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True)
        assert done.stdout.split() == [answer], done.stderr


def test_the_installed_program_names_the_commands_of_the_launcher() -> None:
    words = set(re.findall(r"\w+", FURTHER))
    assert {*launcher.ANALYSIS, launcher.UI} <= words
    assert FURTHER in parser(["list"], INSTALLED).format_help()


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert capsys.readouterr().out == f"uwsgi-respawn-pack {project['version']}\n"


def test_the_completion_of_the_installed_program_knows_the_commands_of_the_analysis(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(completion, "further", {})
    launcher.add_further_commands()
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    assert {"compare", "notebooks", "ui"} <= set(re.findall(r"[\w-]+", script))
    assert "--margin" in script
