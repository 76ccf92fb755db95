"""Reading somebody's configuration through a binary that is a shell script here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from stacks.check import effective
from stacks.check.effective import CannotCheck, Theirs, config_arguments, find_uwsgi, resolve, similar
from stacks.check.read_only import confined

PRINTS = """
echo 'some line'
printf '\\n;uWSGI instance configuration\\n[uwsgi]\\n'
printf 'ini = /x.ini\\nprocesses = 4\\nvacuum = \\nenv = A=b = c\\nset = vacuum=false\\nvacuum = false\\n'
printf 'clock = pack-stop-here\\n;end of configuration\\n'
exit 1
"""


@pytest.fixture
def theirs(tmp_path: Path) -> Callable[..., Theirs]:
    def make(body: str = PRINTS, version: str = "2.0.30", **environment: str) -> Theirs:
        path = tmp_path / "uwsgi"
        path.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && echo "{version}" && exit\n'
            f"[ \"$1\" = --dump-options ] && echo 'processes enable-threads vacuum' && exit\n{body}\n"
        )
        path.chmod(0o755)
        return Theirs(path, None, (), {"PATH": "/usr/bin:/bin", **environment}, tmp_path)

    return make


def test_the_options_are_theirs_and_not_ours(theirs: Callable[..., Theirs], tmp_path: Path) -> None:
    found = resolve(theirs(), tmp_path)
    assert found.options == [("ini", "/x.ini"), ("processes", "4"), ("vacuum", ""), ("env", "A=b = c")]
    assert found.version == "2.0.30"
    assert "enable-threads" in found.known


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[strict-mode] unknown config directive: enable-thraeds", "did you mean enable-threads"),
        ("uwsgi: unrecognized option '--nonsense'", "no option nonsense"),
        ("!!! UNABLE to load uWSGI plugin: ./ruby_plugin.so: cannot open", "plugin ruby is missing"),
        ('uWSGI error: forbidden option "exec-asap" (by blacklist)', "exec-asap, which acts"),
        ("[spooler directory] access(): No such file or directory [core/spooler.c line 26]", "spooler"),
        ("what else it says", "what else it says"),
    ],
)
def test_a_refusal_is_a_sentence(theirs: Callable[..., Theirs], tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "said").write_text(line)
    with pytest.raises(CannotCheck, match=says):
        resolve(theirs(f"cat {tmp_path}/said; exit 1"), tmp_path)


def test_an_option_that_acts_at_once_is_refused_in_the_environment_too(
    theirs: Callable[..., Theirs], tmp_path: Path
) -> None:
    with pytest.raises(CannotCheck, match="exec-asap"):
        resolve(theirs(UWSGI_EXEC_ASAP="touch /x"), tmp_path)


def test_another_program_is_not_uwsgi(theirs: Callable[..., Theirs], tmp_path: Path) -> None:
    with pytest.raises(CannotCheck, match="is not uWSGI"):
        resolve(theirs(version="ls (GNU coreutils) 9.1"), tmp_path)


def test_a_configuration_that_waits_is_ended(
    theirs: Callable[..., Theirs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effective, "LIMIT_S", 0.3)
    with pytest.raises(CannotCheck, match="did not finish reading"):
        resolve(theirs("exec sleep 60"), tmp_path)


def test_nothing_outside_can_be_changed_while_it_reads(theirs: Callable[..., Theirs], tmp_path: Path) -> None:
    private, outside = tmp_path / "private", tmp_path / "outside"
    private.mkdir(), outside.mkdir()
    (outside / "pid").write_text("1")
    body = f"rm -f {outside}/pid 2>/dev/null; touch {outside}/new {private}/new 2>/dev/null; {PRINTS}"
    resolve(theirs(body), private)
    assert (private / "new").exists()
    if not confines(tmp_path):
        pytest.skip("this kernel has no Landlock")
    assert [path.name for path in outside.iterdir()] == ["pid"]


def confines(tmp_path: Path) -> bool:
    import subprocess

    probe = tmp_path / "probe"
    subprocess.run(["touch", str(probe)], preexec_fn=confined(), stderr=subprocess.DEVNULL, check=False)
    return not probe.exists()


@pytest.mark.parametrize(("name", "option"), [("a.ini", "--ini"), ("a.yaml", "--yaml"), ("a.json", "--json")])
def test_a_file_is_named_by_its_kind(tmp_path: Path, name: str, option: str) -> None:
    (tmp_path / name).touch()
    assert config_arguments(str(tmp_path / name)) == [option, str(tmp_path / name)]
    assert config_arguments(f"{tmp_path / name}:prod")[1] == f"{tmp_path / name}:prod"


@pytest.mark.parametrize(("what", "says"), [("missing.ini", "does not exist"), (".", "is a directory")])
def test_a_file_that_is_none(tmp_path: Path, what: str, says: str) -> None:
    with pytest.raises(CannotCheck, match=says):
        config_arguments(str(tmp_path / what))


def test_a_file_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.ini").touch()
    monkeypatch.setattr(effective.os, "access", lambda *_: False)
    with pytest.raises(CannotCheck, match="cannot be read by this user"):
        config_arguments(str(tmp_path / "a.ini"))


def test_a_binary_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").touch()
    with pytest.raises(CannotCheck, match="does not exist"):
        find_uwsgi(str(tmp_path / "missing"))
    with pytest.raises(CannotCheck, match="not executable"):
        find_uwsgi(str(tmp_path / "text"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotCheck, match="on PATH"):
        find_uwsgi(None)


def test_similar_names() -> None:
    assert "enable-threads" in similar("enable-thread", frozenset({"enable-threads"}))
    assert similar("project", frozenset({"enable-threads"})) == ""
