"""The limits of a check: how they are parsed, judged, and shown in text, JSON and JUnit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from check_builders import HEALTHY, HUNG, findings, recycled
from contract import problems
from pages import blocks

from stacks.check.check_result import CheckResult
from stacks.check.measurement import Measurement
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.thresholds import KINDS, judge, parse_part, read_limits

NONE = {kind.option: None for kind in KINDS}
MEASURED = replace(HEALTHY, latency_p99_s=0.15, stop_signal="INT", stop_s=1.0, recycle_max_s=1.0)


def test_a_limit_of_a_share_is_at_most_the_whole() -> None:
    assert parse_part("5%") == parse_part("0.05") == 0.05
    for text in ("five", "120%", "-1"):
        with pytest.raises(ValueError, match=text):
            parse_part(text)


def test_the_table_of_the_manual_is_read_as_it_stands_there(tmp_path: Path) -> None:
    file = tmp_path / "limits.toml"
    [block] = blocks("toml")
    file.write_text(block)
    assert read_limits(NONE, file) == {"max-lost": 0.0, "max-recycle": 2.0}


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    file = tmp_path / "limits.toml"
    file.write_text("[check]\nmax-lots = 0\n")
    with pytest.raises(ValueError, match=r"no limit max-lots.*\n--max-recycle.*\n--p99") as caught:
        read_limits(NONE | {"max-recycle": "soon", "p99": "fast"}, file)
    assert str(caught.value).count("\n") == 2


def test_the_command_line_counts_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "limits.toml"
    file.write_text('[check]\nmax-lost = 0\nmax-recycle = "2s"\n')
    assert read_limits(NONE | {"max-recycle": "3s"}, file) == {"max-lost": 0.0, "max-recycle": 3.0}
    assert read_limits(NONE, None) == {}
    file.write_text("[other]\n")
    with pytest.raises(ValueError, match="no table"):
        read_limits(NONE, file)


@pytest.mark.parametrize(
    ("option", "limit", "run", "passes"),
    [
        ("max-lost", 0, MEASURED, True),
        ("max-lost", 0, replace(MEASURED, lost={"reset": 1}), False),
        ("max-lost", 0, replace(HUNG, unanswered=8), False),
        ("max-recycle", 2, MEASURED, True),
        ("max-recycle", 2, replace(MEASURED, recycle_max_s=30.0), False),
        ("max-recycle", 2, replace(MEASURED, recycle_max_s=None), False),
        ("max-hang-rate", 0.05, MEASURED, True),
        ("max-hang-rate", 0.05, replace(MEASURED, hung=1), False),
        ("p99", 0.2, MEASURED, True),
        ("p99", 0.1, MEASURED, False),
        ("p99", 0.2, replace(MEASURED, lost={"timeout": 5}), False),
        ("max-stop", 10, MEASURED, True),
        ("max-stop", 10, replace(MEASURED, stop_signal="KILL", stop_s=3.0), False),
    ],
)
def test_a_run_keeps_a_limit_or_exceeds_it(option: str, limit: float, run: Measurement, passes: bool) -> None:
    [outcome] = judge({option: limit}, run)
    assert outcome.passes is passes
    assert outcome.describe().startswith("pass: " if passes else "FAIL: ")


def test_a_limit_that_is_exceeded_fails_the_check_although_the_workers_come_back(tmp_path: Path) -> None:
    outcomes = judge({"max-lost": 0, "max-recycle": 2}, replace(MEASURED, recycle_max_s=30.0))
    result = CheckResult(findings(), NeutralConfiguration(), [recycled(HEALTHY)], [], tmp_path, 9.0, outcomes)
    assert (result.is_hang, result.fails) == (False, True)
    assert "Limit pass: lost requests: 0, at most 0" in result.text()
    assert "Limit FAIL: longest recycle: 30.00 s, at most 2.00 s" in result.text()
    result.write(tmp_path / "out.json", tmp_path / "out.xml")
    value = json.loads((tmp_path / "out.json").read_text())
    assert problems("check", value) == []
    assert [(row["name"], row["passes"]) for row in value["thresholds"]] == [("max-lost", True), ("max-recycle", False)]
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()  # noqa: S314 - our own file
    cases = {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}
    assert (cases["limit: max-lost"], cases["limit: max-recycle"]) == ([], ["failure"])


def test_a_dash_is_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CheckResult(findings(), NeutralConfiguration(), [recycled(HEALTHY)], [], tmp_path, 9.0)
    result.write(Path("-"), None)
    assert json.loads(capsys.readouterr().out)["verdict"] == "recovers"
    result.write(None, Path("-"))
    assert capsys.readouterr().out.startswith("<?xml")
    assert not (tmp_path / "-").exists()
