"""The plugins of distributions: the options that load them, and what is said about one that is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stacks.catalogue import ROOT
from stacks.check import plugins
from stacks.check.options import Options
from stacks.check.plugins import declared_options, missing_plugin, no_python, packagings, plugin_arguments
from stacks.check.refusals import explain_refusal

CORE = frozenset({"master", "http-socket", "plugins", "plugin", "plugins-dir", "autoload", "declare-option"})


def test_plugins_are_loaded_in_the_order_of_the_configuration() -> None:
    options = [
        ("plugin", "python3"),
        ("master", "true"),
        ("plugins-dir", "/usr/lib/uwsgi"),
        ("need-plugins", "http,cgi"),
    ]
    loads = ["--plugin=python3", "--plugins-dir=/usr/lib/uwsgi", "--need-plugins=http,cgi"]
    assert plugin_arguments(options, CORE) == loads
    assert plugin_arguments([("plugins-dir", "/usr/lib/uwsgi")], CORE) == []


def test_autoload_loads_the_plugin_of_each_unknown_option() -> None:
    options: Options = [("autoload", "true"), ("master", "true"), ("module", "app"), ("mine", "x")]
    options += [("declare-option", "mine=set=$1")]
    assert plugin_arguments(options, CORE) == ["--autoload", "--set=module=app"]
    assert plugin_arguments([("autoload", "false"), ("module", "app")], CORE) == []


def test_the_options_that_a_configuration_declares_are_known() -> None:
    assert declared_options([("declare-option", "a=b=$1"), ("declare-option2", "c=d"), ("e", "f")]) == {"a", "c"}


def test_a_missing_plugin_names_the_folder_that_does_not_exist(tmp_path: Path) -> None:
    said = missing_plugin("./ruby_plugin.so", [str(tmp_path), "/nowhere"])
    assert "The plugin ruby is missing. plugins-dir names /nowhere, which does not exist" in said
    assert "plugins-dir" not in missing_plugin("ruby", [str(tmp_path)])


def test_the_python_plugin_of_the_machine_is_proposed(tmp_path: Path) -> None:
    for name in ("python311_plugin.so", "python3_plugin.so", "asyncio_python3_plugin.so", "http_plugin.so"):
        (tmp_path / name).touch()
    assert "no option module" in no_python("module", [str(tmp_path)])
    assert "add plugins = python3." in no_python("module", [str(tmp_path)])


def test_without_a_python_plugin_the_names_of_the_distributions_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plugins, "_python_plugin", lambda _: "")
    assert "Debian and Ubuntu: python3; Fedora, RHEL (EPEL): python3; Alpine: python3" in no_python("module")


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (
            'open("/nowhere/ruby_plugin.so"): No such file or directory [core/utils.c line 3731]\n'
            "!!! UNABLE to load uWSGI plugin: /usr/lib/uwsgi/plugins/ruby_plugin.so: cannot open shared object file: "
            "No such file or directory !!!",
            "plugins-dir names /nowhere",
        ),
        (
            "!!! UNABLE to load uWSGI plugin: /opt/x_plugin.so: cannot open shared object file: Permission denied !!!",
            "/opt/x_plugin.so cannot be read by this user",
        ),
        ("uwsgi: unrecognized option '--wsgi-file'", "its Python is in a plugin"),
        ('open("/etc/base.ini"): Permission denied [core/utils.c line 3731]', "/etc/base.ini, which the configuration"),
        ('open("/run/x"): No such file or directory [core/uwsgi.c line 4896]', "/run/x, .* does not exist"),
    ],
)
def test_bad_input_is_explained_in_one_sentence(output: str, says: str) -> None:
    assert re.search(says, explain_refusal(output))


def test_the_page_about_the_check_has_every_distribution() -> None:
    page = (ROOT / "stacks" / "check" / "README.md").read_text()
    for row in packagings():
        for text in (row.distribution, row.folder, row.python[0], row.package):
            assert text in page
