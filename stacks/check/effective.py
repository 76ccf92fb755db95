"""The effective configuration of somebody's uWSGI: their own binary reads it, prints it and ends before it acts.

`--show-config` prints what is left of includes, placeholders and conditions, but the instance goes on to
start. So the binary is also given a clock that it does not have, at which it gives up (core/uwsgi.c,
uwsgi_setup): after the print, before the first file, socket or process. What would act earlier is
refused through `blacklist`; logs, daemonization and the clean-up at exit are turned to a private place.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stacks.catalogue import similar
from stacks.check.read_only import confined

Options = list[tuple[str, str]]

LIMIT_S = 15.0  # it takes 0.1 s; @(exec://...) and @(http://...) in a configuration may take longer
VERSION = re.compile(r"^\d+\.\d+(?:\.\d+)*(?:[.-]?\w+)*$")
STOP_CLOCK = "pack-stop-here"
# With log-date every line has a prefix; given last, ours is one that can be taken off.
MARK = "@pack@"
BEGIN, END = ";uWSGI instance configuration\n[uwsgi]\n", ";end of configuration"
LOADERS = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".js": "json", ".xml": "xml"}
# What acts before or despite the clock, by running commands or by locking files.
FORBIDDEN = (
    *("exec-asap", "hook-asap", "call-asap", "mount-asap", "umount-asap"),
    *("exec-as-user-atexit", "hook-as-user-atexit", "call-as-user-atexit"),
    *("flock", "flock-wait", "flock2", "flock-wait2", "fallback-config", "stop", "reload", "pause", "resume"),
)
# Consumed while the configuration is read: what they say stands in the other lines.
CONSUMED = frozenset(
    "ini yaml yml json js xml xmlconfig config include inherit set set-placeholder set-ph declare-option resolve "
    "blacklist end-blacklist whitelist end-whitelist end endfor end-for endif end-if show-config strict "
    "for for-glob for-times for-readline ifenv ifexists ifplugin ifdir if-opt if-not-opt if-env if-not-env if-reload "
    "if-not-reload if-hostname if-not-hostname if-hostname-match if-not-hostname-match if-exists if-not-exists "
    "if-plugin if-not-plugin if-file if-not-file if-dir if-not-dir if-directory".split()
)


class CannotCheck(Exception):
    """Why a configuration cannot be checked, in a sentence that says what to do."""


@dataclass(frozen=True)
class Theirs:
    """What somebody has in hand: a binary, and how it is configured."""

    uwsgi: Path
    config: str | None  # a file, possibly with `:section`
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path  # where they start it


@dataclass(frozen=True)
class Effective:
    """What their binary makes of it."""

    options: Options
    known: frozenset[str]  # every option that the binary has
    version: str


def find_uwsgi(named: str | None) -> Path:
    """The binary that was named, or the one on PATH. Raises CannotCheck."""
    found = shutil.which(named or "uwsgi")
    if found is None:
        if named is None:
            raise CannotCheck("No uwsgi is on PATH: name yours with --uwsgi (UWSGI=path/to/venv/bin/uwsgi).")
        what = "is not executable" if Path(named).exists() else "does not exist"
        raise CannotCheck(f"{named} {what}: name your uWSGI with --uwsgi (UWSGI=path/to/venv/bin/uwsgi).")
    return Path(os.path.abspath(found))  # noqa: PTH100 - not resolved: a venv is known by its own path


def config_arguments(config: str | None) -> list[str]:
    """How a configuration file is named to uWSGI. Raises CannotCheck for one that cannot be read."""
    if config is None:
        return []
    path, section = Path(config), ""
    if not path.exists() and ":" in config:
        head, _, section = config.rpartition(":")
        path = Path(head)
    if not path.exists():
        raise CannotCheck(f"{path} does not exist: name your configuration with --ini (INI=path/to/uwsgi.ini).")
    if path.is_dir():
        raise CannotCheck(f"{path} is a directory: name one configuration in it with --ini (INI=path/to/uwsgi.ini).")
    if not os.access(path, os.R_OK):
        raise CannotCheck(f"{path} cannot be read by this user: run the check as one who may, or chmod +r a copy.")
    loader = LOADERS.get(path.suffix.lower(), "ini")
    return [f"--{loader}", f"{path.resolve()}{':' if section else ''}{section}"]


def resolve(theirs: Theirs, private: Path) -> Effective:
    """Ask their binary; nothing but `private` is written to. Raises CannotCheck."""
    version = _version(theirs.uwsgi)
    known = frozenset(_ask(theirs, ["--dump-options"], _plain(theirs.environment), private).split())
    for name in theirs.environment:
        option = name.removeprefix("UWSGI_").lower().replace("_", "-")
        if name.startswith("UWSGI_") and option in FORBIDDEN:
            raise CannotCheck(_forbidden(option))
    log = private / "resolve.log"
    first = ["--blacklist", " ".join(FORBIDDEN)]
    last = [
        "--set",
        "vacuum=false",
        "--set",
        f"log-date={MARK}",
        "--daemonize",
        str(log),
        "--daemonize2",
        str(log),
        "--show-config",
    ]
    last += ["--clock", STOP_CLOCK]
    command = [*first, *config_arguments(theirs.config), *theirs.arguments, *last]
    # A reload opens no log and does not daemonize; with log-reopen it opens the last one named (core/logging.c).
    environment = {**theirs.environment, "UWSGI_RELOADS": "0"}
    said = _ask(theirs, command, environment, private)
    if log.exists():
        said += log.read_text(errors="replace")
    said = said.replace(f"{MARK} - ", "")
    if BEGIN not in said or END not in said:
        raise CannotCheck(_refusal(said, known))
    if match := re.search(r"Can't find section \"(.+?)\" in .*? configuration file (.+) \*\*\*", said):
        raise CannotCheck(
            f"{match[2]} has no section [{match[1]}]: name another file with --ini, or one of its sections."
        )
    lines = said.split(BEGIN, 1)[1].split(END, 1)[0].splitlines()
    ours = {("blacklist", first[1]), ("set", "vacuum=false"), ("vacuum", "false"), ("clock", STOP_CLOCK)}
    ours |= {("set", f"log-date={MARK}"), ("log-date", MARK)}
    ours |= {("daemonize", str(log)), ("daemonize2", str(log)), ("show-config", "true")}
    pairs = [(key.strip(), value.strip()) for key, equals, value in (line.partition(" = ") for line in lines) if equals]
    return Effective([pair for pair in pairs if pair not in ours], known, version)


def _plain(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith("UWSGI_")}


def _version(uwsgi: Path) -> str:
    try:
        done = subprocess.run([uwsgi, "--version"], capture_output=True, text=True, timeout=LIMIT_S, check=False)
        said = (done.stdout + done.stderr).strip()
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError) as error:
        said = str(error)
    line = said.splitlines()[0] if said else "nothing"
    if not VERSION.match(line):
        raise CannotCheck(f"{uwsgi} is not uWSGI: asked for its --version it said {line!r}. Name yours with --uwsgi.")
    return line


def _ask(theirs: Theirs, arguments: Sequence[str], environment: Mapping[str, str], private: Path) -> str:
    try:
        done = subprocess.run(
            [theirs.uwsgi, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=theirs.directory,
            env=dict(environment),
            timeout=LIMIT_S,
            check=False,
            start_new_session=True,
            preexec_fn=confined(private),
        )
    except subprocess.TimeoutExpired:
        raise CannotCheck(
            f"{theirs.uwsgi} did not finish reading the configuration in {LIMIT_S:.0f} s: look for an @(exec://...) or "
            "@(http://...) in it that waits, and put its value there instead."
        ) from None
    return done.stdout.decode(errors="replace")


def _forbidden(option: str) -> str:
    return (
        f"The configuration has {option}, which acts before anything can be read safely: check a copy without it, "
        "and do by hand what it does."
    )


def _refusal(said: str, known: frozenset[str]) -> str:
    """Why the binary did not get as far as to print its configuration."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    for line in lines:
        if match := re.search(r'forbidden option "([^"]+)"', line):
            return _forbidden(match[1])
        if match := re.search(r"unknown config directive: (\S+)", line) or re.search(
            r"unrecognized option '--([^'=]+)", line
        ):
            return f"This uWSGI has no option {match[1]}{similar(match[1], known)}: correct it, or take it out."
        if match := re.search(r"\[spooler(?: directory)?\] (.+?) \[core", line):
            return (
                f"The directory that spooler names is not there ({match[1]}): make it, or take spooler out of a copy."
            )
        if match := re.search(r"UNABLE to load uWSGI plugin[: ]+(\S+?): ", line):
            return missing_plugin(match[1])
    said_last = " | ".join(lines[-3:]) or "it said nothing"
    return (
        f"uWSGI could not read its configuration: {said_last}. Start it by hand with the same options, and correct it."
    )


def missing_plugin(name: str) -> str:
    """What to do about a plugin that is not there."""
    plain = Path(name).name.removesuffix(".so").removesuffix("_plugin")
    return (
        f"The plugin {plain} is missing: pyuwsgi and a uWSGI from pip have Python and http built in, so take "
        f"the line out there; Debian's uwsgi-core needs the package uwsgi-plugin-{plain}."
    )
