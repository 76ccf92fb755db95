"""The claims of write-ups: the campaign that tests them, and how its runs decide whether a claim holds."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from results_builder import Builder, hanging, recovering
from rich.console import Console

from analysis.frames.campaigns import load_campaign
from analysis.reports import claim_facts
from analysis.reports.claim_facts import FACTS
from analysis.reports.claims import FAILS, HOLDS, UNKNOWN, JudgedClaim, judge
from analysis.reports.claims_table import show
from analysis.summary.summary import summarise
from stacks.campaign import claims
from stacks.catalogue import UsageError, load
from stacks.lifecycle.reading import read_json
from stacks.lifecycle.records import RUN_FILE

KNOWN = load()
GOLDEN = Path(__file__).parents[2] / "data" / "runs"
GIL = "take_gil <- PyEval_RestoreThread <- uwsgi_python_master_fixup"


def test_the_claims_of_the_pack_name_known_cells_and_facts() -> None:
    read, trials, patient = claims.read_claims(KNOWN)
    assert len(read) >= 11
    assert trials >= 1
    assert patient in [cell for claim in read for cell in claim.cells]
    assert {fact for claim in read for _, _, fact in claim.shows} <= set(FACTS)
    assert all(claim.implies or claim.shows for claim in read)


def test_every_mistake_in_a_claims_file_is_an_error_at_once(tmp_path: Path) -> None:
    file = tmp_path / "claims.toml"
    file.write_text(
        'trials = 1\npatient = ["threads", "py312-2.0.26"]\n'
        '[[claim]]\nsays = "a"\nimplies = [["none", "py1", "recovers"]]\n'
        '[[claim]]\nsays = "b"\nproves = []\n'
    )
    with pytest.raises(UsageError) as caught:
        claims.read_claims(KNOWN, file)
    assert "claim 1: no cell none at py1" in str(caught.value)
    assert "claim 2: unknown proves" in str(caught.value)


def test_the_campaign_has_every_cell_once_and_one_run_waits_for_its_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = claims.campaign(KNOWN)
    pairs = [(cell.stack.name, cell.version.id) for cell in campaign.cells]
    assert len(pairs) == len(set(pairs))
    patient = {
        pair: cell.patient_trials for pair, cell in zip(pairs, campaign.cells, strict=True) if cell.patient_trials
    }
    assert patient == {("threads", "py312-2.0.26"): 1}
    assert campaign.extra["claims"][0]["says"]


@pytest.fixture
def builder(tmp_path):
    made = Builder(tmp_path / "campaign")
    made.cell("threads", "py312-2.0.26", "hung_worker")
    stop = {"signal": "INT", "seconds": 62.0, "tried": [{"signal": "INT", "waited_s": 62.0}], "left_behind": []}
    made.run("hung_worker", hanging(), evidence=GIL, stop=stop, plan={"patient": True})
    made.run("hung_worker", hanging(), evidence=GIL)
    made.cell("threads", "py312-2.0.30.post1")
    made.run("recovers", recovering())
    made.cell("threads", "py312-uwsgi-2.0.26", not_tested_because="it could not be built.")
    return made


def judged(builder: Builder, **claim: list[list[str]]) -> JudgedClaim:
    campaign = load_campaign(builder.write(kind="claims"))
    (found,) = judge(campaign, summarise(campaign), [{"says": "it is so", **claim}])
    return found


OLD, NEW, CONTROL = (["threads", v] for v in ("py312-2.0.26", "py312-2.0.30.post1", "py312-uwsgi-2.0.26"))


def test_all_of_what_it_implies_must_come_out(builder: Builder) -> None:
    assert judged(builder, implies=[[*OLD, "hung_worker"], [*NEW, "recovers"]]).result == HOLDS
    found = judged(builder, implies=[[*OLD, "hung_worker"], [*NEW, "hung_worker"]])
    assert found.result == FAILS
    assert [finding.holds for finding in found.findings] == [True, False]
    assert "4 of 4 hung" in found.findings[0].text
    assert found.findings[0].runs == ["threads-py312-2.0.26-1", "threads-py312-2.0.26-2"]


def test_what_could_not_be_run_leaves_it_open_unless_it_fails_anyway(builder: Builder) -> None:
    assert judged(builder, implies=[[*OLD, "hung_worker"], [*CONTROL, "recovers"]]).result == UNKNOWN
    found = judged(builder, implies=[[*OLD, "recovers"], [*CONTROL, "recovers"]])
    assert found.result == FAILS
    assert "it could not be built." in found.findings[1].text


def test_facts_of_runs(builder: Builder) -> None:
    assert judged(builder, shows=[[*OLD, "waits-for-gil"]]).result == HOLDS
    assert judged(builder, shows=[[*NEW, "waits-for-gil"]]).result == UNKNOWN
    found = judged(builder, shows=[[*OLD, "only-kill-ends-it"]])
    assert (found.result, found.findings[0].runs) == (FAILS, ["threads-py312-2.0.26-1"])
    assert "tried INT for 62.0 s: INT ended it" in found.findings[0].text
    assert judged(builder, shows=[[*OLD, "no-answers-after"]]).result == HOLDS
    assert judged(builder, shows=[[*NEW, "no-answers-after"]]).result == UNKNOWN


def test_respawned_is_logged_for_workers_that_hang() -> None:
    """On the golden run of a hang, whose log was real."""
    holds, said = claim_facts.respawned_logged(GOLDEN / "hung_worker")
    hung = read_json(GOLDEN / "hung_worker" / RUN_FILE)["counts"]["hung"]
    assert (holds, said) == (True, f"Respawned stands in the log for {hung} of {hung} hung workers")
    assert claim_facts.respawned_logged(GOLDEN / "recovers")[0] is None


def test_the_words(builder: Builder) -> None:
    file = io.StringIO()
    show([judged(builder, implies=[[*OLD, "hung_worker"]])], Console(file=file, width=100))
    said = file.getvalue()
    assert "it is so" in said
    assert HOLDS in said
    assert "threads-py312-2.0.26-2" in said
