"""Loading a campaign: what the frames say of its runs, and how damaged or missing runs are reported."""

import json
import math
from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from damage import make_campaign
from results_builder import BEGIN, Builder, Story, edit_json, hanging, load_only_run, recovering, typical

from analysis.frames.campaigns import load_campaign
from stacks.lifecycle.records import CAMPAIGN_FILE, EVENTS_FILE, REQUESTS_FILE, RUN_FILE, RecordError


def test_every_run_that_the_builder_writes_is_loaded(tmp_path):
    campaign = load_campaign(typical(tmp_path / "campaign"))
    assert campaign.left_out == []
    assert campaign.runs["verdict"].value_counts().to_dict() == {"recovers": 8, "hung_worker": 4}


def test_a_recovering_run(builder):
    campaign, run = load_only_run(builder, recovering(workers=2, respawns=3))
    assert (run["respawns"], run["hung"], run["hung_initial"]) == (6, 0, 0)
    assert (run["stack_id"], run["version"], run["package_version"]) == (
        "threads",
        "py312-2.0.30.post1",
        "2.0.30.post1",
    )
    assert campaign.episodes.groupby("outcome").size().to_dict() == {"ready": 8}
    assert campaign.episodes.loc[campaign.episodes["is_respawn"], "respawn_s"].tolist() == pytest.approx([0.5] * 6)
    assert campaign.episodes.loc[~campaign.episodes["is_respawn"], "respawn_s"].isna().all()


def test_a_hung_run(builder):
    campaign, run = load_only_run(builder, hanging(workers=3), "hung_worker")
    assert (run["respawns"], run["hung"], run["hung_initial"]) == (3, 3, 0)
    assert campaign.episodes.loc[campaign.episodes["is_respawn"], "respawn_s"].tolist() == [math.inf] * 3


def test_a_hung_worker_of_the_first_generation_is_no_respawn(builder):
    story = Story()
    story.first(1)
    story.hang(story.first(2, ready=False), -0.8)
    _, run = load_only_run(builder, story, "hung_worker")
    assert (run["respawns"], run["hung"], run["hung_initial"]) == (0, 0, 1)


def test_a_crashed_worker_is_timed_from_its_end_and_a_crashed_start_is_infinite(builder):
    story = Story()
    pid = story.respawn(1, story.first(1), 0.2, took=0.4, crash=True)
    story.respawn(1, pid, 1.0, took=None)
    story.add(1.3, "exited", story.pid, signal=11)
    campaign, run = load_only_run(builder, story)
    respawns = campaign.episodes[campaign.episodes["generation"] > 0]
    assert respawns["outcome"].tolist() == ["ready", "crashed", "undecided"]
    assert respawns["respawn_s"].tolist()[:2] == [pytest.approx(0.39), math.inf]
    assert math.isnan(respawns["respawn_s"].tolist()[2])
    assert run["respawns"] == 1


@pytest.mark.parametrize("status", ["running", "failed", "interrupted"])
def test_a_run_that_is_not_done_is_loaded_but_not_counted(builder, status):
    # A failed run may have a verdict in run.json. Its other files are not read.
    builder.run("invalid", None, status=status, error="no worker was ready", load={}, stop=None)
    builder.run("recovers", recovering())
    campaign = load_campaign(builder.write())
    assert campaign.left_out == []
    assert campaign.runs["status"].tolist() == [status, "done"]
    assert campaign.runs["error"].tolist() == ["no worker was ready", None]
    assert campaign.counted["run_id"].tolist() == ["threads-py312-2.0.30.post1-2"]


def cut(path, keep=0.6):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])


