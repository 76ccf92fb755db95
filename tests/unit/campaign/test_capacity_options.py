"""The options of `capacity`: every mistake is an error at once, and the pack's app has the size that they name."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from stacks.campaign import capacity_sizes
from stacks.campaign.capacity_options import read_options
from stacks.catalogue import APPS, UsageError, load
from stacks.commands import command_line


def test_every_mistake_is_an_error_at_once(tmp_path: Path) -> None:
    changes = {"version": "py399-1", "workers": 2, "cpu_ms": -1.0, "app": str(tmp_path / "none.py"), "trials": None}
    with pytest.raises(UsageError) as caught:
        read_options(load(), changes)
    errors = str(caught.value).splitlines()
    assert errors[0].startswith("no version py399-1")
    assert [line.split(":")[0] for line in errors[1:]] == ["WORKERS", "CPU_MS", "APP"]


def test_a_wrong_option_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    from stacks.__main__ import main

    assert main(["capacity", "--workers=2"]) == 2
    assert capsys.readouterr().err == "WORKERS: 2 is not between 4 and 512\n"


def test_the_app_of_the_pack_has_the_size_that_its_environment_names(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("WORK_CPU_MS", "3"), ("WORK_IO_MS", "0"), ("WORK_MB", "1")):
        monkeypatch.setenv(name, value)
    space: dict[str, object] = {}
    exec((APPS / "work.py").read_text(), space)  # noqa: S102 - uWSGI reads it in the same way
    assert len(space["TABLE"]) == 1024 * 1024
    clock = SimpleNamespace(now=0.0, slept=[])
    space["time"] = SimpleNamespace(
        thread_time=lambda: (setattr(clock, "now", clock.now + 0.001), clock.now)[1], sleep=clock.slept.append
    )
    statuses: list[object] = []
    assert space["application"]({}, lambda status, headers: statuses.append(status)) == [b"ok\n"]
    assert (statuses, clock.slept) == (["200 OK"], [0.0])
    assert clock.now >= 0.003


def test_a_demand_that_the_report_would_refuse_is_refused_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def measure() -> None:
        raise AssertionError("the catalogue is read for a measurement")

    monkeypatch.setattr(capacity_sizes, "load", measure)
    options = command_line.parser(["capacity"]).parse_args(["capacity", "--demand=abc"])
    assert capacity_sizes.main(options, Console(file=io.StringIO())) == 2
