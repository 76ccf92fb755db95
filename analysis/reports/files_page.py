"""The page of the file contract, `analysis/FILES.md`, made from the JSON Schemas beside the contract.

`python -m analysis.reports.files_page --write` writes the page. Without `--write` it prints it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stacks.lifecycle import records

SCHEMAS = Path(records.__file__).with_name("schemas")
PAGE = Path(__file__).resolve().parents[1] / "FILES.md"
HEAD = Path(__file__).parent / "templates" / "files.md"
COMMON = "common"
EVENT = "event"
# The files in the order of the page. `common` comes last: the tables of the others link to it.
ORDER = (*"run event request sample campaign summary check capacity bisect claims compare bench".split(), COMMON)
IN_EVERY_ROW = ("t_ns", "source", "kind", "slot")  # of events.jsonl; the text above its tables describes them
OPTIONAL = ", optional"
PLURALS = {
    "string": "strings",
    "integer": "integers",
    "number": "numbers",
    "object": "objects",
    "array": "lists",
    "null": "null",
}

Schema = dict[str, Any]


def read_schema(name: str) -> Schema:
    """Return the JSON Schema of one file, such as `run`."""
    schema: Schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return schema


def page() -> str:
    """Return the whole page as Markdown."""
    return "\n".join([HEAD.read_text(encoding="utf-8").rstrip(), *(line for name in ORDER for line in section(name))])


def section(name: str) -> Iterator[str]:
    """Yield the lines of one file: what it is, a table of its fields, and its shared objects."""
    schema = read_schema(name)
    yield from ("", f"## {schema['title']}", "", schema["description"])
    yield from ("", f"JSON Schema: [`{name}.schema.json`](../stacks/lifecycle/schemas/{name}.schema.json)")
    if name == EVENT:
        yield from events(schema)
        return
    yield from table(schema)
    for title, shared in schema.get("$defs", {}).items():
        yield from ("", f"### {title}", "", shared["description"])
        yield from table(shared)
    yield from [""] * (name == ORDER[-1])


def table(schema: Schema) -> Iterator[str]:
    """Yield the table of an object's fields, or the list of a word's values."""
    rows = list(fields(schema))
    if rows:
        yield from ("", "| field | type | unit | meaning |", "|---|---|---|---|")
        yield from (f"| `{path}` | {kind} | {unit} | {text} |" for path, kind, unit, text in rows)
    elif "x-values" in schema:
        yield from ("", *(f"- {value}" for value in values(schema)))


def events(schema: Schema) -> Iterator[str]:
    """Yield a table for each source of rows: kind, meaning, and the fields of that kind."""
    for name in ("t_ns", "slot"):
        field = schema["$defs"][name]
        yield from ("", f"`{name}`: {field['description']}{' Unit: ns.' if name == 't_ns' else ''}")
    for source, what in schema["x-sources"].items():
        yield from ("", f"### Source `{source}`", "", what, "", "| kind | meaning | fields |", "|---|---|---|")
        for kind, row in schema["$defs"].items():
            if kind.startswith(f"{source}."):
                yield f"| `{kind.removeprefix(f'{source}.')}` | {row['description']} | {'<br>'.join(own(row)) or '-'} |"


def own(row: Schema) -> Iterator[str]:
    """Yield what is said of each field of an event row that not every row has."""
    if "slot" in row["properties"]:
        yield "`slot`"
    for path, kind, unit, text in fields(row):
        if path not in IN_EVERY_ROW:
            kind, optional, _ = kind.partition(OPTIONAL)
            yield f"`{path}` ({', '.join(filter(None, (kind, unit)))}{optional}): {text}"


def fields(schema: Schema, prefix: str = "") -> Iterator[tuple[str, str, str, str]]:
    """Yield path, type, unit and meaning of each field of an object, the fields of inner objects included."""
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        path = prefix + name
        optional = "" if name in required else OPTIONAL
        yield path, type_words(field) + optional, field.get("x-unit", ""), meaning(field)
        yield from inner(field, path)
    if isinstance(more := schema.get("additionalProperties"), dict):
        path = f"{prefix}{schema['x-key'].upper()}"
        if "properties" in more:
            yield from fields(more, f"{path}.")
        else:
            yield path, type_words(more), more.get("x-unit", ""), meaning(more)


def inner(field: Schema, path: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield the fields of an object, or of the objects in an array."""
    items, more = field.get("items", {}), field.get("additionalProperties")
    if "properties" in items:
        yield from fields(items, f"{path}[].")
    elif "properties" in field or (isinstance(more, dict) and {"description", "properties"} & set(more)):
        yield from fields(field, f"{path}.")


def type_words(field: Schema) -> str:
    """Return the type of a field in words."""
    if "$ref" in field:
        name = field["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name})"
    if "const" in field:
        return f"`{json.dumps(field['const'])}`"
    if "anyOf" in field:
        return " or ".join(map(type_words, field["anyOf"]))
    words = _kinds(field)
    if words[0] == "array":
        items = field.get("items", {})
        many = type_words(items) if "type" not in items else " or ".join(PLURALS[kind] for kind in _kinds(items))
        words[0] = f"array of {many}"
    if "x-arrow-type" in field:
        words[0] = field["x-arrow-type"]
    return " or ".join(words)


def _kinds(field: Schema) -> list[str]:
    kinds = field["type"]
    return [kinds] if isinstance(kinds, str) else list(kinds)


def meaning(field: Schema) -> str:
    """Return the description of a field, or of the shared object that it is, and the meaning of each of its words."""
    text = field.get("description") or _shared_description(field)
    return "<br>".join([text, *values(field)])


def _shared_description(field: Schema) -> str:
    name = field.get("$ref", "").rsplit("/", 1)[-1]
    return str(read_schema(COMMON)["$defs"].get(name, {}).get("description", ""))


def values(field: Schema) -> Iterator[str]:
    """Yield each word that a field can hold, with its meaning."""
    for word, text in field.get("x-values", {}).items():
        yield f"{f'`{word}`' if word else '(empty)'}: {text}"


def main(arguments: list[str]) -> None:
    """Write the page, or print it."""
    if arguments == ["--write"]:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        print(page(), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
