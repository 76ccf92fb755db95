"""The answer of a campaign in sentences, and its evidence."""

from results_builder import recovering, typical

from analysis.frames.campaigns import load_campaign
from analysis.summary import campaign_words
from analysis.summary.summary import summarise
from stacks.lifecycle.verdict import VERDICTS


def summary_of(builder):
    return summarise(load_campaign(builder.write()))


def test_the_answer_names_the_cells_whose_workers_did_not_come_back(tmp_path):
    answer = campaign_words.answer(summarise(load_campaign(typical(tmp_path / "campaign"))))
    assert answer.startswith("In 2 of 6 cells workers did not come back: threads x py312-2.0.26, thread-at-fork x")
    assert "In 4 of 6 cells every worker came back." in answer
    assert answer.endswith("These are known defects, seen as known: no verdict differs from the expected one.")


def test_where_nothing_failed_the_answer_names_no_defect(builder):
    builder.cell()
    builder.run("recovers", recovering())
    assert campaign_words.answer(summary_of(builder)).endswith("All cells are as expected.")


def test_the_answer_groups_failures_by_what_failed(builder):
    for verdict in VERDICTS:
        builder.cell(verdict, expected=verdict)
        builder.run(verdict, recovering())
    answer = campaign_words.answer(summary_of(builder))
    missing = "workers did not come back: hung_worker x V, hung_request x V, dead_master x V, crash_loop x V. "
    stuck = (
        "In 1 of 9 cells the master is stuck: hung_master x V. In 1 of 9 cells workers did not leave: hung_exit x V. "
    )
    assert answer.replace("py312-2.0.30.post1", "V").startswith(
        f"In 4 of 9 cells {missing}{stuck}In 1 of 9 cells every"
    )


def test_the_answer_names_cells_without_a_verdict_and_unexpected_cells(builder):
    builder.cell("plain", expected="hung_worker")
    builder.run("recovers", recovering())
    builder.cell("threads", not_tested_because="no wheel")
    answer = campaign_words.answer(summary_of(builder))
    assert "1 cell could not be judged: threads x py312-2.0.30.post1." in answer
    assert "Not as expected: plain x py312-2.0.30.post1." in answer


def test_threads_that_the_fork_loses_are_listed_once_with_all_their_cells(builder):
    thread = {"thread": "DogStatsd_flush_thread", "kind": "python", "package": "datadog", "file": "base.py"}
    table = {"threads": [thread | {"in_master": 1, "in_workers": 0}], "workers": 2, "answered": True, "reason": ""}
    for stack in ("threads", "work"):
        builder.cell(stack)
        builder.run("recovers", recovering(), fork_threads=table)
    builder.cell("threads-lazy")
    builder.run("recovers", recovering())
    [(text, cells)] = campaign_words.lost_threads(summary_of(builder))
    assert text.endswith("in the master only; no worker does its work: DogStatsd_flush_thread (of datadog).")
    assert cells == ["threads x py312-2.0.30.post1", "work x py312-2.0.30.post1"]


def test_evidence_is_listed_once_with_all_its_cells(tmp_path):
    [(text, cells)] = campaign_words.evidence_groups(summarise(load_campaign(typical(tmp_path / "campaign"))))
    assert text.startswith("take_gil <- ")
    assert cells == ["threads x py312-2.0.26", "thread-at-fork x py312-2.0.30.post1"]
