"""The file contract: a reader gets what was written, and an error names the file, the line and the cause."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.lifecycle import records
from stacks.lifecycle.reading import read_events, read_json
from stacks.lifecycle.records import SCHEMA, Event, RecordError, write_json

OWN = {"t_ns", "source", "kind", "pid", "slot"}
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.builds(
    Event,
    t_ns=st.integers(0, 2**63 - 1),
    source=st.text(min_size=1),
    kind=st.text(min_size=1),
    pid=st.integers(0, 2**22),
    slot=st.integers(0, 512),
    data=st.dictionaries(st.text().filter(lambda key: key not in OWN), VALUES, max_size=4),
)


@given(EVENTS)
def test_a_row_is_read_as_it_was_written(event: Event) -> None:
    assert Event.from_json(event.to_json()) == event


@given(events=st.lists(EVENTS, max_size=5))
def test_a_file_of_rows_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_text("".join(event.to_json() + "\n" for event in events), encoding="utf-8")
    assert list(read_events(path)) == events


def test_empty_fields_are_left_out() -> None:
    assert Event(5, "log", "ready").to_json() == '{"t_ns":5,"source":"log","kind":"ready"}'
    assert json.loads(Event(5, "log", "ready", 7, 2, {"x": 0}).to_json()) == {
        "t_ns": 5,
        "source": "log",
        "kind": "ready",
        "pid": 7,
        "slot": 2,
        "x": 0,
    }


GOOD = '{"t_ns":1,"source":"log","kind":"ready","pid":3}\n'


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (GOOD + GOOD.rstrip(), 2),
        (GOOD + GOOD[:20], 2),
        (GOOD + "\x00\x00\n" + GOOD, 2),
        (GOOD * 3 + "[]\n", 4),
        ("5\n", 1),
        ("\n", 1),
        ('{"t_ns":1,"source":"log"}\n', 1),
        (b'{"t_ns":1,"source":"log","kind":"r\xff"}\n', 1),
    ],
    ids=["no newline", "cut", "zeroes", "a list", "a number", "empty", "no kind", "not UTF-8"],
)
def test_a_damaged_row_names_its_file_and_line(tmp_path: Path, damage: str | bytes, line: int) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(damage if isinstance(damage, bytes) else damage.encode())
    read = []
    with pytest.raises(RecordError, match=rf"events\.jsonl:{line}: not a row .*repeat it"):
        read.extend(read_events(path))


def test_the_rows_before_the_damaged_one_are_read(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(GOOD * 2 + "{")
    rows = read_events(path)
    assert [next(rows), next(rows)] == [Event(1, "log", "ready", 3)] * 2
    with pytest.raises(RecordError):
        next(rows)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"none\.jsonl: missing"):
        list(read_events(tmp_path / "none.jsonl"))


def test_a_json_file_is_replaced_by_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "any.json"
    write_json(path, {"schema": SCHEMA, "a": 1})
    before = path.stat().st_ino
    write_json(path, {"schema": SCHEMA, "a": 2})
    assert read_json(path)["a"] == 2
    assert path.stat().st_ino != before  # a new file in place of the old one
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_value_that_cannot_be_written_leaves_only_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "any.json"
    write_json(path, {"schema": SCHEMA})
    with pytest.raises(TypeError):
        write_json(path, {"schema": SCHEMA, "bad": object()})
    assert read_json(path) == {"schema": SCHEMA}
    assert os.listdir(tmp_path) == ["any.json"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps({"schema": SCHEMA + 1}), "is newer than the .* Update the pack"),
        (json.dumps({"schema": SCHEMA - 1}), "is older than .* has no migration"),
        ("{}", "has no schema number"),
        ("[1]", "has no schema number"),
        ('{"schema": "1"}', "has no schema number"),
        ('{"schema": 1', "cannot be read"),
        (b"\xff\xfe", "cannot be read"),
        (None, "missing"),
    ],
)
def test_an_error_names_a_json_file_that_cannot_be_used(tmp_path: Path, text: str | bytes | None, message: str) -> None:
    path = tmp_path / "any.json"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RecordError, match=rf"any\.json: .*{message}"):
        read_json(path)


def test_the_schema_has_a_history() -> None:
    source = Path(records.__file__).read_text()
    history = source.split("# Schema history:")[1].split("\nSCHEMA")[0]
    numbers = [int(line.split()[1]) for line in history.strip().splitlines()]
    assert numbers == list(range(1, SCHEMA + 1))
