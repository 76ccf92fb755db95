"""The plugins of a uWSGI as distributions build it: which options load them, and which package has a missing one.

The names and folders of each distribution are in plugins.toml.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from stacks.catalogue import STACKS
from stacks.check.options import Options, is_set

FILE = STACKS / "plugins.toml"
DIRECTORIES = ("plugins-dir", "plugin-dir")
PLUGINS = ("plugin", "plugins", "need-plugin", "need-plugins")
# Options of the Python plugin that configurations name.
OF_PYTHON = ("module", "wsgi", "wsgi-file", "callable", "pyhome", "virtualenv", "venv", "pythonpath")
_PYTHON = re.compile(r"python\d*_plugin\.so")


@dataclass(frozen=True)
class Packaging:
    """How a distribution builds its plugins: a row of plugins.toml."""

    distribution: str
    folder: str
    binary: str
    python: tuple[str, ...]  # values of `plugins` that load Python; {minor} is the Python's version without a dot
    package: str  # brings a plugin; {plugin} is its name
    note: str
    source: str


@cache
def packagings() -> tuple[Packaging, ...]:
    """Return the rows of plugins.toml."""
    rows = tomllib.loads(FILE.read_text(encoding="utf-8"))["packaging"]
    return tuple(Packaging(**row | {"python": tuple(row["python"])}) for row in rows)


def plugin_arguments(options: Options, binary_options: Collection[str]) -> list[str]:
    """Return the arguments that let the binary load the plugins of a configuration, in the order of the configuration.

    With `autoload` an option that the binary alone does not have loads the first plugin that has it.
    """
    arguments = [f"--{key}={value}" for key, value in options if key in (*DIRECTORIES, *PLUGINS)]
    if is_set(options, "autoload"):
        declared = declared_options(options)
        unknown = {key: value for key, value in options if key not in binary_options and key not in declared}
        arguments += ["--autoload", *(f"--set={key}={value}" for key, value in unknown.items())]
    loads = any(not argument.startswith(("--plugins-dir", "--plugin-dir")) for argument in arguments)
    return arguments if loads else []


def declared_options(options: Options) -> frozenset[str]:
    """Return the names of the options that the configuration declares itself, as Debian's default.ini does."""
    return frozenset(value.partition("=")[0] for key, value in options if key in ("declare-option", "declare-option2"))


def plugin_folders(options: Options) -> list[str]:
    """Return the folders in which the configuration lets uWSGI look for plugins."""
    return [value for key, value in options if key in DIRECTORIES]


def no_python(option: str, folders: Sequence[str] = ()) -> str:
    """Return what to do about a configuration whose `option` needs Python, and which loads no plugin with Python.

    `folders` are the values of plugins-dir.
    """
    found = _python_plugin(folders)
    names = "; ".join(f"{row.distribution}: {row.python[0]}" for row in packagings())
    how = f"add plugins = {found}" if found else f"install the plugin and add plugins = its name ({names})"
    return f"This uWSGI has no option {option}: its Python is in a plugin, and the configuration loads none. So {how}."


def missing_plugin(name: str, folders: Sequence[str] = ()) -> str:
    """Return what to do about a plugin that uWSGI cannot load.

    `name` may be a path such as ./ruby_plugin.so, and `folders` are those in which uWSGI looked for it.
    """
    plugin = Path(name).name.removesuffix(".so").removesuffix("_plugin")
    absent = next((folder for folder in folders if not Path(folder).is_dir()), "")
    where = f" plugins-dir names {absent}, which does not exist: correct it." if absent else ""
    rows = [row for row in packagings() if _has_plugins(row.folder)] or packagings()[:1]
    return (
        f"The plugin {plugin} is missing.{where} pyuwsgi and a uWSGI from pip have Python and http built in: remove "
        f"the line there. {rows[0].distribution} may have it in the package {rows[0].package.format(plugin=plugin)}."
    )


def closed_plugin(path: str) -> str:
    """Return what to do about a plugin whose file this user may not read."""
    return f"The plugin {path} cannot be read by this user: run the check as a user who may read it."


def _has_plugins(folder: str) -> bool:
    return any(Path(folder).glob("*_plugin.so"))


def _python_plugin(folders: Sequence[str]) -> str:
    """Return the name of a Python plugin in the folders of the configuration or of a distribution, or ''."""
    places = [*folders, *(row.folder for row in packagings())]
    files = [path.name for place in places for path in sorted(Path(place).glob("python*_plugin.so"))]
    names = [name.removesuffix("_plugin.so") for name in files if _PYTHON.fullmatch(name)]
    return min(names, key=len, default="")
