"""A uWSGI configuration as (option, value) pairs, in the order in which uWSGI reads them, and questions about it."""

from __future__ import annotations

from stacks.catalogue.ini import leading_number

Options = list[tuple[str, str]]

OFF_VALUES = ("false", "off", "no", "0")
# Directives that have had their effect once the configuration is read: the other options contain the result.
READ_TIME_DIRECTIVES = frozenset(
    "ini yaml yml json js xml xmlconfig config include inherit set set-placeholder set-ph resolve "
    "declare-option declare-option2 "
    "blacklist end-blacklist whitelist end-whitelist end endfor end-for endif end-if show-config strict "
    "for for-glob for-times for-readline ifenv ifexists ifplugin ifdir if-opt if-not-opt if-env if-not-env if-reload "
    "if-not-reload if-hostname if-not-hostname if-hostname-match if-not-hostname-match if-exists if-not-exists "
    "if-plugin if-not-plugin if-file if-not-file if-dir if-not-dir if-directory".split()
)


def written_out(value: str) -> str:
    """Return the value of an option; a flag without a value is "true"."""
    return value or "true"


def is_on(value: str) -> bool:
    """Return True if a flag with this value is set (uwsgi_opt_true, core/uwsgi.c)."""
    return value.lower() not in OFF_VALUES


def is_set(options: Options, *names: str) -> bool:
    """Return True if one of the options `names` is there and not switched off. The last value counts."""
    values = [value for key, value in options if key in names]
    return bool(values) and is_on(values[-1])


def last_value(options: Options, *names: str, default: str = "") -> str:
    """Return the last value of the options `names`, which are synonyms, or `default` if there is none."""
    return next((value for key, value in reversed(options) if key in names), default)


def is_number(value: str) -> bool:
    """Return True for a number that uWSGI can hold: in ASCII, and not longer than a C int."""
    return value.isascii() and value.isdecimal() and len(value) <= 10


def numbers(options: Options) -> dict[str, int]:
    """Return the options whose value begins with a number, each with its last one, as uWSGI reads it (atoi)."""
    return {key: leading_number(value) for key, value in options if value[:1].isdigit()}
