"""Executes the notebooks on results: py:percent sources in, an .ipynb and an HTML page for each notebook out.

nbclient executes them. papermill would only warn of a parameter that a notebook does not have.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from analysis.reports.notebook_page import render

FOLDER = "notebooks"  # in the results directory
PARAMETER = "RESULTS"
CELL_LIMIT_S = 300


class NotebookError(Exception):
    """A notebook that could not be executed. The text names the notebook and its error."""


def execute_all(folder: Path, results: Path, only: str | None = None) -> list[Path]:
    """Execute the notebooks of `folder`, or the one called `only`, and return the paths of the files written."""
    return [path for source in sources(folder, only) for path in execute(source, results, results / FOLDER)]


def sources(folder: Path, only: str | None = None) -> list[Path]:
    """The notebooks of `folder`, or the one called `only`. Raises NotebookError with the names that there are."""
    paths = sorted(folder.glob("*.py"))
    if only is None:
        return paths
    chosen = [path for path in paths if path.stem == only.removesuffix(".py")]
    if not chosen:
        raise NotebookError(f"there is no notebook {only}; there are: {', '.join(path.stem for path in paths)}")
    return chosen


def read(path: Path, results: Path) -> Any:
    """The notebook with RESULTS set to `results`, and with ids that are the same in every execution.

    Raises NotebookError if it does not have exactly one line `RESULTS = ...` in a cell with the tag `parameters`.
    """
    import jupytext  # type: ignore[import-untyped]

    book = jupytext.read(path)
    assignment = re.compile(rf"^{PARAMETER} = .*$", re.MULTILINE)
    replaced = 0
    for number, cell in enumerate(book.cells):
        cell["id"] = f"cell-{number}"
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", []):
            cell.source, count = assignment.subn(lambda _: f"{PARAMETER} = {str(results)!r}", cell.source)
            replaced += count
    if replaced != 1:
        raise NotebookError(
            f"{path}: needs one cell with the tag `parameters` and one line {PARAMETER} = ... in it; it has {replaced}"
        )
    return book


def execute(path: Path, results: Path, to: Path) -> list[Path]:
    """Execute one notebook on `results` and write it into `to` as .ipynb and HTML. Raises NotebookError."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    book = read(path, results)
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    client = NotebookClient(
        book,
        timeout=CELL_LIMIT_S,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=ERROR"],  # without it, the kernel warns at every start that it uses TCP
    )
    try:
        client.execute()
    except CellExecutionError as error:
        last_line = str(error).strip().splitlines()[-1]
        raise NotebookError(f"{path.name}: {last_line}") from None
    to.mkdir(parents=True, exist_ok=True)
    notebook, page = to / f"{path.stem}.ipynb", to / f"{path.stem}.html"
    notebook.write_text(nbformat.writes(book) + "\n", encoding="utf-8")  # type: ignore[no-untyped-call]
    page.write_text(render(book, path.stem), encoding="utf-8")
    return [notebook, page]
