"""`python -m analysis report`: its files, its exit codes, and one clear line for results that it cannot use."""

import json
import shutil
from pathlib import Path

import pytest
from capacity_sweep import HOST, busy, write_ini
from results_builder import Builder, edit_json, recovering

from analysis.__main__ import main
from analysis.capacity.demand import DemandError, parse_headroom, parse_rps, parse_seconds
from stacks.lifecycle import records
from stacks.lifecycle.verdict import VERDICTS

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "runs"


def golden(tmp_path: Path, *names: str) -> Path:
    """A directory with copies of these golden runs."""
    for name in names:
        shutil.copytree(GOLDEN / name, tmp_path / "runs" / name)
    return tmp_path / "runs"


def complaint(capsys, *arguments: str) -> str:
    """The only line on stderr of a report that fails with exit code 1."""
    assert main(["report", *arguments]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_it_writes_the_page_and_the_numbers(campaign, tmp_path, capsys):
    assert main(["report", "--demand", "200", "--slo-p99", "200ms", "--headroom", "25%", str(campaign)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("Run 8 workers, 1 of them spare, with pyuwsgi 2.0.30.post1 on Python 3.12")
    numbers = json.loads((campaign / "capacity.json").read_text())
    assert numbers["recommendation"]["workers"] == 8
    assert numbers["schema"] == records.SCHEMA
    assert {"demand", "cells", "measured", "measured_against_predicted", "spares", "unfixed"} <= set(numbers)
    assert (campaign / "capacity.html").stat().st_size > 50_000
    assert main(["report", "--output", str(tmp_path), str(campaign)]) == 0
    assert (tmp_path / "capacity.json").exists()


@pytest.mark.parametrize("option", ["--demand=0", "--slo-p99=fast", "--headroom=-1%", "--demand=nan"])
def test_a_demand_that_makes_no_sense(option, campaign, capsys):
    assert main(["report", option, str(campaign)]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "such as" in line


def test_units():
    parsed = (parse_rps("400/s"), parse_seconds("200ms"), parse_seconds("0.5"), parse_headroom("25%"))
    assert parsed == (400, 0.2, 0.5, 0.25)
    with pytest.raises(DemandError):
        parse_seconds("0")


def test_no_directory_and_no_runs(tmp_path, capsys):
    assert "no such results directory" in complaint(capsys, str(tmp_path / "nowhere"))
    assert "holds no run and no campaign" in complaint(capsys, str(tmp_path))


def test_one_run(tmp_path, capsys):
    path = golden(tmp_path, "recovers")
    assert main(["report", str(path)]) == 0
    assert "No capacity curve" in capsys.readouterr().out
    assert main(["report", str(path / "recovers"), "--output", str(tmp_path)]) == 0


@pytest.mark.parametrize("name", [verdict for verdict in VERDICTS if verdict != "recovers"])
def test_only_runs_of_one_bad_verdict(name, tmp_path, capsys):
    path = golden(tmp_path, name)
    assert main(["report", str(path)]) == 0
    out, err = capsys.readouterr()
    assert ("No run saw enough respawns" if name == "invalid" else "No version recovers") in out
    assert err == ""
    json.loads((path / "capacity.json").read_text(), parse_constant=pytest.fail)


def test_no_respawn_at_all(tmp_path, capsys):
    builder = Builder(tmp_path / "campaign")
    builder.cell("work")
    write_ini(builder.run("invalid", busy(2, 80), host=HOST), 2, 1_000_000)
    path = builder.write()
    assert main(["report", str(path)]) == 0
    assert capsys.readouterr().out.startswith("No run saw enough respawns to say that workers come back")
    assert "below" not in (path / "capacity.json").read_text()


def test_runs_that_did_not_end(tmp_path, capsys):
    path = golden(tmp_path, "recovers")
    edit_json(path / "recovers" / "run.json", status="interrupted")
    assert "no run came to its end (1 interrupted)" in complaint(capsys, str(path))


def test_a_newer_schema_is_named_and_left_out(tmp_path, capsys):
    path = golden(tmp_path, "recovers", "hung_worker")
    edit_json(path / "hung_worker" / "run.json", schema=99)
    assert main(["report", str(path)]) == 0
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("analysis: left out runs/hung_worker:")
    assert "newer" in line


def test_a_number_that_is_not_finite(tmp_path, capsys):
    path = golden(tmp_path, "recovers", "hung_worker")
    run = json.loads((path / "hung_worker" / "run.json").read_text())
    edit_json(path / "hung_worker" / "run.json", load=run["load"] | {"window_s": float("nan")})
    assert main(["report", str(path)]) == 0
    [line] = capsys.readouterr().err.splitlines()
    assert "run.json: cannot be read (NaN is no number)" in line


def test_mixed_hosts_are_refused_unless_allowed(tmp_path, capsys):
    path = golden(tmp_path, "recovers", "hung_worker")
    host = json.loads((path / "recovers" / "run.json").read_text())["host"]
    edit_json(path / "recovers" / "run.json", host=host | {"hostname": "other"})
    assert "--mixed-hosts" in complaint(capsys, str(path))
    assert main(["report", str(path), "--mixed-hosts"]) == 0
    assert "several hosts, as --mixed-hosts allows" in (path / "capacity.html").read_text()


def test_a_verdict_that_a_later_version_adds_breaks_nothing(tmp_path, monkeypatch, capsys):
    verdicts = ("hung_request", *VERDICTS)
    for module in (
        "frames.runs",
        "frames.cells",
        "summary.verdict_words",
        "summary.cell_entry",
        "reports.unusable_results",
    ):
        monkeypatch.setattr(f"analysis.{module}.VERDICTS", verdicts)
    for module in ("summary.verdict_words", "reports.cell_pairs"):
        monkeypatch.setattr(f"analysis.{module}.HANGS", ("hung_request",))
    builder = Builder(tmp_path / "campaign")
    builder.cell("lock", "py312-2.0.30.post1", "hung_request")
    write_ini(builder.run("hung_request", recovering(), host=HOST), 2, 10)
    builder.cell("threads", "py312-2.0.30.post1")
    write_ini(builder.run("recovers", recovering(), host=HOST), 2, 10)
    path = builder.write(host=HOST)
    assert main(["summary", str(path)]) == 0
    assert "hung_request" in capsys.readouterr().out
    assert main(["report", str(path)]) == 0
    assert "hung_request" in (path / "capacity.html").read_text()


@pytest.mark.parametrize(
    ("option", "name"), [("--demand=abc", "DEMAND"), ("--slo-p99=fast", "SLO_P99"), ("--headroom=x", "HEADROOM")]
)
def test_a_demand_is_understood_or_refused_before_anything_is_measured(
    option: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demand", "--demand=400/s", "--slo-p99=0.2", "--headroom=10%"]) == 0
    assert capsys.readouterr().out == (
        "400 requests/s at the peak, 99 % of them answered within 200 ms, 10 % headroom\n"
    )
    assert main(["demand", option]) == 2
    assert f"{name}: " in capsys.readouterr().err
