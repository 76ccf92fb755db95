"""Damages copies of recorded files, from one changed byte to one changed field; for the fuzz tests and the benchmark.

Every damage follows from a seed, so a failure can be repeated.
"""

from __future__ import annotations

import copy
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

GOLDEN = Path(__file__).parents[1] / "data" / "runs"
CELL_KEYS = ("stack", "version", "python", "package", "app", "expected")
BYTES = (b"\x00", b"\xff", b"\n", b"{", b'"', b"9" * 40, b"\xed\xa0\x80", b"\x1b[31m", b"-", b"1e999", b"null")
# Values that a field may have after a bad copy, a bad edit or an attack.
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63 - 1, 2**63, -(2**63), 10**30, 0.5, -0.5, 1e-320, 1e308, -1e308),
    *(float("nan"), float("inf"), "", " ", "x", "\x00", "\ud800", "\x1b[31m", "<script>alert(1)</script>"),
    *(
        [],
        {},
        [None],
        [[]],
        {"": None},
        {"a": {"b": []}},
        ["x"] * 50,
        "[bold]",
        "../../etc/passwd",
        "a\nb",
        "%s",
        "{0}",
    ),
)
NUMBERS = (None, 0, -1, 1, 2**15 - 1, -(2**15), 2**31 - 1, -(2**31), 2**63 - 1, -(2**63))


def make_campaign(folder: Path, names: tuple[str, ...]) -> Path:
    """Write a campaign of copies of the golden runs `names` into `folder`, and return it."""
    cells, records = [], []
    for name in names:
        run = json.loads((GOLDEN / name / "run.json").read_text(encoding="utf-8"))
        shutil.copytree(GOLDEN / name, folder / run["run_id"])
        records.append(run)
        cell = {key: run[key] for key in CELL_KEYS} | {"pin": run["package_version"], "variant": "", "what": "a stack"}
        cells.append(cell | {"causes": [], "not_tested_because": None, "runs": [run["run_id"]]})
    first = records[0]
    plan = {"users": 4, "duration_s": 2.0, "workers": 2, "max_requests": 10, "respawns": 4, "options": {}}
    plan |= {"trials": 1, "seed": 1, "scenario": "steady", "app": None, "rate": None}
    campaign = {"schema": 1, "campaign": first["campaign"], "kind": "loadtest", "status": "done", "plan": plan}
    campaign |= {"seed": 1, "trials": 1, "scenario": "steady", "command": "python -m stacks loadtest", "cells": cells}
    campaign |= {"host": first["host"], "git": first["git"], "clock": first["clock"]}
    (folder / "campaign.json").write_text(json.dumps(campaign), encoding="utf-8")
    return folder


def damage(path: Path, chance: random.Random) -> str:
    """Damage the file `path` in one random way. Return what was done, for the message of a failure."""
    kinds: list[Callable[[Path, random.Random], str]] = [_bytes, _bytes]
    if path.suffix == ".json":
        kinds += [_json_field] * 4
    elif path.suffix == ".jsonl":
        kinds += [_row_field] * 3 + [_lines]
    elif path.suffix == ".parquet":
        kinds += [_cell] * 2 + [_column]
    return chance.choice(kinds)(path, chance)


def _bytes(path: Path, chance: random.Random) -> str:
    data = bytearray(path.read_bytes())
    if not data:
        return "an empty file"
    begin = chance.randrange(len(data))
    end = min(len(data), begin + chance.choice((1, 1, 2, 8, 64, 1000)))
    kind = chance.choice(("flip", "flip", "flip", "cut", "cut off", "insert", "zero", "repeat"))
    if kind == "flip":
        data[begin] ^= 1 << chance.randrange(8)
    elif kind == "cut":
        del data[begin:end]
    elif kind == "cut off":
        del data[begin:]
    elif kind == "insert":
        data[begin:begin] = chance.choice(BYTES)
    elif kind == "zero":
        data[begin:end] = bytes(end - begin)
    else:
        data[begin:begin] = data[begin:end]
    path.write_bytes(bytes(data))
    return f"{kind} at byte {begin} to {end}"


def places(value: Any, where: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in a JSON value, without the value itself."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in [(*where, key), *places(item, (*where, key))]]


def change(value: Any, chance: random.Random) -> tuple[Any, str]:
    """Return a copy of a JSON value in which one place is changed, removed or renamed, and what was done."""
    value = copy.deepcopy(value)
    *parents, last = chance.choice(places(value))
    holder = value
    for key in parents:
        holder = holder[key]
    where = ".".join(map(str, [*parents, last]))
    kind = chance.choice(("set", "set", "set", "remove", "add"))
    if kind == "remove":
        del holder[last]
    elif kind == "add" and isinstance(holder, dict):
        holder[f"{last}x"] = holder.pop(last)
    elif kind == "add":
        holder.append(chance.choice(VALUES))
    else:
        holder[last] = chance.choice(VALUES)
        where += f" = {holder[last]!r:.60}"
    return value, f"{kind} {where}"


def _json_field(path: Path, chance: random.Random) -> str:
    value, what = change(json.loads(path.read_text(encoding="utf-8")), chance)
    path.write_text(json.dumps(value), encoding="utf-8")
    return what


def _row_field(path: Path, chance: random.Random) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    number = chance.randrange(len(lines))
    value, what = change(json.loads(lines[number]), chance)
    lines[number] = json.dumps(value)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"line {number + 1}: {what}"


def _lines(path: Path, chance: random.Random) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    first, second = (chance.randrange(len(lines)) for _ in range(2))
    kind = chance.choice(("swap", "drop", "double", "shuffle"))
    if kind == "swap":
        lines[first], lines[second] = lines[second], lines[first]
    elif kind == "drop":
        del lines[first]
    elif kind == "double":
        lines.insert(second, lines[first])
    else:
        chance.shuffle(lines)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"{kind} lines {first + 1} and {second + 1}"


def _cell(path: Path, chance: random.Random) -> str:
    table = pq.read_table(path)
    if not table.num_rows:
        return "a table without rows"
    name, row = chance.choice(table.column_names), chance.randrange(table.num_rows)
    kind = table.schema.field(name).type
    values = table[name].to_pylist()
    fitting = (
        [n for n in NUMBERS if n is None or -(2 ** (kind.bit_width - 1)) <= n < 2 ** (kind.bit_width - 1)]
        if (pa.types.is_integer(kind))
        else [None, "", "x", "\x00", "\x1b[31m", "<b>", "é" * 3000]
    )
    values[row] = chance.choice(fitting)
    table = table.set_column(table.column_names.index(name), name, pa.array(values, kind))
    pq.write_table(table, path)
    return f"row {row}: {name} = {values[row]!r:.40}"


def _column(path: Path, chance: random.Random) -> str:
    table = pq.read_table(path)
    name = chance.choice(table.column_names)
    index = table.column_names.index(name)
    kind = chance.choice(("drop", "rename", "null", "type", "no rows"))
    if kind == "drop":
        table = table.drop_columns([name])
    elif kind == "rename":
        table = table.rename_columns([f"{n}x" if n == name else n for n in table.column_names])
    elif kind == "null":
        table = table.set_column(index, name, pa.nulls(table.num_rows, table.schema.field(name).type))
    elif kind == "no rows":
        table = table.slice(0, 0)
    else:
        table = table.set_column(index, name, pa.array([str(v) for v in table[name].to_pylist()] + [], pa.string()))
    pq.write_table(table, path)
    return f"{kind} column {name}"
