"""What each room may import, and what no file of the pack may do.

- An app in `stacks/apps/` imports only the standard library.
- `stacks/lifecycle/` imports only itself and the standard library, without clocks, processes and sockets. Only
  six of its modules touch files: `records`, `reading`, `schema_check`, `losses`, `pack_fault` and `disk_room`.
- The other rooms of `stacks/` import the rooms below them. The table is `[tool.importlinter]` in pyproject.toml. They
  import neither `analysis`, nor `locustfiles`, nor Locust and gevent.
- The rooms of `analysis/` import the rooms below them, by the same table, and of `stacks` only `stacks.lifecycle`.
- A scenario in `locustfiles/` imports nothing of `stacks` and `analysis`, so it runs with Locust alone.
- `locustfiles/fast_client/` and `locustfiles/recording/` import of `stacks` only `stacks.lifecycle.records`.
- `stacks/listen/` imports only itself and the standard library, because both of the next use it.
- `locustfiles/workers_ui/` imports of `stacks` only `stacks.lifecycle`, because it judges a run that is under way, and
  `stacks.listen`, because it has a web page.
- A notebook imports only `analysis`, and defines no function or class.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sources import FOLDERS, ROOT, STDLIB, imports, packages, sources, tree

OURS = {"stacks", "analysis", "locustfiles", "tests"}
LOAD_GENERATOR = {"locust", "gevent", "geventhttpclient"}
LIFECYCLE = {"stacks", "stacks.lifecycle"}
CONSOLE = {"stacks.console"}
RECORDS = {"stacks.lifecycle.records"}
READ_FILES = (
    "records",
    "reading",
    "schema_check",
    "losses",
    "pack_fault",
    "disk_room",
    "text_files",
)  # the modules of the lifecycle that read or write files
OUTSIDE_WORLD = {"time", "subprocess", "socket", "threading", "signal", "random", "datetime"}
FILES = {"os", "pathlib", "io"}

EVERY_SOURCE = sources(*FOLDERS)
NOTEBOOKS = sorted(path for path in (ROOT / "notebooks").glob("*") if path.suffix in (".py", ".ipynb"))
ROOMS = sorted(path.parent for folder in FOLDERS for path in (ROOT / folder).glob("*/__init__.py"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def notebook_code(path: Path) -> ast.Module:
    """Return the code of a notebook, which is a Python file or a file of cells."""
    if path.suffix == ".py":
        return tree(path)
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    lines = [line for cell in cells for line in "".join(cell["source"]).splitlines()]
    return ast.parse("\n".join(line for line in lines if line[:1] not in "%!"))


def modules_of(package: str, path: Path, depth: int = 2) -> set[str]:
    """Return the modules of `package` that a file imports, cut after `depth` names."""
    found = imports(tree(path))
    of_package = {module for module in found if module == package or module.startswith(f"{package}.")}
    return {".".join(module.split(".")[:depth]) for module in of_package}


# -- the rooms ------------------------------------------------------------------------------------


def test_a_room_imports_only_rooms_below_it() -> None:
    """The table of the rooms is `[tool.importlinter]` in pyproject.toml."""
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
def test_a_room_says_what_it_is_for_and_what_it_may_import(room: Path) -> None:
    text = ast.get_docstring(tree(room / "__init__.py")) or ""
    assert text
    assert "import" in text


# -- stacks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sources("stacks/apps"), ids=name)
def test_an_app_imports_nothing_of_the_pack_and_only_a_library_app_a_package(path: Path) -> None:
    assert not packages(tree(path)) & OURS
    assert packages(tree(path)) <= STDLIB or path.parent.name == "libraries"


@pytest.mark.parametrize("path", sources("stacks"), ids=name)
def test_stacks_imports_neither_the_analysis_nor_the_load_generator(path: Path) -> None:
    generators = set() if path.parent.name == "libraries" else LOAD_GENERATOR  # an app may use gevent
    assert not packages(tree(path)) & {"analysis", "locustfiles", *generators}


@pytest.mark.parametrize("path", sources("stacks/lifecycle"), ids=name)
def test_the_lifecycle_imports_only_itself_and_the_standard_library(path: Path) -> None:
    assert modules_of("stacks", path) <= LIFECYCLE
    assert packages(tree(path)) - {"stacks"} <= STDLIB


@pytest.mark.parametrize("path", sources("stacks/listen") + sources("stacks/console"), ids=name)
def test_the_guard_and_the_console_import_only_themselves_and_the_standard_library(path: Path) -> None:
    assert modules_of("stacks", path) <= {"stacks", f"stacks.{path.parent.name}"}
    assert packages(tree(path)) - {"stacks"} <= STDLIB


@pytest.mark.parametrize("package", ["stacks", "stacks/lifecycle"])
def test_importing_the_lifecycle_imports_no_other_room(package: str) -> None:
    assert imports(tree(ROOT / package / "__init__.py")) == set()


@pytest.mark.parametrize("path", sources("stacks/lifecycle"), ids=name)
def test_the_lifecycle_uses_no_clock_no_process_and_almost_no_file(path: Path) -> None:
    forbidden = OUTSIDE_WORLD if path.stem in READ_FILES else OUTSIDE_WORLD | FILES
    assert not packages(tree(path)) & forbidden


# -- analysis -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sources("analysis"), ids=name)
def test_the_analysis_imports_only_the_lifecycle_and_the_console_and_no_load_generator(path: Path) -> None:
    assert not packages(tree(path)) & {"locustfiles", *LOAD_GENERATOR}
    assert modules_of("stacks", path) <= LIFECYCLE | CONSOLE


@pytest.mark.parametrize("package", ["stacks", "analysis"])
def test_importing_a_package_loads_nothing_that_it_may_not_import(package: str) -> None:
    """The test imports every module, so it also sees what an imported library imports."""
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
    assert not loaded & LOAD_GENERATOR
    assert ("analysis" in loaded) is (package == "analysis")


# -- locustfiles ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", sources("locustfiles"), ids=name)
def test_no_locustfile_imports_the_analysis(path: Path) -> None:
    assert "analysis" not in packages(tree(path))


@pytest.mark.parametrize("path", sorted((ROOT / "locustfiles").glob("*.py")), ids=name)
def test_a_scenario_imports_nothing_of_stacks(path: Path) -> None:
    assert "stacks" not in packages(tree(path))


@pytest.mark.parametrize("path", sources("locustfiles/fast_client", "locustfiles/recording"), ids=name)
def test_the_client_and_the_recorder_import_only_the_records_and_the_faults_of_stacks(path: Path) -> None:
    assert modules_of("stacks", path, depth=3) <= RECORDS | {"stacks.lifecycle.pack_fault"}


@pytest.mark.parametrize("path", sources("locustfiles/workers_ui"), ids=name)
def test_the_web_ui_imports_only_the_lifecycle_and_the_guard_of_stacks(path: Path) -> None:
    allowed = ("stacks.lifecycle.", "stacks.listen.")
    assert all(module.startswith(allowed) for module in modules_of("stacks", path, depth=3))


def test_every_folder_of_locustfiles_has_a_rule() -> None:
    folders = {path.parent.relative_to(ROOT / "locustfiles").parts[:1] for path in sources("locustfiles")}
    assert folders == {(), ("fast_client",), ("recording",), ("workers_ui",)}


# -- notebooks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_a_notebook_imports_only_the_analysis_and_defines_nothing(path: Path) -> None:
    module = notebook_code(path)
    assert not packages(module) & {"stacks", "locustfiles", *LOAD_GENERATOR}
    definitions = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
    assert [node.lineno for node in ast.walk(module) if isinstance(node, definitions)] == []


# -- every file -----------------------------------------------------------------------------------


def offenders(is_wrong: Callable[[Path], object]) -> list[str]:
    """Return the files of the pack for which `is_wrong` holds. One test for all of them takes a tenth of the time."""
    return [name(path) for path in EVERY_SOURCE if is_wrong(path)]


def test_no_bare_except() -> None:
    def has_one(path: Path) -> bool:
        return any(isinstance(node, ast.ExceptHandler) and node.type is None for node in ast.walk(tree(path)))

    assert offenders(has_one) == []


def test_no_process_is_signalled_by_its_name() -> None:
    assert offenders(lambda path: re.search(r"killall|pkill|pgrep", path.read_text())) == []


def has_fixed_port(path: Path) -> bool:
    """Return True if a file binds or connects to a port that its text names."""
    addresses = [
        node.args[0]
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("bind", "connect", "connect_ex")
        and node.args
    ]
    is_fixed = any(
        isinstance(address, ast.Tuple) and isinstance(address.elts[-1], ast.Constant) and address.elts[1].value
        for address in addresses
    )
    return is_fixed or bool(re.search(r"(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):[1-9]\d", path.read_text()))


def test_no_port_is_fixed() -> None:
    assert offenders(has_fixed_port) == []


def test_every_file_has_a_docstring() -> None:
    assert offenders(lambda path: not ast.get_docstring(tree(path))) == []


@pytest.mark.parametrize("path", sorted((ROOT / "stacks").glob("*.ini")), ids=name)
def test_no_port_is_fixed_in_a_stack(path: Path) -> None:
    # Two other texts look like a port: 127.0.0.1 is an address, and a hook has the number of a signal.
    assert not re.search(r"(?<!unix_signal):\d{2,}(?!\.)", path.read_text())


@pytest.mark.parametrize("path", [ROOT / "Makefile", ROOT / ".ci/run"], ids=name)
def test_no_process_is_signalled_by_its_name_in_the_makefile(path: Path) -> None:
    assert not re.search(r"killall|pkill|pgrep", path.read_text())


# -- these tests themselves -----------------------------------------------------------------------


def test_every_form_of_import_is_found() -> None:
    code = "import a.b\nfrom c import d\ndef f():\n    from e.f import g\n    from . import h\n"
    assert imports(ast.parse(code), "pkg") == {"a.b", "c", "c.d", "e.f", "e.f.g", "pkg", "pkg.h"}


def test_there_are_sources_to_look_at() -> None:
    assert len(sources("stacks/observe/collectors")) >= 7
    assert len(EVERY_SOURCE) > 40
    assert len(ROOMS) >= 16
