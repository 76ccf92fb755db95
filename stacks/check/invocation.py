"""How a user starts uWSGI: the binary, the configuration, the arguments, the environment and the directory."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stacks.check.start_line import StartLine, UnreadableLine, read_start_line

# The uWSGI option that reads a configuration file, by the suffix of the file; `ini` for every other suffix.
LOADERS = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".js": "json", ".xml": "xml"}


class CannotCheck(Exception):
    """A configuration cannot be checked; the text says why and what the user can do."""


class WrongUsage(CannotCheck):
    """An option of the command line names something that does not exist, or is not well formed."""


@dataclass(frozen=True)
class Invocation:
    """The user's way to start uWSGI."""

    uwsgi: Path
    config: str | None  # a file, possibly with `:section`
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    directory: Path  # where the user starts it
    is_array: bool = False  # the arguments come from the JSON array of a Dockerfile


def read_invocation(options: argparse.Namespace) -> Invocation:
    """Return the invocation that the command line of `check` describes. Raise WrongUsage."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PACK_")}
    directory = options.chdir or (Path(options.ini).parent if options.ini else Path.cwd())
    if not directory.is_dir():
        if options.chdir:
            raise WrongUsage(f"{directory} is not a directory: use --chdir to name the directory that uWSGI starts in.")
        directory = Path.cwd()
    ini = str(Path(options.ini).absolute()) if options.ini else None
    config_arguments(ini)  # raises, so that an error of the configuration comes before an error of the binary
    line = read_line(options.args, environment)
    named = shutil.which(line.program) if line.program else None
    return Invocation(
        find_uwsgi(options.uwsgi or named), ini, line.arguments, environment, directory.resolve(), line.is_array
    )


def resolve_app(app: str | None, chdir: Path | None) -> str | None:
    """Return the value of --app with the absolute path of its file; a module stays as it is. Raise WrongUsage.

    A relative file is looked for in the directory that --chdir names, otherwise in the current directory.
    """
    file, colon, callable_ = (app or "").partition(":")
    if not file.endswith(".py"):
        return app
    path = (chdir or Path.cwd()).absolute() / file
    if not path.is_file():
        where = "the directory that --chdir names" if chdir else "the current directory, because --chdir is not given"
        rule = "" if Path(file).is_absolute() else f" A relative file in --app is looked for in {where}."
        raise WrongUsage(f"{path}, which --app names, does not exist.{rule}")
    return f"{path}{colon}{callable_}"


def read_line(text: str, environment: Mapping[str, str]) -> StartLine:
    """Return what --args says. Raise WrongUsage if it cannot be read."""
    try:
        return read_start_line(text, environment)
    except UnreadableLine as error:
        raise WrongUsage(f"--args {error}") from None


def find_uwsgi(name: str | None) -> Path:
    """Return the path of the binary `name`, or of the uwsgi on PATH if `name` is None. Raise WrongUsage."""
    found = shutil.which(name or "uwsgi")
    if found is None:
        if name is None:
            raise WrongUsage("No uwsgi is on PATH: name yours with --uwsgi (UWSGI=path/to/venv/bin/uwsgi).")
        what = "is not executable" if Path(name).exists() else "does not exist"
        raise WrongUsage(f"{name} {what}: name your uWSGI with --uwsgi (UWSGI=path/to/venv/bin/uwsgi).")
    return Path(os.path.abspath(found))  # noqa: PTH100 - not resolved: a venv is known by its own path


def config_arguments(config: str | None) -> list[str]:
    """Return the uWSGI arguments that read a configuration file. Raise WrongUsage if the file cannot be read."""
    if config is None:
        return []
    path, section = Path(config), ""
    if not path.exists() and ":" in config:
        head, _, section = config.rpartition(":")
        path = Path(head)
    if not path.exists():
        raise WrongUsage(f"{path} does not exist: name your configuration with --ini (INI=path/to/uwsgi.ini).")
    if path.is_dir():
        raise WrongUsage(f"{path} is a directory: name one configuration in it with --ini (INI=path/to/uwsgi.ini).")
    if not os.access(path, os.R_OK):
        raise WrongUsage(
            f"{path} cannot be read by this user: run the check as a user who may read it, or check a readable copy."
        )
    loader = LOADERS.get(path.suffix.lower(), "ini")
    # Not resolved: %p, %d and %n mean a symbolic link itself (core/uwsgi.c, config_magic_table_fill).
    return [f"--{loader}", f"{path.absolute()}{':' if section else ''}{section}"]
