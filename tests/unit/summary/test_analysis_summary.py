"""The summary: counts, rates, times and expectations of every cell."""

import io
import json

import pytest
from results_builder import Builder, Story, edit_json, hanging, recovering, typical

from analysis.frames.campaigns import load_campaign
from analysis.reports.campaign_page import render
from analysis.reports.summary_table import show
from analysis.reports.terminal import console
from analysis.summary import wording
from analysis.summary.summary import exit_code, severest, summarise
from stacks.lifecycle.records import SCHEMA, SUMMARY_FILE, write_json
from stacks.lifecycle.verdict import VERDICTS
from stacks.run.parquet import write_samples

KEYS = {
    *(
        "causes",
        "stack",
        "variant",
        "python",
        "package",
        "package_version",
        "version",
        "runs",
        "respawns",
        "hung",
        "hung_initial",
    ),
    *("hang_rate", "hang_rate_low", "hang_rate_high", "respawn_s_p50", "respawn_s_p95", "answered_rps"),
    *("requests_lost", "stop_signal", "stop_s", "verdict", "verdicts", "expected", "as_expected", "evidence"),
    *("reason", "not_tested_because", "generator_limited", "generator_why"),
}


@pytest.fixture
def builder(tmp_path):
    return Builder(tmp_path / "campaign")


def summary_of(builder, **more):
    return summarise(load_campaign(builder.write(**more)))


def first_hang() -> Story:
    story = Story()
    story.first(1)
    story.hang(story.first(2, ready=False), -0.8)
    return story


def test_a_campaign_as_expected(tmp_path):
    summary = summarise(load_campaign(typical(tmp_path / "campaign")))
    assert exit_code(summary) == 0
    assert [set(entry) for entry in summary["cells"]] == [KEYS] * 6
    hung, fixed = summary["cells"][0], summary["cells"][2]
    assert (hung["runs"], hung["respawns"], hung["hung"], hung["hang_rate"]) == (2, 4, 4, 1.0)
    assert (hung["respawn_s_p50"], hung["respawn_s_p95"]) == (None, None)
    assert (hung["stop_signal"], hung["stop_s"], hung["requests_lost"]) == ("KILL", 2.5, 8)
    assert (fixed["respawns"], fixed["hung"], fixed["hang_rate"], fixed["hang_rate_low"]) == (12, 0, 0.0, 0.0)
    assert fixed["hang_rate_high"] == pytest.approx(0.2425, abs=5e-5)
    assert fixed["respawn_s_p50"] == fixed["respawn_s_p95"] == pytest.approx(0.5)
    assert fixed["answered_rps"] == 50
    assert (summary["schema"], summary["seed"], summary["left_out"]) == (SCHEMA, 1, [])
    assert summary["host"]["cpu"] == "Xeon"
    assert summary["command"] == "python -m stacks loadtest --seed 1"


def test_a_generator_that_was_the_limit_is_a_warning_of_its_cell_only(tmp_path):
    path = typical(tmp_path / "campaign")
    busy = next(path.glob("*/run.json")).parent
    begin_ns = json.loads((busy / "run.json").read_text())["load"]["begin_ns"]
    ticks = [(begin_ns + s * 1_000_000_000, "locust", 0, 7, 97 * s, 0, 0, 1, "", 0) for s in range(3)]
    write_samples(busy, ticks)
    summary = summarise(load_campaign(path))
    (warned,) = [cell for cell in summary["cells"] if cell["generator_limited"]]
    assert busy.name.startswith(f"{warned['stack']}")
    assert "1 of 2 runs" in wording.generator_warning(warned)
    assert "0.97 of the one core" in wording.generator_warning(warned)
    assert exit_code(summary) == 0
    shown = io.StringIO()
    show(summary, console(shown))
    assert "! generator-limited" in shown.getvalue()
    assert "answered/s is what Locust could ask" in shown.getvalue()
    assert "Warnings" in render(load_campaign(path), summary)


def test_the_summary_is_json_without_nan(tmp_path):
    path = typical(tmp_path / "campaign")
    summary = summarise(load_campaign(path))
    json.dumps(summary, allow_nan=False)
    write_json(path / SUMMARY_FILE, summary)
    assert json.loads((path / SUMMARY_FILE).read_text()) == summary


def test_hung_starts_count_as_trials_of_their_own(builder):
    builder.cell(expected="hung_worker")
    builder.run("hung_worker", first_hang())
    builder.run("hung_worker", hanging(workers=2))
    entry = summary_of(builder)["cells"][0]
    assert (entry["respawns"], entry["hung"], entry["hung_initial"]) == (2, 3, 1)
    assert entry["hang_rate"] == 1.0


