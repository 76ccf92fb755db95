"""What CI services show of a check: GitHub's summary and annotations, GitLab's code quality, and OpenMetrics."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from check_builders import HEALTHY, HUNG, findings, recycled
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from stacks.check.check_result import CheckResult
from stacks.check.ci_reports import annotation, markdown, relative, write_ci_reports
from stacks.check.config_lines import Remark, option_lines
from stacks.check.measurement import Measurement
from stacks.check.metrics_text import metrics_text
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.thresholds import judge

INI = "[uwsgi]\nmaster = true\n; enable-threads = false\nenable-threads = true\nmodule = app\nmax-requests = 500\n"


def result_of(run: Measurement, path: Path, *advice: str, **limits: float) -> CheckResult:
    outcomes = judge({name.replace("_", "-"): limit for name, limit in limits.items()}, run)
    options = findings(run, ("enable-threads", "true"))
    return CheckResult(options, NeutralConfiguration(), [recycled(run)], list(advice), path, 9.0, outcomes)


@pytest.fixture
def ini(tmp_path: Path) -> Path:
    (tmp_path / "deploy").mkdir()
    path = tmp_path / "deploy" / "uwsgi.ini"
    path.write_text(INI)
    return path


def test_the_lines_of_the_options(ini: Path, tmp_path: Path) -> None:
    assert option_lines(ini) == {"master": 2, "enable-threads": 4, "module": 5, "max-requests": 6}
    (tmp_path / "uwsgi.yaml").write_text("uwsgi:\n  module: app\n")
    assert option_lines(tmp_path / "uwsgi.yaml")["module"] == 2
    assert option_lines(tmp_path / "missing") == option_lines(None) == {}


def test_a_hang_is_an_error_at_the_line_that_is_at_fault(
    ini: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = result_of(HUNG, tmp_path, "upgrade: 100 %", "max-requests is set without max-requests-delta", max_lost=0)
    quality, summary = tmp_path / "quality.json", tmp_path / "summary.md"
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_WORKSPACE": str(tmp_path)}
    write_ci_reports(result, str(ini), quality, environment)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == (
        "::error file=deploy/uwsgi.ini,line=4::The workers do not come back (hung_worker). upgrade: 100 %25"
    )
    assert any(line.startswith("::warning file=deploy/uwsgi.ini,line=6::max-requests is set") for line in lines)
    entries = json.loads(quality.read_text())
    assert {"description", "check_name", "fingerprint", "severity", "location"} == set(entries[0])
    assert entries[0]["location"] == {"path": "deploy/uwsgi.ini", "lines": {"begin": 4}}
    assert len({entry["fingerprint"] for entry in entries}) == len(entries)
    text = summary.read_text()
    assert text.startswith("### ❌ The workers do not come back (hung_worker)")
    assert "| max-lost |" in text
    write_ci_reports(result, str(ini), None, environment)
    assert summary.read_text().count("###") == 2  # a step may write several summaries


def test_outside_of_ci_nothing_is_written(ini: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_ci_reports(result_of(HUNG, tmp_path), f"{ini}:section", None, {})
    assert capsys.readouterr() == ("", "")


def test_a_limit_that_is_exceeded_is_an_error_and_the_summary_says_so(ini: Path, tmp_path: Path) -> None:
    result = result_of(replace(HEALTHY, recycle_max_s=30.0), tmp_path, max_recycle=2.0)
    quality = tmp_path / "quality.json"
    write_ci_reports(result, str(ini), quality, {"CI_PROJECT_DIR": str(tmp_path)})
    [entry] = json.loads(quality.read_text())
    assert (entry["severity"], entry["location"]["lines"]["begin"]) == ("critical", 6)
    assert markdown(result).startswith("### ❌ The workers come back")
    assert markdown(result_of(HEALTHY, tmp_path)).startswith("### ✅ The workers come back")


def test_paths_and_texts_of_annotations_are_escaped(tmp_path: Path) -> None:
    assert annotation(Remark("x", "a\nb", 1, True), "a,b:c") == "::error file=a%2Cb%3Ac,line=1::a%0Ab"
    assert relative(Path("/else/where.ini"), {"GITHUB_WORKSPACE": str(tmp_path)}) == "/else/where.ini"
    assert relative(None, {}) == "uwsgi.ini"


def test_metrics_are_openmetrics_and_leave_out_what_was_not_measured(tmp_path: Path) -> None:
    text = metrics_text(result_of(replace(HUNG, stop_s=3.5), tmp_path, max_lost=0))
    families = {family.name: family for family in text_string_to_metric_families(text)}  # the parser of the standard
    assert [sample.value for sample in families["uwsgi_respawn_check_recovers"].samples] == [0]
    [limit] = families["uwsgi_respawn_check_limit_passes"].samples
    assert (limit.labels, limit.value) == ({"limit": "max-lost"}, 1)
    [way] = families["uwsgi_respawn_check_way_recovers"].samples
    assert (way.labels, way.value) == ({"way": "max-requests"}, 0)
    stop = families["uwsgi_respawn_check_stop_seconds"]
    assert (stop.unit, stop.samples[0].value) == ("seconds", 3.5)
    assert not any("recycle_median" in name for name in families)
    assert text.endswith("# EOF\n")
