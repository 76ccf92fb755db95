"""Draws a watched uWSGI as text of any width: a line for the instance, a line for each worker, a sparkline of respawns.

On a narrow terminal the less important columns are left out; from 20 columns on, everything that is left fits.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Sequence

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from stacks.watch.view import HUNG, IDLE, LEAVING, SERVING, STARTING, InstanceView, WorkerView

STYLES = {SERVING: "green", IDLE: "dim", STARTING: "yellow", LEAVING: "yellow", HUNG: "bold red"}
BARS = " ▁▂▃▄▅▆▇█"
WIDE = 160  # where there is no terminal
ROWS_AROUND = 10  # lines of the live view that are no workers
REASONS = 4  # so many workers that hang are described


def duration(seconds: float | None) -> str:
    """Return a duration in three or four characters, such as 40ms, 3.2s, 12m, 5h, 3d; '-' for None."""
    if seconds is None:
        return "-"
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    for limit, divisor, unit in ((10, 1, "s"), (100, 1, "s"), (6000, 60, "m"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / divisor:.{1 if limit == 10 else 0}f}{unit}"
    return f"{seconds / 86400:.0f}d"


def _pid(worker: WorkerView) -> str:
    return str(worker.pid) if worker.inner_pid is None else f"{worker.pid} ({worker.inner_pid} inside)"


def _respawn(worker: WorkerView) -> str:
    last = worker.last_respawn
    if last is None:
        return "-"
    return f"{duration(last.vacant_s)} + {duration(last.start_s)}"


# Column -> its text, and the width of terminal from which on it is shown.
COLUMNS: dict[str, tuple[Callable[[WorkerView], str], int]] = {
    "worker": (lambda worker: "?" if worker.slot is None else str(worker.slot), 0),
    "state": (lambda worker: worker.state, 0),
    "for": (lambda worker: duration(worker.state_s), 30),
    "pid": (_pid, 38),
    "requests": (lambda worker: "-" if worker.requests is None else str(worker.requests), 50),
    "cpu": (lambda worker: "-" if worker.cpu is None else f"{worker.cpu * 100:.0f} %", 60),
    "age": (lambda worker: duration(worker.age_s), 70),
    "memory": (lambda worker: "-" if worker.rss_kib is None else f"{worker.rss_kib / 1024:.0f} MB", 80),
    "respawns": (lambda worker: str(worker.respawns), 90),
    "vacant + start": (_respawn, 105),
}


def spark(history: Sequence[int], width: int) -> str:
    """Return respawns a second as bars; the highest one stands for the largest number."""
    shown = list(history)[-max(1, width) :]
    most = max([*shown, 1])
    return "".join(BARS[-(-count * (len(BARS) - 1) // most)] for count in shown)


def draw(view: InstanceView, width: int, selected: int = 0, height: int = 10_000) -> Group:
    """Return the picture of one instance. `selected` is the pid of the worker that is marked.

    If there are more workers than lines, those that hang or are selected, and then the first ones, are shown.
    """
    table = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="bold", expand=False)
    columns = {name: text for name, (text, least) in COLUMNS.items() if width >= least}
    for name in columns:
        right = name not in ("state",)
        table.add_column(name if width >= 40 else name[:3], justify="right" if right else "left", no_wrap=True)
    rows: list[Text | Table] = [_headline(view, width), table]
    shown = _most_important(view.workers, max(3, height - ROWS_AROUND), selected)
    for worker in shown:
        style = STYLES[worker.state] + (" reverse" if worker.pid == selected else "")
        table.add_row(*(Text(text(worker), style) for text in columns.values()))
    if len(shown) < len(view.workers):
        rows.append(Text(f"and {len(view.workers) - len(shown)} more workers", "dim"))
    hung = [worker for worker in shown if worker.state == HUNG]
    rows += [Text(f"worker {worker.slot}: {_reason(worker)}", "red") for worker in hung[:REASONS]]
    if view.master_hang:
        rows.append(Text(view.master_hang, "bold red"))
    if any(view.respawn_history):
        bars = spark(view.respawn_history, width - 12)
        rows.append(Text(f"respawns {bars}", no_wrap=True, overflow="crop"))
    rows += [Text(f"cannot see: {blind.text}", "magenta") for blind in view.blind]
    return Group(*rows)


def _most_important(workers: Sequence[WorkerView], most: int, selected: int) -> list[WorkerView]:
    if len(workers) <= most:
        return list(workers)
    ranked = sorted(workers, key=lambda worker: (worker.pid != selected, worker.state != HUNG))
    chosen = {worker.pid for worker in ranked[:most]}
    return [worker for worker in workers if worker.pid in chosen]


def _reason(worker: WorkerView) -> str:
    return f"{worker.reason}. {worker.evidence}" if worker.evidence else worker.reason


def _headline(view: InstanceView, width: int) -> Text:
    inside = f" ({view.master_inner_pid} inside its container)" if view.master_inner_pid is not None else ""
    text = Text(f"{view.name}", "bold")
    text.append(f"  master {view.master_pid}{inside}", "")
    text.append(f", {len(view.workers)} workers")
    if view.hung:
        text.append(f", {view.hung} HUNG", "bold red")
    if view.doing:
        text.append(f", {view.doing}", "yellow")
    for queue in view.queues or ():
        style = "bold red" if queue.waiting > queue.limit > 0 else ""
        text.append(f", {queue.waiting} of {queue.limit} wait on {queue.address}", style)
    total = sum(view.respawns.values())
    if total:
        causes = ", ".join(f"{count} {cause}" for cause, count in sorted(view.respawns.items()))
        text.append(f", {total} respawns in {duration(view.watched_s)} ({causes})")
    if view.ready_s:
        times = sorted(view.ready_s)
        text.append(f", ready after {duration(times[len(times) // 2])}")
    return text


def print_tables(views: Sequence[InstanceView]) -> None:
    """Print the pictures to stdout, in colour if it is a terminal."""
    width = shutil.get_terminal_size((WIDE, 24)).columns if sys.stdout.isatty() else WIDE
    console = Console(width=width, highlight=False)
    for view in views:
        console.print(draw(view, width))