def test_quantiles_fall_among_the_hung(builder):
    builder.cell(expected="hung_worker")
    for _ in range(2):
        builder.run("recovers", recovering(workers=2, respawns=4))
    builder.run("hung_worker", hanging(workers=2))
    entry = summary_of(builder)["cells"][0]
    assert (entry["respawns"], entry["hung"]) == (18, 2)
    assert entry["respawn_s_p50"] == pytest.approx(0.5)
    assert entry["respawn_s_p95"] is None
    assert wording.respawn_time(entry, "respawn_s_p95") == "never"


def test_zero_respawns_have_no_rate(builder):
    builder.cell(expected="invalid")
    story = Story()
    story.first(1)
    builder.run("invalid", story)
    summary = summary_of(builder)
    entry = summary["cells"][0]
    assert (entry["respawns"], entry["hang_rate"], entry["hang_rate_low"], entry["hang_rate_high"]) == (0, *[None] * 3)
    assert wording.respawn_time(entry, "respawn_s_p50") == "-"
    assert wording.hang_rate(entry) == "-"
    assert exit_code(summary) == 0  # invalid was what was expected


def test_the_most_severe_run_speaks_for_its_cell(builder):
    assert severest(reversed(VERDICTS)) == VERDICTS[0] == "hung_master"
    assert VERDICTS[-1] == "recovers"
    assert severest([]) is None
    builder.cell(expected="recovers")
    builder.run("recovers", recovering())
    builder.run("hung_worker", hanging(), evidence="take_gil", reason="2 workers never became ready")
    summary = summary_of(builder)
    entry = summary["cells"][0]
    assert (entry["verdict"], entry["verdicts"]) == ("hung_worker", ["recovers", "hung_worker"])
    assert (entry["evidence"], entry["reason"]) == ("take_gil", "2 workers never became ready")
    assert entry["as_expected"] is False
    assert exit_code(summary) == 3
    assert "UNEXPECTED: 1 of 2 recovers" in wording.expectation(entry)


def test_an_invalid_run_is_no_measurement(builder):
    builder.cell(expected="recovers")
    builder.run("recovers", recovering())
    builder.run("invalid", recovering())
    summary = summary_of(builder)
    assert exit_code(summary) == 1
    assert wording.expectation(summary["cells"][0]) == "INCOMPLETE: 1 of 2 recovers"


def test_a_cell_that_was_not_tested(builder):
    builder.cell("threads", "py312-2.0.26", "hung_worker", not_tested_because="no Python 3.12 on this machine")
    summary = summary_of(builder)
    entry = summary["cells"][0]
    assert (entry["verdict"], entry["runs"], entry["verdicts"], entry["as_expected"]) == (None, 0, [], False)
    assert (entry["package_version"], entry["requests_lost"]) == ("2.0.26", None)
    assert wording.verdict_word(entry) == "not tested"
    assert exit_code(summary) == 1


def test_an_unexpected_verdict_takes_precedence(builder):
    builder.cell("threads", "py312-2.0.26", "hung_worker", not_tested_because="no Python 3.12")
    builder.cell(expected="hung_worker")
    builder.run("recovers", recovering())
    assert exit_code(summary_of(builder)) == 3


@pytest.mark.parametrize("status", ["failed", "interrupted", "running"])
def test_a_run_without_an_end_makes_its_cell_incomplete(builder, status):
    builder.cell()
    builder.run("recovers", recovering())
    builder.run("invalid", None, status=status, error="bind(): address in use")
    summary = summary_of(builder)
    entry = summary["cells"][0]
    assert (entry["runs"], entry["verdicts"], entry["verdict"]) == (1, ["recovers", None], "recovers")
    assert entry["as_expected"] is False
    assert f"{status}: bind(): address in use" in entry["reason"]
    assert exit_code(summary) == 1


def test_a_cell_whose_runs_all_failed(builder):
    builder.cell()
    builder.run("invalid", None, status="failed", error="uWSGI ended with exit code 1", load={}, stop=None)
    summary = summary_of(builder)
    entry = summary["cells"][0]
    assert (entry["verdict"], entry["hang_rate"], entry["answered_rps"], entry["stop_s"]) == (None,) * 4
    assert wording.verdict_word(entry) == "not measured"
    assert exit_code(summary) == 1


