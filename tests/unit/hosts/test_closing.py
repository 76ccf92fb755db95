"""A run is closed by what lies in its location: what is missing is named, and the rest is judged."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from host_cards import PACK, load, observer, tally

from analysis.frames.results import load as load_results
from stacks.hosts import closing
from stacks.hosts.card import CARDS_DIR, ENDED, LOADING, WRITTEN, Card
from stacks.hosts.collecting import OBSERVERS_CAMPAIGN, collect
from stacks.hosts.coordinator import Expected
from stacks.hosts.location import Location
from stacks.hosts.part_entries import save_damaged
from stacks.hosts.recovery import FOOTERS_DIR, write_footer
from stacks.lifecycle.parts import DAMAGED_DIR, EVENTS_DIR, OBSERVER_FILE, PARTS_DIR, Part
from stacks.lifecycle.reading import read_document, read_json
from stacks.lifecycle.records import EVENTS_FILE, REQUESTS_FILE, RUN_FILE, RecordError
from stacks.lifecycle.schema_check import checker

GROUP = 20
GOLDEN = Path(__file__).parents[2] / "data" / "runs" / "recovers"


class Place:
    """The location of a run: two load hosts, which share the rows of a golden run, and its observer."""

    def __init__(self, folder: Path, loads: int = 2) -> None:
        self.location = Location(str(folder / "night"))
        self.path = folder / "night"
        closing.begin(self.location, Expected("night", loads, 1, PACK, "m"), users=8, scenario="steady.py")
        self.table = pq.read_table(GOLDEN / REQUESTS_FILE)
        self.half = self.table.num_rows // 2

    def put(self, card: Card) -> None:
        self.location.write(f"{CARDS_DIR}/{card.part}.json", card.to_bytes())

    def put_part(self, host: str, *, is_whole: bool = True, **more: object) -> None:
        part = Part("night", host, 1, 1)
        rows = self.table.slice(0, self.half) if host == "a" else self.table.slice(self.half)
        (self.path / PARTS_DIR).mkdir(exist_ok=True)
        file = self.path / PARTS_DIR / (part.file if is_whole else part.piece(1))
        pq.write_table(rows, file, row_group_size=GROUP, write_page_checksum=True)
        if is_whole:
            write_footer(self.location, part, pq.read_metadata(file))
        self.put(load(host, WRITTEN, rows=rows.num_rows, complete=is_whole, **more) if is_whole else load(host))

    def put_observer(self, *, is_whole: bool = True) -> None:
        events = (GOLDEN / EVENTS_FILE).read_bytes()
        record = json.loads((GOLDEN / RUN_FILE).read_text())
        if not is_whole:
            begun = record | {
                "status": "running",
                "verdict": None,
                "load": {"begin_ns": None, "end_ns": None, "window_s": 1},
            }
            begun.pop("counts", None)
            self.location.write(OBSERVER_FILE, json.dumps(begun).encode())
            lines = events.splitlines(keepends=True)
            self.location.write(f"{EVENTS_DIR}/000001.jsonl", b"".join(lines[:50]))
            self.location.write(f"{EVENTS_DIR}/000002.jsonl", b"".join(lines[50:]))
            self.put(observer(LOADING))
            return
        self.location.write(EVENTS_FILE, events)
        self.location.write(OBSERVER_FILE, (GOLDEN / RUN_FILE).read_bytes())
        self.put(observer(WRITTEN))

    def cut_off(self, host: str, groups: int) -> Path:
        """Cut the file of a part in the middle of the row group after the first `groups`."""
        file = self.path / PARTS_DIR / Part("night", host, 1, 1).file
        last = pq.read_metadata(file).row_group(groups).column(3)
        file.write_bytes(file.read_bytes()[: last.data_page_offset + 1])
        return file

    def close(self) -> dict:
        record = closing.close(self.location)
        assert read_json(self.path / RUN_FILE) == record
        assert read_document(self.path / RUN_FILE).left_out == []
        return record


def test_a_run_with_every_part_is_done_and_the_reports_read_it(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for host in "ab":
        place.put_part(host)
    place.put_observer()
    record = place.close()
    assert (record["status"], record["verdict"], record["hosts"]["missing"]) == ("done", "recovers", [])
    # The offset to the coordinator minus that of the observer; both bounds.
    clock = record["hosts"]["clocks"][0]
    assert (clock["shift_ns"], clock["bound_ns"]) == (600, 25)
    found = load_results(place.path)
    assert found.runs["requests"].tolist() == [place.table.num_rows]
    assert found.counted["verdict"].tolist() == ["recovers"]
    assert "times of different hosts agree within 0.000 ms" in closing.describe(place.location, record)


def test_a_lost_host_is_named_and_the_rows_that_it_left_count(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.put_part("a")
    place.put_part("b", is_whole=False)
    place.put_observer()
    record = place.close()
    assert (record["status"], record["verdict"]) == ("incomplete", "recovers")
    rows = place.table.num_rows - place.half
    assert record["error"].startswith(f"b: {rows} rows of Locust with the pid 1 are there; its host was lost")
    assert load_results(place.path).counted["requests"].tolist() == [place.table.num_rows]


def test_a_part_whose_locust_was_killed_makes_the_run_incomplete(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.put_part("a")
    place.put_part("b", problem="its Locust was killed")
    place.put_observer()
    assert "its Locust was killed" in place.close()["error"]


def test_a_part_that_was_cut_off_in_the_middle_keeps_the_rows_before_the_cut(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for host in "ab":
        place.put_part(host)
    place.put_observer()
    assert place.close()["status"] == "done"
    file = place.cut_off("b", groups=2)
    before = load_results(place.path)
    assert before.runs["requests"].tolist() == [place.half]
    assert any("`python -m stacks close`" in why for _, why in before.damaged)
    record = place.close()
    rows = place.table.num_rows - place.half
    assert record["hosts"]["missing"] == [
        f"b: {2 * GROUP} rows of Locust with the pid 1 are there; its file with {rows} rows was cut off or damaged "
        "after it was written, and the others cannot be read"
    ]
    assert (record["status"], record["verdict"], record["hosts"]["foreign"]) == ("incomplete", "recovers", [])
    assert load_results(place.path).counted["requests"].tolist() == [place.half + 2 * GROUP]
    assert [path.name for path in (place.path / DAMAGED_DIR).iterdir()] == [file.name]
    assert place.close() == record


def test_pieces_that_are_still_there_are_better_than_a_part_that_was_cut_off(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for host in "ab":
        place.put_part(host)
    place.put_part("b", is_whole=False)
    place.put_part("b")
    place.put_observer()
    place.cut_off("b", groups=1)
    assert place.close()["status"] == "incomplete"
    assert load_results(place.path).counted["requests"].tolist() == [place.table.num_rows]


def test_a_page_that_was_damaged_costs_only_its_row_group(tmp_path: Path) -> None:
    """The footer is as it was, so the reports find the damage, and `close` saves the rows before and behind it."""
    place = Place(tmp_path)
    for host in "ab":
        place.put_part(host)
    place.put_observer()
    file = place.path / PARTS_DIR / Part("night", "b", 1, 1).file
    (page,) = [pq.read_metadata(file).row_group(1).column(1)]
    data = bytearray(file.read_bytes())
    data[page.data_page_offset + page.total_compressed_size - 1] ^= 255
    file.write_bytes(data)
    save_damaged(place.location)
    record = place.close()
    rows = place.table.num_rows - place.half
    assert f"b: {rows - GROUP} rows of Locust" in record["error"]
    assert load_results(place.path).counted["requests"].tolist() == [place.table.num_rows - GROUP]
    save_damaged(place.location)
    assert place.close() == record


def test_a_part_that_was_cut_off_and_has_no_copy_of_its_footer_is_named_and_put_aside(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for host in "ab":
        place.put_part(host)
    place.put_observer()
    file = place.cut_off("b", groups=2)
    (copy,) = (place.path / FOOTERS_DIR).glob("*~b~*")
    copy.unlink()
    assert "b: 0 rows of Locust with the pid 1 are there; its file with" in place.close()["error"]
    assert [path.name for path in (place.path / DAMAGED_DIR).iterdir()] == [file.name]


def test_what_locust_has_counted_stands_beside_the_rows(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for host in "ab":
        place.put_part(host)
    place.put_observer()
    record = closing.close(place.location, locust_counted={"requests": 1, "failures": 0})
    assert "\nLocust itself counted 1 request and 0 failures\n" in closing.describe(place.location, record)
    assert place.close()["hosts"]["locust"] == {"requests": 1, "failures": 0}


def test_hosts_that_never_came_are_counted(tmp_path: Path) -> None:
    place = Place(tmp_path, loads=3)
    place.put_part("a")
    place.put_part("b")
    record = place.close()
    assert record["hosts"]["missing"] == [
        "2 of 3 processes of Locust took part",
        "0 of 1 uWSGI hosts took part",
    ]
    assert (record["status"], record["verdict"]) == ("incomplete", "invalid")


def test_a_lost_observer_is_judged_by_the_rows_that_it_left(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.put_part("a", tally=tally())
    place.put_part("b")
    place.put_observer(is_whole=False)
    record = place.close()
    assert (record["status"], record["verdict"]) == ("incomplete", "recovers")
    assert "its observer ended before its files were written" in record["error"]
    assert record["load"]["begin_ns"] == json.loads((GOLDEN / RUN_FILE).read_text())["load"]["begin_ns"]
    assert len(load_results(place.path).counted) == 1


def test_to_close_twice_changes_nothing_and_parts_that_came_late_count(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.put_part("a")
    place.put_part("b", is_whole=False)
    place.put_observer()
    assert place.close() == place.close()
    place.put_part("b")
    assert place.close()["status"] == "done"


def test_damaged_cards_and_parts_of_other_runs_are_named_and_cost_nothing_else(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for host in "ab":
        place.put_part(host)
    place.put_observer()
    place.location.write(f"{CARDS_DIR}/night~c~1~1.json", b'{"role": "load"}')
    place.location.write(f"{PARTS_DIR}/{Part('other', 'a', 1, 1).file}", b"?")
    place.location.write(f"{PARTS_DIR}/notes.txt", b"?")
    record = place.close()
    assert record["status"] == "incomplete"
    assert "night~c~1~1.json: cannot be read" in record["error"]
    assert record["hosts"]["foreign"] == [
        "parts of another run, other, lie in the same place; they do not count",
        "notes.txt: no part of a run; left alone",
    ]


def test_one_name_is_for_one_run(tmp_path: Path) -> None:
    Place(tmp_path)
    with pytest.raises(RecordError, match=r"night has a run already\. Name another one with PACK_CAMPAIGN"):
        Place(tmp_path)


def test_a_place_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="holds no run of many hosts"):
        closing.close(Location(str(tmp_path)))
    with pytest.raises(RecordError, match="holds no run of many hosts"):
        collect(Location(str(tmp_path)), tmp_path / "copy")


def test_a_copy_is_a_campaign_for_the_reports(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for host in "ab":
        place.put_part(host)
    place.put_observer()
    with pytest.raises(RecordError, match="the run has not ended"):
        collect(place.location, tmp_path / "copy")
    place.close()
    place.location.write(f"{PARTS_DIR}/{Part('other', 'a', 1, 1).file}", b"?")
    copy = collect(place.location, tmp_path / "copy")
    assert copy == tmp_path / "copy" / "night"
    assert load_results(copy).counted["requests"].tolist() == [place.table.num_rows]
    place.location.write(OBSERVERS_CAMPAIGN, b'{"cells": 3}')
    collect(place.location, tmp_path / "copy")


def test_a_copy_of_a_run_with_a_uwsgi_of_ones_own_is_a_campaign_as_well(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for host in "ab":
        place.put_part(host)
    place.put_observer()
    watched = json.loads((GOLDEN / RUN_FILE).read_text())
    for name in ("stack", "version", "python", "package", "package_version", "expected", "trial", "campaign"):
        watched.pop(name, None)
    place.location.write(OBSERVER_FILE, json.dumps(watched | {"url": "http://app", "scenario": "mine"}).encode())
    place.close()
    copy = collect(place.location, tmp_path / "copy")
    found = load_results(copy)
    assert found.counted["verdict"].tolist() == ["recovers"]
    for name, path in (("campaign", copy / "campaign.json"), ("run", copy / "run" / RUN_FILE)):
        assert not checker(name)(json.loads(path.read_text()))


def test_a_card_that_was_sent_is_the_card_that_was_read() -> None:
    from stacks.hosts.card import load_card, parse

    card = load("a", ENDED, tally=tally(), problem="x")
    assert load_card(card.to_bytes()) == card
    good = card.to_json()
    for bad in (
        [],
        {},
        good | {"state": "loading"},
        good | {"role": "spy"},
        good | {"rows": "1"},
        good | {"tally": {"requests": []}},
        good | {"offset": {"ns": 1}},
        good | {"more": 1, "unknown": 2},
    ):
        with pytest.raises(ValueError, match=r"card of a host|no JSON object"):
            parse(bad)
