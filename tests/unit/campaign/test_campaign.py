"""The preparation of a campaign: its environments, its directory, and campaign.json."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from stacks.campaign import campaign_directory
from stacks.campaign.campaign import MATRIX, Campaign
from stacks.campaign.runner import carry_out
from stacks.lifecycle.reading import read_json
from stacks.lifecycle.records import CAMPAIGN_FILE, LATEST, SCHEMA, RecordError, point_to


def second(campaign: Campaign) -> Campaign:
    """A campaign with the same plan that begins in the same second."""
    return Campaign(campaign.plan, campaign.options, campaign.cells, campaign.scenario, results=campaign.results)


def test_a_version_that_cannot_be_had_is_recorded_and_the_others_are_planned(campaign: Campaign) -> None:
    campaign.prepare()
    assert campaign.untested_versions() == {
        "py311-2.0.26": "Python 3.11 was not found.",
        "py312-2.0.27.post1": "the package index cannot be reached.",
    }
    assert len(campaign.runs) == 6 * campaign.plan.trials
    assert not {index for index, _ in campaign.runs} & set(campaign.not_tested)
    record = read_json(campaign.directory / CAMPAIGN_FILE)
    assert (record["schema"], record["status"], record["campaign"]) == (SCHEMA, "running", "20261124-040722")
    reasons = {cell["version"]: cell["not_tested_because"] for cell in record["cells"]}
    assert reasons["py311-2.0.26"] == "Python 3.11 was not found."
    assert reasons["py312-2.0.26"] is None
    assert record["cells"][0]["runs"] == [f"threads@py312-2.0.26-{n}" for n in (1, 2, 3)]
    assert {"hostname", "kernel", "cores"} <= set(record["host"])


def test_the_directory_is_named_after_the_second_and_latest_points_to_it(campaign: Campaign) -> None:
    campaign.prepare()
    assert campaign.directory == campaign.results / "20261124-040722"
    assert (campaign.results / LATEST).readlink() == Path(campaign.directory.name)
    assert sorted(os.listdir(campaign.results)) == ["20261124-040722", LATEST]


def test_a_campaign_of_the_same_second_gets_a_directory_of_its_own(campaign: Campaign) -> None:
    campaign.prepare()
    (campaign.directory / "precious").touch()
    names = []
    for _ in range(2):
        again = second(campaign)
        again.prepare()
        names.append(again.directory.name)
    assert names == ["20261124-040722-2", "20261124-040722-3"]
    assert (campaign.directory / "precious").exists()
    assert (campaign.results / LATEST).readlink() == Path(names[-1])


def test_a_latest_that_points_to_no_directory_is_replaced(campaign: Campaign) -> None:
    campaign.results.mkdir()
    (campaign.results / LATEST).symlink_to("gone")
    campaign.prepare()
    assert (campaign.results / LATEST / CAMPAIGN_FILE).is_file()


@pytest.mark.parametrize("call", ["symlink_to", "replace"])
def test_a_latest_that_cannot_be_written_is_named_and_nothing_half_written_stays(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """The kernel's error names the target of the link, which is no path of a file."""

    def fail(_link: Path, target: object, *_more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(target))

    campaign.results.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(Path, call, fail)
        with pytest.raises(OSError, match="No space left on device") as caught:
            point_to(campaign.results / "20261124-040722")
    assert caught.value.filename == str(campaign.results / LATEST)
    assert os.listdir(campaign.results) == []


def test_an_interrupt_leaves_no_half_made_link(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_paths: Path) -> None:
        raise KeyboardInterrupt

    campaign.results.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            point_to(campaign.results / "20261124-040722")
    assert os.listdir(campaign.results) == []


def test_a_thousand_campaigns_in_one_second_are_an_error(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign_directory, "range", lambda *_: [1], raising=False)
    campaign.prepare()
    with pytest.raises(RecordError, match="of this second"):
        second(campaign).prepare()


@pytest.mark.parametrize(("kind", "is_complete"), [("loadtest", False), (MATRIX, True)])
def test_only_a_matrix_is_complete_without_the_cells_that_cannot_be_tested(
    campaign: Campaign, monkeypatch: pytest.MonkeyPatch, kind: str, is_complete: bool
) -> None:
    class EndsAtOnce:
        def __init__(self, campaign: Campaign, _view: object) -> None:
            self.campaign = campaign

        def run(self) -> None:
            self.campaign.status = "done"

    monkeypatch.setattr("stacks.campaign.runner.Runner", EndsAtOnce)
    campaign.kind = kind
    campaign.prepare()
    assert carry_out(campaign, view=None) == (0 if is_complete else 1)  # type: ignore[arg-type]