def test_a_left_out_run_makes_its_cell_incomplete(builder):
    builder.cell()
    builder.run("recovers", recovering())
    damaged = builder.run("recovers", recovering())
    edit_json(damaged / "run.json", schema=99)
    summary = summary_of(builder)
    assert [row["run_id"] for row in summary["left_out"]] == [damaged.name]
    assert "left out" in summary["cells"][0]["reason"]
    assert summary["cells"][0]["verdicts"] == ["recovers", None]
    assert exit_code(summary) == 1


def test_an_interrupted_campaign(builder):
    builder.cell()
    builder.run("recovers", recovering())
    builder.cells[0]["runs"].append("threads-py312-2.0.30.post1-2")
    summary = summary_of(builder, status="interrupted")
    assert summary["status"] == "interrupted"
    assert summary["cells"][0]["as_expected"] is False
    assert exit_code(summary) == 1


def test_nothing_measured_is_no_success(builder):
    summary = summary_of(builder)
    assert exit_code(summary) == 1
    assert "Nothing was measured" in wording.answer(summary)


def test_how_a_stack_stopped_is_the_most_common_way(builder):
    builder.cell()
    for signal, seconds in (("INT", 1.0), ("TERM", 3.0), ("INT", 2.0)):
        builder.run("recovers", recovering(), stop={"signal": signal, "seconds": seconds})
    entry = summary_of(builder)["cells"][0]
    assert (entry["stop_signal"], entry["stop_s"]) == ("INT", 2.0)
    assert wording.stop(entry) == "INT after 2.0 s"


@pytest.mark.parametrize(
    ("signal", "words"),
    [
        ("KILL", "nothing, killed after 2.5 s"),
        (None, "had ended by itself"),
        ("", "had ended by itself"),
        ("TERM", "TERM after 2.5 s"),
    ],
)
def test_stop_in_words(builder, signal, words):
    builder.cell()
    builder.run("recovers", recovering(), stop={"signal": signal, "seconds": 2.5})
    assert wording.stop(summary_of(builder)["cells"][0]) == words


@pytest.mark.parametrize(
    ("share", "words"), [(0, "0"), (1, "100"), (0.0004, "<0.1"), (0.9996, ">99.9"), (0.0295, "2.9"), (0.5, "50.0")]
)
def test_percent_is_never_rounded_to_none_or_all(share, words):
    assert wording.percent(share) == words


def test_the_answer_names_who_did_not_come_back(tmp_path):
    answer = wording.answer(summarise(load_campaign(typical(tmp_path / "campaign"))))
    assert answer.startswith("In 2 of 6 cells workers did not come back: threads x py312-2.0.26, thread-at-fork x")
    assert "In 4 of 6 cells every worker came back." in answer
    assert answer.endswith("All of it as expected.")


def test_the_answer_tells_those_that_stay_from_those_that_do_not_come(builder):
    for verdict in VERDICTS:
        builder.cell(verdict, expected=verdict)
        builder.run(verdict, recovering())
    answer = wording.answer(summary_of(builder))
    come = "workers did not come back: hung_worker x V, hung_request x V, dead_master x V, crash_loop x V. "
    stay = (
        "In 1 of 9 cells the master is stuck: hung_master x V. In 1 of 9 cells workers did not leave: hung_exit x V. "
    )
    assert answer.replace("py312-2.0.30.post1", "V").startswith(f"In 4 of 9 cells {come}{stay}In 1 of 9 cells every")


def test_the_answer_names_what_is_open_and_what_surprised(builder):
    builder.cell("plain", expected="hung_worker")
    builder.run("recovers", recovering())
    builder.cell("threads", not_tested_because="no wheel")
    answer = wording.answer(summary_of(builder))
    assert "1 cell could not be judged: threads x py312-2.0.30.post1." in answer
    assert "Not as expected: plain x py312-2.0.30.post1." in answer


def test_evidence_stands_once_with_all_its_cells(tmp_path):
    [(text, cells)] = wording.evidence_groups(summarise(load_campaign(typical(tmp_path / "campaign"))))
    assert text.startswith("take_gil <- ")
    assert cells == ["threads x py312-2.0.26", "thread-at-fork x py312-2.0.30.post1"]


def test_cells_of_several_settings_have_names_of_their_own(tmp_path):
    builder = Builder(tmp_path / "campaign")
    for variant in ("w1t1", "w2t1"):
        builder.cell("work", variant=variant)
    names = [wording.cell_name(entry) for entry in summary_of(builder)["cells"]]
    assert names == ["work w1t1 x py312-2.0.30.post1", "work w2t1 x py312-2.0.30.post1"]
