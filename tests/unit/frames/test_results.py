"""Loading many runs and campaigns as one set of frames."""

import shutil
from pathlib import Path

import pytest
from results_builder import Builder, recovering, typical

from analysis.frames.results import load
from stacks.lifecycle.records import RecordError

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "runs"


def test_runs_and_campaigns_are_loaded_once_each(tmp_path):
    typical(tmp_path / "results" / "a")
    typical(tmp_path / "results" / "b")
    (tmp_path / "results" / "latest").symlink_to("b")
    shutil.copytree(GOLDEN / "recovers", tmp_path / "results" / "lone")
    results = load(tmp_path / "results", mixed_hosts=True)
    assert len(results.campaigns) == 3
    assert len(results.runs) == 25
    assert results.runs["run_key"].is_unique
    assert set(results.runs["campaign"]) >= {"a", "b"}
    assert len(load(tmp_path / "results" / "a", tmp_path / "results" / "a").runs) == 12
    assert len(load(GOLDEN / "recovers").runs) == 1


def test_a_query_reads_the_requests_of_all_runs(tmp_path):
    results = load(typical(tmp_path / "a"))
    counts = results.requests("run_key, count(*) AS n", "error = '' GROUP BY ALL")
    assert len(counts) == 12
    assert counts["n"].sum() == results.counted["requests"].sum() - results.counted["lost"].sum()
    assert results.samples().empty


def test_runs_of_several_hosts_are_refused_unless_allowed(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell()
    for name in ("one", "two"):
        builder.run("recovers", recovering(), host={"hostname": name, "cpu": "Xeon", "cores": 4})
    path = builder.write()
    with pytest.raises(RecordError, match=r"2 hosts \(one, Xeon, 4 cores; two, Xeon, 4 cores\)"):
        load(path)
    assert len(load(path, mixed_hosts=True).runs) == 2
