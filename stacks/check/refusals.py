"""Explains why a uWSGI binary did not print its configuration: its output -> one text that says what to do."""

from __future__ import annotations

import re

from stacks.catalogue import similar
from stacks.check.plugins import OF_PYTHON, closed_plugin, missing_plugin, no_python

# The files that uWSGI tries for a plugin, before it says that it could not load the plugin.
_TRIED = re.compile(r'open\("(.+?)/[^/"]+_plugin\.so"\): ')
# A file of the configuration that uWSGI cannot open, other than a plugin.
_NOT_OPENED = re.compile(r'open\("(.+?)(?<!_plugin\.so)"\): (No such file or directory|Permission denied) \[core/')


def explain_refusal(output: str, binary_options: frozenset[str] = frozenset()) -> str:
    """Return the reason in uWSGI's output. The hint at a misspelt option comes from `binary_options`."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for line in lines:
        if match := re.search(r'forbidden option "([^"]+)"', line):
            return forbidden_option(match[1])
        if match := re.search(r"unknown config directive: (\S+)", line) or re.search(
            r"unrecognized option '--([^'=]+)", line
        ):
            if match[1] in OF_PYTHON:
                return no_python(match[1])
            return f"This uWSGI has no option {match[1]}{similar(match[1], binary_options)}: correct it, or remove it."
        if match := re.search(r"\[spooler(?: directory)?\] (.+?) \[core", line):
            return (
                f"The directory that spooler names cannot be used ({match[1]}): make the directory, or check a copy "
                "without spooler."
            )
        if match := re.search(r"UNABLE to load uWSGI plugin[: ]+(\S+?): (.*)", line):
            is_closed = "Permission denied" in match[2]
            return closed_plugin(match[1]) if is_closed else missing_plugin(match[1], _TRIED.findall(output))
        if match := _NOT_OPENED.search(line):
            return _closed_file(match[1], match[2])
    last_lines = " | ".join(lines[-3:]) or "it printed nothing"
    return (
        f"uWSGI could not read its configuration: {last_lines}. Start uWSGI by hand with the same options, and correct "
        "the configuration."
    )


def forbidden_option(option: str) -> str:
    """Return what to do about an option that acts while uWSGI reads its configuration."""
    return (
        f"The configuration has {option}, which acts before the check can read anything safely. Check a copy without "
        f"{option}, and do its work by hand."
    )


def _closed_file(path: str, error: str) -> str:
    """Return what to do about a file that uWSGI cannot open: an included configuration, or the file of flock."""
    if error == "Permission denied":
        return (
            f"{path}, which the configuration names, cannot be opened by this user: run the check as a user who may. A "
            "file that flock names is opened for writing: check a copy without flock, if this user may only read it."
        )
    return f"{path}, which the configuration names, does not exist: correct its path, or make the file."
