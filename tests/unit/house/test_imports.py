"""Who may import whom, and what no source of the pack may do."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sources import FOLDERS, ROOT, STDLIB, imports, packages, sources, tree

OURS = {"stacks", "analysis", "locustfiles", "tests"}
EVERY = sources(*FOLDERS)
NOTEBOOKS = sorted(path for path in (ROOT / "notebooks").glob("*") if path.suffix in (".py", ".ipynb"))
LIFECYCLE = {"stacks", "stacks.lifecycle"}
READS_FILES = ("records", "losses")
SENT = {"stacks.lifecycle.records"}  # what the recorder needs of it


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


ROOMS = sorted(path.parent for folder in ("stacks", "analysis") for path in (ROOT / folder).glob("*/__init__.py"))


def notebook(path: Path) -> ast.Module:
    """The code of a notebook, whether it is kept as cells or as text."""
    if path.suffix == ".py":
        return tree(path)
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    lines = [line for cell in cells for line in "".join(cell["source"]).splitlines()]
    return ast.parse("\n".join(line for line in lines if line[:1] not in "%!"))


def below(modules: set[str], package: str, depth: int = 2) -> set[str]:
    """Those of `modules` that are `package` or stand in it, without the names imported from a module."""
    found = {module for module in modules if module == package or module.startswith(f"{package}.")}
    return {".".join(module.split(".")[:depth]) for module in found}


def test_every_room_imports_only_rooms_below_it() -> None:
    """The table of the rooms stands in pyproject.toml."""
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize("room", ROOMS, ids=name)
def test_a_room_says_in_a_sentence_what_it_is_for_and_whom_it_may_import(room: Path) -> None:
    text = ast.get_docstring(tree(room / "__init__.py")) or ""
    assert text
    assert "import" in text


def test_the_walk_sees_every_form_of_import() -> None:
    code = "import a.b\nfrom c import d\ndef f():\n    from e.f import g\n    from . import h\n"
    found = imports(ast.parse(code), "pkg")
    assert {"a.b", "c", "c.d", "e.f", "e.f.g", "pkg", "pkg.h"} == found


def test_there_is_something_to_look_at() -> None:
    assert len(sources("stacks/observe/collectors")) >= 7
    assert len(EVERY) > 40


@pytest.mark.parametrize("path", sources("stacks/apps"), ids=name)
def test_an_app_needs_nothing_but_the_standard_library(path: Path) -> None:
    assert packages(tree(path)) <= STDLIB


@pytest.mark.parametrize("path", sources("stacks"), ids=name)
def test_the_measuring_half_knows_neither_the_analysis_nor_the_load_generator(path: Path) -> None:
    assert not packages(tree(path)) & {"analysis", "locust", "gevent", "geventhttpclient", "locustfiles"}


@pytest.mark.parametrize("path", sources("analysis"), ids=name)
def test_the_analysis_knows_only_the_file_contract_and_the_judge(path: Path) -> None:
    assert not packages(tree(path)) & {"locust", "gevent", "geventhttpclient", "locustfiles"}
    assert below(imports(tree(path)), "stacks") <= LIFECYCLE


@pytest.mark.parametrize("path", sources("stacks/lifecycle"), ids=name)
def test_what_crosses_brings_nothing_else_along(path: Path) -> None:
    assert below(imports(tree(path)), "stacks") <= LIFECYCLE
    assert packages(tree(path)) - {"stacks"} <= STDLIB
    assert imports(tree(ROOT / "stacks/__init__.py")) == imports(tree(ROOT / "stacks/lifecycle/__init__.py")) == set()


@pytest.mark.parametrize("path", sources("stacks/lifecycle"), ids=name)
def test_nor_the_clock_files_or_processes_of_this_machine(path: Path) -> None:
    wanted = {"time", "subprocess", "socket", "threading", "signal", "random", "datetime"}
    if path.stem not in READS_FILES:
        wanted |= {"os", "pathlib", "io"}
    assert not packages(tree(path)) & wanted


@pytest.mark.parametrize("path", sources("locustfiles"), ids=name)
def test_the_load_generator_knows_only_the_file_contract(path: Path) -> None:
    assert "analysis" not in packages(tree(path))
    known = below(imports(tree(path)), "stacks", 3)
    if path.parent.name == "workers_ui":  # it judges live, by the one judge there is
        assert all(module.startswith("stacks.lifecycle.") for module in known)
    else:
        assert known <= SENT
    if path.parent.name == "locustfiles":
        assert "stacks" not in packages(tree(path))


@pytest.mark.parametrize("package", ["stacks", "analysis"])
def test_loading_it_loads_none_of_what_it_must_not_know(package: str) -> None:
    code = (
        f"import importlib, pkgutil, sys, {package} as p\n"
        "for m in pkgutil.walk_packages(p.__path__, p.__name__ + '.'):\n"
        "    if not m.name.startswith('stacks.apps') and not m.name.endswith('__main__'):\n"
        "        importlib.import_module(m.name)\n"
        "print(*{n.split('.')[0] for n in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert package in loaded
    assert not loaded & {"locust", "gevent", "geventhttpclient"}
    assert ("analysis" in loaded) is (package == "analysis")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_a_notebook_imports_only_the_analysis_and_defines_nothing(path: Path) -> None:
    module = notebook(path)
    assert not packages(module) & {"stacks", "locust", "gevent", "geventhttpclient", "locustfiles"}
    defined = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
    assert [node.lineno for node in ast.walk(module) if isinstance(node, defined)] == []


@pytest.mark.parametrize("path", EVERY, ids=name)
class TestRules:
    def test_no_bare_except(self, path: Path) -> None:
        handlers = [node for node in ast.walk(tree(path)) if isinstance(node, ast.ExceptHandler)]
        assert [handler.lineno for handler in handlers if handler.type is None] == []

    def test_nothing_is_signalled_by_name(self, path: Path) -> None:
        assert not re.search(r"killall|pkill|pgrep", path.read_text())

    def test_no_fixed_port(self, path: Path) -> None:
        ports = [
            node.args[0]
            for node in ast.walk(tree(path))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("bind", "connect", "connect_ex")
            and node.args
        ]
        fixed = [
            address.elts[1]
            for address in ports
            if isinstance(address, ast.Tuple) and isinstance(address.elts[-1], ast.Constant) and address.elts[1].value
        ]
        assert fixed == []
        assert not re.search(r"(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):[1-9]\d", path.read_text())

    def test_it_says_what_it_is(self, path: Path) -> None:
        assert ast.get_docstring(tree(path))


@pytest.mark.parametrize("path", sorted((ROOT / "stacks").glob("*.ini")), ids=name)
def test_no_fixed_port_in_a_stack(path: Path) -> None:
    # 127.0.0.1 is an address, and a hook names a signal by its number.
    assert not re.search(r"(?<!unix_signal):\d{2,}(?!\.)", path.read_text())


@pytest.mark.parametrize("path", [ROOT / "Makefile", ROOT / ".ci/run"], ids=name)
def test_nor_are_processes_signalled_by_name_from_the_makefile(path: Path) -> None:
    assert not re.search(r"killall|pkill|pgrep", path.read_text())
