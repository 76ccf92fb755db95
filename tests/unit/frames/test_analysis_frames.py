"""Many results as one set of frames, phases of a respawn, who was the limit, and recoveries around a recycle."""

import math
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from results_builder import Builder, Story, hanging, recovering, typical

from analysis.capacity import predictions
from analysis.figures import recycle_dips, recycle_waves
from analysis.frames import bottleneck, phases, timeline
from analysis.frames.cells import cells, claim, comparisons
from analysis.frames.results import load
from analysis.frames.settings import read_settings
from analysis.reports import capacity_pictures, recycle_pictures, run_pictures
from analysis.statistics import survival
from stacks.lifecycle.records import RecordError

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "runs"


def test_one_run_many_runs_and_campaigns(tmp_path):
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


def test_requests_stay_in_their_files(tmp_path):
    results = load(typical(tmp_path / "a"))
    found = results.requests("run_key, count(*) AS n", "error = '' GROUP BY ALL")
    assert len(found) == 12
    assert found["n"].sum() == results.counted["requests"].sum() - results.counted["lost"].sum()
    assert results.samples().empty


def test_hosts(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell()
    for name in ("one", "two"):
        builder.run("recovers", recovering(), host={"hostname": name, "cpu": "Xeon", "cores": 4})
    path = builder.write()
    with pytest.raises(RecordError, match=r"2 hosts \(one, Xeon, 4 cores; two, Xeon, 4 cores\)"):
        load(path)
    assert len(load(path, mixed_hosts=True).runs) == 2


def test_settings_come_from_the_effective_file(tmp_path):
    ini = tmp_path / "stack.ini"
    ini.write_text(
        "[uwsgi]\nworkers = 4\n; threads = 9\nmax-requests=10\nmax-requests = 20\nlazy-apps = true\n[x]\nlisten = 1\n"
    )
    found = read_settings(ini)
    assert (found["workers"], found["threads"], found["max_requests"]) == (4, 1, 20)
    assert (found["min_worker_lifetime_s"], found["listen_backlog"], found["lazy_apps"]) == (10, 100, True)
    assert read_settings(tmp_path / "missing")["workers"] is None


def test_latency_counts_from_the_schedule_and_a_lost_request_is_never(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell()
    story = recovering()
    for row in story.requests:
        row["scheduled_ns"] -= 10_000_000
    story.request(1.0, 1.0, "timeout")
    builder.run("recovers", story)
    run = load(builder.write()).runs.iloc[0]
    assert run["p50_ms"] == pytest.approx(11.0)
    assert run["p999_ms"] == math.inf
    assert run["late_ms"] == pytest.approx(10.0)
    assert run["offered"] == 100  # the first was due before the window


def test_phases(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell()
    builder.run("recovers", recovering(workers=2, respawns=3, took=0.5))
    episodes = load(builder.write()).episodes
    medians = {phase: survival.median_s(phases.phase_sample(episodes, phase)) for phase in ("exit", "reap", "start")}
    assert medians == {"exit": pytest.approx(0.01), "reap": pytest.approx(0.09), "start": pytest.approx(0.4)}
    assert survival.median_s(phases.ready_sample(episodes)) == pytest.approx(0.5)


def test_a_hung_worker_is_censored_in_its_phase_only(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell()
    builder.run("hung_worker", hanging(3))
    episodes = load(builder.write()).episodes
    assert all(phases.phase_sample(episodes, "reap").seen)
    start = phases.phase_sample(episodes, "start")
    assert not any(start.seen)
    assert min(start.durations_s) > 0.5
    assert phases.phase_sample(episodes, "first response").durations_s == []


def test_a_curve_is_known_to_its_last_duration():
    early = survival.Sample([1.0, 2.0], [True, True])
    cut = survival.Sample([1.0, 4.0, 5.0], [True, True, False])
    assert survival.common_horizon_s([early]) == 30.0
    assert survival.common_horizon_s([early, cut]) == 5.0


def test_cells_and_comparisons(tmp_path):
    found = cells(load(typical(tmp_path / "a")))
    assert [cell.verdict for cell in found].count("hung_worker") == 2
    [comparison] = comparisons(found)
    assert (comparison.unfixed.version, comparison.fixed.version) == ("py312-2.0.26", "py312-2.0.30.post1")
    assert comparison.difference[0] > 0.3
    assert comparison.log_rank.p < 0.05
    assert comparison.means_s[0] > comparison.means_s[1]
    assert comparison.pairs == 2
    assert comparison.throughput.ratio > 1


def test_no_hang_is_a_limit_and_never_zero(tmp_path):
    found = cells(load(typical(tmp_path / "a")))
    words = {claim(cell.hangs) for cell in found if cell.verdict == "recovers"}
    assert words == {"below 22 % at 95 % (0 of 12 respawns hung)"}


def samples(locust: float, worker: float, backlog: int) -> pd.DataFrame:
    rows = [
        {"t_ns": s * 10**9, "role": role, "pid": pid, "cpu_ticks": int(100 * cores * s), "value": 0}
        for s in (0, 1, 2)
        for role, pid, cores in (("locust", 1, locust), ("worker", 2, worker))
    ]
    return pd.DataFrame([*rows, {"t_ns": 10**9, "role": "backlog", "pid": 0, "cpu_ticks": 0, "value": backlog}])


@pytest.mark.parametrize(
    ("locust", "worker", "backlog", "answered", "missed", "limit"),
    [
        (0.95, 0.1, 5, 50, 0, "generator"),
        (0.5, 0.1, 5, 50, 3, "generator"),
        (0.6, 1.3, 5, 50, 0, "host"),
        (0.3, 0.3, 5, 50, 0, "workers"),
        (0.3, 0.3, 0, 100, 0, "none"),
    ],
)
def test_who_was_the_limit(locust, worker, backlog, answered, missed, limit):
    run = {"load_begin_ns": 0, "window_s": 2.0, "answered": answered, "offered": 100, "missed": missed, "cores": 2}
    assert bottleneck.find(run, samples(locust, worker, backlog)).limit == limit


def test_every_process_of_the_generator_has_a_core_of_its_own():
    run = {"load_begin_ns": 0, "window_s": 2.0, "answered": 50, "offered": 100, "missed": 0, "cores": 8}
    one = samples(0.6, 0.3, 5)
    other = one[one["role"] == "locust"].assign(pid=9)
    found = bottleneck.find(run, pd.concat([one, other]))
    assert (found.limit, found.generator_cores) == ("workers", pytest.approx(1.2))


def test_the_generator_is_measured_while_it_sends():
    run = {"load_begin_ns": 10**9, "window_s": 3.0, "answered": 50, "offered": 100, "missed": 0, "cores": 8}
    ticks = {0: 0, 1: 0, 2: 95, 3: 190, 4: 285, 5: 290}  # idle before and after
    locust = [{"t_ns": s * 10**9, "role": "locust", "pid": 1, "cpu_ticks": t, "value": 0} for s, t in ticks.items()]
    assert bottleneck.find(run, pd.DataFrame(locust)).limit == "generator"


def test_workers_down():
    frame = pd.DataFrame(
        {
            "generation": [0, 1, 1, 1],
            "exit_begun_ns": pd.array([None, 10, 15, 40], dtype="Int64"),
            "exited_ns": pd.array([None, 11, 16, 41], dtype="Int64"),
            "forked_ns": pd.array([1, 12, 17, None], dtype="Int64"),
            "ready_ns": pd.array([2, 20, 30, None], dtype="Int64"),
            "watched_until_ns": pd.array([99] * 4, dtype="Int64"),
        }
    )
    assert predictions.workers_down(frame, 0, 99) == 2
    assert predictions.workers_down(frame, 35, 99) == 1


def panel(rps: list[float], recycles: int = 100) -> recycle_waves.Dip:
    times = np.arange(-recycle_waves.BEFORE_S, recycle_waves.AFTER_S - 0.05, recycle_waves.STEP_S)
    return recycle_waves.Dip("a x b", times, np.array(rps), recycles, False)


def test_panels_tell_when_throughput_was_back():
    level = [100.0] * 40
    assert panel(level).back_s == 0.0
    dip = level[:10] + [0.0] * 8 + level[18:]
    assert panel(dip).back_s == pytest.approx(0.8)
    assert panel(level[:10] + [0.0] * 30).back_s is None
    assert "not back within 3 s" in recycle_dips.alt_text([panel(level[:10] + [0.0] * 30)])


def test_waves_begin_after_quiet():
    begun = pd.DataFrame({"exit_begun_ns": pd.array([10**9, 2 * 10**9, 9 * 10**9, None], dtype="Int64")})
    assert recycle_waves.wave_begins_s(begun, 0) == [1.0, 9.0]


def test_pictures_have_titles_and_words_from_the_data(tmp_path):
    results = load(typical(tmp_path / "a"))
    found = cells(results)
    pair = run_pictures.worst_and_best(found)
    shown = [
        capacity_pictures.hang_forest(found),
        capacity_pictures.versions(found),
        capacity_pictures.time_to_ready(found),
    ]
    shown.append(run_pictures.swimlanes(results, *pair))
    assert (
        shown[0].title
        == "100 % of the respawns hang in 2 of 6 cells; none hung in the other 4, so their rate is at most 24.2 %"
    )
    assert shown[1].title == "Workers hang on Python 3.12 with 2.0.26 (stack threads)"
    assert shown[2].title.startswith("Up to 100 % of the workers never become ready in 2 of 6 cells; elsewhere every")
    assert all(len(picture.alt_text) > 60 for picture in shown)
    assert shown[0].data_uri() == capacity_pictures.hang_forest(found).data_uri()


def test_pictures_without_data_are_none(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell()
    builder.run("invalid", Story())
    results = load(builder.write())
    found = cells(results)
    assert capacity_pictures.hang_forest(found) is None
    assert capacity_pictures.versions(found) is None
    assert capacity_pictures.time_to_ready(found) is None
    assert recycle_pictures.recoveries(results, found) is None
    assert run_pictures.worst_and_best(found) is None


def test_a_run_as_tables():
    results = load(GOLDEN / "hung_worker")
    run, episodes, _ = results.of(results.runs["run_key"].iloc[0])
    table = timeline.episodes_table(run, episodes)
    assert table["outcome"].tolist()[-2:] == ["hung_at_fork"] * 2
    merged = timeline.merged(results, run["run_key"])
    assert merged["t_s"].is_monotonic_increasing
    assert merged["answered"].sum() == run["requests"] - run["lost"]
    assert timeline.limit(results, run["run_key"]).loc["limit", "value"] == "workers"
