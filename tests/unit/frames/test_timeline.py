"""One run as tables."""

from pathlib import Path

from results_builder import Story, load_only_run

from analysis.frames import timeline
from analysis.frames.results import load

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "runs"


def test_a_run_as_tables():
    results = load(GOLDEN / "hung_worker")
    run, episodes, _ = results.one_run(results.runs["run_key"].iloc[0])
    table = timeline.episodes_table(run, episodes)
    assert table["outcome"].tolist()[-2:] == ["hung_at_fork"] * 2
    rows = timeline.events_and_requests(results, run["run_key"])
    assert rows["t_s"].is_monotonic_increasing
    assert rows["answered"].sum() == run["requests"] - run["lost"]
    assert timeline.bottleneck_table(results, run["run_key"]).loc["limit", "value"] == "workers"


def test_a_run_without_a_request_has_its_events(builder):
    story = Story()
    story.first(1)
    _, run = load_only_run(builder, story)
    rows = timeline.events_and_requests(load(builder.path), run["run_key"])
    assert len(rows)
    assert rows["lost"].isna().all()
