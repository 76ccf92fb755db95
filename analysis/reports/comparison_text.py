"""The comparison of two results as text for a terminal, and as a page."""

from __future__ import annotations

from analysis.reports import page_templates
from analysis.reports.comparison import Difference, TwoResults

TEMPLATE = "comparison_page.html"


def answer(results: TwoResults) -> str:
    """Say whether B is worse than A, and where."""
    worse = [pair.after for pair in results.pairs if pair.is_worse]
    margin = f"more than the margin of {100 * results.margin:g} %"
    if worse:
        return f"B is worse than A by {margin} in {len(worse)} of {_pairs(results)}: {', '.join(worse)}."
    return f"B is not shown to be worse than A by {margin} in any of {_pairs(results)}."


def _pairs(results: TwoResults) -> str:
    count = len(results.pairs)
    return f"{count} {'pair' if count == 1 else 'pairs'} of cells"


def number(value: float | None, what: str) -> str:
    """Return a value of a difference: a hang rate in per cent, other numbers with three digits."""
    if value is None:
        return "-"
    return f"{100 * value:.1f} %" if what == "hang rate" else f"{value:.3g}"


def change(difference: Difference) -> str:
    """Return the change with its interval: in percentage points for a hang rate, otherwise as a factor."""
    if difference.change is None:
        return "-"
    values = [difference.change, difference.low, difference.high]
    if difference.what == "hang rate":
        words = ["" if value is None else f"{100 * value:+.1f}" for value in values]
        unit = " points"
    else:
        words = ["" if value is None else f"{value:.2f}" for value in values]
        unit = " times"
    return f"{words[0]}{unit}" + (f" (95 %: {words[1]} to {words[2]})" if words[1] else "")


def text(results: TwoResults) -> str:
    """Return the comparison as lines."""
    lines = [answer(results), f"A: {results.before}", f"B: {results.after}"]
    for pair in results.pairs:
        lines += ["", f"{pair.before} -> {pair.after}: {pair.verdict_before} -> {pair.verdict_after}"]
        for one in pair.differences:
            values = f"{number(one.before, one.what)} -> {number(one.after, one.what)}"
            lines.append(f"  {'WORSE ' if one.is_worse else ''}{one.what}: {values}, {change(one)}; {one.basis}")
    for side, names in (("A", results.only_before), ("B", results.only_after)):
        if names:
            lines += ["", f"only in {side}, so not compared: {', '.join(names)}"]
    return "\n".join(lines)


def page(results: TwoResults) -> str:
    """Return the comparison as an HTML page without scripts."""
    template = page_templates.environment().get_template(TEMPLATE)
    return template.render(results=results, answer=answer(results), number=number, change=change)
