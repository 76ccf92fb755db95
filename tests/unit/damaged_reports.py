"""Makes the reports of a campaign with one damaged file, and says what went wrong."""

from __future__ import annotations

import contextlib
import io
import random
import signal
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from damage import damage, make_campaign

from analysis.__main__ import main
from analysis.frames.campaigns import load_campaign
from analysis.frames.results import load
from analysis.reports import summary_table
from analysis.reports.campaign_page import render
from analysis.summary.summary import summarise
from stacks.check.measurement import read_measurement
from stacks.lifecycle.records import RecordError

# The golden runs of the pack's own campaigns. Each tenth campaign has a second run.
NAMES = ("recovers", "hung_worker", "hung_exit", "hung_master", "hung_request", "throttled", "invalid", "crash_loop")
BESIDE = "dead_master"
READERS = ("table", "results", "check")
REPORTS = ("page", "summary", "report")
FILES = ("run.json", "events.jsonl", "requests.parquet", "samples.parquet", "campaign.json", "stack.ini")
CPU_LIMIT_S = 30.0  # of one way to read one input, which takes 0.1 s: a loop without end
LIMIT_S = 900  # of the same, for a wait without end: the machine may be busy with something else
# What the reports write beside the results.
WRITTEN = {"summary.json", "report.html", "capacity.html", "capacity.json", "capacity.pdf"}


def show_table(campaign: Path) -> None:
    """Read a campaign and print its table."""
    with contextlib.suppress(RecordError):
        loaded = load_campaign(campaign)
        summary_table.show(summarise(loaded))


def load_results(campaign: Path) -> None:
    """Read a campaign as a capacity plan does."""
    with contextlib.suppress(RecordError):
        load(campaign)


def measure(campaign: Path) -> None:
    """Read every run as a check does."""
    for run in sorted(file.parent for file in campaign.glob("*/run.json")):
        with contextlib.suppress(RecordError):
            read_measurement(run)


def show_page(campaign: Path) -> None:
    """Make the page of a campaign."""
    with contextlib.suppress(RecordError):
        loaded = load_campaign(campaign)
        render(loaded, summarise(loaded)).encode()


def command(name: str) -> Callable[[Path], None]:
    """Return the function that runs a command of the analysis."""

    def run(campaign: Path) -> None:
        main([name, str(campaign)])

    return run


WAYS: dict[str, Callable[[Path], None]] = {
    "table": show_table,
    "results": load_results,
    "check": measure,
    "page": show_page,
    "summary": command("summary"),
    "report": command("report"),
}


def faults(folder: Path, seed: int, ways: tuple[str, ...]) -> list[str]:
    """Damage one file of a new campaign in `folder` as `seed` says, and report it in these ways.

    Return one line for each traceback, hang, text that cannot be written, and file that has changed.
    """
    chance = random.Random(seed)
    campaign = make_campaign(folder, (chance.choice(NAMES), BESIDE) if seed % 10 == 0 else (chance.choice(NAMES),))
    path = chance.choice(sorted(path for path in campaign.rglob("*") if path.name in FILES))
    what = f"seed {seed}, {path.parent.name}/{path.name}, {damage(path, chance)}"
    before = contents(campaign)
    found = []
    for way in ways:
        try:
            with limit(), captured() as (out, err):
                WAYS[way](campaign)
                text = out.getvalue() + err.getvalue()
            text.encode()
            assert "a fault of the pack" not in text, text[-300:]
        except (Exception, SystemExit) as error:
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if ".venv" not in frame.filename]
            place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
            found.append(f"{way}: {type(error).__name__} at {place}: {str(error)[:150]!r} ({what})")
    after = contents(campaign)
    found += [f"changed: {name} ({what})" for name in before if after.get(name) != before[name]]
    return found


def contents(campaign: Path) -> dict[str, bytes]:
    """Return every recorded file."""
    files = (path for path in campaign.rglob("*") if path.is_file() and path.name not in WRITTEN)
    return {str(path.relative_to(campaign)): path.read_bytes() for path in files}


@contextlib.contextmanager
def captured() -> Iterator[tuple[io.StringIO, io.StringIO]]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        yield out, err


@contextlib.contextmanager
def limit() -> Iterator[None]:
    """Raise TimeoutError in the block after LIMIT_S, or CPU_LIMIT_S of CPU time."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError("hangs")

    before = [(number, signal.signal(number, stop)) for number in (signal.SIGALRM, signal.SIGPROF)]
    signal.alarm(LIMIT_S)
    signal.setitimer(signal.ITIMER_PROF, CPU_LIMIT_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        for number, handler in before:
            signal.signal(number, handler)
