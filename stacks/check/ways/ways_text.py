"""The ways as text for people: in a few lines what comes back and what does not, and one table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from stacks.check.ways.taken import TakenWay
from stacks.check.ways.way import STOP
from stacks.lifecycle.way_results import CAME_BACK

HEAD = ("way", "verdict", "over after", "answered nothing", "answered less", "lost", "new code")
INDENT = "  "


def ways_lines(ways: Sequence[TakenWay]) -> list[str]:
    """Return what does not come back and why, what comes back, and what was not taken. `ways` come worst first."""
    failing = [taken for taken in ways if taken.result.fails]
    lines = _failures("does NOT come back", (taken for taken in failing if taken.way.kind != STOP))
    lines += _failures("does NOT stop when asked", (taken for taken in failing if taken.way.kind == STOP))
    sound = [taken for taken in ways if taken.result.verdict in CAME_BACK]
    back = _names("comes back", (taken for taken in sound if taken.way.kind != STOP))
    back += _names("stops when asked", (taken for taken in sound if taken.way.kind == STOP))
    lines += ["; ".join(back)] if back else []
    old_code = [taken for taken in sound if taken.result.new_code is False]
    lines += _names("comes back with the OLD code, because the master had loaded it before", old_code)
    lines += _names("loses requests", (taken for taken in sound if taken.cause), with_reason=True)
    others = (taken for taken in ways if taken.result.verdict in ("invalid", "not_taken"))
    return lines + _names("not measured", others, with_reason=True)


def _failures(title: str, ways: Iterable[TakenWay]) -> list[str]:
    """Return one line with the names of the ways, by verdict and reason."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for taken in ways:
        reasons.setdefault((taken.result.verdict, taken.result.reason), []).append(taken.way.name)
    texts = [f"{', '.join(names)} ({verdict}: {reason})" for (verdict, reason), names in reasons.items()]
    return [f"{title}: {'; '.join(texts)}"] if texts else []


def _names(title: str, ways: Iterable[TakenWay], *, with_reason: bool = False) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for taken in ways:
        reasons.setdefault(taken.result.reason if with_reason else "", []).append(taken.way.name)
    texts = [", ".join(names) + (f" ({reason})" if reason else "") for reason, names in reasons.items()]
    return [f"{title}: {', '.join(texts)}"] if texts else []


def table_lines(ways: Sequence[TakenWay]) -> list[str]:
    """Return the table of the ways that were taken. `ways` are in the order worst first."""
    rows = [HEAD, *(table_row(taken) for taken in ways if taken.result.verdict != "not_taken")]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        INDENT + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def table_row(taken: TakenWay) -> tuple[str, ...]:
    """Return the cells of a way in the table, in the order of HEAD."""
    result = taken.result
    lost = ", ".join(f"{count} {kind}" for kind, count in result.lost.items()) or "none"
    code = {True: "yes", False: "NO", None: "-"}[result.new_code]
    name = f"{taken.way.name} x{result.times}" if result.times > 1 else taken.way.name
    return (
        name,
        result.verdict,
        _seconds(result.ended_s),
        "to the end" if result.fails and result.nothing_s else _seconds(result.nothing_s),
        _seconds(result.less_s),
        lost,
        code,
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"
