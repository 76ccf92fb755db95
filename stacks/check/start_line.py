"""Reads --args: options as on uWSGI's command line, or the line of a Dockerfile (CMD, ENTRYPOINT) that starts uWSGI.

A line of a Dockerfile is a JSON array or a command for a shell. It may have an instruction in front, and programs that
start uWSGI, such as `exec`, tini or gosu. Both instructions may be given: Docker appends CMD to ENTRYPOINT.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace

_INSTRUCTION = re.compile(r"^[ \t]*(CMD|ENTRYPOINT)\b[ \t]*", re.MULTILINE | re.IGNORECASE)
_CONTINUATION = re.compile(r"\\\r?\n")
_PROGRAM = re.compile(r"(?:.*/)?(?:uwsgi|pyuwsgi|uwsgi-core|uwsgi_\w+)")
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})")
_SHELLS = ("sh", "bash", "ash", "dash")


class UnreadableLine(Exception):
    """A line cannot be read; the text follows "--args" and says why and what the user can do."""


@dataclass(frozen=True)
class StartLine:
    """The options of a line that starts uWSGI, and its program if the line names one."""

    arguments: tuple[str, ...]
    program: str | None = None
    is_array: bool = False  # the line is a JSON array


def read_start_line(text: str, environment: Mapping[str, str]) -> StartLine:
    """Return the options in `text`. `environment` has the variables of a shell form. Raise UnreadableLine."""
    line = _read(text, environment)
    return replace(line, is_array=_INSTRUCTION.sub("", text, count=1).lstrip().startswith("["))


def _read(text: str, environment: Mapping[str, str]) -> StartLine:
    text = _CONTINUATION.sub(" ", text)
    found = list(_INSTRUCTION.finditer(text))
    if not found:
        words = _json_words(text) or _shell_words(text)
        return _without_program(words) if words and _PROGRAM.fullmatch(words[0]) else StartLine(tuple(words))
    ends = [*(match.start() for match in found[1:]), len(text)]
    bodies = {match[1].upper(): text[match.end() : end].strip() for match, end in zip(found, ends, strict=True)}
    words = [word for name in ("ENTRYPOINT", "CMD") if name in bodies for word in _words(bodies[name], environment)]
    if any(_PROGRAM.fullmatch(word) for word in words):
        return _without_program(words)
    if words and words[0].startswith("-"):
        return StartLine(tuple(words))
    raise UnreadableLine(
        f"has a line of a Dockerfile that does not start uwsgi itself ({text.strip()}): put the options that "
        "its program gives to uWSGI into --args."
    )


def _words(body: str, environment: Mapping[str, str]) -> list[str]:
    """Return the words of an instruction. A shell, and only a shell, replaces the variables in them."""
    words = _json_words(body)
    if words is None:
        return _shell_words(_replace_variables(body, environment))
    if len(words) >= 3 and words[0].rpartition("/")[2] in _SHELLS and words[1].startswith("-") and "c" in words[1]:
        return [*_shell_words(_replace_variables(words[2], environment)), *words[3:]]
    return words


def _json_words(text: str) -> list[str] | None:
    """Return the words of a JSON array, or None if the text is none. Raise UnreadableLine for a broken one."""
    if not text.lstrip().startswith("["):
        return None
    try:
        words = json.loads(text)
    except ValueError as error:
        raise UnreadableLine(
            f'begins with [ and is no JSON array ({error}): write ["uwsgi", "--ini", "app.ini"], '
            "with double quotes, as Docker requires it."
        ) from None
    if not all(isinstance(word, str) for word in words):
        raise UnreadableLine("is a JSON array with something else than texts: put each word in double quotes.")
    return list(words)


def _shell_words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        fault = "ends with a backslash" if "escape" in str(error) else "has a quote that is not closed"
        raise UnreadableLine(f"{fault}: {text}") from None


def _replace_variables(text: str, environment: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in environment and match[3] is None:
            raise UnreadableLine(f"uses the variable {name}, which is not set: set it in the environment.")
        return environment.get(name) or match[3] or ""

    return _VARIABLE.sub(value, text)


def _without_program(words: list[str]) -> StartLine:
    """Split the words at uWSGI: before it are programs that start it, perhaps as the user "uwsgi"."""
    index = next(index for index, word in enumerate(words) if _PROGRAM.fullmatch(word))
    while index + 1 < len(words) and _PROGRAM.fullmatch(words[index + 1]):
        index += 1
    return StartLine(tuple(words[index + 1 :]), words[index])
