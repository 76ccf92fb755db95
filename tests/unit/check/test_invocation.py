"""The user's binary and configuration file: how they are found, and the errors if they cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.check import invocation
from stacks.check.invocation import WrongUsage, config_arguments, find_uwsgi, read_line, resolve_app


@pytest.mark.parametrize(("name", "option"), [("a.ini", "--ini"), ("a.yaml", "--yaml"), ("a.json", "--json")])
def test_the_suffix_of_a_file_decides_its_option(tmp_path: Path, name: str, option: str) -> None:
    (tmp_path / name).touch()
    assert config_arguments(str(tmp_path / name)) == [option, str(tmp_path / name)]
    assert config_arguments(f"{tmp_path / name}:prod")[1] == f"{tmp_path / name}:prod"


@pytest.mark.parametrize(("name", "text"), [("missing.ini", "does not exist"), (".", "is a directory")])
def test_a_path_that_is_no_file_is_an_error(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(WrongUsage, match=text):
        config_arguments(str(tmp_path / name))


def test_a_file_that_this_user_may_not_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.ini").touch()
    monkeypatch.setattr(invocation.os, "access", lambda *_: False)
    with pytest.raises(WrongUsage, match="cannot be read by this user"):
        config_arguments(str(tmp_path / "a.ini"))


def test_a_binary_that_cannot_be_run_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").touch()
    with pytest.raises(WrongUsage, match="does not exist"):
        find_uwsgi(str(tmp_path / "missing"))
    with pytest.raises(WrongUsage, match="not executable"):
        find_uwsgi(str(tmp_path / "text"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WrongUsage, match="on PATH"):
        find_uwsgi(None)


def test_a_relative_file_in_app_is_looked_for_in_the_directory_of_chdir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "app.py").touch()
    monkeypatch.chdir(here)
    assert resolve_app("app.py:application", there) == f"{there}/app.py:application"
    assert resolve_app("app.py", None) == f"{here}/app.py"
    assert resolve_app(f"{here}/app.py:x", there) == f"{here}/app.py:x"
    assert resolve_app("package.module:application", there) == "package.module:application"
    assert resolve_app(None, there) is None


def test_a_file_in_app_that_does_not_exist_is_an_error_that_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match=r"app\.py, which --app names, does not exist\. A relative .* --chdir names"):
        resolve_app("app.py:application", tmp_path)
    with pytest.raises(WrongUsage, match="because --chdir is not given"):
        resolve_app("missing/app.py", None)
    with pytest.raises(WrongUsage, match=r"does not exist\.$"):
        resolve_app(f"{tmp_path}/app.py", tmp_path)


def test_arguments_that_cannot_be_read_are_an_error() -> None:
    assert read_line("--http :8000 --env 'A=b c'", {}).arguments == ("--http", ":8000", "--env", "A=b c")
    with pytest.raises(WrongUsage, match="--args has a quote that is not closed: --env 'A"):
        read_line("--env 'A=b", {})


def test_a_configuration_that_is_a_link_keeps_its_own_name(tmp_path: Path) -> None:
    """%n and %d of uWSGI mean the link, as in apps-enabled of Debian."""
    (tmp_path / "app.ini").touch()
    (tmp_path / "enabled.ini").symlink_to("app.ini")
    assert config_arguments(str(tmp_path / "enabled.ini")) == ["--ini", str(tmp_path / "enabled.ini")]
