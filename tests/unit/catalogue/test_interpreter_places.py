"""Which files are candidates for an interpreter, and in which order they are tried."""

from __future__ import annotations

from pathlib import Path

from executables import executable

from stacks.catalogue.interpreter_places import Places, candidates


def places(root: Path, running: Path = Path("/nonexistent")) -> Places:
    return Places(
        path=(root / "shims", root / "bin"),
        versions=(root / "pyenv",),
        managed=(root / "uv",),
        prefixes=(root / "usr", root / "opt"),
        running=running,
    )


def test_candidates_come_in_the_stated_order_newest_patch_first(tmp_path: Path) -> None:
    in_order = [
        "shims/python3.12",
        "bin/python3.12",
        "pyenv/3.12.10/bin/python3.12",
        "pyenv/3.12.9/bin/python3.12",
        "pyenv/3.12.11rc1/bin/python3.12",
        "uv/cpython-3.12.16-linux-x86_64-gnu/bin/python3.12",
        "uv/cpython-3.12.4-linux-x86_64-gnu/bin/python3.12",
        "uv/cpython-3.12.17+freethreaded-linux-x86_64-gnu/bin/python3.12",
        "usr/bin/python3.12",
        "opt/python3.12/bin/python3.12",
    ]
    for name in reversed(in_order):
        executable(tmp_path / name)
    executable(tmp_path / "pyenv/3.13.0/bin/python3.13")
    running = executable(tmp_path / "running")
    listed = [str(path.relative_to(tmp_path)) for path in candidates("3.12", places(tmp_path, running))]
    assert listed == [*in_order, "running"]


def test_a_file_that_cannot_be_run_is_left_out_and_no_file_comes_twice(tmp_path: Path) -> None:
    (tmp_path / "shims").mkdir()
    (tmp_path / "shims/python3.12").write_text("not executable")
    (tmp_path / "bin/python3.12").mkdir(parents=True)
    twice = executable(tmp_path / "usr/bin/python3.12")
    assert list(candidates("3.12", places(tmp_path, twice))) == [twice]


def test_the_usual_places_follow_the_variables_of_each_tool_and_then_its_default() -> None:
    environ = {"PATH": "/a::/b", "PYENV_ROOT": "/pyenv", "UV_PYTHON_INSTALL_DIR": "/uv", "XDG_DATA_HOME": "/data"}
    configured = Places.usual(environ, Path("/home/me"), Path("/running"))
    assert configured.path == (Path("/a"), Path("/b"))
    assert configured.versions[:2] == (Path("/pyenv/versions"), Path("/home/me/.pyenv/versions"))
    assert configured.managed == (Path("/uv"), Path("/data/uv/python"))
    assert {Path("/usr"), Path("/usr/local"), Path("/opt")} <= set(configured.prefixes)
    default = Places.usual({}, Path("/home/me"), Path("/running"))
    assert default.path == ()
    assert default.versions[0] == Path("/home/me/.pyenv/versions")
    assert default.managed == (Path("/home/me/.local/share/uv/python"),)


def test_a_build_without_a_gil_is_looked_for_by_its_own_names(tmp_path: Path) -> None:
    in_order = [
        "bin/python3.13t",
        "bin/python3.13-nogil",
        "pyenv/3.13.9t/bin/python3.13t",
        "uv/cpython-3.13.4+freethreaded-linux-x86_64-gnu/bin/python3.13t",
        "opt/cp313-cp313t/bin/python3.13t",
        "usr/bin/python3.13-nogil",
    ]
    for name in ("bin/python3.13", "pyenv/3.13.10/bin/python3.13", *in_order):
        executable(tmp_path / name)
    listed = {str(path.relative_to(tmp_path)) for path in candidates("3.13t", places(tmp_path))}
    assert listed == set(in_order)
