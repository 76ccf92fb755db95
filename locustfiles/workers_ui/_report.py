"""The section of the workers in Locust's pages: all of it is in the page, or served beside it."""

import json
from pathlib import Path

FILES = Path(__file__).resolve().parent / "web"


def before_end(html, text):
    """Put `text` at the end of the body. The last one: Locust's script has another `</body>` in it."""
    head, tag, tail = html.rpartition("</body>")
    return f"{head}{text}{tag}{tail}" if tag else html + text


def inject(html):
    """The page of the web UI: our script beside Locust's."""
    return before_end(
        html,
        '<link rel="stylesheet" href="./workers/static/workers.css">'
        '<script src="./workers/static/workers.js"></script>'
        '<script src="./workers/static/live.js"></script>',
    )


def section(html, state):
    """A report: the section with its data, style and script inside."""
    style = (FILES / "workers.css").read_text(encoding="utf-8")
    script = (FILES / "workers.js").read_text(encoding="utf-8")
    data = json.dumps(state, separators=(",", ":")).replace("</", "<\\/")
    return before_end(
        html,
        f'<style>{style}</style><div id="uwsgi-workers-report"></div>'
        f'<script type="application/json" id="uwsgi-workers-data">{data}</script>'
        f'<script>{script}\nWorkers.report("uwsgi-workers-report", "uwsgi-workers-data");</script>',
    )
