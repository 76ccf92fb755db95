"""summary.json: counts, rates, times and verdicts of every cell, and the exit code."""

import json

import pytest
from results_builder import Story, edit_json, hanging, recovering, typical

from analysis.frames.campaigns import load_campaign
from analysis.summary import campaign_words, verdict_words, wording
from analysis.summary.cell_entry import severest
from analysis.summary.expectations import exit_code
from analysis.summary.summary import summarise
from stacks.lifecycle.records import SCHEMA, SUMMARY_FILE, write_json
from stacks.lifecycle.verdict import VERDICTS

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
    *("fork_threads", "reason", "not_tested_because", "generator_limited", "generator_why"),
}


def summary_of(builder, **more):
    return summarise(load_campaign(builder.write(**more)))


def hang_of_the_first_generation() -> Story:
    story = Story()
    story.first(1)
    story.hang(story.first(2, ready=False), -0.8)
    return story


def test_a_campaign_whose_verdicts_are_as_expected(tmp_path):
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


def test_the_summary_is_json_without_nan(tmp_path):
    path = typical(tmp_path / "campaign")
    summary = summarise(load_campaign(path))
    json.dumps(summary, allow_nan=False)
    write_json(path / SUMMARY_FILE, summary)
    assert json.loads((path / SUMMARY_FILE).read_text()) == summary


def test_hung_workers_of_the_first_generation_count_as_trials(builder):
    builder.cell(expected="hung_worker")
    builder.run("hung_worker", hang_of_the_first_generation())
    builder.run("hung_worker", hanging(workers=2))
    entry = summary_of(builder)["cells"][0]
    assert (entry["respawns"], entry["hung"], entry["hung_initial"]) == (2, 3, 1)
    assert entry["hang_rate"] == 1.0


def test_a_quantile_among_the_hung_workers_is_null(builder):
    builder.cell(expected="hung_worker")
    for _ in range(2):
        builder.run("recovers", recovering(workers=2, respawns=4))
    builder.run("hung_worker", hanging(workers=2))
    entry = summary_of(builder)["cells"][0]
    assert (entry["respawns"], entry["hung"]) == (18, 2)
    assert entry["respawn_s_p50"] == pytest.approx(0.5)
    assert entry["respawn_s_p95"] is None
    assert wording.respawn_time(entry, "respawn_s_p95") == "never"


def test_without_a_respawn_there_is_no_rate(builder):
    builder.cell(expected="invalid")
    story = Story()
    story.first(1)
    builder.run("invalid", story)
    summary = summary_of(builder)
    entry = summary["cells"][0]
    assert (entry["respawns"], entry["hang_rate"], entry["hang_rate_low"], entry["hang_rate_high"]) == (0, *[None] * 3)
    assert wording.respawn_time(entry, "respawn_s_p50") == "-"
    assert wording.hang_rate(entry) == "-"
    assert exit_code(summary) == 0  # invalid is the expected verdict here


def test_a_cell_has_the_most_severe_verdict_of_its_runs(builder):
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
    assert "UNEXPECTED: 1 of 2 recovers" in verdict_words.expectation(entry)


def test_a_cell_that_hangs_rarely_expects_both_verdicts_and_no_third_one(builder):
    builder.cell(expected="hung_worker", also_expected=["recovers"])
    builder.run("recovers", recovering())
    builder.run("hung_worker", hanging())
    summary = summarise(load_campaign(builder.write()))
    (entry,) = summary["cells"]
    assert (entry["as_expected"], entry["also_expected"], exit_code(summary)) == (True, ["recovers"], 0)
    assert verdict_words.expectation(entry) == "2 of 2 as expected"
    builder.run("hung_exit", recovering())
    summary = summarise(load_campaign(builder.write()))
    assert exit_code(summary) == 3
    assert verdict_words.expectation(summary["cells"][0]) == "UNEXPECTED: 2 of 3 hung_worker or recovers"


def test_an_invalid_run_is_no_measurement(builder):
    builder.cell(expected="recovers")
    builder.run("recovers", recovering())
    builder.run("invalid", recovering())
    summary = summary_of(builder)
    assert exit_code(summary) == 1
    assert verdict_words.expectation(summary["cells"][0]) == "INCOMPLETE: 1 of 2 recovers"


def test_a_cell_that_was_not_tested(builder):
    builder.cell("threads", "py312-2.0.26", "hung_worker", not_tested_because="no Python 3.12 on this machine")
    summary = summary_of(builder)
    entry = summary["cells"][0]
    assert (entry["verdict"], entry["runs"], entry["verdicts"], entry["as_expected"]) == (None, 0, [], False)
    assert (entry["package_version"], entry["requests_lost"]) == ("2.0.26", None)
    assert verdict_words.verdict_word(entry) == "not tested"
    assert exit_code(summary) == 1


def test_an_unexpected_verdict_takes_precedence_over_a_cell_that_was_not_tested(builder):
    builder.cell("threads", "py312-2.0.26", "hung_worker", not_tested_because="no Python 3.12")
    builder.cell(expected="hung_worker")
    builder.run("recovers", recovering())
    assert exit_code(summary_of(builder)) == 3


@pytest.mark.parametrize("status", ["failed", "interrupted", "running"])
def test_a_run_that_is_not_done_makes_its_cell_incomplete(builder, status):
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
    assert verdict_words.verdict_word(entry) == "not measured"
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


def test_a_campaign_without_cells_is_no_success(builder):
    summary = summary_of(builder)
    assert exit_code(summary) == 1
    assert "Nothing was measured" in campaign_words.answer(summary)


def test_the_stop_signal_of_a_cell_is_the_most_common_one_of_its_runs(builder):
    builder.cell()
    for signal, seconds in (("INT", 1.0), ("TERM", 3.0), ("INT", 2.0)):
        builder.run("recovers", recovering(), stop={"signal": signal, "seconds": seconds})
    entry = summary_of(builder)["cells"][0]
    assert (entry["stop_signal"], entry["stop_s"]) == ("INT", 2.0)
    assert wording.stop(entry) == "INT after 2.0 s"
