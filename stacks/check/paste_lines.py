"""Writes a change as lines to paste: into an ini, yaml, json or xml file, a command line or the environment."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from stacks.check.best_change import BestChange
from stacks.check.invocation import LOADERS, Invocation
from stacks.check.options import is_on

# Options that read a configuration file -> its form (uwsgi_base_options, core/uwsgi.c).
_READS = {"ini": "ini", "yaml": "yaml", "yml": "yaml", "json": "json", "js": "json", "xml": "xml", "xmlconfig": "xml"}
_SHORT = {"-y": "yaml", "-j": "json", "-x": "xml"}
_PLAIN = re.compile(r"[\w./@:-]*[\w./@-]")  # a value that YAML reads as it stands


@dataclass(frozen=True)
class PastePlace:
    """Where a user sets options: a form of writing, and the words for the place."""

    form: str  # ini, yaml, json, xml, command, array or environment
    where: str


def paste_place(invocation: Invocation) -> PastePlace:
    """Return the file of a user's configuration; without one the command line, or the environment."""
    if invocation.config is not None:
        return _file(invocation.config, LOADERS.get(Path(invocation.config.split(":")[0]).suffix.lower(), "ini"))
    arguments = invocation.arguments
    if (file := _last_file(arguments)) is not None:
        return _file(*file)
    named = ((name.removeprefix("UWSGI_").lower(), value) for name, value in invocation.environment.items())
    files = [(value, _READS[name]) for name, value in named if name in _READS]
    if files and not arguments:
        return _file(*files[-1])
    if arguments:
        form = "array" if invocation.is_array else "command"
        return PastePlace(form, "the array of your Dockerfile" if invocation.is_array else "the command line of uWSGI")
    return PastePlace("environment", "the environment of uWSGI")


def paste_lines(change: BestChange, place: PastePlace, options: Mapping[str, str]) -> list[str]:
    """Return the lines of `change` for `place`. `options` are the user's, and tell the value of one that must go."""
    lines = [_line(key, value, place.form) for key, value in change.set]
    lines += [f"remove: {_line(key, options.get(key, 'true'), place.form)}" for key in change.drop]
    return [*lines, *([f"pip install {change.package}"] if change.package else [])]


def _file(name: str, form: str) -> PastePlace:
    head, colon, section = name.rpartition(":")
    if colon and not Path(name).exists():
        return PastePlace(form, f"{head}, section [{section}]" if section else head)
    return PastePlace(form, name)


def _last_file(arguments: Sequence[str]) -> tuple[str, str] | None:
    """Return the last configuration file that the arguments name, and its form. It counts over the former ones."""
    found = None
    for index, word in enumerate(arguments):
        name, equals, value = word.removeprefix("--").partition("=")
        follower = arguments[index + 1] if index + 1 < len(arguments) else ""
        if word.startswith("--") and name in _READS:
            found = (value if equals else follower, _READS[name])
        elif word in _SHORT:
            found = (follower, _SHORT[word])
        elif not word.startswith("-") and Path(word).suffix.lower() in (".ini", *LOADERS):
            # uWSGI reads a file that is named without an option as well.
            found = (word, LOADERS.get(Path(word).suffix.lower(), "ini"))
    return found


def _line(key: str, value: str, form: str) -> str:
    is_flag = value == "true" or (value and not is_on(value))
    written = value.replace("%", "%%") if form in ("ini", "yaml", "json", "xml") else value  # uWSGI's placeholders
    if form == "yaml":
        return f"  {key}: {written if _PLAIN.fullmatch(written) else json.dumps(written)}"
    if form == "json":
        return f"{json.dumps(key)}: {written if is_flag else json.dumps(written)},"
    if form == "xml":
        return f"<{key}/>" if value == "true" else f"<{key}>{escape(written)}</{key}>"
    if form == "command":
        return f"--{key}" if value == "true" else f"--{key} {shlex.quote(value)}"
    if form == "array":
        return f"{json.dumps(f'--{key}')}," + ("" if value == "true" else f" {json.dumps(value)},")
    if form == "environment":
        return f"UWSGI_{key.upper().replace('-', '_')}={shlex.quote(value)}"
    return f"{key} = {written}"
