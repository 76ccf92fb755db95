"""Shows the results of `make bench`: as lines, as the table of the README, and as a page in the form of the reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from analysis.reports.page_templates import environment

TEMPLATE = """{% set title = "The pack measures itself" %}
{% include "head.html" %}
</style>
</head>
<body>
<main>
<h1>The pack measures itself</h1>
{% for part in parts %}
<h2>{{ part.what }}</h2>
<p class="meta">{{ host(part) }}</p>
{% if part.skipped %}
<p>Not measured: {{ part.skipped }}</p>
{% else %}
<div class="wide" tabindex="0" role="region" aria-label="{{ part.part }}">
<table>
<thead><tr><th scope="col">number</th><th scope="col" class="number">value</th><th scope="col">interval</th>
<th scope="col">must be</th></tr></thead>
<tbody>
{% for one in part.numbers %}
<tr><th scope="row">{{ one.name }}{% if not one.is_reached %}<small class="bad">X missed</small>{% endif %}</th>
<td class="number">{{ value(one) }}</td><td>{{ interval(one) }}</td><td>{{ limit(one) }}</td></tr>
{% endfor %}
</tbody>
</table>
</div>
{% endif %}
{% endfor %}
</main>
</body>
</html>
"""


def value(number: dict[str, Any]) -> str:
    """Return a value with its unit."""
    unit = "" if number["unit"] == "ratio" else f" {number['unit']}"
    return f"{number['value']:.3g}{unit}"


def interval(number: dict[str, Any]) -> str:
    """Return the interval, and what it is."""
    if number["low"] is None:
        return "none"
    return f"{number['low']:.3g} to {number['high']:.3g} ({number['basis']})"


def limit(number: dict[str, Any]) -> str:
    """Return what the number must reach; '' if it is only shown."""
    low, high = number["at_least"], number["at_most"]
    if low is not None and high is not None:
        return f"{low:.3g} to {high:.3g}"
    return f"at least {low:.3g}" if low is not None else f"at most {high:.3g}" if high is not None else ""


def host(part: dict[str, Any]) -> str:
    """Return the machine and the versions of a result."""
    machine, versions = part["host"], part["versions"]
    packages = ", ".join(f"{name} {number}" for name, number in versions.items())
    kernel = machine["kernel"].partition("-")[0]
    return f"{machine['cpu'] or machine['machine']}, {machine['cores']} cores, Linux {kernel}; {packages}"


def lines(part: dict[str, Any]) -> str:
    """Return a part as lines for a terminal."""
    return "\n".join(_lines(part))


def _lines(part: dict[str, Any]) -> Iterator[str]:
    yield f"{part['part']}: {part['what']} ({part['seconds']:.0f} s)"
    if part["skipped"]:
        yield f"  skipped: {part['skipped']}"
    for number in part["numbers"]:
        wanted = limit(number)
        words = f", must be {wanted}: {'reached' if number['is_reached'] else 'MISSED'}" if wanted else ""
        yield f"  {number['name']}: {value(number)}, {interval(number)}{words}"


def table(parts: list[dict[str, Any]]) -> str:
    """Return the numbers that have a limit as a table in Markdown, with the machine."""
    rows = ["| part | number | measured | interval | must be |", "|---|---|---|---|---|"]
    for part in parts:
        for number in part["numbers"]:
            if limit(number):
                low_high = "" if number["low"] is None else f"{number['low']:.3g} to {number['high']:.3g}"
                rows.append(f"| {part['part']} | {number['name']} | {value(number)} | {low_high} | {limit(number)} |")
    return "\n".join([*rows, "", *sorted({f"Measured on {host(part)}." for part in parts})])


def page(parts: list[dict[str, Any]]) -> str:
    """Return the HTML page."""
    template = environment().from_string(TEMPLATE)
    return template.render(parts=parts, value=value, interval=interval, limit=limit, host=host)
