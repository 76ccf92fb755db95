"""The notebooks: they only read, they run on the golden runs, and their pages need no other file."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
import pytest

from analysis.__main__ import main
from analysis.reports.notebook_execution import NotebookError, read, sources
from analysis.reports.notebook_page import render
from tests.patience import LIMIT_S

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "data" / "runs"
NOTEBOOKS = sources(ROOT / "notebooks")
NAMES = {"one_run", "fixed_against_unfixed", "respawn_timing", "capacity_plan", "plain_pandas"}
PAGES_WITHOUT_PICTURES = {"plain_pandas", "capacity_plan"}  # the golden runs carry no capacity curve


def test_there_are_five():
    assert {path.stem for path in NOTEBOOKS} == NAMES


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_for_reading(path):
    """A notebook defines no functions or classes, and imports nothing of the pack but the analysis."""
    tree = ast.parse(path.read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    assert not [node for node in ast.walk(tree) if isinstance(node, kinds)]
    modules = {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {
        name.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
    }
    own = {"analysis"} if path.stem != "plain_pandas" else set()
    assert modules <= {"sys", "pathlib", "json", "pandas"} | own


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_results_is_a_parameter(path, tmp_path):
    book = read(path, tmp_path)
    assert [cell.source for cell in book.cells if "parameters" in cell.metadata.get("tags", [])] == [
        f"RESULTS = {str(tmp_path)!r}"
    ]
    assert [cell.id for cell in book.cells][:2] == ["cell-0", "cell-1"]


def test_a_notebook_without_the_parameter_is_refused(tmp_path):
    path = tmp_path / "other.py"
    path.write_text("# %%\nRESULT = 1\n")
    with pytest.raises(NotebookError, match="RESULTS"):
        read(path, tmp_path)


def test_an_unknown_name_lists_the_others(tmp_path, capsys):
    assert main(["notebooks", str(tmp_path), "--only", "nothing"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert all(name in line for name in NAMES)
    assert main(["notebooks", str(tmp_path / "nowhere")]) == 1


@pytest.fixture(scope="session")
def executed(once: Callable[[str, Callable[[Path], None]], Path]) -> Callable[[str], Path]:
    """Return a function that executes a notebook on the golden runs. It returns the folder of its page and its .ipynb.

    The tests share one execution of each notebook, and only read its files: a kernel needs seconds of CPU.
    """

    def folder_of(name: str) -> Path:
        def execute(folder: Path) -> None:
            shutil.copytree(GOLDEN, folder / "runs")
            assert main(["notebooks", str(folder / "runs"), "--only", name]) == 0

        return once(f"notebook-{name}", execute) / "runs" / "notebooks"

    return folder_of


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_notebook_runs_on_the_golden_runs(executed, name):
    """Its page shows neither objects, nor words of pandas, nor text that is cut off, and needs no other file."""
    folder = executed(name)
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}.html", f"{name}.ipynb"]
    page = (folder / f"{name}.html").read_text()
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    alts = re.findall(r"<img [^>]*alt=\"([^\"]*)\"", page)
    assert all(len(alt) > 30 for alt in alts)
    assert alts or name in PAGES_WITHOUT_PICTURES
    assert render(nbformat.read(folder / f"{name}.ipynb", as_version=4), name) == page
    text = re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)
    outputs = " ".join(re.findall(r'<div class="output">(.*?)</div>', text, flags=re.DOTALL))
    words = re.sub(r"<[^>]*>", " ", outputs)
    assert len(words) > 100
    assert not re.search(r"\binf\b|&lt;NA&gt;|\bNaN\b|\bNone\b|\.\.\.|IPython|_p\s+0\.0\b", words)


def test_pages_show_sentences_and_neither_objects_nor_backticks(executed):
    """The golden runs carry no capacity curve, so the notebook says this in a sentence."""
    page = (executed("capacity_plan") / "capacity_plan.html").read_text()
    assert "IPython" not in page
    assert "There is no capacity curve" in page
    assert "`" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_a_notebook_runs_in_another_program(tmp_path):
    """nbmake executes one in a folder beside `analysis` and `stacks`, without the pack's own command."""
    book = read(ROOT / "notebooks" / "respawn_timing.py", GOLDEN)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    (tmp_path / "notebooks").mkdir()
    notebook = tmp_path / "notebooks" / "respawn_timing.ipynb"
    nbformat.write(jupytext.reads(jupytext.writes(book, "py:percent"), "py:percent"), notebook)
    (tmp_path / "analysis").symlink_to(ROOT / "analysis")
    (tmp_path / "stacks").symlink_to(ROOT / "stacks")
    command = [sys.executable, "-m", "pytest", "--nbmake", "-q", "-p", "no:cacheprovider", "-c", "/dev/null"]
    ended = subprocess.run(
        [*command, f"--rootdir={tmp_path}", notebook],
        cwd=tmp_path,
        env={"PATH": str(Path(sys.executable).parent), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 passed" in ended.stdout


def test_a_notebook_that_fails_is_named(tmp_path, capsys):
    assert main(["notebooks", str(tmp_path), "--only", "respawn_timing"]) == 1
    err = capsys.readouterr().err
    assert "respawn_timing.py" in err
    assert "holds no run" in err
