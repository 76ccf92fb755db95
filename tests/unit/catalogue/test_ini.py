"""Reading a uWSGI ini file, and the effective configuration made from it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.catalogue import effective_ini, load, read_ini

INI = """
; a comment
# another
[uwsgi]
 key = a = b
flag
key = c
[pack]
what = x ; y
[uwsgi]
key=d
"""


def test_an_ini_is_read_as_uwsgi_does(tmp_path: Path) -> None:
    path = tmp_path / "a.ini"
    path.write_text(INI)
    assert read_ini(path) == {
        "uwsgi": [("key", "a = b"), ("flag", ""), ("key", "c"), ("key", "d")],
        "pack": [("what", "x ; y")],
    }


def test_the_effective_ini_has_its_includes_and_placeholders_filled_in(tmp_path: Path) -> None:
    (tmp_path / "base.ini").write_text("[uwsgi]\nini = %dbelow/deep.ini\nhttp-socket = :$(PORT)\n")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "deep.ini").write_text("[uwsgi]\nmaster = true\n[pack]\nno = no\n")
    path = tmp_path / "a.ini"
    path.write_text("[uwsgi]\nini = %dbase.ini\nname = $(NAME)-$(OTHER) $(PORT)\n[pack]\nwhat = x\n")
    assert effective_ini(path, {"PORT": "81", "NAME": "$(PORT)"}) == (
        "[uwsgi]\nmaster = true\nhttp-socket = :81\nname = $(PORT)-$(OTHER) 81\n"
    )


def test_an_option_of_the_run_replaces_the_stacks_own(tmp_path: Path) -> None:
    (tmp_path / "base.ini").write_text("[uwsgi]\nmin-worker-lifetime = 0\nmaster = true\n")
    path = tmp_path / "a.ini"
    path.write_text("[uwsgi]\nini = %dbase.ini\nthreads = 2\n")
    assert effective_ini(path, {}, {"min-worker-lifetime": 60, "listen": 1_000_000}) == (
        "[uwsgi]\nmaster = true\nthreads = 2\nmin-worker-lifetime = 60\nlisten = 1000000\n"
    )


def test_an_option_that_is_a_list_is_added_to_the_stacks_own(tmp_path: Path) -> None:
    path = tmp_path / "a.ini"
    path.write_text("[uwsgi]\nenv = A=1\n")
    assert effective_ini(path, {}, {"env": ["B=2", "C=3"]}) == "[uwsgi]\nenv = A=1\nenv = B=2\nenv = C=3\n"


@given(values=st.lists(st.text("abcXYZ019 ./:=%{}${uwsgi[wid]}", min_size=1).map(str.strip).filter(bool), max_size=5))
def test_values_are_not_changed(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    path = tmp_path_factory.getbasetemp() / "any.ini"
    path.write_text("[uwsgi]\n" + "".join(f"key = {value}\n" for value in values))
    assert effective_ini(path, {}) == "[uwsgi]\n" + "".join(f"key = {value}\n" for value in values)


@pytest.mark.parametrize("name", sorted(load().stacks))
def test_every_stack_is_complete_with_the_placeholders_of_a_run(name: str) -> None:
    names = ("PACK_PORT", "PACK_APP", "PACK_BINARY", "PACK_RUN", "PACK_WORKERS", "PACK_MAX_REQUESTS")
    text = effective_ini(load().stacks[name].path, dict.fromkeys(names, "x"))
    assert "$(" not in text
    assert "ini = " not in text
    assert "strict = true" in text
