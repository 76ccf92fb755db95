"""The user's binary and configuration file: how they are found, and the errors if they cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.check import invocation
from stacks.check.invocation import CannotCheck, config_arguments, find_uwsgi


@pytest.mark.parametrize(("name", "option"), [("a.ini", "--ini"), ("a.yaml", "--yaml"), ("a.json", "--json")])
def test_the_suffix_of_a_file_decides_its_option(tmp_path: Path, name: str, option: str) -> None:
    (tmp_path / name).touch()
    assert config_arguments(str(tmp_path / name)) == [option, str(tmp_path / name)]
    assert config_arguments(f"{tmp_path / name}:prod")[1] == f"{tmp_path / name}:prod"


@pytest.mark.parametrize(("name", "text"), [("missing.ini", "does not exist"), (".", "is a directory")])
def test_a_path_that_is_no_file_is_an_error(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(CannotCheck, match=text):
        config_arguments(str(tmp_path / name))


def test_a_file_that_this_user_may_not_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.ini").touch()
    monkeypatch.setattr(invocation.os, "access", lambda *_: False)
    with pytest.raises(CannotCheck, match="cannot be read by this user"):
        config_arguments(str(tmp_path / "a.ini"))


def test_a_binary_that_cannot_be_run_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").touch()
    with pytest.raises(CannotCheck, match="does not exist"):
        find_uwsgi(str(tmp_path / "missing"))
    with pytest.raises(CannotCheck, match="not executable"):
        find_uwsgi(str(tmp_path / "text"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotCheck, match="on PATH"):
        find_uwsgi(None)
