"""`list`: every name is printed, for people and as JSON for the web UI."""

from __future__ import annotations

import json

import pytest

from stacks import catalogue
from stacks.__main__ import main
from stacks.campaign.plan_options import LIMITS, UWSGI_LIMITS


def test_the_text_has_every_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    loaded = catalogue.load()
    for name, stack in loaded.stacks.items():
        assert f"  {name:22} {stack.what} (app {stack.app})\n" in text
    for version in loaded.versions.values():
        assert version.python in text
        assert version.pin in text
    assert f"scenarios: {', '.join(loaded.scenarios)}\n" in text
    assert f"apps: {', '.join(catalogue.app_names())}\n" in text


def test_the_json_has_every_name_the_default_plan_and_the_limits(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    loaded = catalogue.load()
    assert list(data) == ["stacks", "versions", "scenarios", "plan", "limits"]
    assert data["stacks"] == {stack.name: stack.what for stack in loaded.stacks.values()}
    assert data["versions"] == list(loaded.versions)
    assert data["scenarios"] == {name: str(path) for name, path in loaded.scenarios.items()}
    plan = loaded.plan
    assert (data["plan"]["stack"], data["plan"]["version"]) == plan.cells[0]
    assert {name: data["plan"][name] for name in ("users", "workers", "max_requests")} == {
        "users": plan.users,
        "workers": plan.workers,
        "max_requests": plan.max_requests,
    }
    assert data["limits"] == {name: list(limits) for name, limits in (LIMITS | UWSGI_LIMITS).items()}
