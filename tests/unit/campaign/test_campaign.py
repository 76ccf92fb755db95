"""A campaign: its directory, what its runs say, what becomes of one that says nothing, and what a person sees."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from contexts import until

from stacks.campaign import campaign
from stacks.campaign.campaign import MOST_STOPPING, Campaign
from stacks.campaign.plan import Asked, plan
from stacks.catalogue import load, venvs
from stacks.catalogue.interpreters import NotFound
from stacks.lifecycle.records import CAMPAIGN_FILE, LATEST, SCHEMA, RecordError, read_json, write_json
from stacks.run.run_process import Active

KNOWN = load()
NOW = time.gmtime(1795493242)  # 2026-11-24 04:07:22
GONE = "3.11"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """The default plan, with venvs that are not made and one Python that is missing."""

    def ensure(python: str, package: str, pin: str, beside: Sequence[str] = ()) -> venvs.Venv:
        if python == GONE:
            raise NotFound(f"Python {python} was not found.")
        if pin == "2.0.27.post1":
            raise venvs.VenvError("the package index cannot be reached.")
        path = tmp_path / pin
        return venvs.Venv(path, path / "python", path / "uwsgi", f"{python}.1", pin)

    monkeypatch.setattr(venvs, "ensure", ensure)
    monkeypatch.setattr(time, "gmtime", lambda: NOW)
    return Campaign(*plan_of(), results=tmp_path / "results")


def plan_of(**asked: Any) -> tuple:
    said = Asked(**asked)
    numbers, cells, scenario = plan(KNOWN, said)
    return numbers, said, cells, scenario


@pytest.fixture
def active(tmp_path: Path) -> Iterator[Callable[..., Active]]:
    started: list[Active] = []

    def start(code: str = "input()", index: int = 0) -> Active:
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        started.append(Active(index, tmp_path, process))
        return started[-1]

    yield start
    for run in started:
        run.process.kill()
        run.process.wait()
        for pipe in (run.process.stdin, run.process.stdout):
            if pipe is not None:
                pipe.close()


class TestPreparation:
    def test_what_cannot_be_had_is_noted_and_the_others_are_planned(self, made: Campaign) -> None:
        made.prepare()
        ids = {made.cells[index].version.id: why for index, why in made.not_tested.items()}
        assert ids == {
            "py311-2.0.26": "Python 3.11 was not found.",
            "py312-2.0.27.post1": "the package index cannot be reached.",
        }
        assert len(made.runs) == 6 * made.plan.trials
        assert not {index for index, _ in made.runs} & set(made.not_tested)
        written = read_json(made.directory / CAMPAIGN_FILE)
        assert (written["schema"], written["status"], written["campaign"]) == (SCHEMA, "running", "20261124-040722")
        told = {cell["version"]: cell["not_tested_because"] for cell in written["cells"]}
        assert told["py311-2.0.26"] == "Python 3.11 was not found."
        assert told["py312-2.0.26"] is None
        assert written["cells"][0]["runs"] == [f"threads@py312-2.0.26-{n}" for n in (1, 2, 3)]
        assert {"hostname", "kernel", "cores"} <= set(written["host"])

    def test_its_directory_is_named_after_the_moment_and_latest_points_to_it(self, made: Campaign) -> None:
        made.prepare()
        assert made.directory == made.results / "20261124-040722"
        assert (made.results / LATEST).readlink() == Path(made.directory.name)
        assert sorted(os.listdir(made.results)) == ["20261124-040722", LATEST]

    def test_a_second_one_in_the_same_second_takes_nothing_from_the_first(self, made: Campaign) -> None:
        made.prepare()
        (made.directory / "precious").touch()
        names = []
        for _ in range(2):
            again = Campaign(*plan_of(), results=made.results)
            again.prepare()
            names.append(again.directory.name)
        assert names == ["20261124-040722-2", "20261124-040722-3"]
        assert (made.directory / "precious").exists()
        assert (made.results / LATEST).readlink() == Path(names[-1])

    def test_a_latest_that_points_nowhere_is_replaced(self, made: Campaign) -> None:
        made.results.mkdir()
        (made.results / LATEST).symlink_to("gone")
        made.prepare()
        assert (made.results / LATEST / CAMPAIGN_FILE).is_file()

    def test_a_thousand_in_one_second_are_refused(self, made: Campaign, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(campaign, "range", lambda *_: [1], raising=False)
        made.prepare()
        with pytest.raises(RecordError, match="of this second"):
            Campaign(*plan_of(), results=made.results).prepare()


class TestListening:
    def test_what_a_run_says_is_taken_in_line_by_line_whole_or_in_pieces(self, active: Callable[..., Active]) -> None:
        say = "import sys\nfor line in sys.stdin:\n    sys.stdout.write(line.rstrip('\\n').replace('|', '\\n'))"
        run = active(say)
        assert (run.phase, run.respawns, run.load_is_over) == ("starting", 0, False)
        run.listen()  # nothing yet, and no waiting for it
        assert run.process.stdin is not None

        def hears(text: str, phase: str) -> None:
            run.process.stdin.write(f"{text}\n".encode())
            until(lambda: run.listen() or run.phase == phase)

        hears(json.dumps({"phase": "loading", "respawns": 7, "hung": 2}) + "|", "loading")
        assert (run.respawns, run.hung) == (7, 2)
        run.process.stdin.write(b'{"phase": "settl\n')
        until(lambda: run.listen() or run._partial)
        assert run.phase == "loading"
        hears('ing"}|', "settling")
        assert (run.respawns, run.hung) == (7, 2)  # a line without counts leaves them
        assert (run.load_is_over, run.is_over) == (True, False)
        hears('{"phase": "a"}|{"phase": "stopping", "respawns": 9, "hung": 2}|', "stopping")
        assert run.respawns == 9
        assert run.is_over
        assert not run.ended

    def test_one_that_has_ended_is_over_whatever_it_said_last(self, active: Callable[..., Active]) -> None:
        run = active('print(\'{"phase": "loading"}\')')
        until(lambda: run.ended)
        run.listen()
        run.listen()
        assert (run.phase, run.load_is_over, run.is_over) == ("loading", True, True)

    @pytest.mark.parametrize("phase", ["starting", "waiting", "loading"])
    def test_none_starts_beside_a_load(self, made: Campaign, active: Callable[..., Active], phase: str) -> None:
        assert made._has_room()
        made.active = [active()]
        made.active[0].phase = phase
        assert not made._has_room()

    @pytest.mark.parametrize("phase", ["settling", "stopping", "done"])
    def test_but_beside_stragglers_if_they_are_no_crowd(
        self, made: Campaign, active: Callable[..., Active], phase: str
    ) -> None:
        made.active = [active()]
        made.active[0].phase = phase
        assert made._has_room()
        made.active += [active(), active()]
        for run in made.active:
            run.phase = phase
        assert len(made.active) > MOST_STOPPING
        assert not made._has_room()

    def test_one_that_waits_is_let_go_when_it_has_the_machine(
        self, made: Campaign, active: Callable[..., Active]
    ) -> None:
        before, waiting = active(), active("while True: print(input())")
        made.active = [before, waiting]
        waiting.phase = "waiting"
        for before.phase in ("loading", "settling"):
            made._look(Seen())
            assert not waiting.gone
        before.phase = "stopping"
        made._look(Seen())
        assert waiting.gone
        assert waiting.process.stdout is not None
        stdout = waiting.process.stdout
        until(lambda: select.select([stdout], [], [], 0)[0])
        assert os.read(stdout.fileno(), 64) == b"go\n"
        made._look(Seen())  # once is enough
        assert not select.select([stdout], [], [], 0.05)[0]

    def test_one_that_has_gone_meanwhile_is_no_error(self, active: Callable[..., Active]) -> None:
        run = active("")
        until(lambda: run.ended)
        run.go()
        assert not run.gone


class Seen:
    """A view that remembers."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def update(self, campaign: Campaign) -> None:
        """Nothing to draw."""

    def finished(self, campaign: Campaign, index: int, record: dict[str, Any]) -> None:
        self.records.append(record)


