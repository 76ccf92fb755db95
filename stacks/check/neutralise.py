"""Turns the user's effective configuration into one that touches nothing of the user's, and recycles quickly.

Every option that differs is recorded with its reason, because a measurement is worth little if it is not known what
was measured. The work is pure, except that a spooler gets its private directory.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from stacks.catalogue import STACKS
from stacks.catalogue.strict_rows import read_toml
from stacks.check.invocation import CannotCheck
from stacks.check.neutral_configuration import NeutralConfiguration
from stacks.check.options import READ_TIME_DIRECTIVES, Options, written_out
from stacks.check.plugins import declared_options
from stacks.check.recycling import Preparation, make_recycle
from stacks.check.sockets import is_socket, move_sockets

RULES = STACKS / "neutralise.toml"
PASTE = ("ini-paste", "ini-paste-logged")  # directives of the command line, which become `paste`
LOADS_APP = (
    *("module", "wsgi", "wsgi-file", "file", "pump", "wsgi-lite", "web3", "pecan", "eval", "paste", "ini-paste"),
    *("ini-paste-logged", "mount", "callable", "test", "manage-script-name"),
)


def neutralise(
    options: Options,
    binary_options: frozenset[str],
    private: Path,
    app: str | None = None,
    directory: Path | None = None,
    backlog: int = 4096,
    prepare: Preparation = make_recycle,
) -> NeutralConfiguration:
    """Return the configuration that the check runs instead of `options`.

    `binary_options` are the options of the user's binary, `private` is a directory for sockets and files, `app` and
    `directory` replace the user's app and chdir, and `backlog` is the longest listen queue of this machine. `prepare`
    makes the workers leave in the way that is checked.
    Raise CannotCheck for a configuration in which there is nothing to check.
    """
    _refuse(options, app)
    neutral = NeutralConfiguration()
    sockets = _take_over(neutral, options, binary_options)
    move_sockets(neutral, sockets, private)
    if any("auto" in change.option and change.option.startswith("py") for change in neutral.changes):
        why = "py-autoreload implies it (UWSGI_OPT_THREADS), and the check removes py-autoreload"
        neutral.set_option("enable-threads", "true", why)
    _move_directories(neutral, private)
    if app is not None:
        neutral.drop_options(LOADS_APP, "--app names another app")
        _name_app(neutral, app)
    if directory is not None and any(key in ("chdir", "chdir2") for key, _ in neutral.options):
        neutral.set_option("chdir", str(directory), "--chdir names another directory", ("chdir2",))
    prepare(neutral, binary_options, backlog)
    return neutral


@cache
def rules() -> list[dict[str, Any]]:
    """Return the rules of neutralise.toml."""
    rows: list[dict[str, Any]] = read_toml(RULES)["rule"]
    return rows


def _refuse(options: Options, app: str | None) -> None:
    keys = {key for key, _ in options}
    if app is None and "emperor" in keys and not keys & set(LOADS_APP):
        raise CannotCheck(
            "This vassal is an emperor itself, and serves no requests: check its configuration by itself, and with it "
            "its vassals."
        )
    if not any(map(is_socket, keys)):
        raise CannotCheck(
            "The configuration has no address to listen on: no socket, no http and no http-socket. Add the option that "
            "production uses. If systemd or an emperor passes the socket, add --args '--http-socket :8000'."
        )


def _take_over(neutral: NeutralConfiguration, options: Options, binary_options: frozenset[str]) -> Options:
    """Copy the harmless options into `neutral`, record those that a rule removes, and return the sockets."""
    sockets: Options = []
    declared = declared_options(options)
    for key, value in options:
        if key in READ_TIME_DIRECTIVES or key in declared:
            continue
        if key not in binary_options and key not in PASTE:
            neutral.unknown_options.append(key)
        elif is_socket(key):
            sockets.append((key, value))
        elif rule := _rule(key, value):
            neutral.note(key, written_out(value), "", rule["why"])
        elif key in PASTE:
            neutral.options.append(("paste", f"config:{Path(value).absolute()}"))
        else:
            neutral.options.append((key, value))
    return sockets


def _rule(key: str, value: str) -> dict[str, Any] | None:
    """Return the rule that removes the option, or None if it stays. The first rule that matches decides."""
    for rule in rules():
        if any(fnmatchcase(key, pattern) for pattern in rule["options"]):
            return None if value.startswith(tuple(rule.get("unless", ["\0"]))) else rule
    return None


def _move_directories(neutral: NeutralConfiguration, private: Path) -> None:
    """Move the files that options make to the private directory, or leave them out."""
    for index, (key, value) in enumerate(neutral.options):
        if key in ("spooler", "py-tracebacker"):
            replacement = str(private / ("spool" if key == "spooler" else "tracebacker"))
            if key == "spooler":
                Path(replacement).mkdir(exist_ok=True)
            neutral.options[index] = (key, replacement)
            neutral.note(key, value, replacement, "the check writes its own files, not yours")
        elif key == "cache2" and "store=" in value:
            replacement = ",".join(part for part in value.split(",") if not part.startswith("store="))
            neutral.options[index] = (key, replacement)
            neutral.note(key, value, replacement, "the check does not touch your cache file")


def _name_app(neutral: NeutralConfiguration, app: str) -> None:
    """Set the app to `module:callable`, or to `path/to/file.py` with or without `:callable`."""
    head, _, callable_ = app.partition(":")
    if head.endswith(".py"):
        neutral.set_option("wsgi-file", str(Path(head).absolute()), "--app names it")
        if callable_:
            neutral.set_option("callable", callable_, "--app names it")
    else:
        neutral.set_option("module", app, "--app names it")
