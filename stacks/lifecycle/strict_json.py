"""Parses JSON that any hand may have changed: text in, a value out that every reader of the pack can work with.

Python's own parser takes more than JSON has: NaN, infinite numbers, integers of any length, halves of characters. Each
of these ends a later step with an error of its own, so they are errors here.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

# The files have 64-bit integers at most, as Parquet, DuckDB and pandas do.
MOST = 2**63
MOST_DIGITS = 20
# A text without one of these has no such number and no such character, and the fast parser of `json` may have it.
_SUSPICIOUS = re.compile(r"\d{19}|\d[eE]|NaN|Infinity|\\u[dD]")


def loads(data: bytes | str) -> Any:
    """Return the value of a JSON text. Raises ValueError, whose text says what is wrong and where."""
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8") from None
    try:
        if not _SUSPICIOUS.search(text):
            return json.loads(text)
        value = json.loads(text, parse_int=_integer, parse_float=_number, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON in line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise ValueError("its values lie too deep in each other") from None
    _require_whole_characters(value)
    return value


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS or not -MOST <= int(text) < MOST:
        raise ValueError(f"{text[:MOST_DIGITS]}... is no 64-bit integer" if len(text) > 30 else f"{text} is too large")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:30]} is too large")
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _require_whole_characters(value: Any) -> None:
    """Raise ValueError for half of a surrogate pair: such a text cannot be printed or written to a file."""
    for text in _texts(value):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{text[:30]!a} has half of a character") from None


def _texts(value: Any) -> list[str]:
    found, left = [], [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict):
            left += [*item, *item.values()]
        elif isinstance(item, list):
            left += item
    return found
