"""Reads the recorded files of a results directory: the one place that turns whatever is wrong into a RecordError.

The text of each error is "FILE: what, where; what to do". A reader of reports leaves out the smallest part that is
damaged (a row, a field, a cell) and goes on: `read_document` and `read_rows` say what they left out. `read_json` and
`read_events` take a file as a whole or not at all, and `read_record` takes what is written again. No reader changes a
file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stacks.lifecycle import schema_check, strict_json
from stacks.lifecycle.records import SCHEMA, Event, RecordError

# Files of the contract: their names without `.json` are those of their schemas.
KINDS = ("run", "campaign", "summary", "check", "capacity", "bisect", "claims")
# Without these fields a file tells nothing. Any other damaged field is left out of a document.
ESSENTIAL = {
    "run": {
        "run_id",
        "trial",
        "stack",
        "version",
        "python",
        "package",
        "expected",
        "status",
        "verdict",
        "plan",
    },
    "campaign": {"cells"},
}
# Every reader takes what these objects have and does without the rest: an older run has less.
TOLERANT = {"stop", "plan", "host", "git", "clock", "paths"}
LISTS = {"campaign": "cells"}  # each item of it stands for itself: a damaged one is left out
REPEAT = "Restore the file or repeat the run."
NO_EVENTS = "the run wrote no events. Delete the run or repeat it."
LEFT_OUT = "The run is left out; repeat it, or delete its directory."
MOST_BYTES = 1 << 30  # of a file of text: the longest events.jsonl so far, of an hour of load, has 60 MB
# Control characters other than tab and newline: a terminal would obey them.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Document:
    """The content of a JSON file, without its damaged parts, and one sentence for each part that was left out."""

    value: dict[str, Any]
    left_out: list[str] = field(default_factory=list)


def read_bytes(path: Path, missing: str = "this is not a results directory of the pack.") -> bytes:
    """Return the content of a file. Raises RecordError; `missing` says what an absent file means."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise RecordError(f"{path}: missing; {missing}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise RecordError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}). {REPEAT}") from None
    if len(data) > MOST_BYTES:
        raise RecordError(f"{path}: is larger than {MOST_BYTES >> 20} MiB; no run writes such a file. {REPEAT}")
    return data


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that has a schema number, as a whole.

    Raises RecordError if the file is missing or is not JSON, if this version does not read its schema, or if a value in
    it is not what the schema says.
    """
    value = _read_object(path)
    if path.stem in KINDS and (problem := schema_check.checker(path.stem)(value)) is not None:
        raise RecordError(f"{path}: {schema_check.text_of(problem)}; the file is damaged. {REPEAT}")
    return value


def read_record(path: Path, *needed: str) -> dict[str, Any]:
    """Read a JSON file that the pack writes again: as it is, with its schema number and the fields `needed`.

    Raises RecordError. A field that is not needed may be damaged, and stays so.
    """
    value = _read_object(path)
    checks = schema_check.field_checkers(path.stem)
    for name in needed:
        if (problem := checks[name](value)) is not None:
            raise RecordError(f"{path}: {schema_check.text_of(problem)}; the file is damaged. {REPEAT}")
    return value


def read_document(path: Path) -> Document:
    """Read a JSON file as `read_json` does, but leave out its damaged fields, if they are not ESSENTIAL.

    Control characters in its texts become visible.
    """
    return sound_document(_read_object(path), path.stem, path)


def sound_document(value: dict[str, Any], kind: str, path: Path | str) -> Document:
    """Return the content of a JSON file of this kind without its damaged parts, as `read_document` does.

    `path` names the file in the sentences. Raises RecordError.
    """
    left_out = list[str]()
    if kind not in KINDS:
        return Document(_with_visible_controls(value))
    items = LISTS.get(kind, "")
    if items and isinstance(value.get(items), list):
        value[items], problems = _sound_items(value[items], kind, items)
        left_out += [f"{path}: {problem}; the entry is left out. {REPEAT}" for problem in problems]
    for name, check in schema_check.field_checkers(kind).items():
        problem = check(value)
        if problem is None or (name in TOLERANT and len(problem[0]) > 1 and problem[1] == schema_check.MISSING):
            continue
        what = schema_check.text_of(problem)
        if name in ESSENTIAL.get(kind, ()):
            raise RecordError(f"{path}: {what}; the file is damaged. {REPEAT}")
        value.pop(name, None)
        left_out.append(f"{path}: {what}; the field is left out. {REPEAT}")
    return Document(_with_visible_controls(value), left_out)


def read_events(path: Path) -> Iterator[Event]:
    """Yield the rows of an events file in the order in which they were written.

    Raises RecordError, which names the line, if a row cannot be read. A killed observer may leave a last line without
    a newline. This is an error as well, because nobody knows which rows would have followed.
    """
    for row in _rows(read_bytes(path, NO_EVENTS), path):
        if isinstance(row, RecordError):
            raise row
        yield row


def read_rows(path: Path) -> tuple[list[Event], list[str]]:
    """Return the rows of an events file that can be read, and one sentence for each that cannot.

    Raises RecordError if the file itself cannot be read.
    """
    return sound_rows(read_bytes(path, NO_EVENTS), path)


def sound_rows(data: bytes, path: Path | str) -> tuple[list[Event], list[str]]:
    """Return the rows in the content of an events file, and one sentence for each line that is none."""
    rows = list(_rows(data, path))
    return [row for row in rows if isinstance(row, Event)], [str(row) for row in rows if isinstance(row, RecordError)]


def _rows(data: bytes, path: Path | str) -> Iterator[Event | RecordError]:
    kinds = schema_check.schema("event")["$defs"]
    *lines, rest = data.split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            yield _row(line, kinds)
        except ValueError as error:
            yield RecordError(f"{path}:{number}: not a row ({error}); the file is damaged. {LEFT_OUT}")
    if rest:
        yield RecordError(f"{path}:{len(lines) + 1}: not a row (cut short); the file is truncated. {LEFT_OUT}")


def _row(line: bytes, kinds: dict[str, Any]) -> Event:
    value = strict_json.loads(line)
    event = Event.of(value)
    name = f"{event.source}.{event.kind}"
    if name in kinds and (problem := schema_check.checker("event", name)(value)) is not None:
        raise ValueError(schema_check.text_of(problem))
    return event


def _read_object(path: Path) -> dict[str, Any]:
    data = read_bytes(path)
    try:
        value = strict_json.loads(data)
    except ValueError as error:
        raise RecordError(f"{path}: cannot be read ({error}). {REPEAT}") from None
    number = value.get("schema") if isinstance(value, dict) else None
    if not isinstance(number, int) or isinstance(number, bool):
        raise RecordError(f"{path}: has no schema number; this is not a results file of the pack.")
    if number > SCHEMA:
        raise RecordError(
            f"{path}: schema {number} is newer than the {SCHEMA} that this version reads. Update the pack."
        )
    if number < SCHEMA:
        raise RecordError(
            f"{path}: schema {number} is older than {SCHEMA} and has no migration. Repeat the run, "
            "or read it with the version of the pack that wrote it."
        )
    return dict(value)


def _sound_items(items: list[Any], kind: str, name: str) -> tuple[list[Any], list[str]]:
    """Return the items of a list that are as the schema says, and what is wrong with each other one."""
    check = schema_check.item_checker(kind, name)
    sound, problems = [], []
    for index, item in enumerate(items):
        problem = check(item)
        if problem is None:
            sound.append(item)
        else:
            problems.append(schema_check.text_of(((name, index, *problem[0]), problem[1])))
    return sound, problems


def _with_visible_controls(value: Any) -> Any:
    """Return a JSON value whose texts have `\\x1b` and its like as four visible characters."""
    if isinstance(value, str):
        return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", value) if _CONTROL.search(value) else value
    if isinstance(value, list):
        return [_with_visible_controls(item) for item in value]
    if isinstance(value, dict):
        return {_with_visible_controls(key): _with_visible_controls(item) for key, item in value.items()}
    return value
