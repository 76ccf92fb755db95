"""Notebooks in py:percent -> executed .ipynb and HTML in the results, with RESULTS set to where the runs are.

nbclient and not papermill, which only warns of a parameter that the notebook does not have.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

FOLDER = "notebooks"
PARAMETER = "RESULTS"
CELL_LIMIT_S = 300
TEMPLATE = "notebook.html"


class NotebookError(Exception):
    """A notebook that could not be executed; the text names it and its error."""


def sources(folder: Path, only: str | None = None) -> list[Path]:
    """The notebooks, or the one asked for. Raises NotebookError with the names there are."""
    found = sorted(folder.glob("*.py"))
    if only is None:
        return found
    chosen = [path for path in found if path.stem == only.removesuffix(".py")]
    if not chosen:
        raise NotebookError(f"no notebook {only}; there are: {', '.join(path.stem for path in found)}")
    return chosen


def read(path: Path, results: Path) -> Any:
    """The notebook with its RESULTS replaced, and ids that do not change from run to run."""
    import jupytext  # type: ignore[import-untyped]

    book = jupytext.read(path)
    assign = re.compile(rf"^{PARAMETER} = .*$", re.MULTILINE)
    replaced = 0
    for number, cell in enumerate(book.cells):
        cell["id"] = f"cell-{number}"
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", []):
            cell.source, count = assign.subn(lambda _: f"{PARAMETER} = {str(results)!r}", cell.source)
            replaced += count
    if replaced != 1:
        raise NotebookError(
            f"{path}: needs one cell tagged `parameters` with one line {PARAMETER} = ..., has {replaced}"
        )
    return book


def execute(path: Path, results: Path, to: Path) -> list[Path]:
    """Run one notebook and write it as .ipynb and HTML."""
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
        extra_arguments=["--log-level=ERROR"],  # every start warns of TCP otherwise
    )
    try:
        client.execute()
    except CellExecutionError as error:
        last = str(error).strip().splitlines()[-1]
        raise NotebookError(f"{path.name}: {last}") from None
    to.mkdir(parents=True, exist_ok=True)
    notebook, page = to / f"{path.stem}.ipynb", to / f"{path.stem}.html"
    notebook.write_text(nbformat.writes(book) + "\n", encoding="utf-8")  # type: ignore[no-untyped-call]
    page.write_text(html(book, path.stem), encoding="utf-8")
    return [notebook, page]


def html(book: Any, title: str) -> str:
    """One page without scripts or anything outside itself, which nbconvert's own templates are not."""
    from nbconvert.filters import Highlight2HTML, markdown2html

    from analysis.reports import campaign_page

    highlight: Any = Highlight2HTML(pygments_lexer="python3")  # type: ignore[no-untyped-call]
    cells: list[dict[str, Any]] = []
    for cell in book.cells:
        if cell.cell_type == "markdown":
            cells.append({"kind": "markdown", "text": markdown2html(cell.source)})
        elif cell.cell_type == "code":
            outputs = [shown for output in cell.outputs if (shown := _output(output)) is not None]
            cells.append({"kind": "code", "text": highlight(cell.source), "outputs": outputs})
    heading = next((line[2:] for c in book.cells for line in c.source.splitlines() if line.startswith("# ")), title)
    return campaign_page.templates().get_template(TEMPLATE).render(cells=cells, title=heading)


def _output(output: Any) -> dict[str, str] | None:
    """The best form of one output."""
    if output.output_type == "stream":
        return {"kind": "text", "text": output.text}
    data = output.get("data", {})
    if "image/png" in data:
        about = output.get("metadata", {}).get("image/png", {})
        return {"kind": "image", "text": data["image/png"].strip(), "alt": about.get("alt", "")}
    if "text/html" in data:
        return {"kind": "html", "text": data["text/html"]}
    return {"kind": "text", "text": data["text/plain"]} if "text/plain" in data else None


def execute_all(folder: Path, results: Path, only: str | None = None) -> list[Path]:
    """Every notebook, one after the other."""
    return [path for source in sources(folder, only) for path in execute(source, results, results / FOLDER)]
