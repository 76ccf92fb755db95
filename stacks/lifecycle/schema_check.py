"""Holds a value against a JSON Schema of the file contract: what is wrong, and where.

It knows the keywords that the schemas of this room use. The tests hold it against the package `jsonschema`, which the
tools of a developer include and a user's installation does not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "schemas"
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}
NAMES = {"string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false"}
NAMES |= {"object": "an object", "array": "a list", "null": "null"}

MISSING = "is missing"
Problem = tuple[tuple[str | int, ...], str]  # where (keys and indexes), and what
Check = Callable[[Any], Problem | None]


def text_of(problem: Problem) -> str:
    """Return a problem in words, such as "stop.seconds is 'x' instead of a number"."""
    where, what = problem
    name = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in where).lstrip(".")
    return f"{name} {what}" if name else f"the whole value {what}"


@cache
def schema(name: str) -> dict[str, Any]:
    """Return a schema of this room, such as `run`."""
    value: dict[str, Any] = json.loads((FOLDER / f"{name}.schema.json").read_text(encoding="utf-8"))
    return value


@cache
def checker(name: str, part: str = "") -> Check:
    """Return the check of a schema, or of one of its `$defs`. A key that the schema does not know is no problem."""
    rules = schema(name)
    return _compile(rules["$defs"][part] if part else rules, name)


@cache
def field_checkers(name: str) -> dict[str, Check]:
    """Return for each field of an object's schema the check of this field alone; an absent required field fails it."""
    rules = schema(name)
    required = rules.get("required", ())
    return {
        field: _compile({"required": [field] if field in required else [], "properties": {field: part}}, name)
        for field, part in rules["properties"].items()
    }


@cache
def item_checker(name: str, field: str) -> Check:
    """Return the check of one item of a field that is a list."""
    return _compile(schema(name)["properties"][field]["items"], name)


def _compile(rules: Mapping[str, Any], base: str) -> Check:
    """Return the check of one schema, whose references lead to the schema `base` if they name no other."""
    checks: list[Check] = []
    if reference := rules.get("$ref"):
        file, _, place = reference.partition("#/$defs/")
        checks.append(_Reference(file.removesuffix(".schema.json") or base, place))
    if "type" in rules:
        checks.append(_type_check(rules["type"]))
    if "const" in rules:
        checks.append(_one_of([rules["const"]]))
    if "enum" in rules:
        checks.append(_one_of(rules["enum"]))
    if "minimum" in rules or "maximum" in rules:
        checks.append(_range_check(rules.get("minimum", float("-inf")), rules.get("maximum", float("inf"))))
    if "minItems" in rules or "maxItems" in rules:
        checks.append(_length_check(rules.get("minItems", 0), rules.get("maxItems", float("inf"))))
    checks += [_any_of([_compile(choice, base) for choice in rules[w]]) for w in ("anyOf", "oneOf") if w in rules]
    if {"properties", "required", "additionalProperties"} & set(rules):
        checks.append(_object_check(rules, base))
    if {"items", "prefixItems"} & set(rules):
        checks.append(_list_check(rules, base))
    return lambda value: next((problem for check in checks if (problem := check(value)) is not None), None)


class _Reference:
    """A `$ref`. It is looked up when it is needed, because a schema may contain itself."""

    def __init__(self, name: str, part: str) -> None:
        self._name, self._part = name, part

    def __call__(self, value: Any) -> Problem | None:
        return checker(self._name, self._part)(value)


def _shown(value: Any) -> str:
    text = ascii(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _type_check(names: str | list[str]) -> Check:
    names = [names] if isinstance(names, str) else names
    types = tuple(kind for name in names for kind in TYPES[name])
    has_boolean = "boolean" in names
    wanted = " or ".join(NAMES[name] for name in names)

    def check(value: Any) -> Problem | None:
        is_right = isinstance(value, types) and (has_boolean or not isinstance(value, bool))
        return None if is_right else ((), f"is {_shown(value)} instead of {wanted}")

    return check


def _one_of(values: list[Any]) -> Check:
    wanted = ", ".join(map(_shown, values))

    def check(value: Any) -> Problem | None:
        is_right = any(value == known and type(value) is type(known) for known in values)
        return None if is_right else ((), f"is {_shown(value)} instead of {wanted}")

    return check


def _range_check(least: float, most: float) -> Check:
    def check(value: Any) -> Problem | None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if not is_number or least <= value <= most else ((), f"is {_shown(value)}, out of its range")

    return check


def _length_check(least: float, most: float) -> Check:
    def check(value: Any) -> Problem | None:
        is_right = not isinstance(value, list) or least <= len(value) <= most
        return None if is_right else ((), f"has {len(value)} items")

    return check


def _any_of(choices: list[Check]) -> Check:
    def check(value: Any) -> Problem | None:
        problems = [choice(value) for choice in choices]
        return None if None in problems else problems[0]

    return check


def _object_check(rules: Mapping[str, Any], base: str) -> Check:
    required = rules.get("required", ())
    known = {name: _compile(part, base) for name, part in rules.get("properties", {}).items()}
    others = rules.get("additionalProperties")
    further = _compile(others, base) if isinstance(others, dict) else None

    def check(value: Any) -> Problem | None:
        if not isinstance(value, dict):
            return None
        for name in required:
            if name not in value:
                return (name,), MISSING
        for name, item in value.items():
            part = known.get(name, further)
            if part is not None and (problem := part(item)) is not None:
                return (name, *problem[0]), problem[1]
        return None

    return check


def _list_check(rules: Mapping[str, Any], base: str) -> Check:
    first = [_compile(part, base) for part in rules.get("prefixItems", ())]
    others = rules.get("items")
    further = _compile(others, base) if isinstance(others, dict) else None

    def check(value: Any) -> Problem | None:
        if not isinstance(value, list):
            return None
        for index, item in enumerate(value):
            part = first[index] if index < len(first) else further
            if part is not None and (problem := part(item)) is not None:
                return (index, *problem[0]), problem[1]
        return None

    return check
