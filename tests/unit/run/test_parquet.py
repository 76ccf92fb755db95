"""The recorder's lines become Parquet: every line, ordered by start, also of a recorder that was killed."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.lifecycle.records import (
    REQUEST_COLUMNS,
    REQUEST_ERRORS,
    REQUESTS_FILE,
    SAMPLE_COLUMNS,
    SAMPLES_FILE,
    RecordError,
)
from stacks.run import parquet

HEADER = "\t".join(REQUEST_COLUMNS) + "\n"
COMPLETE = "# complete\n"


def line(start: int, name: str = "/", error: str = "", pid: int = 812) -> str:
    return f"{start}\t{start}\t5000\t{0 if error else 200}\t{error}\t2\t{pid}\t3\tGET\t{name}\n"


def part(directory: Path, number: int, text: str) -> None:
    (directory / f"requests-{number}.tsv").write_text(text, encoding="utf-8")


def rows(directory: Path) -> list[dict]:
    return pq.read_table(directory / REQUESTS_FILE).to_pylist()


def test_every_row_of_every_part_is_there_ordered_by_start(tmp_path: Path) -> None:
    part(tmp_path, 1, HEADER + line(30) + line(10) + COMPLETE)
    part(tmp_path, 2, HEADER + line(20, error="timeout") + COMPLETE)
    assert parquet.write_requests(tmp_path)
    assert [row["start_ns"] for row in rows(tmp_path)] == [10, 20, 30]
    assert rows(tmp_path)[1] == {
        "scheduled_ns": 20,
        "start_ns": 20,
        "latency_us": 5000,
        "status": 0,
        "error": "timeout",
        "slot": 2,
        "pid": 812,
        "bytes": 3,
        "method": "GET",
        "name": "/",
    }
    assert [path.name for path in tmp_path.iterdir()] == [REQUESTS_FILE]


def test_the_columns_have_their_types(tmp_path: Path) -> None:
    parquet.write_requests(tmp_path)
    schema = pq.read_schema(tmp_path / REQUESTS_FILE)
    assert {field.name: str(field.type) for field in schema} == REQUEST_COLUMNS


def test_every_column_says_what_it_means_and_in_which_unit(tmp_path: Path) -> None:
    part(tmp_path, 1, HEADER + line(1) + COMPLETE)
    parquet.write_requests(tmp_path)
    parquet.write_samples(tmp_path, [])
    for name in (REQUESTS_FILE, SAMPLES_FILE):
        schema = pq.read_schema(tmp_path / name)
        assert all(field.metadata[b"description"] for field in schema)
        units = {field.name: field.metadata.get(b"unit") for field in schema}
        for suffix, unit in ((b"_ns", b"ns"), (b"_us", b"us"), (b"_kib", b"KiB")):
            assert {units[column] for column in units if column.encode().endswith(suffix)} <= {unit}


def test_an_answer_has_an_empty_error_and_not_null(tmp_path: Path) -> None:
    part(tmp_path, 1, HEADER + line(1) + line(2, name="NULL", error="in_flight") + COMPLETE)
    parquet.write_requests(tmp_path)
    assert [(row["error"], row["name"]) for row in rows(tmp_path)] == [("", "/"), ("in_flight", "NULL")]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (HEADER + line(1) + line(2), 2),
        (HEADER + line(1) + line(2)[:-1], 1),
        (HEADER + line(1) + line(2)[:9], 1),
        (HEADER + line(1) + "# compl", 1),
        (HEADER, 0),
        (HEADER[:10], 0),
        ("", 0),
    ],
)
def test_a_part_that_was_cut_short_keeps_its_whole_lines_and_counts_as_incomplete(
    tmp_path: Path, text: str, count: int
) -> None:
    part(tmp_path, 1, text)
    assert not parquet.write_requests(tmp_path)
    assert len(rows(tmp_path)) == count


@pytest.mark.parametrize("cut", [1, 2])
def test_one_cut_part_among_complete_parts_counts_as_incomplete(tmp_path: Path, cut: int) -> None:
    part(tmp_path, cut, HEADER + line(1))
    part(tmp_path, 3 - cut, HEADER + line(2) + COMPLETE)
    assert not parquet.write_requests(tmp_path)
    assert len(rows(tmp_path)) == 2


def test_without_a_part_the_table_is_empty_and_incomplete(tmp_path: Path) -> None:
    assert not parquet.write_requests(tmp_path)
    assert rows(tmp_path) == []


def test_a_run_without_a_request_is_complete(tmp_path: Path) -> None:
    part(tmp_path, 1, HEADER + COMPLETE)
    assert parquet.write_requests(tmp_path)
    assert rows(tmp_path) == []


@given(names=st.lists(st.text(st.characters(exclude_characters="\t\n\r", exclude_categories=["Cs"]), min_size=1)))
def test_a_name_may_have_any_character(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    folder = tmp_path_factory.getbasetemp()
    part(folder, 1, HEADER + "".join(line(i, name) for i, name in enumerate(names)) + COMPLETE)
    assert parquet.write_requests(folder)
    assert [row["name"] for row in rows(folder)] == names


def test_no_word_for_an_error_is_listed_twice() -> None:
    assert len(set(REQUEST_ERRORS)) == len(REQUEST_ERRORS)


@pytest.mark.parametrize("column", REQUEST_COLUMNS)
def test_a_file_without_a_column_is_an_error_in_words(tmp_path: Path, column: str) -> None:
    parquet.write_requests(tmp_path)
    path = tmp_path / REQUESTS_FILE
    pq.write_table(pq.read_table(path).drop_columns([column]), path)
    with pytest.raises(RecordError, match=f"the column {column} is missing"):
        parquet.read_requests(path, list(REQUEST_COLUMNS))


@pytest.mark.parametrize("samples", [[], [(1, "worker", 2, 812, 3, 4096, -1, 1, "futex_do_wait", 0)]])
def test_samples_keep_their_values_and_types(tmp_path: Path, samples: list[tuple[object, ...]]) -> None:
    parquet.write_samples(tmp_path, samples)
    table = pq.read_table(tmp_path / SAMPLES_FILE)
    assert [tuple(row.values()) for row in table.to_pylist()] == samples
    assert {field.name: str(field.type) for field in table.schema} == SAMPLE_COLUMNS
