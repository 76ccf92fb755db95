"""Makes the HTML page of an executed notebook: no scripts, and no other file is needed.

nbconvert's own templates load scripts and styles from the network.
"""

from __future__ import annotations

from typing import Any

from analysis.reports.page_templates import code_in_html, environment

TEMPLATE = "notebook_page.html"


def render(book: Any, name: str) -> str:
    """The HTML of a notebook; its title is the first heading, or `name` where it has none."""
    from nbconvert.filters import Highlight2HTML, markdown2html

    highlight: Any = Highlight2HTML(pygments_lexer="python3")  # type: ignore[no-untyped-call]
    cells: list[dict[str, Any]] = []
    for cell in book.cells:
        if cell.cell_type == "markdown":
            cells.append({"kind": "markdown", "text": markdown2html(cell.source)})
        elif cell.cell_type == "code":
            outputs = [shown for output in cell.outputs if (shown := _output(output)) is not None]
            cells.append({"kind": "code", "text": highlight(cell.source), "outputs": outputs})
    headings = (line[2:] for c in book.cells for line in c.source.splitlines() if line.startswith("# "))
    return environment().get_template(TEMPLATE).render(cells=cells, title=next(headings, name))


def _output(output: Any) -> dict[str, str] | None:
    """The form of an output that says most: a picture, then HTML, then Markdown as HTML, then plain text."""
    from nbconvert.filters import markdown2html

    if output.output_type == "stream":
        return {"kind": "text", "text": output.text}
    data = output.get("data", {})
    if "image/png" in data:
        about = output.get("metadata", {}).get("image/png", {})
        return {"kind": "image", "text": data["image/png"].strip(), "alt_text": about.get("alt", "")}
    if "text/html" in data:
        return {"kind": "html", "text": code_in_html(data["text/html"])}
    if "text/markdown" in data:
        return {"kind": "html", "text": markdown2html(data["text/markdown"])}
    return {"kind": "text", "text": data["text/plain"]} if "text/plain" in data else None
