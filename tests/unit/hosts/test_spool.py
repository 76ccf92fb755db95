"""The rows of one process get into the location: pieces while it runs, one file at the end, no row lost, none twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stacks.catalogue import ROOT
from stacks.hosts import spool as spool_module
from stacks.hosts.clocks import NOT_MEASURED, Offset
from stacks.hosts.location import Location
from stacks.hosts.recovery import footer_file
from stacks.hosts.spool import COMPLETE, Spool
from stacks.lifecycle.losses import tally
from stacks.lifecycle.parts import PART_COLUMNS, PARTS_DIR, Part, current_files
from stacks.lifecycle.records import REQUEST_COLUMNS, REQUEST_ERRORS, RecordError

HEADER = "\t".join(REQUEST_COLUMNS) + "\n"
PART = Part.of("night", "load1", 77, 1000)


def line(start: int, error: str = "") -> str:
    return f"{start}\t{start}\t5000\t{0 if error else 200}\t{error}\t2\t812\t3\tGET\t/\n"


def make(folder: Path, shift: Offset = NOT_MEASURED) -> tuple[Spool, Path]:
    file = folder / "requests-77.tsv"
    location = Location(str(folder / "location"))
    return Spool(file, location, PART, "clock", lambda: shift), file


def rows(folder: Path) -> list[dict]:
    parts = folder / "location" / PARTS_DIR
    files = current_files([path.name for path in parts.glob("*")])
    return [row for file in files for row in pq.read_table(parts / file.name).to_pylist()]


def test_pieces_hold_whole_lines_and_the_end_replaces_them(tmp_path: Path) -> None:
    spool, file = make(tmp_path)
    assert spool.ship() == 0  # there is no file yet
    file.write_text(HEADER + line(3) + line(1) + line(2)[:9])
    assert spool.ship() == 2
    assert [row["start_ns"] for row in rows(tmp_path)] == [1, 3]
    file.write_text(HEADER + line(3) + line(1) + line(2))
    assert spool.ship() == 1
    assert spool.ship() == 0
    assert sorted(row["start_ns"] for row in rows(tmp_path)) == [1, 2, 3]
    assert not spool.is_complete()
    with file.open("ab") as end:
        end.write(COMPLETE)
    assert spool.is_complete()
    assert spool.finish() == 3
    assert [row["start_ns"] for row in rows(tmp_path)] == [1, 2, 3]
    spool.tidy()
    assert [path.name for path in (tmp_path / "location" / PARTS_DIR).iterdir()] == [PART.file]
    assert [row["start_ns"] for row in rows(tmp_path)] == [1, 2, 3]


def test_rows_have_their_host_and_times_of_the_observers_clock(tmp_path: Path) -> None:
    spool, file = make(tmp_path, Offset(-1000, 7))
    file.write_text(HEADER + line(5000))
    spool.ship()
    (row,) = rows(tmp_path)
    assert list(row) == list(PART_COLUMNS)
    assert (row["start_ns"], row["scheduled_ns"], row["latency_us"]) == (4000, 4000, 5000)
    assert (row["host"], row["clock"], row["clock_shift_ns"], row["clock_bound_ns"]) == ("load1", "clock", -1000, 7)


def test_no_row_makes_pyarrow_import_pandas(tmp_path: Path) -> None:
    """It takes as much CPU time as 200 000 rows."""
    (tmp_path / "requests-77.tsv").write_text(HEADER + line(1))
    code = (
        "import sys; from pathlib import Path; from stacks.hosts.clocks import Offset\n"
        "from stacks.hosts.spool import *\n"
        "folder = Path(sys.argv[1]); part = Part('night', 'load1', 77, 1000)\n"
        "spool = Spool(folder / 'requests-77.tsv', Location(str(folder)), part, 'clock', lambda: Offset(1, 1))\n"
        "assert spool.ship() == spool.finish() == spool.tally().requests == 1\n"
        "assert 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT, check=True)


def test_a_copy_of_the_footer_opens_the_part(tmp_path: Path) -> None:
    spool, file = make(tmp_path)
    file.write_text(HEADER + line(1) + line(2))
    spool.finish()
    footer = pq.read_metadata(tmp_path / "location" / footer_file(PART))
    part = tmp_path / "location" / PARTS_DIR / PART.file
    part.write_bytes(part.read_bytes()[:-100])
    with pytest.raises(ValueError, match="Parquet"):
        pq.ParquetFile(part)
    assert pq.ParquetFile(part, metadata=footer).read_row_group(0).num_rows == 2


def test_a_damage_can_cost_a_twentieth_of_a_part(tmp_path: Path) -> None:
    spool, file = make(tmp_path)
    file.write_text(HEADER + "".join(line(10**15 + number, "") for number in range(20_000)))
    assert spool.finish() == 20_000
    part = pq.ParquetFile(tmp_path / "location" / PARTS_DIR / PART.file)
    groups = [part.metadata.row_group(number).num_rows for number in range(part.num_row_groups)]
    assert sum(groups) == 20_000
    assert max(groups) <= 1000


def test_a_line_that_is_no_row_costs_only_itself(tmp_path: Path) -> None:
    spool, file = make(tmp_path)
    file.write_bytes((HEADER + line(1) + "x\t\ty\n" + line(2).replace("5000", "often")).encode() + line(3).encode())
    assert spool.ship() == 2
    assert spool.finish() == 2
    assert spool.bad_rows == 2


def test_a_location_out_of_reach_costs_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool, file = make(tmp_path)
    file.write_text(HEADER + line(1))
    spool.ship()

    def refuse(_name: str, _data: bytes) -> None:
        raise RecordError("out of reach")

    monkeypatch.setattr(spool.location, "write", refuse)
    file.write_text(HEADER + line(1) + line(2))
    with pytest.raises(RecordError):
        spool.ship()
    monkeypatch.undo()
    file.write_text(HEADER + line(1) + line(2) + line(3))
    assert spool.ship() == 2
    assert sorted(row["start_ns"] for row in rows(tmp_path)) == [1, 2, 3]


ROWS = st.tuples(
    st.sampled_from(["", *REQUEST_ERRORS]),
    st.sampled_from([0, 200, 503]),
    st.sampled_from([0, 812, 813]),
    st.integers(1, 10**8),
)


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(ROWS, max_size=30), cuts=st.lists(st.integers(0, 30), max_size=4), at_once=st.integers(0, 30))
def test_requests_are_counted_as_in_a_run_on_one_machine(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int, int, int]], cuts: list[int], at_once: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool, file = make(folder)
    lines = [f"1\t1\t{us}\t{status}\t{error}\t2\t{pid}\t3\tGET\t/\n" for error, status, pid, us in rows]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool_module, "MOST_GROUP", at_once)
        for cut in sorted(cuts):
            file.write_text(HEADER + "".join(lines[:cut]))
            spool.ship()
    file.write_text(HEADER + "".join(lines))
    found, wanted = spool.tally(), tally(folder)
    assert +found.counts == +wanted.counts
    assert sorted(found.ages_us) == sorted(wanted.ages_us)
    assert found.row() == wanted.row()


@settings(max_examples=25, deadline=None)
@given(count=st.integers(0, 40), block_bytes=st.integers(130, 4000), cuts=st.lists(st.integers(0, 3000), max_size=4))
def test_every_row_is_there_once_however_the_file_grows(
    tmp_path_factory: pytest.TempPathFactory, count: int, block_bytes: int, cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool, file = make(folder)
    text = HEADER + "".join(line(10**9 + number) for number in range(count))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool_module, "BLOCK_BYTES", block_bytes)
        for cut in sorted(cuts):
            file.write_text(text[:cut])
            spool.ship()
        file.write_text(text)
        spool.ship()
        wanted = [10**9 + number for number in range(count)]
        assert sorted(row["start_ns"] for row in rows(folder)) == wanted
        assert spool.finish() == count
        assert sorted(row["start_ns"] for row in rows(folder)) == wanted
