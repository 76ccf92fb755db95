"""Holds files of a results directory against the JSON Schemas of the file contract, for tests of every room."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from stacks.catalogue import ROOT
from stacks.lifecycle import records

SCHEMAS = {path.name: json.loads(path.read_text()) for path in (ROOT / "stacks/lifecycle/schemas").glob("*.json")}
REGISTRY: Registry[Any] = Registry().with_resources(
    (name, Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)
PARQUET_FILES = (
    ("request", records.REQUESTS_FILE, records.REQUEST_COLUMNS),
    ("sample", records.SAMPLES_FILE, records.SAMPLE_COLUMNS),
)
NUMBERS = {"t_ns", "pid", "slot", "ticks", "switches"}  # of events.jsonl
JSON_FILES = ("run", "campaign", "summary", "check", "capacity", "bisect", "claims", "compare", "bench")


@cache
def validator(reference: str) -> Draft202012Validator:
    """The validator of a schema (`run.schema.json`) or of a part of one (`event.schema.json#/$defs/log.ready`)."""
    return Draft202012Validator({"$ref": reference}, registry=REGISTRY)


def problems(name: str, value: Any) -> list[str]:
    """Why `value` is not what the schema `name`, such as `run`, describes; empty if it is."""
    return [f"{e.json_path}: {e.message[:300]}" for e in validator(f"{name}.schema.json").iter_errors(value)]


def event_problems(row: dict[str, Any]) -> list[str]:
    """The same for a row of events.jsonl, against the part of the schema that is for its kind."""
    kind = f"{row['source']}.{row['kind']}"
    if kind not in SCHEMAS["event.schema.json"]["$defs"]:
        return [f"event.schema.json does not describe {kind}"]
    errors = validator(f"event.schema.json#/$defs/{kind}").iter_errors(row)
    return [f"{kind}, {e.json_path}: {e.message[:300]}" for e in errors]


def problems_below(directory: Path) -> list[str]:
    """Every problem of every file below a results directory; each distinct problem of a file once."""
    found = [f"{path}: {problem}" for path, problem in _problems_below(directory)]
    return list(dict.fromkeys(found))


def _problems_below(directory: Path) -> Iterator[tuple[Path, str]]:
    for name in JSON_FILES:
        for path in directory.rglob(f"{name}.json"):
            yield from ((path, problem) for problem in problems(name, json.loads(path.read_text())))
    for path in directory.rglob(records.EVENTS_FILE):
        for row in _distinct(map(json.loads, path.read_text().splitlines()), NUMBERS):
            yield from ((path, problem) for problem in event_problems(row))
    for name, file, columns in PARQUET_FILES:
        numbers = {column for column, kind in columns.items() if kind == "int64"}
        for path in directory.rglob(file):
            for row in _distinct(pq.read_table(path).to_pylist(), numbers):
                yield from ((path, problem) for problem in problems(name, row))


def _distinct(rows: Iterable[dict[str, Any]], numbers: set[str]) -> Iterable[dict[str, Any]]:
    """The first of all rows that differ in nothing but these numbers: a campaign has ten thousands of them."""
    seen: dict[str, dict[str, Any]] = {}
    for row in rows:
        key = json.dumps({name: type(value).__name__ if name in numbers else value for name, value in row.items()})
        seen.setdefault(key, row)
    return seen.values()
