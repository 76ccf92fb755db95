"""The capacity report: what it recommends, when it refuses, and what its page and its JSON hold."""

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from results_builder import BEGIN, TYPES, Builder, Story, at, edit_json, hanging, recovering

from analysis.__main__ import main
from analysis.capacity import formula_check
from analysis.capacity.demand import Demand, DemandError, parse_rps, parse_seconds, parse_share
from analysis.capacity.worker_settings import round_up
from analysis.frames.results import load
from analysis.reports import capacity_page, verification
from analysis.reports import capacity_report as reports
from stacks.commands.command_line import parser as command_parser
from stacks.lifecycle import records
from stacks.lifecycle.records import RecordError
from stacks.lifecycle.verdict import VERDICTS

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "runs"
WINDOW_S = 2.0
SERVICE_S = 0.025
LIMIT = 12  # requests: 0.3 s of work, so three workers of a slot leave within the window
HOST = {"hostname": "box", "kernel": "6.1", "cpu": "Xeon", "cores": 8, "memory_kib": 8 << 20, "machine": "x86_64"}
SECTIONS = [
    "How sure this is, and what would change it",
    "Demand and service level",
    "Evidence",
    "Capacity curve",
    "What recycling costs",
    "The herd, and the delta that removes it",
    "lazy-apps against preforking",
    "If the unfixed version ships",
    "Spare workers",
    "Measured against predicted",
    "Who was the limit",
    "Limits and assumptions",
    "Do it again",
]


@pytest.fixture(autouse=True)
def no_pdf(monkeypatch):
    monkeypatch.setenv("PACK_NO_PDF", "1")


def write_ini(directory: Path, workers: int, max_requests: int, **more) -> None:
    lines = [f"processes = {workers}", f"max-requests = {max_requests}", "min-worker-lifetime = 0"]
    lines += [f"{key.replace('_', '-')} = {value}" for key, value in more.items()]
    (directory / records.INI_FILE).write_text("[uwsgi]\n" + "\n".join(lines) + "\n\n[pack]\nprocesses = 99\n")


def write_samples(directory: Path, workers: int, backlog: int) -> None:
    rows = []
    for second in (0.0, 1.0, 1.9):
        base = {"t_ns": at(second), "rss_kib": 9000, "threads": 1, "wchan": "", "value": 0, "slot": 0}
        rows.append(base | {"role": "locust", "pid": 50, "cpu_ticks": int(30 * second), "pss_kib": 40_000})
        rows += [
            base | {"role": "worker", "slot": w, "pid": 1000 + w, "cpu_ticks": int(second), "pss_kib": 2048}
            for w in range(1, workers + 1)
        ]
        rows.append(base | {"role": "backlog", "pid": 0, "cpu_ticks": 0, "pss_kib": -1, "value": backlog})
    schema = pa.schema([(name, TYPES[kind]) for name, kind in records.SAMPLE_COLUMNS.items()])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), directory / records.SAMPLES_FILE)


def busy(workers: int, rps: float) -> Story:
    """Workers that answer `rps` in all, in a closed loop that never leaves them idle."""
    story = Story()
    pids = {slot: story.first(slot) for slot in range(1, workers + 1)}
    for t in np.arange(0, WINDOW_S, 1 / rps):
        story.request(float(t), SERVICE_S, slot=1, pid=pids[1])
    for _ in range(2 * workers):  # what waits when the window ends
        story.request(WINDOW_S - 0.01, 0.1, slot=1, pid=pids[1])
    return story


def cycling(workers: int, limit: int, away_s: float) -> Story:
    """Workers that never rest, and leave after every `limit` requests."""
    story = Story()
    for slot in range(1, workers + 1):
        pid, t = story.first(slot), 0.0
        while t < WINDOW_S:
            for number in range(limit):
                story.request(t + number * SERVICE_S, SERVICE_S, slot=slot, pid=pid)
            t += limit * SERVICE_S
            pid = story.respawn(slot, pid, t, took=away_s)
            t += away_s
    for _ in range(2 * workers):
        story.request(WINDOW_S - 0.01, 0.1, slot=1, pid=1)
    return story


def sweep(path: Path, sizes=(1, 2, 4, 8), contention: float = 0.01, away_s: float = 0.5) -> Path:
    """A campaign as `make capacity` leaves it: saturated sizes, a run that recycles, and an unfixed version."""
    builder = Builder(path)
    builder.cell("work", "py312-2.0.30.post1")
    plans = [(w, None) for w in sizes for _ in range(2)] + [(4, away_s), (4, away_s)]
    for number, (workers, away) in enumerate(plans):
        rps = workers / SERVICE_S / (1 + contention * (workers - 1)) * (1 + 0.002 * (-1) ** number)
        verdict = "invalid" if away is None else "recovers"
        story = busy(workers, rps) if away is None else cycling(workers, LIMIT, away)
        directory = builder.run(verdict, story, host=HOST)
        write_ini(directory, workers, 1_000_000 if away is None else LIMIT)
        write_samples(directory, workers, 4 * workers)
    builder.cell("work", "py312-2.0.26", "hung_worker")
    for _ in range(2):
        directory = builder.run("hung_worker", hanging(4), host=HOST)
        write_ini(directory, 4, 10)
        write_samples(directory, 4, 4)
    return builder.write(host=HOST)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory) -> Path:
    return sweep(tmp_path_factory.mktemp("capacity") / "campaign")


