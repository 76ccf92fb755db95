"""A campaign as a command: the summary follows the runs, and the exit code is the higher of both."""

from __future__ import annotations

import subprocess
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from stacks.campaign import progress, runner
from stacks.commands.run_campaign import run_campaign


class Campaign:
    """What `run_campaign` uses of a campaign."""

    def __init__(self, code: int = 0, status: str = "done", not_tested: dict[int, str] | None = None) -> None:
        self.directory = Path("results/one")
        self.done = [(0, {"status": status})]
        self.not_tested = not_tested or {}
        self.code = code


class Progress:
    def __init__(self, _console: object) -> None:
        pass

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_error: object) -> None:
        pass


@pytest.fixture
def summary(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The summary command does not run: the fixture sets its exit code and records its arguments."""
    fake: dict[str, Any] = {"code": 0, "commands": []}

    def run(command: list[str], *, cwd: Path, check: bool) -> subprocess.CompletedProcess[bytes]:
        assert (cwd / "analysis").is_dir()  # where Python finds the package
        fake["commands"].append(command[1:])
        return subprocess.CompletedProcess(command, fake["code"])

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(runner, "carry_out", lambda campaign, _view: campaign.code)
    monkeypatch.setattr(progress, "Progress", Progress)
    monkeypatch.setattr(progress, "prepared", lambda _campaign, _console: nullcontext())
    return fake


@pytest.mark.parametrize(("code", "summary_code", "worst"), [(0, 0, 0), (1, 0, 1), (0, 3, 3), (1, 3, 3), (1, 1, 1)])
def test_the_exit_code_is_the_higher_one(
    summary: dict[str, Any], code: int, summary_code: int, worst: int, capsys: pytest.CaptureFixture[str]
) -> None:
    summary["code"] = summary_code
    assert run_campaign(Campaign(code)) == worst
    assert summary["commands"] == [["-m", "analysis", "summary", "results/one"]]
    assert (f"exit code {worst}: " in capsys.readouterr().err) is bool(worst)


def test_without_any_verdict_there_is_no_summary(summary: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_campaign(Campaign(status="failed")) == 1
    assert summary["commands"] == []
    assert "No run came to a verdict. The records are in results/one." in capsys.readouterr().err


def test_cells_that_cannot_be_tested_are_in_the_summary(summary: dict[str, Any]) -> None:
    assert run_campaign(Campaign(code=1, status="failed", not_tested={0: "no wheel"})) == 1
    assert len(summary["commands"]) == 1
