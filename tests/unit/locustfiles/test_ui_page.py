"""The pages of the web UI: where the part about workers is, that no data can break out of it, and its style."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "locustfiles"))
from workers_ui._report import FILES, before_end, inject, section


def test_the_section_is_inserted_before_the_last_end_of_the_body() -> None:
    page = "<body><script>'</body>'</script></body></html>"
    assert before_end(page, "!") == "<body><script>'</body>'</script>!</body></html>"
    assert before_end("no end", "!") == "no end!"


def test_data_cannot_end_the_script_of_a_report() -> None:
    page = section("<body></body>", {"error": "</script><b>"})
    assert "</script><b>" not in page
    data = page.split('id="uwsgi-workers-data">')[1].split("</script>")[0]
    assert json.loads(data) == {"error": "</script><b>"}


def test_the_pages_load_nothing_from_other_servers() -> None:
    page = inject("<body></body>") + section("<body></body>", {})
    assert "http" not in page.replace("http:\\/\\/127\\.0\\.0\\.1", "")


def test_the_style_has_no_rule_inside_a_selector() -> None:
    """A browser drops such a rule: the tab once lost its font and the text colour of the dark theme."""
    style = re.sub(r"/\*.*?\*/", "", (FILES / "workers.css").read_text(), flags=re.DOTALL)
    assert style.count("{") == style.count("}")
    assert not re.search(r"[^\s{};][^{};]*@", style)
