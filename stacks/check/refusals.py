"""Explains why a uWSGI binary did not print its configuration: its output -> one text that says what to do."""

from __future__ import annotations

import re
from pathlib import Path

from stacks.catalogue import similar


def explain_refusal(output: str, binary_options: frozenset[str]) -> str:
    """Return the reason in uWSGI's output. The hint at a misspelt option comes from `binary_options`."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for line in lines:
        if match := re.search(r'forbidden option "([^"]+)"', line):
            return forbidden_option(match[1])
        if match := re.search(r"unknown config directive: (\S+)", line) or re.search(
            r"unrecognized option '--([^'=]+)", line
        ):
            return f"This uWSGI has no option {match[1]}{similar(match[1], binary_options)}: correct it, or remove it."
        if match := re.search(r"\[spooler(?: directory)?\] (.+?) \[core", line):
            return (
                f"The directory that spooler names cannot be used ({match[1]}): make the directory, or check a copy "
                "without spooler."
            )
        if match := re.search(r"UNABLE to load uWSGI plugin[: ]+(\S+?): ", line):
            return missing_plugin(match[1])
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


def missing_plugin(name: str) -> str:
    """Return what to do about a plugin that uWSGI cannot load. `name` may be a path such as ./ruby_plugin.so."""
    plugin = Path(name).name.removesuffix(".so").removesuffix("_plugin")
    return (
        f"The plugin {plugin} is missing. pyuwsgi and a uWSGI from pip have Python and http built in: remove the line "
        f"there. Debian's uwsgi-core needs the package uwsgi-plugin-{plugin}."
    )