DAMAGES = {
    "truncated events": (lambda run: cut(run / EVENTS_FILE), EVENTS_FILE, "truncated"),
    "missing events": (lambda run: (run / EVENTS_FILE).unlink(), EVENTS_FILE, "missing"),
    "binary events": (lambda run: (run / EVENTS_FILE).write_bytes(b"\xff\xfe\n"), EVENTS_FILE, "damaged"),
    "event without its fields": (
        lambda run: (run / EVENTS_FILE).write_text('{"t_ns":1,"source":"x","kind":"state","pid":3}\n'),
        EVENTS_FILE,
        "damaged",
    ),
    "truncated requests": (lambda run: cut(run / REQUESTS_FILE), REQUESTS_FILE, "truncated"),
    "empty requests": (lambda run: (run / REQUESTS_FILE).write_bytes(b""), REQUESTS_FILE, "truncated"),
    "missing requests": (lambda run: (run / REQUESTS_FILE).unlink(), REQUESTS_FILE, "missing"),
    "truncated run": (lambda run: cut(run / RUN_FILE), RUN_FILE, "cannot be read"),
    "missing run": (lambda run: (run / RUN_FILE).unlink(), RUN_FILE, "missing"),
    "newer run": (lambda run: edit_json(run / RUN_FILE, schema=99), RUN_FILE, "newer"),
    "older run": (lambda run: edit_json(run / RUN_FILE, schema=0), RUN_FILE, "older"),
    "no verdict": (lambda run: edit_json(run / RUN_FILE, verdict=None), RUN_FILE, "verdict"),
    "unknown verdict": (lambda run: edit_json(run / RUN_FILE, verdict="fine"), RUN_FILE, "verdict"),
    "no window": (lambda run: edit_json(run / RUN_FILE, load={"window_s": None}), RUN_FILE, "window_s"),
    "empty window": (lambda run: edit_json(run / RUN_FILE, load={"window_s": 0}), RUN_FILE, "window_s"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_run_is_left_out_with_its_reason_and_the_others_are_loaded(builder, name):
    damage, file, words = DAMAGES[name]
    damaged = builder.run("recovers", recovering())
    builder.run("recovers", recovering())
    path = builder.write()
    damage(damaged)
    campaign = load_campaign(path)
    assert campaign.runs["run_id"].tolist() == ["threads-py312-2.0.30.post1-2"]
    assert set(campaign.episodes["run_id"]) == {"threads-py312-2.0.30.post1-2"}
    [(run_id, reason)] = campaign.left_out
    assert run_id == damaged.name
    assert f"{damaged.name}/{file}" in reason
    assert words in reason


def test_the_reason_names_a_missing_field(builder):
    damaged = builder.run("recovers", recovering())
    path = builder.write()
    run = json.loads((damaged / RUN_FILE).read_text())
    del run["expected"]
    (damaged / RUN_FILE).write_text(json.dumps(run))
    [(_, reason)] = load_campaign(path).left_out
    assert "lacks 'expected'" in reason


def test_a_planned_run_without_a_directory_is_left_out_with_its_reason(builder):
    builder.run("recovers", recovering())
    builder.cells[0]["runs"].append("threads-py312-2.0.30.post1-2")
    [(run_id, reason)] = load_campaign(builder.write(status="interrupted")).left_out
    assert run_id == "threads-py312-2.0.30.post1-2"
    assert "never run (campaign interrupted)" in reason


def test_a_run_that_is_not_planned_is_left_out_with_its_reason(builder):
    builder.run("recovers", recovering())
    unplanned = builder.run("recovers", recovering())
    builder.cells[0]["runs"].remove(unplanned.name)
    [(run_id, reason)] = load_campaign(builder.write()).left_out
    assert run_id == unplanned.name
    assert "not in campaign.json" in reason


@pytest.mark.parametrize(("schema", "words"), [(99, "newer"), (0, "older"), (None, "no schema number")])
def test_an_unknown_campaign_schema_is_refused(builder, schema, words):
    path = builder.write(schema=schema)
    with pytest.raises(RecordError, match=words):
        load_campaign(path)


def test_a_cell_that_lacks_a_required_field_is_left_out(builder):
    path = builder.write()
    cells = json.loads((path / CAMPAIGN_FILE).read_text())["cells"]
    del cells[0]["pin"]
    edit_json(path / CAMPAIGN_FILE, cells=cells)
    campaign = load_campaign(path)
    assert campaign.campaign["cells"] == []
    [(file, why)] = campaign.damaged
    assert file == CAMPAIGN_FILE
    assert "cells[0].pin is missing; the entry is left out" in why


def test_a_row_that_changes_nothing_is_left_out_and_the_run_counts(tmp_path):
    path = make_campaign(tmp_path / "campaign", ("recovers",))
    [events] = path.rglob(EVENTS_FILE)
    before = load_campaign(path)
    lines = events.read_text().splitlines()
    number = next(n for n, line in enumerate(lines) if '"heartbeat"' in line)
    lines[number] = lines[number].replace('"t_ns"', '"t_nz"')
    events.write_text("\n".join(lines) + "\n")
    campaign = load_campaign(path)
    assert campaign.left_out == []
    assert campaign.episodes.equals(before.episodes)
    [(_, why)] = campaign.damaged
    assert f"events.jsonl:{number + 1}: not a row (t_ns is missing)" in why
    assert "The row is left out; the others give the same verdict and counts." in why


def test_a_run_is_left_out_if_a_row_is_missing_that_counts(tmp_path):
    path = make_campaign(tmp_path / "campaign", ("hung_worker",))
    [events] = path.rglob(EVENTS_FILE)
    lines = events.read_text().splitlines()
    number = max(n for n, line in enumerate(lines) if '"respawned"' in line)
    lines[number] = "\0" * 20
    events.write_text("\n".join(lines) + "\n")
    [(_, why)] = load_campaign(path).left_out
    assert f"events.jsonl:{number + 1}: not a row" in why


def test_damaged_samples_are_left_out_and_the_run_counts(tmp_path):
    path = make_campaign(tmp_path / "campaign", ("recovers",))
    cut(next(path.rglob("samples.parquet")))
    campaign = load_campaign(path)
    assert len(campaign.counted) == 1
    assert "The samples are left out; the run counts." in campaign.damaged[0][1]


def test_a_request_that_cannot_be_is_left_out_and_the_others_count(tmp_path):
    path = make_campaign(tmp_path / "campaign", ("recovers",))
    [file] = path.rglob(REQUESTS_FILE)
    table = pq.read_table(file)
    latencies = table["latency_us"].to_pylist()
    latencies[3] = -(2**63)
    index = table.column_names.index("latency_us")
    pq.write_table(table.set_column(index, "latency_us", pa.array(latencies, pa.int64())), file)
    campaign = load_campaign(path)
    assert campaign.counted["requests"].tolist() == [table.num_rows - 1]
    assert f"1 of {table.num_rows} rows have values that cannot be" in campaign.damaged[0][1]


def test_a_campaign_without_cells_has_empty_frames(tmp_path):
    campaign = load_campaign(Builder(tmp_path / "campaign").write())
    assert campaign.runs.empty
    assert campaign.left_out == []


def test_times_keep_their_nanoseconds(builder):
    # Above 2**53 ns (104 days of uptime) a float cannot hold every nanosecond.
    late_ns = 2**53 + 1
    story = Story()
    story.respawn(1, story.first(1), 0.2)
    story.events = [replace(event, t_ns=event.t_ns - BEGIN + late_ns) for event in story.events]
    campaign, _ = load_only_run(builder, story, load={"begin_ns": late_ns, "end_ns": late_ns, "window_s": 2.0})
    assert campaign.episodes["exit_begun_ns"].tolist() == [pd.NA, late_ns + 200_000_000]
    assert campaign.runs["load_begin_ns"].tolist() == [late_ns]


def test_a_link_to_a_campaign_is_followed(tmp_path):
    path = typical(tmp_path / "campaign")
    (tmp_path / "latest").symlink_to(path.name)
    assert load_campaign(tmp_path / "latest").path == path