@pytest.fixture(scope="module")
def plan(campaign):
    return reports.build(load(campaign), Demand(200, 0.2, 0.25, 1))


def test_recommendation(plan):
    advice = plan.advice
    assert advice.feasible, advice.why_not
    assert (advice.stack, advice.package_version) == ("work", "2.0.30.post1")
    # 250/s at 40/s a worker less contention and recycling: 7, and a spare.
    assert (advice.workers, advice.threads, advice.spares) == (8, 1, 1)
    assert advice.lower_rps >= 250
    assert advice.needs["throughput"] == 7
    # R / s x 99, rounded up to two digits; the delta is lambda R / W.
    assert advice.max_requests == round_up(plan.measured.away_s / plan.measured.service_s * 99)
    assert advice.max_requests_delta == round_up(250 * plan.measured.away_s / 8)
    assert advice.listen_backlog == 128
    assert advice.min_worker_lifetime_s == 10
    assert advice.simulated_p99_s < 0.2


def test_measured(plan):
    assert sorted({point.size for point in plan.measured.points}) == [1, 2, 4, 8]
    assert plan.measured.service_s == pytest.approx(SERVICE_S, rel=0.05)
    assert plan.measured.away_s == pytest.approx(0.5, abs=0.01)
    [kind] = plan.measured.kinds
    assert (kind.lazy, kind.mb, kind.recycles, kind.away_s) == (
        False,
        pytest.approx(2.0),
        24,
        pytest.approx(0.5, abs=0.01),
    )
    assert {limit.limit for limit in plan.measured.limits.values()} == {"workers"}


def test_too_much_is_not_feasible(campaign):
    plan = reports.build(load(campaign), Demand(2000, 0.2))
    assert not plan.advice.feasible
    assert plan.advice.workers is None
    assert "not feasible on this host" in plan.advice.why_not
    assert re.search(r"\d+ such hosts would", plan.advice.why_not)
    assert "Not feasible on this host" in capacity_page.decision(plan)


def test_a_service_level_below_the_service_time_is_not_feasible(campaign):
    plan = reports.build(load(campaign), Demand(100, 0.01))
    assert "no number of workers helps" in plan.advice.why_not


def test_memory_can_be_the_limit(tmp_path):
    path = sweep(tmp_path / "campaign")
    for run in path.glob("*/run.json"):
        edit_json(run, host=HOST | {"memory_kib": 4096})
    assert "exceed its 4 MB" in reports.build(load(path), Demand(200, 0.2)).advice.why_not


def test_outage_of_the_unfixed(plan):
    [outage] = plan.outages
    assert outage.outage_s == pytest.approx(8 * plan.advice.max_requests / 200)
    assert 0 < outage.breach_s <= outage.outage_s


def test_loss_is_held_against_its_formula(plan):
    losses = [check for check in plan.checks if check.what.startswith("throughput lost")]
    assert len(losses) == 2
    for check in losses:
        assert check.predicted == pytest.approx(100 * 0.5 / (0.5 + LIMIT * SERVICE_S), abs=1)
        assert check.measured == pytest.approx(check.predicted, abs=1)
        assert check.holds
    [line] = formula_check.summarise(losses)
    assert line.startswith("throughput lost, max-requests 12: 2 of 2 runs hold; measured less predicted is ")


