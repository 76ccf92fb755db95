"""Loading: what the frames say of a campaign, and what becomes of damaged ones."""

import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from results_builder import BEGIN, Builder, Story, at, edit_json, hanging, recovering, typical

from analysis.frames.answers import bin_width_s
from analysis.frames.campaigns import load_campaign
from analysis.frames.latency import _quantile
from stacks.lifecycle.records import CAMPAIGN_FILE, EVENTS_FILE, REQUESTS_FILE, RUN_FILE, RecordError


@pytest.fixture
def builder(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell()
    return builder


def only_run(builder, story, verdict="recovers", **more):
    builder.run(verdict, story, **more)
    campaign = load_campaign(builder.write())
    assert campaign.left_out == []
    return campaign, campaign.runs.iloc[0]


def test_a_recovering_run(builder):
    campaign, run = only_run(builder, recovering(workers=2, respawns=3))
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
    campaign, run = only_run(builder, hanging(workers=3), "hung_worker")
    assert (run["respawns"], run["hung"], run["hung_initial"]) == (3, 3, 0)
    assert campaign.episodes.loc[campaign.episodes["is_respawn"], "respawn_s"].tolist() == [math.inf] * 3


def test_a_worker_of_the_first_generation_that_hangs_is_no_respawn(builder):
    story = Story()
    story.first(1)
    story.hang(story.first(2, ready=False), -0.8)
    _, run = only_run(builder, story, "hung_worker")
    assert (run["respawns"], run["hung"], run["hung_initial"]) == (0, 0, 1)


def test_a_crashed_worker_is_timed_from_its_end_and_a_crashed_start_never_came_back(builder):
    story = Story()
    pid = story.respawn(1, story.first(1), 0.2, took=0.4, crash=True)
    story.respawn(1, pid, 1.0, took=None)
    story.add(1.3, "exited", story.pid, signal=11)
    campaign, run = only_run(builder, story)
    respawns = campaign.episodes[campaign.episodes["generation"] > 0]
    assert respawns["outcome"].tolist() == ["ready", "crashed", "undecided"]
    assert respawns["respawn_s"].tolist()[:2] == [pytest.approx(0.39), math.inf]
    assert math.isnan(respawns["respawn_s"].tolist()[2])
    assert run["respawns"] == 1


def test_answers_count_within_the_fixed_window_by_their_end(builder):
    story = Story()
    story.first(1)
    for start, latency in ((-0.2, 0.1), (-0.2, 0.3), (0.5, 0.1), (1.9, 0.05), (1.95, 0.1)):
        story.request(start, latency)
    story.request(0.1, 1.0, "timeout")
    story.request(1.9, 5.0, "in_flight")
    _, run = only_run(builder, story)
    assert (run["requests"], run["lost"], run["answered"], run["answered_rps"]) == (7, 2, 3, 1.5)


def test_bins_hold_every_answer_of_the_load_and_the_silence(builder):
    story = Story()
    story.first(1)
    for start in (0.01, 0.02, 0.55, 2.25):
        story.request(start, 0.001)
    campaign, run = only_run(builder, story, load={"begin_ns": BEGIN, "end_ns": at(2.3), "window_s": 2.0})
    assert run["answered"] == 3
    seconds = campaign.seconds
    assert seconds["bin_s"].unique().tolist() == [0.1]
    assert seconds["t_s"].tolist() == pytest.approx([i / 10 for i in range(23)])
    busy = seconds[seconds["answered"] > 0]
    assert busy["t_s"].tolist() == pytest.approx([0.0, 0.5, 2.2])
    assert busy["answered_rps"].tolist() == pytest.approx([20.0, 10.0, 10.0])


@pytest.mark.parametrize(
    ("window_s", "width"), [(0.5, 0.1), (2, 0.1), (6, 0.1), (6.1, 0.2), (30, 0.5), (60, 1), (61, 2), (3600, 100)]
)
def test_bin_width(window_s, width):
    assert bin_width_s(window_s) == width
    assert window_s / width <= 60


def test_first_response_is_the_workers_own(builder):
    story = Story()
    old = story.first(1)
    new = story.respawn(1, old, 0.2, took=0.5)  # forked at 0.3
    story.request(0.05, 0.01, slot=1, pid=old)
    story.request(0.25, 0.60, slot=1, pid=new)  # waited in the backlog since before the fork
    story.request(0.80, 0.20, slot=1, pid=new)
    story.request(0.10, 0.10, slot=1, pid=new)  # an earlier process with the same pid
    story.request(0.40, 0.01, "timeout", slot=1, pid=new)
    story.request(0.40, 0.01, slot=2, pid=new)
    campaign, _ = only_run(builder, story)
    assert campaign.episodes["first_response_ns"].tolist() == [at(0.06), at(0.85)]


def test_a_worker_that_never_answered_has_no_first_response(builder):
    campaign, _ = only_run(builder, hanging(workers=1), "hung_worker")
    assert pd.isna(campaign.episodes["first_response_ns"].iloc[1])


def test_a_stack_that_never_got_load_has_an_empty_window(builder):
    campaign, run = only_run(builder, Story(), load={"begin_ns": None, "end_ns": None, "window_s": 2.0})
    assert (run["requests"], run["answered"], run["answered_rps"]) == (0, 0, 0.0)
    assert campaign.episodes.empty
    assert campaign.seconds.empty


@pytest.mark.parametrize("status", ["running", "failed", "interrupted"])
def test_a_run_without_an_end_is_shown_and_not_counted(builder, status):
    # A failed run may carry a verdict; no file of it is read.
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
    "senseless events": (
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
def test_a_damaged_run_is_named_and_costs_no_other(builder, name):
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


def test_a_lacking_field_is_named(builder):
    damaged = builder.run("recovers", recovering())
    path = builder.write()
    run = json.loads((damaged / RUN_FILE).read_text())
    del run["expected"]
    (damaged / RUN_FILE).write_text(json.dumps(run))
    [(_, reason)] = load_campaign(path).left_out
    assert "lacks 'expected'" in reason


def test_planned_runs_that_are_missing_are_named(builder):
    builder.run("recovers", recovering())
    builder.cells[0]["runs"].append("threads-py312-2.0.30.post1-2")
    [(run_id, reason)] = load_campaign(builder.write(status="interrupted")).left_out
    assert run_id == "threads-py312-2.0.30.post1-2"
    assert "never run (campaign interrupted)" in reason


def test_runs_that_nobody_planned_are_named(builder):
    builder.run("recovers", recovering())
    stranger = builder.run("recovers", recovering())
    builder.cells[0]["runs"].remove(stranger.name)
    [(run_id, reason)] = load_campaign(builder.write()).left_out
    assert run_id == stranger.name
    assert "not in campaign.json" in reason


@pytest.mark.parametrize(("schema", "words"), [(99, "newer"), (0, "older"), (None, "no schema number")])
def test_an_unknown_campaign_schema_is_refused(builder, schema, words):
    path = builder.write(schema=schema)
    with pytest.raises(RecordError, match=words):
        load_campaign(path)


def test_a_campaign_that_lacks_what_is_needed_is_refused(builder):
    path = builder.write()
    cells = json.loads((path / CAMPAIGN_FILE).read_text())["cells"]
    del cells[0]["pin"]
    edit_json(path / CAMPAIGN_FILE, cells=cells)
    with pytest.raises(RecordError, match="lacks 'pin'"):
        load_campaign(path)


def test_a_campaign_without_cells_is_empty(tmp_path):
    campaign = load_campaign(Builder(tmp_path / "campaign").write())
    assert campaign.runs.empty
    assert campaign.left_out == []


def test_times_keep_their_nanoseconds(builder):
    # Beyond 2**53 ns, 104 days of uptime, a float no longer holds every nanosecond.
    late_ns = 2**53 + 1
    story = Story()
    story.respawn(1, story.first(1), 0.2)
    story.events = [replace(event, t_ns=event.t_ns - BEGIN + late_ns) for event in story.events]
    campaign, _ = only_run(builder, story, load={"begin_ns": late_ns, "end_ns": late_ns, "window_s": 2.0})
    assert campaign.episodes["exit_begun_ns"].tolist() == [pd.NA, late_ns + 200_000_000]
    assert campaign.runs["load_begin_ns"].tolist() == [late_ns]


def test_a_link_to_a_campaign_is_followed(tmp_path):
    path = typical(tmp_path / "campaign")
    (tmp_path / "latest").symlink_to(path.name)
    assert load_campaign(tmp_path / "latest").path == path


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(0, 20), st.sampled_from([0.5, 0.95, 0.99, 0.999, 1.0]))
def test_quantiles_of_counted_values_are_those_of_the_rows(values, never, share):
    counted = tuple(np.unique(np.array(values, float), return_counts=True))
    rows = sorted(values) + [math.inf] * never
    expected = np.quantile(rows, share, method="inverted_cdf") if rows else math.inf
    assert _quantile(counted, share, len(rows)) == expected
