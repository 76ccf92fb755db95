"""Holds files of a results directory against the JSON Schemas of the file contract, for tests of every room."""

from __future__ import annotations

import json
from collections.abc import Iterator
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
JSON_FILES = ("run", "campaign", "summary", "check", "capacity", "bisect", "claims")


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
        for line in path.read_text().splitlines():
            yield from ((path, problem) for problem in event_problems(json.loads(line)))
    for name, file in (("request", records.REQUESTS_FILE), ("sample", records.SAMPLES_FILE)):
        for path in directory.rglob(file):
            for row in pq.read_table(path).to_pylist():
                yield from ((path, problem) for problem in problems(name, row))