class Page(HTMLParser):
    """What must not be in a page, and what must."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.images, self.outside, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append(tag)
        if tag == "img":
            self.images.append(given)
        self.outside += [v for k, v in given.items() if k in ("src", "href") and not v.startswith("data:")]


def test_page(plan):
    text = capacity_page.render(plan)
    page = Page(text)
    assert "script" not in page.tags
    assert page.outside == []
    assert "http" not in re.sub(r"data:[^\"]*", "", text)
    assert len(page.images) >= 5
    assert all(len(image["alt"]) > 30 for image in page.images)
    assert re.findall(r"<h2>(.*?)</h2>", text) == SECTIONS
    assert "processes = 8" in text
    assert "@page { size: A4" in text


def test_files_and_command(campaign, tmp_path, capsys):
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
    assert (parse_rps("400/s"), parse_seconds("200ms"), parse_seconds("0.5")) == (400, 0.2, 0.5)
    assert (parse_share("25%"), parse_share("0.1")) == (0.25, 0.1)
    with pytest.raises(DemandError):
        parse_seconds("0")


# -- what cannot be reported on ------------------------------------------------------------------


def golden(tmp_path: Path, *names: str) -> Path:
    for name in names:
        shutil.copytree(GOLDEN / name, tmp_path / "runs" / name)
    return tmp_path / "runs"


def complaint(capsys, *arguments: str) -> str:
    assert main(["report", *arguments]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


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


def test_a_number_that_is_none(tmp_path, capsys):
    path = golden(tmp_path, "recovers", "hung_worker")
    run = json.loads((path / "hung_worker" / "run.json").read_text())
    edit_json(path / "hung_worker" / "run.json", load=run["load"] | {"window_s": float("nan")})
    assert main(["report", str(path)]) == 0
    [line] = capsys.readouterr().err.splitlines()
    assert "no time; the file is damaged" in line


def test_mixed_hosts_are_refused_unless_asked(tmp_path, capsys):
    path = golden(tmp_path, "recovers", "hung_worker")
    host = json.loads((path / "recovers" / "run.json").read_text())["host"]
    edit_json(path / "recovers" / "run.json", host=host | {"hostname": "other"})
    assert "--mixed-hosts" in complaint(capsys, str(path))
    assert main(["report", str(path), "--mixed-hosts"]) == 0
    assert "several hosts, as asked" in (path / "capacity.html").read_text()


def test_runs_that_polled_the_stats_socket_are_named(tmp_path):
    path = golden(tmp_path, "recovers")
    run = json.loads((path / "recovers" / "run.json").read_text())
    edit_json(path / "recovers" / "run.json", collectors=run["collectors"] | {"stats": "on"})
    assert any("stats socket" in text for text in reports.build(load(path), Demand(100, 0.2)).cautions)


# -- verification --------------------------------------------------------------------------------


def test_verification_is_judged_from_its_run(tmp_path):
    builder = Builder(tmp_path / "campaign")
    builder.cell("work")
    directory = builder.run("invalid", busy(8, 200), host=HOST)
    write_ini(directory, 8, 1_000_000)
    results = load(builder.write())
    assert verification.judge(Demand(200, 0.2), results).met
    assert "no worker recycled" in verification.judge(Demand(200, 0.2), results).gaps
    slow = verification.judge(Demand(200, 0.02), results)
    assert not slow.met
    assert "the 99th percentile was" in slow.why
    assert "were offered" in verification.judge(Demand(400, 0.2), results).why


def test_verification_runs_what_is_recommended(plan):
    made = verification.command(plan.demand, plan.advice)
    options = command_parser(["loadtest"]).parse_args(made)
    assert (options.stack, options.version, options.scenario) == ("work", "py312-2.0.30.post1", "open")
    assert (options.rate, options.users, options.workers, options.threads) == (200, 10, 8, 1)
    advice = plan.advice
    assert (options.max_requests, options.max_requests_delta) == (advice.max_requests, advice.max_requests_delta)
    assert (options.min_worker_lifetime, options.listen) == (10, 128)


@pytest.mark.parametrize(
    ("max_requests", "delta", "seconds"),
    [
        (1000, 0, 1.2 * 40),
        (1000, 100, 1.2 * 68),
        (10, 0, verification.SHORTEST_S),
        (100_000, 0, verification.LONGEST_S),
    ],
)
def test_it_takes_until_the_last_worker_has_recycled(plan, max_requests, delta, seconds):
    advice = replace(plan.advice, workers=8, max_requests=max_requests, max_requests_delta=delta)
    assert verification.duration_s(plan.demand, advice) == pytest.approx(seconds)


def test_what_a_verification_leaves_open(plan):
    found = verification.Verification(True, "", "key", 0.1, 200, 200, recycles=0, workers=4)
    assert "no worker recycled" in found.gaps
    assert "only 3 of 4 workers" in replace(found, recycles=3).gaps
    assert replace(found, recycles=4).gaps == ""


def test_nothing_to_verify(campaign):
    plan = reports.build(load(campaign), Demand(2000, 0.2))
    with pytest.raises(RecordError, match="no recommendation to verify"):
        verification.verify(plan.demand, plan.advice)


def test_begin_is_the_builders():
    assert at(0) == BEGIN


def test_a_verdict_that_a_later_version_adds_breaks_nothing(tmp_path, monkeypatch, capsys):
    verdicts = ("hung_request", *VERDICTS)
    rooms = ("frames.runs", "frames.cells", "summary.cell_entry", "summary.verdict_words", "reports.capacity_report")
    for module in rooms:
        monkeypatch.setattr(f"analysis.{module}.VERDICTS", verdicts)
    for module in ("summary.verdict_words", "reports.pairs"):
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
