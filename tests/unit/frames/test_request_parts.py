"""A run on many hosts has its requests in parts: the frames are those of one file with the same rows."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from analysis.frames.results import load
from stacks.lifecycle.parts import PARTS_DIR, Part, current_files, parse
from stacks.lifecycle.records import REQUESTS_FILE, RUN_FILE

GOLDEN = Path(__file__).parents[2] / "data" / "runs" / "recovers"
HOSTS = {"master": "m", "pack": "files 1", "loads": 2, "observers": 1, "closes_within_s": 180.0}


def in_parts(folder: Path, *, with_pieces: bool = False) -> Path:
    """Copy the golden run, with its requests in two parts. The second one may be in pieces."""
    run = folder / "run"
    run.mkdir(parents=True)
    for file in GOLDEN.iterdir():
        if file.is_file() and file.name != REQUESTS_FILE:
            (run / file.name).write_bytes(file.read_bytes())
    record = json.loads((run / RUN_FILE).read_text())
    (run / RUN_FILE).write_text(json.dumps(record | {"hosts": HOSTS}))
    table = pq.read_table(GOLDEN / REQUESTS_FILE)
    parts = run / PARTS_DIR
    parts.mkdir()
    one, two = Part("c", "a", 1, 1), Part("c", "b", 2, 2)
    third = table.num_rows // 3
    pq.write_table(table.slice(0, third), parts / one.file)
    if with_pieces:
        pq.write_table(table.slice(third, third), parts / two.piece(1))
        pq.write_table(table.slice(2 * third), parts / two.piece(2))
    else:
        pq.write_table(table.slice(third), parts / two.file)
        pq.write_table(table.slice(0, 5), parts / two.piece(7))  # left over: the whole part counts
    return run


@pytest.mark.parametrize("with_pieces", [False, True])
def test_the_frames_of_parts_are_those_of_one_file(tmp_path: Path, with_pieces: bool) -> None:
    found = load(in_parts(tmp_path, with_pieces=with_pieces))
    wanted = load(GOLDEN)
    columns = [name for name in wanted.runs if name != "path"]
    assert found.runs[columns].to_dict("records") == wanted.runs[columns].to_dict("records")
    assert found.seconds.equals(wanted.seconds)
    assert found.episodes.equals(wanted.episodes)
    count = "count(*) AS n"
    assert found.requests(count)["n"].tolist() == wanted.requests(count)["n"].tolist()


def test_a_damaged_part_is_named_and_the_others_count(tmp_path: Path) -> None:
    run = in_parts(tmp_path)
    damaged = run / PARTS_DIR / Part("c", "a", 1, 1).file
    damaged.write_bytes(damaged.read_bytes()[:300])
    found = load(run)
    assert len(found.counted) == 1
    assert [why for _, why in found.damaged if str(damaged) in why]
    everything = pq.read_table(GOLDEN / REQUESTS_FILE).num_rows
    assert found.runs["requests"].tolist() == [everything - everything // 3]


def test_an_incomplete_run_counts_and_says_what_is_missing(tmp_path: Path) -> None:
    run = in_parts(tmp_path)
    record = json.loads((run / RUN_FILE).read_text())
    record |= {"status": "incomplete", "error": "b is gone"}
    record["hosts"]["missing"] = ["b is gone"]
    (run / RUN_FILE).write_text(json.dumps(record))
    found = load(run)
    assert found.counted["verdict"].tolist() == ["recovers"]
    assert [why for _, why in found.damaged] == [f"{run / RUN_FILE}: b is gone; the run counts without it."]


def test_clocks_that_are_too_far_apart_for_the_pictures_are_told(tmp_path: Path) -> None:
    run = in_parts(tmp_path)
    record = json.loads((run / RUN_FILE).read_text())
    clock = {"host": "a", "part": "p", "clock": "c", "shift_ns": 5, "agrees": True, "round_trips": 9}
    for bound_ns, bound_ms, words in (
        (700_000, 0.7, None),
        (700_000_000, 700.0, "agree only within 700 ms"),
        (-1, math.inf, "were not compared"),
    ):
        record["hosts"] = HOSTS | {"clocks": [clock | {"bound_ns": 10}, clock | {"bound_ns": bound_ns}]}
        (run / RUN_FILE).write_text(json.dumps(record))
        found = load(run)
        assert found.runs["clock_bound_ms"].tolist() == [bound_ms]
        assert [words in why for _, why in found.damaged] == ([True] if words else [])


def test_a_run_without_any_part_is_left_out(tmp_path: Path) -> None:
    run = in_parts(tmp_path)
    for file in (run / PARTS_DIR).iterdir():
        file.unlink()
    other = in_parts(tmp_path / "other")
    found = load(run, other)
    assert [why for _, why in found.left_out] == [
        f"{run}: the run has no requests. Repeat it, or delete its directory."
    ]


def test_names_of_parts_are_read_back_and_other_names_are_none() -> None:
    part = Part.of("my night/1", "h~st.example", 12, 3)
    assert part.campaign == "my-night-1"
    assert parse(part.file).part == part
    assert (parse(part.piece(7)).part, parse(part.piece(7)).piece) == (part, 7)
    for name in ("x.parquet", "a~b~c~1.parquet", "a~b~1~2~3~4.parquet", f"{part.text}.tsv", "a~b~1~²~3.parquet"):
        assert parse(name) is None
    names = [part.piece(1), Part("other", "h", 1, 1).file, "readme"]
    assert [file.name for file in current_files(names, part.campaign)] == [part.piece(1)]