@pytest.mark.parametrize(
    ("errors", "why"), [("", "the run was killed"), ("Traceback ...", "the run itself failed, see")]
)
def test_a_run_that_ends_without_a_word_has_failed(
    made: Campaign, active: Callable[..., Active], tmp_path: Path, errors: str, why: str
) -> None:
    run = active("")
    write_json(tmp_path / "run.json", {"schema": SCHEMA, "status": "running", "run_id": "x", "precious": 1})
    (tmp_path / "run.err").write_text(errors)
    run.process.wait()
    made.active = [run]
    seen = Seen()
    made._look(seen)
    assert made.active == []
    written = read_json(tmp_path / "run.json")
    assert (written["status"], written["precious"]) == ("failed", 1)
    assert written["error"].startswith(why)
    assert seen.records == [written]
    assert (tmp_path / "run.err").exists() is bool(errors)


def test_a_run_that_has_its_verdict_is_left_as_it_is(
    made: Campaign, active: Callable[..., Active], tmp_path: Path
) -> None:
    run = active("")
    record = {"schema": SCHEMA, "status": "done", "verdict": "recovers"}
    write_json(tmp_path / "run.json", record)
    (tmp_path / "run.err").touch()
    run.process.wait()
    made.active = [run]
    made._look(Seen())
    assert made.done == [(0, record)]
