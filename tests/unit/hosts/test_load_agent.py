"""The companion of a Locust process: what its card says of a part that was written late, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.hosts import load_agent
from stacks.hosts.card import CARDS_DIR, ENDED, WRITTEN, Card, load_card
from stacks.hosts.clocks import RoundTrips
from stacks.hosts.load_agent import LoadAgent
from stacks.hosts.location import Location
from stacks.hosts.spool import COMPLETE, Spool
from stacks.lifecycle.parts import PARTS_DIR, Part
from stacks.lifecycle.records import REQUEST_COLUMNS, RecordError
from tests.patience import until

ROW = "1\t1\t5000\t200\t\t2\t812\t3\tGET\t/\n"


class NoCaller:
    """No coordinator answers."""

    trips = RoundTrips()

    def tell(self, _card: Card) -> None:
        return None


@pytest.fixture
def agent(tmp_path: Path) -> LoadAgent:
    agent = LoadAgent(NoCaller(), str(tmp_path / "location"), tmp_path, 77, "night")  # type: ignore[arg-type]
    file = tmp_path / "requests-77.tsv"
    file.write_text("\t".join(REQUEST_COLUMNS) + "\n" + ROW + COMPLETE.decode())
    part = Part.of("night", "load1", 77, 1000)
    agent.card.part = part.text
    agent.spool = Spool(file, Location(agent.location_url), part, "clock", agent.shift)
    return agent


def card(agent: LoadAgent) -> Card:
    return load_card(agent.spool.location.read(f"{CARDS_DIR}/{agent.card.part}.json"))


def test_a_location_that_comes_back_leaves_no_problem(agent: LoadAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    upload, calls = agent.spool.location.upload, []

    def fail_once(source: Path, name: str) -> None:
        calls.append(name)
        if len(calls) == 1:
            raise RecordError("out of reach")
        upload(source, name)

    monkeypatch.setattr(agent.spool.location, "upload", fail_once)
    assert agent._finish()
    found = card(agent)
    assert (found.state, found.rows, found.complete, found.problem) == (WRITTEN, 1, True, "")


def test_a_part_that_takes_long_does_not_make_its_host_silent(
    agent: LoadAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the coordinator does not hear that it is written before it is."""
    told: list[str] = []
    monkeypatch.setattr(load_agent, "ASK_S", 0.01)
    monkeypatch.setattr(agent.caller, "tell", lambda card: told.append(card.state))
    upload = agent.spool.location.upload

    def upload_slowly(source: Path, name: str) -> None:
        until(lambda: len(told) > 3)
        upload(source, name)

    monkeypatch.setattr(agent.spool.location, "upload", upload_slowly)
    agent.card.state = ENDED
    assert agent._finish()
    assert set(told) == {ENDED}
    assert (agent.card.state, card(agent).state) == (WRITTEN, WRITTEN)


def test_a_full_disk_of_a_load_host_leaves_its_pieces_and_its_reason(
    agent: LoadAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_agent, "FINISH_LIMIT_S", 0.0)
    monkeypatch.setattr(agent.spool, "finish", lambda: (_ for _ in ()).throw(OSError("No space left on device")))
    agent._take_problem("the recorder could not write its rows: No space left on device")
    assert not agent._finish()
    found = card(agent)
    assert (found.state, found.complete) == (ENDED, False)
    assert found.problem == "the recorder could not write its rows: No space left on device"
    assert len(list((Path(agent.location_url) / PARTS_DIR).iterdir())) == 1
