"""The JSON Schemas of the file contract: they are complete, and the golden runs are what they describe."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from contract import REGISTRY, SCHEMAS, event_problems, problems, problems_below
from jsonschema import Draft202012Validator

from stacks.lifecycle import records
from stacks.lifecycle.verdict import VERDICTS
from stacks.observe import stats_socket
from stacks.observe.collectors import discover
from stacks.observe.collectors.log import PATTERNS

RUNS = Path(__file__).resolve().parents[2] / "data" / "runs"
COLUMNS = {"request.schema.json": records.REQUEST_COLUMNS, "sample.schema.json": records.SAMPLE_COLUMNS}


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and every schema in it."""
    if isinstance(schema, dict):
        if {"type", "const", "$ref", "anyOf", "oneOf"} & set(schema) or "$schema" in schema:
            yield schema
        for key, value in schema.items():
            if key not in ("x-values", "x-sources"):
                yield from parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from parts(value)


def fields(schema: Any) -> Iterator[dict[str, Any]]:
    """Every field of every object of a schema, with its name."""
    for part in parts(schema):
        yield from ({"name": name, **row} for name, row in part.get("properties", {}).items())


@pytest.mark.parametrize("name", sorted(SCHEMAS))
class TestSchema:
    def test_it_is_of_the_draft_that_it_names(self, name: str) -> None:
        assert SCHEMAS[name]["$schema"] == Draft202012Validator.META_SCHEMA["$schema"]
        Draft202012Validator.check_schema(SCHEMAS[name])

    def test_its_references_lead_somewhere(self, name: str) -> None:
        for part in parts(SCHEMAS[name]):
            if reference := part.get("$ref"):
                base = name if reference.startswith("#") else ""
                assert REGISTRY.resolver().lookup(base + reference).contents

    def test_every_field_has_a_description_and_no_object_has_further_fields(self, name: str) -> None:
        assert all("additionalProperties" in part for part in parts(SCHEMAS[name]) if "properties" in part)
        # A row's own source and kind stand at the head of its table.
        told = [row for row in fields(SCHEMAS[name]) if not (row["name"] in ("source", "kind") and "const" in row)]
        assert [row["name"] for row in told if not {"description", "$ref"} & set(row)] == []

    def test_the_words_of_an_enumeration_are_those_that_it_explains(self, name: str) -> None:
        for part in parts(SCHEMAS[name]):
            if "enum" in part:
                assert [word for word in part["enum"] if word is not None] == list(part["x-values"])


def test_the_schemas_say_what_the_code_says() -> None:
    assert SCHEMAS["common.schema.json"]["$defs"]["verdict"]["enum"] == list(VERDICTS)
    assert SCHEMAS["request.schema.json"]["properties"]["error"]["enum"] == ["", *records.REQUEST_ERRORS]
    stats = SCHEMAS["run.schema.json"]["properties"]["stats"]["items"]["properties"]
    assert tuple(stats) == stats_socket.FIELDS
    numbers = [row["const"] for schema in SCHEMAS.values() for row in fields(schema) if row["name"] == "schema"]
    assert set(numbers) == {records.SCHEMA}
    assert len(numbers) == 11  # of nine files; check.json has three forms


@pytest.mark.parametrize("name", COLUMNS)
def test_the_columns_of_the_parquet_files_have_their_types(name: str) -> None:
    described = {column: row["x-arrow-type"] for column, row in SCHEMAS[name]["properties"].items()}
    assert described == COLUMNS[name]
    assert list(described) == list(COLUMNS[name])


def test_every_kind_of_row_of_the_log_and_every_collector_is_described() -> None:
    schema = SCHEMAS["event.schema.json"]
    kinds = [name for name in schema["$defs"] if "." in name]
    assert [part["$ref"] for part in schema["oneOf"]] == [f"#/$defs/{kind}" for kind in kinds]
    assert {kind for kind, _ in PATTERNS} == {name.split(".")[1] for name in kinds if name.startswith("log.")}
    sources = {name.split(".")[0] for name in kinds}
    assert sources == set(schema["x-sources"])
    silent = {"usage"}  # its samples are rows of samples.parquet
    assert {collector.name for collector in discover()} - silent == sources - {"observer", "children"}
    for name in kinds:
        row = schema["$defs"][name]["properties"]
        assert f"{row['source']['const']}.{row['kind']['const']}" == name


@pytest.mark.parametrize("name", VERDICTS)
def test_a_golden_run_is_as_described(name: str) -> None:
    assert problems_below(RUNS / name) == []


def test_a_row_is_described_by_one_kind_only() -> None:
    validator = Draft202012Validator({"$ref": "event.schema.json"}, registry=REGISTRY)
    shapes = {}
    for path in RUNS.glob(f"*/{records.EVENTS_FILE}"):
        for row in map(json.loads, path.read_text().splitlines()):
            shapes[row["source"], row["kind"], *sorted(row)] = row
    assert len(shapes) > 25
    for row in shapes.values():
        assert validator.is_valid(row), row


def test_a_field_without_a_description_is_a_problem() -> None:
    run = json.loads((RUNS / "recovers" / records.RUN_FILE).read_text())
    assert problems("run", run) == []
    assert "'new'" in problems("run", run | {"new": 1})[0]
    assert "'new'" in problems("run", run | {"stop": run["stop"] | {"new": 1}})[0]
    row = {"t_ns": 1, "source": "log", "kind": "ready", "pid": 5}
    assert event_problems(row) == []
    assert "'new'" in event_problems(row | {"new": 1})[0]
    assert "does not describe" in event_problems(row | {"kind": "new"})[0]
