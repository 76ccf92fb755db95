"""Adds the part about workers to Locust's pages: files beside the web UI, and one section inside a report."""

import json
from pathlib import Path

FILES = Path(__file__).resolve().parent / "web"


def before_end(html, text):
    """Insert `text` before the last `</body>`: Locust's script contains another `</body>`."""
    head, tag, tail = html.rpartition("</body>")
    return f"{head}{text}{tag}{tail}" if tag else html + text


def inject(html):
    """Return the page of the web UI with the style and the scripts of the Workers tab."""
    return before_end(
        html,
        '<link rel="stylesheet" href="./workers/static/workers.css">'
        '<script src="./workers/static/workers.js"></script>'
        '<script src="./workers/static/live.js"></script>',
    )


def section(html, state):
    """Return a report with a section about the workers. The section contains its data, style and script."""
    style = (FILES / "workers.css").read_text(encoding="utf-8")
    script = (FILES / "workers.js").read_text(encoding="utf-8")
    # `</script>` would end the script, and after `<!--<script` a browser would not see its end.
    data = json.dumps(state, separators=(",", ":")).replace("<", "\\u003c")
    return before_end(
        html,
        f'<style>{style}</style><div id="uwsgi-workers-report"></div>'
        f'<script type="application/json" id="uwsgi-workers-data">{data}</script>'
        f'<script>{script}\nWorkers.report("uwsgi-workers-report", "uwsgi-workers-data");</script>',
    )
